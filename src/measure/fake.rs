//! A drawn portrait with a mesh that fits it, for the tests of measures and checks.

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::skin::{BROWS, EYES, LIPS, NOSTRILS, OVAL};
use crate::face::{Detection, Face, LANDMARKS, Pose};
use crate::facts::Missing;
use crate::scene::lab::{Lab, LabImage};
use crate::scene::{Background, MaskSource, Scene, Work};
use crate::units::{Point, Rect};

/// The registry's light blue.
pub(crate) const BLUE: Rgb<u8> = Rgb([100, 197, 255]);

/// The face of [`portrait`]: eyes at (240, 290), 230 pixels wide.
pub(crate) fn face() -> Face {
    face_at(Point::new(240.0, 290.0), 230.0)
}

/// A face by the middle of its eyes and its width.
pub(crate) fn face_at(eyes: Point, width: f64) -> Face {
    let at = |x: f64, y: f64| Point::new(eyes.x + x * width, eyes.y + y * width);
    let mut mesh = vec![at(0.0, 0.2); LANDMARKS];
    let mut ring = |indices: &[usize], x: f64, y: f64, rx: f64, ry: f64, start: f64| {
        for (i, &index) in indices.iter().enumerate() {
            let angle = start + std::f64::consts::TAU * i as f64 / indices.len() as f64;
            mesh[index] = at(x + rx * angle.cos(), y + ry * angle.sin());
        }
    };
    let (up, left, right) = (-std::f64::consts::FRAC_PI_2, std::f64::consts::PI, 0.0);
    ring(&OVAL, 0.0, 0.16, 0.5, 0.66, up);
    for (side, start, eye, brow) in [(-1.0, left, &EYES[0], &BROWS[0]), (1.0, right, &EYES[1], &BROWS[1])] {
        ring(eye, side * 0.23, 0.0, 0.10, 0.035, start);
        ring(brow, side * 0.23, -0.13, 0.13, 0.025, start);
    }
    ring(&LIPS, 0.0, 0.53, 0.18, 0.07, left);
    ring(&NOSTRILS, 0.0, 0.36, 0.11, 0.03, left);
    for (i, index) in [168, 6, 197, 195, 5, 4].into_iter().enumerate() {
        mesh[index] = at(0.0, 0.05 * i as f64);
    }
    for (index, x) in [(50, -0.3), (205, -0.26), (117, -0.3), (280, 0.3), (425, 0.26), (346, 0.3)] {
        mesh[index] = at(x, 0.25);
    }
    let detection = Detection {
        bounds: Rect::from_edges(at(-0.5, 0.0).x, at(0.0, -0.4).y, at(0.5, 0.0).x, at(0.0, 0.8).y),
        score: 0.9,
        keypoints: [eyes; 6],
    };
    Face {
        detection,
        depth: vec![0.0; LANDMARKS],
        score: 1.0,
        pupils: [at(-0.23, 0.0), at(0.23, 0.0)],
        cheeks: [at(-0.5, 0.2), at(0.5, 0.2)],
        chin: at(0.0, 0.82),
        pose: Pose::default(),
        irises: [None; 2],
        mesh,
    }
}

/// Row of pixels at which the shoulders of [`portrait`] begin.
const SHOULDERS: f64 = 500.0;

/// What [`portrait`] shows at a pixel.
fn shows(x: u32, y: u32) -> Shown {
    let (dx, dy) = (f64::from(x) + 0.5 - 240.0, f64::from(y) + 0.5 - 320.0);
    let head = (dx / 120.0).powi(2) + (dy / 190.0).powi(2) < 1.0;
    let eye = ((dx.abs() - 53.0) / 23.0).powi(2) + ((dy + 30.0) / 8.0).powi(2) < 1.0;
    match () {
        () if eye && (dx.abs() - 53.0).hypot(dy + 30.0) < 8.0 => Shown::Iris,
        () if eye => Shown::EyeWhite,
        () if head && dy < -120.0 => Shown::Hair,
        () if head || (dx.abs() < 60.0 && dy > 0.0 && f64::from(y) < SHOULDERS) => Shown::Skin,
        () if f64::from(y) >= SHOULDERS + 0.3 * (dx.abs() - 60.0).max(0.0) => Shown::Cloth,
        () => Shown::Background,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Background,
    Hair,
    Skin,
    EyeWhite,
    Iris,
    Cloth,
}

/// A head and shoulders on light blue, 480x640, in clothes of the colour `cloth` gives for each pixel.
pub(crate) fn portrait(cloth: impl Fn(u32, u32) -> Rgb<u8>) -> RgbImage {
    RgbImage::from_fn(480, 640, |x, y| match shows(x, y) {
        Shown::Background => BLUE,
        Shown::Hair => Rgb([40, 30, 25]),
        // Grain by which skin is told from paint.
        Shown::Skin => {
            let grain = ((x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)).wrapping_mul(2_654_435_761) >> 16) % 7;
            Rgb([208, 160, 135].map(|v| v + grain as u8))
        }
        Shown::EyeWhite => Rgb([205, 190, 186]),
        Shown::Iris => Rgb([60, 40, 30]),
        Shown::Cloth => cloth(x, y),
    })
}

/// The scene of [`portrait`], with the person as drawn.
pub(crate) fn scene(rgb: &RgbImage) -> Scene {
    let person = GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
        Luma([if shows(x, y) == Shown::Background { 0 } else { 255 }])
    });
    let background = Background {
        median: Lab::from_srgb(BLUE.0),
        share: 0.5,
        gradient_l: 0.0,
        gradient_ab: 0.0,
        shadow_share: 0.0,
        shadow_box: None,
        object_share: 0.0,
        object_box: None,
        noise_l: 0.0,
        plain: true,
    };
    Scene {
        borders: crate::measure::border::borders(rgb),
        work: Work { rgb: rgb.clone().into(), blocks: LabImage::of_blocks(rgb), scale: 1.0 },
        person,
        source: MaskSource::Color,
        background: Ok(background),
        head_top: Ok(130.0),
        hairline: Err(Missing::Hidden),
    }
}
