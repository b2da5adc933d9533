//! Documents: pages drawn by the test, and PDF files built by it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "documents/pdf.rs"]
mod pdf;
#[path = "common/pen.rs"]
mod pen;

use std::io::Cursor;
use std::sync::LazyLock;

use gradphoto::check::Status;
use gradphoto::limits::Limits;
use gradphoto::measure::document::{Stand, TextLook, look};
use gradphoto::normalize::{NormalizeError, Normalized, Options};
use gradphoto::report::ReportValue;
use gradphoto::units::Point;
use gradphoto::{Engine, Input, Profile, Report, Verdict, photo, profile};
use image::{ImageFormat, Rgb, RgbImage, imageops};
use jpeg_encoder::{ColorType, Encoder};
use pen::{BLACK, Chance, Coverage, PLAIN, Scene};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

fn chongqing() -> Profile {
    profile::builtin("chongqing-attachment").unwrap()
}

fn anhui() -> Profile {
    profile::builtin("anhui-attachment").unwrap()
}

fn check(bytes: &[u8], name: &str, profile: &Profile) -> Report {
    ENGINE.check(Input { bytes, name: Some(name), captured_before: None }, profile)
}

fn normalize(bytes: &[u8], profile: &Profile) -> Result<Normalized, NormalizeError> {
    ENGINE.normalize(Input { bytes, name: Some("a.jpg"), captured_before: None }, profile, &Options::default())
}

fn status(report: &Report, id: &str) -> Status {
    report.check(id).unwrap_or_else(|| panic!("{id} is not asked for")).status
}

fn jpeg(rgb: &RgbImage, quality: u8, orientation: Option<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    if let Some(tag) = orientation {
        let mut block = b"II*\0\x08\0\0\0".to_vec();
        block.extend([1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, tag, 0, 0, 0, 0, 0, 0, 0]);
        encoder.add_exif_metadata(&block).unwrap();
    }
    encoder.encode(rgb.as_raw(), rgb.width() as u16, rgb.height() as u16, ColorType::Rgb).unwrap();
    bytes
}

/// A page of text, `height` pixels a character: rows begin at one line and end at many.
fn page(width: u32, height: u32, character: f64, seed: u64) -> Coverage {
    let mut page = Coverage::empty(width, height);
    let mut chance = Chance::new(seed);
    let (margin, row) = (0.08 * f64::from(width), 1.8 * character);
    let most = ((f64::from(width) - 2.0 * margin) / (1.15 * character)) as usize;
    for line in 0..((f64::from(height) - 2.0 * margin) / row) as usize {
        let glyphs = (most as f64 * chance.between(0.45, 1.0)) as usize;
        let origin = Point::new(margin, margin + line as f64 * row);
        pen::text(&mut page, origin, 1, glyphs, character, seed + line as u64);
    }
    page
}

fn read(rgb: &RgbImage) -> TextLook {
    look(rgb).text.expect("text is found")
}

/// Share of their contrast that five bars over a character's height keep under a blur: what is left to tell the strokes of
/// a character of middling density by.
fn modulation(character: f64, sigma: f32) -> f64 {
    let bar = |y: f64| if (y / character * 10.0).rem_euclid(2.0) < 1.0 { 0 } else { 255 };
    // Bars finer than pixels are averaged over them.
    let fine = |y: u32| (0..16).map(|i| f64::from(bar(f64::from(y) + f64::from(i) / 16.0))).sum::<f64>() / 16.0;
    let rgb = RgbImage::from_fn(9, 400, |_, y| Rgb([fine(y) as u8; 3]));
    let rgb = if sigma > 0.0 { imageops::blur(&rgb, sigma) } else { rgb };
    let middle: Vec<f64> = (100..300).map(|y| f64::from(rgb.get_pixel(4, y).0[0])).collect();
    let (low, high) = middle.iter().fold((255.0f64, 0.0f64), |(low, high), &v| (low.min(v), high.max(v)));
    (high - low) / 255.0
}

