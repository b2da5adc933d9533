//! The matte: how much of each pixel is person, hair by hair.
//!
//! The person mask says where the outline runs, to within a band that is deep where hair may be. In the band the
//! colours of the pixels decide, as far as they tell person and background apart.

use fearless_simd::{Level, dispatch};
use image::GrayImage;

use super::alpha::Outline;
use super::backdrop::Backdrop;
use super::cells::Cells;
use super::distance::Distances;
use super::error::Flaw;
use super::frame::{Frame, Plane, box_mean, smooth_step};
use super::light::LANES;
use super::plan::Plan;
use super::subject::Subject;
use super::{flaws, gaps};
use crate::scene::MaskSource;
use crate::scene::regions::Regions;
use crate::units::Point;

/// What the matte has to know of the head, in pixels of the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub eye_y: f32,
    pub chin_y: f32,
    pub center_x: f32,
    pub face_width: f32,
}

impl Head {
    /// Where the plan puts the subject's head.
    pub(super) fn of(subject: &Subject<'_>, plan: &Plan) -> Self {
        let chin = plan.to_result(Point::new(subject.center_x, subject.chin_y));
        Self {
            eye_y: plan.to_result(subject.eyes[0].midpoint(subject.eyes[1])).y as f32,
            chin_y: chin.y as f32,
            center_x: chin.x as f32,
            face_width: (subject.face_width * plan.scale) as f32,
        }
    }
}

/// A mask of the levelled picture, laid in the frame, 0 to 1.
pub(super) fn in_frame(mask: &GrayImage, subject: &Subject<'_>, plan: &Plan, frame: &Frame) -> Plane {
    let step = 1.0 / (plan.scale * subject.work_scale);
    let start = |offset: f64| ((0.5 - offset) * step - 0.5) as f32;
    let mut out = vec![0.0; frame.width * frame.height];
    let origin = (start(plan.offset.x), start(plan.offset.y));
    dispatch!(Level::new(), _simd => lay(mask, origin, step as f32, frame, &mut out));
    out
}

/// The two numbers around a place in a line of `n`, and the share of the second.
#[inline(always)]
fn around(at: f32, n: usize) -> (usize, usize, f32) {
    let at = at.clamp(0.0, n as f32 - 1.0);
    let low = at as usize;
    (low, (low + 1).min(n - 1), at - low as f32)
}

/// Lays a mask in the frame by bilinear interpolation: the frame's first pixel at `origin`, the next ones `step` apart.
#[inline(always)]
fn lay(mask: &GrayImage, origin: (f32, f32), step: f32, frame: &Frame, out: &mut [f32]) {
    let (w, h) = (mask.width() as usize, mask.height() as usize);
    let columns: Vec<_> = (0..frame.width).map(|x| around(origin.0 + x as f32 * step, w)).collect();
    // The mask's last rows at the frame's width, the even and the odd one: most are needed for more than one row.
    let mut wide = [(); 2].map(|()| (usize::MAX, vec![0.0f32; frame.width]));
    let rows = out.chunks_exact_mut(frame.width).zip(frame.given.chunks_exact(frame.width));
    for (y, (out, given)) in rows.enumerate() {
        let (upper, lower, share) = around(origin.1 + y as f32 * step, h);
        for y in [upper, lower] {
            let (held, wide) = &mut wide[y % 2];
            if *held != y {
                *held = y;
                let row = &mask.as_raw()[y * w..][..w];
                for (out, &(left, right, share)) in wide.iter_mut().zip(&columns) {
                    let (left, right) = (f32::from(row[left]), f32::from(row[right]));
                    *out = (left + (right - left) * share) * (1.0 / 255.0);
                }
            }
        }
        let (top, bottom) = (&wide[upper % 2].1, &wide[lower % 2].1);
        for (((out, &given), top), bottom) in out.iter_mut().zip(given).zip(top).zip(bottom) {
            *out = if given { top + (bottom - top) * share } else { 0.0 };
        }
    }
}

