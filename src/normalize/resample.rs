//! A part of the picture, resampled in linear light into the frame: down the columns first, then along the rows.
//!
//! The kernel is Catmull and Rom's, which interpolates without the ringing of wider ones: edges are never sharpened. Where
//! the picture is finer than the frame it is widened to a pixel of the frame, so that nothing is skipped.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch, f32x4};
use image::RgbImage;

use super::frame::Frame;
use super::light::{decode_row, encode_row, step_row};
use crate::units::Rect;

/// A rectangle of the frame's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// Draws a part of the picture, in pixels of it and fractions of pixels, into a window of the frame.
pub(super) fn draw(rgb: &RgbImage, part: Rect, frame: &mut Frame, window: Window) {
    let columns = Taps::of(part.x, part.width, window.width, rgb.width() as usize);
    let rows = Taps::of(part.y, part.height, window.height, rgb.height() as usize);
    dispatch!(Level::new(), simd => Resampler::new(rgb, &columns, &rows).run(simd, frame, window));
}

/// Catmull and Rom's cubic (B = 0, C = 1/2 in Mitchell and Netravali's family).
pub(super) fn kernel(t: f64) -> f64 {
    let t = t.abs();
    if t < 1.0 {
        (1.5 * t - 2.5) * t * t + 1.0
    } else if t < REACH {
        ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    } else {
        0.0
    }
}

/// Distance from which on the kernel is 0.
pub(super) const REACH: f64 = 2.0;

/// What makes the pixels of a line: as many neighbours in the picture for each, with their weights.
#[derive(Debug)]
struct Taps {
    count: usize,
    /// The first of the neighbours of each pixel; never less than that of the pixel before.
    first: Vec<usize>,
    /// `count` weights for each pixel; their sum is 1.
    weights: Vec<f32>,
}

impl Taps {
    /// Of `pixels` pixels that show `length` pixels from `start` on, of a line of `n`. At the line's ends the weights of
    /// what there is make up for the rest.
    fn of(start: f64, length: f64, pixels: usize, n: usize) -> Self {
        let step = length / pixels as f64;
        let width = step.max(1.0);
        let reach = REACH * width;
        let count = ((2.0 * reach).ceil() as usize).min(n);
        let mut first = Vec::with_capacity(pixels);
        let mut weights = Vec::with_capacity(pixels * count);
        let mut own = vec![0.0; count];
        for i in 0..pixels {
            let center = start + (i as f64 + 0.5) * step - 0.5;
            let low = ((center - reach).floor() + 1.0).clamp(0.0, (n - count) as f64) as usize;
            for (k, weight) in own.iter_mut().enumerate() {
                *weight = kernel(((low + k) as f64 - center) / width);
            }
            let total: f64 = own.iter().sum();
            weights.extend(own.iter().map(|weight| (weight / total) as f32));
            first.push(low);
        }
        Self { count, first, weights }
    }

    fn weights(&self, i: usize) -> &[f32] {
        &self.weights[i * self.count..][..self.count]
    }

    /// The first pixel that any needs, and the one after the last.
    fn ends(&self) -> (usize, usize) {
        let first = self.first.first().copied().unwrap_or(0);
        (first, self.first.last().map_or(first, |last| last + self.count))
    }
}

/// Rows of the frame that are worked on together, so that a weight is fetched once for all.
const BAND: usize = 4;

/// Rows of the picture that are added at once.
const GROUP: usize = 4;

struct Resampler<'a> {
    rgb: &'a RgbImage,
    columns: &'a Taps,
    rows: &'a Taps,
    /// First column of the picture that is needed, and the numbers in a row of those that are: three a pixel.
    left: usize,
    numbers: usize,
    /// Length of the rows below: a little longer, because a pixel is fetched with the number after it.
    stride: usize,
    /// The picture's rows that a row of the frame needs, in linear light: row `y` in slot `y % rows.count`.
    ring: Vec<f32>,
    /// The rows of a band, at the frame's height but still at the picture's width.
    lowered: Vec<f32>,
    /// The rows of a band, plane by plane.
    done: [Vec<f32>; 3],
}

