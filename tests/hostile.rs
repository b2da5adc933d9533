//! Bytes are hostile: whatever comes in, `decode` answers with consistent facts and never panics.

#![allow(clippy::panic)]

#[path = "common/random.rs"]
mod random;

use std::io::Cursor;

use gradphoto::limits::Limits;
use gradphoto::photo::{self, DecodeError, FileFacts, Format, Integrity, Photo};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder};
use random::Random;

const WIDTH: u32 = 24;
const HEIGHT: u32 = 40;

fn sample() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let texture = x.wrapping_mul(73) ^ y.wrapping_mul(151);
        Rgb([(x * 5) as u8, (y * 4) as u8, texture as u8])
    })
}

fn jpeg(set: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 85);
    set(&mut encoder);
    encoder.encode(&sample(), WIDTH as u16, HEIGHT as u16, ColorType::Rgb).expect("encodes");
    out
}

fn raster(format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    sample().write_to(&mut out, format).expect("encodes");
    out.into_inner()
}

/// A little-endian EXIF block: orientation 6, a directory that names itself as the next one.
fn looping_exif() -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    block.extend([1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
    block.extend([8, 0, 0, 0]);
    block
}

fn jpegs() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("baseline", jpeg(|_| ())),
        ("restarts", jpeg(|encoder| encoder.set_restart_interval(3))),
        ("progressive", jpeg(|encoder| encoder.set_progressive(true))),
        ("exif", jpeg(|encoder| encoder.add_exif_metadata(&looping_exif()).expect("fits"))),
    ]
}

fn rasters() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("png", raster(ImageFormat::Png)),
        ("webp", raster(ImageFormat::WebP)),
        ("bmp", raster(ImageFormat::Bmp)),
        ("tiff", raster(ImageFormat::Tiff)),
    ]
}

/// Decodes and tests what holds for every input.
fn read(bytes: &[u8]) -> (FileFacts, Result<Photo, DecodeError>) {
    let limits = Limits::default();
    let (facts, decoded) = photo::decode(bytes, Some("photo.jpg"), &limits);
    assert_eq!(facts.bytes, bytes.len() as u64);
    assert_eq!(facts.sha256.len(), 64);
    assert!(facts.container.trailing_bytes <= facts.bytes);
    match (&facts.integrity, &decoded) {
        (Integrity::Whole, Ok(photo)) => assert_eq!(photo.complete, 1.0),
        (Integrity::Truncated { missing }, Ok(photo)) => {
            assert!((0.0..1.0).contains(missing));
            assert!((photo.complete - (1.0 - missing)).abs() < 1e-9);
        }
        (Integrity::Damaged, Ok(_)) => {}
        (Integrity::Truncated { missing }, Err(_)) => assert_eq!(*missing, 1.0),
        (Integrity::Undecodable | Integrity::TooLarge | Integrity::Empty, Err(_)) => {}
        (integrity, decoded) => panic!("{integrity:?} beside {decoded:?}"),
    }
    if let Ok(photo) = &decoded {
        assert_eq!(Some((photo.width(), photo.height())), facts.container.upright_size());
        assert!((0.0..=1.0).contains(&photo.complete));
    }
    if let Err(error) = &decoded {
        assert!(!error.text().zh.is_empty() && !error.text().en.is_empty());
    }
    (facts, decoded)
}

#[test]
fn whole_files_are_whole() {
    for (name, bytes) in jpegs().into_iter().chain(rasters()) {
        let (facts, photo) = read(&bytes);
        assert_eq!(facts.integrity, Integrity::Whole, "{name}");
        let size = (photo.expect("decodes").rgb.dimensions(), name == "exif");
        assert!(matches!(size, ((WIDTH, HEIGHT), false) | ((HEIGHT, WIDTH), true)), "{name}: {size:?}");
    }
}

#[test]
fn a_cut_at_any_length_is_noticed() {
    for (name, bytes) in jpegs().into_iter().chain(rasters()) {
        for length in 0..bytes.len() {
            let (facts, _) = read(&bytes[..length]);
            assert_ne!(facts.integrity, Integrity::Whole, "{name} cut at {length} of {}", bytes.len());
        }
    }
}

#[test]
fn an_end_marker_does_not_hide_a_cut() {
    for (name, bytes) in jpegs() {
        let last = bytes.len() - 2;
        for lost in (8..last - 640).step_by(7) {
            let mut cut = bytes[..last - lost].to_vec();
            cut.extend([0xFF, 0xD9]);
            let (facts, _) = read(&cut);
            // A progressive file cut between two scans is a coarser but well-formed file.
            let between = name == "progressive" && facts.integrity == Integrity::Whole;
            assert!(facts.integrity != Integrity::Whole || between, "{name} without its last {lost} bytes");
        }
    }
}

