//! Writing on a photo: date stamps, watermarks, names of studios.

use std::ops::Range;

use fearless_simd::{Level, Select, Simd, SimdBase, SimdInt, SimdMask, dispatch, u8x64};
use image::RgbImage;

use super::components::{Component, Mask, component_at};
use crate::units::{Point, Rect};

/// A line of writing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Characters in it (marks of about one height, side by side).
    pub characters: usize,
    /// Box around it, in original pixels.
    pub region: Rect,
}

/// Where the head is, which is not searched: hair is full of strokes. An ellipse in original pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Centre.
    pub center: Point,
    /// Half of its width.
    pub half_width: f64,
    /// Half of its height.
    pub half_height: f64,
}

/// How far beside a stroke is looked, at a photo 480 pixels wide: near for small letters, whose neighbours are near too,
/// and far for large ones with wide strokes.
const REACHES: [f64; 2] = [3.0, 7.0];
/// Smallest sum of channel differences of a stroke to what lies either side of it.
const CONTRAST: u8 = 60;

/// The longest line of writing outside of `head`, in a copy of the photo with `scale` original pixels a pixel.
///
/// A stroke is a pixel unlike the pixels left and right of it (or above and below), while these are alike: so writing
/// is found on the background and on clothes alike, in any colour. Strokes that touch are a mark; marks of about one
/// height side by side are a line.
pub fn longest_line(rgb: &RgbImage, scale: f64, head: Option<Head>) -> Option<Line> {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    let unit = w as f64 / 480.0;
    let reaches = REACHES.map(|reach| ((reach * unit).round() as usize).max(2));
    if w <= 4 * reaches[1] || h <= 4 * reaches[1] {
        return None;
    }
    let masks = strokes(rgb, reaches, |y| head.and_then(|head| head.span(y, scale)));
    let lines = masks.into_iter().filter_map(|strokes| {
        let marks = strokes.components(w).into_iter().filter(|mark| {
            let (width, height) = (mark.width() as f64 / unit, mark.height() as f64 / unit);
            (5.0..=50.0).contains(&height) && width <= 2.5 * height && mark.area >= 5
        });
        line_of(marks.collect())
    });
    lines.max_by_key(|line| line.0).map(|(characters, [left, top, right, bottom])| Line {
        characters,
        region: Rect::from_edges(
            left as f64 * scale,
            top as f64 * scale,
            (right + 1) as f64 * scale,
            (bottom + 1) as f64 * scale,
        ),
    })
}

impl Head {
    /// First and last pixel column inside the head, in a row of a copy with `scale` original pixels a pixel.
    fn span(&self, row: usize, scale: f64) -> Option<(usize, usize)> {
        let dy = ((row as f64 + 0.5) * scale - self.center.y) / self.half_height;
        let half = self.half_width * (1.0 - dy * dy).max(0.0).sqrt();
        let pixel = |x: f64| (x / scale).max(0.0) as usize;
        (half > 0.0).then(|| (pixel(self.center.x - half), pixel(self.center.x + half)))
    }
}

/// Masks of strokes that are brighter, and of strokes that are darker, than what lies beside them (in the channel that
/// differs most). Apart, because the gap between two strokes is a stroke of the other kind.
fn strokes(rgb: &RgbImage, reaches: [usize; 2], skip: impl Fn(usize) -> Option<(usize, usize)>) -> [Strokes; 2] {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    let margin = reaches[1];
    // What is searched of each row: left and right of what is skipped.
    let searched = (margin..h - margin).map(|y| {
        let (first, last) = skip(y).unwrap_or((w, w));
        let place = |x: usize| x.clamp(margin, w - margin);
        [margin..place(first), place(last + 1)..w - margin]
    });
    let searched: Vec<[Range<usize>; 2]> = searched.collect();
    let mut masks = [Strokes::none(w * h), Strokes::none(w * h)];
    let mut band = Band { planes: Default::default(), width: w, top: 0 };
    let pixels = rgb.as_raw().as_chunks::<3>().0;
    for (i, searched) in searched.chunks(BAND).enumerate() {
        // With the rows above and below that these are compared with.
        band.top = i * BAND;
        let rows = &pixels[band.top * w..(band.top + searched.len() + 2 * margin) * w];
        dispatch!(Level::new(), simd => {
            take_apart(rows, &mut band.planes);
            band.search(simd, reaches, searched, &mut masks);
        });
    }
    masks
}

