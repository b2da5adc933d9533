//! From the picture to the cut-out signature: turned, scaled and freed of the paper in one resampling, in linear light.

use image::{Rgb, RgbImage};

use super::group::Kept;
use super::ink::{Ink, around, darkness};
use super::paper::Paper;
use super::{InkColor, Options, SignatureError};
use crate::scene::lab::linear;
use crate::units::{Point, Rect};

/// Most samples a pixel of the result, across and down: above what a picture within the limits needs.
const MOST_SAMPLES: u32 = 12;

/// Where the result lies on the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Turn in degrees: the direction, on the picture, of the result's rows; positive falls to the right.
    pub degrees: f64,
    /// Pixels of the result a pixel of the picture.
    pub scale: f64,
    /// Width and height of the result in pixels.
    pub size: (u32, u32),
    /// The point of the picture at the middle of the result.
    pub middle: Point,
}

impl Placement {
    /// The place on the picture of a point of the result.
    pub fn on_picture(&self, point: Point) -> Point {
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let x = (point.x - f64::from(self.size.0) / 2.0) / self.scale;
        let y = (point.y - f64::from(self.size.1) / 2.0) / self.scale;
        Point::new(self.middle.x + x * cos - y * sin, self.middle.y + x * sin + y * cos)
    }

    /// The frame around the kept pixels with its margin, for a turn. `shrink` makes it smaller than the options ask for.
    ///
    /// # Errors
    /// [`SignatureError::TooSmall`].
    pub(super) fn around(
        kept: &Kept,
        ink: &Ink,
        degrees: f64,
        options: &Options,
        shrink: f64,
    ) -> Result<Self, SignatureError> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
        for &at in &kept.pixels {
            let Point { x, y } = ink.place(at);
            for (i, v) in [x * cos + y * sin, y * cos - x * sin].into_iter().enumerate() {
                (low[i], high[i]) = (low[i].min(v), high[i].max(v));
            }
        }
        let half = 0.5 / ink.scale;
        let tight = Rect::from_edges(low[0] - half, low[1] - half, high[0] + half, high[1] + half);
        if !(tight.width.max(tight.height) >= super::LEAST_SIDE) {
            let (width, height, least) = (tight.width.max(0.0), tight.height.max(0.0), super::LEAST_SIDE);
            return Err(SignatureError::TooSmall { width, height, least });
        }
        let margin = options.margin * tight.height.min(tight.width).max(tight.height.max(tight.width) / 8.0);
        let (width, height) = (tight.width + 2.0 * margin, tight.height + 2.0 * margin);
        let (scale, size) = match options.size {
            Some((w, h)) => ((f64::from(w) / width).min(f64::from(h) / height), (w, h)),
            None => {
                let scale = (f64::from(super::LONGEST_RESULT) / width.max(height)).min(1.0) * shrink;
                let side = |v: f64| (v * scale).ceil().max(1.0) as u32;
                (scale, (side(width), side(height)))
            }
        };
        let center = tight.center();
        let middle = Point::new(center.x * cos - center.y * sin, center.x * sin + center.y * cos);
        Ok(Self { degrees, scale, size, middle })
    }
}

/// Draws the kept strokes on white. What does not belong to them is white, soft edges stay soft.
pub(super) fn render(
    picture: &RgbImage,
    paper: &Paper,
    ink: &Ink,
    near: &[bool],
    placement: &Placement,
    color: InkColor,
) -> RgbImage {
    let light: Vec<f32> = (0..=255).map(linear).collect();
    let samples = ((1.0 / placement.scale).ceil() as u32).clamp(1, MOST_SAMPLES);
    // Between the paper's own noise, averaged over the samples, and what is ink for certain.
    let full = ink.perhaps;
    let none = (2.0 * ink.noise / samples as f32).clamp(0.02, 0.7 * full);
    RgbImage::from_fn(placement.size.0, placement.size.1, |x, y| {
        let middle = placement.on_picture(Point::new(f64::from(x) + 0.5, f64::from(y) + 0.5));
        let share = nearness(near, ink, middle);
        if share <= 0.0 {
            return Rgb([255; 3]);
        }
        let mut sum = [0.0f32; 3];
        for i in 0..samples * samples {
            let part = |n: u32| (f64::from(n) + 0.5) / f64::from(samples);
            let at = Point::new(f64::from(x) + part(i % samples), f64::from(y) + part(i / samples));
            let seen = sampled(picture, &light, placement.on_picture(at));
            (0..3).for_each(|c| sum[c] += seen[c]);
        }
        let (paper, n) = (paper.light(middle), (samples * samples) as f32);
        let dark = [0, 1, 2].map(|c| darkness(sum[c] / n, paper[c]));
        let alpha = share * smooth_step(none, full, dark[0]);
        Rgb(match color {
            InkColor::Keep => dark.map(|dark| white_to_black(alpha * dark)),
            InkColor::Black => [white_to_black(alpha * (dark[0] / ink.level).min(1.0)); 3],
        })
    })
}

