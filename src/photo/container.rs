//! What a file says of itself: format, size, density, compression, metadata, and whether it is whole.

use super::exif::ExifFacts;
use super::headers;
use super::jpeg::{self, JpegFacts};
use super::pdf::{self, PdfFacts};
use crate::limits::Limits;

/// Image format by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG (ITU-T T.81).
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// TIFF.
    Tiff,
    /// HEIC / HEIF / AVIF: recognised, not decoded.
    Heic,
    /// GIF: recognised, not decoded.
    Gif,
    /// PDF: recognised, not decoded.
    Pdf,
    /// Nothing we know.
    Unknown,
}

/// Where a density was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DensitySource {
    /// JFIF APP0.
    Jfif,
    /// EXIF 282/283/296.
    Exif,
    /// PNG pHYs, BMP header or TIFF tags.
    Header,
}

/// Stated density, converted to dots per inch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Density {
    /// Horizontal, dots per inch.
    pub x: f64,
    /// Vertical, dots per inch.
    pub y: f64,
    /// Where it was read.
    pub source: DensitySource,
}

/// Whether the file is whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Integrity {
    /// Decodes to the last line, markers well formed.
    Whole,
    /// The data end early; the share of the rows that is missing, 0 to 1.
    Truncated {
        /// Missing share of rows.
        missing: f64,
    },
    /// Markers or entropy-coded data are malformed.
    Damaged,
    /// Nothing could be decoded.
    Undecodable,
    /// Larger than the [limits](crate::limits::Limits) allow; not decoded.
    TooLarge,
    /// The file has no bytes.
    Empty,
}

/// What the container says.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// Format by content.
    pub format: Format,
    /// Width and height as stored, before orientation.
    pub stored_size: Option<(u32, u32)>,
    /// Bits per sample.
    pub bit_depth: Option<u8>,
    /// Channels as stored: 1 gray, 2 gray with alpha, 3 colour (a palette's colours too), 4 CMYK or colour with alpha.
    pub channels: Option<u8>,
    /// Whether the pixels are indices into a palette; `bit_depth` is then the width of an index.
    pub palette: bool,
    /// Whether the file has an alpha channel or transparency.
    pub has_alpha: bool,
    /// Density, when stated.
    pub density: Option<Density>,
    /// JPEG facts.
    pub jpeg: Option<JpegFacts>,
    /// PDF facts.
    pub pdf: Option<PdfFacts>,
    /// EXIF.
    pub exif: ExifFacts,
    /// Embedded ICC profile.
    pub icc: Option<Vec<u8>>,
    /// Bytes after the end of the image.
    pub trailing_bytes: u64,
    /// Images in the file: TIFF pages, frames of an animation. Previews behind a JPEG are trailing bytes.
    pub images: u32,
}

/// All facts of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFacts {
    /// Name the caller gave, without folders.
    pub name: Option<String>,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// The container.
    pub container: Container,
    /// Whether the file is whole, as found by decoding it.
    pub integrity: Integrity,
}

impl Format {
    /// Stable lower-case name, as in reports and profiles.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::WebP => "webp",
            Format::Bmp => "bmp",
            Format::Tiff => "tiff",
            Format::Heic => "heic",
            Format::Gif => "gif",
            Format::Pdf => "pdf",
            Format::Unknown => "unknown",
        }
    }

    /// The format of `bytes` by its signature.
    pub fn detect(bytes: &[u8]) -> Self {
        let brand = || bytes.get(8..12).unwrap_or_default();
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Format::Jpeg,
            [0x89, b'P', b'N', b'G', ..] => Format::Png,
            [b'R', b'I', b'F', b'F', ..] if brand() == b"WEBP" => Format::WebP,
            // "BM" begins many a text; a known length of the second header tells a bitmap.
            [b'B', b'M', ..] if matches!(bytes.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])) => {
                Format::Bmp
            }
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Format::Tiff,
            [_, _, _, _, b'f', b't', b'y', b'p', ..]
                if [b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"]
                    .iter()
                    .any(|known| brand() == *known) =>
            {
                Format::Heic
            }
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Format::Gif,
            [b'%', b'P', b'D', b'F', b'-', ..] => Format::Pdf,
            _ => Format::Unknown,
        }
    }

    /// Whether [`decode`](super::decode()) makes pixels of it.
    pub fn is_decoded(self) -> bool {
        matches!(self, Format::Jpeg | Format::Png | Format::WebP | Format::Bmp | Format::Tiff)
    }
}

