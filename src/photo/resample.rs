//! A part of a picture at another size: down the columns first, then along the rows, in single precision.
//!
//! Where the picture is finer than the result the kernel is widened to a pixel of the result, so that nothing is skipped.
//! Rows are brought into the numbers that are summed as they are needed, into a ring of as many as the kernel reaches.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch, f32x4};
use image::RgbImage;

use crate::units::Rect;

/// What neighbours weigh by their distance in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    /// The weight at a distance.
    pub weight: fn(f64) -> f64,
    /// Distance from which on it is 0.
    pub reach: f64,
}

/// Catmull and Rom's cubic (B = 0, C = 1/2 in Mitchell and Netravali's family): interpolates without the ringing of wider ones.
pub(crate) const CATMULL_ROM: Kernel = Kernel { weight: catmull_rom, reach: 2.0 };

fn catmull_rom(t: f64) -> f64 {
    let t = t.abs();
    if t < 1.0 {
        (1.5 * t - 2.5) * t * t + 1.0
    } else if t < 2.0 {
        ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    } else {
        0.0
    }
}

/// How a picture's bytes become numbers, and what becomes of the sums.
pub(crate) trait Pass {
    /// Brings bytes of a row into the numbers that are summed.
    fn decode<S: Simd>(simd: S, bytes: &[u8], numbers: &mut [f32]);

    /// Takes a row of the result, three numbers a pixel.
    fn take<S: Simd>(&mut self, simd: S, row: usize, numbers: &[f32]);
}

