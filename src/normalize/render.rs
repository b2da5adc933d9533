//! From the picture to the frame, in one resampling step in linear light.

use std::sync::LazyLock;

use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::U16x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::error::NormalizeError;
use super::frame::{Frame, Linear};
use super::plan::Plan;
use super::subject::Subject;
use crate::scene::lab::linear;
use crate::units::{Point, Rect};

/// Linear light of 8-bit sRGB, in steps of 1/65535.
static WIDE: LazyLock<[u16; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| (linear(value as u8) * 65535.0).round() as u16));

/// Interpolates without the ringing of wider kernels: edges are never sharpened.
const FILTER: FilterType = FilterType::CatmullRom;

/// Pixels of the picture beyond the frame that the filter looks at, per pixel of the frame's width in the picture.
const SUPPORT: f64 = 2.0;

/// Draws the plan's part of the picture. Pixels outside of the picture are not given.
///
/// # Errors
/// [`NormalizeError::Internal`] when the resampling library refuses, which no plan gives rise to.
pub(super) fn render(rgb: &RgbImage, subject: &Subject<'_>, plan: &Plan) -> Result<Frame, NormalizeError> {
    if plan.turn == 0.0 { straight(rgb, subject, plan) } else { Ok(turned(rgb, subject, plan)) }
}

fn straight(rgb: &RgbImage, subject: &Subject<'_>, plan: &Plan) -> Result<Frame, NormalizeError> {
    let fault = |what: &dyn std::fmt::Display| NormalizeError::Internal(format!("resampling: {what}"));
    let mut frame = Frame::empty(plan.canvas.width, plan.canvas.height);
    // The frame's pixels that lie wholly in the picture.
    let ends = |offset: f64, low: f64, high: f64, n: u32| {
        let first = (low * plan.scale + offset - 1e-6).ceil().clamp(0.0, f64::from(n));
        let last = (high * plan.scale + offset + 1e-6).floor().clamp(0.0, f64::from(n));
        (first, last)
    };
    let inner = subject.inner;
    let (left, right) = ends(plan.offset.x, inner.x, inner.right(), plan.canvas.width);
    let (top, bottom) = ends(plan.offset.y, inner.y, inner.bottom(), plan.canvas.height);
    if right <= left || bottom <= top {
        return Err(fault(&"the frame lies beside the picture"));
    }
    let at = |v: f64, offset: f64| (v - offset) / plan.scale;
    let part = Rect::from_edges(
        at(left, plan.offset.x),
        at(top, plan.offset.y),
        at(right, plan.offset.x),
        at(bottom, plan.offset.y),
    );
    // Only what the filter sees is turned into linear light.
    let margin = SUPPORT * (1.0 / plan.scale).max(1.0) + 1.0;
    let low = |v: f64| (v - margin).floor().max(0.0);
    let high = |v: f64, n: u32| (v + margin).ceil().min(f64::from(n));
    let seen =
        Rect::from_edges(low(part.x), low(part.y), high(part.right(), rgb.width()), high(part.bottom(), rgb.height()));
    let (sw, sh) = (seen.width as u32, seen.height as u32);
    let mut wide = Vec::with_capacity(sw as usize * sh as usize);
    let (stride, table) = (3 * rgb.width() as usize, &*WIDE);
    for row in rgb.as_raw().chunks_exact(stride).skip(seen.y as usize).take(sh as usize) {
        let row = row[3 * seen.x as usize..][..3 * sw as usize].as_chunks::<3>().0;
        wide.extend(row.iter().map(|pixel| U16x3::new(pixel.map(|value| table[usize::from(value)]))));
    }
    let wide = TypedImage::from_pixels(sw, sh, wide).map_err(|e| fault(&e))?;
    let (width, height) = ((right - left) as u32, (bottom - top) as u32);
    let mut small = TypedImage::<U16x3>::new(width, height);
    let fit = |v: f64, length: f64, n: f64| (v.clamp(0.0, n), length.min(n - v.clamp(0.0, n)));
    let (x, w) = fit(part.x - seen.x, part.width, seen.width);
    let (y, h) = fit(part.y - seen.y, part.height, seen.height);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FILTER)).crop(x, y, w, h);
    Resizer::new().resize_typed(&wide, &mut small, &options).map_err(|e| fault(&e))?;

    for (y, row) in small.pixels().chunks_exact(width as usize).enumerate() {
        let start = (top as usize + y) * frame.width + left as usize;
        for (i, pixel) in row.iter().enumerate() {
            frame.give(start + i, pixel.0);
        }
    }
    Ok(frame)
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
                frame.give(i, color.map(|v| (v * 65535.0 + 0.5) as u16));
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
        let reach = 2.0 * width;
        let taps = |at: f64, n: usize| {
            let first = (at - reach).ceil() as i64;
            let last = (at + reach).floor() as i64;
            (first..=last).map(move |i| (i.clamp(0, n as i64 - 1) as usize, kernel((i as f64 - at) / width)))
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

/// Catmull and Rom's cubic (B = 0, C = 1/2 in Mitchell and Netravali's family).
fn kernel(t: f64) -> f32 {
    let t = t.abs();
    let v = if t < 1.0 {
        1.5 * t * t * t - 2.5 * t * t + 1.0
    } else if t < 2.0 {
        -0.5 * t * t * t + 2.5 * t * t - 4.0 * t + 2.0
    } else {
        0.0
    };
    v as f32
}
