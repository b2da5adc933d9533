//! How much memory a photo takes while it is decoded, told by its headers: for who works on several at once.

use super::container::{self, Container, Depth, Format, within};
use super::exif::ExifFacts;
use super::segments::{segment, u16_at};
use crate::limits::Limits;

/// Bytes of a pixel of 8-bit RGB.
const RGB: u64 = 3;

/// Bytes of a coefficient, which decoders of JPEG keep when a component comes in several scans.
const COEFFICIENT: u64 = 2;

/// Bytes that decoding `bytes` takes at its peak, besides `bytes` itself, as far as the headers tell; or decoding it and then
/// keeping `copy` bytes a pixel besides, where that is more. 0 for what is not decoded: no photo, or one beyond `limits`.
///
/// The copy of a JPEG is not counted: a large one is decoded at a smaller size before it is copied. Where that does not do (a
/// small person in a large photo) it takes `copy` bytes a pixel more than is said here. Looks at headers alone, so that it takes
/// microseconds; what decoding itself finds out may differ in a hostile file, never by more than the limits allow.
pub fn memory(bytes: &[u8], limits: &Limits, copy: u64) -> u64 {
    if bytes.len() as u64 > limits.max_bytes {
        return 0;
    }
    let (size, peak, turned) = match Format::detect(bytes) {
        Format::Jpeg => {
            let Some(head) = Head::of(bytes) else { return 0 };
            // Coefficients are let go before a picture is turned.
            let kept = if head.at_once { 0.0 } else { COEFFICIENT as f64 * head.samples };
            (head.size, RGB + kept.ceil() as u64, head.turned)
        }
        Format::Heic | Format::Gif | Format::Pdf | Format::Unknown => return 0,
        _ => {
            let (container, _) = container::read(bytes, limits, Depth::Segments);
            let Some(size) = container.stored_size else { return 0 };
            let own = if is_read_by_rows(bytes) { RGB } else { raster(&container) };
            (size, own.max(RGB + copy), container.exif.swaps_sides())
        }
    };
    // A picture is turned on its side into a second one.
    let peak = if turned { peak.max(2 * RGB) } else { peak };
    if within(size, limits) { u64::from(size.0) * u64::from(size.1) * peak } else { 0 }
}

/// What a JPEG tells before its first scan.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Head {
    /// Width and height as stored.
    size: (u32, u32),
    /// Samples of all components a pixel, 1 to 4.
    samples: f64,
    /// Whether the first scan brings all components whole, so that pixels can be made as it comes.
    at_once: bool,
    /// Whether EXIF says that the picture lies on its side.
    turned: bool,
}

impl Head {
    /// Reads up to the first scan. `None` when no scan follows a frame.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (mut at, mut frame, mut turned) = (2, None, false);
        loop {
            let (&byte, &marker) = (bytes.get(at)?, bytes.get(at + 1)?);
            if byte != 0xFF || matches!(marker, 0x00 | 0x01 | 0xD0..=0xD8 | 0xFF) {
                at += 1;
                continue;
            }
            let body = segment(bytes, at + 2)?;
            match marker {
                0xC0..=0xC2 => frame = Some((marker, body)),
                0xE1 => {
                    let exif = body.strip_prefix(b"Exif\0\0").map(ExifFacts::read);
                    turned |= exif.is_some_and(|exif| exif.swaps_sides());
                }
                0xD9 => return None,
                0xDA => break Self::at_scan(frame?, *body.first()?, turned),
                _ => {}
            }
            at += 4 + body.len();
        }
    }

    /// From a frame header (T.81 B.2.2) and the number of components in the first scan.
    fn at_scan((sof, frame): (u8, &[u8]), scanned: u8, turned: bool) -> Option<Self> {
        let factors: Vec<[u8; 2]> = frame.get(6..)?.chunks_exact(3).map(|c| [c[1] >> 4, c[1] & 15]).collect();
        let most = |axis: usize| factors.iter().map(|factor| f64::from(factor[axis])).fold(1.0, f64::max);
        let samples: f64 = factors.iter().map(|&[h, v]| f64::from(h) * f64::from(v)).sum();
        Some(Self {
            size: (u32::from(u16_at(frame, 3)?), u32::from(u16_at(frame, 1)?)),
            samples: samples / most(0) / most(1),
            at_once: sof != 0xC2 && usize::from(scanned) == factors.len(),
            turned,
        })
    }
}