/// Resamples a part of a picture, in pixels of it and fractions of pixels, to `size` pixels across and down, which is not 0; the
/// part lies in the picture.
pub(crate) fn resample<P: Pass>(rgb: &RgbImage, part: Rect, size: (usize, usize), kernel: Kernel, pass: &mut P) {
    let columns = Taps::of(kernel, part.x, part.width, size.0, rgb.width() as usize);
    let rows = Taps::of(kernel, part.y, part.height, size.1, rgb.height() as usize);
    dispatch!(Level::new(), simd => Resampler::new(rgb, &columns, &rows).run(simd, pass));
}

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
    fn of(kernel: Kernel, start: f64, length: f64, pixels: usize, n: usize) -> Self {
        let step = length / pixels as f64;
        let width = step.max(1.0);
        let reach = kernel.reach * width;
        let count = ((2.0 * reach).ceil() as usize).min(n);
        let mut first = Vec::with_capacity(pixels);
        let mut weights = Vec::with_capacity(pixels * count);
        let mut own = vec![0.0; count];
        for i in 0..pixels {
            let center = start + (i as f64 + 0.5) * step - 0.5;
            let low = ((center - reach).floor() + 1.0).clamp(0.0, (n - count) as f64) as usize;
            for (k, weight) in own.iter_mut().enumerate() {
                *weight = (kernel.weight)(((low + k) as f64 - center) / width);
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

/// Rows of the result that are worked on together, so that a weight is fetched once for all.
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
    /// The picture's rows that a row of the result needs: row `y` in slot `y % rows.count`.
    ring: Vec<f32>,
    /// The rows of a band, at the result's height but still at the picture's width.
    lowered: Vec<f32>,
    /// The rows of a band, each a number longer.
    done: Vec<f32>,
}

impl<'a> Resampler<'a> {
    fn new(rgb: &'a RgbImage, columns: &'a Taps, rows: &'a Taps) -> Self {
        let (left, right) = columns.ends();
        let numbers = 3 * (right - left);
        let stride = numbers + 1;
        Self {
            rgb,
            columns,
            rows,
            left,
            numbers,
            stride,
            ring: vec![0.0; rows.count * stride],
            lowered: vec![0.0; BAND * stride],
            done: vec![0.0; BAND * (3 * columns.first.len() + 1)],
        }
    }

    #[inline(always)]
    fn run<S: Simd, P: Pass>(mut self, simd: S, pass: &mut P) {
        let (width, height) = (self.columns.first.len(), self.rows.first.len());
        let mut decoded = self.rows.ends().0;
        for band in (0..height).step_by(BAND) {
            let height = BAND.min(height - band);
            for k in 0..height {
                let first = self.rows.first[band + k];
                let end = first + self.rows.count;
                for y in decoded.max(first)..end {
                    let start = 3 * (y * self.rgb.width() as usize + self.left);
                    let slot = y % self.rows.count * self.stride;
                    P::decode(
                        simd,
                        &self.rgb.as_raw()[start..][..self.numbers],
                        &mut self.ring[slot..][..self.numbers],
                    );
                }
                decoded = end;
                self.lower(band + k, k);
            }
            self.narrow(simd);
            for k in 0..height {
                pass.take(simd, band + k, &self.done[k * (3 * width + 1)..][..3 * width]);
            }
        }
    }

    /// Sums up the picture's rows that make row `y` of the result, as the band's row `k`.
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
        let pitch = 3 * width + 1;
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
            // The fourth number belongs to the next pixel, which is written after.
            for (row, sum) in sums.into_iter().enumerate() {
                sum.store_slice(&mut self.done[row * pitch + 3 * x..][..4]);
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

    use super::*;

    /// The sums themselves.
    struct Sums(Vec<f32>);

    impl Pass for Sums {
        fn decode<S: Simd>(_: S, bytes: &[u8], numbers: &mut [f32]) {
            numbers.iter_mut().zip(bytes).for_each(|(number, &byte)| *number = f32::from(byte));
        }

        fn take<S: Simd>(&mut self, _: S, _: usize, numbers: &[f32]) {
            self.0.extend_from_slice(numbers);
        }
    }

    /// The same in double precision, one pixel at a time: what a pixel of the result shows, by the kernel's definition.
    fn exact(rgb: &RgbImage, part: Rect, size: (usize, usize), kernel: Kernel, x: usize, y: usize) -> [f64; 3] {
        let near = |start: f64, length: f64, pixels: usize, i: usize, n: u32| -> Vec<(u32, f64)> {
            let step = length / pixels as f64;
            let center = start + (i as f64 + 0.5) * step;
            let weight = |k: u32| (kernel.weight)((f64::from(k) + 0.5 - center) / step.max(1.0));
            let total: f64 = (0..n).map(weight).sum();
            (0..n).map(|k| (k, weight(k) / total)).filter(|(_, weight)| *weight != 0.0).collect()
        };
        let columns = near(part.x, part.width, size.0, x, rgb.width());
        let mut sum = [0.0; 3];
        for (y, down) in near(part.y, part.height, size.1, y, rgb.height()) {
            for &(x, along) in &columns {
                let pixel = rgb.get_pixel(x, y).0;
                (0..3).for_each(|c| sum[c] += f64::from(pixel[c]) * down * along);
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
            target in (1usize..50, 1usize..30),
        ) {
            let rgb = picture(size.0, size.1, seed);
            let (w, h) = (f64::from(size.0), f64::from(size.1));
            let (x, y) = (part.0 * w * 0.98, part.1 * h * 0.98);
            let part = Rect { x, y, width: (w - x) * part.2, height: (h - y) * part.3 };
            let mut sums = Sums(Vec::new());
            resample(&rgb, part, target, CATMULL_ROM, &mut sums);
            prop_assert_eq!(sums.0.len(), 3 * target.0 * target.1);
            for (i, sum) in sums.0.as_chunks::<3>().0.iter().enumerate() {
                let wanted = exact(&rgb, part, target, CATMULL_ROM, i % target.0, i / target.0);
                for (&found, wanted) in sum.iter().zip(wanted) {
                    prop_assert!((f64::from(found) - wanted).abs() < 1e-3, "{} for {} at {}", found, wanted, i);
                }
            }
        }
    }

    #[test]
    fn at_scale_1_the_picture_is_copied() {
        let rgb = picture(37, 21, 5);
        let mut sums = Sums(Vec::new());
        resample(&rgb, Rect { x: 4.0, y: 1.0, width: 30.0, height: 20.0 }, (30, 20), CATMULL_ROM, &mut sums);
        for (i, color) in sums.0.as_chunks::<3>().0.iter().enumerate() {
            assert_eq!(*color, rgb.get_pixel(4 + i as u32 % 30, 1 + i as u32 / 30).0.map(f32::from));
        }
    }
}
