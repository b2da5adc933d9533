//! Photos of other formats than JPEG: PNG, WebP, BMP, TIFF.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::error::ImageError;
use image::{ImageDecoder, RgbImage};

use super::color;
use super::container::{Container, Format, Stream, within};
use super::decode::{ABSENT, Raster, damaged, isolated};
use super::error::DecodeError;
use super::png;
use crate::limits::Limits;

/// Decodes a photo that is no JPEG; rows that a cut or damaged file does not have are gray.
///
/// # Errors
/// When no row is there, the photo is beyond `limits`, or its coding is not known.
pub(super) fn decode(
    bytes: &[u8],
    container: &mut Container,
    stream: Stream,
    limits: &Limits,
) -> Result<Raster, DecodeError> {
    if container.format == Format::Png
        && let Some(raster) = isolated(|| png::decode(bytes, container, limits)).transpose()
    {
        return raster.map_err(|error| cut(error, stream));
    }
    let first = isolated(|| read_raster(bytes, container, limits, false));
    let result = match first {
        // Only bad files pay for the search of the rows they have.
        Err(DecodeError::Damaged(_)) => isolated(|| read_raster(bytes, container, limits, true)),
        other => other,
    };
    result.map_err(|error| cut(error, stream))
}

/// What does not decode because it ends early is cut, not damaged.
fn cut(error: DecodeError, stream: Stream) -> DecodeError {
    match error {
        DecodeError::Damaged(_) if matches!(stream, Stream::Cut { .. }) => DecodeError::Truncated,
        other => other,
    }
}

/// Decodes with the decoder of the container's format. With `salvage`, a fault in the pixel data leaves the rows before
/// it: rows the decoder did not write are told by a pattern laid down beforehand.
fn read_raster(bytes: &[u8], container: &mut Container, limits: &Limits, salvage: bool) -> Result<Raster, DecodeError> {
    let cursor = Cursor::new(bytes);
    match container.format {
        Format::Png => {
            // This decoder counts what it allocates itself: a row, and metadata that may be compressed bombs.
            let mut budget = budget(limits);
            budget.max_alloc = Some(png::METADATA as u64);
            let decoder = PngDecoder::with_limits(cursor, budget).map_err(refused)?;
            read_with(decoder, container, limits, salvage)
        }
        Format::WebP => read_with(WebPDecoder::new(cursor).map_err(refused)?, container, limits, salvage),
        Format::Bmp => read_with(BmpDecoder::new(cursor).map_err(refused)?, container, limits, salvage),
        Format::Tiff => read_with(TiffDecoder::new(cursor).map_err(refused)?, container, limits, salvage),
        other => Err(DecodeError::Format(other)),
    }
}

/// What a decoder may allocate: the samples and its own working copy.
fn budget(limits: &Limits) -> image::Limits {
    let mut budget = image::Limits::default();
    budget.max_image_width = Some(limits.max_side);
    budget.max_image_height = Some(limits.max_side);
    budget.max_alloc = Some(limits.max_pixels.saturating_mul(2 * SAMPLE_BYTES));
    budget
}

/// Bytes a pixel of the largest photo may take: 16-bit colour is read up to half as many pixels.
const SAMPLE_BYTES: u64 = 4;

fn read_with(
    mut decoder: impl ImageDecoder,
    container: &mut Container,
    limits: &Limits,
    salvage: bool,
) -> Result<Raster, DecodeError> {
    decoder.set_limits(budget(limits)).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    container.stored_size = Some((width, height));
    if !within((width, height), limits) || decoder.total_bytes() > limits.max_pixels.saturating_mul(SAMPLE_BYTES) {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    if width == 0 || height == 0 {
        return Err(damaged("a side of no pixels"));
    }
    // The one profile that is stored compressed; the others were read with the headers.
    if container.format == Format::Png {
        container.icc = decoder.icc_profile().ok().flatten();
    }
    let color = decoder.color_type();
    // Inside the limits just tested, so it fits. Gray gets room for the colours it is turned into, in the same place.
    let stored = decoder.total_bytes() as usize;
    let mut samples = Vec::with_capacity(stored.max(3 * width as usize * height as usize));
    samples.resize(stored, 0);
    if salvage {
        samples.iter_mut().enumerate().for_each(|(at, sample)| *sample = mark(at));
    }
    let row = samples.len() / height as usize;
    let fault = decoder.read_image(&mut samples).err();
    let absent = match fault {
        None => Vec::new(),
        Some(error) if !salvage => return Err(refused(error)),
        Some(error) => {
            let absent = unwritten(&samples, row);
            if absent.len() == height as usize {
                return Err(refused(error));
            }
            absent
        }
    };
    let mut rgb = color::to_rgb8(samples, color).ok_or_else(|| DecodeError::Coding(format!("{color:?} samples")))?;
    let row = 3 * width as usize;
    for &at in &absent {
        rgb[at * row..(at + 1) * row].fill(ABSENT);
    }
    let rgb = RgbImage::from_raw(width, height, rgb).ok_or_else(|| damaged("sizes differ"))?;
    let complete = 1.0 - absent.len() as f64 / f64::from(height);
    Ok(Raster { rgb, complete, faulty: salvage })
}

/// A byte no photo is likely to have at `at` in sixteen neighbouring places.
fn mark(at: usize) -> u8 {
    ((at as u32).wrapping_mul(0x9E37_79B9) >> 21) as u8
}

/// The rows whose last bytes still bear the mark.
fn unwritten(samples: &[u8], row: usize) -> Vec<usize> {
    let marked = |(y, bytes): &(usize, &[u8])| {
        let from = row.saturating_sub(16);
        bytes[from..].iter().enumerate().all(|(at, &byte)| byte == mark(y * row + from + at))
    };
    samples.chunks_exact(row).enumerate().filter(marked).map(|(y, _)| y).collect()
}

fn refused(error: ImageError) -> DecodeError {
    match error {
        ImageError::Unsupported(why) => DecodeError::Coding(why.to_string()),
        ImageError::Limits(why) => DecodeError::Coding(why.to_string()),
        other => damaged(&other.to_string()),
    }
}
