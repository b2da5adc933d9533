//! The whole pipeline: on fake nets, on drawn pictures, and on a real photo that is turned and shifted.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::Cursor;

use gradphoto::check::Status;
use gradphoto::face::Detection;
use gradphoto::face::detect::Detector;
use gradphoto::face::net::{Net, NetError, Nets, Rows, values_of};
use gradphoto::measure::skin::OVAL;
use gradphoto::profile::{Profile, builtin};
use gradphoto::report::ReportValue;
use gradphoto::units::{Point, Rect};
use gradphoto::{Engine, Input, Report, Verdict};
use image::{ImageFormat, Rgb, RgbImage};
use imageproc::geometric_transformations::{Border, Interpolation, rotate_about_center};

const BLUE: Rgb<u8> = Rgb([100, 197, 255]);

/// Finds one face wherever it is told to.
struct FixedDetector(Vec<Rect>);

impl Detector for FixedDetector {
    fn detect(&self, _: &RgbImage, _: Rect) -> Result<Vec<Detection>, NetError> {
        Ok(self.0.iter().map(|&bounds| detection(bounds)).collect())
    }
}

fn detection(bounds: Rect) -> Detection {
    let at = |u: f64, v: f64| Point::new(bounds.x + u * bounds.width, bounds.y + v * bounds.height);
    let keypoints = [at(0.3, 0.4), at(0.7, 0.4), at(0.5, 0.6), at(0.5, 0.8), at(0.0, 0.5), at(1.0, 0.5)];
    Detection { bounds, score: 0.9, keypoints }
}

/// A mesh that fills the middle two thirds of the crop: all points on an ellipse, but those that are measured.
struct FixedMesh {
    logit: f32,
}

impl Net for FixedMesh {
    fn input_shape(&self) -> [usize; 4] {
        [1, 192, 192, 3]
    }

    fn run(&self, input: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
        let input = values_of(self.input_shape(), input);
        assert!(input.iter().all(|v| (0.0..=1.0).contains(v)), "the crop is in 0..1");
        let mut mesh: Vec<[f32; 3]> = (0..468)
            .map(|i| {
                let angle = i as f32 * 0.1;
                [96.0 + 50.0 * angle.cos(), 96.0 + 60.0 * angle.sin(), 0.0]
            })
            .collect();
        let mut put = |i: usize, x: f32, y: f32| mesh[i] = [x, y, 0.0];
        for (k, &i) in OVAL.iter().enumerate() {
            let angle = (10.0 * k as f32).to_radians();
            put(i, 96.0 + 56.0 * angle.sin(), 100.0 - 58.0 * angle.cos());
        }
        put(9, 96.0, 74.0);
        put(2, 96.0, 112.0);
        put(93, 40.0, 100.0);
        put(323, 152.0, 100.0);
        put(152, 96.0, 160.0);
        for (outer, inner, lids) in
            [(33, 133, [159, 160, 158, 145, 144, 153]), (263, 362, [386, 387, 385, 374, 373, 380])]
        {
            let (x, toward) = if outer == 33 { (56.0, 24.0) } else { (136.0, -24.0) };
            put(outer, x, 80.0);
            put(inner, x + toward, 80.0);
            for (k, lid) in lids.into_iter().enumerate() {
                put(lid, x + toward / 2.0, if k < 3 { 77.0 } else { 83.0 });
            }
        }
        Ok(vec![mesh.into_iter().flatten().collect(), vec![self.logit]])
    }
}

/// Sees the edge of the cheek on the mesh's outline.
struct FlatEdge;

impl Net for FlatEdge {
    fn input_shape(&self) -> [usize; 4] {
        [2, 10, 48, 3]
    }

    fn run(&self, _: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
        Ok(vec![vec![1.0 / 48.0; 96]])
    }
}

/// Sees hair above, face, ears and neck, and what is `worn` over them.
struct FixedHead {
    worn: Worn,
}

#[derive(Clone, Copy, PartialEq)]
enum Worn {
    Nothing,
    Sunglasses,
    Hat,
    Mask,
}

