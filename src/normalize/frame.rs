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
    #[cfg(test)]
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
    let mut out = vec![0.0; width * height];
    if width > 0 && height > 0 {
        dispatch!(Level::new(), _simd => means(plane, &mut out, width, height, reach));
    }
    out
}

/// Rows whose running sums are worked on together: a sum waits for the one before, but not for those of other rows.
const ROWS: usize = 8;

/// Row by row with a running sum for each column, then along some rows at once: memory is walked in its order.
#[inline(always)]
fn means(plane: &[f32], out: &mut [f32], width: usize, height: usize, reach: usize) {
    let mut sums = vec![0.0f32; width];
    let row = |y: usize| &plane[y * width..][..width];
    for y in 0..reach.min(height) {
        add(&mut sums, row(y), 1.0);
    }
    let mut down = vec![0.0f32; ROWS * width];
    for (band, out) in out.chunks_mut(ROWS * width).enumerate() {
        let rows = out.len() / width;
        for (k, down) in down.chunks_exact_mut(width).take(rows).enumerate() {
            let y = band * ROWS + k;
            if y + reach < height {
                add(&mut sums, row(y + reach), 1.0);
            }
            if y > reach {
                add(&mut sums, row(y - reach - 1), -1.0);
            }
            let scale = 1.0 / ((y + reach).min(height - 1) - y.saturating_sub(reach) + 1) as f32;
            for (down, sum) in down.iter_mut().zip(&sums) {
                *down = sum * scale;
            }
        }
        if rows == ROWS {
            running_means::<ROWS>(&down, out, width, reach);
            continue;
        }
        for (down, out) in down.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            running_means::<1>(down, out, width, reach);
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32], row: &[f32], sign: f32) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += sign * value;
    }
}

/// Running means along `N` rows.
#[inline(always)]
fn running_means<const N: usize>(plane: &[f32], out: &mut [f32], width: usize, reach: usize) {
    let start = |row: usize| row * width;
    let mut sums: [f32; N] = std::array::from_fn(|row| plane[start(row)..][..reach.min(width)].iter().sum());
    for x in 0..width {
        let share = 1.0 / ((x + reach).min(width - 1) - x.saturating_sub(reach) + 1) as f32;
        for (row, sum) in sums.iter_mut().enumerate() {
            if x + reach < width {
                *sum += plane[start(row) + x + reach];
            }
            if x > reach {
                *sum -= plane[start(row) + x - reach - 1];
            }
            out[start(row) + x] = *sum * share;
        }
    }
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

/// Whether any is set: all are looked at, which is done many at once.
#[inline(always)]
pub(super) fn any(set: &[bool]) -> bool {
    set.iter().fold(false, |any, &set| any | set)
}

/// `a` at 0, `b` at 1.
pub(super) fn mixed(a: Linear, b: Linear, t: f32) -> Linear {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * t)
}

/// Rises smoothly from 0 at `low` to 1 at `high`.
#[inline(always)]
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
        // More rows than are worked on together.
        let plane: Vec<f32> = (0..77).map(|i| (i * i % 11) as f32).collect();
        let (w, h, reach) = (7usize, 11usize, 2usize);
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
}
