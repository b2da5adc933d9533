//! The result's pixels while they are made: linear light, and the conversions to and from 8-bit sRGB.

use std::sync::LazyLock;

use fearless_simd::{Level, dispatch};
use image::RgbImage;

/// A colour in linear light, each channel 0 to 1.
pub(super) type Linear = [f32; 3];

/// The result while it is made, row-major.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub width: usize,
    pub height: usize,
    /// The picture's pixels in linear light.
    pub pixels: Vec<Linear>,
    /// The same in 8-bit sRGB, as far as nothing was laid over them yet.
    pub rgb: Vec<[u8; 3]>,
    /// Whole pixels that the picture gave; the others are still to be filled.
    pub given: Vec<bool>,
}

/// 8-bit sRGB of linear light in steps of 1/65535.
static ENCODED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let encode = |i: u32| {
        let v = f64::from(i) / 65535.0;
        let srgb = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        (srgb * 255.0).round() as u8
    };
    (0..=65535).map(encode).collect()
});

/// 8-bit sRGB of a value in linear light; what is out of range is cut.
pub(crate) fn encoded(value: f32) -> u8 {
    // The cast of a float saturates.
    ENCODED[usize::from((value * 65535.0 + 0.5) as u16)]
}

/// A colour in 8-bit sRGB.
pub(super) fn encoded_color(color: Linear) -> [u8; 3] {
    color.map(encoded)
}

/// A colour in linear light.
pub(super) fn linear_color(rgb: [u8; 3]) -> Linear {
    rgb.map(crate::scene::lab::linear)
}

impl Frame {
    /// A frame of nothing.
    pub(super) fn empty(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let n = width * height;
        Self { width, height, pixels: vec![[0.0; 3]; n], rgb: vec![[0; 3]; n], given: vec![false; n] }
    }

    /// Sets a pixel that the picture gives: linear light in steps of 1/65535.
    #[inline]
    pub(super) fn give(&mut self, i: usize, color: [u16; 3]) {
        self.pixels[i] = color.map(|v| f32::from(v) * (1.0 / 65535.0));
        self.rgb[i] = color.map(|v| ENCODED[usize::from(v)]);
        self.given[i] = true;
    }

    /// Whether the picture gave every pixel.
    pub(super) fn is_full(&self) -> bool {
        self.given.iter().all(|&given| given)
    }

    /// The frame in 8-bit sRGB.
    pub(super) fn into_rgb(self) -> RgbImage {
        RgbImage::from_raw(self.width as u32, self.height as u32, self.rgb.into_flattened()).unwrap_or_default()
    }
}

/// A plane of numbers of the frame's size.
pub(super) type Plane = Vec<f32>;

/// Means over squares of `2 * reach + 1` pixels a side; at the edges over what there is.
pub(super) fn box_mean(plane: &[f32], width: usize, height: usize, reach: usize) -> Plane {
    let mut across = vec![0.0; width * height];
    for (plane, across) in plane.chunks(ROWS * width.max(1)).zip(across.chunks_mut(ROWS * width.max(1))) {
        if plane.len() == ROWS * width {
            running_means::<ROWS>(plane, across, width, reach);
            continue;
        }
        for (plane, across) in plane.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
            running_means::<1>(plane, across, width, reach);
        }
    }
    let mut out = vec![0.0; width * height];
    dispatch!(Level::new(), _simd => mean_down(&across, &mut out, width, height, reach));
    out
}

/// Row by row with a running sum for each column: memory is walked in its order.
#[inline(always)]
fn mean_down(across: &[f32], out: &mut [f32], width: usize, height: usize, reach: usize) {
    let mut sums = vec![0.0f32; width];
    let row = |y: usize| &across[y * width..(y + 1) * width];
    for y in 0..reach.min(height) {
        add(&mut sums, row(y), 1.0);
    }
    for (y, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
        if y + reach < height {
            add(&mut sums, row(y + reach), 1.0);
        }
        if y > reach {
            add(&mut sums, row(y - reach - 1), -1.0);
        }
        let rows = (y + reach).min(height - 1) - y.saturating_sub(reach) + 1;
        let scale = 1.0 / rows as f32;
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = sum * scale;
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32], row: &[f32], sign: f32) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += sign * value;
    }
}

