//! What the background looks like once it is told from the person.

use std::ops::Range;

use image::GrayImage;

use super::lab::{BLOCK, Lab, LabImage};
use super::mask::{Plain, dilated, unit};
use super::regions::{Region, Regions};
use super::surface::{Sample, Surface};
use super::{Background, Work};
use crate::face::Face;
use crate::facts::Missing;
use crate::units::{Point, Rect};

/// Darkening against the surface, in L*, from which shade counts as shadow (checks.md: -3 L*).
const SHADOW: f32 = 3.0;

/// Darkest that shaded background can be, as L* + 16 over that of the surface. Deeper than this it is a thing.
const DARKEST_SHADE: f32 = 0.55;

/// Largest step of L* between neighbouring blocks inside shade: penumbras are soft, outlines of things are not.
const SOFT_STEP: f32 = 5.0;

/// How far a* and b* of shade may stray from the surface's own hue.
const SHADE_HUE: f32 = 5.0;

/// Smallest thing that is reported, as a share of the photo.
const SMALLEST_OBJECT: f64 = 0.0012;

/// Blocks that are background in shade: they carry on from open background without an edge, in its hue but darker.
///
/// A shadow darkens all of linear light by one factor, so L* + 16, a* and b* shrink together.
pub(super) fn shade(plain: &Plain<'_>, chin_row: usize) -> Vec<bool> {
    let (w, h) = (plain.blocks.width, plain.blocks.height);
    let expected = |i: usize| plain.expected.at(i);
    let like_shade = |i: usize| {
        let (seen, clear) = (plain.blocks.at(i), expected(i));
        let ratio = (seen.l + 16.0) / (clear.l + 16.0);
        i / w < chin_row
            && (DARKEST_SHADE..1.0).contains(&ratio)
            && (seen.a - ratio * clear.a).abs() < SHADE_HUE
            && (seen.b - ratio * clear.b).abs() < SHADE_HUE
            && smooth(plain.blocks, i)
    };
    let starts: Vec<usize> = (0..w * h).filter(|&i| !plain.open[i] && touches(&plain.open, i, w, h)).collect();
    flood(w, h, starts, |i| !plain.open[i] && like_shade(i))
}

/// Cells reached from `starts` over 4-neighbours that `passable` lets through; only those near are asked.
fn flood(w: usize, h: usize, starts: impl IntoIterator<Item = usize>, passable: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut reached = vec![false; w * h];
    let mut stack = Vec::new();
    for start in starts {
        if !reached[start] && passable(start) {
            reached[start] = true;
            stack.push(start);
        }
        while let Some(i) = stack.pop() {
            let x = i % w;
            let mut visit = |j: usize| {
                if !reached[j] && passable(j) {
                    reached[j] = true;
                    stack.push(j);
                }
            };
            if x > 0 {
                visit(i - 1);
            }
            if x + 1 < w {
                visit(i + 1);
            }
            if i >= w {
                visit(i - w);
            }
            if i + w < w * h {
                visit(i + w);
            }
        }
    }
    reached
}

fn smooth(blocks: &LabImage, i: usize) -> bool {
    let (w, h) = (blocks.width, blocks.height);
    let (x, y) = (i % w, i / w);
    let l = blocks.l[i];
    let step = |j: usize| (blocks.l[j] - l).abs();
    (x == 0 || step(i - 1) < SOFT_STEP)
        && (x + 1 == w || step(i + 1) < SOFT_STEP)
        && (y == 0 || step(i - w) < SOFT_STEP)
        && (y + 1 == h || step(i + w) < SOFT_STEP)
}

/// Whether a neighbour of `i` is set.
fn touches(set: &[bool], i: usize, w: usize, h: usize) -> bool {
    let x = i % w;
    (x > 0 && set[i - 1]) || (x + 1 < w && set[i + 1]) || (i >= w && set[i - w]) || (i + w < w * h && set[i + w])
}

