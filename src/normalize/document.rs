//! A picture of a document within a limit of bytes: whole, upright, as large and as good as fits, and still legible.

use image::RgbImage;

use super::error::NormalizeError;
use super::fit::{self, Demand, Fitted};
use super::{Background, Made, Options, actions, demand};
use crate::limits::Limits;
use crate::measure::document;
use crate::photo::resize::{FilterType, resized};
use crate::photo::{self, FileFacts, Format, Photo};
use crate::profile::{Operation, Profile};
use crate::units::Rect;

/// JPEG qualities of a document where the profile names none: below, blocks gather around the strokes; above, the file only
/// grows.
const QUALITY: [u8; 2] = [60, 95];

/// Factor from one size to the next, and the number of sizes: down to a twentieth.
const STEP: f64 = 0.93;
const SIZES: u32 = 42;

/// Bits that a pixel of a document takes at about the lowest quality: where the search begins.
const BITS: f64 = 0.8;

/// Share of its legibility that a picture that was hard to read before keeps at least.
const KEPT: f64 = 0.9;

/// Share of the profile's limit below which text is lost. Between the two the result is made and its report warns: coding
/// rings around strokes, which the measure takes for noise, and a person has to look.
const LOST: f64 = 0.6;

/// Refuses what documents never have done to them, and files that are no pictures.
///
/// # Errors
/// [`NormalizeError::Forbidden`] or [`NormalizeError::Pdf`].
pub(crate) fn admit(file: &FileFacts, profile: &Profile, options: &Options) -> Result<(), NormalizeError> {
    let forbidden = |what| NormalizeError::Forbidden { what, profile: profile.id.clone() };
    if options.background != Background::Keep {
        return Err(forbidden(Operation::Background));
    }
    if options.rotate {
        return Err(forbidden(Operation::Rotate));
    }
    if file.container.format == Format::Pdf { Err(NormalizeError::Pdf) } else { Ok(()) }
}

/// The largest size at which a file of good quality fits, at the highest quality that fits there. Nothing is cropped.
///
/// # Errors
/// [`NormalizeError::Illegible`] when the text would not stay legible, [`NormalizeError::Bytes`] when nothing fits.
pub(crate) fn made(file: &FileFacts, photo: &Photo, profile: &Profile) -> Result<Made, NormalizeError> {
    let mut demand = demand(profile, file);
    if profile.rule("file.jpeg-quality").is_none() {
        demand.quality = QUALITY[0]..=QUALITY[1];
    }
    let (rgb, fitted) = fitted(&photo.rgb, &demand)?;
    stays_legible(&photo.rgb, &fitted.jpeg, profile)?;
    let container = &file.container;
    let mut done = Vec::new();
    done.extend(container.exif.orientation.filter(|&tag| tag > 1).map(|_| actions::orient()));
    done.extend(container.icc.is_some().then(actions::to_srgb));
    done.extend(actions::reduce((photo.width(), photo.height()), rgb.dimensions()));
    done.push(actions::encode(fitted.quality, fitted.full_color, fitted.jpeg.len()));
    done.push(actions::label(demand.dpi));
    Ok(Made { jpeg: fitted.jpeg, actions: done, plan: None, new_background: false })
}

fn fitted(rgb: &RgbImage, demand: &Demand) -> Result<(RgbImage, Fitted), NormalizeError> {
    let pixels = f64::from(rgb.width()) * f64::from(rgb.height());
    let guess = *demand.bytes.end() as f64 * 8.0 / BITS;
    let mut next = ((guess / pixels).sqrt().ln() / STEP.ln()).ceil().clamp(0.0, f64::from(SIZES - 1)) as u32;
    // The first size that fits lies at `low` or above; at `high` it was found, or there is none.
    let (mut low, mut high) = (0, SIZES);
    let mut best = None;
    let mut refused = NormalizeError::Internal("no size was tried".to_owned());
    while low < high {
        let at = next.clamp(low, high - 1);
        let smaller = reduced(rgb, STEP.powi(at as i32))?;
        match fit::fit(&smaller, demand) {
            Ok(fitted) => {
                best = Some((smaller, fitted));
                high = at;
            }
            Err(error @ NormalizeError::Bytes { .. }) => {
                refused = error;
                low = at + 1;
            }
            Err(error) => return Err(error),
        }
        next = u32::midpoint(low, high);
    }
    best.ok_or(refused)
}

fn reduced(rgb: &RgbImage, scale: f64) -> Result<RgbImage, NormalizeError> {
    let (width, height) = (f64::from(rgb.width()), f64::from(rgb.height()));
    if scale >= 1.0 {
        return Ok(rgb.clone());
    }
    let side = |n: f64| (n * scale).round().max(1.0) as u32;
    let whole = Rect::from_edges(0.0, 0.0, width, height);
    resized(rgb, whole, (side(width), side(height)), FilterType::Lanczos3)
        .ok_or_else(|| NormalizeError::Internal("no smaller picture".to_owned()))
}

/// Compares the text before and after. Where no text was found before, there is nothing to lose that could be told.
fn stays_legible(before: &RgbImage, after: &[u8], profile: &Profile) -> Result<(), NormalizeError> {
    let least = profile.rule("document.legibility").and_then(|rule| rule.warn.min.or(rule.fail.min));
    let (Some(least), Some(before)) = (least, document::look(before).text) else { return Ok(()) };
    let (_, after) = photo::decode(after, None, &Limits::default());
    let steps = document::look(&after?.rgb).text.map_or(0.0, |text| text.steps);
    let least = LOST * least;
    if steps >= least || steps >= KEPT * before.steps {
        return Ok(());
    }
    Err(NormalizeError::Illegible { steps, least })
}
