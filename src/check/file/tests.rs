use jiff::civil::Date;

use super::quality::JPEG_QUALITY;
use super::*;
use crate::check::Value;
use crate::limits::Limits;
use crate::photo::{Density, DensitySource, FileFacts, QualityEstimate, decode};
use crate::profile::Canvas;

/// The facts of a 48x64 photo encoded by jpeg-encoder.
pub(super) fn jpeg() -> FileFacts {
    read(&jpeg_bytes(), Some("photo.jpg"))
}

fn jpeg_bytes() -> Vec<u8> {
    let mut out = Vec::new();
    let pixels: Vec<u8> = (0..48 * 64 * 3u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let encoder = jpeg_encoder::Encoder::new(&mut out, 80);
    encoder.encode(&pixels, 48, 64, jpeg_encoder::ColorType::Rgb).expect("encodes");
    out
}

fn read(bytes: &[u8], name: Option<&str>) -> FileFacts {
    decode(bytes, name, &Limits::default()).0
}

fn measure(check: &Check, file: &FileFacts, rule: &Rule) -> Result<Measured, Missing> {
    measure_at(check, file, rule, None)
}

pub(super) fn measure_at(
    check: &Check,
    file: &FileFacts,
    rule: &Rule,
    captured_before: Option<Date>,
) -> Result<Measured, Missing> {
    let missing = Missing::Unreadable;
    let canvas = Canvas { width: 480, height: 640 };
    let facts = Facts::new(file, Err(missing), Err(missing), Err(missing), canvas, crate::face::net::for_tests())
        .captured_before(captured_before);
    let measured = (check.measure)(&facts, rule);
    // Every case has its own words, and every placeholder its detail.
    if let Ok(measured) = &measured {
        let when = measured.case.map_or(When::High, When::Case);
        if let Some(case) = measured.case {
            assert!(check.says.iter().any(|say| say.when == when), "{} has no words for {case}", check.id);
        }
    }
    measured
}

pub(super) fn word(measured: &Measured) -> &str {
    match &measured.value {
        Value::Word(word) => word,
        Value::Number(_) => "a number",
    }
}

fn allow(words: &[&str]) -> Rule {
    Rule { allowed: words.iter().map(|&word| word.to_owned()).collect(), ..Rule::default() }
}

fn exactly(value: f64) -> Band {
    Band { min: Some(value), max: Some(value) }
}

#[test]
fn format_is_told_by_content() {
    let rule = allow(&["jpeg"]);
    let sound = measure(&FORMAT, &jpeg(), &rule).expect("measured");
    assert_eq!((word(&sound), sound.case, sound.status), ("jpeg", None, None));

    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).expect("encodes");
    let renamed = measure(&FORMAT, &read(png.get_ref(), Some("photo.jpg")), &rule).expect("measured");
    assert_eq!((word(&renamed), renamed.case), ("png", None));

    let text = measure(&FORMAT, &read(b"hello", Some("photo.jpg")), &rule).expect("measured");
    assert_eq!((word(&text), text.case), ("unknown", Some("unknown")));
}

#[test]
fn trailing_data_and_rare_codings_are_their_own_cases() {
    let rule = allow(&["jpeg"]);
    let with = |extra: usize| read(&[jpeg_bytes(), vec![b'P'; extra]].concat(), None);
    assert_eq!(measure(&FORMAT, &with(64), &rule).expect("measured").case, None);
    let trailing = measure(&FORMAT, &with(65), &rule).expect("measured");
    assert_eq!((trailing.case, trailing.status), (Some("trailing"), Some(Status::Fail)));

    let mut rare = jpeg();
    rare.container.jpeg.as_mut().expect("a frame").sof = 0xC9;
    let rare = measure(&FORMAT, &rare, &rule).expect("measured");
    assert_eq!((rare.case, rare.status), (Some("rare-coding"), Some(Status::Fail)));
    let mut progressive = jpeg();
    progressive.container.jpeg.as_mut().expect("a frame").sof = 0xC2;
    assert_eq!(measure(&FORMAT, &progressive, &rule).expect("measured").case, None);
}

#[test]
fn extension_is_lower_cased() {
    let rule = allow(&[".jpg"]);
    for (name, expected) in [("a.JPG", ".jpg"), ("照片.最终.jpeg", ".jpeg"), ("noext", ""), (".jpg", ""), ("a.", "")]
    {
        let file = FileFacts { name: Some(name.to_owned()), ..jpeg() };
        assert_eq!(word(&measure(&EXTENSION, &file, &rule).expect("measured")), expected, "{name}");
    }
    let nameless = FileFacts { name: None, ..jpeg() };
    assert_eq!(measure(&EXTENSION, &nameless, &rule), Err(Missing::NoName));
}

#[test]
fn integrity_names_what_is_missing() {
    let bytes = jpeg_bytes();
    let rule = allow(&["whole"]);
    let read_and_measure = |bytes: &[u8]| measure(&INTEGRITY, &read(bytes, None), &rule).expect("measured");
    assert_eq!(word(&read_and_measure(&bytes)), "whole");
    let cut = read_and_measure(&bytes[..bytes.len() / 2]);
    assert_eq!((word(&cut), cut.case), ("truncated", Some("truncated")));
    assert!(cut.details.iter().any(|(name, share)| *name == "missing" && share.ends_with(" %")), "{cut:?}");
    let end = read_and_measure(&bytes[..bytes.len() - 2]);
    assert_eq!((word(&end), end.case), ("truncated", Some("end-missing")));
    assert_eq!(word(&read_and_measure(b"")), "empty");
    assert_eq!(word(&read_and_measure(b"\0\0\0\x18ftypheic")), "undecodable");
    assert_eq!(word(&read_and_measure(b"%PDF-1.7")), "pdf-cut");
    for integrity in [Integrity::Damaged, Integrity::TooLarge] {
        let file = FileFacts { integrity, ..jpeg() };
        assert!(measure(&INTEGRITY, &file, &rule).expect("measured").case.is_some());
    }
}

