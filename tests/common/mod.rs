//! Reports made by hand, so that renderings and runs are tested without nets.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::path::PathBuf;

use gradphoto::check::{Fix, Status};
use gradphoto::profile::{Band, Canvas, Profile, Rule};
use gradphoto::report::{
    CheckResult, ExifSummary, FaceSummary, FileSummary, Limit, NotChecked, ProfileRef, Report, ReportValue, Row,
    SCHEMA, Timings, Verdict,
};
use gradphoto::units::{Point, Rect, Region, Text, Unit};

/// The size of the national rule.
pub const CANVAS: Canvas = Canvas { width: 480, height: 640 };

/// The folder of shared test photos, when it is there.
pub fn shared() -> Option<PathBuf> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/photos"));
    let there = dir.is_dir();
    if !there {
        println!("skipped: no photos at {}", dir.display());
    }
    there.then_some(dir)
}

/// A check result with limits in profile pixels.
pub fn check(id: &str, status: Status) -> CheckResult {
    CheckResult {
        id: id.to_owned(),
        title: Text::new(format!("{id}项"), format!("the {id}")),
        status,
        value: (status != Status::Undetermined).then_some(ReportValue::Number(78.0)),
        unit: Unit::Px,
        ruler: None,
        limit: None,
        margin: None,
        message: Text::new("测得 78 px", "measured 78 px"),
        hint: None,
        fix: None,
        region: None,
        because_of: None,
    }
}

/// A report over `checks`; the verdict follows from them.
pub fn report(checks: Vec<CheckResult>) -> Report {
    let verdict = match checks.iter().map(|check| check.status).max() {
        Some(Status::Fail) => Verdict::Reject,
        Some(Status::Warn | Status::Undetermined) => Verdict::Review,
        _ => Verdict::Accept,
    };
    Report {
        schema: SCHEMA,
        id: "0123456789abcdef-zikao-graduation-1".into(),
        engine: "0.1.0".into(),
        profile: ProfileRef { id: "zikao-graduation".into(), version: "1".into(), canvas: CANVAS },
        verdict,
        fixable: false,
        file: FileSummary {
            name: Some("000.jpg".into()),
            sha256: "0123456789abcdef".repeat(4),
            bytes: 31_000,
            format: "jpeg".into(),
            width: Some(480),
            height: Some(640),
            dpi: Some(300.0),
            jpeg_quality: Some(88.0),
            exif: ExifSummary::default(),
        },
        face: Some(face()),
        checks,
        not_checked: vec![NotChecked {
            id: "identity".into(), reason: Text::new("不做身份识别", "no identification")
        }],
        actions: Vec::new(),
        timings_ms: Timings { total: 40.0, ..Timings::default() },
    }
}

/// A face like that of a studio portrait.
pub fn face() -> FaceSummary {
    FaceSummary {
        bounds: Rect::from_edges(125.0, 140.0, 355.0, 480.0),
        eye_left: Point::new(184.0, 287.0),
        eye_right: Point::new(296.0, 286.0),
        head_top_y: Some(64.0),
        hairline_y: Some(140.0),
        chin_y: 480.0,
        width: 230.0,
        center_x: 240.0,
        yaw_degrees: 0.5,
        pitch_degrees: -1.0,
        roll_degrees: -0.5,
        skin_lightness: Some(70.0),
    }
}

/// A rejected photo with one of everything: fail, warn, undetermined, pass; hints, fixes and every shape of region.
pub fn rejected() -> Report {
    let px = |id, status, min, max| CheckResult { limit: Some(Limit { min, max }), ..check(id, status) };
    let mut report = report(vec![
        CheckResult {
            title: Text::new("文件大小", "file size"),
            value: Some(ReportValue::Number(52.3)),
            unit: Unit::Kib,
            limit: Some(Limit { min: Some(20.0), max: Some(40.0) }),
            margin: Some(-12.3),
            message: Text::new(
                "图片过大：52.3 KB，要求不超过 40 KB",
                "the file is too large: 52.3 KB, at most 40 KB allowed",
            ),
            hint: Some(Text::new("降低 JPEG 品质后重新保存", "save it again with a lower JPEG quality")),
            fix: Some(Fix::Auto),
            ..check("file.bytes", Status::Fail)
        },
        px("face.head-top", Status::Pass, Some(50.0), Some(110.0)),
        CheckResult {
            title: Text::new("眼睛位置", "eye line"),
            message: Text::new("眼睛过低：距上边沿 306.5 px", "the eyes are too low: 306.5 px from the top"),
            fix: Some(Fix::Auto),
            region: Some(Region::Line { from: Point::new(184.0, 287.0), to: Point::new(296.0, 286.0) }),
            ..px("face.eye-line", Status::Fail, Some(200.0), Some(300.0))
        },
        px("face.width", Status::Pass, Some(180.0), Some(300.0)),
        px("face.centering", Status::Pass, None, Some(14.0)),
        CheckResult {
            title: Text::new("背景阴影", "shadow"),
            message: Text::new("背景有阴影", "a shadow on the background"),
            hint: Some(Text::new("离背景远一些再拍", "stand further from the background")),
            fix: Some(Fix::Retake),
            region: Some(Region::Rect(Rect::from_edges(370.0, 200.0, 460.0, 420.0))),
            ..check("background.shadow", Status::Warn)
        },
        CheckResult {
            title: Text::new("佩戴口罩", "mask"),
            region: Some(Region::Polygon {
                points: vec![Point::new(180.0, 380.0), Point::new(300.0, 380.0), Point::new(240.0, 470.0)],
            }),
            ..check("cover.face", Status::Undetermined)
        },
    ]);
    report.fixable = true;
    report
}

/// A photo with nothing to say against it.
pub fn accepted() -> Report {
    report(vec![check("face.count", Status::Pass)])
}

/// A row with a report.
pub fn row(path: &str, report: Report) -> Row {
    Row { path: path.to_owned(), report: Some(report), error: None, output: None }
}

/// A row without one.
pub fn error_row(path: &str) -> Row {
    Row {
        path: path.to_owned(),
        report: None,
        error: Some(Text::new("没有读取权限", "no permission to read it")),
        output: None,
    }
}

/// A profile that asks for `checks`, without limits.
pub fn profile(checks: &[&str]) -> Profile {
    Profile {
        id: "zikao-graduation".into(),
        version: "1".into(),
        title: Text::new("自考", "self-taught"),
        extends: Vec::new(),
        kind: Default::default(),
        normalize: Default::default(),
        canvas: CANVAS,
        names: None,
        rules: checks.iter().map(|id| ((*id).to_owned(), Rule { fail: Band::default(), ..Rule::default() })).collect(),
        provenance: Default::default(),
    }
}
