//! The inverse DCT (T.81 A.3.3) of the lowest frequencies of a block, which makes a smaller picture of it.

/// Samples of a block, as the low frequencies it is made of: across and down.
pub(super) type Shape = (usize, usize);

/// Coefficients of a block in natural order; those beyond a [`Shape`] do not matter.
pub(super) type Coefficients = [f32; 64];

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

/// Makes samples of a block into rows of `plane` that lie `stride` apart.
#[inline(always)]
pub(super) fn inverse(shape: Shape, block: &Coefficients, plane: &mut [u8], stride: usize) {
    match shape {
        (2, 1) => transformed::<2, 1>(block, plane, stride),
        (1, 2) => transformed::<1, 2>(block, plane, stride),
        (2, 2) => square(block, plane, stride),
        (4, 2) => transformed::<4, 2>(block, plane, stride),
        (2, 4) => transformed::<2, 4>(block, plane, stride),
        (4, 4) => transformed::<4, 4>(block, plane, stride),
        (8, 4) => transformed::<8, 4>(block, plane, stride),
        (4, 8) => transformed::<4, 8>(block, plane, stride),
        (8, 8) => transformed::<8, 8>(block, plane, stride),
        _ => flat(shape, block[0], plane, stride),
    }
}

/// The samples of a block that has a DC coefficient alone.
#[inline(always)]
pub(super) fn flat((width, height): Shape, dc: f32, plane: &mut [u8], stride: usize) {
    let sample = sample(MIDDLE + dc / 8.0);
    for row in plane.chunks_mut(stride).take(height) {
        row[..width].fill(sample);
    }
}

#[inline(always)]
fn transformed<const W: usize, const H: usize>(block: &Coefficients, plane: &mut [u8], stride: usize) {
    let (across, down) = const { (basis::<W>(), basis::<H>()) };
    let mut columns = [[0.0; W]; H];
    for (frequencies, weights) in block.as_chunks::<8>().0.iter().zip(&down) {
        for (row, weight) in columns.iter_mut().zip(weights) {
            for (sum, frequency) in row.iter_mut().zip(frequencies) {
                *sum += weight * frequency;
            }
        }
    }
    for (frequencies, row) in columns.iter().zip(plane.chunks_mut(stride)) {
        let mut sums = [MIDDLE; W];
        for (frequency, weights) in frequencies.iter().zip(&across) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += frequency * weight;
            }
        }
        for (out, sum) in row[..W].iter_mut().zip(sums) {
            *out = sample(sum);
        }
    }
}

/// What [`transformed`] does for two by two samples, which together are one vector.
#[inline(always)]
fn square(block: &Coefficients, plane: &mut [u8], stride: usize) {
    const PLUS: f32 = 0.125;
    const MINUS: f32 = -PLUS;
    let terms = [
        (block[0], [PLUS, PLUS, PLUS, PLUS]),
        (block[1], [PLUS, MINUS, PLUS, MINUS]),
        (block[8], [PLUS, PLUS, MINUS, MINUS]),
        (block[9], [PLUS, MINUS, MINUS, PLUS]),
    ];
    let mut sums = [MIDDLE; 4];
    for (frequency, weights) in &terms {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += frequency * weight;
        }
    }
    let mut samples = [0; 4];
    for (out, sum) in samples.iter_mut().zip(sums) {
        *out = sample(sum);
    }
    plane[..2].copy_from_slice(&samples[..2]);
    plane[stride..stride + 2].copy_from_slice(&samples[2..]);
}

/// The nearest byte, without the checks of a cast, which are not vector code.
#[inline(always)]
pub(super) fn sample(value: f32) -> u8 {
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // From 2^23 on a number's last bits count whole ones.
    (value + 8_388_608.0).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_sums_of_cosines() {
        let block: Coefficients = std::array::from_fn(|i| (i * 37 % 101) as f32 * 1.5 - 75.0);
        for (width, height) in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 2), (2, 4), (4, 4), (8, 4), (4, 8), (8, 8)] {
            let mut plane = [0; 9 * 8];
            inverse((width, height), &block, &mut plane, 9);
            let weight = |n: usize, u: usize, x: usize| {
                let angle = ((2 * x + 1) * u) as f64 * std::f64::consts::PI / (2 * n) as f64;
                if u == 0 { 0.125f64.sqrt() } else { angle.cos() / 2.0 }
            };
            for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                let term = |(u, v)| f64::from(block[8 * v + u]) * weight(width, u, x) * weight(height, v, y);
                let sum: f64 = (0..height).flat_map(|v| (0..width).map(move |u| (u, v))).map(term).sum();
                let exact = (128.0 + sum).clamp(0.0, 255.0);
                assert!((f64::from(plane[9 * y + x]) - exact).abs() < 0.501, "{width}x{height} at {x}, {y}");
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
