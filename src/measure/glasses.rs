//! Spectacles: dark lenses, reflections, frames across the eyes.

use image::RgbImage;

use super::components::components;
use super::plane::quantile;
use super::skin::EYES;
use crate::face::Face;
use crate::face::parser::{Class, HeadMap, Outline, around};
use crate::photo::crop::{Crop, Outside};
use crate::scene::lab::luminance;
use crate::units::{Point, Rect};

/// Half of the width and height of what a lens covers at least, about the pupil, in distances of the pupils, and how far
/// its middle lies below.
const LENS: [f64; 2] = [0.33, 0.24];
const BELOW: f64 = 0.04;

/// Cells of a lens's close-up along the distance of the pupils.
const FINE: f64 = 64.0;

/// Share of the surroundings of the eyes, 0 to 1, that has to be frame for there to be spectacles at all. Bare faces
/// reach 0.02, spectacles start at 0.10.
const WORN: f64 = 0.05;

/// The box around the places of both lenses, in the face's frame.
const LENSES: Rect = Rect { x: -0.5 - LENS[0], y: BELOW - LENS[1], width: 1.0 + 2.0 * LENS[0], height: 2.0 * LENS[1] };

/// Whether a point of the face's frame lies where a lens would.
fn on_lens(p: Point) -> bool {
    let x = (p.x.abs() - 0.5) / LENS[0];
    let y = (p.y - BELOW) / LENS[1];
    x * x + y * y < 1.0
}

/// Dark lenses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tint {
    /// Share of the lenses' place, 0 to 1, that looks like a dark lens.
    pub share: f64,
    /// Median luminance there over that of the cheeks.
    pub light: f64,
    /// Box around them, in original pixels.
    pub region: Option<Rect>,
}

/// Looks for dark lenses. `None` when the eyes lie outside of the photo.
pub fn tint(rgb: &RgbImage, map: &HeadMap, face: &Face) -> Option<Tint> {
    let share = map.share(LENSES, on_lens, &[Class::DarkLens])?;
    let median = |colors: Vec<[f32; 3]>| {
        let mut light: Vec<f32> = colors.iter().map(|c| luminance(c.map(|v| v.round() as u8))).collect();
        f64::from(quantile(&mut light, 0.5))
    };
    let lenses = median(face.pupils.iter().flat_map(|&pupil| CloseUp::of(rgb, face, pupil).lens()).collect());
    let cheeks =
        median([50, 280, 205, 425].iter().flat_map(|&i| CloseUp::of(rgb, face, face.mesh[i]).middle()).collect());
    Some(Tint {
        share,
        light: lenses / cheeks.max(0.004),
        region: map.bounds(on_lens, &[Class::DarkLens, Class::Frame]),
    })
}

/// Share of the place of both lenses, 0 to 1, that is frame or dark lens, and where. `None` when the eyes lie outside of
/// the photo.
pub fn worn_share(map: &HeadMap) -> Option<(f64, Option<Rect>)> {
    const SPECTACLES: [Class; 2] = [Class::Frame, Class::DarkLens];
    Some((map.share(LENSES, on_lens, &SPECTACLES)?, map.bounds(on_lens, &SPECTACLES)))
}

/// Whether spectacles are worn.
pub fn worn(map: &HeadMap) -> Option<bool> {
    Some(worn_share(map)?.0 >= WORN)
}

/// The largest reflection on a lens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Glare {
    /// Its share of the lens's place, 0 to 1.
    pub share: f64,
    /// Box around it, in original pixels.
    pub region: Option<Rect>,
}

/// Bright (V > 0.9), nearly colourless (S < 0.25) spots in front of the eyes. Only meaningful where spectacles are worn;
/// a pupil's catchlight is a few thousandths.
pub fn glare(rgb: &RgbImage, face: &Face) -> Glare {
    let mut largest = Glare::default();
    for &pupil in &face.pupils {
        let lens = CloseUp::of(rgb, face, pupil);
        let total = lens.inside.iter().filter(|inside| **inside).count();
        let mut mask: Vec<bool> = lens.colors.iter().zip(&lens.inside).map(|(&c, &inside)| inside && hot(c)).collect();
        for spot in components(&mut mask, lens.width) {
            let share = spot.area as f64 / total.max(1) as f64;
            if share > largest.share {
                let corners = [(spot.left, spot.top), (spot.right + 1, spot.bottom + 1)]
                    .map(|(x, y)| lens.crop.to_picture(Point::new(x as f64, y as f64)));
                let [a, b] = corners;
                let region = Rect::from_edges(a.x.min(b.x), a.y.min(b.y), a.x.max(b.x), a.y.max(b.y));
                largest = Glare { share, region: Some(region) };
            }
        }
    }
    largest
}

