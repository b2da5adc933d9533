//! Error rates from rows made by hand.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use std::path::PathBuf;

use common::{check, error_row, profile, report, row};
use gradphoto::Profile;
use gradphoto::check::Status::{Fail, Pass, Undetermined, Warn};
use gradphoto::cli::evaluate::{EvaluateArgs, EvaluateFormat, SkinBounds, evaluate};
use gradphoto::evaluate::{
    Evaluation, Evaluator, Label, LabelError, SKIN_BOUNDS, parse_labels, read_labels, resolve, write_text,
};
use gradphoto::report::{Row, Verdict};
use gradphoto::units::{Lang, Point};

fn run(profile: &Profile, table: &str, rows: &[Row]) -> Evaluation {
    let labels = parse_labels(table.as_bytes()).unwrap();
    assert_eq!(labels.len(), rows.len());
    let mut evaluator = Evaluator::new(profile, SKIN_BOUNDS);
    for (label, row) in labels.iter().zip(rows) {
        evaluator.add(label, row, |_, row| row.report.as_ref()?.face.as_ref()?.skin_lightness);
    }
    evaluator.finish()
}

fn one(id: &str, status: gradphoto::check::Status) -> Row {
    row("x.jpg", report(vec![check(id, status)]))
}

#[test]
fn a_fault_is_caught_only_by_a_fail() {
    let table = "file,kind,severity,must_fail\n\
        a.jpg,blur,strong,image.sharpness\n\
        b.jpg,blur,strong,image.sharpness\n\
        c.jpg,blur,strong,image.sharpness\n\
        d.jpg,blur,strong,image.sharpness\n\
        e.jpg,blur,mild,image.sharpness\n\
        f.jpg,tint,strong,glasses.tint\n";
    let mut warned = report(vec![check("image.sharpness", Warn), check("file.bytes", Fail)]);
    warned.file.name = None;
    let rows = [
        one("image.sharpness", Fail),
        row("b", warned),
        one("image.sharpness", Undetermined),
        error_row("d.jpg"),
        one("image.sharpness", Pass),
        one("image.sharpness", Pass),
    ];
    let e = run(&profile(&["image.sharpness", "file.bytes"]), table, &rows);
    let strong = e.faults.iter().find(|fault| fault.severity == "strong").unwrap();
    assert_eq!((strong.photos, strong.caught, strong.warned, strong.undetermined), (4, 1, 1, 1));
    assert_eq!((strong.passed, strong.unread, strong.rejected_otherwise), (0, 1, 1));
    let missed: Vec<_> = strong.missed.iter().map(|missed| (missed.file.as_str(), missed.status)).collect();
    assert_eq!(missed, [("b.jpg", Some(Warn)), ("c.jpg", Some(Undetermined)), ("d.jpg", None)]);
    let mild = e.faults.iter().find(|fault| fault.severity == "mild").unwrap();
    assert_eq!((mild.photos, mild.caught, mild.passed), (1, 0, 1));
    assert_eq!(e.errors, ["d.jpg"]);
    // The profile does not ask for tinted glasses.
    assert_eq!(
        e.not_judged.iter().map(|n| (n.must_fail.as_str(), n.photos)).collect::<Vec<_>>(),
        [("glasses.tint", 1)]
    );
}

#[test]
fn any_of_several_checks_catches() {
    let table = "file,must_fail\na.jpg,eyes.gaze|face.yaw\n";
    let rows = [row("a", report(vec![check("eyes.gaze", Pass), check("face.yaw", Fail)]))];
    let e = run(&profile(&["eyes.gaze", "face.yaw"]), table, &rows);
    assert_eq!((e.faults[0].must_fail.as_str(), e.faults[0].caught), ("eyes.gaze|face.yaw", 1));
    // Without a `kind` column nothing is known to be clean.
    let e = run(&profile(&["face.yaw"]), "file,must_fail\na.jpg,\n", &[one("face.yaw", Fail)]);
    assert_eq!(e.clean.photos, 0);
}

#[test]
fn a_rule_for_information_is_not_judged() {
    let mut profile = profile(&["face.hairline"]);
    profile.rules.get_mut("face.hairline").unwrap().info = true;
    let e = run(&profile, "file,must_fail\na.jpg,face.hairline\n", &[one("face.hairline", Pass)]);
    assert!(e.faults.is_empty() && e.not_judged.len() == 1);
}

