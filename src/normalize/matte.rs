//! The matte: how much of each pixel is person, hair by hair.
//!
//! A pixel at the outline mixes the person's colour F with the background's B in linear light: C = αF + (1-α)B. The
//! background is known from its model and the person's colour is carried out from inside of the outline, so α is the place of C
//! between the two. Where the two colours are near each other that place means nothing, and the person mask decides.

use image::GrayImage;

use super::backdrop::Backdrop;
use super::error::Flaw;
use super::frame::{Distances, Frame, Plane, box_mean, continued, difference, reduced, smooth_step};
use super::light::{Linear, encoded_color};
use super::plan::Plan;
use super::subject::Subject;
use crate::scene::MaskSource;
use crate::scene::mask::flood;
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
    let (w, h) = (mask.width() as usize, mask.height() as usize);
    let step = 1.0 / (plan.scale * subject.work_scale);
    let start = |offset: f64| ((0.5 - offset) * step - 0.5) as f32;
    let (x0, y0, step) = (start(plan.offset.x), start(plan.offset.y), step as f32);
    let at = |v: f32, n: usize| {
        let v = v.clamp(0.0, n as f32 - 1.0);
        let low = v as usize;
        (low, (low + 1).min(n - 1), v - low as f32)
    };
    let columns: Vec<_> = (0..frame.width).map(|x| at(x0 + x as f32 * step, w)).collect();
    let mut out = Vec::with_capacity(frame.width * frame.height);
    for y in 0..frame.height {
        let (ya, yb, fy) = at(y0 + y as f32 * step, h);
        let (a, b) = (&mask.as_raw()[ya * w..][..w], &mask.as_raw()[yb * w..][..w]);
        for (x, &(xa, xb, fx)) in columns.iter().enumerate() {
            let mix = |row: &[u8]| f32::from(row[xa]) + (f32::from(row[xb]) - f32::from(row[xa])) * fx;
            let (top, bottom) = (mix(a), mix(b));
            let given = frame.given[y * frame.width + x];
            out.push(if given { (top + (bottom - top) * fy) / 255.0 } else { 0.0 });
        }
    }
    out
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
    let whole = flood(w, h, starts, |i| person[i] >= FAINT);
    person.iter_mut().zip(whole).filter(|(_, whole)| !whole).for_each(|(person, _)| *person = 0.0);
}

/// Largest inlet or hole in the clothes, in face widths, that a whole outline has.
const INLET: f32 = 0.05;

/// Whether the background has leaked into the clothes: shoulders and chest widen downwards without holes, so a row that is
/// narrower than one above it, or has a gap, has lost a part.
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
    let net = guided(frame, net);
    for (i, (person, net)) in person.iter_mut().zip(net).enumerate() {
        let below = smooth_step(head.chin_y, head.chin_y + 0.15 * head.face_width, (i / frame.width) as f32);
        *person = person.max(below * smooth_step(0.3, 0.7, net));
    }
}

/// Pixels that are background for sure: outside of the mask and away from its outline.
pub(super) fn background(person: &[f32], frame: &Frame, clearance: f32) -> Vec<bool> {
    let near = Distances::to(|i| person[i] >= 0.5, frame.width, frame.height, clearance + 1.0);
    (0..person.len()).map(|i| frame.given[i] && person[i] < 0.05 && near.at(i) > clearance).collect()
}

/// Difference between person and background, in steps of 8-bit sRGB, from which the colours decide alone; below the first
/// the mask does.
const TELLING: (f32, f32) = (30.0, 60.0);

/// Depth of the outline's band inside of the mask, in face widths: where hair lets the background through, and elsewhere.
const HAIR_DEPTH: f32 = 0.07;
const SKIN_DEPTH: f32 = 0.02;