#[test]
fn flipped_bytes_do_no_harm() {
    let mut random = Random(0x5EED);
    for (_, bytes) in jpegs().into_iter().chain(rasters()) {
        for _ in 0..400 {
            let mut flipped = bytes.clone();
            for _ in 0..=random.below(6) {
                let at = random.below(flipped.len());
                flipped[at] = random.next() as u8;
            }
            let _ = read(&flipped);
        }
    }
}

#[test]
fn noise_behind_a_signature_does_no_harm() {
    let mut random = Random(0xBAD);
    let signatures: [&[u8]; 7] = [
        b"\xFF\xD8\xFF\xE0",
        b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR",
        b"RIFF\xFF\0\0\0WEBPVP8 ",
        b"BM\xFF\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"\0\0\0\x18ftypheic",
    ];
    for signature in signatures {
        for length in [0, 1, 7, 30, 200, 3000] {
            let mut bytes = signature.to_vec();
            bytes.extend((0..length).map(|_| random.next() as u8));
            let _ = read(&bytes);
        }
    }
}

#[test]
fn lying_headers_allocate_nothing() {
    for (name, mut bytes) in jpegs() {
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0] || pair == [0xFF, 0xC2]).expect("a frame");
        bytes[frame + 5..frame + 9].fill(0xFF);
        let (facts, photo) = read(&bytes);
        assert_eq!(facts.integrity, Integrity::TooLarge, "{name}");
        let size = DecodeError::TooManyPixels { width: 65_535, height: 65_535 };
        assert_eq!(photo.expect_err("too large"), size);
        // A size inside the limits that the data cannot fill.
        bytes[frame + 5..frame + 9].copy_from_slice(&[0x0F, 0xFF, 0x0F, 0xFF]);
        assert_ne!(read(&bytes).0.integrity, Integrity::Whole, "{name}");
        // No pixels at all.
        bytes[frame + 5..frame + 9].fill(0);
        assert_eq!(read(&bytes).0.integrity, Integrity::Undecodable, "{name}");
    }

    let mut png = raster(ImageFormat::Png);
    png[16..24].fill(0x7F);
    assert_eq!(read(&png).0.integrity, Integrity::TooLarge);
    let mut bmp = raster(ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    assert_eq!(read(&bmp).0.integrity, Integrity::TooLarge);
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    // Half a million pixels of one gray in a few hundred bytes.
    let image = DynamicImage::new_luma8(5000, 100);
    let mut bomb = Cursor::new(Vec::new());
    image.write_to(&mut bomb, ImageFormat::Png).expect("encodes");
    let (facts, _) = photo::decode(bomb.get_ref(), None, &Limits { max_pixels: 400_000, ..Limits::default() });
    assert_eq!(facts.integrity, Integrity::TooLarge);
    assert_eq!(facts.container.stored_size, Some((5000, 100)));
}

#[test]
fn content_counts_and_not_the_name() {
    for (bytes, format) in [
        (raster(ImageFormat::Png), Format::Png),
        (b"just a letter to the registry".to_vec(), Format::Unknown),
        (b"%PDF-1.7 \n".to_vec(), Format::Pdf),
        (b"GIF89a\x01\0\x01\0".to_vec(), Format::Gif),
        (Vec::new(), Format::Unknown),
    ] {
        let (facts, _) = photo::decode(&bytes, Some("photo.jpg"), &Limits::default());
        assert_eq!(facts.container.format, format);
        assert_eq!(facts.name.as_deref(), Some("photo.jpg"));
    }
    assert_eq!(read(b"").0.integrity, Integrity::Empty);
}

#[test]
fn an_archive_behind_a_photo_is_counted() {
    for (name, bytes) in jpegs().into_iter().chain(rasters()).filter(|(name, _)| *name != "tiff") {
        let archive = b"PK\x03\x04 and so on".repeat(20);
        let (facts, photo) = read(&[&bytes[..], &archive[..]].concat());
        assert_eq!(facts.container.trailing_bytes, archive.len() as u64, "{name}");
        assert_eq!(facts.integrity, Integrity::Whole, "{name}");
        assert!(photo.is_ok(), "{name}");
    }
}

#[test]
fn looping_exif_is_read_once() {
    let bytes = jpeg(|encoder| encoder.add_exif_metadata(&looping_exif()).expect("fits"));
    let (facts, photo) = read(&bytes);
    assert_eq!(facts.container.exif.orientation, Some(6));
    assert_eq!(photo.expect("decodes").rgb.dimensions(), (HEIGHT, WIDTH));
}

#[test]
fn names_in_any_writing_are_kept() {
    for name in ["准考证号+姓名.jpg", "a\u{202E}gpj.exe", "", "..", "\u{FFFD}.jpg"] {
        let (facts, _) = photo::decode(b"x", Some(name), &Limits::default());
        assert_eq!(facts.name.as_deref(), Some(name));
    }
}
