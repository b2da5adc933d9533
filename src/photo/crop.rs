//! A turned and scaled crop of a picture, sampled sub-pixel: how every net and every search near the eyes is fed.

use std::borrow::Cow;

use fearless_simd::{Level, Simd, SimdBase, SimdCvtFloat, SimdCvtTruncate, dispatch, f32x16, i32x16, u32x16};
use image::RgbImage;

use super::resize::{FilterType, resized};
use crate::units::{Point, Rect};

/// A similarity: maps the pixels of a crop to the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Where `anchor` lies in the picture.
    pub center: Point,
    /// The point of the crop, in its pixels, that is laid on `center`.
    pub anchor: Point,
    /// Picture pixels per crop pixel.
    pub scale: f64,
    /// Clockwise turn of the crop's rows in the picture, in radians.
    pub angle: f64,
}

/// What lies outside of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// Black.
    Black,
    /// The nearest pixel of the picture.
    Repeated,
}

/// Pixels of the picture under a pixel of the crop that bilinear interpolation is good for.
const FINENESS: f64 = 1.5;

impl Crop {
    /// From the crop's pixels to the picture's.
    pub fn to_picture(&self, p: Point) -> Point {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = ((p.x - self.anchor.x) * self.scale, (p.y - self.anchor.y) * self.scale);
        Point::new(self.center.x + dx * cos - dy * sin, self.center.y + dx * sin + dy * cos)
    }

    /// From the picture's pixels to the crop's.
    pub fn from_picture(&self, p: Point) -> Point {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = ((p.x - self.center.x) / self.scale, (p.y - self.center.y) / self.scale);
        Point::new(self.anchor.x + dx * cos + dy * sin, self.anchor.y + dy * cos - dx * sin)
    }

    /// The colours of `width` x `height` crop pixels, 0 to 255, row-major, by bilinear interpolation. Where the picture
    /// is much finer than the crop it is first averaged down, so that fine patterns do not alias.
    pub fn sampled(&self, rgb: &RgbImage, width: usize, height: usize, outside: Outside) -> Vec<[f32; 3]> {
        let samples = self.samples(rgb, (width, height), outside, 1.0);
        let mut colors = vec![[0.0; 3]; width * height];
        colors.chunks_exact_mut(width.max(1)).enumerate().for_each(|(y, row)| samples.row(y, row));
        colors
    }

    /// The same as the input of a net ([`Rows`](crate::face::net::Rows)): red, green and blue in turn, 0 to 1.
    pub fn input<'a>(
        &self,
        rgb: &'a RgbImage,
        width: usize,
        height: usize,
        outside: Outside,
    ) -> impl FnMut(usize, &mut [f32]) + use<'a> {
        let samples = self.samples(rgb, (width, height), outside, 1.0 / 255.0);
        move |y, row| samples.row(y, row.as_chunks_mut().0)
    }

    /// Ready to be sampled row by row, each value times `unit`.
    fn samples<'a>(&self, rgb: &'a RgbImage, size: (usize, usize), outside: Outside, unit: f32) -> Samples<'a> {
        let (crop, rgb) = match self.reduced(rgb, size.0, size.1) {
            Some((crop, small)) => (crop, Cow::Owned(small)),
            None => (*self, Cow::Borrowed(rgb)),
        };
        // Pixel centres lie at half.
        let origin = crop.to_picture(Point::new(0.5, 0.5));
        Samples { origin, turn: crop.angle.sin_cos(), scale: crop.scale, rgb, outside, unit, level: Level::new() }
    }

    /// The same crop of a smaller copy of the picture around it, in which a crop pixel is at most two pixels wide.
    /// `None` where the picture is coarse enough.
    fn reduced(&self, rgb: &RgbImage, width: usize, height: usize) -> Option<(Self, RgbImage)> {
        let factor = (self.scale / FINENESS).round();
        if !(factor >= 2.0) {
            return None;
        }
        let (w, h) = (width as f64, height as f64);
        let corners = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|(x, y)| self.to_picture(Point::new(x, y)));
        // With a margin of two pixels of the copy; at the picture's edges the copy's edges are its own.
        let ends = |values: [f64; 4], length: u32| {
            let low = values.into_iter().fold(f64::MAX, f64::min) - 2.0 * factor;
            let high = values.into_iter().fold(f64::MIN, f64::max) + 2.0 * factor;
            let length = f64::from(length);
            let low = low.clamp(0.0, length).floor();
            // Whole cells only, so that the copy is the picture at exactly this scale.
            let cells = ((high.clamp(0.0, length) - low) / factor).floor();
            (low, cells)
        };
        let (left, columns) = ends(corners.map(|p| p.x), rgb.width());
        let (top, rows) = ends(corners.map(|p| p.y), rgb.height());
        if columns < 2.0 || rows < 2.0 {
            return None;
        }
        let part = Rect { x: left, y: top, width: columns * factor, height: rows * factor };
        let small = resized(rgb, part, (columns as u32, rows as u32), FilterType::Box)?;
        let center = Point::new((self.center.x - left) / factor, (self.center.y - top) / factor);
        Some((Self { center, scale: self.scale / factor, ..*self }, small))
    }
}

