//! Whole JPEGs decoded at their size or, where they are large, at a part of it. What is not decoded here is decoded by
//! [`decode`](super::decode).

use image::RgbImage;

use super::container::Stream;
use super::decode::{Opened, admit, damaged, finished, isolated};
use super::error::DecodeError;
use super::{Photo, scaled};
use crate::limits::Limits;

impl Opened<'_> {
    /// Decodes the photo at a half, a quarter or an eighth of its size, the smallest that has at least `least` pixels (width,
    /// height, upright). Returns the pixels of the file per pixel of the photo. `None` where the photo is too small for that,
    /// or is no whole JPEG in grey or colour.
    pub(crate) fn reduced(&mut self, least: (f64, f64), limits: &Limits) -> Option<(Photo, u32)> {
        let factor = self.factor(least, limits)?;
        let stored = self.facts.container.stored_size?;
        let rgb = match scaled::decode(self.bytes, stored, factor) {
            Some(rgb) => rgb,
            None => {
                // The library says nothing of damage.
                self.walk(limits);
                self.factor(least, limits)?;
                isolated(|| reduced_jpeg(self.bytes, stored, factor)).ok()?
            }
        };
        Some((finished(rgb, 1.0, &self.facts.container), factor))
    }

    /// Decodes the photo at its size, where it is a whole JPEG of the common kind. It needs no walk through the stream before.
    pub(super) fn common(&self, limits: &Limits) -> Option<Photo> {
        if !self.is_sound_jpeg(limits) {
            return None;
        }
        let container = &self.facts.container;
        let rgb = scaled::decode(self.bytes, container.stored_size?, 1)?;
        Some(finished(rgb, 1.0, container))
    }

    /// Whether this is a JPEG within the limits that passes for whole so far.
    fn is_sound_jpeg(&self, limits: &Limits) -> bool {
        let container = &self.facts.container;
        let common = container.jpeg.as_ref().is_some_and(|facts| facts.is_common() && facts.precision == 8);
        common && self.stream == Stream::Sound && admit(self.bytes, container, limits).is_ok()
    }

    /// The part of its size the photo can be decoded at.
    fn factor(&self, least: (f64, f64), limits: &Limits) -> Option<u32> {
        if !self.is_sound_jpeg(limits) {
            return None;
        }
        let upright_size = self.facts.container.upright_size()?;
        let enough = |n: u32, factor: u32, least: f64| f64::from(n / factor) >= least;
        [8, 4, 2]
            .into_iter()
            .find(|&factor| enough(upright_size.0, factor, least.0) && enough(upright_size.1, factor, least.1))
    }
}

/// Decodes any JPEG at one part in `factor` of its size, 2, 4 or 8: by the lowest frequencies of its blocks, which are the means
/// of as many pixels.
fn reduced_jpeg(bytes: &[u8], (width, height): (u32, u32), factor: u32) -> Result<RgbImage, DecodeError> {
    let fault = |error: jpeg_decoder::Error| damaged(&error.to_string());
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let side = |n: u32| u16::try_from(n.div_ceil(factor)).map_err(|_| damaged("a side beyond 65535 pixels"));
    let (width, height) = decoder.scale(side(width)?, side(height)?).map_err(fault)?;
    let samples = decoder.decode().map_err(fault)?;
    let rgb = match decoder.info().map(|info| info.pixel_format) {
        Some(jpeg_decoder::PixelFormat::RGB24) => samples,
        Some(jpeg_decoder::PixelFormat::L8) => samples.into_iter().flat_map(|value| [value; 3]).collect(),
        _ => return Err(DecodeError::Coding("neither grey nor colour of three components".to_owned())),
    };
    RgbImage::from_raw(width.into(), height.into(), rgb).ok_or_else(|| damaged("sizes differ"))
}
