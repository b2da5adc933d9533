//! Person and background, pixel by pixel: by the colours of a plain background, or by the segmentation net.

use fearless_simd::{Level, dispatch};
use image::{GrayImage, RgbImage};

use super::Work;
use super::lab::{self, BLOCK, CHUNK, Lab, LabImage};
use super::regions::Regions;
use super::surface::{Sample, Surface};
use crate::face::Face;
use crate::face::net::{Net, NetError};
use crate::measure::border::Border;
use crate::photo::resize::{FilterType, resized, resized_plane};
use crate::units::Rect;

/// Width of the strips along the top and the sides that are expected to show background, over the picture's side.
const STRIP: f64 = 0.045;

/// Farthest a background sample may lie from the commonest colour, in Lab units: wide enough for a vignette.
const REACH: f32 = 28.0;

/// Share of the strips that must follow the surface for the background to be called plain. Hair or shoulders at the
/// edge, a frame or a stamp take their part.
const PLAIN_SHARE: f64 = 0.6;

/// A plain background found by its colours.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    /// Its colour at every place.
    pub surface: Surface,
    /// The surface at every block.
    pub expected: LabImage,
    /// Largest distance from the surface, in Lab units, at which a pixel is background.
    pub threshold: f32,
    /// Block means of the picture.
    pub blocks: &'a LabImage,
    /// For each block: connected background.
    pub open: Vec<bool>,
}

/// A cell's place in units of the picture, -1 to 1.
pub(super) fn unit(i: usize, n: usize) -> f32 {
    (2 * i + 1) as f32 / n as f32 - 1.0
}

/// Looks for one smooth colour surface behind the person. `None` when the background is not plain.
pub(super) fn plain<'a>(work: &'a Work, face: Option<&Face>, borders: &[Option<Border>; 4]) -> Option<Plain<'a>> {
    let blocks = &work.blocks;
    let (w, h) = (blocks.width, blocks.height);
    if w < 16 || h < 16 {
        return None;
    }
    let cell = work.scale * BLOCK as f64;
    // Below the chin the sides show shoulders.
    let side_end = face.map_or(h * 6 / 10, |face| ((face.chin.y / cell) as usize).clamp(h / 4, h));
    let strip = ((w.min(h) as f64 * STRIP).ceil() as usize).max(2);
    // Inside of a border, and a block further, where its edge bleeds.
    let [left, top, right, _] =
        borders.map(|border| border.map_or(0, |border| (f64::from(border.width) / cell).ceil() as usize + 1));
    let mut strips = vec![false; w * h];
    for (y, row) in strips.chunks_exact_mut(w).enumerate().skip(top) {
        let inner = left..w.saturating_sub(right);
        if y < top + strip {
            row.get_mut(inner).unwrap_or_default().fill(true);
        } else if y < side_end {
            let of_strip = |x: usize| x < left + strip || x + right + strip >= w;
            inner.filter(|&x| of_strip(x)).for_each(|x| row[x] = true);
        }
    }
    let sample = |x: usize, y: usize| Sample { x: unit(x, w), y: unit(y, h), lab: blocks.get(x, y) };
    // Of every second place of the strips, as on a chessboard.
    let mut seeds: Vec<Sample> = Vec::new();
    for (y, row) in strips.chunks_exact(w).enumerate() {
        seeds.extend((y % 2..w).step_by(2).filter(|&x| row[x]).map(|x| sample(x, y)));
    }
    let guess = Surface::flat(commonest(&seeds)?, 1.0);
    let mut surface = Surface::fit(&seeds, &guess, REACH)?;
    let mut open = Vec::new();
    let mut threshold = 0.0;
    // The strips say what to look for; what is then found says it better.
    for round in 0..2 {
        threshold = (4.0 * surface.noise + 2.5).clamp(4.5, 9.0);
        let near = near(&surface.image(w, h), blocks, threshold);
        open = Regions::of(&near, w).containing(&strips);
        if round == 0 {
            let mut found: Vec<Sample> = Vec::new();
            for (y, row) in open.chunks_exact(w).enumerate() {
                // Where x + 3 y is a multiple of eight.
                found.extend((5 * y % 8..w).step_by(8).filter(|&x| row[x]).map(|x| sample(x, y)));
            }
            surface = Surface::fit(&found, &surface, 2.0 * threshold)?;
        }
    }
    let follows = seeds.iter().filter(|s| surface.at(s.x, s.y).distance(s.lab) < threshold).count();
    let share = open.iter().filter(|&&o| o).count() as f64 / (w * h) as f64;
    let leak = face.map_or(0.0, |face| leak(face, &open, w, h, cell));
    let plain = follows as f64 >= PLAIN_SHARE * seeds.len() as f64 && share >= 0.05 && leak < 0.05;
    plain.then(|| Plain { expected: surface.image(w, h), surface, threshold, blocks, open })
}

