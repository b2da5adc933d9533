//! SeetaFace (crate `rustface`): the classical detector, to choose where a second opinion is wanted.
//!
//! A cascade over hand-made features and small nets (Wu, Kan, He, Shan, Chen 2016). It scans the full-size picture
//! first, so the picture is made small until the smallest face that matters is about 20 pixels. It gives boxes only; the
//! keypoints that the landmark crop needs are put where a level face has them. `docs/nets.md` compares it with the
//! default.

use image::RgbImage;
use rustface::{ImageData, Model};

use super::Detection;
use super::detect::Detector;
use super::net::NetError;
use crate::photo::resize::{FilterType, resized};
use crate::units::{Point, Rect};

/// Longer side of the reduced picture: faces down to an eighth of it are found.
const SIDE: u32 = 160;

/// Smallest face the cascade can see, in pixels.
const SMALLEST: u32 = 20;

/// Score from which a window is a face (the authors' recommendation between few false and few missed).
const MIN_SCORE: f64 = 2.0;

static WEIGHTS: &[u8] = include_bytes!("../../models/seeta_fd_frontal_v1.0.bin");

/// The SeetaFace detector.
pub struct SeetaFace {
    model: Model,
}

impl SeetaFace {
    /// The detector with its embedded weights.
    ///
    /// # Errors
    /// When the weights are damaged.
    pub fn embedded() -> Result<Self, NetError> {
        rustface::read_model(WEIGHTS)
            .map(|model| Self { model })
            .map_err(|e| NetError { net: "seetaface", reason: e.to_string() })
    }
}

impl Detector for SeetaFace {
    fn detect(&self, rgb: &RgbImage, region: Rect) -> Result<Vec<Detection>, NetError> {
        let x = region.x.max(0.0).floor();
        let y = region.y.max(0.0).floor();
        let width = region.right().min(f64::from(rgb.width())) - x;
        let height = region.bottom().min(f64::from(rgb.height())) - y;
        let scale = width.max(height) / f64::from(SIDE);
        let (w, h) = ((width / scale).round() as u32, (height / scale).round() as u32);
        if !(scale > 0.0) || w < SMALLEST || h < SMALLEST {
            return Ok(Vec::new());
        }
        let part = Rect { x, y, width, height };
        let Some(small) = resized(rgb, part, (w, h), FilterType::Bilinear) else { return Ok(Vec::new()) };
        // Luma of ITU-R BT.601, as the cascade was trained on.
        let luma: Vec<u8> = small
            .as_raw()
            .chunks_exact(3)
            .map(|p| ((299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2]) + 500) / 1000) as u8)
            .collect();
        let mut cascade = rustface::create_detector_with_model(self.model.clone());
        cascade.set_min_face_size(SMALLEST);
        cascade.set_score_thresh(MIN_SCORE);
        cascade.set_pyramid_scale_factor(0.8);
        cascade.set_slide_window_step(2, 2);
        let mut found: Vec<Detection> = cascade
            .detect(&ImageData::new(&luma, w, h))
            .iter()
            .map(|face| {
                let b = face.bbox();
                let bounds = Rect {
                    x: x + f64::from(b.x()) * scale,
                    y: y + f64::from(b.y()) * scale,
                    width: f64::from(b.width()) * scale,
                    height: f64::from(b.height()) * scale,
                };
                detection(bounds, face.score())
            })
            .collect();
        found.sort_by(|a, b| b.bounds.width.total_cmp(&a.bounds.width));
        Ok(found)
    }
}

/// A detection of a level face in `bounds`; the score, which has no upper end, is squeezed into 0..1.
fn detection(bounds: Rect, score: f64) -> Detection {
    let at = |u: f64, v: f64| Point::new(bounds.x + u * bounds.width, bounds.y + v * bounds.height);
    Detection {
        bounds,
        score: score / (score + 1.0),
        keypoints: [at(0.30, 0.40), at(0.70, 0.40), at(0.5, 0.6), at(0.5, 0.8), at(0.0, 0.5), at(1.0, 0.5)],
    }
}
