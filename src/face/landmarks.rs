//! The face mesh: 468 points, carried back to original pixels, sub-pixel.

use image::RgbImage;

use super::net::{Net, NetError};
use super::{Detection, LANDMARKS};
use crate::units::Point;

/// Side of the crop over the longer side of the detection (MediaPipe's face landmark graph).
const CROP: f64 = 1.5;

/// The mesh of one face.
#[derive(Debug, Clone)]
pub struct Mesh {
    /// [`LANDMARKS`] points in pixels of the picture.
    pub points: Vec<Point>,
    /// Depth of each, same unit, towards the camera negative.
    pub depth: Vec<f64>,
    /// Probability that the crop holds a face.
    pub score: f64,
}

/// A square crop, turned: maps crop pixels to the picture.
#[derive(Debug, Clone, Copy)]
struct Crop {
    center: Point,
    /// Picture pixels per crop pixel.
    scale: f64,
    cos: f64,
    sin: f64,
    side: f64,
}

impl Crop {
    fn around(detection: &Detection, side: usize) -> Self {
        let bounds = detection.bounds;
        let [right_eye, left_eye, ..] = detection.keypoints;
        let angle = (left_eye.y - right_eye.y).atan2(left_eye.x - right_eye.x);
        let (sin, cos) = angle.sin_cos();
        let scale = bounds.width.max(bounds.height) * CROP / side as f64;
        Self { center: bounds.center(), scale, cos, sin, side: side as f64 }
    }

    fn to_picture(self, x: f64, y: f64) -> Point {
        let (dx, dy) = ((x - self.side / 2.0) * self.scale, (y - self.side / 2.0) * self.scale);
        Point::new(self.center.x + dx * self.cos - dy * self.sin, self.center.y + dx * self.sin + dy * self.cos)
    }
}

/// Runs the landmark net on a detected face.
///
/// # Errors
/// When the net cannot be run or answers in another shape than 468 points and a logit.
pub fn locate(rgb: &RgbImage, detection: &Detection, net: &dyn Net) -> Result<Mesh, NetError> {
    let side = net.input_shape()[1];
    let crop = Crop::around(detection, side);
    let outputs = net.run(sampled(rgb, &crop, side))?;
    let [coordinates, logit, ..] = outputs.as_slice() else {
        return Err(NetError { net: "face_landmark", reason: format!("gave {} outputs, not 2", outputs.len()) });
    };
    if coordinates.len() < LANDMARKS * 3 || logit.is_empty() {
        return Err(NetError { net: "face_landmark", reason: format!("gave {} coordinates", coordinates.len()) });
    }
    let rows = coordinates.chunks_exact(3).take(LANDMARKS);
    Ok(Mesh {
        points: rows.clone().map(|p| crop.to_picture(f64::from(p[0]), f64::from(p[1]))).collect(),
        depth: rows.map(|p| f64::from(p[2]) * crop.scale).collect(),
        score: 1.0 / (1.0 + (-f64::from(logit[0])).exp()),
    })
}

/// The crop's pixels by bilinear interpolation, 0..1; black outside the picture. When the picture is much finer than
/// the crop, each pixel is the mean of several samples, so that fine patterns do not alias.
fn sampled(rgb: &RgbImage, crop: &Crop, side: usize) -> Vec<f32> {
    let taps = (crop.scale / 2.0).ceil().clamp(1.0, 8.0) as usize;
    let weight = 1.0 / (255.0 * (taps * taps) as f32);
    // One step to the right and one down in the crop, in the picture; pixel centres lie at half.
    let step = 1.0 / taps as f64;
    let origin = crop.to_picture(step / 2.0, step / 2.0);
    let (dx, dy) = ((crop.cos * crop.scale * step) as f32, (crop.sin * crop.scale * step) as f32);
    let fine = side * taps;
    let mut out = vec![0.0f32; side * side * 3];
    for v in 0..fine {
        let down = v as f64 * step * crop.scale;
        let (x0, y0) = ((origin.x - down * crop.sin - 0.5) as f32, (origin.y + down * crop.cos - 0.5) as f32);
        let row = &mut out[v / taps * side * 3..][..side * 3];
        for u in 0..fine {
            let color = bilinear(rgb, x0 + u as f32 * dx, y0 + u as f32 * dy);
            for (sum, value) in row[u / taps * 3..].iter_mut().zip(color) {
                *sum += value * weight;
            }
        }
    }
    out
}

/// The colour at a point given in pixel centres, 0..255; black outside.
fn bilinear(rgb: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    if x <= -1.0 || y <= -1.0 || x >= w as f32 || y >= h as f32 {
        return [0.0; 3];
    }
    // Truncation is floor here, and far cheaper without a target feature for it.
    let (x0, y0) = ((x + 1.0) as usize, (y + 1.0) as usize);
    let (fx, fy) = (x + 1.0 - x0 as f32, y + 1.0 - y0 as f32);
    let (c0, c1) = (x0.saturating_sub(1) * 3, x0.min(w - 1) * 3);
    let (r0, r1) = (y0.saturating_sub(1) * w * 3, y0.min(h - 1) * w * 3);
    let raw = rgb.as_raw();
    let pixel = |i: usize| -> [f32; 3] { [f32::from(raw[i]), f32::from(raw[i + 1]), f32::from(raw[i + 2])] };
    let (a, b, c, d) = (pixel(r0 + c0), pixel(r0 + c1), pixel(r1 + c0), pixel(r1 + c1));
    std::array::from_fn(|k| {
        let (top, bottom) = (a[k] + (b[k] - a[k]) * fx, c[k] + (d[k] - c[k]) * fx);
        top + (bottom - top) * fy
    })
}