/// Leaves of a mask what hangs together with the face: things beside the person are background.
pub(super) fn keep_connected(person: &mut [f32], frame: &Frame, head: Head) {
    const FAINT: f32 = 0.25;
    let (w, h) = (frame.width, frame.height);
    // Several starts, because the mask may have a hole in bright skin.
    let across = [-0.3f32, 0.0, 0.3].map(|d| head.center_x + d * head.face_width);
    let starts = across.into_iter().flat_map(|x| {
        let place = move |y: f32| {
            let at = |v: f32, n: usize| (v.max(0.0) as usize).min(n - 1);
            at(y, h) * w + at(x, w)
        };
        [head.eye_y, (head.eye_y + head.chin_y) / 2.0, head.chin_y].map(place)
    });
    let solid: Vec<bool> = person.iter().map(|&person| person >= FAINT).collect();
    let whole = Regions::of(&solid, w).around(starts);
    for (person, whole) in person.iter_mut().zip(whole) {
        *person = if whole { *person } else { 0.0 };
    }
}

/// Largest inlet or hole in the clothes, in face widths, that a whole outline has.
const INLET: f32 = 0.05;

/// Whether the background has leaked into the clothes: shoulders and chest widen downwards without holes, so a row that
/// is narrower than one above it, or has a gap, has lost a part.
pub(super) fn leaks(person: &[f32], frame: &Frame, head: Head) -> bool {
    let limit = INLET * head.face_width;
    let from = ((head.chin_y + 0.3 * head.face_width).max(0.0) as usize).min(frame.height);
    let (mut left, mut right) = (f32::MAX, f32::MIN);
    for row in person.chunks_exact(frame.width).skip(from) {
        let Some(first) = row.iter().position(|&p| p >= 0.5) else { return true };
        let last = row.iter().rposition(|&p| p >= 0.5).unwrap_or(first);
        let gaps = row[first..=last].iter().filter(|&&p| p < 0.5).count() as f32;
        left = left.min(first as f32);
        right = right.max(last as f32);
        if gaps > limit || first as f32 - left > limit || right - last as f32 > limit {
            return true;
        }
    }
    false
}

/// Adds to a mask found by colour what the net sees of the clothes.
pub(super) fn mend_clothes(person: &mut [f32], net: &[f32], frame: &Frame, head: Head) {
    let chin = (head.chin_y.max(0.0) as usize).min(frame.height);
    let net = guided(frame, net, chin);
    let below = person.chunks_exact_mut(frame.width).zip(net.chunks_exact(frame.width)).enumerate().skip(chin);
    for (y, (person, net)) in below {
        let below = smooth_step(head.chin_y, head.chin_y + 0.15 * head.face_width, y as f32);
        for (person, &net) in person.iter_mut().zip(net) {
            *person = person.max(below * smooth_step(0.3, 0.7, net));
        }
    }
}

/// Pixels that are background for sure: outside of the mask and away from its outline.
pub(super) fn background(person: &[f32], frame: &Frame, clearance: f32) -> Vec<bool> {
    let mut inside = vec![false; person.len()];
    dispatch!(Level::new(), _simd => mark_half::<true>(person, &mut inside));
    let near = Distances::to(&inside, frame.width, clearance + 1.0);
    let mut known = inside;
    dispatch!(Level::new(), _simd => mark_background(person, frame, &near, clearance, &mut known));
    known
}

/// Where a mask is person rather than background, or the other way round.
#[inline(always)]
fn mark_half<const PERSON: bool>(mask: &[f32], out: &mut [bool]) {
    for (out, &mask) in out.iter_mut().zip(mask) {
        *out = (mask >= 0.5) == PERSON;
    }
}

