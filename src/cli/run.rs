//! A run over folders, whatever is done with each photo: arguments, progress, reports, what is kept for another time.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::office::Office;
use super::outputs::OutputError;
use super::overlays::Overlays;
use super::reports::{Format, ReportFile, Reports, View};
use super::{CliError, Outcome};
use crate::batch::journal::{By, Journal, Kept, Stamp};
use crate::batch::look::{Look, Wanted};
use crate::batch::sort::{Put, Sorter};
use crate::batch::{self, Cancel, Ended, Entry, Found, WalkOptions};
use crate::report::html::pages_there;
use crate::report::render::{End, Item};
use crate::report::{Report, Row, Tally};
use crate::units::Text;

/// Arguments of every command that runs over folders.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Photos, folders and ZIP archives; in a folder every file is taken, except hidden ones and the system's own
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Form of the results on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Also write a report to this file; its form goes by its ending: txt, json, jsonl, csv, xlsx or html. May be repeated
    #[arg(long, value_name = "FILE", value_parser = ReportFile::parse)]
    pub report: Vec<ReportFile>,
    /// Keep a journal in this file; when it exists already, go on where that run ended
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// How a photo of the journal is known to be unchanged
    #[arg(long, value_enum, default_value_t = ResumeBy::Time)]
    pub resume_by: ResumeBy,
    /// Threads [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Do not look into folders inside the given folders
    #[arg(long, overrides_with = "recursive")]
    pub no_recursive: bool,
    /// Look into folders inside the given folders (the default)
    #[arg(long, overrides_with = "no_recursive")]
    pub recursive: bool,
    /// Text: only photos that are not accepted
    #[arg(long, short)]
    pub quiet: bool,
    /// Text: list the checks that pass too
    #[arg(long, short)]
    pub verbose: bool,
}

/// How a photo is known to be unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResumeBy {
    /// Its path, length and time of change
    Time,
    /// Its path and the SHA-256 of its bytes
    Hash,
}

impl From<ResumeBy> for By {
    fn from(by: ResumeBy) -> Self {
        match by {
            ResumeBy::Time => By::Time,
            ResumeBy::Hash => By::Hash,
        }
    }
}

impl RunArgs {
    /// Finds the files, without what the run writes itself.
    ///
    /// # Errors
    /// When nothing is found, or a report would be written over an input.
    pub fn find(&self, written: &[&Path]) -> Result<Found, CliError> {
        let reports = self.report.iter().map(|report| report.path.as_path());
        let pages = self.report.iter().filter(|report| report.format == Format::Html);
        let pages: Vec<PathBuf> = pages.flat_map(|report| pages_there(&report.path)).collect();
        let except = reports
            .clone()
            .chain(written.iter().copied())
            .chain(self.resume.as_deref())
            .chain(pages.iter().map(PathBuf::as_path))
            .filter_map(|path| path.canonicalize().ok())
            .collect();
        let found = batch::find(&self.paths, &WalkOptions { recursive: !self.no_recursive, except });
        if found.entries.is_empty() {
            let paths: Vec<_> = self.paths.iter().map(|path| path.to_string_lossy()).collect();
            return Err(CliError::NoPhotos(paths.join(", ")));
        }
        for report in reports.chain(self.resume.as_deref()) {
            let Ok(there) = report.canonicalize() else { continue };
            let near = found.entries.iter().filter(|entry| entry.path.file_name() == report.file_name());
            if near.into_iter().any(|entry| entry.path.canonicalize().is_ok_and(|input| input == there)) {
                return Err(CliError::IsInput(report.to_owned()));
            }
        }
        Ok(found)
    }

    /// Whether a report shows thumbnails.
    pub fn wants_thumbnails(&self) -> bool {
        self.format == Format::Html || self.report.iter().any(|report| report.format == Format::Html)
    }
}

/// What the work on a photo gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Its report.
    pub report: Report,
    /// Its look, as far as the run [wants](Wanted) it.
    pub look: Look,
    /// The file that was written.
    pub output: Option<PathBuf>,
    /// Why none was, where one could have been.
    pub note: Option<Text>,
    /// SHA-256 of the input, hexadecimal.
    pub sha256: String,
}

