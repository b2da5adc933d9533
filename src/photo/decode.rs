//! Decoding within limits: upright 8-bit sRGB, or a typed reason why not.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use sha2::{Digest, Sha256};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::container::{self, Container, Depth, Format, Stream, within};
use super::error::DecodeError;
use super::{FileFacts, Integrity, Photo, color, jpeg, raster};
use crate::limits::Limits;

/// Gray that stands for pixels the file does not have.
pub(super) const ABSENT: u8 = 128;

/// Reads the facts of `bytes` and decodes the photo inside.
///
/// The facts are there for every input. `name` is the file's name without folders, when it has one. A photo that is cut
/// or damaged is still decoded as far as it goes; [`Photo::complete`] is then below 1 and the rest is gray.
///
/// # Errors
/// The pixels are an error when there are none, or more than `limits` allow.
pub fn decode(bytes: &[u8], name: Option<&str>, limits: &Limits) -> (FileFacts, Result<Photo, DecodeError>) {
    Opened::by_headers(bytes, name, limits).decode(limits)
}

/// A file of which all was read but the pixels.
pub(crate) struct Opened<'a> {
    pub(super) bytes: &'a [u8],
    /// Integrity is that of the stream: whether the pixels decode is not known yet.
    pub(super) facts: FileFacts,
    pub(super) stream: Stream,
    pub(super) depth: Depth,
}