/// Rows whose running sums are worked on together: a sum waits for the one before, but not for those of other rows.
const ROWS: usize = 8;

/// Running means along `N` rows.
fn running_means<const N: usize>(plane: &[f32], out: &mut [f32], width: usize, reach: usize) {
    let start = |row: usize| row * width;
    let mut sums: [f32; N] = std::array::from_fn(|row| plane[start(row)..][..reach.min(width)].iter().sum());
    for x in 0..width {
        let count = ((x + reach).min(width - 1) - x.saturating_sub(reach) + 1) as f32;
        for (row, sum) in sums.iter_mut().enumerate() {
            if x + reach < width {
                *sum += plane[start(row) + x + reach];
            }
            if x > reach {
                *sum -= plane[start(row) + x - reach - 1];
            }
            out[start(row) + x] = *sum / count;
        }
    }
}

/// Distance of every pixel to the nearest one of a set: chamfer with steps of 1 and √2 (Borgefors 1986).
#[derive(Debug, Clone)]
pub(super) struct Distances {
    /// In units of 1/[`Distances::UNIT`] pixel.
    steps: Vec<u16>,
}

impl Distances {
    /// Units in a pixel: with 70, a diagonal step of 99 is √2 to within 1 in 10,000, and whole numbers are added at once.
    const UNIT: u16 = 70;
    const DIAGONAL: u16 = 99;

    /// Of the pixels that are `set`; no distance is larger than `reach` pixels.
    pub(super) fn to(set: impl Fn(usize) -> bool, width: usize, height: usize, reach: f32) -> Self {
        let most = (reach * f32::from(Self::UNIT)) as u16;
        let mut steps: Vec<u16> = (0..width * height).map(|i| if set(i) { 0 } else { most }).collect();
        // Downwards and to the right, then upwards and to the left: each row takes from the one before it first.
        for y in 0..height {
            let (above, row) = steps.split_at_mut(y * width);
            let row = &mut row[..width];
            if y > 0 {
                Self::across(row, &above[(y - 1) * width..]);
            }
            let mut last = most;
            for d in row {
                *d = (*d).min(last.saturating_add(Self::UNIT));
                last = *d;
            }
        }
        for y in (0..height).rev() {
            let (row, below) = steps[y * width..].split_at_mut(width);
            if y + 1 < height {
                Self::across(row, &below[..width]);
            }
            let mut last = most;
            for d in row.iter_mut().rev() {
                *d = (*d).min(last.saturating_add(Self::UNIT));
                last = *d;
            }
        }
        Self { steps }
    }

    /// Takes what is nearer by way of the neighbouring row.
    fn across(row: &mut [u16], next: &[u16]) {
        for (d, n) in row.iter_mut().zip(next) {
            *d = (*d).min(n.saturating_add(Self::UNIT));
        }
        for (d, n) in row.iter_mut().skip(1).zip(next) {
            *d = (*d).min(n.saturating_add(Self::DIAGONAL));
        }
        for (d, n) in row.iter_mut().zip(next.iter().skip(1)) {
            *d = (*d).min(n.saturating_add(Self::DIAGONAL));
        }
    }

    /// The distance of a pixel, in pixels.
    pub(super) fn at(&self, i: usize) -> f32 {
        f32::from(self.steps[i]) * (1.0 / f32::from(Self::UNIT))
    }
}

