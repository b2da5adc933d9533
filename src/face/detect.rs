//! Face detection behind a trait: the short-range net by default, SeetaFace (rustface) to choose.

use image::RgbImage;

use super::Detection;
use super::net::{Net, NetError};
use crate::photo::resize::{FilterType, resized};
use crate::units::{Point, Rect};

/// Something that finds faces in a picture.
pub trait Detector: Send + Sync {
    /// Every face in `region` of the picture, after suppression of doubles, largest first, in pixels of the picture.
    /// Faces smaller than about a tenth of the region's longer side may be missed.
    ///
    /// # Errors
    /// When the net behind it cannot be run.
    fn detect(&self, rgb: &RgbImage, region: Rect) -> Result<Vec<Detection>, NetError>;
}

/// Smallest face probability that is taken for a face (MediaPipe's default for this net).
const MIN_SCORE: f32 = 0.5;

/// Detections that overlap by more are one face (MediaPipe's non-maximum suppression for this net).
const MAX_OVERLAP: f64 = 0.3;

/// MediaPipe's short-range face detector (BlazeFace, 128x128).
pub struct ShortRange {
    net: Box<dyn Net>,
    anchors: Vec<[f32; 2]>,
}

impl ShortRange {
    /// The detector on its net: 1x128x128x3 RGB in -1..1 -> 896x16 boxes and 896 logits.
    pub fn new(net: Box<dyn Net>) -> Self {
        Self { net, anchors: anchors() }
    }
}

/// Anchor centres in units of the input side: 16x16 cells with two anchors each, then 8x8 cells with six each.
fn anchors() -> Vec<[f32; 2]> {
    let layer = |cells: usize, each: usize| {
        (0..cells * cells * each).map(move |i| {
            let cell = i / each;
            [((cell % cells) as f32 + 0.5) / cells as f32, ((cell / cells) as f32 + 0.5) / cells as f32]
        })
    };
    layer(16, 2).chain(layer(8, 6)).collect()
}

impl Detector for ShortRange {
    fn detect(&self, rgb: &RgbImage, region: Rect) -> Result<Vec<Detection>, NetError> {
        let side = self.net.input_shape()[1];
        let Some((small, letterbox)) = letterboxed(rgb, region, side) else { return Ok(Vec::new()) };
        let outputs = self.net.run(&mut |y, row| letterbox.row(&small, y, row))?;
        let [boxes, logits] = outputs.as_slice() else {
            return Err(NetError { net: "face detector", reason: format!("gave {} outputs, not 2", outputs.len()) });
        };
        let mut found: Vec<Detection> = Vec::new();
        for ((row, &logit), anchor) in boxes.chunks_exact(16).zip(logits).zip(&self.anchors) {
            let score = 1.0 / (1.0 + (-logit).exp());
            if score < MIN_SCORE {
                continue;
            }
            // Rows are in input pixels relative to the anchor's centre.
            let place = |dx: f32, dy: f32| {
                letterbox.to_picture(f64::from(dx / side as f32 + anchor[0]), f64::from(dy / side as f32 + anchor[1]))
            };
            let center = place(row[0], row[1]);
            let (w, h) = (letterbox.length(row[2], side), letterbox.length(row[3], side));
            let keypoints = std::array::from_fn(|k| place(row[4 + 2 * k], row[5 + 2 * k]));
            let bounds = Rect { x: center.x - w / 2.0, y: center.y - h / 2.0, width: w, height: h };
            found.push(Detection { bounds, score: f64::from(score), keypoints });
        }
        Ok(suppressed(found))
    }
}

/// Where a square input lies in the picture.
struct Letterbox {
    origin: Point,
    side: f64,
    /// Left and top of what the picture fills of the input, in pixels of the input.
    inner: (usize, usize),
}

impl Letterbox {
    /// From units of the input's side to pixels of the picture.
    fn to_picture(&self, x: f64, y: f64) -> Point {
        Point::new(self.origin.x + x * self.side, self.origin.y + y * self.side)
    }

    /// A row of the input, black around the picture, -1 to 1.
    fn row(&self, small: &RgbImage, y: usize, row: &mut [f32]) {
        let (left, top) = self.inner;
        row.fill(-1.0);
        let width = 3 * small.width() as usize;
        let from = y.checked_sub(top).and_then(|y| small.as_raw().get(y * width..(y + 1) * width));
        for (to, &from) in row[3 * left..].iter_mut().zip(from.unwrap_or_default()) {
            *to = f32::from(from) / 127.5 - 1.0;
        }
    }

    fn length(&self, pixels: f32, input_side: usize) -> f64 {
        f64::from(pixels) / input_side as f64 * self.side
    }
}

/// The region made as large as fits into the middle of a square of `side`, and that square. `None` when the region has no
/// pixel in the picture.
fn letterboxed(rgb: &RgbImage, region: Rect, side: usize) -> Option<(RgbImage, Letterbox)> {
    let x0 = region.x.max(0.0).floor();
    let y0 = region.y.max(0.0).floor();
    let width = region.right().min(f64::from(rgb.width())) - x0;
    let height = region.bottom().min(f64::from(rgb.height())) - y0;
    if width < 2.0 || height < 2.0 {
        return None;
    }
    let longer = width.max(height);
    // Whole pixels of the input, so that the square's origin can be placed exactly.
    let fit = |length: f64| ((length / longer * side as f64).round() as u32).clamp(1, side as u32);
    let (w, h) = (fit(width), fit(height));
    let small = resized(rgb, Rect { x: x0, y: y0, width, height }, (w, h), FilterType::Bilinear)?;
    let (left, top) = ((side - w as usize) / 2, (side - h as usize) / 2);
    let scale = longer / side as f64;
    let origin = Point::new(x0 - left as f64 * scale, y0 - top as f64 * scale);
    Some((small, Letterbox { origin, side: longer, inner: (left, top) }))
}

/// Weighted non-maximum suppression: overlapping detections are averaged by their scores, which steadies the box.
fn suppressed(mut found: Vec<Detection>) -> Vec<Detection> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    while let Some(best) = found.first().cloned() {
        let (same, rest): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|other| best.bounds.iou(&other.bounds) > MAX_OVERLAP);
        kept.push(averaged(&best, &same));
        found = rest.into_iter().filter(|other| other != &best).collect();
    }
    kept.sort_by(|a, b| b.bounds.width.total_cmp(&a.bounds.width));
    kept
}

fn averaged(best: &Detection, same: &[Detection]) -> Detection {
    let total: f64 = same.iter().map(|d| d.score).sum();
    if total <= 0.0 {
        return best.clone();
    }
    let mean = |value: &dyn Fn(&Detection) -> f64| same.iter().map(|d| value(d) * d.score).sum::<f64>() / total;
    Detection {
        score: best.score,
        bounds: Rect {
            x: mean(&|d| d.bounds.x),
            y: mean(&|d| d.bounds.y),
            width: mean(&|d| d.bounds.width),
            height: mean(&|d| d.bounds.height),
        },
        keypoints: std::array::from_fn(|k| Point::new(mean(&|d| d.keypoints[k].x), mean(&|d| d.keypoints[k].y))),
    }
}
