//! Renderings of reports made by hand.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use common::{check, error_row, rejected, report, row};
use gradphoto::check::Status;
use gradphoto::profile::{Edge, Of, Ruler};
use gradphoto::report::json::{Document, DocumentWriter, schema, write_line};
use gradphoto::report::overlay::{self, PhotoForOverlay};
use gradphoto::report::{Limit, Row, SCHEMA, Tally, text};
use gradphoto::units::{Lang, Text, Unit};
use unicode_width::UnicodeWidthStr;

fn render(row: &Row, options: &text::Options) -> String {
    let mut out = Vec::new();
    text::write_row(row, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn text_says_what_is_wrong_and_what_to_do() {
    let options = text::Options { langs: vec![Lang::Zh], ..Default::default() };
    insta::assert_snapshot!("text_zh", render(&row("照片/张三.jpg", rejected()), &options));
    let options = text::Options { langs: vec![Lang::En], ..Default::default() };
    insta::assert_snapshot!("text_en", render(&row("a.jpg", rejected()), &options));
}

#[test]
fn text_in_both_languages_fits_the_width() {
    let options = text::Options { langs: vec![Lang::Zh, Lang::En], width: Some(40), ..Default::default() };
    let out = render(&row("a.jpg", rejected()), &options);
    for line in out.lines().skip(1) {
        assert!(line.width() <= 40, "{line:?} has {} columns", line.width());
    }
    assert!(out.contains("图片过大") && out.contains("too large"));
}

#[test]
fn a_name_cannot_write_to_the_terminal() {
    let mut report = rejected();
    report.checks[0].message = Text::new("软件 \u{1b}[2J", "software \u{1b}[2J");
    for color in [false, true] {
        let options = text::Options { langs: vec![Lang::Zh, Lang::En], color, ..Default::default() };
        let out = render(&row("\u{1b}]0;title\u{7}\n.jpg", report.clone()), &options);
        assert!(!out.contains("\u{1b}[2J") && !out.contains("\u{1b}]") && !out.contains('\u{7}'), "{out:?}");
    }
}

#[test]
fn without_colour_and_marks_the_frame_of_english_text_is_ascii() {
    let options = text::Options { langs: vec![Lang::En], verbose: true, ..Default::default() };
    let mut report = rejected();
    for check in &mut report.checks {
        check.message = Text::new("", "plain");
    }
    assert!(render(&row("a.jpg", report), &options).is_ascii());
}

#[test]
fn passes_are_one_line_unless_asked_for() {
    let brief = render(&row("a.jpg", rejected()), &text::Options::default());
    assert!(brief.contains("3 项合格") && !brief.contains("face.width"));
    let long = render(&row("a.jpg", rejected()), &text::Options { verbose: true, ..Default::default() });
    assert!(long.contains("face.width") && !long.contains("项合格\n"));
}

fn rows() -> Vec<Row> {
    let accepted = report(vec![check("face.count", Status::Pass)]);
    vec![row("a.jpg", rejected()), row("b.jpg", accepted), row("c.jpg", rejected()), error_row("d.jpg")]
}

fn tally(rows: &[Row]) -> gradphoto::report::Summary {
    let mut tally = Tally::default();
    rows.iter().for_each(|row| tally.add(row));
    tally.finish(2)
}

#[test]
fn the_summary_counts_verdicts_and_reasons() {
    let summary = tally(&rows());
    assert_eq!((summary.files, summary.accept, summary.review, summary.reject, summary.errors), (4, 1, 0, 2, 1));
    assert_eq!(summary.skipped, 2);
    let reasons: Vec<_> = summary.reasons.iter().map(|r| (r.id.as_str(), r.fail, r.warn, r.undetermined)).collect();
    let expected =
        [("face.eye-line", 2, 0, 0), ("file.bytes", 2, 0, 0), ("background.shadow", 0, 2, 0), ("cover.face", 0, 0, 2)];
    assert_eq!(reasons, expected);
    assert!(!summary.all_accepted());
    let mut out = Vec::new();
    text::write_summary(&summary, &text::Options::default(), &mut out).unwrap();
    insta::assert_snapshot!("summary_zh", String::from_utf8(out).unwrap());
}

#[test]
fn a_streamed_document_is_the_document() {
    for rows in [rows(), Vec::new()] {
        let summary = tally(&rows);
        let (mut out, mut writer) = (Vec::new(), DocumentWriter::default());
        rows.iter().for_each(|row| writer.row(row, &mut out).unwrap());
        writer.finish(&summary, &mut out).unwrap();
        let read: Document = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, Document { schema: SCHEMA, rows, summary, findings: None });
    }
}

#[test]
fn a_row_is_one_line_whatever_its_name() {
    let mut out = Vec::new();
    write_line(&row("a\nb.jpg", rejected()), &mut out).unwrap();
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
    assert!(out.ends_with(b"\n"));
}

#[test]
fn reports_are_valid_by_the_schema() {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("report.json", serde_json::to_value(schema()).unwrap()).unwrap();
    let index = compiler.compile("report.json", &mut schemas).unwrap();
    let rows = rows();
    let document = Document { schema: SCHEMA, summary: tally(&rows), rows, findings: None };
    let mut value = serde_json::to_value(&document).unwrap();
    assert_eq!(schemas.validate(&value, index).map_err(|e| format!("{e:#}")), Ok(()));
    value["rows"][0]["report"]["verdict"] = "perhaps".into();
    assert!(schemas.validate(&value, index).is_err(), "the schema takes any verdict");
}

#[test]
fn the_schema_in_docs_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    let fresh = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("GRADPHOTO_BLESS").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "docs/report.schema.json is out of date; run the test with GRADPHOTO_BLESS=1");
}

