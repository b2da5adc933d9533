//! The clothes: how far they are from the background in colour, and how much they are patterned.

use fearless_simd::{Level, dispatch};
use image::GrayImage;

use super::plane::{Plane, quantile};
use crate::face::Face;
use crate::facts::Missing;
use crate::scene::Work;
use crate::scene::lab::{BLOCK, Lab};
use crate::units::Rect;

/// Columns looked at on both sides of the face's middle, in face widths: outside the neck, inside the shoulders.
const COLUMNS: [f64; 2] = [0.40, 0.80];

/// Height of the strip looked at, as a share of the photo's, up from the bottom edge.
const STRIP: f64 = 0.10;

/// The percentile that is reported: clothes like the background show in the near part of the distribution, and hair
/// over a shoulder in the far part.
const PERCENTILE: f64 = 0.30;

/// CIEDE2000 difference of the clothes from `background`.
///
/// # Errors
/// [`Missing::OutOfView`] when the photo ends at the chin.
pub fn contrast(work: &Work, background: Lab, face: &Face) -> Result<f64, Missing> {
    let blocks = &work.blocks;
    let cell = work.scale * BLOCK as f64;
    let (center, width) = (face.eye_midpoint().x / cell, face.width() / cell);
    let top = (blocks.height as f64 * (1.0 - STRIP)).max((face.chin.y + 0.25 * face.eye_to_chin()) / cell);
    let mut differences: Vec<f64> = Vec::new();
    for side in [-1.0, 1.0] {
        let ends = COLUMNS.map(|c| center + side * c * width);
        let [from, to] = [ends[0].min(ends[1]), ends[0].max(ends[1])].map(|x| x.round().max(0.0) as usize);
        for y in top.round().max(0.0) as usize..blocks.height {
            differences.extend((from..to.min(blocks.width)).map(|x| blocks.get(x, y).ciede2000(background)));
        }
    }
    if differences.len() < 20 {
        return Err(Missing::OutOfView);
    }
    let nth = ((differences.len() - 1) as f64 * PERCENTILE) as usize;
    Ok(*differences.select_nth_unstable_by(nth, f64::total_cmp).1)
}

/// Where the clothes are looked at, in face widths: off the neck on both sides, and below the chin.
const OFF_NECK: f64 = 0.35;
const BELOW_CHIN: f64 = 0.15;
const REACH: [f64; 2] = [1.2, 1.6];
/// Width, in face widths, left out beside the person's outline, which is an edge itself.
const OUTLINE: f64 = 0.05;
/// Luma, in steps of 0 to 255, that a change of tone has to reach: above noise and the ringing of JPEG.
const SWING: f32 = 8.0;
/// The percentile over lines: collars, seams and hair over a shoulder cross a part of the lines, a pattern most of them.
const LINES: f64 = 0.40;
/// Faces narrower than this, in pixels, leave too few pixels for the clothes.
const MIN_FACE: f64 = 40.0;

/// A patterned cloth, or how little of one there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pattern {
    /// Changes of tone along a line as long as the face is wide, the larger of rows and columns.
    pub changes: f64,
    /// Where was looked, in original pixels.
    pub region: Rect,
}

/// Counts the changes of tone (turning points of the luma, smoothed over 3x3 pixels, that lie at least 8 levels apart)
/// along rows and columns of the clothes. Folds and shade change slowly and buttons and collars seldom, stripes and checks
/// again and again.
///
/// # Errors
/// [`Missing::OutOfView`] when too little of the clothes is in the photo.
pub fn pattern(work: &Work, person: &GrayImage, face: &Face) -> Result<Pattern, Missing> {
    let (cx, width) = (face.cheeks[0].midpoint(face.cheeks[1]).x / work.scale, face.width() / work.scale);
    if !(width >= MIN_FACE) || person.dimensions() != work.rgb.dimensions() {
        return Err(Missing::OutOfView);
    }
    let chin = face.chin.y / work.scale;
    let wanted = Rect::from_edges(
        cx - REACH[0] * width,
        chin + BELOW_CHIN * width,
        cx + REACH[0] * width,
        chin + REACH[1] * width,
    );
    let cloth = Cloth::of(work, person, wanted, cx, OFF_NECK * width).ok_or(Missing::OutOfView)?;
    let turned = cloth.transposed();
    let changes = match (cloth.changes(width), turned.changes(width)) {
        (None, None) => return Err(Missing::OutOfView),
        (rows, columns) => rows.unwrap_or(0.0).max(columns.unwrap_or(0.0)),
    };
    Ok(Pattern { changes, region: cloth.region(work.scale) })
}

/// Smoothed luma of the clothes, `NaN` where there are none.
struct Cloth {
    left: f64,
    top: f64,
    width: usize,
    height: usize,
    luma: Vec<f32>,
}

