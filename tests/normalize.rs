//! Normalizing real photos: whole, and judged by truth that was made by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use gradphoto::check::Status;
use gradphoto::normalize::{Background, NormalizeError, Normalized, Options};
use gradphoto::units::Point;
use gradphoto::{Engine, Input, Profile, profile};
use image::{ImageFormat, RgbImage, imageops};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

fn national() -> Profile {
    profile::builtin("zikao-graduation").unwrap()
}

fn normalized(bytes: &[u8], options: &Options) -> Result<Normalized, NormalizeError> {
    ENGINE.normalize(Input { bytes, name: Some("photo.jpg"), captured_before: None }, &national(), options)
}

fn on(background: &str) -> Options {
    Options { background: background.parse().unwrap(), rotate: false }
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-photos").join(name)).unwrap()
}

fn png(rgb: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    rgb.write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

/// What has to hold of every result, whoever is on it.
fn assert_compliant(made: &Normalized, bytes_kib: std::ops::RangeInclusive<f64>) {
    for id in ["file.format", "file.bytes", "file.dimensions", "file.density", "file.color-depth", "file.jpeg-quality"]
    {
        let check = made.report.check(id).unwrap();
        assert_eq!(check.status, Status::Pass, "{id}: {}", check.message.en);
    }
    assert_eq!(made.report.file.bytes, made.jpeg.len() as u64);
    assert!(bytes_kib.contains(&(made.jpeg.len() as f64 / 1024.0)));
    for id in ["face.head-top", "face.eye-line", "face.width", "face.centering"] {
        let check = made.report.check(id).unwrap();
        assert_eq!(check.status, Status::Pass, "{id}: {}", check.message.en);
    }
}

#[test]
fn a_sample_becomes_compliant_and_then_stays_as_it_is() {
    for background in ["blue", "white"] {
        let made = normalized(&sample("astronaut.png"), &on(background)).unwrap();
        assert_compliant(&made, 20.0..=40.0);
        assert!(made.report.actions.iter().any(|action| action.id == "background"));
        // She smiles with teeth: that is said, and not mended.
        assert!(made.still_failing().any(|id| id == "mouth.closed"));
        let again = normalized(&made.jpeg, &on(background)).unwrap();
        assert!(again.already_compliant && again.jpeg == made.jpeg, "{:?}", again.report.actions);
    }
}

/// A photo as phones make it, decoded at a part of its size, comes to lie where the small one does.
#[test]
fn a_large_photo_is_laid_as_the_small_one_is() {
    let small = image_of(&sample("astronaut.png"));
    let large = imageops::resize(&small, 8 * small.width(), 8 * small.height(), imageops::FilterType::CatmullRom);
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 92)
        .encode(&large, large.width() as u16, large.height() as u16, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    let of_small = normalized(&png(&small), &on("blue")).unwrap();
    let of_large = normalized(&jpeg, &on("blue")).unwrap();
    assert_compliant(&of_large, 20.0..=40.0);
    let (a, b) = (of_small.plan.unwrap(), of_large.plan.unwrap());
    assert!((a.scale / b.scale / 8.0 - 1.0).abs() < 0.01, "{} {}", a.scale, b.scale);
    for corner in [Point::new(0.0, 0.0), Point::new(512.0, 512.0)] {
        let apart = a.to_result(corner).distance(b.to_result(Point::new(8.0 * corner.x, 8.0 * corner.y)));
        assert!(apart < 3.0, "{apart} px apart");
    }
    let crop = of_large.report.actions.iter().find(|action| action.id == "crop").unwrap();
    assert!(crop.text.en.contains("from 4096x4096"), "{}", crop.text.en);
}

/// A person who is small on a large photo is seen on a part of its size, and made of as many pixels as the frame needs.
#[test]
fn a_small_person_on_a_large_photo_keeps_all_detail() {
    let person = image_of(&sample("样例-蓝底.jpg"));
    let person = imageops::resize(&person, 1056, 1408, imageops::FilterType::CatmullRom);
    let mut large = RgbImage::from_pixel(2400, 3200, *person.get_pixel(20, 20));
    imageops::replace(&mut large, &person, 700, 3200 - 1408);
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 95).encode(&large, 2400, 3200, jpeg_encoder::ColorType::Rgb).unwrap();
    let made = normalized(&jpeg, &on("keep")).unwrap();
    assert_compliant(&made, 20.0..=40.0);
    // A PNG is always decoded in full.
    let whole = normalized(&png(&large), &on("keep")).unwrap();
    let (a, b) = (made.plan.unwrap(), whole.plan.unwrap());
    assert!((a.scale / b.scale - 1.0).abs() < 0.01, "{} {}", a.scale, b.scale);
    let (a, b) = (image_of(&made.jpeg), image_of(&whole.jpeg));
    let steps = |rgb: &RgbImage| -> f64 {
        let rows = rgb.rows().map(|row| row.map(|pixel| f64::from(pixel.0[1])).collect::<Vec<_>>());
        rows.flat_map(|row| row.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect::<Vec<_>>()).sum()
    };
    assert!((steps(&a) / steps(&b) - 1.0).abs() < 0.03, "{} {}", steps(&a), steps(&b));
}

