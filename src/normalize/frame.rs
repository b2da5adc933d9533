//! The result's pixels while they are made, and planes of numbers of their size.

use fearless_simd::{Level, dispatch};
use image::RgbImage;

use super::light::{Linear, encoded_step, of_step};

/// The result while it is made: planes of red, green and blue, row-major.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub width: usize,
    pub height: usize,
    /// The picture's pixels in linear light, in steps of 1/65535. Empty planes when only their codes are wanted.
    pub light: [Vec<u16>; 3],
    /// The same in 8-bit sRGB, as far as nothing was laid over them yet.
    pub codes: [Vec<u8>; 3],
    /// Whole pixels that the picture gave; the others are still to be filled.
    pub given: Vec<bool>,
}

impl Frame {
    /// A frame of nothing.
    pub(super) fn empty(width: u32, height: u32) -> Self {
        let frame = Self::of_codes(width, height);
        let light = || vec![0; frame.given.len()];
        Self { light: [light(), light(), light()], ..frame }
    }

    /// A frame of nothing that does not keep linear light.
    pub(super) fn of_codes(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let n = width * height;
        let codes = || vec![0; n];
        Self { width, height, light: Default::default(), codes: [codes(), codes(), codes()], given: vec![false; n] }
    }

    /// Sets a pixel that the picture gives: linear light in steps of 1/65535.
    pub(super) fn give(&mut self, i: usize, color: [u16; 3]) {
        for (c, step) in color.into_iter().enumerate() {
            self.codes[c][i] = encoded_step(step);
            if let Some(light) = self.light[c].get_mut(i) {
                *light = step;
            }
        }
        self.given[i] = true;
    }

    /// A pixel of the picture in linear light.
    #[inline]
    pub(super) fn color(&self, i: usize) -> Linear {
        let [r, g, b] = &self.light;
        [of_step(r[i]), of_step(g[i]), of_step(b[i])]
    }

    /// A pixel in 8-bit sRGB.
    #[inline]
    pub(super) fn code(&self, i: usize) -> [u8; 3] {
        let [r, g, b] = &self.codes;
        [r[i], g[i], b[i]]
    }

    /// Lays a colour of 8-bit sRGB over a pixel.
    #[inline]
    pub(super) fn set_code(&mut self, i: usize, code: [u8; 3]) {
        let [r, g, b] = &mut self.codes;
        (r[i], g[i], b[i]) = (code[0], code[1], code[2]);
    }

    /// Whether the picture gave every pixel.
    pub(super) fn is_full(&self) -> bool {
        self.given.iter().all(|&given| given)
    }

    /// The frame in 8-bit sRGB.
    pub(super) fn into_rgb(self) -> RgbImage {
        let mut rgb = vec![0; 3 * self.given.len()];
        dispatch!(Level::new(), _simd => interleave(&self.codes, &mut rgb));
        RgbImage::from_raw(self.width as u32, self.height as u32, rgb).unwrap_or_default()
    }
}

/// Pixels out of planes.
#[inline(always)]
fn interleave([red, green, blue]: &[Vec<u8>; 3], rgb: &mut [u8]) {
    for (((pixel, &r), &g), &b) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = [r, g, b];
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
    for i in (0..chosen.len()).filter(|&i| chosen[i]) {
        let cell = i / frame.width / factor * width + i % frame.width / factor;
        let color = frame.color(i);
        (0..3).for_each(|c| colors[cell][c] += color[c]);
        weights[cell] += 1.0;
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
    fn planes_become_pixels() {
        let mut frame = Frame::of_codes(13, 3);
        for i in 0..39 {
            frame.given[i] = i != 20;
            frame.set_code(i, [i as u8, 100 + i as u8, 200]);
        }
        assert!(!frame.is_full());
        assert_eq!(frame.code(7), [7, 107, 200]);
        let rgb = frame.into_rgb();
        assert!((0..39).all(|i| rgb.get_pixel(i % 13, i / 13).0 == [i as u8, 100 + i as u8, 200]));
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
