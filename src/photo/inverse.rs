//! The inverse DCT (T.81 A.3.3) of the lowest frequencies of a block, which makes a smaller picture of it.

use fearless_simd::{Bytes, Simd, SimdBase, f32x8, u32x8};

/// Samples of a block, as the low frequencies it is made of: across and down.
pub(super) type Shape = (usize, usize);

/// A sample without any frequency.
pub(super) const MIDDLE: f32 = 128.0;

/// cos(n π/16).
const COSINES: [f32; 9] = [
    1.0,
    0.980_785_3,
    0.923_879_5,
    0.831_469_6,
    std::f32::consts::FRAC_1_SQRT_2,
    0.555_570_2,
    0.382_683_43,
    0.195_090_32,
    0.0,
];

/// By frequency and sample: C(u)/2 cos((2x + 1) u π/2N).
const fn basis<const N: usize>() -> [[f32; N]; N] {
    let mut basis = [[0.0; N]; N];
    let mut at = 0;
    while at < N * N {
        let (u, x) = (at / N, at % N);
        // The angle in parts of 32 of a turn, and its mirror image in the first half.
        let angle = (2 * x + 1) * u * (8 / N) % 32;
        let angle = if angle > 16 { 32 - angle } else { angle };
        let cosine = if angle > 8 { -COSINES[16 - angle] } else { COSINES[angle] };
        basis[u][x] = if u == 0 { COSINES[4] / 2.0 } else { cosine / 2.0 };
        at += 1;
    }
    basis
}

/// Blocks that are transformed together, a block a lane.
pub(super) const LANES: usize = 8;

/// A frequency of as many blocks.
pub(super) type Lanes = [f32; LANES];

/// Makes samples of blocks that lie side by side, into rows of `plane` that lie `stride` apart. `tile`: their frequencies, row by
/// row.
#[inline(always)]
pub(super) fn inverse<S: Simd>(simd: S, shape: Shape, tile: &[Lanes], plane: &mut [u8], stride: usize) {
    match shape {
        (1, 1) => transformed::<S, 1, 1>(simd, tile, plane, stride),
        (2, 1) => transformed::<S, 2, 1>(simd, tile, plane, stride),
        (1, 2) => transformed::<S, 1, 2>(simd, tile, plane, stride),
        (2, 2) => transformed::<S, 2, 2>(simd, tile, plane, stride),
        (4, 2) => transformed::<S, 4, 2>(simd, tile, plane, stride),
        (2, 4) => transformed::<S, 2, 4>(simd, tile, plane, stride),
        (4, 4) => transformed::<S, 4, 4>(simd, tile, plane, stride),
        (8, 4) => transformed::<S, 8, 4>(simd, tile, plane, stride),
        (4, 8) => transformed::<S, 4, 8>(simd, tile, plane, stride),
        (8, 8) => transformed::<S, 8, 8>(simd, tile, plane, stride),
        _ => {}
    }
}

#[inline(always)]
fn transformed<S: Simd, const W: usize, const H: usize>(simd: S, tile: &[Lanes], plane: &mut [u8], stride: usize) {
    let mut frequencies = [[f32x8::splat(simd, 0.0); W]; H];
    for (row, tile) in frequencies.iter_mut().zip(tile.as_chunks::<W>().0) {
        for (frequency, tile) in row.iter_mut().zip(tile) {
            *frequency = f32x8::from_slice(simd, tile);
        }
    }
    // The mean of a block is a whole number of eighths, which no product of two cosines would give exactly.
    let mean = f32x8::splat(simd, MIDDLE) + frequencies[0][0] * f32x8::splat(simd, 0.125);
    frequencies[0][0] = f32x8::splat(simd, 0.0);
    let mut columns = [[f32x8::splat(simd, 0.0); W]; H];
    for u in 0..W {
        let sums = along::<S, H>(simd, std::array::from_fn(|v| frequencies[v][u]));
        for y in 0..H {
            columns[y][u] = sums[y];
        }
    }
    for (&frequencies, row) in columns.iter().zip(plane.chunks_mut(stride)) {
        let mut sums = along::<S, W>(simd, frequencies);
        for sum in &mut sums {
            *sum += mean;
        }
        let row = row[..W * LANES].as_chunks_mut::<W>().0;
        if W <= 4 {
            for (out, samples) in row.iter_mut().zip(packed(simd, &sums)) {
                out.copy_from_slice(&samples.to_le_bytes()[..W]);
            }
        } else {
            for ((out, left), right) in row.iter_mut().zip(packed(simd, &sums[..4])).zip(packed(simd, &sums[4..])) {
                out.copy_from_slice(&(u64::from(left) | u64::from(right) << 32).to_le_bytes());
            }
        }
    }
}