fn draw(report: &gradphoto::Report, bytes: &[u8]) -> String {
    overlay::svg(report, &PhotoForOverlay { bytes }, &overlay::Options::default())
}

#[test]
fn the_overlay_shows_bands_lines_and_reasons() {
    let svg = draw(&rejected(), b"photo");
    assert!(svg.contains("data:image/jpeg;base64,cGhvdG8="));
    // The drawn photo is 800 units high: 1.25 units a pixel. Head top 50..110 px, eyes 200..300 px.
    assert!(svg.contains(r##"<rect x="0" y="62.5" width="600" height="75" fill="#7c3aed""##), "{svg}");
    assert!(svg.contains(r##"<rect x="0" y="250" width="600" height="125" fill="#15803d""##), "{svg}");
    for text in
        ["不合格 / REJECT", "图片过大", "too large", "双眼 286.5 px", "头顶 64 px", "脸宽 230 px", "发际线 140 px"]
    {
        assert!(svg.contains(text), "{text} is missing");
    }
    assert!(svg.contains("<polygon points=\"225,475 375,475 300,587.5\""));
}

#[test]
fn bands_in_percent_and_from_the_bottom_lie_where_they_belong() {
    let shares = |from, min, max| {
        let mut report = rejected();
        let eyes = report.checks.iter_mut().find(|check| check.id == "face.eye-line").unwrap();
        eyes.unit = Unit::Percent;
        eyes.ruler = Some(Ruler { of: Of::HeightPercent, from });
        eyes.limit = Some(Limit { min, max });
        draw(&report, b"photo")
    };
    // A quarter of 800 units is 200; a limit without an end reaches the edge.
    for (svg, band) in [
        (shares(Edge::Top, Some(25.0), Some(50.0)), r##"y="200" width="600" height="200" fill="#15803d""##),
        (shares(Edge::Bottom, Some(50.0), Some(75.0)), r##"y="200" width="600" height="200" fill="#15803d""##),
        (shares(Edge::Bottom, Some(50.0), None), r##"y="0" width="600" height="400" fill="#15803d""##),
    ] {
        assert!(svg.contains(band), "{band}: {svg}");
    }
    // The eyes are 286.5 px from the top of 640: 44.77 %, or 55.23 % from below.
    assert!(shares(Edge::Top, Some(25.0), None).contains("双眼 44.77 %<"));
    let below = shares(Edge::Bottom, Some(25.0), None);
    assert!(below.contains("双眼 55.23 % 距下边沿") && below.contains("eye line, from the bottom edge"), "{below}");
}

#[test]
fn the_overlay_is_well_formed_whatever_the_names() {
    let mut report = rejected();
    report.file.name = Some("<b>&\"'\u{0}\u{1b}\u{ffff}]]>.jpg".into());
    report.checks[0].message = Text::new("<script>&", "a & b < c");
    let face = report.face.as_mut().unwrap();
    face.center_x = f64::NAN;
    face.width = f64::INFINITY;
    let svg = draw(&report, b"photo");
    let document = roxmltree::Document::parse(&svg).expect("well-formed");
    assert!(document.descendants().any(|node| node.text() == Some("<script>&")));
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
    assert!(!svg.contains("NaN") && !svg.contains("inf\""));
}

#[test]
fn a_photo_of_another_shape_has_no_bands() {
    let mut report = rejected();
    report.file.width = Some(1350);
    report.file.height = Some(1350);
    let svg = draw(&report, b"photo");
    assert!(!svg.contains("#7c3aed") && svg.contains("不画标准区间"));
}

#[test]
fn a_format_browsers_do_not_show_is_left_out() {
    let mut report = rejected();
    report.file.format = "tiff".into();
    let svg = draw(&report, b"photo");
    assert!(!svg.contains("<image") && svg.contains("浏览器无法显示此格式"));
    report.file.format = "jpeg".into();
    report.file.exif.orientation = Some(6);
    assert!(draw(&report, b"photo").contains("EXIF"));
}

#[test]
fn a_file_without_pixels_still_has_an_overlay() {
    let mut report = rejected();
    report.face = None;
    report.file.width = None;
    report.file.height = Some(0);
    roxmltree::Document::parse(&draw(&report, b"")).expect("well-formed");
}

/// Draws over a real photo when one is there, to be looked at: the path is printed.
#[test]
fn an_overlay_over_a_real_photo_is_well_formed() {
    let Some(photos) = common::shared() else { return };
    let bytes = fs::read(photos.join("cases/000_clean_none.jpg")).unwrap();
    let svg = draw(&rejected(), &bytes);
    let options = roxmltree::ParsingOptions::default();
    roxmltree::Document::parse_with_options(&svg, options).expect("well-formed");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("overlay.svg");
    fs::write(&path, svg).unwrap();
    println!("{}", path.display());
}