/// For each cell, whether the two pictures differ by less than `threshold` there.
fn near(a: &LabImage, b: &LabImage, threshold: f32) -> Vec<bool> {
    let mut near = vec![false; a.l.len()];
    dispatch!(Level::new(), _simd => compare(a, b, threshold * threshold, &mut near));
    near
}

#[inline(always)]
fn compare(a: &LabImage, b: &LabImage, limit: f32, near: &mut [bool]) {
    let n = near.len();
    let [a, b] = [a, b].map(|image| [&image.l[..n], &image.a[..n], &image.b[..n]]);
    for i in 0..n {
        let square = |k: usize| (a[k][i] - b[k][i]) * (a[k][i] - b[k][i]);
        near[i] = square(0) + square(1) + square(2) < limit;
    }
}

/// The commonest colour of the samples, to the mean of the fullest bin of 8 Lab units and its neighbours.
fn commonest(samples: &[Sample]) -> Option<Lab> {
    let bin = |lab: Lab| [lab.l, lab.a, lab.b].map(|v| (v / 8.0).round() as i32);
    let mut counts = std::collections::HashMap::new();
    for sample in samples {
        *counts.entry(bin(sample.lab)).or_insert(0usize) += 1;
    }
    // Ties are broken by the bin itself, so that the same photo always gives the same answer.
    let (&fullest, _) = counts.iter().max_by_key(|&(bin, &count)| (count, *bin))?;
    let near = |lab: Lab| bin(lab).iter().zip(fullest).all(|(a, b)| (a - b).abs() <= 1);
    let members: Vec<Lab> = samples.iter().map(|s| s.lab).filter(|&lab| near(lab)).collect();
    let n = members.len() as f32;
    let mean = |channel: fn(&Lab) -> f32| members.iter().map(channel).sum::<f32>() / n;
    Some(Lab { l: mean(|c| c.l), a: mean(|c| c.a), b: mean(|c| c.b) })
}

/// Share of the face's inner part that was taken for background: skin as light as a wall, say.
fn leak(face: &Face, open: &[bool], w: usize, h: usize, cell: f64) -> f64 {
    let center = face.eye_midpoint();
    let (rx, ry) = (face.width() * 0.35, face.eye_to_chin() * 0.6);
    let cy = center.y + face.eye_to_chin() * 0.3;
    // A negative number becomes 0.
    let near = |middle: f64, reach: f64, n: usize| {
        let (first, last) = (((middle - reach) / cell) as usize, ((middle + reach) / cell) as usize);
        first.min(n)..last.saturating_add(1).min(n)
    };
    let columns = near(center.x, rx, w);
    let (mut inside, mut taken) = (0usize, 0usize);
    for row in near(cy, ry, h) {
        let down = (((row as f64 + 0.5) * cell - cy) / ry).powi(2);
        for (column, &is_open) in columns.clone().zip(&open[row * w..][columns.clone()]) {
            let across = (((column as f64 + 0.5) * cell - center.x) / rx).powi(2);
            if across + down < 1.0 {
                inside += 1;
                taken += usize::from(is_open);
            }
        }
    }
    taken as f64 / inside.max(1) as f64
}

