//! The nets say what ONNX Runtime says of the same pixels. `models/reference.py` writes down what that is.

use std::path::{Path, PathBuf};

use gradphoto::face::net::{Net, OnnxNet, rows_of};
use image::RgbImage;
use serde::Deserialize;

/// The square of the sample photo that every net is shown: left, top, side.
const SQUARE: [usize; 3] = [128, 0, 256];

/// Largest difference, as a share of the largest value of an output: sums are added up in another order.
const TOLERANCE: f32 = 2e-5;

#[derive(Deserialize)]
struct Reference {
    file: String,
    /// Pictures, rows, columns, channels.
    input: [usize; 4],
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    len: usize,
    largest: f32,
    /// Every how many values one is in the file.
    step: usize,
    values: Vec<f32>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Pixels picked without interpolation, 0 to 1.
fn input(photo: &RgbImage, [pictures, rows, columns, _]: [usize; 4]) -> Vec<f32> {
    let [left, top, side] = SQUARE;
    let mut picture = Vec::with_capacity(rows * columns * 3);
    for y in 0..rows {
        for x in 0..columns {
            let (x, y) = (left + x * side / columns, top + y * side / rows);
            picture.extend(photo.get_pixel(x as u32, y as u32).0.map(|value| f32::from(value) / 255.0));
        }
    }
    picture.repeat(pictures)
}

#[test]
fn the_nets_say_what_another_runtime_says() {
    let references: Vec<Reference> =
        serde_json::from_slice(&std::fs::read(root().join("tests/nets.json")).expect("tests/nets.json is readable"))
            .expect("tests/nets.json is as models/reference.py writes it");
    assert_eq!(references.len(), 6);
    let photo = image::open(root().join("sample-photos/astronaut.png")).expect("a sample photo").into_rgb8();
    for Reference { file, input: shape, outputs } in references {
        let weights = std::fs::read(root().join("models").join(&file)).expect("a file of the manifest").leak();
        let net = OnnxNet::new("a net", shape, weights);
        let made = net.run(&mut rows_of(&input(&photo, shape))).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(made.len(), outputs.len(), "{file}");
        for (made, wanted) in made.iter().zip(&outputs) {
            assert_eq!(made.len(), wanted.len, "{file}");
            for (value, wanted_value) in made.iter().step_by(wanted.step).zip(&wanted.values) {
                let off = (value - wanted_value).abs();
                assert!(off <= TOLERANCE * wanted.largest, "{file}: {value} is not {wanted_value}");
            }
        }
    }
}

#[test]
fn some_values_of_an_output_are_those_of_all() {
    let photo = image::open(root().join("sample-photos/astronaut.png")).expect("a sample photo").into_rgb8();
    let shape = [1, 256, 256, 3];
    let weights =
        std::fs::read(root().join("models/face_landmarks_detector.onnx")).expect("a file of the manifest").leak();
    let picture = input(&photo, shape);
    let run = |net: OnnxNet| net.run(&mut rows_of(&picture));
    let all = run(OnnxNet::new("all", shape, weights)).expect("runs");
    let wanted = [1433, 0, 7, 700];
    let some = run(OnnxNet::new("some", shape, weights).giving(wanted)).expect("runs");
    assert_eq!(some[0].len(), wanted.len());
    for (value, at) in some[0].iter().zip(wanted) {
        assert!((value - all[0][at]).abs() <= TOLERANCE * 256.0, "{value} is not {}", all[0][at]);
    }
    assert_eq!(some[1..], all[1..]);
    // There is no such value; and the parser's output is no place.
    assert!(run(OnnxNet::new("beyond", shape, weights).giving([1434])).is_err());
    let parser = std::fs::read(root().join("models/head_parser.onnx")).expect("a file of the manifest").leak();
    assert!(OnnxNet::new("parser", [1, 192, 144, 3], parser).giving([0]).run(&mut |_, _| ()).is_err());
}

#[test]
fn what_cannot_be_run_is_an_error() {
    let weights: &[u8] = std::fs::read(root().join("models/cheek_edge.onnx")).expect("a file of the manifest").leak();
    let error = OnnxNet::new("none", [1, 4, 4, 3], b"no net").run(&mut |_, _| ()).expect_err("no ONNX file");
    assert!(error.to_string().starts_with("net none: "), "{error}");
    // A net of another input: its window is wider than such a picture.
    let error = OnnxNet::new("cheek_edge", [1, 1, 1, 3], weights).run(&mut |_, _| ()).expect_err("another shape");
    assert!(error.to_string().starts_with("net cheek_edge: operator Conv"), "{error}");
    // Cut short anywhere, a file is an error or a net, never a panic.
    for end in (0..weights.len()).step_by(97) {
        let _ = OnnxNet::new("cut", [2, 10, 48, 3], &weights[..end]).run(&mut |_, row| row.fill(0.0));
    }
}
