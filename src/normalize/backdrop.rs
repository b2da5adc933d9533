//! The photo's own background as a smooth picture, carried on behind the person and beyond the picture's edges.

use fearless_simd::{Level, dispatch};

use super::cells::{Cells, between_rows};
use super::frame::{Frame, any, between, mixed};
use super::light::{LANES, Linear, encoded, encoded_color};

/// The background without its noise. It is smooth, so it is kept in cells of [`CELL`] pixels a side.
#[derive(Debug, Clone)]
pub(super) struct Backdrop {
    cells: Cells,
    /// The cells' colours in 8-bit sRGB.
    codes: [Vec<u8>; 3],
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

/// Squares of distances below which one is near.
const NEAR: usize = 1024;

/// One pixel in this many is looked at for the noise.
const NOISE_SAMPLE: usize = 3;

impl Backdrop {
    /// The background of a frame from the pixels that are known to be background. `None` when too few are.
    pub(super) fn of(frame: &Frame, known: &[bool]) -> Option<Self> {
        let count = known.iter().filter(|&&known| known).count();
        if (count as f64) < LEAST * known.len() as f64 {
            return None;
        }
        let first = Self::fitted(frame, known);
        // What stands out of the first model is left out of the second.
        let near = first.near(frame, STRAY * first.noise.max(1.0), known);
        Some(Self::fitted(frame, &near))
    }

    fn fitted(frame: &Frame, known: &[bool]) -> Self {
        let cells = Cells::of::<CELL>(frame, known).continued().smoothed(SMOOTHING);
        let codes = cells.colors.each_ref().map(|plane| plane.iter().map(|&light| encoded(light)).collect());
        let mut fitted = Self { cells, codes, noise: 0.0 };
        fitted.noise = dispatch!(Level::new(), _simd => fitted.noise(frame, known));
        fitted
    }

    /// Median distance of the known pixels, or of some of them.
    #[inline(always)]
    fn noise(&self, frame: &Frame, known: &[bool]) -> f32 {
        // Nearly all are near, so these are counted and only the others listed.
        let (mut near, mut far) = ([0usize; NEAR], Vec::new());
        let mut rows = Squares::new(self, frame);
        let mut next = 0;
        for (y, known) in known.chunks_exact(frame.width).enumerate() {
            let row = rows.of(y);
            while next < frame.width {
                if known[next] {
                    match near.get_mut(row[next] as usize) {
                        Some(count) => *count += 1,
                        None => far.push(row[next]),
                    }
                }
                next += NOISE_SAMPLE;
            }
            next -= frame.width;
        }
        let all_near: usize = near.iter().sum();
        let mut middle = (all_near + far.len()) / 2;
        if middle < all_near {
            let passed = |count: &&usize| middle.checked_sub(**count).map(|rest| middle = rest).is_some();
            return (near.iter().take_while(passed).count() as f32).sqrt();
        }
        if far.is_empty() {
            return 0.0;
        }
        (*far.select_nth_unstable(middle - all_near).1 as f32).sqrt()
    }

    /// Which of the chosen pixels lie no farther from the background than `limit`, in steps of 8-bit sRGB over all
    /// channels.
    pub(super) fn near(&self, frame: &Frame, limit: f32, chosen: &[bool]) -> Vec<bool> {
        let mut near = vec![false; chosen.len()];
        dispatch!(Level::new(), _simd => self.mark_near(frame, limit, chosen, &mut near));
        near
    }

    #[inline(always)]
    fn mark_near(&self, frame: &Frame, limit: f32, chosen: &[bool], near: &mut [bool]) {
        let mut rows = Squares::new(self, frame);
        let width = frame.width.max(1);
        for (y, (near, chosen)) in near.chunks_exact_mut(width).zip(chosen.chunks_exact(width)).enumerate() {
            if !any(chosen) {
                continue;
            }
            for ((near, &chosen), &square) in near.iter_mut().zip(chosen).zip(rows.of(y)) {
                *near = chosen & (square as f32 <= limit * limit);
            }
        }
    }

    /// The background's colour at a pixel of the frame.
    pub(super) fn at(&self, x: usize, y: usize) -> Linear {
        let width = self.cells.width;
        let (x0, x1, fx) = between(x, width, CELL);
        let (y0, y1, fy) = between(y, self.cells.height, CELL);
        let cell = |x: usize, y: usize| self.cells.colors.each_ref().map(|plane| plane[y * width + x]);
        let row = |y: usize| mixed(cell(x0, y), cell(x1, y), fx);
        mixed(row(y0), row(y1), fy)
    }

    /// Makes `line` a row of the frame's pixels, still in cells across.
    #[inline(always)]
    pub(super) fn line(&self, y: usize, line: &mut [Vec<f32>; 3]) {
        for (line, plane) in line.iter_mut().zip(&self.cells.colors) {
            between_rows::<CELL>(plane, self.cells.width, self.cells.height, y, line);
        }
    }