#[inline(always)]
fn mark_background(person: &[f32], frame: &Frame, near: &Distances, clearance: f32, known: &mut [bool]) {
    let pixels = known.chunks_exact_mut(frame.width).zip(person.chunks_exact(frame.width));
    for (y, ((known, person), given)) in pixels.zip(frame.given.chunks_exact(frame.width)).enumerate() {
        for (((known, &person), &given), &near) in known.iter_mut().zip(person).zip(given).zip(near.row(y)) {
            *known = given & (person < 0.05) & (Distances::pixels(near) > clearance);
        }
    }
}

/// Side of the cells in which the person's colour is carried outwards, in pixels.
pub(super) const INSIDE: usize = 2;

/// The matte of the frame, from the person mask.
///
/// # Errors
/// The flaw that makes it unfit for use.
pub(super) fn matte(
    frame: &Frame,
    mut mask: Plane,
    backdrop: &Backdrop,
    head: Head,
    source: MaskSource,
) -> Result<Plane, Flaw> {
    if source == MaskSource::Net {
        // The net saw the outline to within a few pixels; beyond, nothing is person.
        let guided = guided(frame, &mask, 0);
        for (mask, guided) in mask.iter_mut().zip(guided) {
            *mask = guided * smooth_step(0.02, 0.15, *mask);
        }
    }
    let bands = Bands::of(head, frame.width, frame.height);
    let (mut solid, mut depth) = bands.solid(&mask);
    let carried = |solid: &[bool]| Cells::of::<INSIDE>(frame, solid).continued();
    let mut inside = carried(&solid);
    if source == MaskSource::Color && gaps::open(&mut mask, &bands, frame, backdrop, &inside) {
        (solid, depth) = bands.solid(&mask);
        inside = carried(&solid);
    }
    let outline = Outline { frame, backdrop, inside: &inside, bands: &bands, depth: &depth, solid: &solid };
    let alike = outline.solve(&mut mask);
    flaws::judge(&mask, &alike, frame, head, source).map(|()| mask)
}

/// Depth of the outline's band inside of the mask, in face widths: where hair lets the background through, and
/// elsewhere.
const HAIR_DEPTH: f32 = 0.07;
const SKIN_DEPTH: f32 = 0.02;

/// Depth of the outline's band at each pixel: deep where hair may be, which ends at the shoulders and is never in the
/// middle of the face.
pub(super) struct Bands {
    /// For each column, how far it is beside the face, 0 to 1.
    beside: Vec<f32>,
    /// For each row, how far it is above the shoulders and how far at the forehead, 0 to 1.
    rows: Vec<(f32, f32)>,
    face_width: f32,
}

impl Bands {
    pub(super) fn of(head: Head, w: usize, h: usize) -> Self {
        let width = head.face_width;
        let beside = |x: usize| smooth_step(0.8, 1.0, ((x as f32 - head.center_x) / (0.5 * width)).abs());
        let row = |y: usize| {
            let above = smooth_step(head.chin_y + 0.5 * width, head.chin_y, y as f32);
            (above, smooth_step(head.eye_y, head.eye_y - 0.3 * width, y as f32))
        };
        Self { beside: (0..w).map(beside).collect(), rows: (0..h).map(row).collect(), face_width: width }
    }

    /// The depth in pixels, by the column's and the row's numbers.
    #[inline(always)]
    fn depth(&self, beside: f32, (above, forehead): (f32, f32)) -> f32 {
        (SKIN_DEPTH + (HAIR_DEPTH - SKIN_DEPTH) * above * beside.max(forehead)) * self.face_width
    }

    /// The depths from pixel `x` of row `y` on, in pixels; 0 beyond the row's end.
    #[inline(always)]
    pub(super) fn chunk(&self, x: usize, y: usize) -> [f32; LANES] {
        let mut depths = [0.0; LANES];
        for (depth, &beside) in depths.iter_mut().zip(&self.beside[x..]) {
            *depth = self.depth(beside, self.rows[y]);
        }
        depths
    }

    /// Pixels of a mask where hair may be.
    pub(super) fn hair(&self, mask: &[f32]) -> Vec<bool> {
        let mut hair = vec![false; mask.len()];
        dispatch!(Level::new(), _simd => self.mark_hair(mask, &mut hair));
        hair
    }

