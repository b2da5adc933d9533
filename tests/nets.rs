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
