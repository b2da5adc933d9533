//! Reports for offices and reviewers: CSV, workbooks, pages.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::io;

use calamine::{Data, Reader, Xlsx, open_workbook};
use common::{check, error_row, rejected, report, row};
use gradphoto::batch::look::{Look, Thumbnail};
use gradphoto::batch::{WholeFile, whole};
use gradphoto::check::Status;
use gradphoto::report::csv::CsvReport;
use gradphoto::report::html::{HtmlReport, page_path};
use gradphoto::report::render::{End, Item, Renderer};
use gradphoto::report::xlsx::XlsxReport;
use gradphoto::report::{Finding, FindingKind, Findings, Row, Summary, Tally};
use gradphoto::units::{Lang, Text};

fn rows() -> Vec<Row> {
    let accepted = report(vec![check("face.count", Status::Pass)]);
    vec![row("=cmd|' /C calc'!A0.jpg", rejected()), row("b\n<b>.jpg", accepted), error_row("@c.jpg")]
}

fn findings() -> Findings {
    let finding = Finding {
        kind: FindingKind::MissingPhoto,
        paths: vec!["+x.jpg".into()],
        number: Some("012345678901".into()),
        name: Some("-张三".into()),
        text: Text::new("没有照片", "no photo"),
    };
    Findings { candidates: Some(3), with_photo: Some(2), list: vec![finding] }
}

fn look() -> Look {
    let thumbnail = Thumbnail { width: 3, height: 4, jpeg: "/9j/".into() };
    Look { thumbnail: Some(thumbnail), hash: None }
}

fn tally(rows: &[Row]) -> Summary {
    let mut tally = Tally::default();
    rows.iter().for_each(|row| tally.add(row));
    tally.finish(1)
}

/// Writes all rows and the findings.
fn write(mut renderer: Box<dyn Renderer + '_>, rows: &[Row]) -> io::Result<()> {
    let (summary, findings, look) = (tally(rows), findings(), look());
    for (place, row) in rows.iter().enumerate() {
        renderer.row(&Item { place, row, look: row.report.as_ref().map(|_| &look) })?;
    }
    renderer.finish(&End { summary: &summary, findings: Some(&findings) })
}

#[test]
fn a_csv_has_every_photo_and_no_formula() {
    let mut bytes = Vec::new();
    write(Box::new(CsvReport::new(&mut bytes, &[Lang::Zh], true).unwrap()), &rows()).unwrap();
    assert!(bytes.starts_with("\u{feff}类别,".as_bytes()));
    let mut reader = csv::Reader::from_reader(&bytes[3..]);
    let heads = reader.headers().unwrap().clone();
    let lines: Vec<_> = reader.records().map(Result::unwrap).collect();
    let cell = |line: usize, head: &str| {
        let at = heads.iter().position(|known| known == head).unwrap();
        lines[line].get(at).unwrap().to_owned()
    };
    assert_eq!(lines.len(), 4);
    assert_eq!(cell(0, "文件"), "'=cmd|' /C calc'!A0.jpg");
    assert_eq!((cell(0, "结论"), cell(0, "可自动修复")), ("不合格".into(), "是".into()));
    assert_eq!(cell(0, "不合格项"), "文件大小；眼睛位置");
    assert_eq!((cell(1, "结论"), cell(2, "结论")), ("合格".into(), "无法检查".into()));
    assert_eq!(cell(2, "说明"), "没有读取权限");
    assert_eq!((cell(3, "类别"), cell(3, "号码")), ("缺照片".into(), "012345678901".into()));
    assert_eq!((cell(3, "姓名"), cell(3, "文件")), ("'-张三".into(), "'+x.jpg".into()));
    for line in &lines {
        assert!(line.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{line:?}");
    }
}

#[test]
fn a_workbook_has_sheets_of_photos_findings_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.xlsx");
    let report = XlsxReport::with_limit(WholeFile::create(&path).unwrap(), dir.path(), &[Lang::Zh], 3).unwrap();
    write(Box::new(report), &rows()).unwrap();
    let mut workbook: Xlsx<_> = open_workbook(&path).unwrap();
    assert_eq!(workbook.sheet_names(), ["照片", "照片 2", "核对结果", "统计"]);
    let photos = workbook.worksheet_range("照片").unwrap();
    let text = |row, column| photos.get_value((row, column)).unwrap().to_string();
    assert_eq!((text(0, 1), text(0, 2)), ("文件".into(), "结论".into()));
    // As text, without anything before it: a workbook tells text from formulas by itself.
    assert_eq!(photos.get_value((1, 1)), Some(&Data::String("=cmd|' /C calc'!A0.jpg".into())));
    assert_eq!((text(1, 2), text(2, 2)), ("不合格".into(), "合格".into()));
    let second = workbook.worksheet_range("照片 2").unwrap();
    assert_eq!(second.get_value((1, 1)), Some(&Data::String("@c.jpg".into())));
    let found = workbook.worksheet_range("核对结果").unwrap();
    assert_eq!(found.get_value((1, 1)), Some(&Data::String("012345678901".into())));
    let counts = workbook.worksheet_range("统计").unwrap();
    assert!(counts.rows().any(|row| row[0] == "文件" && row[1] == 3.0), "{counts:?}");
    assert!(workbook.worksheet_formula("照片").unwrap().is_empty());
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing temporary is left");
}