/// Means of the chosen pixels over squares of `factor` pixels a side, and 1 where there are any, else 0.
pub(super) fn reduced(frame: &Frame, chosen: &[bool], factor: usize) -> (Vec<Linear>, Plane) {
    let (width, height) = (frame.width.div_ceil(factor), frame.height.div_ceil(factor));
    let mut colors = vec![[0.0f32; 3]; width * height];
    let mut weights = vec![0.0f32; width * height];
    let rows = frame.pixels.chunks_exact(frame.width).zip(chosen.chunks_exact(frame.width));
    for (y, (pixels, chosen)) in rows.enumerate() {
        let cells = y / factor * width..;
        let squares = pixels.chunks(factor).zip(chosen.chunks(factor));
        let sums = colors[cells.clone()].iter_mut().zip(&mut weights[cells]);
        for ((sum, weight), (pixels, chosen)) in sums.zip(squares) {
            for (pixel, _) in pixels.iter().zip(chosen).filter(|(_, chosen)| **chosen) {
                (0..3).for_each(|c| sum[c] += pixel[c]);
                *weight += 1.0;
            }
        }
    }
    for (color, weight) in colors.iter_mut().zip(&mut weights) {
        if *weight > 0.0 {
            *color = color.map(|c| c / *weight);
            *weight = 1.0;
        }
    }
    (colors, weights)
}

/// A smooth continuation of known colours to where nothing is known (push-pull: Gortler et al., The Lumigraph, 1996).
///
/// Known colours are averaged over ever larger squares; what is unknown takes the mean of the smallest square around it
/// that knows something, blended between squares.
pub(super) fn continued(colors: &[Linear], known: &[f32], width: usize, height: usize) -> Vec<Linear> {
    if width.min(height) <= 1 || known.iter().all(|&k| k >= 1.0) {
        let (mut sum, mut weight) = ([0.0f32; 3], 0.0f32);
        for (color, &k) in colors.iter().zip(known) {
            (0..3).for_each(|c| sum[c] += color[c] * k);
            weight += k;
        }
        let mean = sum.map(|s| s / weight.max(f32::MIN_POSITIVE));
        return colors.iter().zip(known).map(|(color, &k)| mixed(mean, *color, k.min(1.0))).collect();
    }
    let (w, h) = (width.div_ceil(2), height.div_ceil(2));
    let mut coarse = vec![[0.0f32; 3]; w * h];
    let mut weight = vec![0.0f32; w * h];
    for y in 0..height {
        for x in 0..width {
            let (i, j) = (y * width + x, (y / 2) * w + x / 2);
            let k = known[i];
            (0..3).for_each(|c| coarse[j][c] += colors[i][c] * k);
            weight[j] += k;
        }
    }
    for (color, weight) in coarse.iter_mut().zip(&mut weight) {
        if *weight > 0.0 {
            *color = color.map(|c| c / *weight);
            *weight = weight.min(1.0);
        }
    }
    let coarse = continued(&coarse, &weight, w, h);
    let mut out = Vec::with_capacity(width * height);
    for y in 0..height {
        // Centres of the coarse pixels lie between those of the fine ones.
        let (y0, y1, fy) = between(y, h, 2);
        for x in 0..width {
            let i = y * width + x;
            if known[i] >= 1.0 {
                out.push(colors[i]);
                continue;
            }
            let (x0, x1, fx) = between(x, w, 2);
            let top = mixed(coarse[y0 * w + x0], coarse[y0 * w + x1], fx);
            let bottom = mixed(coarse[y1 * w + x0], coarse[y1 * w + x1], fx);
            out.push(mixed(mixed(top, bottom, fy), colors[i], known[i]));
        }
    }
    out
}

/// The two coarse pixels of `n` around the fine pixel `i`, of which `factor` make one, and the weight of the second.
pub(super) fn between(i: usize, n: usize, factor: usize) -> (usize, usize, f32) {
    let at = (i as f32 + 0.5) / factor as f32 - 0.5;
    let low = at.max(0.0) as usize;
    (low.min(n - 1), (low + 1).min(n - 1), (at - low as f32).clamp(0.0, 1.0))
}

