//! `eyes.*` and `mouth.*` on real photos: one that is as the standard wants it there, two that smile.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::sync::LazyLock;

use gradphoto::check::Status;
use gradphoto::profile::builtin;
use gradphoto::{Engine, Input, Report};
use image::{ImageFormat, Rgb};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

fn check(bytes: &[u8]) -> Report {
    ENGINE.check(Input { bytes, name: Some("a.jpg"), captured_before: None }, &builtin("zikao-graduation").unwrap())
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/sample-photos/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn status(report: &Report, id: &str) -> Status {
    report.check(id).unwrap_or_else(|| panic!("{id} is not in the report")).status
}

#[test]
fn a_plain_portrait_passes() {
    for name in ["grace_hopper.jpg", "hopper-derived-480x640.jpg"] {
        let report = check(&sample(name));
        for id in ["eyes.open", "eyes.gaze", "eyes.red", "mouth.closed"] {
            assert_eq!(status(&report, id), Status::Pass, "{name}: {:?}", report.check(id));
        }
    }
}

#[test]
fn a_smile_with_teeth_is_no_closed_mouth() {
    for name in ["astronaut.png", "样例-蓝底.jpg"] {
        let report = check(&sample(name));
        let mouth = report.check("mouth.closed").unwrap();
        assert_eq!(mouth.status, Status::Fail, "{name}");
        assert!(mouth.message.en.contains("teeth") && mouth.message.zh.contains("牙齿"), "{:?}", mouth.message);
        for id in ["eyes.open", "eyes.gaze", "eyes.red"] {
            assert_eq!(status(&report, id), Status::Pass, "{name}: {:?}", report.check(id));
        }
    }
}

/// The sample with something drawn about each pupil; `paint` takes the way from the pupil over the distance of both.
fn painted(paint: impl Fn(f64, f64, Rgb<u8>) -> Rgb<u8>) -> Report {
    let bytes = sample("样例-蓝底.jpg");
    let face = check(&bytes).face.unwrap();
    let mut rgb = ENGINE.read(Input { bytes: &bytes, name: None, captured_before: None }).1.unwrap().into_rgb();
    let (left, right) = (face.eye_left, face.eye_right);
    let ied = (right.x - left.x).hypot(right.y - left.y);
    for eye in [left, right] {
        for (x, y, pixel) in rgb.enumerate_pixels_mut() {
            let (dx, dy) = ((f64::from(x) + 0.5 - eye.x) / ied, (f64::from(y) + 0.5 - eye.y) / ied);
            *pixel = paint(dx, dy, *pixel);
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    rgb.write_to(&mut png, ImageFormat::Png).unwrap();
    check(&png.into_inner())
}

#[test]
fn red_pupils_are_found() {
    let report = painted(|dx, dy, pixel| if dx.hypot(dy) < 0.06 { Rgb([190, 30, 35]) } else { pixel });
    assert_eq!(status(&report, "eyes.red"), Status::Fail);
}

#[test]
fn eyes_without_an_opening_are_not_open() {
    // Skin over the whole eye, and the line where the lids meet.
    let report = painted(|dx, dy, pixel| {
        let lid = (dx / 0.3).powi(2) + (dy / 0.13).powi(2) < 1.0;
        let line = dx.abs() < 0.22 && (dy - 0.05 + dx * dx).abs() < 0.012;
        match (lid, line) {
            (true, true) => Rgb([70, 50, 45]),
            (true, false) => Rgb([205, 160, 140]),
            _ => pixel,
        }
    });
    assert_ne!(status(&report, "eyes.open"), Status::Pass, "{:?}", report.check("eyes.open"));
}