/// Describes a background found by its colours.
pub(super) fn of_plain(
    plain: &Plain<'_>,
    shade: &[bool],
    face: Option<&Face>,
    scale: f64,
) -> Result<Background, Missing> {
    let (w, h) = (plain.blocks.width, plain.blocks.height);
    let cell = scale * BLOCK as f64;
    let chin_row = face.map_or(h, |face| ((face.chin.y / cell) as usize).min(h));
    // Clothes of the background's colour pass for it; where a body has to be, nothing is said of the background.
    let body = face.map(|face| Body { chin: face.chin, width: face.width(), cell });
    let outside_body = |set: &mut [bool], slope: f64| {
        for (y, row) in set.chunks_exact_mut(w).enumerate() {
            if let Some(body) = body {
                row[body.columns(y, w, slope)].fill(false);
            }
        }
    };
    let solid: Vec<bool> = plain.open.iter().zip(shade).map(|(open, shade)| !open & !shade).collect();
    let closed: Vec<bool> = plain.open.iter().map(|open| !open).collect();
    // Away from the outline, where hair and compression bleed into it.
    let mut core: Vec<bool> = dilated(&closed, w, h, 1).into_iter().map(|near| !near).collect();
    outside_body(&mut core, NARROW);
    let core: Vec<usize> = cells_of(&core).collect();
    let median = median_color(plain.blocks, &core).ok_or(Missing::NoBackground)?;
    let (gradient_l, gradient_ab) = spread(core.iter().map(|&i| plain.expected.at(i)));
    let residual = |i: usize| plain.blocks.l[i] - plain.expected.l[i];
    let noise_l = (core.iter().map(|&i| residual(i).powi(2)).sum::<f32>() / core.len() as f32).sqrt();

    let background = solid.iter().filter(|&&solid| !solid).count();
    let at_person = dilated(&solid, w, h, 1);
    let dark: Vec<bool> = (0..w * h)
        .map(|i| i < chin_row * w && (shade[i] || (plain.open[i] && !at_person[i])) && residual(i) < -SHADOW)
        .collect();

    // What is neither background nor connected with the person.
    let mut starts = vec![false; w * h];
    starts[face.map_or(w / 2 + h / 2 * w, |face| {
        let p = face.eye_midpoint();
        ((p.x / cell) as usize).min(w - 1) + ((p.y / cell) as usize).min(h - 1) * w
    })] = true;
    // The bottom rows belong to the person even where a pale shirt is torn from the neck by the background's colour.
    starts[(h - 2) * w..].fill(true);
    let person = Regions::of(&solid, w).containing(&starts);
    let mut stray: Vec<bool> = solid.iter().zip(&person).map(|(solid, person)| solid & !person).collect();
    outside_body(&mut stray, WIDE);
    let object = largest_object(&stray, w, h);
    let in_original = |r: Rect| Rect { x: r.x * cell, y: r.y * cell, width: r.width * cell, height: r.height * cell };
    Ok(Background {
        median,
        share: background as f64 / (w * h) as f64,
        gradient_l: f64::from(gradient_l),
        gradient_ab: f64::from(gradient_ab),
        shadow_share: cells_of(&dark).count() as f64 / background.max(1) as f64,
        shadow_box: largest(Regions::of(&dark, w).each(0)).map(|shadow| in_original(shadow.bounds)),
        object_share: object.map_or(0.0, |object| object.area as f64 / background.max(1) as f64),
        object_box: object.map(|object| in_original(object.bounds)),
        noise_l: f64::from(noise_l),
        plain: true,
    })
}

/// Where neck and shoulders are, in face widths: from this far below the chin on, this far to each side, at most so far.
const NECK_END: f64 = 0.3;
const NECK: f64 = 0.45;
const SHOULDERS: f64 = 1.6;

/// How much wider the body is for each face width further down: narrow shoulders, and wide ones.
const NARROW: f64 = 1.6;
const WIDE: f64 = 8.0;

/// Where a body has to be below a face.
#[derive(Clone, Copy)]
struct Body {
    chin: Point,
    /// Width of the face.
    width: f64,
    /// Side of a block, in the same pixels.
    cell: f64,
}

impl Body {
    /// The columns of a row of `width` blocks that lie, by their centres, where a body of such shoulders has to be.
    fn columns(&self, row: usize, width: usize, slope: f64) -> Range<usize> {
        let down = ((row as f64 + 0.5) * self.cell - self.chin.y) / self.width - NECK_END;
        if !(down > 0.0) {
            return 0..0;
        }
        let aside = (NECK + slope * down).min(SHOULDERS) * self.width;
        let covered = |x: usize| ((x as f64 + 0.5) * self.cell - self.chin.x).abs() < aside;
        let end = (0..width).rposition(covered).map_or(0, |last| last + 1);
        (0..end).position(covered).unwrap_or(0)..end
    }
}

/// Indices of the cells of a set.
fn cells_of(set: &[bool]) -> impl Iterator<Item = usize> {
    set.iter().enumerate().filter(|(_, set)| **set).map(|(i, _)| i)
}

