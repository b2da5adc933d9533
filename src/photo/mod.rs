//! From bytes to pixels: what the file says of itself, and the upright sRGB photo inside it.
//!
//! [`FileFacts`] come from the file's own markers, before a pixel is decoded; [`Photo`] is the decoded photo with its
//! EXIF orientation applied and its colours converted to sRGB. A file that cannot be decoded still has its facts.

pub(crate) mod bits;
pub mod color;
pub mod container;
pub mod crop;
pub mod decode;
mod entropy;
mod error;
pub mod exif;
mod headers;
mod inverse;
pub mod jpeg;
mod leaps;
mod memory;
pub mod pdf;
mod png;
mod quality;
mod raster;
mod reduced;
pub(crate) mod resample;
pub(crate) mod resize;
mod scaled;
mod scan;
mod segments;
mod sequential;
mod traces;

use std::sync::Arc;

use image::RgbImage;

pub use container::{Container, Density, DensitySource, FileFacts, Format, Integrity};
pub(crate) use decode::Opened;
pub use decode::decode;
pub(crate) use error::whole;
pub use error::{DecodeError, Incomplete};
pub use jpeg::{JpegFacts, QualityEstimate};
pub use memory::memory;

/// A decoded photo: upright, 8-bit sRGB.
#[derive(Debug, Clone)]
pub struct Photo {
    /// The pixels. Original pixels of the [coordinate convention](crate::units). Shared, because the working copy of a small photo
    /// is the photo itself.
    pub rgb: Arc<RgbImage>,
    /// Share of the rows the file holds that were decoded, 1 for a whole photo.
    pub complete: f64,
}

impl Photo {
    /// Width in pixels, after orientation.
    pub fn width(&self) -> u32 {
        self.rgb.width()
    }

    /// Height in pixels, after orientation.
    pub fn height(&self) -> u32 {
        self.rgb.height()
    }

    /// The pixels; copied where they are shared.
    pub fn into_rgb(self) -> RgbImage {
        Arc::unwrap_or_clone(self.rgb)
    }
}