impl Cloth {
    fn of(work: &Work, person: &GrayImage, wanted: Rect, cx: f64, off_neck: f64) -> Option<Self> {
        let (w, h) = (work.rgb.width(), work.rgb.height());
        let edge = |v: f64, max: u32| v.clamp(0.0, f64::from(max)) as u32;
        let (left, right) = (edge(wanted.x, w), edge(wanted.right(), w));
        let (top, bottom) = (edge(wanted.y, h), edge(wanted.bottom(), h));
        if right <= left + 2 || bottom <= top + 2 {
            return None;
        }
        let (width, height) = ((right - left) as usize, (bottom - top) as usize);
        let rect = Rect::from_edges(f64::from(left), f64::from(top), f64::from(right), f64::from(bottom));
        let plane = Plane::luma(&work.rgb, rect)?;
        let mut values = vec![f32::NAN; width * height];
        // Columns off the neck, on both sides.
        let off = |x: usize| (f64::from(left) + x as f64 + 0.5 - cx).abs() >= off_neck;
        let off: Vec<bool> = (0..width).map(off).collect();
        let mut sums = vec![0u16; width + 2];
        let level = Level::new();
        for (y, values) in values.chunks_exact_mut(width).enumerate() {
            let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)].map(|y| &plane.data[y * width..][..width]);
            let mask = &person.as_raw()[(top as usize + y) * w as usize + left as usize..][..width];
            dispatch!(level, _simd => smooth(rows, mask, &off, &mut sums, values));
        }
        Some(Self { left: f64::from(left), top: f64::from(top), width, height, luma: values })
    }

    fn transposed(&self) -> Self {
        // In squares, so that what is read and what is written stay near.
        const SQUARE: usize = 16;
        let mut luma = vec![0.0; self.luma.len()];
        for top in (0..self.height).step_by(SQUARE) {
            for left in (0..self.width).step_by(SQUARE) {
                for x in left..(left + SQUARE).min(self.width) {
                    for y in top..(top + SQUARE).min(self.height) {
                        luma[x * self.height + y] = self.luma[y * self.width + x];
                    }
                }
            }
        }
        Self { left: self.top, top: self.left, width: self.height, height: self.width, luma }
    }

    fn region(&self, scale: f64) -> Rect {
        let edge = |from: f64, length: usize| (from * scale, (from + length as f64) * scale);
        let ((l, r), (t, b)) = (edge(self.left, self.width), edge(self.top, self.height));
        Rect::from_edges(l, t, r, b)
    }

    /// Changes per `unit` of length at [`LINES`] of the rows; `None` with fewer than eight rows to count on.
    fn changes(&self, unit: f64) -> Option<f64> {
        let margin = (OUTLINE * unit) as usize;
        let mut densities: Vec<f32> = Vec::new();
        for row in self.luma.chunks_exact(self.width) {
            let (mut count, mut length) = (0, 0);
            for run in runs(row) {
                let inner = run.get(margin..run.len().saturating_sub(margin)).unwrap_or_default();
                // A stub of a line shows no pattern.
                if inner.len() as f64 >= 0.1 * unit {
                    count += turns(inner);
                    length += inner.len();
                }
            }
            if length as f64 >= 0.15 * unit {
                densities.push((f64::from(count) / length as f64 * unit) as f32);
            }
        }
        (densities.len() >= 8).then(|| f64::from(quantile(&mut densities, LINES)))
    }
}

/// Means of three rows and three columns where there are clothes. `sums` has a place more at both ends.
#[inline(always)]
fn smooth(rows: [&[u8]; 3], mask: &[u8], off: &[bool], sums: &mut [u16], values: &mut [f32]) {
    let width = values.len();
    let [above, here, below] = rows.map(|row| &row[..width]);
    for (x, sum) in sums[1..=width].iter_mut().enumerate() {
        *sum = u16::from(above[x]) + u16::from(here[x]) + u16::from(below[x]);
    }
    sums[0] = sums[1];
    sums[width + 1] = sums[width];
    let (sums, mask, off) = (&sums[..width + 2], &mask[..width], &off[..width]);
    for (x, value) in values.iter_mut().enumerate() {
        let mean = f32::from(sums[x] + sums[x + 1] + sums[x + 2]) / 9.0;
        *value = if (mask[x] >= 128) & off[x] { mean } else { f32::NAN };
    }
}

/// The parts of a row where there are clothes.
fn runs(row: &[f32]) -> impl Iterator<Item = &[f32]> {
    let mut rest = row;
    std::iter::from_fn(move || {
        rest = &rest[first(rest, false)?..];
        let (run, behind) = rest.split_at(first(rest, true).unwrap_or(rest.len()));
        rest = behind;
        Some(run)
    })
}

/// The first place without clothes, or with.
fn first(row: &[f32], without: bool) -> Option<usize> {
    // Whole stretches first: rows are a few long runs.
    let alike = |stretch: &&[f32]| !stretch.iter().fold(false, |any, v| any | (v.is_nan() == without));
    let from = row.chunks_exact(STRETCH).take_while(alike).count() * STRETCH;
    row[from..].iter().position(|v| v.is_nan() == without).map(|at| from + at)
}

/// Values of a line that are looked at together.
const STRETCH: usize = 16;

