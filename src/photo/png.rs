//! PNG, row by row: transparency is laid on white and 16 bits are rounded to 8 as the rows come, so that a photo takes no more
//! memory than its colours.

use std::io::Cursor;

use image::{ColorType, RgbImage};
use png::{BitDepth, DecodingError, Transformations};

use super::color;
use super::container::{Container, within};
use super::decode::{ABSENT, Raster, damaged};
use super::error::DecodeError;
use crate::limits::Limits;

/// Bytes that a PNG's colour profile and texts may unpack to.
pub(super) const METADATA: usize = 16 << 20;

/// Decodes a PNG; rows behind a fault are gray. `None` for an interlaced one, whose rows come in several passes.
///
/// # Errors
/// When no row is there, the photo is beyond `limits`, or its coding is not known.
pub(super) fn decode(bytes: &[u8], container: &mut Container, limits: &Limits) -> Result<Option<Raster>, DecodeError> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: METADATA });
    // Palettes become colours, fewer bits 8, and a transparent colour a channel.
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(refused)?;
    let (width, height) = reader.info().size();
    container.stored_size = Some((width, height));
    if !within((width, height), limits) {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    if width == 0 || height == 0 {
        return Err(damaged("a side of no pixels"));
    }
    container.icc = reader.info().icc_profile.as_deref().map(<[u8]>::to_vec);
    if reader.info().interlaced {
        return Ok(None);
    }
    let (samples, depth) = reader.output_color_type();
    let color = match samples {
        png::ColorType::Grayscale => ColorType::L8,
        png::ColorType::GrayscaleAlpha => ColorType::La8,
        png::ColorType::Rgb => ColorType::Rgb8,
        png::ColorType::Rgba => ColorType::Rgba8,
        png::ColorType::Indexed => return Err(DecodeError::Coding("a palette".to_owned())),
    };
    let pitch = 3 * width as usize;
    let mut rgb = vec![ABSENT; pitch * height as usize];
    let mut line = vec![0; reader.output_line_size(width).ok_or_else(|| damaged("a row that is too long"))?];
    let mut rows = 0;
    let fault = loop {
        match reader.read_row(&mut line) {
            Ok(Some(_)) if rows < height as usize => {
                let samples = if depth == BitDepth::Sixteen { color::reduce_row(&mut line) } else { &line };
                color::rgb_row(samples, color, &mut rgb[rows * pitch..][..pitch]);
                rows += 1;
            }
            Ok(_) => break None,
            Err(error) => break Some(refused(error)),
        }
    };
    match fault {
        Some(error) if rows == 0 => return Err(error),
        None if rows < height as usize => return Err(damaged("rows are missing")),
        _ => {}
    }
    let rgb = RgbImage::from_raw(width, height, rgb).ok_or_else(|| damaged("sizes differ"))?;
    Ok(Some(Raster { rgb, complete: rows as f64 / f64::from(height), faulty: fault.is_some() }))
}

fn refused(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::LimitsExceeded => DecodeError::Coding(error.to_string()),
        other => damaged(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

    use super::super::container;
    use super::*;

    fn picture() -> DynamicImage {
        DynamicImage::ImageRgba8(RgbaImage::from_fn(23, 17, |x, y| {
            Rgba([(x * 11) as u8, (y * 15) as u8, (x * y) as u8, 255 - (x * 9) as u8])
        }))
    }

    fn encoded(picture: &DynamicImage) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, ImageFormat::Png).expect("encodes");
        out.into_inner()
    }

    fn decoded(bytes: &[u8]) -> Result<Option<Raster>, DecodeError> {
        let limits = Limits::default();
        decode(bytes, &mut container::read(bytes, &limits, container::Depth::Data).0, &limits)
    }

    #[test]
    fn rows_are_what_the_whole_picture_is() {
        let rgba = picture();
        for (name, picture) in [
            ("gray", DynamicImage::ImageLuma8(rgba.to_luma8())),
            ("gray, alpha", DynamicImage::ImageLumaA8(rgba.to_luma_alpha8())),
            ("colour", DynamicImage::ImageRgb8(rgba.to_rgb8())),
            ("colour, alpha", rgba.clone()),
            ("gray of 16 bits", DynamicImage::ImageLuma16(rgba.to_luma16())),
            ("gray of 16 bits, alpha", DynamicImage::ImageLumaA16(rgba.to_luma_alpha16())),
            ("colour of 16 bits", DynamicImage::ImageRgb16(rgba.to_rgb16())),
            ("colour of 16 bits, alpha", DynamicImage::ImageRgba16(rgba.to_rgba16())),
        ] {
            let raster = decoded(&encoded(&picture)).expect("decodes").expect("in one pass");
            let whole = color::to_rgb8(picture.as_bytes().to_vec(), picture.color());
            assert_eq!(Some(raster.rgb.into_raw()), whole, "{name}");
            assert!(raster.complete >= 1.0 && !raster.faulty, "{name}");
        }
    }

    #[test]
    fn a_cut_file_has_the_rows_it_has_and_gray_behind() {
        let bytes = encoded(&picture());
        let whole = decoded(&bytes).expect("decodes").expect("in one pass").rgb;
        let pitch = 3 * whole.width() as usize;
        let mut rows = 0.0;
        for n in 0..bytes.len() - 12 {
            let Ok(raster) = decoded(&bytes[..n]) else { continue };
            let raster = raster.expect("in one pass");
            let there = (raster.complete * f64::from(whole.height())).round() as usize;
            assert!(raster.complete >= rows, "{n} bytes have more rows than fewer");
            rows = raster.complete;
            assert_eq!(raster.rgb.as_raw()[..there * pitch], whole.as_raw()[..there * pitch], "{n} bytes");
            assert!(raster.rgb.as_raw()[there * pitch..].iter().all(|&v| v == ABSENT), "{n} bytes");
        }
        assert!(rows > 0.9);
    }

    #[test]
    fn passes_are_left_to_who_puts_them_together() {
        let mut bytes = encoded(&DynamicImage::ImageRgb8(RgbImage::from_pixel(1, 1, image::Rgb([7, 8, 9]))));
        // One pixel is the same in the first of seven passes.
        bytes[28] = 1;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert!(decoded(&bytes).expect("a header").is_none());
        let (_, photo) = super::super::decode(&bytes, None, &Limits::default());
        assert_eq!(photo.expect("decodes").rgb.get_pixel(0, 0).0, [7, 8, 9]);
    }
}