impl Net for FixedHead {
    fn input_shape(&self) -> [usize; 4] {
        [1, 192, 144, 3]
    }

    fn run(&self, _: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
        // The pupils lie in row 43, the nose's base a little below row 56.
        let class = |x: usize, y: usize| match (x, y) {
            (_, 0..26) if self.worn == Worn::Hat => 5,
            (20..52, 56..80) if self.worn == Worn::Mask => 5,
            (20..52, 38..50) if self.worn == Worn::Sunglasses => 7,
            (_, 0..26) => 1,
            (20..52, 26..80) => 2,
            (8..64, 26..) => 3,
            _ => 0,
        };
        let mut logits = vec![0.0; 8 * 96 * 72];
        for y in 0..96 {
            for x in 0..72 {
                logits[(y * 72 + x) * 8 + class(x, y)] = 1.0;
            }
        }
        Ok(vec![logits])
    }
}

struct NoNet;

impl Net for NoNet {
    fn input_shape(&self) -> [usize; 4] {
        [1, 256, 256, 3]
    }

    fn run(&self, _: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
        Err(NetError { net: "segmenter", reason: "must not run".to_owned() })
    }
}

fn fake_engine(faces: &[Rect], logit: f32) -> Engine {
    Engine::with_nets(fake_nets(faces, logit, Worn::Nothing))
}

fn fake_nets(faces: &[Rect], logit: f32, worn: Worn) -> Nets {
    Nets {
        detector: Box::new(FixedDetector(faces.to_vec())),
        landmarks: Box::new(FixedMesh { logit }),
        cheek_edge: Box::new(FlatEdge),
        parser: Box::new(FixedHead { worn }),
        fine_landmarks: Box::new(NoNet),
        segmenter: Box::new(NoNet),
    }
}

/// A head and shoulders of plain colours on blue: hair top at y = 80.
fn drawn() -> RgbImage {
    RgbImage::from_fn(480, 640, |x, y| {
        let (dx, dy) = (f64::from(x) - 239.5, f64::from(y) - 269.5);
        let head = (dx / 115.0).powi(2) + (dy / 190.0).powi(2) < 1.0;
        let shoulders = y > 500 && dx.abs() < 120.0 + f64::from(y - 500) * 0.8;
        match (head, shoulders) {
            (true, _) if y < 160 => Rgb([40, 30, 25]),
            (true, _) => Rgb([224, 180, 150]),
            (_, true) => Rgb([60, 20, 30]),
            _ => BLUE,
        }
    })
}

fn png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn national() -> Profile {
    builtin("zikao-graduation").unwrap()
}

fn check(engine: &Engine, bytes: &[u8]) -> Report {
    engine.check(Input { bytes, name: Some("a.jpg"), captured_before: None }, &national())
}

fn status(report: &Report, id: &str) -> Status {
    report.check(id).unwrap_or_else(|| panic!("{id} is not in the report")).status
}

fn number(report: &Report, id: &str) -> f64 {
    match report.check(id).and_then(|check| check.value.clone()) {
        Some(ReportValue::Number(value)) => value,
        other => panic!("{id} is {other:?}"),
    }
}

const FACE: Rect = Rect { x: 140.0, y: 170.0, width: 200.0, height: 200.0 };

#[test]
fn fake_nets_carry_a_drawn_photo_through_the_whole_pipeline() {
    let report = check(&fake_engine(&[FACE], 5.0), &png(&drawn()));
    assert_eq!(status(&report, "face.count"), Status::Pass);
    // The crop is 300 px wide around (240, 270); crop y 80 is 55 px above the middle of 96: 16 * 300 / 192 = 25.
    assert!((number(&report, "face.eye-line") - 245.0).abs() < 5.0, "{}", number(&report, "face.eye-line"));
    assert!((number(&report, "face.head-top") - 80.0).abs() < 3.0, "{}", number(&report, "face.head-top"));
    assert_eq!(status(&report, "background.color"), Status::Pass);
    assert_eq!(status(&report, "background.object"), Status::Pass);
    assert_eq!(status(&report, "clothes.contrast"), Status::Pass);
    assert_eq!(status(&report, "file.format"), Status::Fail);
    assert_eq!(report.verdict, Verdict::Reject);
    assert!(report.not_checked.iter().any(|item| item.id == "mirrored"));
}

