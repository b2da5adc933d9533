//! The highest JPEG quality whose file fits the band of bytes.

use std::ops::RangeInclusive;

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};

use super::error::NormalizeError;
use super::optimize;

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
    /// Encodes that were needed.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold it down"))]
    pub encodes: u32,
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
    let mut encodes = 0;
    let mut search = |sampling: SamplingFactor, floor: u8, first: u8| -> Result<Search, NormalizeError> {
        let lengths = |quality: u8| {
            encodes += 1;
            encode(rgb, quality, sampling, demand.dpi)
        };
        highest(lengths, floor.max(*demand.quality.start())..=*demand.quality.end(), *demand.bytes.end(), first)
    };
    // Half colour first: it fits nearly always, and its quality says whether full colour is worth a try.
    let half = search(SamplingFactor::R_4_2_0, 1, FIRST)?;
    let half = match half {
        Search::Found { quality, jpeg } => Some((quality, jpeg)),
        Search::TooLong { quality, bytes } => {
            return Err(NormalizeError::Bytes { quality, bytes, limit: *demand.bytes.end() });
        }
    };
    // Colour at full resolution takes a fifth to a third more bytes.
    let full = match &half {
        Some((quality, _)) if *quality > FULL_COLOR_FROM || quality == demand.quality.end() => {
            match search(SamplingFactor::R_4_4_4, FULL_COLOR_FROM, quality.saturating_sub(2))? {
                Search::Found { quality, jpeg } => Some((quality, jpeg)),
                Search::TooLong { .. } => None,
            }
        }
        _ => None,
    };
    let full_color = full.is_some();
    match full.or(half) {
        Some((quality, jpeg)) if jpeg.len() as u64 >= *demand.bytes.start() => {
            Ok(Fitted { jpeg, quality, full_color, encodes })
        }
        Some((quality, jpeg)) => {
            Err(NormalizeError::Bytes { quality, bytes: jpeg.len() as u64, limit: *demand.bytes.start() })
        }
        None => Err(NormalizeError::Internal("no quality was tried".to_owned())),
    }
}

enum Search {
    Found {
        quality: u8,
        jpeg: Vec<u8>,
    },
    /// Even the lowest quality is too long.
    TooLong {
        quality: u8,
        bytes: u64,
    },
}

/// The highest quality of a range whose file is at most `most` bytes long. Lengths grow with the quality, so the answer is
/// bracketed: each try halves the bracket at worst, and its length predicts where the next one should be.
fn highest(
    mut encode: impl FnMut(u8) -> Result<Vec<u8>, NormalizeError>,
    range: RangeInclusive<u8>,
    most: u64,
    first: u8,
) -> Result<Search, NormalizeError> {
    let (mut low, mut high) = (i16::from(*range.start()), i16::from(*range.end()));
    let mut best: Option<(u8, Vec<u8>)> = None;
    let mut shortest = None;
    let mut next = i16::from(first);
    while low <= high {
        let quality = next.clamp(low, high);
        let jpeg = encode(quality as u8)?;
        let bytes = jpeg.len() as u64;
        let predicted = predicted(quality as f64, bytes, most);
        if bytes <= most {
            best = Some((quality as u8, jpeg));
            low = quality + 1;
            next = predicted.max(low);
        } else {
            shortest = Some((quality as u8, bytes));
            high = quality - 1;
            next = predicted.min(high);
        }
    }
    match (best, shortest) {
        (Some((quality, jpeg)), _) => Ok(Search::Found { quality, jpeg }),
        (None, Some((quality, bytes))) => Ok(Search::TooLong { quality, bytes }),
        (None, None) => Err(NormalizeError::Internal("no quality is allowed".to_owned())),
    }
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

/// Bytes reserved for a file: above what photos of this size take.
const CAPACITY: usize = 64 << 10;

/// Encodes a picture with colour at full resolution, whatever its length.
///
/// # Errors
/// [`NormalizeError::Internal`] for a picture that no JPEG holds.
#[cfg(feature = "cli")]
pub(crate) fn full_color(rgb: &RgbImage, quality: u8, dpi: u16) -> Result<Vec<u8>, NormalizeError> {
    encode(rgb, quality, SamplingFactor::R_4_4_4, dpi)
}

fn encode(rgb: &RgbImage, quality: u8, sampling: SamplingFactor, dpi: u16) -> Result<Vec<u8>, NormalizeError> {
    let fault = |what: String| NormalizeError::Internal(format!("encoding: {what}"));
    let side = |n: u32| u16::try_from(n).map_err(|_| fault(format!("a side of {n} pixels")));
    let (width, height) = (side(rgb.width())?, side(rgb.height())?);
    let mut jpeg = Vec::with_capacity(CAPACITY);
    let mut encoder = Encoder::new(&mut jpeg, quality);
    encoder.set_sampling_factor(sampling);
    encoder.set_density(PixelDensity { density: (dpi, dpi), unit: PixelDensityUnit::Inches });
    encoder.encode(rgb.as_raw(), width, height, ColorType::Rgb).map_err(|e| fault(e.to_string()))?;
    // A picture that is not what `optimized` knows keeps the standard tables.
    Ok(optimize::optimized(&jpeg).unwrap_or(jpeg))
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
            let sampling = if fitted.full_color { SamplingFactor::R_4_4_4 } else { SamplingFactor::R_4_2_0 };
            if fitted.quality < 100 {
                let better = encode(&rgb, fitted.quality + 1, sampling, 300).expect("encodes");
                assert!(better.len() > 40 << 10, "{noise}: quality {} is not the highest", fitted.quality);
            }
            assert!(fitted.encodes <= 9, "{} encodes", fitted.encodes);
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

    proptest! {
        #[test]
        fn any_growing_length_is_bracketed(first in 1u8..=100, low in 1u8..=60, most in 1u64..5000, k in 1u64..60) {
            let length = |quality: u8| u64::from(quality) * k + u64::from(quality).pow(2) / 40;
            let mut tries = 0;
            let found = highest(|q| { tries += 1; Ok(vec![0; length(q) as usize]) }, low..=100, most, first).expect("no fault");
            match found {
                Search::Found { quality, .. } => {
                    prop_assert!(length(quality) <= most);
                    prop_assert!(quality == 100 || length(quality + 1) > most);
                }
                Search::TooLong { quality, .. } => prop_assert!(quality == low && length(low) > most),
            }
        }
    }
}