impl<'a> Resampler<'a> {
    fn new(rgb: &'a RgbImage, columns: &'a Taps, rows: &'a Taps) -> Self {
        let (left, right) = columns.ends();
        let numbers = 3 * (right - left);
        let stride = numbers + 1;
        let done = || vec![0.0; BAND * columns.first.len()];
        Self {
            rgb,
            columns,
            rows,
            left,
            numbers,
            stride,
            ring: vec![0.0; rows.count * stride],
            lowered: vec![0.0; BAND * stride],
            done: [done(), done(), done()],
        }
    }

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S, frame: &mut Frame, window: Window) {
        let mut decoded = self.rows.ends().0;
        for band in (0..window.height).step_by(BAND) {
            let height = BAND.min(window.height - band);
            for k in 0..height {
                let first = self.rows.first[band + k];
                let end = first + self.rows.count;
                for y in decoded.max(first)..end {
                    self.decode(simd, y);
                }
                decoded = end;
                self.lower(band + k, k);
            }
            self.narrow(simd);
            for k in 0..height {
                let start = (window.top + band + k) * frame.width + window.left;
                let place = start..start + window.width;
                for c in 0..3 {
                    let light = &self.done[c][k * window.width..][..window.width];
                    encode_row(simd, light, &mut frame.codes[c][place.clone()]);
                    if let Some(steps) = frame.light[c].get_mut(place.clone()) {
                        step_row(simd, light, steps);
                    }
                }
                frame.given[place].fill(true);
            }
        }
    }

    /// Brings a row of the picture into its slot.
    #[inline(always)]
    fn decode<S: Simd>(&mut self, simd: S, y: usize) {
        let start = 3 * (y * self.rgb.width() as usize + self.left);
        let bytes = &self.rgb.as_raw()[start..][..self.numbers];
        decode_row(simd, bytes, &mut self.ring[y % self.rows.count * self.stride..][..self.numbers]);
    }

    /// Sums up the picture's rows that make row `y` of the window, as the band's row `k`.
    #[inline(always)]
    fn lower(&mut self, y: usize, k: usize) {
        let (count, first) = (self.rows.count, self.rows.first[y]);
        let row = |tap: usize| &self.ring[(first + tap) % count * self.stride..][..self.numbers];
        let out = &mut self.lowered[k * self.stride..][..self.numbers];
        for (group, weights) in self.rows.weights(y).chunks(GROUP).enumerate() {
            // A group that is not full is filled with rows of no weight.
            let tap = |i: usize| group * GROUP + i.min(weights.len() - 1);
            let rows: [&[f32]; GROUP] = [row(tap(0)), row(tap(1)), row(tap(2)), row(tap(3))];
            let mut own = [0.0; GROUP];
            own[..weights.len()].copy_from_slice(weights);
            if group == 0 {
                out.fill(0.0);
            }
            add(rows, own, out);
        }
    }

    /// Sums up the columns that make each pixel of the band's rows.
    #[inline(always)]
    fn narrow<S: Simd>(&mut self, simd: S) {
        let (count, width) = (self.columns.count, self.columns.first.len());
        let [red, green, blue] = &mut self.done;
        for x in 0..width {
            let start = 3 * (self.columns.first[x] - self.left);
            let length = 3 * count + 1;
            let near = |row: usize| &self.lowered[row * self.stride + start..][..length];
            let near: [&[f32]; BAND] = [near(0), near(1), near(2), near(3)];
            let mut sums = [f32x4::splat(simd, 0.0); BAND];
            for (tap, &weight) in self.columns.weights(x).iter().enumerate() {
                let weight = f32x4::splat(simd, weight);
                for (sum, near) in sums.iter_mut().zip(near) {
                    *sum = f32x4::from_slice(simd, &near[3 * tap..3 * tap + 4]).mul_add(weight, *sum);
                }
            }
            for (row, sum) in sums.into_iter().enumerate() {
                // The fourth number belongs to the next pixel.
                let mut color = [0.0; 4];
                sum.store_slice(&mut color);
                red[row * width + x] = color[0];
                green[row * width + x] = color[1];
                blue[row * width + x] = color[2];
            }
        }
    }
}