/// The same drawn photo, judged in percent and from below: the numbers are those of the pixels, the words name the edge.
#[test]
fn positions_are_judged_in_percent_and_from_the_bottom() {
    let rule = |limits: &str| {
        let text = format!(
            "id = \"office\"\nversion = \"1\"\ntitle = {{ zh = \"办\", en = \"office\" }}\nextends = \"zikao-graduation\"\n\
             source = \"letter\"\nconfidence = \"H\"\n[check.\"face.eye-line\"]\n{limits}\n\
             [check.\"face.head-height\"]\nof = \"height-percent\"\nfail = {{ min = 20, max = 90 }}\n\
             [check.\"face.eye-distance\"]\nof = \"width-percent\"\nfail = {{ min = 5, max = 60 }}"
        );
        gradphoto::profile::parse(&text).unwrap()
    };
    let (engine, bytes) = (fake_engine(&[FACE], 5.0), png(&drawn()));
    let judged =
        |limits: &str| engine.check(Input { bytes: &bytes, name: Some("a.jpg"), captured_before: None }, &rule(limits));
    let pixels = judged("fail = { min = 200, max = 300 }");
    let eyes = number(&pixels, "face.eye-line");
    assert_eq!(pixels.check("face.eye-line").unwrap().ruler, None);
    let face = pixels.face.as_ref().unwrap();
    let head = (face.chin_y - face.head_top_y.unwrap()) / 6.4;
    assert!((number(&pixels, "face.head-height") - head).abs() < 0.02, "{head}");
    let apart = (face.eye_right.x - face.eye_left.x) / 4.8;
    assert!((number(&pixels, "face.eye-distance") - apart).abs() < 0.02, "{apart}");

    // The eyes lie at about 38 % from the top, 62 % from the bottom.
    for (limits, reading, expected, wanted_en, wanted_zh) in [
        (
            "of = \"height-percent\"\nfail = { min = 30, max = 50 }",
            eyes / 6.4,
            Status::Pass,
            "the photo's height from the top edge",
            "距上边沿照片高度的",
        ),
        (
            "of = \"height-percent\"\nfrom = \"bottom\"\nfail = { min = 56, max = 69 }",
            100.0 - eyes / 6.4,
            Status::Pass,
            "from the bottom edge",
            "距下边沿",
        ),
        ("from = \"bottom\"\nfail = { min = 207 }", 640.0 - eyes, Status::Pass, "px from the bottom edge", "距下边沿"),
        ("from = \"bottom\"\nfail = { min = 500 }", 640.0 - eyes, Status::Fail, "too low", "眼睛过低"),
        (
            "of = \"height-percent\"\nfrom = \"bottom\"\nfail = { max = 40 }",
            100.0 - eyes / 6.4,
            Status::Fail,
            "too high",
            "眼睛过高",
        ),
        ("of = \"height-percent\"\nfail = { min = 45 }", eyes / 6.4, Status::Fail, "too high", "眼睛过高"),
    ] {
        let report = judged(limits);
        let result = report.check("face.eye-line").unwrap();
        assert_eq!(result.status, expected, "{limits}: {}", result.message.en);
        assert!((number(&report, "face.eye-line") - reading).abs() < 0.06, "{limits}: {reading} {result:?}");
        assert!(result.message.en.contains(wanted_en) && result.message.zh.contains(wanted_zh), "{:?}", result.message);
        assert!(result.ruler.is_some(), "{limits}");
    }
}

