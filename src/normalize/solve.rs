//! A small exact optimisation: where to lay the frame so that every limit is kept with room to spare.
//!
//! The unknowns are the scale `s` and the offsets `x`, `y` of the picture in the frame; every limit is linear in them.
//! First comes safety: the largest share of each limit's guard (how far its measurement may be off) by which all limits
//! can be kept at once, at most the whole. Among all placements that safe, the one nearest to the middle of all bands
//! is taken, by least squares over half their widths. Both problems are so small that possible sets of binding
//! constraints are tried one by one: exact, without a tolerance of convergence, and the same on every machine.

use crate::linear::gauss;
use crate::profile::Band;

/// Coefficients of scale, x offset and y offset.
pub(super) type Row = [f64; 3];

/// A quantity that has to stay inside a band.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limit {
    /// The quantity, as a linear form of the unknowns, in pixels of the frame.
    pub row: Row,
    /// Smallest value inside.
    pub min: Option<f64>,
    /// Largest value inside.
    pub max: Option<f64>,
    /// Room that is enough: how far the measurement may be off, in pixels of the frame.
    pub guard: f64,
}

impl Limit {
    /// Distance of the quantity to the nearer end of its band, in pixels: negative outside.
    pub(super) fn room(&self, unknowns: Row) -> f64 {
        Band { min: self.min, max: self.max }.margin(dot(self.row, unknowns))
    }
}

/// A bound that holds exactly and needs no room: `row · unknowns >= bound`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wall {
    /// The linear form.
    pub row: Row,
    /// Its smallest value.
    pub bound: f64,
}

/// A placement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Solution {
    /// Scale, x offset, y offset.
    pub unknowns: Row,
    /// Share of every guard that is kept, at most 1; negative when some limit is broken.
    pub safety: f64,
}

/// A half-space over the three unknowns and the safety: `row · (s, x, y) - slack * safety >= bound`.
#[derive(Debug, Clone, Copy)]
struct Half {
    row: Row,
    slack: f64,
    bound: f64,
}

/// What rounding may break a constraint by, in pixels.
const ROUNDING: f64 = 1e-6;

/// The most safety asked for: the whole guard.
const ENOUGH: f64 = 1.0;

/// The best placement, or the least bad one when the limits cannot all hold: its safety is then negative. `None` when
/// no placement is within the walls.
pub(super) fn solve(limits: &[Limit], walls: &[Wall]) -> Option<Solution> {
    let safety = safest(limits, walls, ENOUGH)?;
    Some(Solution { unknowns: nearest_middle(limits, walls, safety)?, safety })
}

/// The largest safety within the walls, at most `most`; `None` when nothing is within the walls.
///
/// Few constraints bind, so only some are looked at: as long as the best corner of these breaks another one, the one
/// that it breaks most is taken in. The best corner of some constraints that breaks none of the others is the best of
/// all.
pub(super) fn safest(limits: &[Limit], walls: &[Wall], most: f64) -> Option<f64> {
    let mut others = halves(limits, walls);
    let mut taken = vec![Half { row: [0.0; 3], slack: 1.0, bound: -most }];
    // A corner of a region without corners does not exist: the unknowns are kept in a box far beyond any photo.
    taken.extend((0..3).flat_map(|axis| [-1.0, 1.0].map(|sign| boxed(axis, sign))));
    let mut best = best_corner(&taken, 0)?;
    loop {
        let missed = |half: &Half| half.missed_by([best[0], best[1], best[2]], best[3]);
        let worst = (0..others.len()).max_by(|&a, &b| missed(&others[a]).total_cmp(&missed(&others[b])));
        // What is not a number is no room either.
        let Some(worst) = worst.filter(|&worst| !(missed(&others[worst]) <= ROUNDING)) else {
            return Some(best[3]);
        };
        taken.push(others.swap_remove(worst));
        // What the new one forbids ends at it: it is one of those that make the next corner.
        best = best_corner(&taken, 1)?;
    }
}

