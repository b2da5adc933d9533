//! Person and background in each pixel at the outline, by its colours.
//!
//! A pixel at the outline mixes the person's colour F with the background's B in linear light: C = αF + (1-α)B. The
//! background is known from its model and the person's colour is carried out from inside of the outline, so α is the
//! place of C between the two. Where the two colours are near each other that place means nothing, and the person mask
//! decides.

use fearless_simd::{Level, Simd, dispatch};

use super::backdrop::Backdrop;
use super::cells::Cells;
use super::distance::Distances;
use super::frame::{Frame, smooth_step};
use super::light::{LANES, Linear, encode_row, encoded_color, of_step};
use super::matte::{Bands, INSIDE};

/// Difference between person and background, in steps of 8-bit sRGB, from which the colours decide alone; below the
/// first the mask does.
pub(super) const TELLING: (f32, f32) = (30.0, 60.0);

/// Noise of the background, in steps of 8-bit sRGB, from which it is busy and its colour begins to count less, and from
/// which it does not count.
const BUSY: (f32, f32) = (8.0, 20.0);

/// What the share of the person in a pixel follows from.
pub(super) struct Outline<'a> {
    pub frame: &'a Frame,
    pub backdrop: &'a Backdrop,
    /// The person's colour carried outwards, in cells of [`INSIDE`] pixels a side.
    pub inside: &'a Cells,
    pub bands: &'a Bands,
    /// Depth of each pixel inside of the mask.
    pub depth: &'a Distances,
    /// Pixels that are person for sure.
    pub solid: &'a [bool],
}

/// Some pixels of a row, channel by channel.
type Chunk<T> = [[T; LANES]; 3];

impl Outline<'_> {
    /// Makes a mask the matte. Returns where at the outline person and background have nearly the same colour.
    pub(super) fn solve(&self, mask: &mut [f32]) -> Vec<bool> {
        let mut alike = vec![false; mask.len()];
        dispatch!(Level::new(), simd => self.run(simd, mask, &mut alike));
        alike
    }

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, alpha: &mut [f32], alike: &mut [bool]) {
        let width = self.frame.width;
        let mut line = Default::default();
        let rows = alpha.chunks_exact_mut(width).zip(alike.chunks_exact_mut(width));
        for (y, ((alpha, alike), solid)) in rows.zip(self.solid.chunks_exact(width)).enumerate() {
            let mut lined = false;
            let chunks = alpha.chunks_mut(LANES).zip(alike.chunks_mut(LANES)).zip(solid.chunks(LANES));
            for (x, ((alpha, alike), solid)) in (0..width).step_by(LANES).zip(chunks) {
                let open =
                    alpha.iter().zip(solid).fold(false, |open, (&alpha, &solid)| open | (!solid & (alpha > 0.0)));
                if open {
                    if !lined {
                        self.backdrop.line(y, &mut line);
                        lined = true;
                    }
                    self.mix(simd, x, y, &line, alpha, alike);
                }
                for ((alpha, alike), &solid) in alpha.iter_mut().zip(alike).zip(solid) {
                    *alpha = if solid { 1.0 } else { *alpha };
                    *alike &= !solid;
                }
            }
        }
    }

    /// The matte of the pixels from `x` on in row `y`, of which `alpha` has the mask.
    #[inline(always)]
    fn mix<S: Simd>(&self, simd: S, x: usize, y: usize, line: &[Vec<f32>; 3], alpha: &mut [f32], alike: &mut [bool]) {
        let start = y * self.frame.width + x;
        let n = alpha.len();
        let noise = self.backdrop.noise;
        // Before a busy background a pixel's colour says little.
        let plainness = smooth_step(BUSY.1, BUSY.0, noise);
        let color = light_of(self.frame, start, n);
        let background = Backdrop::colors(line, x);
        let person = self.person(x, y);
        let apart = distances(&encoded_chunk(simd, &person), &encoded_chunk(simd, &background));
        let mut codes = [[0; LANES]; 3];
        for (codes, plane) in codes.iter_mut().zip(&self.frame.codes) {
            *codes = loaded(&plane[start..start + n]);
        }
        let own = distances(&codes, &self.backdrop.codes(x, y));
        let mask = loaded(alpha);
        let depth = loaded(&self.depth.row(y)[x..x + n]);
        let band = self.bands.chunk(x, y);
        let mut mixed = [0.0; LANES];
        for k in 0..LANES {
            let trust = plainness * smooth_step(TELLING.0, TELLING.1, apart[k]);
            let noise_share = (3.0 * noise + 3.0) / apart[k].max(1.0);
            let place = projection(
                [color[0][k], color[1][k], color[2][k]],
                [background[0][k], background[1][k], background[2][k]],
                [person[0][k], person[1][k], person[2][k]],
            );
            // What is nearly all person or nearly all background is that: hair's own lights and shades are no holes.
            let stretched = ((place - noise_share) / (0.85 - noise_share).max(0.1)).clamp(0.0, 1.0);
            // Deep inside, a pixel that clearly is not background is person, whatever its shade.
            let deep = (Distances::pixels(depth[k]) / band[k].max(1.0)).clamp(0.0, 1.0);
            let other = smooth_step(4.0 * noise + 8.0, 8.0 * noise + 40.0, own[k]);
            let by_color = stretched.max(other * smooth_step(0.35, 0.9, deep));
            let by_mask = smooth_step(0.15, 0.85, mask[k]);
            mixed[k] = by_mask + (by_color - by_mask) * trust;
        }
        for (k, (alpha, alike)) in alpha.iter_mut().zip(alike).enumerate() {
            *alike = (*alpha > 0.0) & (apart[k] < TELLING.0);
            *alpha = if *alpha > 0.0 { mixed[k] } else { 0.0 };
        }
    }

    /// The person's colours from pixel `x` of row `y` on.
    #[inline(always)]
    fn person(&self, x: usize, y: usize) -> Chunk<f32> {
        let cells = y / INSIDE * self.inside.width;
        let mut person = [[0.0; LANES]; 3];
        for (colors, plane) in person.iter_mut().zip(&self.inside.colors) {
            let row = &plane[cells + x / INSIDE..cells + self.inside.width];
            for (colors, &cell) in colors.as_chunks_mut::<INSIDE>().0.iter_mut().zip(row) {
                *colors = [cell; INSIDE];
            }
        }
        person
    }
}