/// Turning points of a line that lie at least `SWING` from the one before.
fn turns(line: &[f32]) -> u32 {
    let Some(&first) = line.first() else { return 0 };
    let (mut low, mut high, mut rising, mut count) = (first, first, None, 0);
    for stretch in line.chunks(STRETCH) {
        let (least, most) = ends(stretch);
        // No swing ends in a stretch that stays this near to what was before: most of plain cloth.
        if high.max(most) - least < SWING && most - low.min(least) < SWING {
            (low, high) = (low.min(least), high.max(most));
            continue;
        }
        for &v in stretch {
            (low, high) = (low.min(v), high.max(v));
            if rising != Some(false) && high - v >= SWING {
                count += u32::from(rising.is_some());
                (rising, low) = (Some(false), v);
            } else if rising != Some(true) && v - low >= SWING {
                count += u32::from(rising.is_some());
                (rising, high) = (Some(true), v);
            }
        }
    }
    count
}

/// The least and the largest value.
fn ends(stretch: &[f32]) -> (f32, f32) {
    // Four side by side, because each waits for the one before.
    let (mut low, mut high) = ([f32::MAX; 4], [f32::MIN; 4]);
    let (quads, rest) = stretch.as_chunks::<4>();
    for quad in quads {
        for (k, &v) in quad.iter().enumerate() {
            (low[k], high[k]) = (low[k].min(v), high[k].max(v));
        }
    }
    for &v in rest {
        (low[0], high[0]) = (low[0].min(v), high[0].max(v));
    }
    (low.into_iter().fold(f32::MAX, f32::min), high.into_iter().fold(f32::MIN, f32::max))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::measure::fake;

    /// A person in clothes of the tone `cloth` gives for each pixel.
    fn dressed(cloth: impl Fn(u32, u32) -> u8) -> Result<Pattern, Missing> {
        let face = fake::face();
        let rgb = fake::portrait(|x, y| Rgb([cloth(x, y); 3]));
        let scene = fake::scene(&rgb);
        pattern(&scene.work, &scene.person, &face)
    }

    #[test]
    fn stripes_and_checks_are_counted_plain_cloth_and_buttons_are_not() {
        let changes = |cloth: &dyn Fn(u32, u32) -> u8| dressed(cloth).expect("clothes are in view").changes;
        let tone = |dark: bool| if dark { 90 } else { 140 };
        assert_eq!(changes(&|_, _| 120), 0.0);
        // Shade that runs over the shoulder.
        assert_eq!(changes(&|x, _| (60 + x / 4) as u8), 0.0);
        // A row of buttons and one seam.
        assert!(changes(&|x, y| tone(x / 8 == 12 || (x.abs_diff(400) < 4 && y % 30 < 8))) < 3.0);
        let along = |x: u32, _: u32| tone((x / 8).is_multiple_of(2));
        let across = |_: u32, y: u32| tone((y / 8).is_multiple_of(2));
        let checks = |x: u32, y: u32| tone((x / 8 + y / 8).is_multiple_of(2));
        for (name, changes) in [("across", changes(&across)), ("along", changes(&along)), ("checks", changes(&checks))]
        {
            // Two changes in 16 pixels, over a face 230 pixels wide.
            assert!((changes - 28.0).abs() < 4.0, "{name}: {changes}");
        }
    }

    #[test]
    fn a_photo_that_ends_at_the_chin_shows_no_clothes() {
        let scene = fake::scene(&fake::portrait(|_, _| Rgb([90; 3])));
        let mut low = fake::face();
        low.chin.y = 620.0;
        assert_eq!(pattern(&scene.work, &scene.person, &low), Err(Missing::OutOfView));
    }

    #[test]
    fn runs_are_what_lies_between_gaps() {
        let mut row: Vec<f32> = (0..100).map(|x| x as f32).collect();
        for gap in [0..3, 20..21, 40..80, 99..100] {
            row[gap].fill(f32::NAN);
        }
        let found: Vec<(f32, usize)> = runs(&row).map(|run| (run[0], run.len())).collect();
        assert_eq!(found, [(3.0, 17), (21.0, 19), (80.0, 19)]);
        assert_eq!(runs(&[f32::NAN; 40]).count() + runs(&[]).count(), 0);
        assert_eq!(runs(&[1.0; 40]).map(<[f32]>::len).collect::<Vec<_>>(), [40]);
    }

    #[test]
    fn turns_are_counted_between_swings_only() {
        let wave = |n: usize, swing: f32| -> Vec<f32> {
            (0..n).map(|i| 100.0 + if i % 2 == 0 { 0.0 } else { swing }).collect()
        };
        assert_eq!(turns(&wave(20, SWING - 0.5)), 0);
        // The first rise has nothing before it to turn from.
        assert_eq!(turns(&wave(20, SWING + 0.5)), 18);
        assert_eq!(turns(&[0.0, 10.0, 20.0, 30.0]), 0);
        assert_eq!(turns(&[]), 0);
    }
}