impl From<Report> for Checked {
    fn from(report: Report) -> Self {
        let sha256 = report.file.sha256.clone();
        Self { report, look: Look::default(), output: None, note: None, sha256 }
    }
}

/// Why the work on a photo gives no report.
#[derive(Debug)]
pub enum Undone {
    /// Something is wrong with the photo; its row says so, and the run goes on.
    Photo(Text),
    /// Nothing can be written any more; the run ends.
    Run(OutputError),
}

/// A run that is ready to begin.
#[derive(Debug)]
pub struct FolderRun<'a> {
    /// The files.
    pub found: &'a Found,
    /// Threads and limits.
    pub options: batch::Options,
    /// How standard output is written.
    pub view: &'a View,
    /// Reports to files.
    pub reports: &'a [ReportFile],
    /// Overlays for each photo.
    pub overlays: Option<&'a Overlays>,
    /// What an earlier part of the run has done.
    pub journal: Option<Journal>,
    /// What is asked of all photos together.
    pub office: Office,
    /// Where photos are sorted into.
    pub sorter: Option<Sorter>,
}

/// One photo on its way to the sink.
struct Done {
    row: Row,
    look: Option<Look>,
    /// For the journal, when the work was done now.
    fresh: Option<Fresh>,
}

/// What the input was when the work was done.
struct Fresh {
    stamp: Option<Stamp>,
    sha256: String,
}

impl<'a> FolderRun<'a> {
    /// A run that only writes to standard output.
    pub fn new(found: &'a Found, jobs: Option<NonZeroUsize>, view: &'a View) -> Self {
        let (options, office) = (batch::Options::of_jobs(jobs), Office::default());
        Self { found, options, view, reports: &[], overlays: None, journal: None, office, sorter: None }
    }

    /// Does `work` on every photo that no earlier part of the run has done, with its place in the run, and writes the
    /// reports.
    ///
    /// # Errors
    /// When something cannot be written; reports that are not whole are then not there at all.
    pub fn run(
        mut self,
        out: &mut dyn Write,
        work: impl Fn(usize, &Entry, &[u8]) -> Result<Checked, Undone> + Sync,
    ) -> Result<Outcome, CliError> {
        let entries = &self.found.entries;
        let mut reports = Reports::create(self.view, self.reports, out)?;
        let bar = progress(entries.len());
        let mut tally = Tally::default();
        let mut rows = 0u64;
        let (journal, overlays, max_bytes) = (self.journal.as_ref(), self.overlays, self.options.max_bytes);
        let done =
            |place: usize| entries.get(place).map(|entry| done((place, entry), journal, overlays, max_bytes, &work));
        let ended = batch::ordered(entries.len(), &self.options, done, |place, done| {
            let (Some(entry), Some(done)) = (entries.get(place), done.transpose()?) else { return Ok(()) };
            let (row, look) = (done.row, done.look);
            // First of all, so that what any report has is never lost.
            let row = keep(journal, entry, done.fresh, row, look.as_ref())?;
            tally.add(&row);
            rows += 1;
            self.office.row(place, entry, &row, look.as_ref());
            if let Some(sorter) = &mut self.sorter
                && sorter.put(place, entry, &row).map_err(CliError::other)? == Put::Left
            {
                self.office.left(&row);
            }
            reports.row(&Item { place, row: &row, look: look.as_ref() }, &bar)?;
            bar.inc(1);
            // A full disk is told at once, not after a hundred thousand photos.
            overlays.map_or(Ok(()), |overlays| overlays.check()).map_err(CliError::from)
        })?;
        bar.finish_and_clear();
        let mut summary = tally.finish(self.found.skipped);
        summary.not_reached = (entries.len() as u64).saturating_sub(rows);
        let findings = self.office.finish(entries);
        reports.finish(&End { summary: &summary, findings: findings.as_ref() })?;
        if let Some(sorter) = self.sorter {
            sorter.finish().map_err(CliError::other)?;
        }
        let in_order = findings.is_none_or(|findings| findings.list.is_empty());
        Ok(match ended {
            Ended::Early => Outcome::Interrupted,
            Ended::Complete if summary.all_accepted() && in_order => Outcome::Accepted,
            Ended::Complete => Outcome::NotAccepted,
        })
    }
}