/// The matte of the frame.
///
/// # Errors
/// The flaw that makes it unfit for use.
pub(super) fn matte(
    frame: &Frame,
    person: &[f32],
    backdrop: &Backdrop,
    head: Head,
    source: MaskSource,
) -> Result<Plane, Flaw> {
    let (w, h) = (frame.width, frame.height);
    let mask = match source {
        MaskSource::Color => person.to_vec(),
        // The net saw the outline to within a few pixels; beyond, nothing is person.
        MaskSource::Net => {
            guided(frame, person).iter().zip(person).map(|(a, b)| a * smooth_step(0.02, 0.15, *b)).collect()
        }
    };
    let bands = head.bands(w, h);
    let mut mask = mask;
    let (mut solid, mut depth) = solid(&mask, &bands, frame);
    let mut inside = Inside::of(frame, &solid);
    if source == MaskSource::Color && open_gaps(&mut mask, &bands, frame, backdrop, &inside, head) {
        (solid, depth) = self::solid(&mask, &bands, frame);
        inside = Inside::of(frame, &solid);
    }
    // Before a busy background a pixel's colour says little.
    let plainness = smooth_step(BUSY.1, BUSY.0, backdrop.noise);
    let mut alpha = vec![0.0f32; w * h];
    let mut differences = vec![f32::MAX; w * h];
    for i in 0..w * h {
        if solid[i] {
            alpha[i] = 1.0;
        } else if mask[i] > 0.0 {
            let (x, y) = (i % w, i / w);
            let (c, b, f) = (frame.color(i), backdrop.at(x, y), inside.at(x, y));
            let apart = difference(encoded_color(f), encoded_color(b));
            differences[i] = apart;
            let trust = plainness * smooth_step(TELLING.0, TELLING.1, apart);
            let own = backdrop.distance(frame, i);
            let noise = (3.0 * backdrop.noise + 3.0) / apart.max(1.0);
            let mixed = projection(c, b, f);
            // What is nearly all person or nearly all background is that: hair's own lights and shades are no holes.
            let stretched = ((mixed - noise) / (0.85 - noise).max(0.1)).clamp(0.0, 1.0);
            // Deep inside, a pixel that clearly is not background is person, whatever its shade.
            let deep = (depth.at(i) / bands[i].max(1.0)).clamp(0.0, 1.0);
            let other = smooth_step(4.0 * backdrop.noise + 8.0, 8.0 * backdrop.noise + 40.0, own);
            let by_color = stretched.max(other * smooth_step(0.35, 0.9, deep));
            let by_mask = smooth_step(0.15, 0.85, mask[i]);
            alpha[i] = by_mask + (by_color - by_mask) * trust;
        }
    }
    judged(&alpha, &differences, frame, head, source).map(|()| alpha)
}

/// Noise of the background, in steps of 8-bit sRGB, from which it is busy and its colour begins to count less, and from
/// which it does not count.
const BUSY: (f32, f32) = (8.0, 20.0);

impl Head {
    /// Depth of the outline's band at each pixel, in pixels: deep where hair may be, which ends at the shoulders and is never
    /// in the middle of the face.
    fn bands(self, w: usize, h: usize) -> Plane {
        let beside: Vec<f32> = (0..w)
            .map(|x| smooth_step(0.8, 1.0, ((x as f32 - self.center_x) / (0.5 * self.face_width)).abs()))
            .collect();
        let mut bands = Vec::with_capacity(w * h);
        for y in (0..h).map(|y| y as f32) {
            let above = smooth_step(self.chin_y + 0.5 * self.face_width, self.chin_y, y);
            let forehead = smooth_step(self.eye_y, self.eye_y - 0.3 * self.face_width, y);
            let hair = |beside: &f32| above * beside.max(forehead);
            bands.extend(
                beside.iter().map(|beside| (SKIN_DEPTH + (HAIR_DEPTH - SKIN_DEPTH) * hair(beside)) * self.face_width),
            );
        }
        bands
    }
}

/// Pixels that are person for sure, and each pixel's depth inside of the mask.
fn solid(mask: &[f32], bands: &[f32], frame: &Frame) -> (Vec<bool>, Distances) {
    let (w, h) = (frame.width, frame.height);
    let limit = bands.iter().copied().fold(0.0, f32::max) + 2.0;
    // The lower edge is no outline: there the person goes on.
    let depth = Distances::to(|i| mask[i] < 0.5 && i < w * (h - 1), w, h, limit);
    ((0..w * h).map(|i| mask[i] > 0.95 && depth.at(i) >= bands[i]).collect(), depth)
}

/// Smallest gap between locks of hair that is opened, in pixels.
const SMALLEST_GAP: usize = 12;

