//! The file: the highest quality that fits the limit, and a smaller picture only where no quality does.

use std::io::Cursor;

use image::ImageFormat;

use super::{Cut, Options, Signature, SignatureError};
use crate::normalize::fitted_jpeg;

/// Kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileFormat {
    /// JPEG, at the highest quality that fits.
    #[default]
    Jpeg,
    /// PNG.
    Png,
}

impl FileFormat {
    /// The format that a file's name asks for by its ending.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}

/// JPEG qualities that leave no rims around the ink; more than the upper one only costs bytes.
const QUALITY: std::ops::RangeInclusive<u8> = 60..=95;

/// Dots per inch that are written: those of the registries' photos.
const DPI: u16 = 300;

/// Factor by which the picture shrinks from one try to the next, and the number of tries: down to a third.
const SHRINK: f64 = 0.8;
const TRIES: u32 = 6;

/// Draws and codes a signature within the limit.
///
/// # Errors
/// [`SignatureError::Bytes`] when even the smallest is too long.
pub(super) fn fitted(
    options: &Options,
    draw: impl Fn(f64) -> Result<Signature, SignatureError>,
) -> Result<Cut, SignatureError> {
    // A size that is asked for is not changed.
    let tries = if options.size.is_some() { 1 } else { TRIES };
    let mut last = SignatureError::Internal("no size was tried".to_owned());
    for attempt in 0..tries {
        let signature = draw(SHRINK.powi(attempt as i32))?;
        match coded(&signature, options) {
            Err(error @ SignatureError::Bytes { .. }) => last = error,
            Err(error) => return Err(error),
            Ok((bytes, quality)) => {
                return Ok(Cut { bytes, quality, size: signature.rgb.dimensions(), found: signature.found });
            }
        }
    }
    Err(last)
}

fn coded(signature: &Signature, options: &Options) -> Result<(Vec<u8>, Option<u8>), SignatureError> {
    let limit = options.max_bytes;
    match options.format {
        FileFormat::Jpeg => {
            let (bytes, quality) = fitted_jpeg(&signature.rgb, 0..=limit, QUALITY, DPI)?;
            Ok((bytes, Some(quality)))
        }
        FileFormat::Png => {
            let mut bytes = Vec::new();
            let written = signature.rgb.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png);
            written.map_err(|error| SignatureError::Internal(format!("encoding: {error}")))?;
            let length = bytes.len() as u64;
            if length > limit { Err(SignatureError::Bytes { bytes: length, limit }) } else { Ok((bytes, None)) }
        }
    }
}