/// Whether a file is a PNG whose rows come in one pass, of which only the colours are kept.
fn is_read_by_rows(bytes: &[u8]) -> bool {
    // The last byte of its first chunk, the header (PNG 11.2.1).
    const INTERLACE: usize = 28;
    Format::detect(bytes) == Format::Png && bytes.get(INTERLACE) == Some(&0)
}

/// Bytes of a pixel in a decoder's hands.
fn raster(container: &Container) -> u64 {
    let channels = u64::from(container.channels.unwrap_or(4)).max(if container.palette { 3 } else { 1 });
    let channels = channels + u64::from(container.has_alpha && matches!(channels, 1 | 3));
    let sample = if container.bit_depth.is_some_and(|bits| bits > 8) { 2 } else { 1 };
    let own = match container.format {
        // These decoders keep a copy of their own: planes, or pixels before their colours are converted.
        Format::Tiff => channels * sample,
        Format::WebP => 4,
        _ => 0,
    };
    (channels * sample + own).max(RGB)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;

    const PIXELS: u64 = 24 * 16;

    fn of(bytes: &[u8]) -> u64 {
        memory(bytes, &Limits::default(), 0)
    }

    fn jpeg(set: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, 90);
        set(&mut encoder);
        encoder.encode(&[99; 3 * PIXELS as usize], 24, 16, ColorType::Rgb).expect("encodes");
        out
    }

    #[test]
    fn a_jpeg_costs_its_pixels_its_coefficients_and_its_turning() {
        assert_eq!(of(&jpeg(|_| ())), 3 * PIXELS);
        assert_eq!(of(&jpeg(|encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_0))), 3 * PIXELS);
        let progressive = jpeg(|encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.set_progressive(true);
        });
        assert_eq!(of(&progressive), 6 * PIXELS, "one and a half samples a pixel");
        let turned = |tag| {
            let block = super::super::exif::block(&[(274, 3, 1, tag)], &[]);
            jpeg(|encoder| encoder.add_exif_metadata(&block).expect("fits"))
        };
        assert_eq!((of(&turned(3)), of(&turned(6))), (3 * PIXELS, 6 * PIXELS));
    }

    #[test]
    fn other_formats_cost_their_samples() {
        let encode = |image: DynamicImage, format| {
            let mut out = Cursor::new(Vec::new());
            image.write_to(&mut out, format).expect("encodes");
            out.into_inner()
        };
        for (image, format, bytes) in [
            (DynamicImage::new_luma8(24, 16), ImageFormat::Png, 3),
            (DynamicImage::new_rgb8(24, 16), ImageFormat::Png, 3),
            (DynamicImage::new_rgba8(24, 16), ImageFormat::Png, 3),
            (DynamicImage::new_rgba16(24, 16), ImageFormat::Png, 3),
            (DynamicImage::new_rgb8(24, 16), ImageFormat::Bmp, 3),
            (DynamicImage::new_rgb8(24, 16), ImageFormat::Tiff, 6),
            (DynamicImage::new_rgb8(24, 16), ImageFormat::WebP, 7),
        ] {
            let file = encode(image, format);
            assert_eq!(of(&file), bytes * PIXELS, "{format:?}");
            assert_eq!(memory(&file, &Limits::default(), 6), 9 * PIXELS, "{format:?}");
        }
        let mut interlaced = encode(DynamicImage::new_rgba8(24, 16), ImageFormat::Png);
        interlaced[28] = 1;
        assert_eq!(of(&interlaced), 4 * PIXELS, "its passes are put together first");
    }

    #[test]
    fn what_is_not_decoded_costs_nothing() {
        let photo = jpeg(|_| ());
        assert_eq!(memory(&photo, &Limits { max_side: 20, ..Limits::default() }, 0), 0);
        assert_eq!(memory(&photo, &Limits { max_bytes: 20, ..Limits::default() }, 0), 0);
        for bytes in [b"".as_slice(), b"hello", b"\xFF\xD8\xFF", b"\0\0\0\x18ftypheic", &photo[..30]] {
            assert_eq!(of(bytes), 0, "{bytes:?}");
        }
    }
}