/// Person mask of a plain background at full working size: each pixel by its own distance from the surface, 0 at the
/// threshold's lower half and 255 above it, so that the edge is soft. `shade` marks blocks that are shaded background.
pub(super) fn person_by_color(rgb: &RgbImage, plain: &Plain<'_>, shade: &[bool]) -> GrayImage {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    let (bw, bh) = (plain.blocks.width, plain.blocks.height);
    let mut mask = vec![255u8; w * h];
    // A block amid background holds nothing else, and one with no background around it none.
    let clear: Vec<bool> = plain.open.iter().zip(shade).map(|(&open, &shade)| open || shade).collect();
    let solid: Vec<bool> = clear.iter().map(|clear| !clear).collect();
    let (near_solid, near_clear) = (dilated(&solid, bw, bh, 1), dilated(&clear, bw, bh, 2));
    // What is sure of each block.
    let sure = |block: usize| match (near_clear[block], near_solid[block] && !shade[block]) {
        (false, _) => Some(255),
        (true, false) => Some(0),
        (true, true) => None,
    };
    let sure: Vec<Option<u8>> = (0..bw * bh).map(sure).collect();
    dispatch!(Level::new(), _simd => mark_pixels(rgb, plain, &sure, &mut mask));
    GrayImage::from_raw(w as u32, h as u32, mask).unwrap_or_default()
}

/// Fills in what is sure of the blocks, and looks at all other pixels one by one, many at a time.
#[inline(always)]
fn mark_pixels(rgb: &RgbImage, plain: &Plain<'_>, sure: &[Option<u8>], mask: &mut [u8]) {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    let (bw, bh) = (plain.blocks.width, plain.blocks.height);
    for (y, (row, pixels)) in mask.chunks_exact_mut(w).zip(rgb.as_raw().chunks_exact(3 * w)).enumerate() {
        let line = SurfaceLine { colors: plain.surface.row(unit(y, h)), width: w, threshold: plain.threshold };
        let pixels = pixels.as_chunks::<3>().0;
        let sure = &sure[(y / BLOCK).min(bh - 1) * bw..][..bw];
        let mut bx = 0;
        while bx < bw {
            let (first, value) = (bx, sure[bx]);
            while bx < bw && sure[bx] == value {
                bx += 1;
            }
            // The last block takes the remainder of the row with it.
            let columns = first * BLOCK..if bx == bw { w } else { bx * BLOCK };
            match value {
                Some(value) => row[columns].fill(value),
                None => line.mark(columns.start, &pixels[columns.clone()], &mut row[columns]),
            }
        }
    }
}

/// The surface along a row of pixels.
struct SurfaceLine {
    /// For each channel of CIELAB, its polynomial along the row.
    colors: [[f32; 3]; 3],
    /// Pixels of a row.
    width: usize,
    threshold: f32,
}

impl SurfaceLine {
    /// How far pixels lie from the surface, the first of them in column `start`.
    #[inline(always)]
    fn mark(&self, start: usize, pixels: &[[u8; 3]], mask: &mut [u8]) {
        let (chunks, rest) = pixels.as_chunks::<CHUNK>();
        let (marks, last) = mask.as_chunks_mut::<CHUNK>();
        let mut first = start as f32;
        for (pixels, mask) in chunks.iter().zip(marks) {
            *mask = self.marks(first, pixels);
            first += CHUNK as f32;
        }
        if !rest.is_empty() {
            last.copy_from_slice(&self.marks(first, &lab::filled_up(rest))[..last.len()]);
        }
    }

    /// The same of a chunk.
    #[inline(always)]
    fn marks(&self, first: f32, pixels: &[[u8; 3]; CHUNK]) -> [u8; CHUNK] {
        let dx = 2.0 / self.width as f32;
        let [l, a, b] = self.colors;
        let seen = lab::of_chunk(&lab::linear_chunk(pixels));
        let mut over = [0u8; CHUNK];
        for i in 0..CHUNK {
            let u = (first + i as f32) * dx + dx / 2.0 - 1.0;
            let dl = seen[0][i] - (l[0] + u * (l[1] + l[2] * u));
            let da = seen[1][i] - (a[0] + u * (a[1] + a[2] * u));
            let db = seen[2][i] - (b[0] + u * (b[1] + b[2] * u));
            let distance = (dl * dl + da * da + db * db).sqrt();
            over[i] = ((distance / self.threshold - 0.5) * 255.0).clamp(0.0, 255.0) as u8;
        }
        over
    }
}

