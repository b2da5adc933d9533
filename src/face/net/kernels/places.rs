//! What is done place by place.

use fearless_simd::{Level, Simd, SimdBase, dispatch, f32x8};

use super::{Finish, LANES, Layout, load};

/// The largest of each 2x2 places.
pub(in crate::face::net) fn max_pool(level: Level, input: (&[f32], Layout), output: (&mut [f32], Layout)) {
    dispatch!(level, simd => largest(simd, input, output));
}

#[inline(always)]
fn largest<S: Simd>(simd: S, (input, from): (&[f32], Layout), (output, to): (&mut [f32], Layout)) {
    for y in 0..to.height {
        let upper = &input[from.before(0, 0) + 2 * y * from.pitch()..];
        let lower = &upper[from.pitch()..];
        let output = &mut output[to.before(0, 0) + y * to.pitch()..][..to.width * to.depth];
        for (x, output) in output.chunks_exact_mut(to.depth).enumerate() {
            for (v, output) in output.chunks_exact_mut(LANES).enumerate() {
                let at =
                    |row: &[f32], i: usize| -> f32x8<S> { load(simd, &row[(2 * x + i) * from.depth + v * LANES..]) };
                let most = at(upper, 0).max(at(upper, 1)).max(at(lower, 0).max(at(lower, 1)));
                most.store_slice(output);
            }
        }
    }
}

/// The mean of all places, a place of its own.
pub(in crate::face::net) fn mean(level: Level, (input, from): (&[f32], Layout), (output, to): (&mut [f32], Layout)) {
    dispatch!(level, simd => mean_of(simd, (input, from), &mut output[to.before(0, 0)..][..to.depth]));
}

#[inline(always)]
fn mean_of<S: Simd>(simd: S, (input, from): (&[f32], Layout), output: &mut [f32]) {
    let share = f32x8::splat(simd, 1.0 / (from.height * from.width) as f32);
    for (v, output) in output.chunks_exact_mut(LANES).enumerate() {
        // Row by row, so that a sum of sixteen thousand loses nothing to rounding.
        let mut sum = f32x8::splat(simd, 0.0);
        for y in 0..from.height {
            let row = &input[from.before(0, 0) + y * from.pitch()..][..from.width * from.depth];
            let mut sum_of_row = f32x8::splat(simd, 0.0);
            for place in row.chunks_exact(from.depth) {
                sum_of_row += load::<S, f32x8<S>>(simd, &place[v * LANES..]);
            }
            sum += sum_of_row;
        }
        (sum * share).store_slice(output);
    }
}

/// How two operands are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::face::net) enum Combination {
    /// Their sum.
    Sum,
    /// Their product.
    Product,
}

/// Combines each place with the same place of `other`, or with its only one, and finishes the result.
pub(in crate::face::net) fn combine(
    level: Level,
    how: Combination,
    finish: &Finish,
    input: (&[f32], Layout),
    other: (&[f32], Layout),
    output: (&mut [f32], Layout),
) {
    dispatch!(level, simd => combined(simd, how, finish, input, other, output));
}

#[inline(always)]
fn combined<S: Simd>(
    simd: S,
    how: Combination,
    finish: &Finish,
    (input, from): (&[f32], Layout),
    (other, beside): (&[f32], Layout),
    (output, to): (&mut [f32], Layout),
) {
    let one = beside.height * beside.width == 1;
    for y in 0..to.height {
        let input = &input[from.before(0, 0) + y * from.pitch()..][..to.width * from.depth];
        let other = &other[beside.before(0, 0) + if one { 0 } else { y * beside.pitch() }..];
        let output = &mut output[to.before(0, 0) + y * to.pitch()..][..to.width * to.depth];
        for (x, (input, output)) in input.chunks_exact(from.depth).zip(output.chunks_exact_mut(to.depth)).enumerate() {
            let other = &other[if one { 0 } else { x * beside.depth }..][..beside.depth];
            for channel in (0..to.depth).step_by(LANES) {
                let (a, b): (f32x8<S>, f32x8<S>) = (load(simd, &input[channel..]), load(simd, &other[channel..]));
                let value = match how {
                    Combination::Sum => a + b,
                    Combination::Product => a * b,
                };
                let value = finish.end(simd, channel).of(simd, value);
                value.store_slice(&mut output[channel..][..LANES]);
            }
        }
    }
}

/// The picture at twice its size, by linear interpolation between the middles of places, the outermost continued.
pub(in crate::face::net) fn double(level: Level, input: (&[f32], Layout), output: (&mut [f32], Layout)) {
    dispatch!(level, simd => doubled(simd, input, output));
}

#[inline(always)]
fn doubled<S: Simd>(simd: S, (input, from): (&[f32], Layout), (output, to): (&mut [f32], Layout)) {
    let (near, far) = (f32x8::splat(simd, 0.75), f32x8::splat(simd, 0.25));
    // The place that lies nearer to an output place, and the one behind it.
    let pair = |i: usize, n: usize| {
        let nearer = i / 2;
        let other = if i.is_multiple_of(2) { nearer.saturating_sub(1) } else { (nearer + 1).min(n - 1) };
        (nearer, other)
    };
    for y in 0..to.height {
        let (near_row, far_row) = pair(y, from.height);
        let row = |y: usize| &input[from.before(0, 0) + y * from.pitch()..][..from.width * from.depth];
        let (near_row, far_row) = (row(near_row), row(far_row));
        let output = &mut output[to.before(0, 0) + y * to.pitch()..][..to.width * to.depth];
        for (x, output) in output.chunks_exact_mut(to.depth).enumerate() {
            let (near_x, far_x) = pair(x, from.width);
            let (near_x, far_x) = (near_x * from.depth, far_x * from.depth);
            for (v, output) in output.chunks_exact_mut(LANES).enumerate() {
                let at = v * LANES;
                let nearer: f32x8<S> = near * load::<S, f32x8<S>>(simd, &near_row[near_x + at..])
                    + far * load::<S, f32x8<S>>(simd, &far_row[near_x + at..]);
                let farther: f32x8<S> = near * load::<S, f32x8<S>>(simd, &near_row[far_x + at..])
                    + far * load::<S, f32x8<S>>(simd, &far_row[far_x + at..]);
                (near * nearer + far * farther).store_slice(output);
            }
        }
    }
}