/// Rows that are searched together, so that their channels are near when they are compared.
const BAND: usize = 64;

/// Where there are strokes: a bit for each sample, and one by one, because there are few.
struct Strokes {
    mask: Vec<u64>,
    places: Vec<usize>,
}

impl Strokes {
    fn none(samples: usize) -> Self {
        Self { mask: vec![0; samples.div_ceil(64)], places: Vec::new() }
    }

    fn add(&mut self, place: usize) {
        self.mask[place / 64] |= 1 << (place % 64);
        self.places.push(place);
    }

    /// The groups of strokes that touch each other, in a photo `width` samples wide.
    fn components(mut self, width: usize) -> Vec<Component> {
        let (mut found, mut open) = (Vec::new(), Vec::new());
        for place in self.places {
            if self.mask.take(place) {
                found.push(component_at(place, &mut self.mask, width, &mut open));
            }
        }
        found
    }
}

/// The channels of some rows of a photo, apart.
struct Band {
    planes: [Vec<u8>; 3],
    width: usize,
    /// The first of them.
    top: usize,
}

impl Band {
    /// `n` samples of each channel from an index on.
    #[inline(always)]
    fn samples(&self, from: usize, n: usize) -> [&[u8]; 3] {
        let [r, g, b] = &self.planes;
        [&r[from..from + n], &g[from..from + n], &b[from..from + n]]
    }

    /// Marks the strokes in parts of rows, the first of which is as far down in the band as the larger reach.
    #[inline(always)]
    fn search<S: Simd>(
        &self,
        simd: S,
        [near, far]: [usize; 2],
        searched: &[[Range<usize>; 2]],
        masks: &mut [Strokes; 2],
    ) {
        let w = self.width;
        let mut found = vec![0u8; w];
        // Beside, and above and below.
        let shifts = [near, near * w, far, far * w];
        for (row, parts) in searched.iter().enumerate() {
            for columns in parts.iter().filter(|columns| !columns.is_empty()) {
                // What is searched is a whole run at least, where a row has one; marks beyond the part are left.
                let first = columns.start.min((w - far).saturating_sub(RUN)).max(far);
                let end = columns.end.max((first + RUN).min(w - far));
                let start = (far + row) * w + first;
                let found = &mut found[..end - first];
                found.fill(0);
                let here = self.samples(start, found.len());
                for (i, shift) in shifts.into_iter().enumerate() {
                    let before = self.samples(start - shift, found.len());
                    let behind = self.samples(start + shift, found.len());
                    mark_strokes(simd, here, before, behind, i as u8 + 1, found);
                }
                let start = start + columns.start - first;
                let found = &found[columns.start - first..][..columns.len()];
                // Most of a photo has no strokes.
                for (run, marks) in found.chunks(RUN).enumerate() {
                    if !marks.iter().fold(false, |any, &mark| any | (mark > 0)) {
                        continue;
                    }
                    for (at, &mark) in marks.iter().enumerate().filter(|(_, mark)| **mark > 0) {
                        let place = start + run * RUN + at;
                        let before = place - shifts[usize::from(mark - 1)];
                        masks[usize::from(self.is_darker(place, before))].add(self.top * w + place);
                    }
                }
            }
        }
    }

    /// Whether a sample is darker than another, in the channel that differs most.
    fn is_darker(&self, here: usize, other: usize) -> bool {
        let differ = self.planes.each_ref().map(|plane| i16::from(plane[here]) - i16::from(plane[other]));
        differ.into_iter().max_by_key(|d| d.abs()).is_some_and(|most| most < 0)
    }
}

/// The channels of pixels, apart.
#[inline(always)]
fn take_apart(pixels: &[[u8; 3]], planes: &mut [Vec<u8>; 3]) {
    planes.iter_mut().for_each(|plane| plane.resize(pixels.len(), 0));
    let [r, g, b] = planes;
    for (((pixel, r), g), b) in pixels.iter().zip(r).zip(g).zip(b) {
        [*r, *g, *b] = *pixel;
    }
}

/// Samples that are looked at together: most of a photo is smooth, and turned away by its first differences.
const RUN: usize = 64;