/// Cells within `reach` of a set cell, both ways and diagonally.
pub(super) fn dilated(set: &[bool], w: usize, h: usize, reach: usize) -> Vec<bool> {
    let mut across = set.to_vec();
    for (from, to) in set.chunks_exact(w).zip(across.chunks_exact_mut(w)) {
        for d in 1..=reach.min(w) {
            for (to, &from) in to[d..].iter_mut().zip(from) {
                *to |= from;
            }
            for (to, &from) in to.iter_mut().zip(&from[d..]) {
                *to |= from;
            }
        }
    }
    let mut both = across.clone();
    for d in 1..=reach.min(h) {
        for (to, &from) in both[d * w..].iter_mut().zip(&across) {
            *to |= from;
        }
        for (to, &from) in both.iter_mut().zip(&across[d * w..]) {
            *to |= from;
        }
    }
    both
}

/// What the segmentation net saw.
pub(crate) struct ByNet {
    /// Person mask at working size, 0 outside of what was looked at.
    pub person: GrayImage,
    /// What was looked at, in working pixels.
    pub seen: Rect,
}

/// Person mask by the segmentation net, on a square around the head (or the whole picture without one).
///
/// # Errors
/// When the net cannot be run.
pub(crate) fn person_by_net(work: &Work, face: Option<&Face>, net: &dyn Net) -> Result<ByNet, NetError> {
    let (rgb, scale) = (&work.rgb, work.scale);
    let (w, h) = (f64::from(rgb.width()), f64::from(rgb.height()));
    let whole = Rect::from_edges(0.0, 0.0, w, h);
    // The net was trained on head and shoulders: about four face widths across.
    let crop = face.map_or(whole, |face| {
        let side = 4.0 * face.width() / scale;
        let (cx, cy) = (face.eye_midpoint().x / scale, face.eye_midpoint().y / scale);
        let left = (cx - side / 2.0).max(0.0).floor();
        let top = (cy - side * 0.45).max(0.0).floor();
        Rect::from_edges(left, top, (left + side).min(w).ceil(), (top + side).min(h).ceil())
    });
    let fault = |reason: String| NetError { net: "selfie_segmenter", reason };
    let side = net.input_shape()[1] as u32;
    let small = resized(rgb, crop, (side, side), FilterType::Bilinear).ok_or_else(|| fault("no crop".to_owned()))?;
    let outputs = net.run(&mut |y, row| {
        let small = &small.as_raw()[y * row.len()..];
        row.iter_mut().zip(small).for_each(|(to, &v)| *to = f32::from(v) / 255.0);
    })?;
    let probability = outputs.into_iter().next().unwrap_or_default();
    if probability.len() != (side * side) as usize {
        return Err(fault(format!("gave {} values, not {}", probability.len(), side * side)));
    }
    let bytes: Vec<u8> = probability.iter().map(|p| (p * 255.0).round().clamp(0.0, 255.0) as u8).collect();
    let size = (crop.width as u32, crop.height as u32);
    let fine = resized_plane(&bytes, (side, side), size, FilterType::Bilinear)
        .ok_or_else(|| fault("an empty crop".to_owned()))?;
    let mut mask = GrayImage::new(rgb.width(), rgb.height());
    for (y, row) in fine.chunks_exact(size.0 as usize).enumerate() {
        let start = (crop.y as usize + y) * rgb.width() as usize + crop.x as usize;
        mask.as_mut()[start..start + row.len()].copy_from_slice(row);
    }
    Ok(ByNet { person: mask, seen: crop })
}