/// Lays the person on a new background: the old background's share of each pixel is taken out and the new one's put in,
/// so that no trace of the old colour is left at the outline. C = αF + (1-α)B gives αF without dividing by α.
pub(super) fn replace(frame: &mut Frame, alpha: &[f32], backdrop: &Backdrop, color: Linear) {
    dispatch!(Level::new(), simd => lay_over(simd, frame, alpha, backdrop, color));
}

#[inline(always)]
fn lay_over<S: Simd>(simd: S, frame: &mut Frame, alpha: &[f32], backdrop: &Backdrop, color: Linear) {
    let (width, code) = (frame.width, encoded_color(color));
    let mut line = Default::default();
    for (y, alpha) in alpha.chunks_exact(width).enumerate() {
        let mut lined = false;
        for (x, alpha) in (0..width).step_by(LANES).zip(alpha.chunks(LANES)) {
            let start = y * width + x;
            let place = start..start + alpha.len();
            let most = alpha.iter().fold(0.0f32, |most, &alpha| if alpha > most { alpha } else { most });
            let least = alpha.iter().fold(1.0f32, |least, &alpha| if alpha < least { alpha } else { least });
            if least >= 1.0 {
                continue;
            }
            if most <= 0.0 {
                frame.codes.iter_mut().zip(code).for_each(|(plane, code)| plane[place.clone()].fill(code));
                continue;
            }
            if !lined {
                backdrop.line(y, &mut line);
                lined = true;
            }
            let share = loaded(alpha);
            let (mut laid, old) = (light_of(frame, start, alpha.len()), Backdrop::colors(&line, x));
            for c in 0..3 {
                for k in 0..LANES {
                    let rest = 1.0 - share[k];
                    // The person's own share is neither negative nor brighter than white.
                    let person = (laid[c][k] - rest * old[c][k]).max(0.0).min(share[k]);
                    laid[c][k] = person + rest * color[c];
                }
            }
            for (plane, codes) in frame.codes.iter_mut().zip(encoded_chunk(simd, &laid)) {
                for ((out, code), &alpha) in plane[place.clone()].iter_mut().zip(codes).zip(alpha) {
                    *out = if alpha >= 1.0 { *out } else { code };
                }
            }
        }
    }
}

/// As many values as a chunk holds; 0 where there are fewer.
#[inline(always)]
fn loaded<T: Copy + Default>(values: &[T]) -> [T; LANES] {
    if let Some(&values) = values.first_chunk() {
        return values;
    }
    let mut chunk = [T::default(); LANES];
    chunk[..values.len()].copy_from_slice(values);
    chunk
}

/// Linear light of the `n` pixels of the picture from `start` on.
#[inline(always)]
fn light_of(frame: &Frame, start: usize, n: usize) -> Chunk<f32> {
    let mut light = [[0.0; LANES]; 3];
    for (light, plane) in light.iter_mut().zip(&frame.light) {
        for (light, step) in light.iter_mut().zip(loaded(&plane[start..start + n])) {
            *light = of_step(step);
        }
    }
    light
}

#[inline(always)]
fn encoded_chunk<S: Simd>(simd: S, light: &Chunk<f32>) -> Chunk<u8> {
    let mut codes = [[0; LANES]; 3];
    for (codes, light) in codes.iter_mut().zip(light) {
        encode_row(simd, light, codes);
    }
    codes
}

/// Distances of colours in steps of 8-bit sRGB, over all channels.
#[inline(always)]
fn distances(a: &Chunk<u8>, b: &Chunk<u8>) -> [f32; LANES] {
    let mut squares = [0i32; LANES];
    for c in 0..3 {
        for k in 0..LANES {
            let apart = i32::from(a[c][k]) - i32::from(b[c][k]);
            squares[k] += apart * apart;
        }
    }
    let mut distances = [0.0; LANES];
    for (distance, square) in distances.iter_mut().zip(squares) {
        *distance = (square as f32).sqrt();
    }
    distances
}

