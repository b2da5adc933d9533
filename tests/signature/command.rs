//! The command: files, exit codes, JSON.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use image::RgbImage;

use super::pen::{BLUE, Coverage, Hand, PLAIN};
use super::{drawn, png};

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradphoto"));
    command.current_dir(folder).arg("signature").args(args).stdin(Stdio::null()).env("LC_ALL", "C").output().unwrap()
}

fn picture() -> Vec<u8> {
    png(&PLAIN.picture(&[(&drawn(Hand::Cursive, 4, 6.0), BLUE)], 3))
}

fn blank() -> Vec<u8> {
    png(&PLAIN.picture(&[(&Coverage::empty(400, 300), BLUE)], 3))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_folder_becomes_files_and_one_document() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("in/一班")).unwrap();
    fs::write(dir.path().join("in/a.png"), picture()).unwrap();
    fs::write(dir.path().join("in/一班/张三.png"), picture()).unwrap();
    fs::write(dir.path().join("in/blank.png"), blank()).unwrap();
    fs::write(dir.path().join("in/notes.txt"), "no picture").unwrap();
    let output = run(dir.path(), &["in", "--out", "made", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["summary"], serde_json::json!({"files": 4, "made": 2, "not_made": 2, "not_reached": 0}));
    let rows = document["rows"].as_array().unwrap();
    let row = |end: &str| rows.iter().find(|row| row["path"].as_str().unwrap().ends_with(end)).unwrap();
    assert_eq!(row("blank.png")["error"]["code"], "no-ink");
    assert_eq!(row("notes.txt")["error"]["code"], "unreadable");
    let made = &row("a.png")["made"];
    assert!(made["bytes"].as_u64().unwrap() <= 50 << 10 && made["degrees"].as_f64().unwrap().abs() > 3.0, "{made}");
    assert!(made["bounds"]["width"].as_f64().unwrap() > 400.0 && made["skew_by"] == "strokes", "{made}");
    assert!(dir.path().join("made/a.jpg").is_file() && dir.path().join("made/一班/张三.jpg").is_file());
    assert_eq!(fs::read_dir(dir.path().join("made")).unwrap().count(), 2);

    // Again: what exists is not replaced unasked.
    let output = run(dir.path(), &["in/a.png", "--out", "made", "--format", "jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    let row: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(row["error"]["code"], "output");
    let output = run(dir.path(), &["in/a.png", "--out", "made", "--overwrite", "--ink", "black", "--no-deskew"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("turned"));
}

#[test]
fn one_picture_can_name_its_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.png"), picture()).unwrap();
    fs::write(dir.path().join("b.png"), picture()).unwrap();
    let output = run(dir.path(), &["a.png", "--out", "made/签名.png", "--size", "400x200", "--lang", "both"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("已截取") && said.contains("turned by"), "{said}");
    let made = image::open(dir.path().join("made/签名.png")).unwrap().into_rgb8();
    assert_eq!(RgbImage::dimensions(&made), (400, 200));

    let output = run(dir.path(), &["a.png", "b.png", "--out", "made/x.jpg"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("name a folder"));
    // Never over the input.
    let before = fs::read(dir.path().join("a.png")).unwrap();
    let output = run(dir.path(), &["a.png", "--out", "a.png", "--overwrite"]);
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(fs::read(dir.path().join("a.png")).unwrap(), before);
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.png"), blank()).unwrap();
    for args in [
        &["a.png"][..],
        &["a.png", "--out", "made", "--size", "40"],
        &["a.png", "--out", "made", "--max-kib", "0"],
        &["a.png", "--out", "made", "--name", "{stem}.gif"],
        &["a.png", "--out", "a.png/made"],
    ] {
        let output = run(dir.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