/// Standards that go by the lower edge, by shares of the photo, and by a range of sizes.
#[test]
fn other_standards_get_their_sizes_and_positions_too() {
    for (id, size, positions) in [
        ("id-card-ga461", (358, 441), &["face.head-top", "face.eye-line", "face.width", "face.centering"][..]),
        ("us-visa", (600, 600), &["face.head-height", "face.eye-line", "face.centering"]),
        ("exit-entry", (480, 640), &["face.width", "face.eye-distance", "face.centering"]),
    ] {
        let profile = profile::builtin(id).unwrap();
        let of = |bytes: &[u8]| {
            let input = Input { bytes, name: Some("photo.jpg"), captured_before: None };
            ENGINE.normalize(input, &profile, &on("white")).unwrap_or_else(|error| panic!("{id}: {error}"))
        };
        let made = of(&sample("astronaut.png"));
        for check in made.report.checks.iter().filter(|check| {
            (check.id.starts_with("file.") && check.id != "file.edited") || positions.contains(&check.id.as_str())
        }) {
            assert_eq!(check.status, Status::Pass, "{id}: {}: {}", check.id, check.message.en);
        }
        let (width, height) = (made.report.file.width.unwrap(), made.report.file.height.unwrap());
        assert!(width * size.1 == height * size.0 && width <= size.0, "{id}: {width}x{height}");
        let again = of(&made.jpeg);
        assert!(again.already_compliant && again.jpeg == made.jpeg, "{id}: {:?}", again.report.actions);
    }
}

/// A small source is not enlarged where the profile accepts a smaller size, and is where it does not.
#[test]
fn a_small_source_gives_a_smaller_photo_where_that_is_accepted() {
    let small = {
        let whole = image_of(&sample("样例-蓝底.jpg"));
        png(&imageops::resize(&whole, 390, 520, imageops::FilterType::CatmullRom))
    };
    let exit_entry = profile::builtin("exit-entry").unwrap();
    let input = Input { bytes: &small, name: Some("photo.jpg"), captured_before: None };
    let made = ENGINE.normalize(input, &exit_entry, &on("keep")).unwrap();
    let plan = made.plan.unwrap();
    let width = plan.canvas.width;
    assert!((354..480).contains(&width) && width * 4 == plan.canvas.height * 3, "{plan:?}");
    assert!(plan.scale <= 1.01 + 1e-6 || width == 354, "{plan:?}");
    assert_eq!(made.report.file.width, Some(width));
    let national = normalized(&small, &on("keep")).unwrap();
    assert_eq!(national.report.file.width, Some(480));
}

#[test]
fn a_wrong_density_alone_costs_no_pixel() {
    let before = sample("collins-derived-blue-72dpi.jpg");
    let made = normalized(&before, &Options::default()).unwrap();
    assert_eq!(made.report.actions.iter().map(|action| action.id.as_str()).collect::<Vec<_>>(), ["label"]);
    assert_eq!(made.report.file.dpi, Some(300.0));
    let pixels = |bytes: &[u8]| image_of(bytes);
    assert_eq!(pixels(&before), pixels(&made.jpeg));
}

fn image_of(bytes: &[u8]) -> RgbImage {
    let (_, photo) = ENGINE.read(Input { bytes, name: None, captured_before: None });
    photo.unwrap().into_rgb()
}

