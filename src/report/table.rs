//! The columns of tables: CSV and workbooks show the same.

use super::render::Item;
use super::{CheckResult, Finding, Report, harmless, text};
use crate::check::Status;
use crate::units::{Lang, Text, Unit};

/// Longest text of a cell, in characters; a workbook's cell takes 32,767.
const LONGEST: usize = 32_000;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Text, which may come from outside.
    Text(String),
    /// A number.
    Number(f64),
    /// Nothing.
    Empty,
}

/// A column: its heading, and its width in a workbook, in characters.
pub(super) type Column = (Text, f64);

/// The columns of photos.
pub(super) fn photo_columns() -> Vec<Column> {
    let column = |zh: &str, en: &str, width| (Text::new(zh, en), width);
    vec![
        column("序号", "No.", 7.0),
        column("文件", "file", 40.0),
        column("结论", "verdict", 12.0),
        column("可自动修复", "fixable", 12.0),
        column("不合格项", "fails", 28.0),
        column("警告项", "warnings", 28.0),
        column("未判定项", "undetermined", 28.0),
        column("说明", "what was found", 60.0),
        column("处理建议", "what to do", 60.0),
        column("宽（像素）", "width px", 10.0),
        column("高（像素）", "height px", 10.0),
        column("大小（KB）", "size KB", 10.0),
        column("分辨率（dpi）", "dpi", 12.0),
        column("JPEG 品质", "JPEG quality", 10.0),
        column("头顶（像素）", "head top px", 12.0),
        column("双眼（像素）", "eye line px", 12.0),
        column("脸宽（像素）", "face width px", 12.0),
        column("SHA-256", "SHA-256", 20.0),
    ]
}

/// The columns of findings.
pub(super) fn finding_columns() -> Vec<Column> {
    let column = |zh: &str, en: &str, width| (Text::new(zh, en), width);
    vec![
        column("类别", "kind", 16.0),
        column("号码", "number", 22.0),
        column("姓名", "name", 14.0),
        column("说明", "what was found", 50.0),
        column("文件", "files", 80.0),
    ]
}

/// The cells of a row, one for each of [`photo_columns`].
pub(super) fn photo_cells(item: &Item<'_>, langs: &[Lang]) -> Vec<Cell> {
    let row = item.row;
    let mut cells = vec![Cell::Number(item.place as f64 + 1.0), outside(&row.path)];
    let Some(report) = &row.report else {
        cells.push(Cell::Text(words(&error_word(), langs)));
        cells.extend(vec![Cell::Empty; 4]);
        cells.push(row.error.as_ref().map_or(Cell::Empty, |error| outside(&words(error, langs))));
        cells.resize(photo_columns().len(), Cell::Empty);
        return cells;
    };
    cells.push(Cell::Text(words(&text::verdict_text(report.verdict), langs)));
    let fixable = if report.fixable { Text::new("是", "yes") } else { Text::new("否", "no") };
    cells.push(Cell::Text(words(&fixable, langs)));
    for status in [Status::Fail, Status::Warn, Status::Undetermined] {
        cells.push(outside(&join(report, langs, |check| (check.status == status).then_some(&check.title), "；", "; ")));
    }
    let open = |check: &&CheckResult| check.status != Status::Pass;
    cells.push(outside(&join(report, langs, |check| open(&check).then_some(&check.message), "\n", "\n")));
    cells.push(outside(&join(report, langs, |check| check.hint.as_ref().filter(|_| open(&check)), "\n", "\n")));
    let file = &report.file;
    cells.extend([
        number(file.width.map(f64::from)),
        number(file.height.map(f64::from)),
        Cell::Number(Unit::Kib.round(file.bytes as f64 / 1024.0)),
        number(file.dpi),
        number(file.jpeg_quality),
    ]);
    let face = report.face.as_ref();
    let px = |value: Option<f64>| number(value.map(|value| Unit::Px.round(value)));
    cells.extend([
        px(face.and_then(|face| face.head_top_y)),
        px(face.map(|face| face.eye_left.midpoint(face.eye_right).y)),
        px(face.map(|face| face.width)),
        Cell::Text(file.sha256.clone()),
    ]);
    cells
}

/// The cells of a finding, one for each of [`finding_columns`].
pub(super) fn finding_cells(finding: &Finding, langs: &[Lang]) -> Vec<Cell> {
    let optional = |text: &Option<String>| text.as_deref().map_or(Cell::Empty, outside);
    vec![
        Cell::Text(words(&finding.kind.text(), langs)),
        optional(&finding.number),
        optional(&finding.name),
        outside(&words(&finding.text, langs)),
        outside(&finding.paths.join("\n")),
    ]
}

/// A text in the languages asked for, side by side.
pub(super) fn words(text: &Text, langs: &[Lang]) -> String {
    match langs {
        [] => text.zh.clone(),
        langs => langs.iter().map(|lang| text.get(*lang)).collect::<Vec<_>>().join(" / "),
    }
}

/// The word that stands for the verdict of a file without a report.
pub(super) fn error_word() -> Text {
    Text::new("无法检查", "ERROR")
}

/// Whether a spreadsheet might take a text for a formula.
pub(super) fn looks_like_formula(text: &str) -> bool {
    text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// A cell of text from outside: no control characters but line feeds, and not longer than a cell may be.
fn outside(text: &str) -> Cell {
    let lines: Vec<_> = text.split('\n').map(harmless).collect();
    let text = lines.join("\n");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cell::Text(format!("{}…", &text[..end])),
        None => Cell::Text(text),
    }
}

fn number(value: Option<f64>) -> Cell {
    value.filter(|value| value.is_finite()).map_or(Cell::Empty, Cell::Number)
}

/// The texts of those checks that give one, each language by itself.
fn join<'a>(
    report: &'a Report,
    langs: &[Lang],
    text: impl Fn(&'a CheckResult) -> Option<&'a Text>,
    zh: &str,
    en: &str,
) -> String {
    let texts: Vec<&Text> = report.checks.iter().filter_map(text).collect();
    let lang = |lang: Lang| {
        let between = if lang == Lang::Zh { zh } else { en };
        texts.iter().map(|text| text.get(lang)).collect::<Vec<_>>().join(between)
    };
    let langs = if langs.is_empty() { &[Lang::Zh] } else { langs };
    langs.iter().map(|&l| lang(l)).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}