/// A crop and the picture it is sampled from.
struct Samples<'a> {
    /// Where the first sample lies.
    origin: Point,
    /// Sine and cosine of the crop's angle.
    turn: (f64, f64),
    scale: f64,
    rgb: Cow<'a, RgbImage>,
    outside: Outside,
    unit: f32,
    level: Level,
}

impl Samples<'_> {
    /// The colours of row `y`.
    fn row(&self, y: usize, colors: &mut [[f32; 3]]) {
        let rgb = &*self.rgb;
        if rgb.is_empty() {
            colors.fill([0.0; 3]);
            return;
        }
        let (sin, cos) = self.turn;
        let down = y as f64 * self.scale;
        let line = SampleLine {
            x: (self.origin.x - down * sin - 0.5) as f32,
            y: (self.origin.y + down * cos - 0.5) as f32,
            dx: (cos * self.scale) as f32,
            dy: (sin * self.scale) as f32,
        };
        let width = colors.len();
        let (first, end) = match self.outside {
            Outside::Repeated => (0, width),
            Outside::Black => {
                let is_inside = |u: &usize| inside(rgb, line.at(*u));
                // A line crosses the picture once.
                let first = (0..width).find(is_inside).unwrap_or(width);
                (first, (first..width).rfind(is_inside).map_or(first, |last| last + 1))
            }
        };
        let fading = |u: usize| {
            let (x, y) = line.at(u);
            bilinear(rgb, x, y).map(|value| value * self.unit)
        };
        for u in (0..first).chain(end..width) {
            colors[u] = fading(u);
        }
        dispatch!(self.level, simd => line.within(simd, rgb, first, self.unit, &mut colors[first..end]));
    }
}

/// A row of a crop in the picture: where its first sample lies, in pixel centres, and from one to the next.
#[derive(Debug, Clone, Copy)]
struct SampleLine {
    x: f32,
    y: f32,
    dx: f32,
    dy: f32,
}

/// Samples that are taken together.
const SAMPLES: usize = 16;

/// 0, 1, 2 and so on.
const RAMP: [f32; SAMPLES] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

impl SampleLine {
    fn at(&self, u: usize) -> (f32, f32) {
        (self.x + u as f32 * self.dx, self.y + u as f32 * self.dy)
    }