/// What the documentation says: `cargo test --release --test documents table -- --nocapture`.
#[test]
fn table_of_legibility() {
    println!("character, px | blur, px | steps | contrast of five bars left");
    for character in [12.0, 18.0, 28.0] {
        let clean = PLAIN.picture(&[(&page(900, 700, character, 3), BLACK)], 1);
        let mut before = f64::MAX;
        for sigma in [0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0] {
            let rgb = if sigma > 0.0 { imageops::blur(&clean, sigma) } else { clean.clone() };
            let (steps, left) = (look(&rgb).text.map_or(0.0, |text| text.steps), modulation(character, sigma));
            println!("{character} | {sigma} | {steps:.1} | {left:.2}");
            assert!(steps <= before + 0.5, "more blur, more steps: {character} {sigma}");
            before = steps;
            // Half of the contrast left is legible; a tenth is not.
            assert!(left < 0.5 || steps >= 8.0, "{character} px, blur {sigma}: {steps} though {left} is left");
            assert!(left > 0.1 || steps < 8.0, "{character} px, blur {sigma}: {steps} though {left} is left");
        }
    }
    println!("noise, steps of 8 bits | steps");
    for noise in [1.0, 4.0, 8.0, 12.0] {
        let rgb = Scene { noise, ..PLAIN }.picture(&[(&page(900, 700, 18.0, 3), BLACK)], 1);
        println!("{noise} | {:.1}", read(&rgb).steps);
    }
    println!("ink, linear light | contrast | steps");
    for light in [0.015, 0.2, 0.4, 0.55] {
        let text = read(&PLAIN.picture(&[(&page(900, 700, 18.0, 3), [light; 3])], 1));
        println!("{light} | {:.2} | {:.1}", text.contrast, text.steps);
    }
}

#[test]
fn which_way_text_stands_is_told() {
    for seed in 0..4 {
        for degrees in [0.0f32, -4.0, 3.0] {
            let level = PLAIN.picture(&[(&page(900, 900, 20.0, seed), BLACK)], seed);
            let white = *level.get_pixel(2, 2);
            let tilted = imageproc::geometric_transformations::rotate_about_center(
                &level,
                degrees.to_radians(),
                imageproc::geometric_transformations::Interpolation::Bilinear,
                imageproc::geometric_transformations::Border::Constant(white),
            );
            let stands = [
                read(&tilted).stand,
                read(&imageops::rotate90(&tilted)).stand,
                read(&imageops::rotate180(&tilted)).stand,
                read(&imageops::rotate270(&tilted)).stand,
            ];
            assert_eq!(
                [stands[0], stands[1], stands[3]],
                [Some(Stand::Upright), Some(Stand::Sideways), Some(Stand::Sideways)]
            );
            // At a tilt the margins are slanted, and nothing is said.
            if degrees == 0.0 {
                assert_eq!(stands[2], Some(Stand::UpsideDown), "{seed}");
            } else {
                assert!(stands[2] == Some(Stand::UpsideDown) || stands[2] == Some(Stand::Upright));
            }
        }
    }
}

/// A page on a dark table, over this share of the picture.
fn on_table(share: f64) -> RgbImage {
    let (width, height) = (900u32, 700u32);
    let side = share.sqrt();
    let (w, h) = ((f64::from(width) * side) as u32, (f64::from(height) * side) as u32);
    let sheet = PLAIN.picture(&[(&page(w, h, 16.0, 4), BLACK)], 2);
    let mut table = RgbImage::from_pixel(width, height, Rgb([52, 40, 33]));
    imageops::replace(&mut table, &sheet, i64::from((width - w) / 2), i64::from((height - h) / 2));
    table
}

#[test]
fn the_share_of_the_sheet_is_measured_and_warns() {
    for share in [0.2, 0.35, 0.6, 0.85] {
        let report = check(&jpeg(&on_table(share), 60, None), "a.jpg", &anhui());
        let Some(ReportValue::Number(percent)) = report.check("document.filled").unwrap().value else {
            panic!("no number")
        };
        println!("{share}: {percent:.1} %");
        // A rim of the table that is narrower than the window over strokes passes for paper.
        let error = percent - 100.0 * share;
        assert!(if share < 0.8 { error.abs() < 5.0 } else { (0.0..10.0).contains(&error) }, "{share}: {percent}");
        let expected = if share < 0.5 { Status::Warn } else { Status::Pass };
        assert_eq!(status(&report, "document.filled"), expected, "{share}");
    }
}

