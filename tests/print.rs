//! Sheets of prints, as the command makes them.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};

use image::{ImageFormat, Rgb, RgbImage};

fn gradphoto(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gradphoto")).current_dir(dir).args(["--lang", "both"]).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const GREEN: Rgb<u8> = Rgb([40, 160, 60]);
const RED: Rgb<u8> = Rgb([200, 40, 40]);

/// A photo of the size of a 2-inch print: green, with a red square of 60 px at (100, 200).
fn photo(path: &Path) {
    let rgb = RgbImage::from_fn(
        413,
        579,
        |x, y| {
            if (100..160).contains(&x) && (200..260).contains(&y) { RED } else { GREEN }
        },
    );
    let mut bytes = Vec::new();
    rgb.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    fs::write(path, bytes).unwrap();
}

fn decoded(jpeg: &[u8]) -> (RgbImage, Option<f64>) {
    let (file, photo) = gradphoto::photo::decode(jpeg, None, &gradphoto::limits::Limits::default());
    (photo.unwrap().into_rgb(), file.container.density.map(|density| density.x))
}

fn near(a: Rgb<u8>, b: Rgb<u8>) -> bool {
    a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) < 12)
}

#[test]
fn a_sheet_has_its_size_its_density_and_prints_where_they_belong() {
    let dir = tempfile::tempdir().unwrap();
    photo(&dir.path().join("张三.png"));
    let output = gradphoto(dir.path(), &["print", "张三.png", "--out", "冲印"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("张三.png  8 张 / 8 prints"), "{}", said(&output));
    let (sheet, dpi) = decoded(&fs::read(dir.path().join("冲印/sheet-001.jpg")).unwrap());
    assert_eq!((sheet.dimensions(), dpi), ((1800, 1200), Some(300.0)));
    // Four columns of 413 px with 12 px between, two rows of 579, in the middle of the paper.
    let (left, top) = ((1800 - 4 * 413 - 3 * 12) / 2, (1200 - 2 * 579 - 12) / 2);
    for row in 0..2 {
        for column in 0..4 {
            let (x, y) = (left + column * 425, top + row * 591);
            let at = |dx: u32, dy: u32| *sheet.get_pixel(x + dx, y + dy);
            for (dx, dy, color) in
                [(8, 8, GREEN), (404, 570, GREEN), (130, 230, RED), (108, 208, RED), (92, 230, GREEN)]
            {
                assert!(near(at(dx, dy), color), "{column} {row}: {:?} at {dx} {dy}", at(dx, dy));
            }
        }
    }
    // 3 px inside of the gap the paper is white, but for the marks at its edges.
    assert!(near(*sheet.get_pixel(left + 413 + 6, top + 300), Rgb([255; 3])));
    assert!(sheet.get_pixel(left - 1, top - 3).0[0] < 220, "a mark above the first print");
    assert_eq!(fs::read_dir(dir.path().join("冲印")).unwrap().count(), 1);
}

#[test]
fn photos_share_sheets_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..5 {
        photo(&dir.path().join(format!("{n}.png")));
    }
    // Ten prints, four on a 5-inch sheet.
    let output = gradphoto(dir.path(), &["print", ".", "--out", "out", "--sheet", "5-inch", "--copies", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let mut names: Vec<String> =
        fs::read_dir(dir.path().join("out")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["sheet-001.jpg", "sheet-002.jpg", "sheet-003.jpg"]);
    let (last, _) = decoded(&fs::read(dir.path().join("out/sheet-003.jpg")).unwrap());
    // The paper stands; its lower half is still free.
    assert_eq!(last.dimensions(), (1050, 1500));
    assert!(near(*last.get_pixel(300, 300), GREEN) && near(*last.get_pixel(300, 1200), Rgb([255; 3])));

    // Again: nothing is replaced unasked.
    let again = gradphoto(dir.path(), &["print", ".", "--out", "out", "--sheet", "5-inch", "--copies", "2"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("--overwrite"), "{}", said(&again));
    let args = ["print", ".", "--out", "out", "--sheet", "5-inch", "--copies", "2", "--overwrite"];
    assert_eq!(gradphoto(dir.path(), &args).status.code(), Some(0));
}

#[test]
fn a_document_holds_the_sheets_themselves() {
    let dir = tempfile::tempdir().unwrap();
    photo(&dir.path().join("a.png"));
    photo(&dir.path().join("b.png"));
    for out in ["sheets", "all.pdf"] {
        let output = gradphoto(dir.path(), &["print", "a.png", "b.png", "--sheet", "5-inch", "--out", out]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    let pdf = fs::read(dir.path().join("all.pdf")).unwrap();
    let count = |needle: &[u8]| pdf.windows(needle.len()).filter(|window| *window == needle).count();
    // 1050 x 1500 px are 252 x 360 points.
    assert_eq!((count(b"/MediaBox [0 0 252 360]"), count(b"/DCTDecode")), (2, 2));
    let jpeg = fs::read(dir.path().join("sheets/sheet-001.jpg")).unwrap();
    assert_eq!(jpeg, fs::read(dir.path().join("sheets/sheet-002.jpg")).unwrap());
    assert_eq!(count(&jpeg), 2);
    // The same photos give the same document.
    gradphoto(dir.path(), &["print", "a.png", "b.png", "--sheet", "5-inch", "--out", "again.pdf"]);
    assert_eq!(fs::read(dir.path().join("again.pdf")).unwrap(), pdf);
}

#[test]
fn what_does_not_fit_is_refused_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    RgbImage::from_pixel(480, 640, GREEN).save_with_format(dir.path().join("wide.png"), ImageFormat::Png).unwrap();
    photo(&dir.path().join("right.png"));
    let output = gradphoto(dir.path(), &["print", "wide.png", "right.png", "--out", "out"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let words = said(&output);
    assert!(words.contains("normalize --profile hubei-print`") && words.contains("宽高比与35x49 mm"), "{words}");
    assert!(words.contains("right.png  8 张"), "{words}");
    assert!(dir.path().join("out/sheet-001.jpg").is_file());
    // The other 2 inches are another profile's.
    let output = gradphoto(dir.path(), &["print", "wide.png", "--out", "other", "--size", "35x53"]);
    assert!(said(&output).contains("normalize --profile hubei-print-35x53"), "{}", said(&output));
    assert_eq!(fs::read_dir(dir.path().join("other")).unwrap().count(), 0);

    for (args, wanted) in [
        (&["print", "right.png", "--out", "o", "--size", "2-inches"][..], "did you mean `2-inch`?"),
        (&["print", "right.png", "--out", "o", "--size", "200x250"], "does not fit on the paper"),
        (&["print", "right.png", "--out", "one.jpg", "--copies", "9"], "can hold one sheet"),
        (&["print", "none.png", "--out", "o.pdf"], "不存在"),
        (&["print", "right.png", "--out", "o", "--copies", "0"], "0 is not in 1..=1000"),
        (&["print", "right.png", "--out", "o", "--margin=-1"], "expected millimetres, 0 to 50"),
    ] {
        let output = gradphoto(dir.path(), args);
        assert_ne!(output.status.code(), Some(0), "{args:?}");
        assert!(said(&output).contains(wanted), "{args:?}: {}", said(&output));
    }
    assert!(!dir.path().join("one.jpg").exists() && !dir.path().join("o.pdf").exists());
}

#[test]
fn an_input_is_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jpg");
    photo(&path);
    let before = fs::read(&path).unwrap();
    for out in ["a.jpg", "./a.jpg"] {
        let output = gradphoto(dir.path(), &["print", "a.jpg", "--out", out, "--overwrite"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("not written over"), "{}", said(&output));
    }
    fs::create_dir(dir.path().join("out")).unwrap();
    fs::copy(&path, dir.path().join("out/sheet-001.jpg")).unwrap();
    let output = gradphoto(dir.path(), &["print", "out/sheet-001.jpg", "--out", "out", "--overwrite"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(fs::read(dir.path().join("out/sheet-001.jpg")).unwrap(), before);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_small_photo_is_enlarged_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    RgbImage::from_pixel(206, 289, GREEN).save_with_format(dir.path().join("small.png"), ImageFormat::Png).unwrap();
    let output = gradphoto(dir.path(), &["print", "small.png", "--out", "out/deep/sheet.JPG"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("enlarged to 200 %") && said(&output).contains("放大至200%"), "{}", said(&output));
    assert!(dir.path().join("out/deep/sheet.JPG").is_file());
}
