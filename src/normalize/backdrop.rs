//! The photo's own background as a smooth picture, carried on behind the person and beyond the picture's edges.

use super::frame::{Frame, between, box_mean, continued, difference, mixed, reduced};
use super::light::{Linear, encoded_color};

/// The background without its noise. It is smooth, so it is kept in cells of [`CELL`] pixels a side.
#[derive(Debug, Clone)]
pub(super) struct Backdrop {
    width: usize,
    height: usize,
    colors: Vec<Linear>,
    /// The colours in 8-bit sRGB.
    codes: Vec<[u8; 3]>,
    /// Median distance of the background's pixels from it, in steps of 8-bit sRGB.
    pub noise: f32,
}

/// Side of a cell in pixels of the frame.
const CELL: usize = 4;

/// Least share of the frame that has to be background.
const LEAST: f64 = 0.01;

/// Distance in noises from which a pixel of the background is something else: a wisp of hair, a speck.
const STRAY: f32 = 5.0;

/// Reach of the mean that takes the noise out, in cells.
const SMOOTHING: usize = 2;

impl Backdrop {
    /// The background of a frame from the pixels that are known to be background. `None` when too few are.
    pub(super) fn of(frame: &Frame, known: &[bool]) -> Option<Self> {
        let count = known.iter().filter(|&&known| known).count();
        if (count as f64) < LEAST * known.len() as f64 {
            return None;
        }
        let first = Self::fitted(frame, known);
        // What stands out of the first model is left out of the second.
        let near: Vec<bool> =
            (0..known.len()).map(|i| known[i] && first.distance(frame, i) <= STRAY * first.noise.max(1.0)).collect();
        Some(Self::fitted(frame, &near))
    }

    fn fitted(frame: &Frame, known: &[bool]) -> Self {
        let (width, height) = (frame.width.div_ceil(CELL), frame.height.div_ceil(CELL));
        let (colors, weights) = reduced(frame, known, CELL);
        let colors = smoothed(&continued(&colors, &weights, width, height), width, height);
        let codes = colors.iter().map(|&color| encoded_color(color)).collect();
        let mut fitted = Self { width, height, colors, codes, noise: 0.0 };
        let mut distances: Vec<f32> =
            (0..known.len()).step_by(3).filter(|&i| known[i]).map(|i| fitted.distance(frame, i)).collect();
        if !distances.is_empty() {
            let middle = distances.len() / 2;
            fitted.noise = *distances.select_nth_unstable_by(middle, f32::total_cmp).1;
        }
        fitted
    }

    /// The background's colour at a pixel of the frame.
    pub(super) fn at(&self, x: usize, y: usize) -> Linear {
        let (x0, x1, fx) = between(x, self.width, CELL);
        let (y0, y1, fy) = between(y, self.height, CELL);
        let row = |y: usize| mixed(self.colors[y * self.width + x0], self.colors[y * self.width + x1], fx);
        mixed(row(y0), row(y1), fy)
    }

    /// The same in 8-bit sRGB, to within a cell's change of colour, which is less than a step.
    pub(super) fn code(&self, x: usize, y: usize) -> [u8; 3] {
        self.codes[y / CELL * self.width + x / CELL]
    }

    /// Distance of a pixel of the frame from the background, in steps of 8-bit sRGB over all channels.
    pub(super) fn distance(&self, frame: &Frame, i: usize) -> f32 {
        difference(frame.code(i), self.code(i % frame.width, i / frame.width))
    }