#[test]
fn a_document_is_judged_as_a_document() {
    let rgb = PLAIN.picture(&[(&page(1000, 800, 24.0, 3), BLACK)], 1);
    let report = check(&jpeg(&rgb, 30, None), "a.jpg", &chongqing());
    assert!(report.face.is_none() && report.checks.iter().all(|check| !check.id.starts_with("face.")));
    assert_eq!((report.verdict, report.profile.canvas.is_none()), (Verdict::Accept, true), "{:#?}", report.checks);
    assert!(report.not_checked.iter().all(|one| one.id != "make-up" && !one.id.starts_with("eyes.")));
    let blurred = check(&jpeg(&imageops::blur(&rgb, 3.0), 30, None), "a.jpg", &chongqing());
    assert_eq!((status(&blurred, "document.legibility"), blurred.verdict), (Status::Warn, Verdict::Review));
    let turned = check(&jpeg(&imageops::rotate90(&rgb), 30, None), "a.jpg", &chongqing());
    assert_eq!(status(&turned, "document.orientation"), Status::Warn);
    let blank = check(&jpeg(&RgbImage::from_pixel(800, 600, Rgb([240; 3])), 50, None), "a.jpg", &chongqing());
    assert_eq!(status(&blank, "document.legibility"), Status::Undetermined);
}

#[test]
fn a_picture_of_a_document_is_brought_within_the_limit_and_then_left_alone() {
    let scene = Scene { gradient: 0.7, ..PLAIN };
    let rgb = scene.picture(&[(&page(2400, 1800, 56.0, 3), BLACK)], 1);
    // Stored lying, with the orientation that says so: 6 is a quarter turn clockwise.
    let made = normalize(&jpeg(&imageops::rotate270(&rgb), 92, Some(6)), &chongqing()).unwrap();
    assert!(made.jpeg.len() <= 50 << 10 && made.jpeg.len() > 35 << 10, "{}", made.jpeg.len());
    assert_eq!(made.report.verdict, Verdict::Accept, "{:#?}", made.report.checks);
    // Upright, and the whole picture.
    let small = photo::decode(&made.jpeg, None, &Limits::default()).1.unwrap();
    let ratio = f64::from(small.width()) / f64::from(small.height());
    assert!((ratio - 2400.0 / 1800.0).abs() < 0.01, "{ratio}");
    let ids: Vec<&str> = made.report.actions.iter().map(|action| action.id.as_str()).collect();
    assert_eq!(ids, ["orient", "reduce", "encode", "label"]);
    assert!(made.report.check("file.edited").is_some());
    let again = normalize(&made.jpeg, &chongqing()).unwrap();
    assert!(again.already_compliant && again.jpeg == made.jpeg);

    // Anhui's 4 MB ask for nothing.
    let bytes = jpeg(&rgb, 92, None);
    let kept = normalize(&bytes, &anhui()).unwrap();
    assert!(kept.already_compliant && kept.jpeg == bytes);
}

#[test]
fn what_would_not_stay_legible_is_refused() {
    // A dense page of small text under noise: 50 KB do not hold it.
    let rgb = Scene { noise: 6.0, ..PLAIN }.picture(&[(&page(2600, 2000, 19.0, 3), BLACK)], 1);
    match normalize(&jpeg(&rgb, 92, None), &chongqing()) {
        Err(error @ NormalizeError::Illegible { steps, least }) => {
            assert!(steps < least && error.code() == "illegible", "{error}");
            assert!(error.text().zh.contains("辨认"));
        }
        other => panic!("{:?}", other.map(|made| made.report.actions)),
    }
    let bytes = jpeg(&rgb, 92, None);
    let input = Input { bytes: &bytes, name: None, captured_before: None };
    let turning = Options { rotate: true, ..Options::default() };
    assert_eq!(ENGINE.normalize(input, &chongqing(), &turning).unwrap_err().code(), "forbidden");
}

#[test]
fn other_formats_become_jpeg() {
    let mut bytes = Cursor::new(Vec::new());
    PLAIN.picture(&[(&page(700, 500, 24.0, 3), BLACK)], 1).write_to(&mut bytes, ImageFormat::Png).unwrap();
    let made = normalize(bytes.get_ref(), &chongqing()).unwrap();
    assert_eq!(status(&made.report, "file.format"), Status::Pass);
}