    /// The colours of samples from one on, of which those outside of the picture are taken at its edge. What lies around a sample is
    /// fetched one by one, all else is done for many at once.
    #[inline(always)]
    fn within<S: Simd>(&self, simd: S, rgb: &RgbImage, start: usize, unit: f32, out: &mut [[f32; 3]]) {
        let unit = f32x16::splat(simd, unit);
        let raw = rgb.as_raw().as_slice();
        let stride = rgb.width() as usize * 3;
        let zero = f32x16::splat(simd, 0.0);
        // At the last pixel's centre the next one has no weight.
        let right = f32x16::splat(simd, rgb.width() as f32 - 1.0);
        let bottom = f32x16::splat(simd, rgb.height() as f32 - 1.0);
        for (part, out) in out.chunks_mut(SAMPLES).enumerate() {
            let first = start + part * SAMPLES;
            let u = f32x16::from_slice(simd, &RAMP) + f32x16::splat(simd, first as f32);
            let x = f32x16::splat(simd, self.x) + u * f32x16::splat(simd, self.dx);
            let y = f32x16::splat(simd, self.y) + u * f32x16::splat(simd, self.dy);
            let (x, y) = (x.max(zero).min(right), y.max(zero).min(bottom));
            // Truncation is floor here.
            let (x0, y0) = (i32x16::truncate_from(x), i32x16::truncate_from(y));
            let (fx, fy) = (x - f32x16::float_from(x0), y - f32x16::float_from(y0));
            let mut at = [0i32; SAMPLES];
            (y0 * i32x16::splat(simd, stride as i32) + x0 * i32x16::splat(simd, 3)).store_slice(&mut at);
            // Two pixels are six bytes, of the row above and the one below.
            let upper: [u64; SAMPLES] = std::array::from_fn(|i| eight(raw, at[i] as usize));
            let lower: [u64; SAMPLES] = std::array::from_fn(|i| eight(raw, at[i] as usize + stride));
            let [upper, lower] = [words(simd, &upper), words(simd, &lower)];
            let mut colors = [[0.0f32; SAMPLES]; 3];
            for (k, color) in colors.iter_mut().enumerate() {
                let top = mixed(byte(simd, upper, k), byte(simd, upper, k + 3), fx);
                let bottom = mixed(byte(simd, lower, k), byte(simd, lower, k + 3), fx);
                (mixed(top, bottom, fy) * unit).store_slice(color);
            }
            let [r, g, b] = &colors;
            match out.as_chunks_mut::<SAMPLES>().0 {
                [out] => (0..SAMPLES).for_each(|i| out[i] = [r[i], g[i], b[i]]),
                _ => out.iter_mut().enumerate().for_each(|(i, out)| *out = [r[i], g[i], b[i]]),
            }
        }
    }
}

/// The first four bytes of each, and the last four.
#[inline(always)]
fn words<S: Simd>(simd: S, bytes: &[u64; SAMPLES]) -> [u32x16<S>; 2] {
    let halves: [[u32; 2]; SAMPLES] = std::array::from_fn(|i| [bytes[i] as u32, (bytes[i] >> 32) as u32]);
    let halves = halves.as_flattened();
    let (first, second) =
        u32x16::from_slice(simd, &halves[..SAMPLES]).deinterleave(u32x16::from_slice(simd, &halves[SAMPLES..]));
    [first, second]
}

/// The `k`th of eight bytes.
#[inline(always)]
fn byte<S: Simd>(simd: S, words: [u32x16<S>; 2], k: usize) -> f32x16<S> {
    f32x16::float_from((words[k / 4] >> (8 * (k as u32 % 4))) & u32x16::splat(simd, 255))
}

#[inline(always)]
fn mixed<S: Simd>(a: f32x16<S>, b: f32x16<S>, share: f32x16<S>) -> f32x16<S> {
    a + (b - a) * share
}

/// Eight bytes from `at` on, zeros beyond the end.
#[inline(always)]
fn eight(raw: &[u8], at: usize) -> u64 {
    match raw.get(at..at + 8) {
        Some(bytes) => u64::from_le_bytes(bytes.try_into().unwrap_or_default()),
        None => last(raw, at),
    }
}

