//! A table for spreadsheets and other programs: a line for each photo, then one for each finding.
//!
//! Text is UTF-8. A cell that a spreadsheet would take for a formula begins with an apostrophe.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::{Terminator, Writer, WriterBuilder};

use super::render::{End, Item, Output, Renderer};
use super::table::{Cell, finding_cells, looks_like_formula, photo_cells, photo_columns, words};
use crate::units::{Lang, Text};

/// Writes a table to `W`.
#[derive(Debug)]
pub struct CsvReport<W: Write> {
    out: Writer<W>,
    langs: Vec<Lang>,
}

impl<W: Output> CsvReport<W> {
    /// Begins the table with its headings. With `mark`, the text begins with a byte-order mark, without which Excel takes
    /// it for the system's old encoding.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn new(mut out: W, langs: &[Lang], mark: bool) -> io::Result<Self> {
        if mark {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let mut report =
            Self { out: WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out), langs: langs.to_vec() };
        let kind = Text::new("类别", "kind");
        let others = [Text::new("号码", "number"), Text::new("姓名", "name")];
        let titles = std::iter::once(kind).chain(photo_columns().into_iter().map(|(title, _)| title)).chain(others);
        let titles: Vec<_> = titles.map(|title| Cell::Text(words(&title, langs))).collect();
        report.line(&titles)?;
        Ok(report)
    }

    fn line(&mut self, cells: &[Cell]) -> io::Result<()> {
        let written = cells.iter().map(|cell| match cell {
            Cell::Text(text) if looks_like_formula(text) => Cow::Owned(format!("'{text}")),
            Cell::Text(text) => Cow::Borrowed(text.as_str()),
            Cell::Number(number) => Cow::Owned(number.to_string()),
            Cell::Empty => Cow::Borrowed(""),
        });
        self.out.write_record(written.map(|cell| cell.into_owned())).map_err(io_error)?;
        self.out.flush()
    }
}

impl<W: Output> Renderer for CsvReport<W> {
    fn row(&mut self, item: &Item<'_>) -> io::Result<()> {
        let mut cells = vec![Cell::Text(words(&Text::new("照片", "photo"), &self.langs))];
        cells.extend(photo_cells(item, &self.langs));
        cells.extend([Cell::Empty, Cell::Empty]);
        self.line(&cells)
    }

    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        for finding in end.findings.iter().flat_map(|findings| &findings.list) {
            let Ok([kind, number, name, text, files]) = <[Cell; 5]>::try_from(finding_cells(finding, &self.langs))
            else {
                continue;
            };
            // Under the headings of the photos: file in the column of files, words in that of words.
            let mut cells = vec![kind, Cell::Empty, files];
            cells.resize(8, Cell::Empty);
            cells.push(text);
            cells.resize(1 + photo_columns().len(), Cell::Empty);
            cells.extend([number, name]);
            self.line(&cells)?;
        }
        self.out.into_inner().map_err(csv::IntoInnerError::into_error)?.finish()
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