/// Takes out of the mask what shows the background between locks of hair: connected pixels of the background's own colour
/// where hair is, and where hair differs from the background. Returns whether there was something.
fn open_gaps(mask: &mut [f32], bands: &[f32], frame: &Frame, backdrop: &Backdrop, inside: &Inside, head: Head) -> bool {
    let (w, h) = (frame.width, frame.height);
    let hairy = SKIN_DEPTH * head.face_width + 1.0;
    let near = 2.5 * backdrop.noise + 4.0;
    let like_background: Vec<bool> = (0..w * h)
        .map(|i| {
            mask[i] >= 0.5
                && bands[i] > hairy
                && backdrop.distance(frame, i) < near
                && difference(encoded_color(inside.at(i % w, i / w)), backdrop.code(i % w, i / w)) > TELLING.1
        })
        .collect();
    let mut seen = vec![false; w * h];
    let mut opened = false;
    for start in 0..w * h {
        if !like_background[start] || seen[start] {
            continue;
        }
        let gap = flooded(start, w, h, |i| like_background[i], &mut seen);
        if gap.len() >= SMALLEST_GAP {
            gap.into_iter().for_each(|i| mask[i] = 0.0);
            opened = true;
        }
    }
    opened
}

/// The connected pixels around `start`, marked in `seen`.
fn flooded(start: usize, w: usize, h: usize, passable: impl Fn(usize) -> bool, seen: &mut [bool]) -> Vec<usize> {
    let mut part = vec![start];
    seen[start] = true;
    let mut next = 0;
    while let Some(&i) = part.get(next) {
        next += 1;
        let x = i % w;
        let neighbours =
            [(x > 0).then(|| i - 1), (x + 1 < w).then_some(i + 1), i.checked_sub(w), (i + w < w * h).then_some(i + w)];
        for j in neighbours.into_iter().flatten() {
            if !seen[j] && passable(j) {
                seen[j] = true;
                part.push(j);
            }
        }
    }
    part
}

/// Share of the head's outline that may run where person and background have nearly the same colour.
const MOST_AMBIGUOUS: f32 = 0.25;

/// The same where the net found the outline: its pixels are coarse, and where colours say nothing, nothing corrects them.
const MOST_AMBIGUOUS_BY_NET: f32 = 0.08;

/// Mean width of the soft outline, in face widths, from which it is no outline.
const SOFTEST: f32 = 0.06;

/// One part in this many of the inner face may be missing at most.
const MOST_TORN: usize = 200;

/// The pixels of the inner face, an ellipse between brows and chin.
fn in_face(frame: &Frame, head: Head) -> impl Iterator<Item = usize> {
    let w = frame.width;
    let middle = (head.eye_y + head.chin_y) / 2.0;
    let (rx, ry) = (0.42 * head.face_width, 0.5 * (head.chin_y - head.eye_y) + 0.1 * head.face_width);
    let within = |low: f32, high: f32, n: usize| (low.max(0.0) as usize)..(high.max(0.0).ceil() as usize).min(n);
    let columns = within(head.center_x - rx, head.center_x + rx, w);
    within(middle - ry, middle + ry, frame.height).flat_map(move |y| {
        let down = ((y as f32 - middle) / ry).powi(2);
        let inside = move |x: &usize| ((*x as f32 - head.center_x) / rx).powi(2) + down < 1.0;
        columns.clone().filter(inside).map(move |x| y * w + x)
    })
}

/// Refuses a matte that misses what the net takes for the person: before a dark background, dark hair looks like it.
///
/// # Errors
/// [`Flaw::Ambiguous`].
pub(super) fn agrees(alpha: &[f32], net: &[f32], frame: &Frame, head: Head) -> Result<(), Flaw> {
    let above = (head.chin_y.max(0.0) as usize).min(frame.height) * frame.width;
    let lost = alpha[..above].iter().zip(net).filter(|(a, net)| **a < 0.2 && **net > 0.9).count() as f32;
    if lost > MOST_LOST * head.face_width * head.face_width { Err(Flaw::Ambiguous) } else { Ok(()) }
}

/// Area of the head that may be missing, in squares of the face's width.
const MOST_LOST: f32 = 0.03;

