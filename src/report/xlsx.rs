//! A workbook for the office: photos, findings and counts, each on a sheet, with a frozen heading, filters and verdicts in
//! colour.
//!
//! Rows go to a temporary file as they come; memory holds one row. All text is written as text, and what looks like a
//! formula also bears the mark that keeps it text when it is edited.

use std::io::{self, BufWriter, Seek};
use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::render::{End, Item, Output, Renderer};
use super::table::{
    Cell, Column, finding_cells, finding_columns, looks_like_formula, photo_cells, photo_columns, words,
};
use super::{Summary, Verdict};
use crate::units::{Lang, Text};

/// Rows of a sheet, the heading among them.
const ROWS: u32 = 1_048_576;
/// Column of the verdict.
const VERDICT: usize = 2;

/// Writes a workbook to `W` at the end of the run.
pub struct XlsxReport<W> {
    out: W,
    folder: PathBuf,
    workbook: Workbook,
    langs: Vec<Lang>,
    styles: Styles,
    /// Most rows of a sheet.
    limit: u32,
    /// Sheets of photos so far, and rows on the last.
    sheets: usize,
    rows: u32,
}

impl<W> std::fmt::Debug for XlsxReport<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XlsxReport").field("sheets", &self.sheets).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<W: Output> XlsxReport<W> {
    /// Begins a workbook. Its rows wait in `folder`, where there has to be space for them.
    ///
    /// # Errors
    /// When nothing can be written to the folder.
    pub fn new(out: W, folder: &Path, langs: &[Lang]) -> io::Result<Self> {
        Self::with_limit(out, folder, langs, ROWS)
    }

    /// The same with fewer rows on a sheet.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_limit(out: W, folder: &Path, langs: &[Lang], limit: u32) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder).map_err(io_error)?;
        // The time of writing would make two workbooks of the same photos differ.
        let day = ExcelDateTime::from_ymd(2000, 1, 1).map_err(io_error)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&day));
        let limit = limit.clamp(2, ROWS);
        let mut report = Self {
            out,
            folder: folder.to_owned(),
            workbook,
            langs: langs.to_vec(),
            styles: Styles::new(),
            limit,
            sheets: 0,
            rows: 0,
        };
        report.photo_sheet().map_err(io_error)?;
        Ok(report)
    }

    fn photo_sheet(&mut self) -> Result<(), XlsxError> {
        self.end_photo_sheet()?;
        self.sheets += 1;
        let number = if self.sheets > 1 { format!(" {}", self.sheets) } else { String::new() };
        let name = format!("{}{number}", words_short(&Text::new("照片", "photos"), &self.langs));
        self.begin(&name, &photo_columns())?;
        self.rows = 1;
        Ok(())
    }

    fn end_photo_sheet(&mut self) -> Result<(), XlsxError> {
        let Some(last) = self.sheets.checked_sub(1) else { return Ok(()) };
        let columns = photo_columns().len() as u16;
        self.workbook.worksheet_from_index(last)?.autofilter(0, 0, self.rows.max(2) - 1, columns - 1)?;
        Ok(())
    }

    /// A new sheet with its headings.
    fn begin(&mut self, name: &str, columns: &[Column]) -> Result<&mut Worksheet, XlsxError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (at, (title, width)) in (0u16..).zip(columns) {
            sheet.set_column_width(at, *width)?;
            sheet.write_string_with_format(0, at, words(title, &self.langs), &self.styles.heading)?;
        }
        Ok(sheet)
    }

    fn photo(&mut self, item: &Item<'_>) -> Result<(), XlsxError> {
        if self.rows >= self.limit {
            self.photo_sheet()?;
        }
        let verdict = self.styles.verdict(item.row.report.as_ref().map(|report| report.verdict));
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1)?;
        for (at, cell) in photo_cells(item, &self.langs).iter().enumerate() {
            let style = if at == VERDICT { verdict } else { &self.styles.plain };
            write_cell(sheet, self.rows, at as u16, cell, style, &self.styles)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn ending(&mut self, end: &End<'_>) -> Result<(), XlsxError> {
        self.end_photo_sheet()?;
        let langs = self.langs.clone();
        if let Some(findings) = end.findings {
            let name = words_short(&Text::new("核对结果", "findings"), &langs);
            self.begin(&name, &finding_columns())?;
            let mut rows = 1;
            let sheet = self.workbook.worksheet_from_index(self.sheets)?;
            // More than a sheet holds is more than anybody reads; the other forms have them all, and the last row says so.
            for finding in findings.list.iter().take(self.limit as usize - 2) {
                for (at, cell) in (0u16..).zip(finding_cells(finding, &langs)) {
                    write_cell(sheet, rows, at, &cell, &self.styles.plain, &self.styles)?;
                }
                rows += 1;
            }
            let more = findings.list.len() - (rows as usize - 1);
            if more > 0 {
                let text =
                    Text::new(format!("另有 {more} 条，见 CSV 或 JSON"), format!("{more} more: see CSV or JSON"));
                sheet.write_string(rows, 0, words(&text, &langs))?;
            }
            sheet.autofilter(0, 0, rows.max(2) - 1, finding_columns().len() as u16 - 1)?;
        }
        self.summary(end.summary, &langs)
    }

    fn summary(&mut self, summary: &Summary, langs: &[Lang]) -> Result<(), XlsxError> {
        let column = |zh: &str, en: &str, width| (Text::new(zh, en), width);
        let columns = [
            column("项目", "item", 36.0),
            column("不合格", "fail", 12.0),
            column("警告", "warn", 12.0),
            column("未判定", "undetermined", 14.0),
            column("编号", "id", 26.0),
        ];
        let name = words_short(&Text::new("统计", "summary"), langs);
        let sheet = self.begin(&name, &columns)?;
        let counts = [
            (Text::new("文件", "files"), summary.files),
            (Text::new("合格", "accepted"), summary.accept),
            (Text::new("待人工审核", "to review"), summary.review),
            (Text::new("不合格", "rejected"), summary.reject),
            (Text::new("无法检查", "with errors"), summary.errors),
            (Text::new("跳过", "passed over"), summary.skipped),
            (Text::new("未检查（提前结束）", "not reached (ended early)"), summary.not_reached),
        ];
        let mut row = 1;
        for reason in &summary.reasons {
            sheet.write_string(row, 0, words(&reason.title, langs))?;
            for (at, count) in [(1, reason.fail), (2, reason.warn), (3, reason.undetermined)] {
                sheet.write_number(row, at, count as f64)?;
            }
            sheet.write_string(row, 4, &reason.id)?;
            row += 1;
        }
        sheet.autofilter(0, 0, row.max(2) - 1, 4)?;
        row += 1;
        for (title, count) in counts {
            sheet.write_string(row, 0, words(&title, langs))?;
            sheet.write_number(row, 1, count as f64)?;
            row += 1;
        }
        Ok(())
    }
}

