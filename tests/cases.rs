//! Labelled real photos: every fault is caught by its check, no clean photo fails, and lengths stay near the hand-made
//! truth. The photos are not part of the repository; without them the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::HashMap;
use std::path::PathBuf;

use gradphoto::check::Status;
use gradphoto::profile::builtin;
use gradphoto::{Engine, Input, Report};

fn photos() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/photos"));
    if !path.is_dir() {
        println!("skipped: the labelled photos are not beside the checkout");
    }
    path.is_dir().then_some(path)
}

type Labels = HashMap<String, String>;

fn table(path: PathBuf) -> Vec<Labels> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn check(engine: &Engine, path: PathBuf) -> Report {
    let bytes = std::fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    engine
        .check(Input { bytes: &bytes, name: Some(&name), captured_before: None }, &builtin("zikao-graduation").unwrap())
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

#[test]
fn labelled_faults_are_caught_and_clean_photos_pass() {
    let Some(photos) = photos() else { return };
    let engine = Engine::new().unwrap();
    let (mut missed, mut faults) = ([Vec::new(), Vec::new()], [0, 0]);
    let (mut false_alarms, mut warned, mut clean) = (Vec::new(), 0, 0);
    let mut eye_errors = Vec::new();
    for row in table(photos.join("cases/cases.csv")) {
        let report = check(&engine, photos.join("cases").join(&row["file"]));
        if row["kind"] == "clean" {
            clean += 1;
            false_alarms.extend(report.failing().map(|c| format!("{}: {}", row["file"], c.id)));
            warned += usize::from(report.checks.iter().any(|c| c.status == Status::Warn));
            let truth: f64 = row["eye_y"].parse().unwrap();
            let face = report.face.as_ref().unwrap();
            eye_errors.push(((face.eye_left.y + face.eye_right.y) / 2.0 - truth).abs());
        } else {
            let wanted: Vec<_> = row["must_fail"].split('|').filter_map(|id| report.check(id)).collect();
            let strong = row["severity"] == "strong";
            faults[usize::from(strong)] += usize::from(!wanted.is_empty());
            if !wanted.is_empty() && !wanted.iter().any(|c| c.status == Status::Fail) {
                missed[usize::from(strong)].push(row["file"].clone());
            }
        }
    }
    let [mild, strong] = missed;
    // Mild stretches of the face lie within what people differ by; docs/coverage.md names what is missed.
    assert!(mild.len() * 10 <= faults[0], "{} mild faults, of which pass: {mild:?}", faults[0]);
    assert!(strong.is_empty(), "strong faults that pass: {strong:?}");
    assert!(false_alarms.len() <= 1, "clean photos that fail: {false_alarms:?}");
    assert!(warned * 10 <= clean, "{warned} of {clean} clean photos warn");
    assert!(percentile(&mut eye_errors, 0.5) <= 0.8, "eye line, median");
    assert!(percentile(&mut eye_errors, 0.95) <= 2.0, "eye line, 95th percentile");
}

#[test]
fn lengths_on_portraits_stay_near_the_hand_made_truth() {
    let Some(photos) = photos() else { return };
    let engine = Engine::new().unwrap();
    let (mut eyes, mut tops, mut widths) = (Vec::new(), Vec::new(), Vec::new());
    for row in table(photos.join("portraits.csv")) {
        let report = check(&engine, photos.join(&row["file"]));
        let truth = |name: &str| row[name].parse::<f64>().unwrap();
        let scale = 640.0 / truth("height");
        let face = report.face.unwrap_or_else(|| panic!("no face in {}", row["file"]));
        let eye_y = (truth("pupil_l_y") + truth("pupil_r_y")) / 2.0;
        eyes.push(((face.eye_left.y + face.eye_right.y) / 2.0 - eye_y).abs() * scale);
        widths.push((face.width - truth("face_w_cheek")).abs() * scale);
        tops.push((face.head_top_y.unwrap() - truth("head_top_y")).abs() * scale);
    }
    let near = |values: &mut Vec<f64>, what: &str, median: f64, p95: f64| {
        let (m, p) = (percentile(values, 0.5), percentile(values, 0.95));
        assert!(m <= median && p <= p95, "{what}: median {m:.2}, 95th percentile {p:.2}");
    };
    near(&mut eyes, "eye line", 0.8, 2.0);
    near(&mut tops, "head top", 1.0, 4.0);
    // The shipped net has seen these people: this holds the port, not the accuracy, which models/cheek_edge measures.
    near(&mut widths, "face width", 1.6, 4.0);
}