#[test]
fn a_kilobyte_has_1024_bytes() {
    let file = FileFacts { bytes: 20 * 1024, ..jpeg() };
    assert_eq!(measure(&BYTES, &file, &Rule::default()).expect("measured").value, Value::Number(20.0));
}

#[test]
fn dimensions_are_judged_on_both_sides() {
    let exact = Rule { width: exactly(480.0), height: exactly(640.0), ..Rule::default() };
    let open = |min| Band { min: Some(min), max: None };
    let loose = Rule { ratio: Band { min: Some(0.74), max: Some(0.76) }, width: open(300.0), ..Rule::default() };
    let of = |size, rule: &Rule| {
        let mut file = jpeg();
        file.container.stored_size = Some(size);
        measure(&DIMENSIONS, &file, rule).expect("measured")
    };
    let sound = of((480, 640), &exact);
    assert_eq!((word(&sound), sound.status, sound.case), ("480x640", Some(Status::Pass), None));
    assert!(sound.details.contains(&("wanted_en", "480x640".to_owned())));
    for (size, rule, case) in [
        ((479, 639), &exact, "small"),
        ((960, 1280), &exact, "large"),
        ((640, 480), &exact, "ratio"),
        ((480, 600), &loose, "ratio"),
        ((240, 320), &loose, "small"),
    ] {
        let wrong = of(size, rule);
        assert_eq!((wrong.case, wrong.status), (Some(case), Some(Status::Fail)), "{size:?}");
    }
    assert_eq!(wanted(&loose).1, "width at least 300, width over height 0.74 to 0.76");

    let mut turned = jpeg();
    turned.container.stored_size = Some((640, 480));
    turned.container.exif.orientation = Some(6);
    assert_eq!(word(&measure(&DIMENSIONS, &turned, &exact).expect("measured")), "480x640");
    assert_eq!(measure(&DIMENSIONS, &read(b"hello", None), &exact), Err(Missing::Unreadable));
}

#[test]
fn density_needs_both_axes_and_has_no_default() {
    let mut file = jpeg();
    file.container.density = Some(Density { x: 300.0, y: 72.0, source: DensitySource::Jfif });
    let both = measure(&DENSITY, &file, &Rule::default()).expect("measured");
    assert_eq!((both.value, both.others), (Value::Number(300.0), vec![72.0]));
    file.container.density = None;
    let none = measure(&DENSITY, &file, &Rule::default()).expect("measured");
    assert_eq!((none.case, none.status), (Some("missing"), Some(Status::Fail)));
    assert_eq!(measure(&DENSITY, &read(b"hello", None), &Rule::default()), Err(Missing::Unreadable));
}

#[test]
fn colour_models_are_named() {
    let rule = allow(&["rgb24"]);
    let of = |channels, bits, alpha, palette, adobe| {
        let mut file = jpeg();
        let container = &mut file.container;
        (container.channels, container.bit_depth) = (Some(channels), Some(bits));
        (container.has_alpha, container.palette) = (alpha, palette);
        container.jpeg.as_mut().expect("a frame").adobe_transform = adobe;
        measure(&COLOR_DEPTH, &file, &rule).expect("measured")
    };
    for (channels, bits, alpha, palette, adobe, expected, case) in [
        (3, 8, false, false, None, "rgb24", None),
        (1, 8, false, false, None, "gray8", Some("gray")),
        (4, 8, false, false, Some(0), "cmyk32", Some("inks")),
        (4, 8, false, false, Some(2), "ycck32", Some("inks")),
        (3, 16, false, false, None, "rgb48", None),
        (4, 8, true, false, None, "rgba32", None),
        (3, 8, false, true, None, "palette", None),
    ] {
        let measured = of(channels, bits, alpha, palette, adobe);
        assert_eq!((word(&measured), measured.case), (expected, case));
    }
}

#[test]
fn quality_is_read_and_doubt_is_said() {
    let rule = Rule { fail: Band { min: Some(60.0), max: None }, ..Rule::default() };
    let sound = measure(&JPEG_QUALITY, &jpeg(), &rule).expect("measured");
    assert_eq!((sound.value, sound.case), (Value::Number(80.0), None));
    for (quality, case) in [(75.0, "non-standard"), (40.0, "non-standard-low")] {
        let mut file = jpeg();
        let estimate = QualityEstimate { quality, misfit: 0.25, standard: false };
        file.container.jpeg.as_mut().expect("a frame").quality = Some(estimate);
        let measured = measure(&JPEG_QUALITY, &file, &rule).expect("measured");
        assert_eq!((measured.value, measured.case), (Value::Number(quality), Some(case)));
        assert_eq!(measured.details, [("misfit", "25 %".to_owned())]);
    }
    assert_eq!(measure(&JPEG_QUALITY, &read(b"GIF89a", None), &rule), Err(Missing::NotInFormat));
}
