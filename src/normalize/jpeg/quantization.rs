//! Quantisation with the tables of T.81 annex K.1, scaled by quality as the IJG's encoder does.

use fearless_simd::{Simd, SimdBase, SimdMask, u16x16};

/// The natural place of each coefficient in zig-zag order (T.81 figure A.6).
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Table K.1, in natural order.
pub(super) const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// Table K.2, in natural order.
pub(super) const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99,
];

/// Divides coefficients, eight times as large as T.81 defines them, by the steps of a table. All in zig-zag order.
#[derive(Debug)]
pub(super) struct Quantizer {
    pub(super) steps: [u8; 64],
    /// Of eight steps, in 65536ths.
    reciprocals: [u16; 64],
    /// Half of eight steps, and one more where the reciprocal is too small.
    corrections: [u16; 64],
}

/// A block after division.
#[derive(Debug)]
pub(super) struct Quantized {
    pub(super) magnitudes: [u16; 64],
    /// By coefficient, the lowest bit first: whether it is not zero.
    pub(super) nonzero: u64,
}

impl Quantizer {
    pub(super) fn new(table: &[u8; 64], quality: u8) -> Self {
        let quality = u32::from(quality.clamp(1, 100));
        let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        let steps = ZIGZAG.map(|k| ((u32::from(table[usize::from(k)]) * scale + 50) / 100).clamp(1, 255) as u8);
        let pairs = steps.map(|step| reciprocal(8 * u16::from(step)));
        Self { steps, reciprocals: pairs.map(|(reciprocal, _)| reciprocal), corrections: pairs.map(|pair| pair.1) }
    }

    #[inline(always)]
    pub(super) fn quantize<S: Simd>(&self, simd: S, block: &[i16; 64]) -> Quantized {
        let mut magnitudes = [0u16; 64];
        for (k, magnitude) in magnitudes.iter_mut().enumerate() {
            let dividend = block[k].unsigned_abs() + self.corrections[k];
            *magnitude = ((u32::from(dividend) * u32::from(self.reciprocals[k])) >> 16) as u16;
        }
        let mut nonzero = 0;
        for (i, part) in magnitudes.as_chunks::<16>().0.iter().enumerate() {
            let mask = simd.simd_ne_u16x16(u16x16::from_slice(simd, part), u16x16::splat(simd, 0));
            nonzero |= mask.to_bitmask() << (16 * i);
        }
        Quantized { magnitudes, nonzero }
    }
}

/// Turns division by `divisor`, at least 8, into a multiplication: reciprocal in 65536ths, and what to add to a dividend
/// before. Right for every dividend a DCT makes; the reciprocal is even, as that of 15 bits which the IJG's rule is for.
fn reciprocal(divisor: u16) -> (u16, u16) {
    const ONE: u16 = 1 << 15;
    let (whole, rest, half) = (ONE / divisor, ONE % divisor, divisor / 2);
    match rest {
        0 => (2 * whole, half),
        _ if rest <= half => (2 * whole, half + 1),
        _ => (2 * (whole + 1), half),
    }
}
