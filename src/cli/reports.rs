//! The reports of one run: on standard output and in files.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use indicatif::ProgressBar;

use super::CliError;
use crate::batch::WholeFile;
use crate::batch::whole::folder_of;
use crate::report::csv::CsvReport;
use crate::report::html::{HtmlReport, PER_PAGE};
use crate::report::render::{End, Item, JsonLines, JsonReport, Output, Renderer, TextReport};
use crate::report::text;
use crate::report::xlsx::XlsxReport;
use crate::units::Lang;

/// Form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// The counts and the most frequent reasons only.
    Summary,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// A table, comma separated.
    Csv,
    /// A workbook.
    Xlsx,
    /// A page for reviewers.
    Html,
}

/// A report to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// The file.
    pub path: PathBuf,
    /// Its form.
    pub format: Format,
}

impl ReportFile {
    /// A report whose form goes by the file's ending.
    ///
    /// # Errors
    /// In words, when the ending is not known.
    pub fn parse(path: &str) -> Result<Self, String> {
        let ending = Path::new(path).extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let format = match ending.as_deref() {
            Some("txt") => Format::Text,
            Some("json") => Format::Json,
            Some("jsonl") => Format::Jsonl,
            Some("csv") => Format::Csv,
            Some("xlsx") => Format::Xlsx,
            Some("html") => Format::Html,
            _ => return Err("the form goes by the ending: .txt, .json, .jsonl, .csv, .xlsx or .html".to_owned()),
        };
        Ok(Self { path: path.into(), format })
    }
}

/// Why a report to a file is not there.
#[derive(Debug, thiserror::Error)]
#[error("the report {path} was not written: {source}", path = path.display())]
pub struct ReportError {
    path: PathBuf,
    source: io::Error,
}

/// How standard output is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Form of the results.
    pub format: Format,
    /// How text is written.
    pub text: text::Options,
    /// Text: only photos that are not accepted.
    pub quiet: bool,
}

impl View {
    fn lang(&self) -> Lang {
        self.text.langs.first().copied().unwrap_or_default()
    }
}

/// All reports of a run.
pub(super) struct Reports<'a> {
    shown: Box<dyn Renderer + 'a>,
    files: Vec<(PathBuf, Box<dyn Renderer>)>,
}

impl<'a> Reports<'a> {
    /// Begins them all, so that a place where nothing can be written is told before the first photo.
    pub(super) fn create(view: &View, files: &[ReportFile], out: &'a mut dyn Write) -> Result<Self, CliError> {
        // A file has no width and no colours.
        let plain = View {
            text: text::Options { width: None, color: false, ascii: false, ..view.text.clone() },
            ..view.clone()
        };
        let files = files
            .iter()
            .map(|file| {
                let renderer = to_file(file, &plain).map_err(|source| ReportError { path: file.path.clone(), source });
                Ok((file.path.clone(), renderer.map_err(CliError::other)?))
            })
            .collect::<Result<_, CliError>>()?;
        if view.format == Format::Xlsx && io::stdout().is_terminal() {
            return Err(CliError::Output(io::Error::other("a workbook is no text; write it with --report FILE.xlsx")));
        }
        let folder = std::env::temp_dir();
        let shown = match view.format {
            Format::Html => Box::new(HtmlReport::single(out, view.lang())?),
            format => renderer(out, format, view, &folder, false)?,
        };
        Ok(Self { shown, files })
    }

    pub(super) fn row(&mut self, item: &Item<'_>, bar: &ProgressBar) -> Result<(), CliError> {
        for (path, file) in &mut self.files {
            file.row(item).map_err(|source| CliError::other(ReportError { path: path.clone(), source }))?;
        }
        Ok(bar.suspend(|| self.shown.row(item))?)
    }

    pub(super) fn finish(self, end: &End<'_>) -> Result<(), CliError> {
        for (path, file) in self.files {
            file.finish(end).map_err(|source| CliError::other(ReportError { path, source }))?;
        }
        Ok(self.shown.finish(end)?)
    }
}

fn to_file(file: &ReportFile, view: &View) -> io::Result<Box<dyn Renderer>> {
    match file.format {
        Format::Html => Ok(Box::new(HtmlReport::create(&file.path, view.lang(), PER_PAGE)?)),
        format => renderer(WholeFile::create(&file.path)?, format, view, folder_of(&file.path), true),
    }
}

/// Every form that is one stream of bytes. `mark` asks for a byte-order mark in tables.
fn renderer<'a, W: Output + 'a>(
    out: W,
    format: Format,
    view: &View,
    folder: &Path,
    mark: bool,
) -> io::Result<Box<dyn Renderer + 'a>> {
    let langs = &view.text.langs;
    Ok(match format {
        Format::Text => Box::new(TextReport::new(out, view.text.clone(), view.quiet)),
        Format::Summary => Box::new(TextReport::summary(out, view.text.clone())),
        Format::Json => Box::new(JsonReport::new(out)),
        Format::Jsonl => Box::new(JsonLines::new(out)),
        Format::Csv => Box::new(CsvReport::new(out, langs, mark)?),
        Format::Xlsx => Box::new(XlsxReport::new(out, folder, langs)?),
        Format::Html => Box::new(HtmlReport::single(out, view.lang())?),
    })
}