/// The same at the end of the picture: apart, so that the way all others go is short.
#[cold]
#[inline(never)]
fn last(raw: &[u8], at: usize) -> u64 {
    raw.get(at..).unwrap_or_default().iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Whether a point in pixel centres has all four neighbours, with a margin for rounding.
fn inside(rgb: &RgbImage, (x, y): (f32, f32)) -> bool {
    x >= 0.0 && y >= 0.0 && x < rgb.width() as f32 - 1.01 && y < rgb.height() as f32 - 1.01
}

/// The colour at a point in pixel centres, 0 to 255; fades to black over the last half pixel, black outside.
fn bilinear(rgb: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    if w == 0 || h == 0 || !(x > -1.0 && y > -1.0 && x < w as f32 && y < h as f32) {
        return [0.0; 3];
    }
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

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    /// Red and green grow along x and y, so that a colour says where it was taken.
    fn ramp() -> RgbImage {
        RgbImage::from_fn(120, 100, |x, y| Rgb([2 * x as u8, 2 * y as u8, 7]))
    }

    proptest! {
        #[test]
        fn a_crop_shows_what_lies_there(angle in -3.2f64..3.2, scale in 0.2f64..4.0, x in 50.0f64..70.0, y in 45.0f64..55.0) {
            let crop = Crop { center: Point::new(x, y), anchor: Point::new(8.0, 6.0), scale, angle };
            let colors = crop.sampled(&ramp(), 16, 12, Outside::Black);
            // A smaller copy is rounded to 8 bits.
            let tolerance = if scale > 2.0 { 0.6 } else { 0.05 };
            for (i, color) in colors.iter().enumerate() {
                let p = crop.to_picture(Point::new((i % 16) as f64 + 0.5, (i / 16) as f64 + 0.5));
                prop_assert!((f64::from(color[0]) - 2.0 * (p.x - 0.5)).abs() < tolerance, "{color:?} at {p:?}");
                prop_assert!((f64::from(color[1]) - 2.0 * (p.y - 0.5)).abs() < tolerance, "{color:?} at {p:?}");
            }
        }

        #[test]
        fn there_and_back(angle in -3.2f64..3.2, scale in 0.1f64..9.0, x in -50.0f64..50.0, y in -50.0f64..50.0) {
            let crop = Crop { center: Point::new(3.0, 4.0), anchor: Point::new(10.0, 20.0), scale, angle };
            let p = crop.from_picture(crop.to_picture(Point::new(x, y)));
            prop_assert!(p.distance(Point::new(x, y)) < 1e-6);
        }
    }

    #[test]
    fn the_edge_is_repeated_however_far_and_wherever_a_crop_leaves_the_picture() {
        let picture = ramp();
        for angle in [0.0, 0.7, 3.0] {
            let crop = Crop { center: Point::new(100.0, 95.0), anchor: Point::new(20.0, 20.0), scale: 1.3, angle };
            for (i, color) in crop.sampled(&picture, 41, 40, Outside::Repeated).iter().enumerate() {
                let p = crop.to_picture(Point::new((i % 41) as f64 + 0.5, (i / 41) as f64 + 0.5));
                let (x, y) = ((p.x - 0.5).clamp(0.0, 119.0), (p.y - 0.5).clamp(0.0, 99.0));
                let truth = [2.0 * x, 2.0 * y, 7.0];
                assert!((0..3).all(|k| (f64::from(color[k]) - truth[k]).abs() < 0.01), "{color:?} at {p:?}");
            }
        }
    }

    #[test]
    fn outside_is_black_or_the_edge() {
        let crop = Crop { center: Point::new(0.0, 50.0), anchor: Point::new(20.0, 4.0), scale: 1.0, angle: 0.0 };
        let black = crop.sampled(&ramp(), 40, 8, Outside::Black);
        let repeated = crop.sampled(&ramp(), 40, 8, Outside::Repeated);
        assert_eq!(black[2], [0.0; 3]);
        assert!((repeated[2][1] - 2.0 * 46.0).abs() < 0.01 && repeated[2][0] == 0.0 && repeated[2][2] == 7.0);
        assert_eq!(black[30], repeated[30]);
    }

    #[test]
    fn a_picture_of_one_pixel_or_none() {
        let crop = Crop { center: Point::new(0.5, 0.5), anchor: Point::new(2.0, 2.0), scale: 1.0, angle: 0.3 };
        let one = RgbImage::from_pixel(1, 1, Rgb([9, 9, 9]));
        assert!(crop.sampled(&one, 4, 4, Outside::Repeated).iter().all(|c| (c[0] - 9.0).abs() < 1e-3));
        assert!(crop.sampled(&RgbImage::new(0, 0), 4, 4, Outside::Black).iter().all(|c| *c == [0.0; 3]));
    }
}
