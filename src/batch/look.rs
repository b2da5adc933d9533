//! What a photo looks like in few bytes: a thumbnail for reviewers, and a hash that copies of one picture share.

use std::f64::consts::PI;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder};
use serde::{Deserialize, Serialize};

use crate::photo::Photo;
use crate::photo::resize::{FilterType, resized};
use crate::units::Rect;

/// Bits that differ between copies of one picture at most. On the shared portraits, `cargo test --release --test same --
/// --nocapture` prints the distances that this lies between.
pub const SAME_BITS: u32 = 24;

/// Longer side of a thumbnail in pixels.
const THUMBNAIL_SIDE: f64 = 320.0;
/// JPEG quality of a thumbnail.
const THUMBNAIL_QUALITY: u8 = 75;
/// Side of the picture the hash is taken from.
const SIDE: usize = 64;
/// Frequencies kept in each direction.
const KEPT: usize = 16;
/// Standard deviation of 8-bit grey below which a picture is plain, and its hash would be that of its noise.
const PLAIN: f64 = 2.0;

/// Which looks a run wants; what nobody reads is not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Thumbnails.
    pub thumbnail: bool,
    /// Hashes.
    pub hash: bool,
}

/// What a photo looks like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Look {
    /// A small JPEG.
    pub thumbnail: Option<Thumbnail>,
    /// The hash; `None` for a picture without contrast.
    pub hash: Option<Hash>,
}

/// A small JPEG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The file, base64.
    pub jpeg: String,
}

/// A perceptual hash of 256 bits: the signs of the 16 x 16 lowest frequencies of the picture against their median. Eight
/// by eight, the usual size, does not do: portraits before a plain background are as near to each other as copies are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hash([u64; KEPT * KEPT / 64]);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

impl Look {
    /// The look of a photo.
    pub fn of(photo: &Photo, wanted: Wanted) -> Self {
        Self {
            thumbnail: wanted.thumbnail.then(|| Thumbnail::of(&photo.rgb)).flatten(),
            hash: wanted.hash.then(|| Hash::of(&photo.rgb)).flatten(),
        }
    }
}

impl Thumbnail {
    /// `None` for a picture that cannot be made smaller, which none that was decoded is.
    fn of(rgb: &RgbImage) -> Option<Self> {
        let (w, h) = (f64::from(rgb.width()), f64::from(rgb.height()));
        let scale = (THUMBNAIL_SIDE / w.max(h)).min(1.0);
        let side = |length: f64| (length * scale).round().max(1.0) as u16;
        let (width, height) = (side(w), side(h));
        let small = resized(rgb, whole(rgb), (width.into(), height.into()), FilterType::Bilinear)?;
        let mut jpeg = Vec::with_capacity(8192);
        Encoder::new(&mut jpeg, THUMBNAIL_QUALITY).encode(small.as_raw(), width, height, ColorType::Rgb).ok()?;
        Some(Self { width: width.into(), height: height.into(), jpeg: STANDARD.encode(&jpeg) })
    }
}

impl Hash {
    /// The hash of a picture; `None` when it has no contrast.
    pub fn of(rgb: &RgbImage) -> Option<Self> {
        let side = SIDE as u32;
        let small = resized(rgb, whole(rgb), (side, side), FilterType::Bilinear)?;
        let grey: Vec<f64> = small
            .pixels()
            .map(|p| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]))
            .collect();
        let mean = grey.iter().sum::<f64>() / grey.len() as f64;
        let variance = grey.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / grey.len() as f64;
        if variance < PLAIN * PLAIN {
            return None;
        }
        let frequencies = lowest_frequencies(&grey);
        // The first is the mean brightness, which a copy may change.
        let mut sorted = frequencies.get(1..)?.to_vec();
        let (_, median, _) = sorted.select_nth_unstable_by(frequencies.len() / 2 - 1, f64::total_cmp);
        let mut words = [0; KEPT * KEPT / 64];
        for (bit, value) in frequencies.iter().enumerate().skip(1) {
            if value > median {
                words[bit / 64] |= 1 << (bit % 64);
            }
        }
        Some(Self(words))
    }

    /// Bits that differ, 0 to 256.
    pub fn distance(&self, other: &Self) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// Every `step`-th bit from `first` on, as a number. The bits of neighbouring frequencies go together, so those of
    /// one number are taken far apart.
    pub(super) fn every(&self, first: usize, step: usize) -> u64 {
        (first..KEPT * KEPT).step_by(step).fold(0, |bits, bit| bits << 1 | (self.0[bit / 64] >> (bit % 64) & 1))
    }
}

fn whole(rgb: &RgbImage) -> Rect {
    Rect { x: 0.0, y: 0.0, width: rgb.width().into(), height: rgb.height().into() }
}

/// The discrete cosine transform (II) of a square picture, its lowest frequencies only, row by row.
fn lowest_frequencies(grey: &[f64]) -> Vec<f64> {
    let wave: Vec<f64> = (0..KEPT * SIDE)
        .map(|at| ((at / SIDE * (2 * (at % SIDE) + 1)) as f64 * PI / (2 * SIDE) as f64).cos())
        .collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Along the rows first: one line of the result for each horizontal frequency.
    let across: Vec<f64> = wave.chunks(SIDE).flat_map(|wave| grey.chunks(SIDE).map(|row| dot(wave, row))).collect();
    wave.chunks(SIDE).flat_map(|wave| across.chunks(SIDE).map(|column| dot(wave, column))).collect()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn frequencies_are_those_of_the_transform() {
        // A pure wave has its whole energy in one place.
        let grey: Vec<f64> =
            (0..SIDE * SIDE).map(|at| ((2 * (at % SIDE) + 1) as f64 * 3.0 * PI / (2 * SIDE) as f64).cos()).collect();
        let found = lowest_frequencies(&grey);
        let strongest = (0..found.len()).max_by(|a, b| found[*a].abs().total_cmp(&found[*b].abs()));
        assert_eq!(strongest, Some(3));
        assert!((found[3] - (SIDE * SIDE / 2) as f64).abs() < 1e-6);
    }

    #[test]
    fn a_plain_picture_has_no_hash_and_a_thin_one_has_a_thumbnail() {
        let plain = RgbImage::from_pixel(4000, 1, Rgb([9, 9, 9]));
        let photo = Photo { rgb: plain.into(), complete: 1.0 };
        let look = Look::of(&photo, Wanted { thumbnail: true, hash: true });
        assert_eq!(look.hash, None);
        assert_eq!(look.thumbnail.map(|t| (t.width, t.height)), Some((320, 1)));
        assert_eq!(Look::of(&photo, Wanted::default()), Look::default());
    }
}