/// The corner of the largest safety of a region, of the corners that the last `newest` constraints make together with
/// others.
fn best_corner(halves: &[Half], newest: usize) -> Option<[f64; 4]> {
    let old = halves.len() - newest;
    let mut best: Option<[f64; 4]> = None;
    for set in subsets::<4>(halves.len()).filter(|set| set[4 - newest..].iter().all(|&i| i >= old)) {
        let system = set.map(|i| [halves[i].row[0], halves[i].row[1], halves[i].row[2], -halves[i].slack]);
        let Some(corner) = gauss(system, set.map(|i| halves[i].bound)) else { continue };
        let [s, x, y, safety] = corner;
        if best.is_none_or(|best| safety > best[3]) && halves.iter().all(|half| half.holds([s, x, y], safety)) {
            best = Some(corner);
        }
    }
    best
}

/// Largest absolute value of an unknown.
const FAR: f64 = 1e6;

fn boxed(axis: usize, sign: f64) -> Half {
    let mut row = [0.0; 3];
    row[axis] = sign;
    Half { row, slack: 0.0, bound: -FAR }
}

fn halves(limits: &[Limit], walls: &[Wall]) -> Vec<Half> {
    let low = |limit: &Limit| limit.min.map(|min| Half { row: limit.row, slack: limit.guard, bound: min });
    let high =
        |limit: &Limit| limit.max.map(|max| Half { row: limit.row.map(|c| -c), slack: limit.guard, bound: -max });
    let bands = limits.iter().flat_map(|limit| [low(limit), high(limit)]).flatten();
    bands.chain(walls.iter().map(|wall| Half { row: wall.row, slack: 0.0, bound: wall.bound })).collect()
}

impl Half {
    fn holds(&self, unknowns: Row, safety: f64) -> bool {
        self.missed_by(unknowns, safety) <= ROUNDING
    }

    /// How far a placement is outside; negative inside.
    fn missed_by(&self, unknowns: Row, safety: f64) -> f64 {
        self.bound - (dot(self.row, unknowns) - self.slack * safety)
    }
}

/// The placement nearest to the middle of all bands among those of the given safety.
fn nearest_middle(limits: &[Limit], walls: &[Wall], safety: f64) -> Option<Row> {
    // Gradient of the squares: `q · unknowns = r`.
    let (mut q, mut r) = ([[0.0; 3]; 3], [0.0; 3]);
    for limit in limits {
        let (Some(min), Some(max)) = (limit.min, limit.max) else { continue };
        let weight = 4.0 / (max - min).powi(2).max(f64::MIN_POSITIVE);
        for ((q, r), a) in q.iter_mut().zip(&mut r).zip(limit.row) {
            q.iter_mut().zip(limit.row).for_each(|(q, b)| *q += weight * a * b);
            *r += weight * a * (min + max) / 2.0;
        }
    }
    // A trifle against every unknown, so that one no band speaks of is settled too, and the squares have one lowest
    // point.
    for (i, row) in q.iter_mut().enumerate() {
        row[i] += 1e-12;
    }
    let halves: Vec<Half> = halves(limits, walls)
        .into_iter()
        .map(|half| Half { bound: half.bound + half.slack * safety, slack: 0.0, ..half })
        .collect();
    let cost = |v: Row| 0.5 * dot(v, q.map(|row| dot(row, v))) - dot(r, v);
    let candidates = std::iter::once(gauss(q, r))
        .chain(subsets::<1>(halves.len()).map(|set| stationary(q, r, set.map(|i| halves[i]))))
        .chain(subsets::<2>(halves.len()).map(|set| stationary(q, r, set.map(|i| halves[i]))))
        .chain(subsets::<3>(halves.len()).map(|set| gauss(set.map(|i| halves[i].row), set.map(|i| halves[i].bound))));
    // The lowest feasible point is the stationary point of its own binding set, and all sets are tried.
    candidates
        .flatten()
        .filter(|v| halves.iter().all(|half| half.holds(*v, 0.0)))
        .min_by(|a, b| cost(*a).total_cmp(&cost(*b)))
}