#[test]
fn what_cannot_be_mended_is_refused_with_a_code() {
    let code = |bytes: &[u8], options: &Options| normalized(bytes, options).unwrap_err().code();
    assert_eq!(code(b"no photo", &Options::default()), "unreadable");
    let gray = png(&RgbImage::from_pixel(600, 800, image::Rgb([128; 3])));
    assert_eq!(code(&gray, &Options::default()), "no-face");
    let whole = sample("样例-蓝底.jpg");
    assert_eq!(code(&whole[..whole.len() / 2], &Options::default()), "incomplete");
    assert_eq!(code(&whole, &on("pink")), "unknown-background");
    // Cut below the chin: hair, eyes and lower edge cannot all be where they belong.
    let astronaut = image_of(&sample("astronaut.png"));
    let cut = imageops::crop_imm(&astronaut, 60, 0, 350, 190).to_image();
    let error = normalized(&png(&cut), &on("blue")).unwrap_err();
    assert_eq!(error.code(), "no-feasible-crop", "{error}");
    assert!(error.text().zh.contains("像素") && error.text().en.contains("misses by"), "{error}");
}

#[test]
fn a_profile_that_forbids_is_obeyed() {
    let text = r#"
        id = "strict"
        version = "1"
        title = { zh = "严格", en = "strict" }
        extends = "zikao-graduation"
        source = "test"
        confidence = "M"
        [normalize]
        background = "forbid"
        rotate = "forbid"
    "#;
    let strict = profile::parse(text).unwrap();
    let bytes = sample("astronaut.png");
    let input = Input { bytes: &bytes, name: None, captured_before: None };
    for options in [on("blue"), on("auto"), Options { background: Background::Keep, rotate: true }] {
        let error = ENGINE.normalize(input, &strict, &options).unwrap_err();
        assert_eq!(error.code(), "forbidden", "{error}");
    }
}

/// The picture moved by whole pixels gives the same frame: the same bytes.
#[test]
fn the_result_does_not_depend_on_where_the_person_stands() {
    let sample = image_of(&sample("样例-蓝底.jpg"));
    let (w, h) = sample.dimensions();
    let widened = |left: u32, right: u32| {
        let blue = *sample.get_pixel(4, 4);
        let mut wide = RgbImage::from_pixel(w + left + right, h, blue);
        imageops::replace(&mut wide, &sample, i64::from(left), 0);
        wide
    };
    let (a, b) = (normalized(&png(&widened(40, 40)), &on("keep")), normalized(&png(&widened(72, 8)), &on("keep")));
    let (a, b) = (a.unwrap(), b.unwrap());
    let (pa, pb) = (a.plan.unwrap(), b.plan.unwrap());
    assert!((pa.scale - pb.scale).abs() < 0.01 * pa.scale, "{pa:?} {pb:?}");
    assert!((pa.offset.x - pb.offset.x - 32.0 * pa.scale).abs() < 3.0, "{pa:?} {pb:?}");
}

/// Tilted heads are levelled when that is allowed, and only then.
#[test]
fn the_eyes_are_levelled_only_where_that_is_allowed() {
    let upright = image_of(&sample("样例-蓝底.jpg"));
    let blue = *upright.get_pixel(4, 4);
    let mut wide = RgbImage::from_pixel(640, 760, blue);
    imageops::replace(&mut wide, &upright, 80, 120);
    let tilted = imageproc::geometric_transformations::rotate_about_center(
        &wide,
        6f32.to_radians(),
        imageproc::geometric_transformations::Interpolation::Bicubic,
        imageproc::geometric_transformations::Border::Constant(blue),
    );
    let tilted = imageops::crop_imm(&tilted, 60, 40, 520, 720).to_image();
    let bytes = png(&tilted);
    let kept = normalized(&bytes, &on("keep")).unwrap();
    assert!(kept.report.face.as_ref().unwrap().roll_degrees > 4.0);
    let levelled = normalized(&bytes, &Options { rotate: true, ..on("keep") }).unwrap();
    assert!(levelled.report.face.as_ref().unwrap().roll_degrees.abs() < 1.5, "{:?}", levelled.report.face);
    assert!(levelled.report.actions.iter().any(|action| action.id == "rotate"));
    assert_compliant(&levelled, 20.0..=40.0);
}

/// A column of `portraits.csv`.
struct Truth {
    path: PathBuf,
    head_top: f64,
    eyes: [Point; 2],
    cheeks: [f64; 2],
}