/// What the container tells of the pixel data before they are decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stream {
    /// All there, as far as the container can tell.
    Sound,
    /// The file ends early; the share of the image that is there, where the container tells it.
    Cut {
        /// 0 to 1.
        share: Option<f64>,
    },
    /// Malformed; the share of the image that can be trusted.
    Damaged {
        /// 0 to 1.
        share: f64,
    },
}

/// Whether a size is inside the limits.
pub(super) fn within((width, height): (u32, u32), limits: &Limits) -> bool {
    width.max(height) <= limits.max_side && u64::from(width) * u64::from(height) <= limits.max_pixels
}

/// How far a JPEG is looked at before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Depth {
    /// Through the entropy-coded data, to see how much of the image there is.
    #[default]
    Data,
    /// At its segments: a file whose markers are in order passes for sound.
    Segments,
}

/// Reads what the container says, without decoding.
pub(super) fn read(bytes: &[u8], limits: &Limits, depth: Depth) -> (Container, Stream) {
    let mut container = Container::new(Format::detect(bytes));
    let stream = match container.format {
        Format::Jpeg => read_jpeg(&mut container, bytes, limits, depth),
        Format::Png => headers::png(&mut container, bytes),
        Format::WebP => headers::webp(&mut container, bytes),
        Format::Bmp => headers::bmp(&mut container, bytes),
        Format::Tiff => headers::tiff(&mut container, bytes),
        Format::Pdf => {
            // A file above the limit is not read.
            container.pdf = (bytes.len() as u64 <= limits.max_bytes).then(|| pdf::read(bytes));
            Stream::Sound
        }
        Format::Heic | Format::Gif | Format::Unknown => Stream::Sound,
    };
    (container, stream)
}

fn read_jpeg(container: &mut Container, bytes: &[u8], limits: &Limits, depth: Depth) -> Stream {
    let survey = jpeg::survey(bytes, limits, depth);
    container.stored_size = survey.size;
    container.bit_depth = survey.facts.as_ref().map(|facts| facts.precision);
    container.channels = survey.facts.as_ref().map(|facts| facts.sampling.len() as u8);
    container.density = survey.density;
    container.read_exif(survey.exif);
    container.icc = survey.icc;
    container.trailing_bytes = survey.trailing;
    container.jpeg = survey.facts;
    survey.stream
}

impl Container {
    /// A container of which nothing is known but its format.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            stored_size: None,
            bit_depth: None,
            channels: None,
            palette: false,
            has_alpha: false,
            density: None,
            jpeg: None,
            pdf: None,
            exif: ExifFacts::default(),
            icc: None,
            trailing_bytes: 0,
            images: 1,
        }
    }

    /// Takes in an EXIF block; its density counts where the container states none itself.
    pub(super) fn read_exif(&mut self, block: Option<&[u8]>) {
        let Some(block) = block else { return };
        self.exif = ExifFacts::read(block);
        let density = self.exif.density.map(|(x, y)| Density { x, y, source: DensitySource::Exif });
        self.density = self.density.or(density);
    }

    /// Width and height after EXIF orientation.
    pub fn upright_size(&self) -> Option<(u32, u32)> {
        let (w, h) = self.stored_size?;
        Some(if self.exif.swaps_sides() { (h, w) } else { (w, h) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        let cases: [(&[u8], Format); 10] = [
            (b"\xFF\xD8\xFF\xE0", Format::Jpeg),
            (b"\x89PNG\r\n\x1A\n", Format::Png),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::WebP),
            (b"II*\0\x08\0\0\0", Format::Tiff),
            (b"\0\0\0\x18ftypheic", Format::Heic),
            (b"GIF89a", Format::Gif),
            (b"%PDF-1.7", Format::Pdf),
            (b"BM is how this text begins", Format::Unknown),
            (b"PK\x03\x04", Format::Unknown),
            (b"", Format::Unknown),
        ];
        for (bytes, format) in cases {
            assert_eq!(Format::detect(bytes), format, "{bytes:?}");
        }
    }

    #[test]
    fn orientation_turns_the_size() {
        let mut container = Container::new(Format::Jpeg);
        container.stored_size = Some((640, 480));
        container.exif.orientation = Some(6);
        assert_eq!(container.upright_size(), Some((480, 640)));
        container.exif.orientation = Some(3);
        assert_eq!(container.upright_size(), Some((640, 480)));
    }
}