/// The lowest point of the squares on the planes of `binding` (Lagrange's conditions).
fn stationary<const N: usize>(q: [[f64; 3]; 3], r: Row, binding: [Half; N]) -> Option<Row> {
    // Unknowns, then a multiplier for each plane, then what is not needed.
    let mut system = [[0.0; 5]; 5];
    let mut right = [0.0; 5];
    system.iter_mut().zip(q).for_each(|(row, q)| row[..3].copy_from_slice(&q));
    right[..3].copy_from_slice(&r);
    for (k, half) in binding.iter().enumerate() {
        system[3 + k][..3].copy_from_slice(&half.row);
        system.iter_mut().zip(half.row).for_each(|(row, c)| row[3 + k] = c);
        right[3 + k] = half.bound;
    }
    for (i, row) in system.iter_mut().enumerate().skip(3 + N) {
        row[i] = 1.0;
    }
    gauss(system, right).map(|v| [v[0], v[1], v[2]])
}

fn dot(a: Row, b: Row) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// All increasing sets of `K` numbers below `n`.
fn subsets<const K: usize>(n: usize) -> impl Iterator<Item = [usize; K]> {
    let mut next = (K <= n).then(|| std::array::from_fn::<usize, K, _>(|i| i));
    std::iter::from_fn(move || {
        let set = next?;
        let mut following = set;
        next = (0..K).rev().find(|&i| set[i] + K - i < n).map(|i| {
            following[i] += 1;
            for j in i + 1..K {
                following[j] = following[j - 1] + 1;
            }
            following
        });
        Some(set)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn band(row: Row, min: f64, max: f64) -> Limit {
        Limit { row, min: Some(min), max: Some(max), guard: 1.0 }
    }

    /// Room of a placement in the limits, in guards.
    fn room(limits: &[Limit], v: Row) -> f64 {
        limits.iter().map(|limit| limit.room(v) / limit.guard).fold(f64::INFINITY, f64::min)
    }

    /// A head as the standard sees it: its top, eyes, width and middle, in picture pixels.
    fn head(top: f64, eyes: f64, width: f64, middle: f64) -> Vec<Limit> {
        vec![
            band([top, 0.0, 1.0], 50.0, 110.0),
            band([eyes, 0.0, 1.0], 200.0, 300.0),
            band([width, 0.0, 0.0], 180.0, 300.0),
            band([middle, 1.0, 0.0], 226.0, 254.0),
        ]
    }

    #[test]
    fn with_room_everywhere_the_middle_of_all_bands_is_taken() {
        // At scale 1 and no offset everything is at its middle.
        let solution = solve(&head(80.0, 250.0, 240.0, 240.0), &[]).expect("free");
        assert_eq!(solution.safety, 1.0);
        for (found, wanted) in solution.unknowns.iter().zip([1.0, 0.0, 0.0]) {
            assert!((found - wanted).abs() < 1e-6, "{solution:?}");
        }
    }

    #[test]
    fn limits_that_exclude_each_other_have_negative_safety() {
        // Hair top and eyes 300 apart at the least width: at most 250 fit.
        let solution = solve(&head(0.0, 300.0, 180.0, 90.0), &[]).expect("nothing but limits");
        assert!(solution.safety < 0.0, "{solution:?}");
    }

    #[test]
    fn walls_hold_exactly_and_excluding_walls_give_nothing() {
        let wall = Wall { row: [1.0, 0.0, 0.0], bound: 1.1 };
        let solution = solve(&head(80.0, 250.0, 240.0, 240.0), &[wall]).expect("possible");
        assert!((solution.unknowns[0] - 1.1).abs() < 1e-6, "{solution:?}");
        let below = Wall { row: [-1.0, 0.0, 0.0], bound: -1.0 };
        assert_eq!(solve(&head(80.0, 250.0, 240.0, 240.0), &[wall, below]), None);
    }

    #[test]
    fn every_subset_is_listed_once() {
        assert_eq!(subsets::<2>(4).collect::<Vec<_>>(), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(subsets::<3>(2).count(), 0);
        assert_eq!(subsets::<4>(12).count(), 495);
    }

    /// The safety of the best of all corners.
    fn safest_of_all(limits: &[Limit], walls: &[Wall], most: f64) -> Option<f64> {
        let mut all = halves(limits, walls);
        all.push(Half { row: [0.0; 3], slack: 1.0, bound: -most });
        all.extend((0..3).flat_map(|axis| [-1.0, 1.0].map(|sign| boxed(axis, sign))));
        best_corner(&all, 0).map(|corner| corner[3])
    }

    proptest! {
        /// Constraints that were never taken in would not have changed the answer.
        #[test]
        fn some_constraints_stand_for_all(
            top in 0.0..400.0f64, eyes_below in 50.0..500.0f64, width in 60.0..600.0f64, middle in 100.0..900.0f64,
            right in 300.0..1500.0f64, bottom in 300.0..1500.0f64, most_scale in 0.2..3.0f64, most in 0.5..200.0f64,
        ) {
            let limits = head(top, top + eyes_below, width, middle);
            let walls = [
                Wall { row: [bottom, 0.0, 1.0], bound: 640.0 },
                Wall { row: [right, 1.0, 0.0], bound: 480.0 },
                Wall { row: [0.0, -1.0, 0.0], bound: 0.0 },
                Wall { row: [0.0, 0.0, -1.0], bound: 0.0 },
                Wall { row: [-1.0, 0.0, 0.0], bound: -most_scale },
            ];
            for count in 0..=walls.len() {
                let (some, all) =
                    (safest(&limits, &walls[..count], most), safest_of_all(&limits, &walls[..count], most));
                let same = some.zip(all).map_or(some == all, |(some, all)| (some - all).abs() < 1e-5);
                prop_assert!(same, "{some:?} {all:?}");
            }
        }

        /// No placement tried at random is safer, and none as safe is nearer to the middles.
        #[test]
        fn nothing_found_at_random_is_better(
            top in 0.0..400.0f64, eyes_below in 50.0..500.0f64, width in 60.0..600.0f64, middle in 100.0..900.0f64,
            bottom in 500.0..1500.0f64,
            tries in prop::collection::vec((0.2..3.0f64, -500.0..500.0f64, -400.0..400.0f64), 200),
        ) {
            let limits = head(top, top + eyes_below, width, middle);
            let walls = [Wall { row: [bottom, 0.0, 1.0], bound: 640.0 }, Wall { row: [0.0, -1.0, 0.0], bound: 0.0 }];
            let solution = solve(&limits, &walls).expect("walls that leave room");
            let v = solution.unknowns;
            prop_assert!(walls.iter().all(|wall| dot(wall.row, v) >= wall.bound - 1e-5), "{solution:?}");
            prop_assert!(room(&limits, v) >= solution.safety - 1e-5, "{solution:?} has {}", room(&limits, v));
            let off = |v: Row| -> f64 {
                limits.iter().map(|limit| {
                    let (min, max) = (limit.min.unwrap_or(0.0), limit.max.unwrap_or(0.0));
                    ((dot(limit.row, v) - (min + max) / 2.0) / ((max - min) / 2.0)).powi(2)
                }).sum()
            };
            for (s, x, y) in tries {
                // Around the solution as well as anywhere.
                for other in [[s, x, y], [v[0] * (1.0 + (s - 1.6) / 50.0), v[1] + x / 50.0, v[2] + y / 50.0]] {
                    if walls.iter().all(|wall| dot(wall.row, other) >= wall.bound) {
                        let room = room(&limits, other).min(1.0);
                        prop_assert!(room <= solution.safety + 1e-5, "{other:?} has {room}, {solution:?}");
                        if room >= solution.safety {
                            prop_assert!(off(other) >= off(v) - 1e-5, "{other:?} is nearer than {solution:?}");
                        }
                    }
                }
            }
        }

        /// The picture moved and scaled gives the same frame of the same head.
        #[test]
        fn the_frame_follows_the_picture(
            top in 50.0..300.0f64, eyes_below in 100.0..300.0f64, width in 150.0..400.0f64, middle in 200.0..700.0f64,
            k in 0.3..3.0f64, dx in -200.0..200.0f64, dy in -200.0..200.0f64,
        ) {
            let here = solve(&head(top, top + eyes_below, width, middle), &[]).expect("free");
            let moved = head(k * top + dy, k * (top + eyes_below) + dy, k * width, k * middle + dx);
            let there = solve(&moved, &[]).expect("free");
            let [s, x, y] = there.unknowns;
            let back = [s * k, x + s * dx, y + s * dy];
            for (a, b) in here.unknowns.iter().zip(back) {
                prop_assert!((a - b).abs() < 1e-3, "{here:?} {there:?}");
            }
        }
    }
}