    #[inline(always)]
    fn mark_hair(&self, mask: &[f32], hair: &mut [bool]) {
        let hairy = SKIN_DEPTH * self.face_width + 1.0;
        let width = self.beside.len();
        let rows = hair.chunks_exact_mut(width).zip(mask.chunks_exact(width)).zip(&self.rows);
        for ((hair, mask), &row) in rows.filter(|(_, row)| row.0 > 0.0) {
            for ((hair, &mask), &beside) in hair.iter_mut().zip(mask).zip(&self.beside) {
                *hair = (mask >= 0.5) & (self.depth(beside, row) > hairy);
            }
        }
    }

    /// Pixels that are person for sure, and each pixel's depth inside of the mask.
    fn solid(&self, mask: &[f32]) -> (Vec<bool>, Distances) {
        let width = self.beside.len();
        // The lower edge is no outline: there the person goes on.
        let lower = mask.len().saturating_sub(width);
        let mut outside = vec![false; mask.len()];
        dispatch!(Level::new(), _simd => mark_half::<false>(&mask[..lower], &mut outside));
        let depth = Distances::to(&outside, width, HAIR_DEPTH * self.face_width + 2.0);
        let mut solid = outside;
        dispatch!(Level::new(), _simd => self.mark_solid(mask, &depth, &mut solid));
        (solid, depth)
    }

    #[inline(always)]
    fn mark_solid(&self, mask: &[f32], depth: &Distances, solid: &mut [bool]) {
        let width = self.beside.len();
        let rows = solid.chunks_exact_mut(width).zip(mask.chunks_exact(width)).zip(&self.rows);
        for (y, ((solid, mask), &row)) in rows.enumerate() {
            let pixels = solid.iter_mut().zip(mask).zip(&self.beside).zip(depth.row(y));
            for (((solid, &mask), &beside), &depth) in pixels {
                *solid = (mask > 0.95) & (Distances::pixels(depth) >= self.depth(beside, row));
            }
        }
    }
}