/// Where no glasses may be worn, any are told; and they only warn.
#[test]
fn glasses_are_told_where_none_may_be_worn() {
    let bytes = png(&drawn());
    for id in ["yanzhao-postgraduate", "us-visa"] {
        let profile = builtin(id).unwrap();
        let worn = |worn| {
            let engine = Engine::with_nets(fake_nets(&[FACE], 5.0, worn));
            let report = engine.check(Input { bytes: &bytes, name: None, captured_before: None }, &profile);
            (status(&report, "glasses.worn"), number(&report, "glasses.worn"))
        };
        assert_eq!(worn(Worn::Nothing), (Status::Pass, 0.0), "{id}");
        let (status, share) = worn(Worn::Sunglasses);
        assert!(status == Status::Warn && share > 50.0, "{id}: {status:?} {share}");
    }
}

#[test]
fn what_another_finding_hides_is_undetermined_and_names_it() {
    // The eyes' surroundings are painted dark, as behind lenses: a lens as bright as skin is none.
    let mut dark = drawn();
    for (x, y, pixel) in dark.enumerate_pixels_mut() {
        if (170..310).contains(&x) && (225..270).contains(&y) {
            *pixel = Rgb([12, 12, 14]);
        }
    }
    let bytes = png(&dark);
    let report = |worn| check(&Engine::with_nets(fake_nets(&[FACE], 5.0, worn)), &bytes);
    for (worn, finding, hidden) in [
        (Worn::Sunglasses, "glasses.tint", &["eyes.open", "eyes.gaze", "eyes.red"][..]),
        (Worn::Hat, "cover.head", &["face.head-top", "face.hairline", "face.ears", "cover.hair"]),
        (Worn::Mask, "cover.face", &["mouth.closed"]),
    ] {
        let (with, bare) = (report(worn), report(Worn::Nothing));
        assert_eq!(status(&bare, finding), Status::Pass, "{finding} on a bare head");
        assert_eq!(status(&with, finding), Status::Fail, "{finding}: {:?}", with.check(finding));
        for id in hidden {
            let result = with.check(id).unwrap();
            assert_eq!(result.because_of.as_deref(), Some(finding), "{id}: {result:?}");
            let expected = if *id == "face.hairline" { Status::Pass } else { Status::Undetermined };
            assert_eq!((result.status, &result.value), (expected, &None), "{id}");
            assert!(result.message.en.contains(finding) && result.message.zh.contains(finding), "{:?}", result.message);
            assert_eq!(bare.check(id).unwrap().because_of, None, "{id}");
        }
    }
}

#[test]
fn a_second_face_and_no_face_are_told() {
    let second = Rect { x: 20.0, y: 20.0, width: 60.0, height: 60.0 };
    let bytes = png(&drawn());
    assert_eq!(status(&check(&fake_engine(&[FACE, second], 5.0), &bytes), "face.count"), Status::Fail);
    let none = check(&fake_engine(&[], 5.0), &bytes);
    assert_eq!(status(&none, "face.count"), Status::Fail);
    assert_eq!(status(&none, "face.eye-line"), Status::Undetermined);
    assert!(none.face.is_none());
}

#[test]
fn a_crop_that_the_landmark_net_takes_for_no_face_is_none() {
    let report = check(&fake_engine(&[FACE], -5.0), &png(&drawn()));
    assert_eq!(status(&report, "face.count"), Status::Fail);
}

#[test]
fn a_fault_of_a_net_is_undetermined_and_never_an_acceptance() {
    // A chequered background is not plain, so the segmenter is asked, and it fails.
    let mut photo = drawn();
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        if *pixel == BLUE && (x / 24 + y / 24) % 2 == 0 {
            *pixel = Rgb([200, 40, 40]);
        }
    }
    let report = check(&fake_engine(&[FACE], 5.0), &png(&photo));
    assert_eq!(status(&report, "background.color"), Status::Undetermined);
    assert_ne!(report.verdict, Verdict::Accept);
}

#[test]
fn the_face_moves_with_the_detection() {
    let bytes = png(&drawn());
    let at = |dy: f64| {
        let face = Rect { y: FACE.y + dy, ..FACE };
        number(&check(&fake_engine(&[face], 5.0), &bytes), "face.width")
    };
    assert!((at(0.0) - at(17.0)).abs() < 0.2);
}