impl<W: Output> Renderer for XlsxReport<W> {
    fn row(&mut self, item: &Item<'_>) -> io::Result<()> {
        self.photo(item).map_err(io_error)
    }

    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        self.ending(end).map_err(io_error)?;
        // The packer of the workbook works in threads and wants a file of its own; it is then copied.
        let mut packed = tempfile::tempfile_in(&self.folder)?;
        self.workbook.save_to_writer(BufWriter::new(&packed)).map_err(io_error)?;
        packed.rewind()?;
        io::copy(&mut packed, &mut self.out)?;
        self.out.finish()
    }
}

/// How cells look.
struct Styles {
    heading: Format,
    plain: Format,
    text_mark: Format,
    accept: Format,
    review: Format,
    reject: Format,
    error: Format,
}

impl Styles {
    fn new() -> Self {
        let top = || Format::new().set_align(FormatAlign::Top);
        let fill = |ink: u32, paper: u32| {
            top().set_bold().set_font_color(Color::RGB(ink)).set_background_color(Color::RGB(paper))
        };
        Self {
            heading: Format::new().set_bold().set_background_color(Color::RGB(0xE5E7EB)),
            plain: top(),
            text_mark: top().set_quote_prefix(),
            accept: fill(0x166534, 0xDCFCE7),
            review: fill(0x92400E, 0xFEF3C7),
            reject: fill(0x991B1B, 0xFEE2E2),
            error: fill(0x374151, 0xE5E7EB),
        }
    }

    fn verdict(&self, verdict: Option<Verdict>) -> &Format {
        match verdict {
            Some(Verdict::Accept) => &self.accept,
            Some(Verdict::Review) => &self.review,
            Some(Verdict::Reject) => &self.reject,
            None => &self.error,
        }
    }
}

fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    style: &Format,
    styles: &Styles,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) if looks_like_formula(text) => {
            sheet.write_string_with_format(row, column, text, &styles.text_mark)?;
        }
        Cell::Text(text) => {
            sheet.write_string_with_format(row, column, text, style)?;
        }
        Cell::Number(number) => {
            sheet.write_number_with_format(row, column, *number, style)?;
        }
        Cell::Empty => {}
    }
    Ok(())
}

/// The name of a sheet: in one language, for a name is short.
fn words_short(text: &Text, langs: &[Lang]) -> String {
    text.get(langs.first().copied().unwrap_or_default()).to_owned()
}

fn io_error(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