/// Writes `i` to the places of a row that are strokes between these two rows of partners, and that have nothing yet.
#[inline(always)]
fn mark_strokes<S: Simd>(simd: S, here: [&[u8]; 3], before: [&[u8]; 3], behind: [&[u8]; 3], i: u8, found: &mut [u8]) {
    let n = found.len();
    for from in (0..n).step_by(RUN) {
        // The last run reaches back: what is marked stays as it is, and what is not would not be.
        let from = from.min(n.saturating_sub(RUN));
        let to = (from + RUN).min(n);
        let (here, before, behind) = (part(here, from, to), part(before, from, to), part(behind, from, to));
        if to - from < RUN || !mark_at_once(simd, here, before, behind, i, &mut found[from..to]) {
            mark_run(here, before, behind, i, &mut found[from..to]);
        }
    }
}

/// The same part of each channel.
#[inline(always)]
fn part(row: [&[u8]; 3], from: usize, to: usize) -> [&[u8]; 3] {
    [&row[0][from..to], &row[1][from..to], &row[2][from..to]]
}

/// Marks a whole run in bytes. `false`, and nothing is marked, where a difference does not fit in one.
#[inline(always)]
fn mark_at_once<S: Simd>(
    simd: S,
    here: [&[u8]; 3],
    before: [&[u8]; 3],
    behind: [&[u8]; 3],
    i: u8,
    found: &mut [u8],
) -> bool {
    let contrast = differ_at_once(simd, here, before).min(differ_at_once(simd, here, behind));
    let high = contrast.simd_gt(u8x64::splat(simd, CONTRAST));
    // Most runs end here.
    if !high.any_true() {
        return true;
    }
    if contrast.simd_eq(u8x64::splat(simd, u8::MAX)).any_true() {
        return false;
    }
    let apart = differ_at_once(simd, before, behind);
    // Cut at 255, which no contrast is above.
    let stroke = high & apart.saturating_add(apart).simd_lt(contrast);
    let old = u8x64::from_slice(simd, &found[..RUN]);
    let new = (stroke & old.simd_eq(u8x64::splat(simd, 0))).select(u8x64::splat(simd, i), old);
    new.store_slice(&mut found[..RUN]);
    true
}

/// Sums of channel differences, cut at 255.
#[inline(always)]
fn differ_at_once<S: Simd>(simd: S, here: [&[u8]; 3], other: [&[u8]; 3]) -> u8x64<S> {
    let mut sum = u8x64::splat(simd, 0);
    for (here, other) in here.into_iter().zip(other) {
        let (a, b) = (u8x64::from_slice(simd, &here[..RUN]), u8x64::from_slice(simd, &other[..RUN]));
        sum = sum.saturating_add(a.saturating_sub(b) | b.saturating_sub(a));
    }
    sum
}

/// Nothing in it branches and every length is known to be one, so that it compiles to vector code.
#[inline(always)]
fn mark_run(here: [&[u8]; 3], before: [&[u8]; 3], behind: [&[u8]; 3], i: u8, found: &mut [u8]) {
    let n = found.len();
    let ([h0, h1, h2], [a0, a1, a2], [b0, b1, b2]) = (part(here, 0, n), part(before, 0, n), part(behind, 0, n));
    for at in 0..n {
        let (h, a, b) = ([h0[at], h1[at], h2[at]], [a0[at], a1[at], a2[at]], [b0[at], b1[at], b2[at]]);
        let contrast = differ(h, a).min(differ(h, b));
        let stroke = (contrast > u16::from(CONTRAST)) & (differ(a, b) * 2 < contrast);
        let new = if stroke { i } else { 0 };
        found[at] = if found[at] == 0 { new } else { found[at] };
    }
}

#[inline(always)]
fn differ(a: [u8; 3], b: [u8; 3]) -> u16 {
    u16::from(a[0].abs_diff(b[0])) + u16::from(a[1].abs_diff(b[1])) + u16::from(a[2].abs_diff(b[2]))
}