/// Samples along one direction, of as many frequencies.
#[inline(always)]
fn along<S: Simd, const N: usize>(simd: S, of: [f32x8<S>; N]) -> [f32x8<S>; N] {
    match N {
        8 => {
            let sums = eight(simd, std::array::from_fn(|u| of[u]));
            std::array::from_fn(|x| sums[x])
        }
        4 => {
            let sums = four(simd, std::array::from_fn(|u| of[u]));
            std::array::from_fn(|x| sums[x])
        }
        2 => {
            let sums = two(simd, std::array::from_fn(|u| of[u]));
            std::array::from_fn(|x| sums[x])
        }
        _ => of.map(|mean| mean * f32x8::splat(simd, COSINES[4] / 2.0)),
    }
}

#[inline(always)]
fn two<S: Simd>(simd: S, of: [f32x8<S>; 2]) -> [f32x8<S>; 2] {
    let even = [of[0] * f32x8::splat(simd, COSINES[4] / 2.0)];
    mirrored(simd, even, [of[1]], const { &basis::<2>() })
}

#[inline(always)]
fn four<S: Simd>(simd: S, of: [f32x8<S>; 4]) -> [f32x8<S>; 4] {
    let even = two(simd, [of[0], of[2]]);
    mirrored(simd, even, [of[1], of[3]], const { &basis::<4>() })
}

#[inline(always)]
fn eight<S: Simd>(simd: S, of: [f32x8<S>; 8]) -> [f32x8<S>; 8] {
    let even = four(simd, [of[0], of[2], of[4], of[6]]);
    mirrored(simd, even, [of[1], of[3], of[5], of[7]], const { &basis::<8>() })
}

/// `N` samples from what their even frequencies, which are those of half as many samples, give for the first half of them, and from
/// the odd frequencies. In the second half, from behind, the even ones give the same and the odd ones the opposite.
///
/// Sums are not fused with products: they would round otherwise where a processor cannot do that.
#[inline(always)]
fn mirrored<S: Simd, const HALF: usize, const N: usize>(
    simd: S,
    even: [f32x8<S>; HALF],
    odd: [f32x8<S>; HALF],
    basis: &[[f32; N]; N],
) -> [f32x8<S>; N] {
    let mut samples = [even[0]; N];
    for x in 0..HALF {
        let mut sum = odd[0] * f32x8::splat(simd, basis[1][x]);
        for u in 1..HALF {
            sum += odd[u] * f32x8::splat(simd, basis[2 * u + 1][x]);
        }
        samples[x] = even[x] + sum;
        samples[N - 1 - x] = even[x] - sum;
    }
    samples
}

/// Up to four samples of each block as the bytes of one number: this is vector code, and bytes set one by one are not.
#[inline(always)]
fn packed<S: Simd>(simd: S, sums: &[f32x8<S>]) -> [u32; LANES] {
    let mut packed = u32x8::splat(simd, 0);
    for (x, &sum) in sums.iter().enumerate() {
        let clamped = sum.max(f32x8::splat(simd, 0.0)).min(f32x8::splat(simd, 255.0));
        // From 2^23 on a number's last bits count whole ones.
        let bits: u32x8<S> = (clamped + f32x8::splat(simd, 8_388_608.0)).bitcast();
        packed |= (bits & u32x8::splat(simd, 0xFF)) << (8 * x as u32);
    }
    let mut numbers = [0; LANES];
    packed.store_slice(&mut numbers);
    numbers
}