    /// Fills the pixels that the picture does not give with background and the background's own noise, so that no seam
    /// shows: the noise is that of the pixels mirrored at the picture's edge, as far as they are background.
    pub(super) fn fill(&self, frame: &mut Frame, known: &[bool]) {
        let (w, h) = (frame.width, frame.height);
        let given = |x: usize, y: usize| frame.given[y * w + x];
        let Some(top) = (0..h).find(|&y| (0..w).any(|x| given(x, y))) else { return };
        let bottom = (0..h).rfind(|&y| (0..w).any(|x| given(x, y))).unwrap_or(h - 1);
        let Some(left) = (0..w).find(|&x| (0..h).any(|y| given(x, y))) else { return };
        let right = (0..w).rfind(|&x| (0..h).any(|y| given(x, y))).unwrap_or(w - 1);
        let stock: Vec<usize> = (0..known.len()).filter(|&i| known[i]).collect();
        let residual = |frame: &Frame, i: usize| -> Linear {
            let (pixel, background) = (frame.color(i), self.at(i % w, i / w));
            std::array::from_fn(|c| pixel[c] - background[c])
        };
        for i in 0..w * h {
            if frame.given[i] {
                continue;
            }
            let (x, y) = (i % w, i / w);
            let j = mirrored(y, top, bottom) * w + mirrored(x, left, right);
            // Elsewhere any pixel's noise does, picked by place so that the same photo gives the same result.
            let from = if known[j] { Some(j) } else { stock.get(scattered(i) % stock.len().max(1)).copied() };
            let noise = from.map_or([0.0; 3], |from| residual(frame, from));
            let background = self.at(x, y);
            let color = std::array::from_fn(|c| (background[c] + noise[c]).clamp(0.0, 1.0));
            frame.set_code(i, encoded_color(color));
        }
    }
}

/// A place outside of `low..=high` reflected into it, as often as need be.
fn mirrored(i: usize, low: usize, high: usize) -> usize {
    let n = (high - low + 1) as i64;
    let at = (i as i64 - low as i64).rem_euclid(2 * n);
    low + at.min(2 * n - 1 - at) as usize
}

/// A number that looks like chance but follows from `i` (the finaliser of SplitMix64).
fn scattered(i: usize) -> usize {
    let mut z = (i as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as usize
}

fn smoothed(colors: &[Linear], width: usize, height: usize) -> Vec<Linear> {
    let planes: [Vec<f32>; 3] = std::array::from_fn(|c| {
        let plane: Vec<f32> = colors.iter().map(|color| color[c]).collect();
        let once = box_mean(&plane, width, height, SMOOTHING);
        box_mean(&once, width, height, SMOOTHING)
    });
    (0..colors.len()).map(|i| [planes[0][i], planes[1][i], planes[2][i]]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::light::linear_color;
    use super::*;

    /// A frame that falls off to the right, with a little noise, of which the first columns were not given.
    fn frame(missing: usize) -> (Frame, Vec<bool>) {
        let mut frame = Frame::empty(96, 64);
        for i in 0..96 * 64 {
            let x = i % 96;
            let noise = (scattered(i) % 100) as f32 / 100.0 * 0.02 - 0.01;
            frame.give(i, [((0.6 - x as f32 * 0.001 + noise) * 65535.0) as u16; 3]);
            frame.given[i] = x >= missing;
        }
        let known = frame.given.clone();
        (frame, known)
    }

    #[test]
    fn the_noise_is_taken_out_and_the_fall_off_kept() {
        let (frame, known) = frame(0);
        let backdrop = Backdrop::of(&frame, &known).expect("all of it");
        for (x, y) in [(20, 10), (48, 32), (80, 50)] {
            let expected = 0.6 - x as f32 * 0.001;
            assert!((backdrop.at(x, y)[0] - expected).abs() < 0.004, "{x} {y} {:?}", backdrop.at(x, y));
        }
    }

    #[test]
    fn added_background_has_the_level_and_the_noise_of_its_neighbours() {
        let (mut frame, known) = frame(16);
        let backdrop = Backdrop::of(&frame, &known).expect("most of it");
        backdrop.fill(&mut frame, &known);
        let spread = |columns: std::ops::Range<usize>| {
            let values: Vec<f32> = (0..64)
                .flat_map(|y| columns.clone().map(move |x| y * 96 + x))
                .map(|i| linear_color(frame.code(i))[0])
                .collect();
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt())
        };
        let ((added, added_noise), (own, own_noise)) = (spread(4..16), spread(16..28));
        assert!(
            (added - own).abs() < 0.015 && (added_noise / own_noise - 1.0).abs() < 0.4,
            "{added} {own} {added_noise} {own_noise}"
        );
    }

    #[test]
    fn a_mirror_at_the_edge_repeats_the_edge() {
        assert_eq!([8, 9, 10, 11, 12, 13, 14].map(|i| mirrored(i, 10, 12)), [11, 10, 10, 11, 12, 12, 11]);
    }

    #[test]
    fn without_background_there_is_none() {
        let (frame, _) = frame(0);
        assert!(Backdrop::of(&frame, &vec![false; 96 * 64]).is_none());
    }
}
