//! The forward DCT (T.81 A.3.3) in integers: the method of Loeffler, Ligtenberg and Moschytz with 12 multiplications, as
//! the IJG's `jfdctint.c` does it, bit for bit.

use fearless_simd::{Simd, SimdBase, SimdNarrow, SimdWiden, i16x8, i32x8};

use super::quantization::ZIGZAG;

/// Fractional bits of the constants.
const CONST_BITS: u32 = 13;
/// Fractional bits kept between the passes.
const PASS1_BITS: u32 = 2;

const FIX_0_298631336: i32 = 2446;
const FIX_0_390180644: i32 = 3196;
const FIX_0_541196100: i32 = 4433;
const FIX_0_765366865: i32 = 6270;
const FIX_0_899976223: i32 = 7373;
const FIX_1_175875602: i32 = 9633;
const FIX_1_501321110: i32 = 12299;
const FIX_1_847759065: i32 = 15137;
const FIX_1_961570560: i32 = 16069;
const FIX_2_053119869: i32 = 16819;
const FIX_2_562915447: i32 = 20995;
const FIX_3_072711026: i32 = 25172;

/// The coefficients of a block in zig-zag order, eight times as large as T.81 defines them. `rows` begins at the block's
/// first sample, each row `stride` behind the one above; samples are shifted to lie around zero.
#[inline(always)]
pub(super) fn fdct<S: Simd>(simd: S, rows: &[i16], stride: usize) -> [i16; 64] {
    let rows = std::array::from_fn(|y| i16x8::from_slice(simd, &rows[y * stride..][..8]));
    let across = pass::<S, true>(simd, transposed(rows));
    let down = pass::<S, false>(simd, transposed(across));
    let mut natural = [0i16; 64];
    for (row, out) in down.into_iter().zip(natural.as_chunks_mut::<8>().0) {
        row.store_slice(out);
    }
    ZIGZAG.map(|k| natural[usize::from(k)])
}

/// One dimension of eight transforms at once, a lane each. No sum leaves 16 bits between the passes.
#[inline(always)]
fn pass<S: Simd, const FIRST: bool>(simd: S, samples: [i16x8<S>; 8]) -> [i16x8<S>; 8] {
    let [d0, d1, d2, d3, d4, d5, d6, d7] = samples;
    // Sums and differences of the ends, two vectors at a time.
    let (s07, d07) = ((d0 + d7), (d0 - d7));
    let (s16, d16) = ((d1 + d6), (d1 - d6));
    let (s25, d25) = ((d2 + d5), (d2 - d5));
    let (s34, d34) = ((d3 + d4), (d3 - d4));
    let wide = |v: i16x8<S>| -> i32x8<S> {
        let (low, high) = v.widen();
        simd.combine_i32x4(low, high)
    };
    let half = |bits: u32| i32x8::splat(simd, 1 << (bits - 1));
    let descaled = |v: i32x8<S>| {
        let bits = if FIRST { CONST_BITS - PASS1_BITS } else { CONST_BITS + PASS1_BITS };
        (v + half(bits)) >> bits
    };
    let whole = |v: i32x8<S>| if FIRST { v << PASS1_BITS } else { (v + half(PASS1_BITS)) >> PASS1_BITS };

    // Even part (figure 1 of the paper).
    let (t0, t1, t2, t3) = (wide(s07), wide(s16), wide(s25), wide(s34));
    let (t10, t13, t11, t12) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
    let z1 = (t12 + t13) * FIX_0_541196100;
    let (e0, e4) = (whole(t10 + t11), whole(t10 - t11));
    let (e2, e6) = (descaled(z1 + t13 * FIX_0_765366865), descaled(z1 - t12 * FIX_1_847759065));

    // Odd part (figure 8).
    let (t4, t5, t6, t7) = (wide(d34), wide(d25), wide(d16), wide(d07));
    let (z3, z4) = (t4 + t6, t5 + t7);
    let z5 = (z3 + z4) * FIX_1_175875602;
    let (z1, z2) = ((t4 + t7) * FIX_0_899976223, (t5 + t6) * FIX_2_562915447);
    let (z3, z4) = (z5 - z3 * FIX_1_961570560, z5 - z4 * FIX_0_390180644);
    let o7 = descaled(t4 * FIX_0_298631336 - z1 + z3);
    let o5 = descaled(t5 * FIX_2_053119869 - z2 + z4);
    let o3 = descaled(t6 * FIX_3_072711026 - z2 + z3);
    let o1 = descaled(t7 * FIX_1_501321110 - z1 + z4);

    let narrow = |a: i32x8<S>, b: i32x8<S>| simd.split_i16x16(a.saturating_narrow(b));
    let ((r0, r1), (r2, r3), (r4, r5), (r6, r7)) = (narrow(e0, o1), narrow(e2, o3), narrow(e4, o5), narrow(e6, o7));
    [r0, r1, r2, r3, r4, r5, r6, r7]
}

/// Columns for rows: three perfect shuffles of the eight vectors.
#[inline(always)]
fn transposed<S: Simd>(rows: [i16x8<S>; 8]) -> [i16x8<S>; 8] {
    let shuffled = |[a, b, c, d, e, f, g, h]: [i16x8<S>; 8]| {
        let ((a, b), (c, d), (e, f), (g, h)) = (a.interleave(e), b.interleave(f), c.interleave(g), d.interleave(h));
        [a, b, c, d, e, f, g, h]
    };
    shuffled(shuffled(shuffled(rows)))
}