#[test]
fn false_alarms_are_counted_by_photo_and_by_check() {
    let table = "file,kind,must_fail\na,clean,\nb,clean,\nc,plain,\nd,fault,file.bytes\n";
    let rows = [
        row("a", report(vec![check("light.cast", Fail), check("light.hotspot", Warn)])),
        row("b", report(vec![check("light.cast", Warn), check("light.hotspot", Pass)])),
        row("c", report(vec![check("light.cast", Undetermined)])),
        row("d", report(vec![check("file.bytes", Fail), check("light.cast", Fail)])),
    ];
    let e = run(&profile(&["light.cast", "light.hotspot", "file.bytes"]), table, &rows);
    let clean = &e.clean;
    assert_eq!((clean.photos, clean.with_fail, clean.with_warn, clean.with_undetermined), (3, 1, 2, 1));
    assert_eq!(clean.checks[0].check, "light.cast");
    assert_eq!(clean.checks[0].fail, ["a"]);
    assert_eq!(clean.checks[0].warn, ["b"]);
    assert_eq!(clean.checks[0].undetermined, ["c"]);
    assert_eq!(clean.checks[1].warn, ["a"]);
}

#[test]
fn errors_are_in_pixels_of_the_profile() {
    // The truth is in the photo's pixels; at twice the profile's size an error of 3 px is one of 1.5.
    let table = "file,eye_y,head_top,face_w_cheek,roll_deg,chin_y\n\
        a,286.5,60,226,,\n\
        b,570,,,-1.5,\n\
        c,,,,,470\n";
    let mut big = report(vec![]);
    (big.file.width, big.file.height) = (Some(960), Some(1280));
    let face = big.face.as_mut().unwrap();
    (face.eye_left, face.eye_right) = (Point::new(300.0, 574.0), Point::new(500.0, 572.0));
    let mut square = report(vec![]);
    (square.file.width, square.file.height) = (Some(640), Some(640));
    square.face = None;
    let e = run(&profile(&[]), table, &[row("a", report(vec![])), row("b", big), row("c", square)]);
    let get = |name: &str| e.measurements.iter().find(|m| m.name == name).unwrap();
    let eye = get("eye-line");
    assert_eq!((eye.count, eye.bias, eye.max), (2, Some(0.75), Some(1.5)));
    assert_eq!(eye.worst[0].file, "b");
    assert_eq!(get("head-top").bias, Some(4.0));
    assert_eq!(get("face-width").bias, Some(4.0));
    // Degrees are not scaled.
    assert_eq!(get("roll").bias, Some(1.0));
    let chin = get("chin");
    assert_eq!((chin.count, chin.unmeasured, chin.median), (0, 1, None));
    assert_eq!(e.other_shape, 1);
    assert!(e.measurements.iter().all(|m| m.name != "hairline"));
}

#[test]
fn groups_by_skin_and_by_column() {
    let tone = |l: Option<f64>, status| {
        let mut report = report(vec![check("light.cast", status)]);
        report.face.as_mut().unwrap().skin_lightness = l;
        row("x", report)
    };
    let table = "file,kind,severity,must_fail,group\n\
        a,clean,,,town\nb,clean,,,town\nc,clean,,,\nd,cast,strong,light.cast,county\n";
    let rows = [tone(Some(65.0), Pass), tone(Some(64.9), Fail), tone(None, Warn), tone(Some(49.9), Fail)];
    let e = run(&profile(&["light.cast"]), table, &rows);
    let skin: Vec<_> =
        e.by_skin.iter().map(|g| (g.name.as_str(), g.photos, g.clean, g.clean_with_fail, g.clean_with_warn)).collect();
    assert_eq!(skin, [("light", 1, 1, 0, 0), ("medium", 1, 1, 1, 0), ("dark", 1, 0, 0, 0), ("unknown", 1, 1, 0, 1)]);
    assert_eq!(e.by_skin[2].severities["strong"].caught, 1);
    assert_eq!(
        e.by_group.iter().map(|g| (g.name.as_str(), g.photos)).collect::<Vec<_>>(),
        [("county", 1), ("town", 2)]
    );
}

#[test]
fn decisions_make_a_confusion_matrix() {
    let table = "file,decision\na,accept\nb,通过\nc,不通过\nd,reject\ne,review\nf,\n";
    let rows: Vec<_> = [Pass, Fail, Pass, Fail, Warn, Pass].map(|status| one("file.bytes", status)).into();
    let d = run(&profile(&["file.bytes"]), table, &rows).decisions.unwrap();
    assert_eq!(d.matrix, [[1, 0, 1], [0, 1, 0], [1, 0, 1]]);
    assert_eq!((d.agree, d.photos), (3, 5));
    assert_eq!((d.rejected_by_program_only, d.accepted_by_program_only), (vec!["b".to_owned()], vec!["c".to_owned()]));
}

#[test]
fn times_are_the_reports_own() {
    let rows: Vec<_> = [10.0, 30.0, 20.0]
        .map(|total| {
            let mut report = report(vec![]);
            report.timings_ms.total = total;
            row("x", report)
        })
        .into();
    let time = run(&profile(&[]), "file\na\nb\nc\n", &rows).time;
    assert_eq!((time.photos, time.median_ms, time.p95_ms), (3, Some(20.0), Some(29.0)));
}