/// Refuses a matte that cannot be good.
fn judged(alpha: &[f32], differences: &[f32], frame: &Frame, head: Head, source: MaskSource) -> Result<(), Flaw> {
    let (w, h) = (frame.width, frame.height);
    let (mut outline, mut of_head, mut ambiguous, mut soft) = (0u32, 0u32, 0u32, 0.0f32);
    for y in 1..h - 1 {
        for x in 1..w - 1 {
            let i = y * w + x;
            soft += 4.0 * alpha[i] * (1.0 - alpha[i]);
            let at_outline = alpha[i] >= 0.5 && [i - 1, i + 1, i - w, i + w].iter().any(|&j| alpha[j] < 0.5);
            if !at_outline {
                continue;
            }
            outline += 1;
            if (y as f32) < head.chin_y {
                of_head += 1;
                ambiguous += u32::from(differences[i] < TELLING.0);
            }
        }
    }
    let most = if source == MaskSource::Net { MOST_AMBIGUOUS_BY_NET } else { MOST_AMBIGUOUS };
    let torn = in_face(frame, head).filter(|&i| alpha[i] < 0.5).count() > in_face(frame, head).count() / MOST_TORN;
    if of_head == 0 || torn || ambiguous as f32 > most * of_head as f32 {
        return Err(Flaw::Ambiguous);
    }
    if soft > SOFTEST * head.face_width * outline as f32 {
        return Err(Flaw::Unclear);
    }
    Ok(())
}

/// Lays the person on a new background: the old background's share of each pixel is taken out and the new one's put in,
/// so that no trace of the old colour is left at the outline. C = αF + (1-α)B gives αF without dividing by α.
pub(super) fn replace(frame: &mut Frame, alpha: &[f32], backdrop: &Backdrop, color: Linear) {
    let (width, code) = (frame.width, encoded_color(color));
    for (i, &a) in alpha.iter().enumerate() {
        if a >= 1.0 {
            continue;
        }
        if a <= 0.0 {
            frame.set_code(i, code);
            continue;
        }
        let (pixel, old) = (frame.color(i), backdrop.at(i % width, i / width));
        let laid = std::array::from_fn(|c| {
            // The person's own share is neither negative nor brighter than white.
            let person = (pixel[c] - (1.0 - a) * old[c]).clamp(0.0, a);
            person + (1.0 - a) * color[c]
        });
        frame.set_code(i, encoded_color(laid));
    }
}

/// Place of `c` on the line from `b` to `f`, 0 to 1.
fn projection(c: Linear, b: Linear, f: Linear) -> f32 {
    let (mut along, mut length) = (0.0, 0.0);
    for i in 0..3 {
        along += (c[i] - b[i]) * (f[i] - b[i]);
        length += (f[i] - b[i]) * (f[i] - b[i]);
    }
    (along / length.max(1e-6)).clamp(0.0, 1.0)
}

/// The person's colour carried outwards, at half resolution.
struct Inside {
    width: usize,
    colors: Vec<Linear>,
}

impl Inside {
    fn of(frame: &Frame, solid: &[bool]) -> Self {
        let (width, height) = (frame.width.div_ceil(2), frame.height.div_ceil(2));
        let (colors, weights) = reduced(frame, solid, 2);
        Self { width, colors: continued(&colors, &weights, width, height) }
    }

    fn at(&self, x: usize, y: usize) -> Linear {
        self.colors[y / 2 * self.width + x / 2]
    }
}

/// A coarse mask drawn to the edges of the picture (guided filter: He, Sun, Tang 2013), by lightness.
fn guided(frame: &Frame, mask: &[f32]) -> Plane {
    const REACH: usize = 8;
    const SMOOTH: f32 = 4e-4;
    let (w, h) = (frame.width, frame.height);
    let guide: Plane = (0..w * h)
        .map(|i| {
            let [r, g, b] = frame.code(i).map(f32::from);
            (0.299 * r + 0.587 * g + 0.114 * b) / 255.0
        })
        .collect();
    let product = |a: &[f32], b: &[f32]| -> Plane { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let mean = |plane: &[f32]| box_mean(plane, w, h, REACH);
    let (mi, mp) = (mean(&guide), mean(mask));
    let (mii, mip) = (mean(&product(&guide, &guide)), mean(&product(&guide, mask)));
    let slope: Plane = (0..w * h).map(|i| (mip[i] - mi[i] * mp[i]) / (mii[i] - mi[i] * mi[i] + SMOOTH)).collect();
    let level: Plane = (0..w * h).map(|i| mp[i] - slope[i] * mi[i]).collect();
    let (slope, level) = (mean(&slope), mean(&level));
    (0..w * h).map(|i| (slope[i] * guide[i] + level[i]).clamp(0.0, 1.0)).collect()
}
