//! The face mesh: 468 points, carried back to original pixels, sub-pixel.

use image::RgbImage;

use super::net::{Net, NetError};
use super::{Detection, FINE_LANDMARKS, FINE_POINTS, LANDMARKS};
use crate::photo::crop::{Crop, Outside};
use crate::units::Point;

/// Side of the crop over the longer side of the detection (MediaPipe's face landmark graph).
const CROP: f64 = 1.5;

/// The mesh of one face.
#[derive(Debug, Clone)]
pub struct Mesh {
    /// [`LANDMARKS`] points in pixels of the picture; [`FINE_LANDMARKS`] of the fine net, of which only the [`FINE_POINTS`] are
    /// numbers.
    pub points: Vec<Point>,
    /// Depth of each, same unit, towards the camera negative.
    pub depth: Vec<f64>,
    /// Probability that the crop holds a face.
    pub score: f64,
}

/// The square around a detection, turned so that the eyes are level.
fn crop_of(detection: &Detection, side: usize) -> Crop {
    let bounds = detection.bounds;
    let [right_eye, left_eye, ..] = detection.keypoints;
    let middle = side as f64 / 2.0;
    Crop {
        center: bounds.center(),
        anchor: Point::new(middle, middle),
        scale: bounds.width.max(bounds.height) * CROP / side as f64,
        angle: (left_eye.y - right_eye.y).atan2(left_eye.x - right_eye.x),
    }
}

/// Runs the landmark net on a detected face.
///
/// # Errors
/// When the net cannot be run or answers in another shape than 468 points and a logit.
pub fn locate(rgb: &RgbImage, detection: &Detection, net: &dyn Net) -> Result<Mesh, NetError> {
    run(rgb, detection, net, LANDMARKS, 0..LANDMARKS)
}

/// Runs the fine landmark net on a detected face: its lids close with the eyes, its lips part with the mouth, and it
/// knows the irises.
///
/// # Errors
/// When the net cannot be run or answers in another shape than the points and a logit.
pub fn locate_fine(rgb: &RgbImage, detection: &Detection, net: &dyn Net) -> Result<Mesh, NetError> {
    run(rgb, detection, net, FINE_LANDMARKS, FINE_POINTS.into_iter())
}

/// A mesh of so many points, those of which the net gives are `given`.
fn run(
    rgb: &RgbImage,
    detection: &Detection,
    net: &dyn Net,
    points: usize,
    given: impl ExactSizeIterator<Item = usize>,
) -> Result<Mesh, NetError> {
    let side = net.input_shape()[1];
    let crop = crop_of(detection, side);
    let outputs = net.run(&mut crop.input(rgb, side, side, Outside::Black))?;
    let [coordinates, logit, ..] = outputs.as_slice() else {
        return Err(NetError { net: "face_landmark", reason: format!("gave {} outputs, not 2", outputs.len()) });
    };
    if coordinates.len() < given.len() * 3 || logit.is_empty() {
        return Err(NetError { net: "face_landmark", reason: format!("gave {} coordinates", coordinates.len()) });
    }
    let mut mesh = Mesh {
        points: vec![Point::new(f64::NAN, f64::NAN); points],
        depth: vec![f64::NAN; points],
        score: 1.0 / (1.0 + (-f64::from(logit[0])).exp()),
    };
    for (point, &[x, y, z]) in given.zip(coordinates.as_chunks().0) {
        mesh.points[point] = crop.to_picture(Point::new(f64::from(x), f64::from(y)));
        mesh.depth[point] = f64::from(z) * crop.scale;
    }
    Ok(mesh)
}
