//! The frame's colours in coarse cells: means of what is known, carried on smoothly to where nothing is.

use fearless_simd::{Level, dispatch};

use super::frame::{Frame, Plane, box_mean};

/// Colours in linear light, row-major, plane by plane.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub width: usize,
    pub height: usize,
    pub colors: [Plane; 3],
    /// How far each colour is known, 0 to 1. The colour of a cell of which nothing is known is 0.
    known: Plane,
}

impl Cells {
    fn unknown(width: usize, height: usize) -> Self {
        let plane = || vec![0.0; width * height];
        Self { width, height, colors: [plane(), plane(), plane()], known: plane() }
    }

    /// Means of the chosen pixels over squares of `SIDE` pixels a side.
    pub(super) fn of<const SIDE: usize>(frame: &Frame, chosen: &[bool]) -> Self {
        let mut cells = Self::unknown(frame.width.div_ceil(SIDE), frame.height.div_ceil(SIDE));
        dispatch!(Level::new(), _simd => cells.average::<SIDE>(frame, chosen));
        cells
    }

    #[inline(always)]
    fn average<const SIDE: usize>(&mut self, frame: &Frame, chosen: &[bool]) {
        let width = frame.width;
        let mut sums = vec![0.0; width];
        let pixels = (0..frame.height).step_by(SIDE).map(|y| y * width..(y + SIDE).min(frame.height) * width);
        for (row, pixels) in pixels.enumerate() {
            let cells = row * self.width..(row + 1) * self.width;
            let chosen = &chosen[pixels.clone()];
            sums.fill(0.0);
            for chosen in chosen.chunks_exact(width) {
                for (sum, &chosen) in sums.iter_mut().zip(chosen) {
                    *sum += if chosen { 1.0 } else { 0.0 };
                }
            }
            gather::<SIDE>(&sums, &mut self.known[cells.clone()]);
            for (plane, light) in self.colors.iter_mut().zip(&frame.light) {
                sums.fill(0.0);
                for (light, chosen) in light[pixels.clone()].chunks_exact(width).zip(chosen.chunks_exact(width)) {
                    for ((sum, &step), &chosen) in sums.iter_mut().zip(light).zip(chosen) {
                        // Sums of whole numbers are exact.
                        *sum += if chosen { f32::from(step) } else { 0.0 };
                    }
                }
                gather::<SIDE>(&sums, &mut plane[cells.clone()]);
            }
        }
        self.divide(1.0 / f32::from(u16::MAX));
    }

    /// Makes sums of colours means, in other units.
    #[inline(always)]
    fn divide(&mut self, unit: f32) {
        for plane in &mut self.colors {
            for (color, &known) in plane.iter_mut().zip(&self.known) {
                *color = if known > 0.0 { *color * unit / known } else { 0.0 };
            }
        }
        for known in &mut self.known {
            *known = known.min(1.0);
        }
    }

    /// A smooth continuation of known colours to where nothing is known (push-pull: Gortler et al., The Lumigraph,
    /// 1996).
    ///
    /// Known colours are averaged over ever larger squares; what is unknown takes the mean of the smallest square
    /// around it that knows something, blended between squares.
    pub(super) fn continued(self) -> Self {
        let mut coarsest = self;
        let mut finer = Vec::new();
        while coarsest.width.min(coarsest.height) > 1 && coarsest.known.iter().any(|&known| known < 1.0) {
            let mut next = Self::unknown(coarsest.width.div_ceil(2), coarsest.height.div_ceil(2));
            dispatch!(Level::new(), _simd => next.halve(&coarsest));
            finer.push(std::mem::replace(&mut coarsest, next));
        }
        coarsest.even_out();
        finer.into_iter().rev().fold(coarsest, |coarse, mut fine| {
            dispatch!(Level::new(), _simd => fine.complete(&coarse));
            fine
        })
    }

    /// Means over squares of two of the finer cells a side.
    #[inline(always)]
    fn halve(&mut self, fine: &Self) {
        let mut sums = vec![0.0; fine.width];
        let rows = (0..fine.height).step_by(2).map(|y| y * fine.width..(y + 2).min(fine.height) * fine.width);
        for (row, fines) in rows.enumerate() {
            let cells = row * self.width..(row + 1) * self.width;
            let known = &fine.known[fines.clone()];
            sums.fill(0.0);
            for known in known.chunks_exact(fine.width) {
                for (sum, known) in sums.iter_mut().zip(known) {
                    *sum += known;
                }
            }
            gather::<2>(&sums, &mut self.known[cells.clone()]);
            for (plane, colors) in self.colors.iter_mut().zip(&fine.colors) {
                sums.fill(0.0);
                let rows = colors[fines.clone()].chunks_exact(fine.width).zip(known.chunks_exact(fine.width));
                for (colors, known) in rows {
                    for ((sum, color), known) in sums.iter_mut().zip(colors).zip(known) {
                        *sum += color * known;
                    }
                }
                gather::<2>(&sums, &mut plane[cells.clone()]);
            }
        }
        self.divide(1.0);
    }