/// The byte of a darkness from 0 (white) to 1 (black).
fn white_to_black(dark: f32) -> u8 {
    // The cast of a float saturates.
    ((1.0 - dark) * 255.0).round() as u8
}

/// 0 below `low`, 1 above `high`, smooth between.
fn smooth_step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low).max(1e-6)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The picture's light at a place, interpolated between the four pixels around it.
fn sampled(picture: &RgbImage, light: &[f32], at: Point) -> [f32; 3] {
    let place = |v: f64, n: u32| {
        let v = (v - 0.5).clamp(0.0, f64::from(n - 1));
        (v as u32, (v as u32 + 1).min(n - 1), v.fract() as f32)
    };
    let (x0, x1, fx) = place(at.x, picture.width());
    let (y0, y1, fy) = place(at.y, picture.height());
    let pixel = |x: u32, y: u32| picture.get_pixel(x, y).0.map(|v| light[usize::from(v)]);
    let (a, b, c, d) = (pixel(x0, y0), pixel(x1, y0), pixel(x0, y1), pixel(x1, y1));
    [0, 1, 2].map(|i| {
        let (upper, lower) = (a[i] + (b[i] - a[i]) * fx, c[i] + (d[i] - c[i]) * fx);
        upper + (lower - upper) * fy
    })
}

/// Pixels of the mask that belong to the kept strokes or lie next to them, nearer than to anything that was dropped: there
/// the soft edges are.
pub(super) fn near(kept: &Kept, ink: &Ink, dropped: impl Iterator<Item = usize>) -> Vec<bool> {
    const NONE: u8 = 0;
    const KEPT: u8 = 1;
    const DROPPED: u8 = 2;
    let mut owner = vec![NONE; ink.mask.len()];
    dropped.for_each(|at| owner[at] = DROPPED);
    kept.pixels.iter().for_each(|&at| owner[at] = KEPT);
    let mut edge: Vec<usize> = (0..owner.len()).filter(|&at| owner[at] != NONE).collect();
    let reach = (0.6 * kept.stroke_width).ceil().clamp(2.0, 12.0) as usize;
    for _ in 0..reach {
        let mut next = Vec::new();
        for at in edge {
            for to in around(at, ink.width, ink.height) {
                if owner[to] == NONE {
                    owner[to] = owner[at];
                    next.push(to);
                }
            }
        }
        edge = next;
    }
    owner.into_iter().map(|owner| owner == KEPT).collect()
}

/// Share of the kept strokes' surroundings at a place of the picture, interpolated.
fn nearness(near: &[bool], ink: &Ink, at: Point) -> f32 {
    let place = |v: f64, n: usize| {
        let v = v * ink.scale - 0.5;
        // Beyond the picture there is nothing.
        (v > -1.0 && v < n as f64).then(|| {
            let v = v.clamp(0.0, (n - 1) as f64);
            (v as usize, (v as usize + 1).min(n - 1), v.fract() as f32)
        })
    };
    let (Some((x0, x1, fx)), Some((y0, y1, fy))) = (place(at.x, ink.width), place(at.y, ink.height)) else {
        return 0.0;
    };
    let value = |x: usize, y: usize| f32::from(u8::from(near[y * ink.width + x]));
    let (upper, lower) =
        (value(x0, y0) + (value(x1, y0) - value(x0, y0)) * fx, value(x0, y1) + (value(x1, y1) - value(x0, y1)) * fx);
    upper + (lower - upper) * fy
}