/// A coarse mask drawn to the edges of the picture (guided filter: He, Sun, Tang 2013), by lightness. The rows above
/// `from` are left 0.
fn guided(frame: &Frame, mask: &[f32], from: usize) -> Plane {
    const REACH: usize = 8;
    const SMOOTH: f32 = 4e-4;
    // A mean of means reaches twice as far.
    let seen = from.saturating_sub(2 * REACH) * frame.width;
    let (width, height) = (frame.width, frame.height - seen / frame.width);
    let mask = &mask[seen..];
    let [red, green, blue] = frame.codes.each_ref().map(|plane| &plane[seen..]);
    let lightness = |((&r, &g), &b): ((&u8, &u8), &u8)| {
        (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)) / 255.0
    };
    let guide: Plane = red.iter().zip(green).zip(blue).map(lightness).collect();
    let mean = |plane: &[f32]| box_mean(plane, width, height, REACH);
    let mut product: Plane = guide.iter().map(|guide| guide * guide).collect();
    let mut level = mean(&product);
    product.iter_mut().zip(guide.iter().zip(mask)).for_each(|(product, (guide, mask))| *product = guide * mask);
    let mut slope = mean(&product);
    // What was the mean of squares becomes the level, what was that of products the slope.
    let means = mean(&guide).into_iter().zip(mean(mask));
    for ((level, slope), (guide, mask)) in level.iter_mut().zip(&mut slope).zip(means) {
        *slope = (*slope - guide * mask) / (*level - guide * guide + SMOOTH);
        *level = mask - *slope * guide;
    }
    let (slope, level) = (mean(&slope), mean(&level));
    let mut out = vec![0.0; frame.width * frame.height];
    let lines = slope.iter().zip(&level).zip(&guide);
    for (out, ((slope, level), guide)) in out[seen..].iter_mut().zip(lines) {
        *out = (slope * guide + level).clamp(0.0, 1.0);
    }
    out[..from * width].fill(0.0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { eye_y: 40.0, chin_y: 70.0, center_x: 41.0, face_width: 40.0 };

    /// A light wall to the left of column 40, dark from there on, with a little texture.
    fn frame() -> Frame {
        let mut frame = Frame::empty(83, 120);
        for i in 0..83 * 120 {
            let base: u8 = if i % 83 < 40 { 200 } else { 60 };
            frame.set_code(i, [base + (i % 7) as u8, base, base + (i % 3) as u8]);
            frame.given[i] = i != 100;
        }
        frame
    }

    #[test]
    fn a_mask_is_laid_by_bilinear_interpolation() {
        let mask = GrayImage::from_fn(31, 23, |x, y| image::Luma([(x * 37 + y * 91) as u8]));
        let frame = frame();
        for (origin, step) in [((-0.2, 0.4), 0.3), ((3.0, -2.0), 0.21), ((0.0, 1.0), 1.7)] {
            let mut laid = vec![9.0; 83 * 120];
            lay(&mask, origin, step, &frame, &mut laid);
            for (i, &laid) in laid.iter().enumerate() {
                let (left, right, along) = around(origin.0 + (i % 83) as f32 * step, 31);
                let (upper, lower, down) = around(origin.1 + (i / 83) as f32 * step, 23);
                let value = |x: usize, y: usize| f32::from(mask.get_pixel(x as u32, y as u32).0[0]) / 255.0;
                let row = |y: usize| value(left, y) * (1.0 - along) + value(right, y) * along;
                let wanted = if i == 100 { 0.0 } else { row(upper) * (1.0 - down) + row(lower) * down };
                assert!((laid - wanted).abs() < 1e-5, "{laid} for {wanted} at {i}");
            }
        }
    }

    #[test]
    fn a_part_of_a_guided_mask_is_that_of_the_whole() {
        // The mask ends some pixels beside the edge of the picture.
        let mask: Plane = (0..83 * 120).map(|i| if i % 83 < 44 { 0.0 } else { 1.0 }).collect();
        let whole = guided(&frame(), &mask, 0);
        let step = |x: usize| (whole[60 * 83 + x] - whole[60 * 83 + x - 1]).abs();
        assert!(step(40) > 0.3 && step(44) < 0.1, "{} at the picture's edge, {} at the mask's", step(40), step(44));
        for from in [5, 70, 120] {
            let part = guided(&frame(), &mask, from);
            assert!(part[..from * 83].iter().all(|&value| value == 0.0));
            assert!(part.iter().zip(&whole).skip(from * 83).all(|(a, b)| (a - b).abs() < 1e-3));
        }
    }

    #[test]
    fn between_person_and_background_is_a_band() {
        let frame = frame();
        let person: Plane = (0..83 * 120).map(|i| if i % 83 < 40 { 0.0 } else { 1.0 }).collect();
        let known = background(&person, &frame, 5.0);
        assert!((0..83 * 120).all(|i| known[i] == (i % 83 < 35 && i != 100)));
        let bands = Bands::of(HEAD, 83, 120);
        let (solid, depth) = bands.solid(&person);
        for y in [5, 60, 118] {
            let first = (0..83).find(|x| solid[y * 83 + x]).expect("a person");
            assert!((0..83).all(|x| solid[y * 83 + x] == (x >= first)));
            let wanted = bands.chunk(first, y)[0];
            assert!(Distances::pixels(depth.row(y)[first]) >= wanted && wanted > (first - 40) as f32, "row {y}");
        }
        assert_eq!(bands.chunk(80, 0)[3..], [0.0; LANES - 3], "beyond the row");
        let hair = bands.hair(&person);
        assert!(hair[5 * 83 + 50] && !hair[5 * 83 + 30] && !hair[60 * 83 + 45] && !hair[110 * 83 + 80]);
    }
}
