//! `check`: photos and folders to reports.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;

use super::overlays::Overlays;
use super::{CliError, DEFAULT_PROFILE, LangChoice, Outcome, load_profile};
use crate::batch::{self, Entry, Found, WalkOptions};
use crate::engine::{Engine, Input};
use crate::face::net::DetectorKind;
use crate::limits::Limits;
use crate::report::json::{DocumentWriter, write_line};
use crate::report::{Report, Row, Tally, Verdict, text};

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Photos and folders; in a folder every file is checked, except hidden ones and the system's own
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Id of a profile, or a profile file (.toml)
    #[arg(long, value_name = "ID|FILE", default_value = DEFAULT_PROFILE)]
    pub profile: String,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write an SVG for each photo, with what was measured drawn on it, to this folder
    #[arg(long, value_name = "DIR")]
    pub overlay: Option<PathBuf>,
    /// Day the photos' age is judged against, such as that of graduation; without it their age is not checked
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub captured_before: Option<Date>,
    /// Threads [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// What finds the faces
    #[arg(long, value_enum, default_value_t = DetectorChoice::ShortRange)]
    pub detector: DetectorChoice,
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

pub(super) fn day(text: &str) -> Result<Date, String> {
    Date::strptime("%Y-%m-%d", text).map_err(|_| "expected a day as YYYY-MM-DD, such as 2026-06-30".to_owned())
}

/// What finds the faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DetectorChoice {
    /// MediaPipe's short-range net
    ShortRange,
    /// The SeetaFace cascade
    Seetaface,
}

impl From<DetectorChoice> for DetectorKind {
    fn from(choice: DetectorChoice) -> Self {
        match choice {
            DetectorChoice::ShortRange => DetectorKind::ShortRange,
            DetectorChoice::Seetaface => DetectorKind::SeetaFace,
        }
    }
}

/// Form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// Where and how results are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Form of the results.
    pub format: Format,
    /// How text is written.
    pub text: text::Options,
    /// Text: only photos that are not accepted.
    pub quiet: bool,
}

/// Checks what the arguments name, with the embedded nets.
pub fn run(args: &CheckArgs, lang: LangChoice, color: bool, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let profile = load_profile(&args.profile)?;
    let (found, overlays) = prepare(args)?;
    let engine = Engine::with_detector(args.detector.into())?;
    let terminal = io::stdout().is_terminal();
    let view = View {
        format: args.format,
        text: text::Options {
            langs: lang.langs(),
            width: terminal.then(terminal_width),
            color,
            ascii: !terminal,
            verbose: args.verbose,
        },
        quiet: args.quiet,
    };
    run_with(&found, overlays.as_ref(), args.jobs, &view, out, |entry, bytes| {
        let name = entry.name();
        engine.check(Input { bytes, name: name.as_deref(), captured_before: args.captured_before }, &profile)
    })
}

/// Finds the files and makes ready the folder of overlays.
///
/// # Errors
/// When nothing is found, or the folder cannot be written to.
pub fn prepare(args: &CheckArgs) -> Result<(Found, Option<Overlays>), CliError> {
    let mut overlays = args.overlay.as_deref().map(Overlays::create).transpose()?;
    let except = overlays.as_ref().map(|overlays| overlays.folder().to_owned());
    let found = batch::find(&args.paths, &WalkOptions { recursive: !args.no_recursive, except });
    if found.entries.is_empty() {
        let paths: Vec<_> = args.paths.iter().map(|path| path.to_string_lossy()).collect();
        return Err(CliError::NoPhotos(paths.join(", ")));
    }
    if let Some(overlays) = &mut overlays {
        overlays.name_all(&found.entries);
    }
    Ok((found, overlays))
}

/// Checks `found` with `check` and writes the results to `out` as they come.
pub fn run_with(
    found: &Found,
    overlays: Option<&Overlays>,
    jobs: Option<NonZeroUsize>,
    view: &View,
    out: &mut dyn Write,
    check: impl Fn(&Entry, &[u8]) -> Report + Sync,
) -> Result<Outcome, CliError> {
    let options =
        batch::Options { jobs: jobs.unwrap_or_else(batch::default_jobs), max_bytes: Limits::default().max_bytes };
    let bar = progress(found.entries.len());
    let mut tally = Tally::default();
    let mut document = DocumentWriter::default();
    let several = found.entries.len() > 1;
    let judge = |entry: &Entry, bytes: &[u8]| {
        let report = check(entry, bytes);
        if let Some(overlays) = overlays {
            overlays.write(entry, &report, bytes);
        }
        report
    };
    batch::run(&found.entries, &options, judge, |_, row| {
        tally.add(&row);
        bar.inc(1);
        bar.suspend(|| -> io::Result<()> {
            match view.format {
                Format::Text if view.quiet && accepted(&row) => return Ok(()),
                Format::Text => text::write_row(&row, &view.text, out)?,
                Format::Json => document.row(&row, out)?,
                Format::Jsonl => write_line(&row, out)?,
            }
            out.flush()
        })?;
        // A full disk is told at once, not after a hundred thousand photos.
        overlays.map_or(Ok(()), |overlays| overlays.check()).map_err(CliError::from)
    })?;
    bar.finish_and_clear();
    let summary = tally.finish(found.skipped);
    match view.format {
        Format::Text if several || found.skipped > 0 => text::write_summary(&summary, &view.text, out)?,
        Format::Json => document.finish(&summary, out)?,
        Format::Text | Format::Jsonl => {}
    }
    Ok(if summary.all_accepted() { Outcome::Accepted } else { Outcome::NotAccepted })
}

fn accepted(row: &Row) -> bool {
    row.report.as_ref().is_some_and(|report| report.verdict == Verdict::Accept)
}

/// A bar on stderr; hidden when that is no terminal, or for a single photo.
pub(super) fn progress(photos: usize) -> ProgressBar {
    if photos < 2 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(photos as u64), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} ETA {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

pub(super) fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)).min(120)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_of_the_calendar() {
        assert_eq!(day("2026-06-30"), Ok(jiff::civil::date(2026, 6, 30)));
        for odd in ["", "2026-02-30", "30.6.2026", "2026-06", "2026-06-30T00:00", "tomorrow"] {
            assert!(day(odd).is_err_and(|error| error.contains("YYYY-MM-DD")), "{odd}");
        }
    }
}
