//! JPEG quality from quantisation tables.
//!
//! The Independent JPEG Group's library, and nearly every encoder after it, scales the example tables of ITU-T T.81
//! Annex K by a quality from 1 to 100: `S = 5000 / Q` below 50, else `200 - 2 Q`, and `T = (T0 S + 50) / 100` clamped to
//! `1..=255` (integer division throughout, `jcparam.c`). The estimate is the quality whose scaled tables lie nearest to
//! the file's by least squares of the relative difference; with IJG tables it is exact for all 100 qualities.

use super::jpeg::QualityEstimate;

/// Natural index of each coefficient in zig-zag order (T.81 figure A.6).
#[rustfmt::skip]
pub(super) const ZIGZAG: [usize; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// T.81 table K.1, natural order.
#[rustfmt::skip]
const LUMA: [u16; 64] = [
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
];

/// T.81 table K.2, natural order.
#[rustfmt::skip]
const CHROMA: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// Estimates the IJG quality of a luma table and, in colour files, a chroma table; both in natural order.
pub(super) fn estimate(luma: &[u16; 64], chroma: Option<&[u16; 64]>) -> QualityEstimate {
    // Baseline tables stop at 255; the 16-bit tables of an encoder that does not force baseline go on.
    let sixteen_bit = luma.iter().chain(chroma.into_iter().flatten()).any(|&step| step > 255);
    let max = if sixteen_bit { 32_767 } else { 255 };
    // The file's steps beside the scaled Annex K steps.
    let steps = |quality: u32| {
        let pairs = luma.iter().zip(&LUMA).chain(chroma.into_iter().flat_map(|table| table.iter().zip(&CHROMA)));
        pairs.map(move |(&step, &base)| (f64::from(step), f64::from(scaled(base, quality, max))))
    };
    let misfit = |quality: u32| {
        let (sum, count) = steps(quality)
            .fold((0.0, 0.0), |(sum, count), (step, ideal)| (sum + ((step - ideal) / ideal).powi(2), count + 1.0));
        f64::sqrt(sum / count)
    };
    let (fitted, least) = nearest(misfit);
    let standard = steps(fitted).all(|(step, ideal)| (step - ideal).abs() <= 1.0);
    let quality = if standard {
        fitted
    } else {
        // A uniform quantiser of step T makes noise of energy T^2 / 12: the quality that makes as much of it.
        nearest(|quality| {
            let (own, ideal) =
                steps(quality).fold((0.0, 0.0), |(own, all), (step, ideal)| (own + step * step, all + ideal * ideal));
            f64::abs(f64::ln(own / ideal))
        })
        .0
    };
    QualityEstimate { quality: f64::from(quality), misfit: least, standard }
}

/// One Annex K step scaled to `quality` as IJG does.
fn scaled(base: u16, quality: u32, max: u32) -> u16 {
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    ((u32::from(base) * scale + 50) / 100).clamp(1, max) as u16
}

/// The quality of the smallest cost, and that cost.
fn nearest(cost: impl Fn(u32) -> f64) -> (u32, f64) {
    (1..=100)
        .map(|quality| (quality, cost(quality)))
        .fold((1, f64::INFINITY), |best, candidate| if candidate.1 < best.1 { candidate } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(quality: u32, max: u32) -> ([u16; 64], [u16; 64]) {
        (LUMA.map(|base| scaled(base, quality, max)), CHROMA.map(|base| scaled(base, quality, max)))
    }

    #[test]
    fn every_ijg_quality_is_recovered_exactly() {
        for quality in 1..=100 {
            for max in [255, 32_767] {
                let (luma, chroma) = tables(quality, max);
                for chroma in [Some(&chroma), None] {
                    let found = estimate(&luma, chroma);
                    assert_eq!(found.quality, f64::from(quality), "max {max}, chroma {}", chroma.is_some());
                    assert_eq!((found.misfit, found.standard), (0.0, true));
                }
            }
        }
    }

    #[test]
    fn other_tables_are_marked_and_placed_by_energy() {
        let flat = estimate(&[16; 64], Some(&[16; 64]));
        assert!(!flat.standard && flat.misfit > 0.1);
        assert!((85.0..95.0).contains(&flat.quality), "{flat:?}");
        let coarser = estimate(&[40; 64], Some(&[40; 64]));
        assert!(coarser.quality < flat.quality, "{coarser:?}");
    }

    #[test]
    fn a_table_of_zeros_is_an_estimate_and_not_a_fault() {
        assert!(estimate(&[0; 64], None).quality.is_finite());
    }

    #[test]
    fn zigzag_is_a_permutation() {
        let mut seen = [false; 64];
        ZIGZAG.iter().for_each(|&at| seen[at] = true);
        assert!(seen.iter().all(|&at| at));
    }
}