/// One photo: as it was kept, or worked on now.
fn done(
    (place, entry): (usize, &Entry),
    journal: Option<&Journal>,
    overlays: Option<&Overlays>,
    max_bytes: u64,
    work: &impl Fn(usize, &Entry, &[u8]) -> Result<Checked, Undone>,
) -> Result<Done, OutputError> {
    let again = |kept: Kept| {
        let row = Row { output: kept.output, error: kept.note, ..batch::row(entry, Ok(kept.report)) };
        Ok(Done { row, look: Some(kept.look), fresh: None })
    };
    if let Some(kept) = journal.and_then(|journal| journal.kept(entry, None)) {
        return again(kept);
    }
    // Taken before the bytes are read: a file that changes afterwards has another stamp the next time.
    let stamp = journal.and_then(|_| Stamp::of(entry));
    let result = batch::with_bytes(entry, max_bytes, |entry, bytes| {
        if let Some(kept) = journal.and_then(|journal| journal.kept(entry, Some(bytes))) {
            return Err(Box::new(kept));
        }
        let checked = work(place, entry, bytes);
        if let (Some(overlays), Ok(checked)) = (overlays, &checked) {
            overlays.write(entry, &checked.report, bytes);
        }
        Ok(checked)
    });
    match result {
        Ok(Err(kept)) => again(*kept),
        Ok(Ok(Ok(Checked { report, look, output, note, sha256 }))) => {
            let output = output.map(|path| path.to_string_lossy().into_owned());
            let row = Row { output, error: note, ..batch::row(entry, Ok(report)) };
            Ok(Done { row, look: Some(look), fresh: Some(Fresh { stamp, sha256 }) })
        }
        Ok(Ok(Err(Undone::Run(error)))) => Err(error),
        Ok(Ok(Err(Undone::Photo(error)))) | Err(error) => {
            Ok(Done { row: batch::row(entry, Err(error)), look: None, fresh: None })
        }
    }
}

/// Writes a fresh row to the journal, and gives it back.
fn keep(
    journal: Option<&Journal>,
    entry: &Entry,
    fresh: Option<Fresh>,
    row: Row,
    look: Option<&Look>,
) -> Result<Row, CliError> {
    if let (Some(journal), Some(Fresh { stamp, sha256 }), Some(report)) = (journal, fresh, &row.report) {
        let look = look.cloned().unwrap_or_default();
        let kept = Kept { report: report.clone(), look, output: row.output.clone(), note: row.error.clone(), sha256 };
        journal.keep(entry, stamp, &kept).map_err(CliError::other)?;
    }
    Ok(row)
}

/// What looks a run computes.
pub fn wanted(args: &RunArgs, office: &Office) -> Wanted {
    Wanted { thumbnail: args.wants_thumbnails(), hash: office.compares_pictures() }
}

/// A bar on stderr; hidden when that is no terminal, or for a single photo.
pub(super) fn progress(photos: usize) -> ProgressBar {
    if photos < 2 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(photos as u64), ProgressDrawTarget::stderr());
    // The rate of a run that waits for one slow photo must not stand still.
    bar.enable_steady_tick(Duration::from_millis(500));
    match ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} ETA {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Asks `cancel` for the end at the first interrupt; at the second, ends the program. Photos under way are finished and
/// the reports are written after the first.
///
/// # Errors
/// When the system takes no handler.
pub fn end_at_interrupt(cancel: &Cancel) -> Result<(), CliError> {
    let cancel = cancel.clone();
    ctrlc::set_handler(move || {
        if cancel.ask() {
            std::process::exit(super::EXIT_INTERRUPTED.into());
        }
        // Nothing is left to tell it to when stderr is closed.
        let _ = writeln!(io::stderr(), "\ngradphoto: ending after the photos under way; once more to end at once");
    })
    .map_err(CliError::other)
}