/// The nearest byte, without the checks of a cast, which are not vector code.
#[inline(always)]
pub(super) fn sample(value: f32) -> u32 {
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // From 2^23 on a number's last bits count whole ones.
    (value + 8_388_608.0).to_bits() & 0xFF
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use fearless_simd::{Level, dispatch};

    use super::*;

    const SHAPES: [Shape; 10] = [(1, 1), (2, 1), (1, 2), (2, 2), (4, 2), (2, 4), (4, 4), (8, 4), (4, 8), (8, 8)];

    /// The levels of vectors this processor has, from the plainest.
    fn levels() -> impl Iterator<Item = Level> {
        [Level::baseline(), Level::new()].into_iter()
    }

    #[test]
    fn samples_are_sums_of_cosines() {
        for ((width, height), level) in SHAPES.into_iter().flat_map(|shape| levels().map(move |level| (shape, level))) {
            let tile: Vec<Lanes> = (0..width * height)
                .map(|place| std::array::from_fn(|lane| ((place * 37 + lane * 53) % 101) as f32 * 1.5 - 75.0))
                .collect();
            let stride = width * LANES + 3;
            let mut plane = vec![7; height * stride];
            dispatch!(level, simd => inverse(simd, (width, height), &tile, &mut plane, stride));
            let weight = |n: usize, u: usize, x: usize| {
                let angle = ((2 * x + 1) * u) as f64 * PI / (2 * n) as f64;
                if u == 0 { 0.125f64.sqrt() } else { angle.cos() / 2.0 }
            };
            for (at, &sample) in plane.iter().enumerate() {
                let (x, y) = (at % stride, at / stride);
                let (lane, x) = (x / width, x % width);
                if lane >= LANES {
                    assert_eq!(sample, 7, "{width}x{height} beside the blocks");
                    continue;
                }
                let sum: f64 = tile
                    .iter()
                    .enumerate()
                    .map(|(place, of)| {
                        let (u, v) = (place % width, place / width);
                        f64::from(of[lane]) * weight(width, u, x) * weight(height, v, y)
                    })
                    .sum();
                let exact = (128.0 + sum).clamp(0.0, 255.0);
                assert!((f64::from(sample) - exact).abs() < 0.501, "{width}x{height} of {lane} at {x}, {y}: {sample}");
            }
        }
    }

    /// What a block of one colour comes out as does not hang on the shape or the processor: halves go to the even neighbour.
    #[test]
    fn blocks_of_one_colour_are_exact() {
        for ((width, height), level) in SHAPES.into_iter().flat_map(|shape| levels().map(move |level| (shape, level))) {
            for dc in -1100i16..1100 {
                let mut tile = vec![[0.0; LANES]; width * height];
                tile[0] = [f32::from(dc); LANES];
                let mut plane = vec![0; width * height * LANES];
                dispatch!(level, simd => inverse(simd, (width, height), &tile, &mut plane, width * LANES));
                let exact = (128.0 + f64::from(dc) / 8.0).round_ties_even().clamp(0.0, 255.0) as u8;
                assert!(plane.iter().all(|&sample| sample == exact), "{width}x{height} of {dc}");
            }
        }
    }

    #[test]
    fn samples_are_the_nearest_bytes() {
        let cases = [(-1e9, 0), (-0.6, 0), (0.4, 0), (0.6, 1), (127.6, 128), (254.4, 254), (255.4, 255), (1e9, 255)];
        for (value, byte) in cases {
            assert_eq!(sample(value), byte);
        }
    }
}