    /// The colours of a [`Backdrop::line`] from pixel `x` on, which begins a cell. Beyond the line's end they mean
    /// nothing.
    #[inline(always)]
    pub(super) fn colors(line: &[Vec<f32>; 3], x: usize) -> [[f32; LANES]; 3] {
        let mut colors = [[0.0; LANES]; 3];
        for (colors, line) in colors.iter_mut().zip(line) {
            // The line begins with a cell more.
            let near = line.get(x / CELL..).unwrap_or_default().windows(3);
            for (colors, near) in colors.as_chunks_mut::<CELL>().0.iter_mut().zip(near) {
                let (own, to_left, to_right) = (near[1], near[0] - near[1], near[2] - near[1]);
                *colors =
                    [own + to_left * 0.375, own + to_left * 0.125, own + to_right * 0.125, own + to_right * 0.375];
            }
        }
        colors
    }

    /// The same in 8-bit sRGB from row `y` and pixel `x` on, to within a cell's change of colour, which is less than a
    /// step.
    #[inline(always)]
    pub(super) fn codes(&self, x: usize, y: usize) -> [[u8; LANES]; 3] {
        let start = y / CELL * self.cells.width;
        let mut out = [[0; LANES]; 3];
        for (out, codes) in out.iter_mut().zip(&self.codes) {
            let row = &codes[start + x / CELL..start + self.cells.width];
            for (out, &code) in out.as_chunks_mut::<CELL>().0.iter_mut().zip(row) {
                *out = [code; CELL];
            }
        }
        out
    }

    /// The background's colour at a pixel in 8-bit sRGB.
    pub(super) fn code(&self, x: usize, y: usize) -> [u8; 3] {
        self.codes.each_ref().map(|codes| codes[y / CELL * self.cells.width + x / CELL])
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

/// Distances of a frame's pixels from the background, row by row.
struct Squares<'a> {
    backdrop: &'a Backdrop,
    frame: &'a Frame,
    /// The row of cells that `codes` holds, pixel by pixel.
    cells: Option<usize>,
    codes: [Vec<u8>; 3],
    squares: Vec<u32>,
}

impl<'a> Squares<'a> {
    fn new(backdrop: &'a Backdrop, frame: &'a Frame) -> Self {
        let codes = || vec![0; frame.width];
        let codes = [codes(), codes(), codes()];
        Self { backdrop, frame, cells: None, codes, squares: vec![0; frame.width] }
    }

    /// The squares of the distances of a row's pixels, in steps of 8-bit sRGB over all channels.
    #[inline(always)]
    fn of(&mut self, y: usize) -> &[u32] {
        let width = self.frame.width;
        if self.cells.replace(y / CELL) != Some(y / CELL) {
            let start = y / CELL * self.backdrop.cells.width;
            for (codes, cells) in self.codes.iter_mut().zip(&self.backdrop.codes) {
                for (codes, &cell) in codes.chunks_mut(CELL).zip(&cells[start..]) {
                    codes.fill(cell);
                }
            }
        }
        self.squares.fill(0);
        for (codes, pixels) in self.codes.iter().zip(&self.frame.codes) {
            let pixels = &pixels[y * width..][..width];
            for ((square, &code), &pixel) in self.squares.iter_mut().zip(codes).zip(pixels) {
                let apart = u32::from(code.abs_diff(pixel));
                *square += apart * apart;
            }
        }
        &self.squares
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::difference;
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
    fn many_pixels_are_like_single_ones() {
        let (frame, known) = frame(0);
        let backdrop = Backdrop::of(&frame, &known).expect("all of it");
        let mut line = Default::default();
        for (x, y) in [(0, 0), (16, 1), (32, 30), (80, 63)] {
            backdrop.line(y, &mut line);
            let (colors, codes) = (Backdrop::colors(&line, x), backdrop.codes(x, y));
            for k in 0..LANES {
                assert_eq!(codes.map(|codes| codes[k]), backdrop.code(x + k, y));
                let (many, single) = (colors.map(|colors| colors[k]), backdrop.at(x + k, y));
                assert!((0..3).all(|c| (many[c] - single[c]).abs() < 1e-6), "{many:?} {single:?} at {x}, {y}");
            }
        }
    }

    #[test]
    fn the_noise_is_the_median_whether_small_or_large() {
        let (mut frame, known) = frame(0);
        let backdrop = Backdrop::of(&frame, &known).expect("all of it");
        let median = |frame: &Frame| {
            let squares = |i: usize| difference(frame.code(i), backdrop.code(i % 96, i / 96));
            let mut all: Vec<f32> = (0..known.len()).step_by(NOISE_SAMPLE).map(squares).collect();
            all.sort_by(f32::total_cmp);
            all[all.len() / 2]
        };
        assert_eq!(backdrop.noise(&frame, &known), median(&frame));
        (0..96 * 40).for_each(|i| frame.set_code(i, [255, (i % 50) as u8, 0]));
        assert!(median(&frame) > 100.0);
        assert_eq!(backdrop.noise(&frame, &known), median(&frame));
        assert_eq!(backdrop.noise(&frame, &vec![false; known.len()]), 0.0);
    }

    #[test]
    fn a_speck_is_not_near_the_background() {
        let (mut frame, known) = frame(0);
        frame.set_code(96 * 9 + 50, [255, 0, 0]);
        let backdrop = Backdrop::of(&frame, &known).expect("all of it");
        let near = backdrop.near(&frame, 12.0, &known);
        assert_eq!(near.iter().filter(|near| !*near).count(), 1);
        assert!(!near[96 * 9 + 50]);
        assert!(!backdrop.near(&frame, 12.0, &vec![false; 96 * 64]).contains(&true));
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