/// Place of `c` on the line from `b` to `f`, 0 to 1.
#[inline(always)]
fn projection(c: Linear, b: Linear, f: Linear) -> f32 {
    let (mut along, mut length) = (0.0, 0.0);
    for i in 0..3 {
        along += (c[i] - b[i]) * (f[i] - b[i]);
        length += (f[i] - b[i]) * (f[i] - b[i]);
    }
    (along / length.max(1e-6)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::light::{linear_color, step};
    use super::super::matte::Head;
    use super::*;

    const PERSON: [u8; 3] = [60, 40, 30];
    const WALL: [u8; 3] = [200, 205, 215];
    const NEW: [u8; 3] = [67, 142, 219];

    /// The person's share at a place of the scene: a column with soft edges 6 pixels wide.
    fn share(x: usize) -> f32 {
        let from_edge = 40.0 - (x as f32 - 80.0).abs();
        ((from_edge + 3.0) / 6.0).clamp(0.0, 1.0)
    }

    fn between(a: [u8; 3], b: [u8; 3], share: f32) -> Linear {
        let (a, b) = (linear_color(a), linear_color(b));
        std::array::from_fn(|c| a[c] + (b[c] - a[c]) * share)
    }

    /// A dark column before a light wall. Its width is no whole number of chunks.
    fn scene() -> (Frame, Vec<bool>) {
        let (w, h) = (163, 90);
        let mut frame = Frame::empty(w, h);
        (0..(w * h) as usize).for_each(|i| frame.give(i, between(WALL, PERSON, share(i % 163)).map(step)));
        let wall = (0..(w * h) as usize).map(|i| share(i % 163) == 0.0).collect();
        (frame, wall)
    }

    #[test]
    fn a_soft_edge_is_found_and_laid_on_the_new_colour() {
        let (mut frame, wall) = scene();
        let backdrop = Backdrop::of(&frame, &wall).expect("half of it");
        let (w, n) = (frame.width, frame.given.len());
        let solid: Vec<bool> = (0..n).map(|i| share(i % w) == 1.0).collect();
        let inside = Cells::of::<INSIDE>(&frame, &solid).continued();
        let head = Head { eye_y: 30.0, chin_y: 100.0, center_x: 80.0, face_width: 60.0 };
        let bands = Bands::of(head, w, frame.height);
        let outside: Vec<bool> = (0..n).map(|i| share(i % w) < 0.5).collect();
        let depth = Distances::to(&outside, w, 10.0);
        // The mask says half wherever the colours have to tell.
        let mut alpha: Vec<f32> = (0..n)
            .map(|i| {
                if wall[i] {
                    0.0
                } else if solid[i] {
                    1.0
                } else {
                    0.5
                }
            })
            .collect();
        let outline = Outline {
            frame: &frame,
            backdrop: &backdrop,
            inside: &inside,
            bands: &bands,
            depth: &depth,
            solid: &solid,
        };
        let alike = outline.solve(&mut alpha);
        assert!(!alike.contains(&true));
        for (i, &found) in alpha.iter().enumerate() {
            // A little noise is taken for background and a little shade for person.
            assert!((found - share(i % w)).abs() < 0.2, "{found} for {} at {}", share(i % w), i % w);
        }
        let exact: Vec<f32> = (0..n).map(|i| share(i % w)).collect();
        replace(&mut frame, &exact, &backdrop, linear_color(NEW));
        for i in 0..n {
            let (found, wanted) = (frame.code(i), encoded_color(between(NEW, PERSON, share(i % w))));
            assert!(found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 2), "{found:?} for {wanted:?} at {}", i % w);
        }
    }

    #[test]
    fn where_colours_are_alike_the_mask_decides() {
        let (frame, wall) = scene();
        let backdrop = Backdrop::of(&frame, &wall).expect("half of it");
        let (w, n) = (frame.width, frame.given.len());
        // The person is taken to have the wall's colour.
        let inside = Cells::of::<INSIDE>(&frame, &wall).continued();
        let head = Head { eye_y: 30.0, chin_y: 60.0, center_x: 80.0, face_width: 60.0 };
        let bands = Bands::of(head, w, frame.height);
        let depth = Distances::to(&wall, w, 10.0);
        let solid = vec![false; n];
        let mut alpha: Vec<f32> = (0..n).map(|i| if i % 2 == 0 { 0.6 } else { 0.0 }).collect();
        let outline = Outline {
            frame: &frame,
            backdrop: &backdrop,
            inside: &inside,
            bands: &bands,
            depth: &depth,
            solid: &solid,
        };
        let alike = outline.solve(&mut alpha);
        for (i, (alpha, alike)) in alpha.into_iter().zip(alike).enumerate() {
            let wanted = if i % 2 == 0 { smooth_step(0.15, 0.85, 0.6) } else { 0.0 };
            assert!((alpha - wanted).abs() < 1e-5 && alike == (i % 2 == 0));
        }
    }
}