fn portraits() -> Option<Vec<Truth>> {
    let shared = common::shared()?;
    let mut reader = csv::Reader::from_path(shared.join("portraits.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let text = |name: &str| &row[headers.iter().position(|header| header == name).unwrap()];
        let number = |name: &str| text(name).parse::<f64>().unwrap();
        Truth {
            path: shared.join(text("file")),
            head_top: number("head_top_y"),
            eyes: [
                Point::new(number("pupil_l_x"), number("pupil_l_y")),
                Point::new(number("pupil_r_x"), number("pupil_r_y")),
            ],
            cheeks: [number("face_l_x"), number("face_r_x")],
        }
    });
    Some(rows.collect())
}

/// People whose photos cannot be cropped into the bands, by their hand-made truth: the bun that touches the upper edge, and
/// a photo that ends 6 px too early below.
const IMPOSSIBLE: [(&str, &str); 2] = [("001_03", "head-cut-off"), ("025_03", "no-feasible-crop")];

/// All portraits, before both colours: accepted by file, position and background; idempotent; and right by the hand-made
/// truth carried through the same transform.
#[test]
fn portraits_become_compliant_by_their_truth_too() {
    let Some(portraits) = portraits() else { return };
    let bands = [("head top", 50.0, 110.0), ("eye", 200.0, 300.0), ("width", 180.0, 300.0), ("centring", -14.0, 14.0)];
    let (mut inside, mut all) = (0, 0);
    for background in ["blue", "white"] {
        for truth in &portraits {
            let stem = truth.path.file_stem().unwrap().to_str().unwrap();
            let bytes = std::fs::read(&truth.path).unwrap();
            let made = normalized(&bytes, &on(background));
            if let Some((_, code)) = IMPOSSIBLE.iter().find(|(name, _)| *name == stem) {
                assert_eq!(made.unwrap_err().code(), *code, "{stem}");
                continue;
            }
            let made = made.unwrap_or_else(|error| panic!("{stem} before {background}: {error}"));
            assert_compliant(&made, 20.0..=40.0);
            for id in ["background.color", "background.gradient", "background.shadow", "background.object"] {
                assert_eq!(made.report.check(id).unwrap().status, Status::Pass, "{stem} before {background}: {id}");
            }
            let again = normalized(&made.jpeg, &on(background)).unwrap();
            assert!(again.already_compliant, "{stem} before {background}: {:?}", again.report.actions);

            let plan = made.plan.unwrap();
            let place = |p: Point| plan.to_result(p);
            let middle = place(Point::new((truth.cheeks[0] + truth.cheeks[1]) / 2.0, 0.0)).x - 240.0;
            let values = [
                vec![place(Point::new(0.0, truth.head_top)).y],
                truth.eyes.map(|eye| place(eye).y).to_vec(),
                vec![(truth.cheeks[1] - truth.cheeks[0]) * plan.scale],
                vec![middle],
            ];
            for ((name, low, high), values) in bands.iter().zip(values) {
                let kept = values.iter().all(|value| (*low..=*high).contains(value));
                all += 1;
                inside += u32::from(kept);
                if !kept {
                    println!("{stem} before {background}: {name} {values:.1?}, not {low} to {high}");
                }
            }
        }
    }
    println!("{inside} of {all} quantities inside by the hand-made truth");
    assert!(f64::from(inside) >= 0.98 * f64::from(all), "{inside} of {all}");
}

/// Other programs read the result as the standard wants it.
#[test]
fn outside_tools_agree_on_size_density_and_quality() {
    let made = normalized(&sample("astronaut.png"), &on("blue")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("样例.jpg");
    std::fs::write(&path, &made.jpeg).unwrap();
    let run = |program: &str, args: &[&str]| match Command::new(program).args(args).arg(&path).output() {
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap().trim().to_owned()),
        Err(_) => {
            println!("skipped: {program} is not installed");
            None
        }
    };
    let quality = made.report.file.jpeg_quality.unwrap();
    if let Some(said) = run("identify", &["-units", "PixelsPerInch", "-format", "%m %w %h %x %y %Q %z"]) {
        assert_eq!(said, format!("JPEG 480 640 300 300 {quality} 8"));
    }
    let tags =
        ["-s3", "-ImageWidth", "-ImageHeight", "-XResolution", "-YResolution", "-ResolutionUnit", "-ColorComponents"];
    if let Some(said) = run("exiftool", &tags) {
        assert_eq!(said.lines().collect::<Vec<_>>(), ["480", "640", "300", "300", "inches", "3"]);
        // Nothing personal is left in the file.
        let all = run("exiftool", &["-G1", "-s"]).unwrap();
        assert!(!all.contains("[IFD0]") && !all.contains("[XMP") && !all.contains("GPS"), "{all}");
    }
}
