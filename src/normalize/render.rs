//! From the picture to the frame, in one resampling step in linear light.

use fearless_simd::Simd;
use image::RgbImage;

use super::error::NormalizeError;
use super::frame::Frame;
use super::light::{Linear, decode_row, encode_row, step, step_row};
use super::plan::Plan;
use super::subject::Subject;
use crate::photo::resample::{CATMULL_ROM, Pass, resample};
use crate::scene::lab::linear;
use crate::units::{Point, Rect};

/// Draws the plan's part of the picture. Pixels outside of the picture are not given. A frame that the picture fills
/// keeps no linear light, unless its background is to be `replaced`.
///
/// # Errors
/// [`NormalizeError::Internal`] when the frame lies beside the picture, which no plan gives rise to.
pub(super) fn render(
    rgb: &RgbImage,
    subject: &Subject<'_>,
    plan: &Plan,
    replaced: bool,
) -> Result<Frame, NormalizeError> {
    if plan.turn == 0.0 { straight(rgb, subject, plan, replaced) } else { Ok(turned(rgb, subject, plan)) }
}

fn straight(rgb: &RgbImage, subject: &Subject<'_>, plan: &Plan, replaced: bool) -> Result<Frame, NormalizeError> {
    // The frame's pixels that lie wholly in the picture.
    let ends = |offset: f64, low: f64, high: f64, n: u32| {
        let first = (low * plan.scale + offset - 1e-6).ceil().clamp(0.0, f64::from(n));
        let last = (high * plan.scale + offset + 1e-6).floor().clamp(0.0, f64::from(n));
        (first, last)
    };
    let (inner, canvas) = (subject.inner, plan.canvas);
    let (left, right) = ends(plan.offset.x, inner.x, inner.right(), canvas.width);
    let (top, bottom) = ends(plan.offset.y, inner.y, inner.bottom(), canvas.height);
    if right <= left || bottom <= top {
        return Err(NormalizeError::Internal("the frame lies beside the picture".to_owned()));
    }
    let (width, height) = ((right - left) as usize, (bottom - top) as usize);
    // Rounding must not carry the part beyond the picture.
    let at = |v: f64, offset: f64, n: u32| ((v - offset) / plan.scale).clamp(0.0, f64::from(n));
    let part = Rect::from_edges(
        at(left, plan.offset.x, rgb.width()),
        at(top, plan.offset.y, rgb.height()),
        at(right, plan.offset.x, rgb.width()),
        at(bottom, plan.offset.y, rgb.height()),
    );
    let full = (width, height) == (canvas.width as usize, canvas.height as usize);
    let empty = if full && !replaced { Frame::of_codes } else { Frame::empty };
    let mut frame = empty(canvas.width, canvas.height);
    let mut drawn = Drawn { frame: &mut frame, left: left as usize, top: top as usize, planes: Default::default() };
    resample(rgb, part, (width, height), CATMULL_ROM, &mut drawn);
    Ok(frame)
}

/// A window of the frame that is drawn in linear light.
struct Drawn<'a> {
    frame: &'a mut Frame,
    left: usize,
    top: usize,
    /// The channels of a row, apart.
    planes: [Vec<f32>; 3],
}

impl Pass for Drawn<'_> {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, bytes: &[u8], numbers: &mut [f32]) {
        decode_row(simd, bytes, numbers);
    }

    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, numbers: &[f32]) {
        let pixels = numbers.as_chunks::<3>().0;
        let start = (self.top + row) * self.frame.width + self.left;
        let place = start..start + pixels.len();
        for (c, light) in self.planes.iter_mut().enumerate() {
            light.clear();
            light.extend(pixels.iter().map(|pixel| pixel[c]));
            encode_row(simd, light, &mut self.frame.codes[c][place.clone()]);
            if let Some(steps) = self.frame.light[c].get_mut(place.clone()) {
                step_row(simd, light, steps);
            }
        }
        self.frame.given[place].fill(true);
    }
}

/// Largest number of picture pixels per frame pixel that are interpolated; finer pictures are first averaged by a whole
/// factor, which is exact.
const FINEST: f64 = 1.5;

fn turned(rgb: &RgbImage, subject: &Subject<'_>, plan: &Plan) -> Frame {
    let mut frame = Frame::empty(plan.canvas.width, plan.canvas.height);
    let factor = (1.0 / plan.scale / FINEST).ceil().max(1.0);
    let small = Averaged::of(rgb, subject.inner, factor as usize);
    // The kernel is as wide as a pixel of the frame, or of the picture where that is coarser.
    let width = (1.0 / plan.scale / factor).max(1.0);
    for y in 0..frame.height {
        for x in 0..frame.width {
            let p = plan.to_picture(subject, Point::new(x as f64 + 0.5, y as f64 + 0.5));
            let q = Point::new((p.x - small.origin.x) / factor - 0.5, (p.y - small.origin.y) / factor - 0.5);
            if let Some(color) = small.at(q, width) {
                let i = y * frame.width + x;
                frame.give(i, color.map(step));
            }
        }
    }
    frame
}

/// The picture in linear light, averaged over squares.
struct Averaged {
    origin: Point,
    width: usize,
    height: usize,
    pixels: Vec<Linear>,
}

impl Averaged {
    fn of(rgb: &RgbImage, part: Rect, factor: usize) -> Self {
        let (left, top) = (part.x.ceil() as usize, part.y.ceil() as usize);
        let (width, height) = (
            (part.right() as usize).saturating_sub(left) / factor,
            (part.bottom() as usize).saturating_sub(top) / factor,
        );
        let mut pixels = vec![[0.0f32; 3]; width * height];
        let stride = 3 * rgb.width() as usize;
        let share = 1.0 / (factor * factor) as f32;
        for (y, row) in rgb.as_raw().chunks_exact(stride).skip(top).take(height * factor).enumerate() {
            let out = &mut pixels[y / factor * width..][..width];
            for (out, square) in out.iter_mut().zip(row[3 * left..].chunks_exact(3 * factor)) {
                for pixel in square.as_chunks::<3>().0 {
                    (0..3).for_each(|c| out[c] += linear(pixel[c]) * share);
                }
            }
        }
        Self { origin: Point::new(left as f64, top as f64), width, height, pixels }
    }

    /// The colour at a point in pixel centres, by a Catmull-Rom kernel of the given width. `None` outside.
    fn at(&self, p: Point, width: f64) -> Option<Linear> {
        let edge = 0.5;
        if p.x < -edge || p.y < -edge || p.x > self.width as f64 - edge || p.y > self.height as f64 - edge {
            return None;
        }
        let reach = CATMULL_ROM.reach * width;
        let taps = |at: f64, n: usize| {
            let first = (at - reach).ceil() as i64;
            let last = (at + reach).floor() as i64;
            (first..=last)
                .map(move |i| (i.clamp(0, n as i64 - 1) as usize, (CATMULL_ROM.weight)((i as f64 - at) / width) as f32))
        };
        let (mut sum, mut total) = ([0.0f32; 3], 0.0f32);
        for (y, wy) in taps(p.y, self.height) {
            for (x, wx) in taps(p.x, self.width) {
                let weight = wx * wy;
                let pixel = self.pixels[y * self.width + x];
                (0..3).for_each(|c| sum[c] += pixel[c] * weight);
                total += weight;
            }
        }
        Some(sum.map(|s| (s / total).clamp(0.0, 1.0)))
    }
}