fn hot([r, g, b]: [f32; 3]) -> bool {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    max > 0.9 * 255.0 && max - min < 0.25 * max
}

/// Share of the eye openings, 0 to 1, that a frame crosses, and where.
pub fn frame(map: &HeadMap, face: &Face) -> Option<(f64, Option<Rect>)> {
    let eyes = EYES.map(|eye| Outline::of_mesh(map, &face.mesh, &eye, 1.1));
    let on_eyes = |p: Point| eyes.iter().any(|eye| eye.contains(p));
    Some((map.share(around(&eyes), on_eyes, &[Class::Frame])?, map.bounds(on_eyes, &[Class::Frame])))
}

/// The surroundings of a point at [`FINE`] cells to the distance of the pupils.
struct CloseUp {
    crop: Crop,
    width: usize,
    colors: Vec<[f32; 3]>,
    /// Cells that a lens about the point covers.
    inside: Vec<bool>,
}

impl CloseUp {
    fn of(rgb: &RgbImage, face: &Face, center: Point) -> Self {
        let [left, right] = face.pupils;
        let (half_width, half_height) = (LENS[0] * FINE, LENS[1] * FINE);
        let (width, height) = (2 * half_width.ceil() as usize, 2 * half_height.ceil() as usize);
        let middle = Point::new(width as f64 / 2.0, height as f64 / 2.0);
        let crop = Crop {
            center,
            anchor: Point::new(middle.x, middle.y - BELOW * FINE),
            scale: face.inter_eye_distance().max(1.0) / FINE,
            angle: (right.y - left.y).atan2(right.x - left.x),
        };
        let colors = crop.sampled(rgb, width, height, Outside::Repeated);
        let inside = (0..width * height).map(|i| {
            let x = ((i % width) as f64 + 0.5 - middle.x) / half_width;
            let y = ((i / width) as f64 + 0.5 - middle.y) / half_height;
            x * x + y * y < 1.0
        });
        Self { crop, width, inside: inside.collect(), colors }
    }

    fn lens(self) -> impl Iterator<Item = [f32; 3]> {
        self.colors.into_iter().zip(self.inside).filter(|(_, inside)| *inside).map(|(color, _)| color)
    }

    /// The innermost sixteenth: on a cheek, skin alone.
    fn middle(self) -> impl Iterator<Item = [f32; 3]> {
        let (w, h) = (self.width, self.colors.len() / self.width.max(1));
        let near = move |i: usize| (i % w).abs_diff(w / 2) <= w / 8 && (i / w).abs_diff(h / 2) <= h / 8;
        self.colors.into_iter().enumerate().filter(move |(i, _)| near(*i)).map(|(_, color)| color)
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::face::{Detection, LANDMARKS, Pose};

    fn face() -> Face {
        let [left, right] = [Point::new(180.0, 260.0), Point::new(300.0, 260.0)];
        let detection = Detection {
            bounds: Rect::from_edges(120.0, 160.0, 360.0, 420.0),
            score: 1.0,
            keypoints: [Point::default(); 6],
        };
        Face {
            detection,
            mesh: vec![Point::new(240.0, 330.0); LANDMARKS],
            depth: vec![0.0; LANDMARKS],
            score: 1.0,
            pupils: [left, right],
            cheeks: [left, right],
            chin: Point::new(240.0, 420.0),
            pose: Pose::default(),
            irises: [None; 2],
        }
    }

    #[test]
    fn a_white_spot_is_glare_and_skin_is_not() {
        let mut photo = RgbImage::from_pixel(480, 640, Rgb([215, 165, 140]));
        assert_eq!(glare(&photo, &face()).share, 0.0);
        for y in 255..275 {
            for x in 290..320 {
                photo.put_pixel(x, y, Rgb([252, 252, 250]));
            }
        }
        let found = glare(&photo, &face());
        let expected = 600.0 / (std::f64::consts::PI * 0.33 * 0.24 * 120.0 * 120.0);
        assert!((found.share - expected).abs() < 0.03, "{found:?}, expected {expected}");
        let region = found.region.expect("a box");
        assert!(region.iou(&Rect::from_edges(290.0, 255.0, 320.0, 275.0)) > 0.7, "{region:?}");
    }

    #[test]
    fn lenses_lie_about_the_pupils() {
        assert!(on_lens(Point::new(0.5, 0.0)) && on_lens(Point::new(-0.5, 0.1)));
        assert!(!on_lens(Point::new(0.0, 0.0)) && !on_lens(Point::new(0.5, 0.4)));
    }
}