fn median_color(blocks: &LabImage, cells: &[usize]) -> Option<Lab> {
    if cells.is_empty() {
        return None;
    }
    let median = |plane: &[f32]| {
        let mut values: Vec<f32> = cells.iter().map(|&i| plane[i]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    };
    Some(Lab { l: median(&blocks.l), a: median(&blocks.a), b: median(&blocks.b) })
}

/// Largest minus smallest L*, and the larger of the spreads of a* and b*.
fn spread(colors: impl Iterator<Item = Lab>) -> (f32, f32) {
    let mut ends = [[f32::MAX, f32::MIN]; 3];
    for color in colors {
        for (end, value) in ends.iter_mut().zip([color.l, color.a, color.b]) {
            *end = [end[0].min(value), end[1].max(value)];
        }
    }
    let [l, a, b] = ends.map(|[low, high]| (high - low).max(0.0));
    (l, a.max(b))
}

/// The largest connected thing that is not a frame along the edges.
fn largest_object(stray: &[bool], w: usize, h: usize) -> Option<Region> {
    // Lines of a frame hug an edge: frame.border judges them.
    let edge = (w.min(h) / 20).max(1);
    let large = |region: &Region| region.area as f64 >= SMALLEST_OBJECT * (w * h) as f64;
    largest(Regions::of(stray, w).each(edge).filter(|region| !region.hugs_edge && large(region)))
}

/// The largest region, the first of equals.
fn largest(regions: impl Iterator<Item = Region>) -> Option<Region> {
    regions.reduce(|most, region| if region.area > most.area { region } else { most })
}

fn bounding(cells: &[usize], w: usize) -> Option<Rect> {
    let xs = || cells.iter().map(|&i| (i % w) as f64);
    let ys = || cells.iter().map(|&i| (i / w) as f64);
    let low = |v: f64, x: f64| v.min(x);
    let high = |v: f64, x: f64| v.max(x);
    (!cells.is_empty()).then(|| {
        Rect::from_edges(
            xs().fold(f64::MAX, low),
            ys().fold(f64::MAX, low),
            xs().fold(f64::MIN, high) + 1.0,
            ys().fold(f64::MIN, high) + 1.0,
        )
    })
}

/// Describes a background found by the net, inside `crop` (working pixels).
pub(super) fn of_mask(work: &Work, person: &GrayImage, crop: Rect) -> Result<Background, Missing> {
    let blocks = &work.blocks;
    let (w, h) = (blocks.width, blocks.height);
    let clear = |x: usize, y: usize| {
        let (cx, cy) = (x * BLOCK + BLOCK / 2, y * BLOCK + BLOCK / 2);
        let inside =
            cx as f64 >= crop.x && (cx as f64) < crop.right() && cy as f64 >= crop.y && (cy as f64) < crop.bottom();
        inside && person.get_pixel(cx as u32, cy as u32).0[0] < 32
    };
    let cells: Vec<usize> = (0..w * h)
        .filter(|&i| {
            let (x, y) = (i % w, i / w);
            clear(x, y) && (x < 2 || clear(x - 2, y)) && (x + 2 >= w || clear(x + 2, y)) && (y < 2 || clear(x, y - 2))
        })
        .collect();
    let crop_blocks = crop.width * crop.height / (BLOCK * BLOCK) as f64;
    if (cells.len() as f64) < 0.02 * crop_blocks {
        return Err(Missing::NoBackground);
    }
    let median = median_color(blocks, &cells).ok_or(Missing::NoBackground)?;
    let samples: Vec<Sample> =
        cells.iter().map(|&i| Sample { x: unit(i % w, w), y: unit(i / w, h), lab: blocks.at(i) }).collect();
    // Here nothing is an outlier: whatever does not fit the surface is what is wrong with the background.
    let surface = Surface::fit(&samples, &Surface::flat(median, 1.0), 200.0).ok_or(Missing::NoBackground)?;
    let off: Vec<usize> = cells
        .iter()
        .copied()
        .filter(|&i| surface.at(unit(i % w, w), unit(i / w, h)).distance(blocks.at(i)) > 12.0)
        .collect();
    let mut lightness: Vec<f32> = cells.iter().map(|&i| blocks.l[i]).collect();
    lightness.sort_by(f32::total_cmp);
    let at = |share: f64| lightness[((lightness.len() - 1) as f64 * share) as usize];
    let cell = work.scale * BLOCK as f64;
    let in_original = |r: Rect| Rect { x: r.x * cell, y: r.y * cell, width: r.width * cell, height: r.height * cell };
    let noise = cells.iter().map(|&i| (blocks.l[i] - median.l).powi(2)).sum::<f32>() / cells.len() as f32;
    Ok(Background {
        median,
        share: cells.len() as f64 / (w * h) as f64,
        gradient_l: f64::from(at(0.98) - at(0.02)),
        gradient_ab: f64::from(spread(cells.iter().map(|&i| surface.at(unit(i % w, w), unit(i / w, h)))).1),
        shadow_share: 0.0,
        shadow_box: None,
        object_share: off.len() as f64 / cells.len() as f64,
        object_box: bounding(&off, w).map(in_original),
        noise_l: f64::from(noise.sqrt()),
        plain: false,
    })
}
