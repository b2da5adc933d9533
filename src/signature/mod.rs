//! A signature on a photographed or scanned sheet, cut out: clean ink on white, trimmed, level, within a limit of bytes.
//!
//! ```text
//! pixels -> paper (its light without the ink) -> ink (darkness against the paper) -> lines (ruled ones go)
//!        -> group (the strokes that lie together) -> deskew -> render -> file
//! ```
//!
//! The ink is never redrawn: a pixel of the result is the picture's own darkness against its own paper, and white where the
//! ink is not. `docs/signature.md` says how well each step works, and on what.

mod deskew;
mod error;
mod file;
mod group;
pub(crate) mod ink;
mod lines;
pub(crate) mod paper;
mod render;

use image::RgbImage;
use serde::{Deserialize, Serialize};

pub use deskew::SkewBy;
pub use error::SignatureError;
pub use file::FileFormat;
pub use render::Placement;

use crate::limits::Limits;
use crate::photo;
use crate::units::Rect;
use ink::Ink;
use paper::Paper;

/// Longest side of the result in pixels, where no size is asked for.
pub const LONGEST_RESULT: u32 = 800;

/// Limit on the result's bytes, where none is given: 50 KB, as Chongqing's portal has it for what is uploaded.
pub const MOST_BYTES: u64 = 50 << 10;

/// Margin around the ink, as a share of its height.
pub const MARGIN: f64 = 0.12;

/// Longest side of the ink, in pixels of the picture, below which it is not legible.
pub const LEAST_SIDE: f64 = 96.0;

/// The colour of the ink on the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InkColor {
    /// As it is.
    #[default]
    Keep,
    /// Black, with the soft edges kept.
    Black,
}

/// How to cut out a signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The colour of the ink.
    pub ink: InkColor,
    /// Whether a clear tilt is mended.
    pub deskew: bool,
    /// Exact width and height of the result in pixels; the signature is fitted into it. `None`: as large as it is, at most
    /// [`LONGEST_RESULT`].
    pub size: Option<(u32, u32)>,
    /// Limit on the bytes of the file.
    pub max_bytes: u64,
    /// Margin around the ink, as a share of its height.
    pub margin: f64,
    /// Kind of file.
    pub format: FileFormat,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ink: InkColor::default(),
            deskew: true,
            size: None,
            max_bytes: MOST_BYTES,
            margin: MARGIN,
            format: FileFormat::default(),
        }
    }
}

/// What was left out, in connected strokes and lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Dots smaller than the stroke is wide.
    pub specks: usize,
    /// Ruled or printed lines.
    pub lines: usize,
    /// What lies along the edge of the picture or of the paper.
    pub at_edge: usize,
    /// Filled shapes: stamps in dark ink, blots.
    pub blobs: usize,
    /// Strokes too far from the signature to belong to it.
    pub apart: usize,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Box of the signature's ink, in pixels of the upright picture.
    pub bounds: Rect,
    /// Tilt in degrees that was mended, positive when the signature fell to the right.
    pub degrees: f64,
    /// What told the tilt.
    pub skew_by: SkewBy,
    /// Connected strokes of the signature.
    pub strokes: usize,
    /// Width of the stroke in pixels of the picture.
    pub stroke_width: f64,
    /// Share of the paper that ink covers, in percent.
    pub ink_percent: f64,
    /// What was left out.
    pub dropped: Dropped,
}

/// A signature on white.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The pixels.
    pub rgb: RgbImage,
    /// What was found.
    pub found: Found,
    /// Where the pixels lie on the picture.
    pub placement: Placement,
}

/// A file with a signature.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// JPEG quality; `None` for PNG.
    pub quality: Option<u8>,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// What was found.
    pub found: Found,
}

/// The signature of a picture, found and ready to be drawn at any size.
struct Source<'a> {
    picture: &'a RgbImage,
    paper: Paper,
    ink: Ink,
    kept: group::Kept,
    /// Where the kept strokes and their soft edges are.
    near: Vec<bool>,
    found: Found,
}

impl<'a> Source<'a> {
    fn find(picture: &'a RgbImage, options: &Options) -> Result<Self, SignatureError> {
        if f64::from(picture.width().max(picture.height())) < LEAST_SIDE {
            let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
            return Err(SignatureError::TooSmall { width, height, least: LEAST_SIDE });
        }
        let paper = Paper::of(picture)?;
        let mut ink = Ink::of(picture, &paper)?;
        let (lines, ruled) = lines::remove(&mut ink);
        let mut kept = group::heaviest(&ink, &paper)?;
        kept.dropped.lines = lines.len();
        let (degrees, skew_by) =
            if options.deskew { deskew::skew(&kept.pixels, &ink, &lines) } else { (0.0, SkewBy::Nothing) };
        let others = (0..ink.mask.len()).filter(|&at| ink.mask[at] || ruled[at]);
        let near = render::near(&kept, &ink, others);
        let found = Found {
            bounds: group::bounds(&kept, &ink),
            degrees,
            skew_by,
            strokes: kept.strokes,
            stroke_width: kept.stroke_width / ink.scale,
            ink_percent: 100.0 * kept.ink_share,
            dropped: kept.dropped,
        };
        Ok(Self { picture, paper, ink, kept, near, found })
    }

    /// Draws it; `shrink` below 1 makes it smaller than the options ask for, where they name no size.
    fn draw(&self, options: &Options, shrink: f64) -> Result<Signature, SignatureError> {
        let placement = Placement::around(&self.kept, &self.ink, self.found.degrees, options, shrink)?;
        let rgb = render::render(self.picture, &self.paper, &self.ink, &self.near, &placement, options.ink);
        Ok(Signature { rgb, found: self.found, placement })
    }
}

/// Finds the signature on a picture and draws it on white. The limit on bytes is not looked at.
///
/// # Errors
/// When there is no signature, or not one that can be used; the error says why.
pub fn extract(picture: &RgbImage, options: &Options) -> Result<Signature, SignatureError> {
    Source::find(picture, options)?.draw(options, 1.0)
}

/// Makes a file with the signature out of a file with a picture of it.
///
/// # Errors
/// As [`extract`], and when the file cannot be read or no legible result is short enough.
pub fn cut(bytes: &[u8], options: &Options, limits: &Limits) -> Result<Cut, SignatureError> {
    let (facts, picture) = photo::decode(bytes, None, limits);
    let picture = picture?;
    photo::whole(&facts, &picture)?;
    let source = Source::find(&picture.rgb, options)?;
    file::fitted(options, |shrink| source.draw(options, shrink))
}