/// The longest chain of marks: count and box.
fn line_of(mut marks: Vec<Component>) -> Option<(usize, [usize; 4])> {
    marks.sort_unstable_by_key(|mark| mark.left);
    // For each mark the longest chain that ends in it: length, and the mark before.
    let mut chains: Vec<(usize, Option<usize>)> = Vec::with_capacity(marks.len());
    for (i, mark) in marks.iter().enumerate() {
        let mut best = (1, None);
        for (j, before) in marks[..i].iter().enumerate() {
            if follows(before, mark) && chains[j].0 + 1 > best.0 {
                best = (chains[j].0 + 1, Some(j));
            }
        }
        chains.push(best);
    }
    let (last, &(length, _)) = chains.iter().enumerate().max_by_key(|(_, chain)| chain.0)?;
    let mut area = [usize::MAX, usize::MAX, 0, 0];
    let mut at = Some(last);
    while let Some(i) = at {
        let m = &marks[i];
        area = [area[0].min(m.left), area[1].min(m.top), area[2].max(m.right), area[3].max(m.bottom)];
        at = chains[i].1;
    }
    Some((length, area))
}

/// Whether `mark` can be the next character behind `before`: beside it, on its line, of about its height.
fn follows(before: &Component, mark: &Component) -> bool {
    let (a, b) = (before.height(), mark.height());
    let height = a.max(b);
    let gap = mark.left as i64 - before.right as i64;
    let centers = (before.top + before.bottom) as i64 - (mark.top + mark.bottom) as i64;
    a.min(b) * 10 >= height * 6
        && gap >= -1
        && gap <= (height * 3 / 2) as i64
        && centers.abs() <= (height / 2).max(2) as i64
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// Draws `n` marks like the letter H, `height` pixels high, from (`x`, `y`) on.
    fn write(photo: &mut RgbImage, n: u32, height: u32, (x, y): (u32, u32), color: [u8; 3]) {
        for i in 0..n {
            let left = x + i * height;
            for row in 0..height {
                for column in 0..height * 6 / 10 {
                    let on = column < 2 || column + 2 >= height * 6 / 10 || row.abs_diff(height / 2) < 1;
                    if on {
                        photo.put_pixel(left + column, y + row, Rgb(color));
                    }
                }
            }
        }
    }

    #[test]
    fn writing_is_found_in_any_colour() {
        for color in [[0, 0, 0], [255, 255, 255], [230, 126, 34], [255, 255, 0]] {
            let mut photo = RgbImage::from_pixel(480, 640, Rgb([100, 197, 255]));
            write(&mut photo, 9, 14, (30, 600), color);
            let line = longest_line(&photo, 1.0, None).expect("there is a line");
            assert_eq!(line.characters, 9, "{color:?}");
            assert!(line.region.iou(&Rect::from_edges(30.0, 600.0, 150.0, 614.0)) > 0.7, "{:?}", line.region);
        }
    }

    #[test]
    fn nothing_is_written_on_plain_paper_and_hair_is_skipped() {
        let mut photo = RgbImage::from_pixel(480, 640, Rgb([250, 250, 250]));
        assert_eq!(longest_line(&photo, 1.0, None), None);
        write(&mut photo, 8, 14, (180, 300), [0, 0, 0]);
        let head = Head { center: Point::new(240.0, 300.0), half_width: 130.0, half_height: 200.0 };
        assert_eq!(longest_line(&photo, 1.0, Some(head)), None);
    }

    #[test]
    fn a_run_is_marked_alike_in_bytes_and_one_by_one() {
        let mut state = 9u32;
        let mut noise = |spread: u32| -> Vec<u8> {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) * spread / 256
            };
            (0..RUN).map(|_| (100 + next() - spread / 2) as u8).collect()
        };
        let (mut at_once, mut marks) = (0, 0);
        for spread in [20, 60, 90, 120, 200] {
            for _ in 0..40 {
                let planes: Vec<Vec<u8>> = (0..9).map(|k| noise(if k < 3 { spread } else { spread / 4 })).collect();
                let row = |k: usize| [&planes[k][..], &planes[k + 1][..], &planes[k + 2][..]];
                let (mut one_by_one, mut bytes) = (vec![0; RUN], vec![0; RUN]);
                one_by_one[7] = 3;
                bytes[7] = 3;
                mark_run(row(0), row(3), row(6), 1, &mut one_by_one);
                let done = dispatch!(Level::new(), simd => mark_at_once(simd, row(0), row(3), row(6), 1, &mut bytes));
                if done {
                    assert_eq!(bytes, one_by_one);
                    at_once += 1;
                    marks += bytes.iter().filter(|&&mark| mark == 1).count();
                }
            }
        }
        assert!(at_once > 100 && marks > 100, "{at_once} runs, {marks} marks");
    }
}