#[test]
fn a_page_stands_alone_and_escapes_what_comes_from_outside() {
    let mut bytes = Vec::new();
    write(Box::new(HtmlReport::single(&mut bytes, Lang::Zh).unwrap()), &rows()).unwrap();
    let page = String::from_utf8(bytes).unwrap();
    assert_eq!(page.matches("<article").count(), 3);
    assert!(page.contains("data:image/jpeg;base64,/9j/") && page.contains("<svg viewBox="));
    assert!(page.contains("b\u{fffd}&#60;b&#62;.jpg") && !page.contains("<b>.jpg"));
    assert!(page.contains("图片过大") && page.contains("too large") && page.contains("缺照片"));
    assert!(page.contains("data-reasons=\"file.bytes face.eye-line background.shadow cover.face\""), "{page}");
    assert_eq!(page.matches("http").count(), page.matches("http-equiv").count(), "nothing is loaded from anywhere");
}

#[test]
fn a_large_run_is_split_into_pages_that_link_to_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("报告.html");
    let rows: Vec<Row> = (0..7).map(|n| row(&format!("{n}.jpg"), rejected())).collect();
    write(Box::new(HtmlReport::create(&path, Lang::Zh, 3).unwrap()), &rows).unwrap();
    let pages: Vec<_> = (1..=3).map(|page| fs::read_to_string(page_path(&path, page)).unwrap()).collect();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    let counts: Vec<_> = pages.iter().map(|page| page.matches("<article").count()).collect();
    assert_eq!(counts, [3, 3, 1]);
    let links = |page: usize, rel: &str| pages[page].matches(&format!("rel=\"{rel}\"")).count();
    assert_eq!([links(0, "prev"), links(0, "next"), links(2, "prev"), links(2, "next")], [0, 2, 2, 0]);
    // The chart leads to every page a reason is on.
    let name = "%E6%8A%A5%E5%91%8A-3.html#reason=file.bytes";
    assert!(pages[0].contains(name), "{}", pages[0]);
    assert!(!pages[1].contains("class=\"chart\"") && pages.iter().all(|page| page.ends_with("</html>")));
}

/// Takes so many bytes, then the disk is full.
struct Full(usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_of_every_form() {
    let folder = std::env::temp_dir();
    for room in [0, 100, 2000] {
        let (mut a, mut b, mut c) = (Full(room), Full(room), Full(room));
        let csv = CsvReport::new(&mut a, &[Lang::Zh], true).and_then(|report| write(Box::new(report), &rows()));
        let xlsx = XlsxReport::new(&mut b, &folder, &[Lang::Zh]).and_then(|report| write(Box::new(report), &rows()));
        let html = HtmlReport::single(&mut c, Lang::Zh).and_then(|report| write(Box::new(report), &rows()));
        // A CSV of these rows is shorter than 2000 bytes; the others are longer.
        let kinds = [csv, xlsx, html].map(|result| result.map_err(|error| error.kind()));
        let full = Err(io::ErrorKind::StorageFull);
        assert_eq!(kinds[1..], [full, full], "{room}");
        assert!(room == 2000 || kinds[0] == full, "{room}");
    }
    assert!(whole::write(&folder.join("no/such/folder"), b"x").is_err());
}
