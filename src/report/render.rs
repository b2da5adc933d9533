//! Renderings of a run, row by row.

use std::io::{self, Write};

use super::json::{DocumentWriter, write_line};
use super::{Findings, Row, Summary, Verdict, text};
use crate::batch::WholeFile;
use crate::batch::look::Look;

/// One row on its way into renderings.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Place in the run, from 0.
    pub place: usize,
    /// The row.
    pub row: &'a Row,
    /// What the photo looks like, where the run computed it.
    pub look: Option<&'a Look>,
}

/// What is known when the last row is written.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Counts over the rows.
    pub summary: &'a Summary,
    /// Findings over all photos, when the run was asked for any.
    pub findings: Option<&'a Findings>,
}

/// Writes one form of the report. Rows come in input order, each once; memory must not grow with their number.
pub trait Renderer {
    /// Writes a row.
    ///
    /// # Errors
    /// When it cannot be written; the report is then given up.
    fn row(&mut self, item: &Item<'_>) -> io::Result<()>;

    /// Writes what comes last. A report that is a file gets its name only now.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left then.
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()>;
}

/// Where a report goes.
pub trait Output: Write {
    /// Ends the writing: a file gets its name.
    ///
    /// # Errors
    /// When the rest cannot be written.
    fn finish(self) -> io::Result<()>;
}

impl Output for WholeFile {
    fn finish(self) -> io::Result<()> {
        WholeFile::finish(self)
    }
}

impl<W: Write + ?Sized> Output for &mut W {
    fn finish(self) -> io::Result<()> {
        self.flush()
    }
}

/// Text for people.
#[derive(Debug)]
pub struct TextReport<W> {
    out: W,
    options: text::Options,
    quiet: bool,
    summary_only: bool,
    rows: usize,
}

impl<W: Output> TextReport<W> {
    /// Every photo with its reasons; when `quiet`, only photos that are not accepted.
    pub fn new(out: W, options: text::Options, quiet: bool) -> Self {
        Self { out, options, quiet, summary_only: false, rows: 0 }
    }

    /// The counts and the most frequent reasons.
    pub fn summary(out: W, options: text::Options) -> Self {
        Self { summary_only: true, ..Self::new(out, options, true) }
    }
}

impl<W: Output> Renderer for TextReport<W> {
    fn row(&mut self, item: &Item<'_>) -> io::Result<()> {
        self.rows += 1;
        let accepted = item.row.report.as_ref().is_some_and(|report| report.verdict == Verdict::Accept);
        if self.summary_only || (self.quiet && accepted) {
            return Ok(());
        }
        text::write_row(item.row, &self.options, &mut self.out)?;
        self.out.flush()
    }

    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        if let Some(findings) = end.findings {
            text::write_findings(findings, &self.options, &mut self.out)?;
        }
        if self.summary_only || self.rows > 1 || end.summary.skipped > 0 || end.summary.not_reached > 0 {
            text::write_summary(end.summary, &self.options, &mut self.out)?;
        }
        self.out.finish()
    }
}

/// One JSON document.
#[derive(Debug)]
pub struct JsonReport<W> {
    out: W,
    document: DocumentWriter,
}

impl<W: Output> JsonReport<W> {
    /// A document written to `out`.
    pub fn new(out: W) -> Self {
        Self { out, document: DocumentWriter::default() }
    }
}

impl<W: Output> Renderer for JsonReport<W> {
    fn row(&mut self, item: &Item<'_>) -> io::Result<()> {
        self.document.row(item.row, &mut self.out)?;
        self.out.flush()
    }

    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        self.document.finish_with(end.summary, end.findings, &mut self.out)?;
        self.out.finish()
    }
}

/// One JSON object a line; the last line holds the findings, when there are any to tell.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
}

impl<W: Output> JsonLines<W> {
    /// Lines written to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Output> Renderer for JsonLines<W> {
    fn row(&mut self, item: &Item<'_>) -> io::Result<()> {
        write_line(item.row, &mut self.out)?;
        self.out.flush()
    }

    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        if let Some(findings) = end.findings {
            serde_json::to_writer(&mut self.out, &serde_json::json!({ "findings": findings }))?;
            self.out.write_all(b"\n")?;
        }
        self.out.finish()
    }
}