#[test]
fn tables_are_read_by_header() {
    let table = "\u{feff}base, must_fail ,file,pupil_l_x,pupil_l_y,pupil_r_x,pupil_r_y,head_top_y,unknown\n\
        007, a.b | c.d ,\"x,y.jpg\",100,200,200,210,5,?\n";
    let labels = parse_labels(table.as_bytes()).unwrap();
    let label = &labels[0];
    assert_eq!((label.file.as_str(), label.base.as_deref()), ("x,y.jpg", Some("007")));
    assert_eq!(label.must_fail, ["a.b", "c.d"]);
    assert_eq!((label.truth.eye_y, label.truth.head_top), (Some(205.0), Some(5.0)));
    assert!((label.truth.roll.unwrap() - 5.7106).abs() < 1e-3);
    assert!(!label.is_clean());
    let label = |kind: Option<&str>| Label { kind: kind.map(str::to_owned), ..Label::default() };
    assert!(label(Some("clean")).is_clean() && label(Some("")).is_clean() && !label(None).is_clean());
}

#[test]
fn mistakes_in_a_table_say_where() {
    assert!(matches!(parse_labels("name\na\n".as_bytes()), Err(LabelError::NoFile(_))));
    assert!(matches!(parse_labels("file\n".as_bytes()), Err(LabelError::Empty)));
    let error = parse_labels("file,eye_y\na,1\nb,tall\n".as_bytes()).unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("eye_y") && error.contains("tall"), "{error}");
    assert!(parse_labels("file,eye_y\na,NaN\n".as_bytes()).is_err());
    assert!(parse_labels("file,decision\na,maybe\n".as_bytes()).is_err());
    assert!(parse_labels(&b"file,kind\n\xff\xfe,x\n"[..]).is_err());
}

#[test]
fn the_text_holds_the_same_numbers() {
    let table =
        "file,kind,severity,must_fail,eye_y,decision\na.jpg,clean,,,285,accept\nb.jpg,size,mild,file.bytes,,reject\n";
    let rows = [one("light.cast", Warn), one("file.bytes", Warn)];
    let e = run(&profile(&["file.bytes", "light.cast"]), table, &rows);
    for (name, lang) in [("evaluation_en", Lang::En), ("evaluation_zh", Lang::Zh)] {
        let mut out = Vec::new();
        write_text(&e, lang, &mut out).unwrap();
        insta::assert_snapshot!(name, String::from_utf8(out).unwrap());
    }
}

/// A small folder: skin tone comes from the base photo, files from the folder of the table when DIR has none.
#[test]
fn skin_tone_comes_from_the_base_photo() {
    let dir = tempfile::tempdir().unwrap();
    let make = |path: &str, bytes: &[u8]| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    make("cases/a.jpg", b"30");
    make("bases/007.png", b"70");
    make("table.csv", b"file,kind,base\na.jpg,clean,007\ncases/a.jpg,clean,\nnone.jpg,clean,\n");
    let args = EvaluateArgs {
        dir: dir.path().join("cases"),
        labels: dir.path().join("table.csv"),
        profile: String::new(),
        format: EvaluateFormat::Json,
        jobs: None,
        skin_from: Some(dir.path().join("bases")),
        skin_bounds: SkinBounds::default(),
    };
    let labels = read_labels(&args.labels).unwrap();
    let e = evaluate(&args, &profile(&[]), &labels, |_, bytes| {
        let mut report = report(vec![]);
        report.face.as_mut().unwrap().skin_lightness = std::str::from_utf8(bytes).unwrap().parse().ok();
        report
    })
    .unwrap();
    assert_eq!(e.by_skin.iter().map(|g| (g.name.as_str(), g.photos)).collect::<Vec<_>>(), [("light", 1), ("dark", 1)]);
    assert_eq!(e.errors, ["none.jpg"]);
}

/// The tables of the shared photos can be read, and their files are found.
#[test]
fn shared_tables_are_read() {
    let Some(photos) = common::shared() else { return };
    for (table, rows) in [("cases/cases.csv", 179), ("portraits.csv", 51), ("wild.csv", 34), ("bases/bases.csv", 51)] {
        let path = photos.join(table);
        let labels = read_labels(&path).unwrap();
        assert_eq!(labels.len(), rows, "{table}");
        for label in &labels {
            let file = resolve(&label.file, &PathBuf::from("nowhere"), &path);
            assert!(file.is_file(), "{table}: {}", label.file);
            assert_eq!(label.decision, None::<Verdict>);
        }
    }
}