/// Distance of two colours in steps of 8-bit sRGB, over all channels.
pub(super) fn difference(a: [u8; 3], b: [u8; 3]) -> f32 {
    let squares: i32 = (0..3).map(|c| (i32::from(a[c]) - i32::from(b[c])).pow(2)).sum();
    (squares as f32).sqrt()
}

/// `a` at 0, `b` at 1.
pub(super) fn mixed(a: Linear, b: Linear, t: f32) -> Linear {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * t)
}

/// Rises smoothly from 0 at `low` to 1 at `high`.
pub(super) fn smooth_step(low: f32, high: f32, v: f32) -> f32 {
    let t = ((v - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_survive_linear_light() {
        for value in 0..=255u8 {
            assert_eq!(encoded_color(linear_color([value; 3])), [value; 3]);
        }
        assert_eq!((encoded(-1.0), encoded(2.0)), (0, 255));
    }

    #[test]
    fn means_of_squares_are_right_at_the_edges_too() {
        let plane: Vec<f32> = (0..35).map(|i| (i * i % 11) as f32).collect();
        let (w, h, reach) = (7usize, 5usize, 2usize);
        let mean = box_mean(&plane, w, h, reach);
        for y in 0..h {
            for x in 0..w {
                let xs = x.saturating_sub(reach)..=(x + reach).min(w - 1);
                let ys = y.saturating_sub(reach)..=(y + reach).min(h - 1);
                let all: Vec<f32> =
                    ys.flat_map(|y| xs.clone().map(move |x| (x, y))).map(|(x, y)| plane[y * w + x]).collect();
                let wanted = all.iter().sum::<f32>() / all.len() as f32;
                assert!((mean[y * w + x] - wanted).abs() < 1e-4, "{x} {y}");
            }
        }
    }

    #[test]
    fn what_is_known_stays_and_the_rest_follows_it() {
        let (w, h) = (33, 20);
        let truth = |x: usize| [x as f32 / w as f32, 0.5, 0.25];
        let colors: Vec<Linear> = (0..w * h).map(|i| if i % w < 12 { truth(i % w) } else { [9.0; 3] }).collect();
        let known: Vec<f32> = (0..w * h).map(|i| if i % w < 12 { 1.0 } else { 0.0 }).collect();
        let all = continued(&colors, &known, w, h);
        for (i, color) in all.iter().enumerate() {
            if i % w < 12 {
                assert_eq!(*color, truth(i % w));
            } else {
                assert!((color[1] - 0.5).abs() < 1e-3 && (0.0..0.4).contains(&color[0]), "{color:?}");
            }
        }
    }

    #[test]
    fn distances_are_those_of_the_nearest_set_pixel() {
        let d = Distances::to(|i| i == 0, 6, 4, 10.0);
        assert_eq!((d.at(0), d.at(3), d.at(6)), (0.0, 3.0, 1.0));
        assert!((d.at(6 + 1) - std::f32::consts::SQRT_2).abs() < 1e-3);
        let d = Distances::to(|i| i == 14, 6, 4, 2.5);
        assert!((d.at(6 + 1) - std::f32::consts::SQRT_2).abs() < 1e-3, "upwards and to the left");
        assert_eq!((d.at(15), d.at(20), d.at(5)), (1.0, 1.0, 2.5));
    }

    #[test]
    fn squares_at_the_edges_are_means_of_what_there_is() {
        let mut frame = Frame::empty(5, 3);
        (0..15).for_each(|i| frame.give(i, [i as u16 * 4369, 1 << 15, 0]));
        let chosen: Vec<bool> = (0..15).map(|i| i != 6 && i != 14).collect();
        let (colors, known) = reduced(&frame, &chosen, 2);
        assert_eq!(known, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        assert!((colors[0][0] - (0.0 + 1.0 + 5.0) / 45.0).abs() < 1e-6 && (colors[2][0] - 6.5 / 15.0).abs() < 1e-6);
    }
}
