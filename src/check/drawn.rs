//! Checks measured on drawn portraits and held against the national profile, for the tests of the families.

use image::RgbImage;

use super::{Check, Measured, Value};
use crate::face::{Face, Faces};
use crate::facts::{Facts, Missing};
use crate::limits::Limits;
use crate::measure::fake;
use crate::photo::{Photo, decode};
use crate::profile::{Canvas, Rule, builtin};
use crate::scene::Scene;

/// The check's measurement on `rgb` with the face of [`fake::portrait`].
pub(super) fn measure(check: &Check, rgb: &RgbImage) -> Result<Measured, Missing> {
    measure_face(check, rgb, fake::face())
}

pub(super) fn measure_face(check: &Check, rgb: &RgbImage, face: Face) -> Result<Measured, Missing> {
    measure_scene(check, rgb, face, &fake::scene(rgb))
}

pub(super) fn measure_scene(check: &Check, rgb: &RgbImage, face: Face, scene: &Scene) -> Result<Measured, Missing> {
    let photo = Photo { rgb: rgb.clone().into(), complete: 1.0 };
    let faces = Faces { detections: vec![face.detection.clone()], main: Some(face) };
    let (canvas, rule) = national(check);
    let file = decode(b"", None, &Limits::default()).0;
    let facts = Facts::new(&file, Ok(&photo), Ok(&faces), Ok(scene), canvas, crate::face::net::for_tests());
    (check.measure)(&facts, &rule)
}

fn national(check: &Check) -> (Canvas, Rule) {
    let profile = builtin("zikao-graduation").expect("the national profile loads");
    let rule = profile.rule(check.id).unwrap_or_else(|| panic!("the national profile does not ask for {}", check.id));
    (profile.canvas, rule.clone())
}

/// Whether a number is inside all limits of the national profile.
pub(super) fn passes(check: &Check, measured: &Measured) -> bool {
    let (_, rule) = national(check);
    match measured.value {
        Value::Number(value) => rule.fail.contains(value) && rule.warn.contains(value),
        Value::Word(_) => panic!("{} measured a word", check.id),
    }
}

/// Asserts that `good` passes and `bad` does not.
pub(super) fn tells(check: &Check, good: &RgbImage, bad: &RgbImage) {
    let [good, bad] = [good, bad].map(|rgb| measure(check, rgb).unwrap_or_else(|missing| panic!("{missing:?}")));
    assert!(passes(check, &good), "{} does not pass {good:?}", check.id);
    assert!(!passes(check, &bad), "{} passes {bad:?}", check.id);
}