/// Adds weighted rows.
#[inline(always)]
fn add(rows: [&[f32]; GROUP], weights: [f32; GROUP], out: &mut [f32]) {
    let n = out.len();
    let [a, b, c, d] = [&rows[0][..n], &rows[1][..n], &rows[2][..n], &rows[3][..n]];
    let [wa, wb, wc, wd] = weights;
    for i in 0..n {
        out[i] += (a[i] * wa + b[i] * wb) + (c[i] * wc + d[i] * wd);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::light::{encoded, of_step};
    use super::*;
    use crate::scene::lab::linear;

    /// The same in double precision, one pixel at a time: what a pixel of the frame shows, by the kernel's definition.
    fn exact(rgb: &RgbImage, part: Rect, window: Window, x: usize, y: usize) -> [f64; 3] {
        let near = |start: f64, length: f64, pixels: usize, i: usize, n: u32| -> Vec<(u32, f64)> {
            let step = length / pixels as f64;
            let center = start + (i as f64 + 0.5) * step;
            let weight = |k: u32| kernel((f64::from(k) + 0.5 - center) / step.max(1.0));
            let total: f64 = (0..n).map(weight).sum();
            (0..n).map(|k| (k, weight(k) / total)).filter(|(_, weight)| *weight != 0.0).collect()
        };
        let columns = near(part.x, part.width, window.width, x, rgb.width());
        let mut sum = [0.0; 3];
        for (y, down) in near(part.y, part.height, window.height, y, rgb.height()) {
            for &(x, along) in &columns {
                let pixel = rgb.get_pixel(x, y).0;
                (0..3).for_each(|c| sum[c] += f64::from(linear(pixel[c])) * down * along);
            }
        }
        sum
    }

    fn picture(width: u32, height: u32, seed: u64) -> RgbImage {
        let mut state = seed;
        let bytes = (0..3 * width * height).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        RgbImage::from_raw(width, height, bytes.collect()).expect("its own size")
    }

    proptest! {
        #[test]
        fn every_pixel_is_what_the_kernel_says(
            size in (1u32..70, 1u32..70), seed: u64, part in (0.0f64..1.0, 0.0f64..1.0, 0.02f64..1.0, 0.02f64..1.0),
            window in (0usize..3, 0usize..3, 1usize..50, 1usize..30),
        ) {
            let rgb = picture(size.0, size.1, seed);
            let (w, h) = (f64::from(size.0), f64::from(size.1));
            let (x, y) = (part.0 * w * 0.98, part.1 * h * 0.98);
            let part = Rect { x, y, width: (w - x) * part.2, height: (h - y) * part.3 };
            let window = Window { left: window.0, top: window.1, width: window.2, height: window.3 };
            let mut frame = Frame::empty((window.left + window.width + 1) as u32, (window.top + window.height + 2) as u32);
            draw(&rgb, part, &mut frame, window);
            for (i, given) in frame.given.iter().enumerate() {
                let (x, y) = (i % frame.width, i / frame.width);
                let inside = (window.left..window.left + window.width).contains(&x)
                    && (window.top..window.top + window.height).contains(&y);
                prop_assert_eq!(*given, inside);
                if !inside {
                    continue;
                }
                let wanted = exact(&rgb, part, window, x - window.left, y - window.top);
                for c in 0..3 {
                    let (found, wanted) = (of_step(frame.light[c][i]), wanted[c].clamp(0.0, 1.0) as f32);
                    prop_assert!((found - wanted).abs() < 3.0 / 65535.0, "{} for {} at {}, {}", found, wanted, x, y);
                    let code = encoded(wanted);
                    prop_assert!(frame.codes[c][i].abs_diff(code) <= 1, "{} for {}", frame.codes[c][i], code);
                }
            }
        }
    }

    #[test]
    fn at_scale_1_the_picture_is_copied() {
        let rgb = picture(37, 21, 5);
        let window = Window { left: 0, top: 0, width: 30, height: 20 };
        let mut frame = Frame::empty(30, 20);
        draw(&rgb, Rect { x: 4.0, y: 1.0, width: 30.0, height: 20.0 }, &mut frame, window);
        for (i, code) in (0..600).map(|i| (i, frame.code(i))) {
            assert_eq!(code, rgb.get_pixel(4 + i as u32 % 30, 1 + i as u32 / 30).0);
        }
    }
}
