//! The highest JPEG quality whose file fits the band of bytes.

use std::ops::RangeInclusive;

use image::RgbImage;

use super::error::NormalizeError;
use super::jpeg::{Sampling, Spectrum};

/// What the file has to keep.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Demand {
    /// Length in bytes.
    pub bytes: RangeInclusive<u64>,
    /// IJG quality.
    pub quality: RangeInclusive<u8>,
    /// Dots per inch.
    pub dpi: u16,
}

/// A file that keeps the demand.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    pub jpeg: Vec<u8>,
    pub quality: u8,
    /// Whether colour is kept at full resolution (4:4:4), else at half (4:2:0).
    pub full_color: bool,
    /// Qualities that were tried.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold it down"))]
    pub tries: u32,
}

/// Quality from which colour is worth its bytes at full resolution rather than a higher quality of all.
const FULL_COLOR_FROM: u8 = 90;

/// Quality of the first try: about where photos of 480x640 fit 40 KB.
const FIRST: u8 = 88;

/// How the logarithm of a photo's length grows with its quality, measured as bytes relative to quality 60. Only a guess:
/// it decides what is tried first, not what is found.
const GROWTH: [(f64, f64); 8] =
    [(30.0, -0.52), (60.0, 0.0), (75.0, 0.33), (85.0, 0.70), (90.0, 1.00), (95.0, 1.45), (98.0, 1.98), (100.0, 2.55)];

/// Encodes `rgb` at the highest quality that keeps the demand: with colour at full resolution where that leaves a high
/// quality, else at half.
///
/// # Errors
/// [`NormalizeError::Bytes`] when no allowed quality fits.
pub(super) fn fit(rgb: &RgbImage, demand: &Demand) -> Result<Fitted, NormalizeError> {
    let most = *demand.bytes.end();
    let mut tries = 0;
    let mut search = |spectrum: &Spectrum, floor: u8, first: u8| {
        let encode = |quality: u8| {
            tries += 1;
            let coded = spectrum.at(quality);
            let least = coded.least_bytes();
            if least > most {
                return Err(least);
            }
            let jpeg = coded.file(demand.dpi);
            if jpeg.len() as u64 > most { Err(jpeg.len() as u64) } else { Ok(jpeg) }
        };
        highest(encode, floor.max(*demand.quality.start())..=*demand.quality.end(), most, first)
    };
    // Half colour first: it fits nearly always, and its quality says whether full colour is worth a try.
    let spectrum = Spectrum::new(rgb, Sampling::Half)?;
    let half = match search(&spectrum, 1, FIRST)? {
        Search::Found { quality, jpeg } => (quality, jpeg),
        Search::TooLong { quality } => {
            let bytes = spectrum.at(quality).file(demand.dpi).len() as u64;
            return Err(NormalizeError::Bytes { quality, bytes, limit: most });
        }
    };
    // Colour at full resolution takes a fifth to a third more bytes.
    let highest_allowed = *demand.quality.end();
    let worthwhile = half.0 > FULL_COLOR_FROM || half.0 == highest_allowed;
    let full = if worthwhile && highest_allowed >= FULL_COLOR_FROM {
        match search(&spectrum.with_full_color(rgb), FULL_COLOR_FROM, half.0.saturating_sub(2))? {
            Search::Found { quality, jpeg } => Some((quality, jpeg)),
            Search::TooLong { .. } => None,
        }
    } else {
        None
    };
    let full_color = full.is_some();
    let (quality, jpeg) = full.unwrap_or(half);
    let bytes = jpeg.len() as u64;
    if bytes < *demand.bytes.start() {
        return Err(NormalizeError::Bytes { quality, bytes, limit: *demand.bytes.start() });
    }
    Ok(Fitted { jpeg, quality, full_color, tries })
}

enum Search {
    Found {
        quality: u8,
        jpeg: Vec<u8>,
    },
    /// Even the lowest quality is too long.
    TooLong {
        quality: u8,
    },
}

/// The highest quality of a range whose file is at most `most` bytes long. `encode` gives the file, or where it is too
/// long the bytes it has at least. Lengths grow with the quality, so the answer is bracketed: each try narrows the
/// bracket, and its length predicts where the next one should be.
fn highest(
    mut encode: impl FnMut(u8) -> Result<Vec<u8>, u64>,
    range: RangeInclusive<u8>,
    most: u64,
    first: u8,
) -> Result<Search, NormalizeError> {
    let (mut low, mut high) = (i16::from(*range.start()), i16::from(*range.end()));
    let mut best = None;
    let mut lowest = None;
    let mut next = i16::from(first);
    while low <= high {
        let quality = next.clamp(low, high);
        match encode(quality as u8) {
            Ok(jpeg) => {
                low = quality + 1;
                next = predicted(quality as f64, jpeg.len() as u64, most).max(low);
                best = Some(Search::Found { quality: quality as u8, jpeg });
            }
            Err(bytes) => {
                high = quality - 1;
                next = predicted(quality as f64, bytes, most).min(high);
                lowest = Some(Search::TooLong { quality: quality as u8 });
            }
        }
    }
    best.or(lowest).ok_or_else(|| NormalizeError::Internal("no quality is allowed".to_owned()))
}