#[test]
fn a_thing_beside_the_head_is_an_object_and_an_edge_of_shade_is_a_shadow() {
    let mut photo = drawn();
    for y in 100..180 {
        for x in 20..60 {
            photo.put_pixel(x, y, Rgb([60, 160, 40]));
        }
    }
    let report = check(&fake_engine(&[FACE], 5.0), &png(&photo));
    assert_eq!(status(&report, "background.object"), Status::Fail);

    let mut photo = drawn();
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        if *pixel == BLUE && (200..400).contains(&y) && x > 300 {
            let depth = 1.0 - 0.35 * (1.0 - (f64::from(x) - 300.0) / 180.0);
            *pixel = Rgb(BLUE.0.map(|v| (f64::from(v) * depth) as u8));
        }
    }
    let report = check(&fake_engine(&[FACE], 5.0), &png(&photo));
    assert_eq!(status(&report, "background.shadow"), Status::Fail);
}

/// The sample photo on blue, real nets.
fn sample() -> RgbImage {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-photos/样例-蓝底.jpg");
    let bytes = std::fs::read(path).unwrap();
    let (_, photo) = gradphoto::photo::decode(&bytes, None, &gradphoto::limits::Limits::default());
    photo.unwrap().into_rgb()
}

#[test]
fn turning_a_real_photo_turns_the_measured_roll() {
    let engine = Engine::new().unwrap();
    let photo = sample();
    let roll = |degrees: f32| {
        let turned = rotate_about_center(&photo, degrees.to_radians(), Interpolation::Bilinear, Border::Constant(BLUE));
        let report = check(&engine, &png(&turned));
        report.face.expect("the face is found").roll_degrees
    };
    let level = roll(0.0);
    for degrees in [-9.0f32, -4.0, 3.0, 8.0] {
        let measured = roll(degrees) - level;
        assert!((measured - f64::from(degrees)).abs() < 1.2, "turned by {degrees}, measured {measured}");
    }
}

#[test]
fn shifting_and_scaling_a_real_photo_moves_what_is_measured() {
    let engine = Engine::new().unwrap();
    let photo = sample();
    let face = |image: &RgbImage| check(&engine, &png(image)).face.expect("the face is found");
    let still = face(&photo);

    let mut moved = RgbImage::from_pixel(480, 640, BLUE);
    image::imageops::overlay(&mut moved, &photo, 12, 20);
    let moved = face(&moved);
    assert!((moved.eye_left.y - still.eye_left.y - 20.0).abs() < 1.0);
    assert!((moved.center_x - still.center_x - 12.0).abs() < 2.0);
    assert!((moved.head_top_y.unwrap() - still.head_top_y.unwrap() - 20.0).abs() < 1.5);

    let twice = image::imageops::resize(&photo, 960, 1280, image::imageops::FilterType::CatmullRom);
    let twice = face(&twice);
    assert!((twice.eye_left.y / 2.0 - still.eye_left.y).abs() < 1.0);
    assert!((twice.width / 2.0 - still.width).abs() < 3.0);
    assert!((twice.head_top_y.unwrap() / 2.0 - still.head_top_y.unwrap()).abs() < 2.0);
}

#[test]
fn the_same_photo_gives_the_same_report() {
    let engine = Engine::new().unwrap();
    let bytes = png(&sample());
    let (mut a, mut b) = (check(&engine, &bytes), check(&engine, &bytes));
    a.timings_ms = Default::default();
    b.timings_ms = Default::default();
    assert_eq!(a, b);
}

#[test]
fn the_other_detector_finds_the_same_face() {
    let engine = Engine::with_detector(gradphoto::face::net::DetectorKind::SeetaFace).unwrap();
    let report = check(&engine, &png(&sample()));
    assert_eq!(status(&report, "face.count"), Status::Pass);
    let default = check(&Engine::new().unwrap(), &png(&sample()));
    let (a, b) = (report.face.unwrap(), default.face.unwrap());
    assert!((a.eye_left.y - b.eye_left.y).abs() < 3.0);
}