    /// Gives what is not known the mean of all that is.
    fn even_out(&mut self) {
        let total: f32 = self.known.iter().sum();
        for plane in &mut self.colors {
            let sum: f32 = plane.iter().zip(&self.known).map(|(color, known)| color * known).sum();
            let mean = sum / total.max(f32::MIN_POSITIVE);
            for (color, &known) in plane.iter_mut().zip(&self.known) {
                *color = if known < 1.0 { mean + (*color - mean) * known } else { *color };
            }
        }
    }

    /// Fills in what is not known from cells twice as large.
    #[inline(always)]
    fn complete(&mut self, coarse: &Self) {
        let mut line = Vec::with_capacity(coarse.width + 2);
        let mut wide = vec![[0.0f32; 2]; coarse.width];
        for y in 0..self.height {
            let cells = y * self.width..(y + 1) * self.width;
            let known = &self.known[cells.clone()];
            for (plane, coarse_plane) in self.colors.iter_mut().zip(&coarse.colors) {
                between_rows::<2>(coarse_plane, coarse.width, coarse.height, y, &mut line);
                // Centres of the coarse cells lie between those of the fine ones.
                for (pair, near) in wide.iter_mut().zip(line.windows(3)) {
                    *pair = [near[1] + (near[0] - near[1]) * 0.25, near[1] + (near[2] - near[1]) * 0.25];
                }
                for ((color, &known), &wide) in plane[cells.clone()].iter_mut().zip(known).zip(wide.as_flattened()) {
                    *color = if known < 1.0 { wide + (*color - wide) * known } else { *color };
                }
            }
        }
    }

    /// The colours smoothed over squares of `2 * reach + 1` cells a side, twice.
    pub(super) fn smoothed(self, reach: usize) -> Self {
        let mean = |plane: &[f32]| box_mean(plane, self.width, self.height, reach);
        let colors = self.colors.each_ref().map(|plane| mean(&mean(plane)));
        Self { colors, ..self }
    }
}

/// Sums up each `SIDE` numbers of a row; fewer at its end.
#[inline(always)]
fn gather<const SIDE: usize>(row: &[f32], out: &mut [f32]) {
    let (whole, rest) = row.as_chunks::<SIDE>();
    for (out, numbers) in out.iter_mut().zip(whole) {
        *out = numbers.iter().sum();
    }
    if let (false, Some(last)) = (rest.is_empty(), out.last_mut()) {
        *last = rest.iter().sum();
    }
}

/// A plane of cells of `SIDE` pixels a side at the height of row `y` of pixels: between the centres of its rows. The
/// first and the last number are there twice, so that all have neighbours.
#[inline(always)]
pub(super) fn between_rows<const SIDE: usize>(
    plane: &[f32],
    width: usize,
    height: usize,
    y: usize,
    line: &mut Vec<f32>,
) {
    let at = ((y as f32 + 0.5) / SIDE as f32 - 0.5).max(0.0);
    let upper = (at as usize).min(height - 1);
    let lower = (upper + 1).min(height - 1);
    let share = (at - upper as f32).clamp(0.0, 1.0);
    let row = |y: usize| &plane[y * width..][..width];
    line.clear();
    line.push(0.0);
    line.extend(row(upper).iter().zip(row(lower)).map(|(a, b)| a + (b - a) * share));
    line[0] = line[1];
    line.push(line[width]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_stays_and_the_rest_follows_it() {
        for (w, h) in [(33, 20), (32, 21)] {
            let truth = |x: usize| [x as f32 / w as f32, 0.5, 0.25];
            let known: Plane = (0..w * h).map(|i| if i % w < 12 { 1.0 } else { 0.0 }).collect();
            let color = |c: usize| (0..w * h).map(|i| truth(i % w)[c] * known[i]).collect();
            let cells = Cells { width: w, height: h, colors: [color(0), color(1), color(2)], known: known.clone() };
            let all = cells.continued();
            for i in 0..w * h {
                let color = all.colors.each_ref().map(|plane| plane[i]);
                if i % w < 12 {
                    assert_eq!(color, truth(i % w));
                } else {
                    assert!((color[1] - 0.5).abs() < 1e-3 && (0.0..0.4).contains(&color[0]), "{color:?}");
                }
            }
        }
    }

    #[test]
    fn squares_at_the_edges_are_means_of_what_there_is() {
        let mut frame = Frame::empty(5, 3);
        (0..15).for_each(|i| frame.give(i, [i as u16 * 4369, 1 << 15, 0]));
        let chosen: Vec<bool> = (0..15).map(|i| i != 6 && i != 14).collect();
        let cells = Cells::of::<2>(&frame, &chosen);
        assert_eq!(cells.known, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        let red = &cells.colors[0];
        assert!((red[0] - (0.0 + 1.0 + 5.0) / 45.0).abs() < 1e-6 && (red[2] - 6.5 / 15.0).abs() < 1e-6);
    }

    #[test]
    fn between_two_rows_lies_their_mixture() {
        let (plane, mut line) = ([0.0, 8.0, 16.0, 0.0], Vec::new());
        let mut at = |y: usize| {
            between_rows::<4>(&plane, 2, 2, y, &mut line);
            line.clone()
        };
        assert_eq!(at(0), [0.0, 0.0, 8.0, 8.0], "above the first row's centre");
        assert_eq!(at(2), [2.0, 2.0, 7.0, 7.0]);
        assert_eq!(at(7), [16.0, 16.0, 0.0, 0.0]);
    }
}