/// The quality at which a photo of `bytes` at `quality` should have `wanted` bytes.
fn predicted(quality: f64, bytes: u64, wanted: u64) -> i16 {
    let at = |from: f64, pick: fn((f64, f64)) -> (f64, f64)| {
        let pairs = GROWTH.map(pick);
        let next = pairs.iter().position(|&(x, _)| x >= from).unwrap_or(pairs.len() - 1).max(1);
        let ((x0, y0), (x1, y1)) = (pairs[next - 1], pairs[next]);
        y0 + (from - x0) / (x1 - x0) * (y1 - y0)
    };
    let growth = at(quality, |pair| pair) + (wanted.max(1) as f64 / bytes.max(1) as f64).ln();
    at(growth, |(x, y)| (y, x)).floor().clamp(1.0, 100.0) as i16
}

/// Encodes a picture with colour at full resolution, whatever its length.
///
/// # Errors
/// [`NormalizeError::Internal`] for a picture that no JPEG holds.
#[cfg(feature = "cli")]
pub(crate) fn full_color(rgb: &RgbImage, quality: u8, dpi: u16) -> Result<Vec<u8>, NormalizeError> {
    Ok(Spectrum::new(rgb, Sampling::Full)?.at(quality).file(dpi))
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    fn demand() -> Demand {
        Demand { bytes: 20 << 10..=40 << 10, quality: 60..=100, dpi: 300 }
    }

    /// A picture with as much detail as `noise` says, the same for the same numbers.
    fn picture(noise: u32, seed: u32) -> RgbImage {
        let mut state = seed | 1;
        RgbImage::from_fn(480, 640, |x, y| {
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state % (noise + 1)
            };
            Rgb([(60 + x / 4 + next()) as u8, (40 + y / 5 + next()) as u8, (90 + next()) as u8])
        })
    }

    #[test]
    fn the_quality_is_the_highest_that_fits() {
        for noise in [3, 6, 9, 13] {
            let rgb = picture(noise, 7);
            let fitted = fit(&rgb, &demand()).expect("fits");
            assert!(demand().bytes.contains(&(fitted.jpeg.len() as u64)), "{noise}: {}", fitted.jpeg.len());
            let sampling = if fitted.full_color { Sampling::Full } else { Sampling::Half };
            if fitted.quality < 100 {
                let better = Spectrum::new(&rgb, sampling).expect("a picture").at(fitted.quality + 1).file(300);
                assert!(better.len() > 40 << 10, "{noise}: quality {} is not the highest", fitted.quality);
            }
            assert!(fitted.tries <= 9, "{} tries", fitted.tries);
        }
    }

    #[test]
    fn too_little_and_too_much_detail_are_said() {
        match fit(&RgbImage::from_pixel(480, 640, Rgb([100, 197, 255])), &demand()) {
            Err(NormalizeError::Bytes { quality: 100, bytes, limit: 20_480 }) => assert!(bytes < 20_480),
            other => panic!("{other:?}"),
        }
        match fit(&picture(200, 3), &demand()) {
            Err(NormalizeError::Bytes { quality: 60, bytes, limit: 40_960 }) => assert!(bytes > 40_960),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_low_highest_quality_leaves_colour_at_half() {
        let demand = Demand { bytes: 1..=40 << 10, quality: 60..=80, dpi: 300 };
        let fitted = fit(&picture(8, 7), &demand).expect("fits");
        assert_eq!((fitted.quality, fitted.full_color), (80, false));
    }

    proptest! {
        #[test]
        fn any_growing_length_is_bracketed(first in 1u8..=100, low in 1u8..=60, most in 1u64..5000, k in 1u64..60) {
            let length = |quality: u8| u64::from(quality) * k + u64::from(quality).pow(2) / 40;
            let encode = |quality| {
                let bytes = length(quality);
                if bytes > most { Err(bytes) } else { Ok(vec![0; bytes as usize]) }
            };
            let found = highest(encode, low..=100, most, first).expect("no fault");
            match found {
                Search::Found { quality, .. } => {
                    prop_assert!(length(quality) <= most);
                    prop_assert!(quality == 100 || length(quality + 1) > most);
                }
                Search::TooLong { quality } => prop_assert!(quality == low && length(low) > most),
            }
        }
    }
}