impl<'a> Opened<'a> {
    /// Reads headers: for who means to decode the photo, which mostly walks through the stream itself.
    pub(crate) fn by_headers(bytes: &'a [u8], name: Option<&str>, limits: &Limits) -> Self {
        let (container, stream) = container::read(bytes, limits, Depth::Segments);
        let facts = FileFacts {
            name: name.map(str::to_owned),
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(bytes)),
            container,
            integrity: stream.integrity(),
        };
        Self { bytes, facts, stream, depth: Depth::Segments }
    }

    /// Walks through the stream, where that was not done yet.
    pub(super) fn walk(&mut self, limits: &Limits) {
        if self.depth != Depth::Data {
            (self.facts.container, self.stream) = container::read(self.bytes, limits, Depth::Data);
            (self.facts.integrity, self.depth) = (self.stream.integrity(), Depth::Data);
        }
    }

    /// What the file says of itself.
    pub(crate) fn facts(&self) -> &FileFacts {
        &self.facts
    }

    /// Decodes the photo.
    ///
    /// # Errors
    /// The pixels are an error when there are none, or more than `limits` allow.
    pub(crate) fn decode(mut self, limits: &Limits) -> (FileFacts, Result<Photo, DecodeError>) {
        if let Some(photo) = self.common(limits) {
            return (self.facts, Ok(photo));
        }
        self.walk(limits);
        let (integrity, photo) = pixels(self.bytes, &mut self.facts.container, self.stream, limits);
        self.facts.integrity = integrity;
        (self.facts, photo)
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(2 * digest.len()), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Decodes, turns upright, converts to sRGB.
fn pixels(
    bytes: &[u8],
    container: &mut Container,
    stream: Stream,
    limits: &Limits,
) -> (Integrity, Result<Photo, DecodeError>) {
    if let Err((integrity, error)) = admit(bytes, container, limits) {
        return (integrity, Err(error));
    }
    let raster = if container.format == Format::Jpeg {
        decode_jpeg(bytes, container, stream)
    } else {
        raster::decode(bytes, container, stream, limits)
    };
    let integrity = integrity(stream, &raster);
    let photo = raster.map(|Raster { rgb, complete, .. }| finished(rgb, complete, container));
    (integrity, photo)
}

/// The photo of the pixels that are stored: in sRGB, upright.
pub(super) fn finished(mut rgb: RgbImage, complete: f64, container: &Container) -> Photo {
    if let Some(icc) = container.icc.as_deref() {
        color::to_srgb(&mut rgb, icc);
    }
    Photo { rgb: upright(rgb, container.exif.orientation).into(), complete }
}

/// Turns away what is not to be decoded, by headers alone.
pub(super) fn admit(bytes: &[u8], container: &Container, limits: &Limits) -> Result<(), (Integrity, DecodeError)> {
    let length = bytes.len() as u64;
    if length == 0 {
        return Err((Integrity::Empty, DecodeError::Empty));
    }
    if length > limits.max_bytes {
        return Err((Integrity::TooLarge, DecodeError::TooManyBytes { bytes: length, max: limits.max_bytes }));
    }
    if !container.format.is_decoded() {
        return Err((Integrity::Undecodable, DecodeError::Format(container.format)));
    }
    match container.stored_size {
        Some((width, height)) if !within((width, height), limits) => {
            Err((Integrity::TooLarge, DecodeError::TooManyPixels { width, height }))
        }
        _ => Ok(()),
    }
}

/// Pixels as stored, before orientation and colour management.
pub(super) struct Raster {
    pub rgb: RgbImage,
    /// Share of the rows that is there.
    pub complete: f64,
    /// Whether the decoder met a fault.
    pub faulty: bool,
}

impl Stream {
    /// What it says of a file whose pixels were not decoded yet.
    fn integrity(self) -> Integrity {
        if self == Self::Sound { Integrity::Whole } else { Integrity::Damaged }
    }
}

fn integrity(stream: Stream, raster: &Result<Raster, DecodeError>) -> Integrity {
    match (stream, raster) {
        (_, Err(DecodeError::TooManyPixels { .. })) => Integrity::TooLarge,
        (Stream::Cut { .. }, Ok(raster)) => Integrity::Truncated { missing: 1.0 - raster.complete },
        (Stream::Cut { .. }, Err(_)) => Integrity::Truncated { missing: 1.0 },
        (Stream::Damaged { .. }, Ok(_)) => Integrity::Damaged,
        (Stream::Sound, Ok(raster)) if raster.faulty => Integrity::Damaged,
        (Stream::Sound, Ok(_)) => Integrity::Whole,
        (Stream::Sound | Stream::Damaged { .. }, Err(_)) => Integrity::Undecodable,
    }
}

/// Applies the EXIF orientation.
fn upright(rgb: RgbImage, orientation: Option<u16>) -> RgbImage {
    let orientation = orientation.and_then(|tag| Orientation::from_exif(u8::try_from(tag).ok()?));
    match orientation {
        None | Some(Orientation::NoTransforms) => rgb,
        Some(orientation) => {
            let mut image = DynamicImage::ImageRgb8(rgb);
            image.apply_orientation(orientation);
            image.into_rgb8()
        }
    }
}

/// Runs a decoder that may panic on hostile input.
pub(super) fn isolated<T>(decoder: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    catch_unwind(AssertUnwindSafe(decoder))
        .unwrap_or_else(|_| Err(DecodeError::Damaged("the decoder gave up".to_owned())))
}

fn decode_jpeg(bytes: &[u8], container: &Container, stream: Stream) -> Result<Raster, DecodeError> {
    let (share, sound) = match stream {
        Stream::Sound => (1.0, true),
        Stream::Cut { share } => (share.unwrap_or(0.0), false),
        Stream::Damaged { share } => (share, false),
    };
    let Some(((width, height), facts)) = container.stored_size.zip(container.jpeg.as_ref()) else {
        return Err(if sound { damaged("no frame header") } else { nothing_there(stream) });
    };
    if !facts.is_common() {
        return Err(DecodeError::Coding(format!("start of frame {:02X}", facts.sof)));
    }
    if facts.precision != 8 {
        return Err(DecodeError::Coding(format!("{} bits a sample", facts.precision)));
    }
    if share <= 0.0 {
        return Err(nothing_there(stream));
    }
    // Rows the decoder does not reach stay gray, also when it stops with an error. There are none where all of it is there.
    let ground = if sound { 0 } else { ABSENT };
    let mut samples = vec![ground; 3 * width as usize * height as usize];
    let decoded = isolated(|| {
        let options = DecoderOptions::default()
            .jpeg_set_out_colorspace(ColorSpace::RGB)
            .jpeg_set_max_scans(jpeg::MAX_SCANS)
            .set_max_width(width as usize)
            .set_max_height(height as usize)
            .set_strict_mode(false);
        JpegDecoder::new_with_options(ZCursor::new(bytes), options)
            .decode_into(&mut samples)
            .map_err(|error| damaged(&error.to_string()))
    });
    match decoded {
        // All the data are there and still it does not decode: the coding is one the decoder does not know.
        Err(DecodeError::Damaged(why)) if sound => return Err(DecodeError::Coding(why)),
        _ => {}
    }
    let rgb = RgbImage::from_raw(width, height, samples).ok_or_else(|| damaged("sizes differ"))?;
    Ok(Raster { rgb, complete: share, faulty: decoded.is_err() })
}

pub(super) fn damaged(why: &str) -> DecodeError {
    DecodeError::Damaged(why.to_owned())
}

fn nothing_there(stream: Stream) -> DecodeError {
    match stream {
        Stream::Cut { .. } => DecodeError::Truncated,
        _ => damaged("no image data"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use std::io::Cursor;

    use image::{ImageFormat, Rgb};

    use super::*;

    /// A photo whose corners and sides all differ.
    fn sample() -> RgbImage {
        RgbImage::from_fn(24, 16, |x, y| Rgb([(x * 10) as u8, (y * 15) as u8, if x < 4 && y < 4 { 255 } else { 40 }]))
    }

    fn encode(photo: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        photo.write_to(&mut out, format).expect("encodes");
        out.into_inner()
    }

    fn jpeg(photo: &RgbImage, exif: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut out, 100);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
        if let Some(exif) = exif {
            encoder.add_exif_metadata(exif).expect("fits");
        }
        let (width, height) = (photo.width() as u16, photo.height() as u16);
        encoder.encode(photo, width, height, jpeg_encoder::ColorType::Rgb).expect("encodes");
        out
    }

    fn read(bytes: &[u8]) -> (FileFacts, Result<Photo, DecodeError>) {
        decode(bytes, None, &Limits::default())
    }

    fn assert_near(a: &RgbImage, b: &RgbImage) {
        assert_eq!(a.dimensions(), b.dimensions());
        let worst = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(6), "differs by {worst:?}");
    }

    #[test]
    fn every_format_gives_its_pixels() {
        for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP] {
            let (facts, photo) = read(&encode(&sample(), format));
            assert_eq!(facts.integrity, Integrity::Whole, "{format:?}");
            assert_eq!(facts.container.stored_size, Some((24, 16)), "{format:?}");
            assert_eq!(*photo.expect("decodes").rgb, sample(), "{format:?}");
        }
        let (facts, photo) = read(&jpeg(&sample(), None));
        assert_eq!(facts.integrity, Integrity::Whole);
        assert_near(&photo.expect("decodes").rgb, &sample());
    }

    #[test]
    fn all_eight_orientations_are_applied() {
        use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
        let shown = sample();
        // What a camera stores, so that the orientation brings `shown` back.
        let stored = [
            shown.clone(),
            flip_horizontal(&shown),
            rotate180(&shown),
            flip_vertical(&shown),
            flip_horizontal(&rotate90(&shown)),
            rotate270(&shown),
            flip_horizontal(&rotate270(&shown)),
            rotate90(&shown),
        ];
        for (tag, stored) in (1u16..).zip(&stored) {
            let block = super::super::exif::block(&[(274, 3, 1, u32::from(tag))], &[]);
            let (facts, photo) = read(&jpeg(stored, Some(&block)));
            assert_eq!(facts.container.exif.orientation, Some(tag));
            assert_eq!(facts.container.upright_size(), Some((24, 16)), "orientation {tag}");
            assert_near(&photo.expect("decodes").rgb, &shown);
        }
    }

    #[test]
    fn what_is_left_of_a_cut_photo_is_kept() {
        let noisy = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y * 7) as u8, (x * 31 + y * 17) as u8, (x ^ y) as u8]));
        for bytes in [jpeg(&noisy, None), encode(&noisy, ImageFormat::Png), encode(&noisy, ImageFormat::Bmp)] {
            let (facts, photo) = read(&bytes[..bytes.len() / 2]);
            let Integrity::Truncated { missing } = facts.integrity else { panic!("{:?}", facts.integrity) };
            let photo = photo.expect("half is there");
            assert!((0.3..0.7).contains(&missing), "{missing}");
            assert!((photo.complete + missing - 1.0).abs() < 1e-9);
        }
    }

    /// A photo without fine detail, large enough to be decoded smaller.
    fn large() -> RgbImage {
        let wave = |v: u32, length: f32| (110.0 + 90.0 * (v as f32 / length).sin()) as u8;
        RgbImage::from_fn(250, 170, |x, y| Rgb([wave(x, 30.0), wave(y, 25.0), wave(x + y, 40.0)]))
    }

    #[test]
    fn a_photo_decoded_smaller_is_the_mean_of_its_pixels() {
        let block = super::super::exif::block(&[(274, 3, 1, 6)], &[]);
        let stored = image::imageops::rotate270(&large());
        let limits = Limits::default();
        for (bytes, least, factor) in [
            (jpeg(&large(), None), (120.0, 80.0), 2),
            (jpeg(&large(), None), (62.0, 40.0), 4),
            (jpeg(&large(), None), (31.0, 21.0), 8),
            // A quarter would have 62 columns.
            (jpeg(&large(), None), (63.0, 10.0), 2),
            (jpeg(&stored, Some(&block)), (120.0, 80.0), 2),
        ] {
            let (photo, by) = Opened::by_headers(&bytes, None, &limits).reduced(least, &limits).expect("large enough");
            assert_eq!(by, factor);
            assert_eq!((photo.width(), photo.height()), (250u32.div_ceil(factor), 170u32.div_ceil(factor)));
            let whole = read(&bytes).1.expect("decodes").rgb;
            // Whole squares only: the last ones are filled up by the encoder.
            for (x, y) in (0..170 / factor).flat_map(|y| (0..250 / factor).map(move |x| (x, y))) {
                let square = image::imageops::crop_imm(&*whole, x * factor, y * factor, factor, factor).to_image();
                let mean =
                    |c: usize| square.pixels().map(|p| f32::from(p.0[c])).sum::<f32>() / (factor * factor) as f32;
                for c in 0..3 {
                    let got = f32::from(photo.rgb.get_pixel(x, y).0[c]);
                    assert!((got - mean(c)).abs() < 4.0, "1/{factor} at {x}, {y}: {got} for {}", mean(c));
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_decoded_smaller_is_left_to_be_decoded_whole() {
        let limits = Limits::default();
        let reduced = |bytes: &[u8], least| Opened::by_headers(bytes, None, &limits).reduced(least, &limits).is_some();
        let bytes = jpeg(&large(), None);
        assert!(reduced(&bytes, (100.0, 80.0)));
        assert!(!reduced(&bytes, (126.0, 80.0)), "half of it is too small");
        assert!(!reduced(&bytes[..bytes.len() / 2], (100.0, 80.0)), "cut");
        assert!(!reduced(&encode(&large(), ImageFormat::Png), (100.0, 80.0)), "no JPEG");
        assert!(!reduced(b"\xFF\xD8\xFF", (0.0, 0.0)) && !reduced(b"", (0.0, 0.0)));
    }

    #[test]
    fn what_is_decoded_unwalked_is_what_the_walk_finds_whole() {
        let limits = Limits::default();
        let mut state = 5u32;
        let mut below = |n: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % n
        };
        let (mut whole, mut refused) = (0, 0);
        for restarts in [0, 7] {
            let mut sound = Vec::new();
            let mut encoder = jpeg_encoder::Encoder::new(&mut sound, 85);
            if restarts > 0 {
                encoder.set_restart_interval(restarts);
            }
            encoder.encode(large().as_raw(), 250, 170, jpeg_encoder::ColorType::Rgb).expect("encodes");
            for _ in 0..1500 {
                let mut bytes = sound.clone();
                let (at, length) = (2 + below(bytes.len() - 2), 1 + below(8));
                let end = (at + length).min(bytes.len());
                match below(4) {
                    0 => drop(bytes.drain(at..end)),
                    1 => drop(bytes.splice(at..at, (0..length).map(|k| (k * 37) as u8))),
                    // Behind the last block.
                    2 => drop(bytes.splice(bytes.len() - 2..bytes.len() - 2, vec![below(255) as u8; length])),
                    _ => bytes[at] ^= 1 << below(8),
                }
                let smaller = Opened::by_headers(&bytes, None, &limits).reduced((100.0, 80.0), &limits).is_some();
                if smaller || Opened::by_headers(&bytes, None, &limits).common(&limits).is_some() {
                    let mut walked = Opened::by_headers(&bytes, None, &limits);
                    walked.walk(&limits);
                    assert_eq!(walked.stream, Stream::Sound, "{restarts}");
                    whole += 1;
                } else {
                    refused += 1;
                }
            }
        }
        assert!(whole > 300 && refused > 300, "{whole} {refused}");
    }

    #[test]
    fn limits_hold_before_anything_is_decoded() {
        let limits = Limits { max_side: 20, ..Limits::default() };
        for bytes in [jpeg(&sample(), None), encode(&sample(), ImageFormat::Png), encode(&sample(), ImageFormat::Tiff)]
        {
            let (facts, photo) = decode(&bytes, None, &limits);
            assert_eq!(facts.integrity, Integrity::TooLarge);
            assert_eq!(photo.expect_err("too large"), DecodeError::TooManyPixels { width: 24, height: 16 });
        }
        let limits = Limits { max_bytes: 10, ..Limits::default() };
        let (facts, photo) = decode(&jpeg(&sample(), None), None, &limits);
        assert_eq!((facts.integrity, facts.container.format), (Integrity::TooLarge, Format::Jpeg));
        assert!(matches!(photo, Err(DecodeError::TooManyBytes { max: 10, .. })));
    }

    #[test]
    fn four_inks_become_three_colours() {
        // Adobe stores inks inverted: 255 is no ink.
        let inks: Vec<u8> = std::iter::repeat_n([255u8, 0, 0, 255], 64).flatten().collect();
        for (kind, word) in [(jpeg_encoder::ColorType::Cmyk, 0), (jpeg_encoder::ColorType::CmykAsYcck, 2)] {
            let mut bytes = Vec::new();
            // The encoder takes inks as they are and inverts them itself.
            let plain: Vec<u8> = inks.iter().map(|&ink| 255 - ink).collect();
            jpeg_encoder::Encoder::new(&mut bytes, 100).encode(&plain, 8, 8, kind).expect("encodes");
            let (facts, photo) = read(&bytes);
            let jpeg = facts.container.jpeg.expect("a frame");
            assert_eq!((facts.container.channels, jpeg.adobe_transform), (Some(4), Some(word)));
            let pixel = photo.expect("decodes").rgb.get_pixel(3, 3).0;
            assert!(pixel[0] > 240 && pixel[1] < 15 && pixel[2] < 15, "{pixel:?}");
        }
    }

    #[test]
    fn what_is_not_decoded_is_named() {
        let cases: [(&[u8], Integrity, DecodeError); 4] = [
            (b"", Integrity::Empty, DecodeError::Empty),
            (b"%PDF-1.7", Integrity::Undecodable, DecodeError::Format(Format::Pdf)),
            (b"\0\0\0\x18ftypheic", Integrity::Undecodable, DecodeError::Format(Format::Heic)),
            (b"hello", Integrity::Undecodable, DecodeError::Format(Format::Unknown)),
        ];
        for (bytes, integrity, reason) in cases {
            let (facts, photo) = read(bytes);
            assert_eq!((facts.integrity, photo.expect_err("no pixels")), (integrity, reason.clone()));
            assert!(!reason.text().zh.is_empty() && !reason.text().en.is_empty());
        }
    }

    #[test]
    fn the_digest_is_the_usual_one() {
        let (facts, _) = read(b"");
        assert_eq!(facts.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
