//! `check`: photos and folders to reports.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::civil::Date;

use super::office::OfficeArgs;
use super::overlays::Overlays;
use super::reports::View;
use super::run::{Checked, FolderRun, RunArgs, end_at_interrupt, wanted};
use super::{CliError, DEFAULT_PROFILE, LangChoice, Outcome, load_profile};
use crate::batch::Found;
use crate::batch::journal::{Head, Journal};
use crate::batch::look::Look;
use crate::engine::{Engine, Input};
use crate::face::net::DetectorKind;
use crate::report::text;

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// What to check, and where the results go.
    #[command(flatten)]
    pub run: RunArgs,
    /// Id of a profile, or a profile file (.toml)
    #[arg(long, value_name = "ID|FILE", default_value = DEFAULT_PROFILE)]
    pub profile: String,
    /// Write an SVG for each photo, with what was measured drawn on it, to this folder
    #[arg(long, value_name = "DIR")]
    pub overlay: Option<PathBuf>,
    /// Day the photos' age is judged against, such as that of graduation; without it their age is not checked
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub captured_before: Option<Date>,
    /// What finds the faces
    #[arg(long, value_enum, default_value_t = DetectorChoice::ShortRange)]
    pub detector: DetectorChoice,
    /// What is asked of all photos together.
    #[command(flatten)]
    pub office: OfficeArgs,
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

/// Checks what the arguments name, with the embedded nets.
pub fn run(args: &CheckArgs, lang: LangChoice, color: bool, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let profile = load_profile(&args.profile)?;
    let office = args.office.office(&profile)?;
    let (found, overlays) = prepare(args)?;
    let wanted = wanted(&args.run, &office);
    let optional = |path: &Option<PathBuf>| path.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let head = Head::new(
        "check",
        &profile,
        [
            ("captured before", args.captured_before.map_or_else(String::new, |day| day.to_string())),
            ("detector", format!("{:?}", args.detector)),
            ("folder of overlays", optional(&args.overlay)),
            ("kind of report", format!("thumbnails {}, comparison {}", wanted.thumbnail, wanted.hash)),
        ],
    );
    let journal = args.run.resume.as_deref().map(|path| Journal::open(path, &head, args.run.resume_by.into()));
    let journal = journal.transpose().map_err(CliError::other)?;
    let again = journal.as_ref().is_some_and(|journal| !journal.is_empty());
    let view = view(&args.run, lang, color);
    let run = FolderRun::new(&found, args.run.jobs, &view);
    let sorter = args.office.sorter(&found.entries, again, run.options.max_bytes)?;
    let run = FolderRun { reports: &args.run.report, overlays: overlays.as_ref(), journal, office, sorter, ..run };
    let engine = Engine::with_detector(args.detector.into())?;
    end_at_interrupt(&run.options.cancel)?;
    run.run(out, |_, entry, bytes| {
        let name = entry.name();
        let input = Input { bytes, name: name.as_deref(), captured_before: args.captured_before };
        let (report, look) = engine.check_and_look(input, &profile, |photo| photo.map(|photo| Look::of(photo, wanted)));
        Ok(Checked { look: look.unwrap_or_default(), ..Checked::from(report) })
    })
}

/// How the results look on standard output.
pub fn view(args: &RunArgs, lang: LangChoice, color: bool) -> View {
    let terminal = io::stdout().is_terminal();
    let text = text::Options {
        langs: lang.langs(),
        width: terminal.then(terminal_width),
        color,
        ascii: !terminal,
        verbose: args.verbose,
    };
    View { format: args.format, text, quiet: args.quiet }
}

/// Finds the files and makes ready the folder of overlays.
///
/// # Errors
/// When nothing is found, or the folder cannot be written to.
pub fn prepare(args: &CheckArgs) -> Result<(Found, Option<Overlays>), CliError> {
    let mut overlays = args.overlay.as_deref().map(Overlays::create).transpose()?;
    let mut written: Vec<&Path> = args.office.paths().collect();
    written.extend(overlays.as_ref().map(Overlays::folder));
    let found = args.run.find(&written)?;
    if let Some(overlays) = &mut overlays {
        overlays.name_all(&found.entries);
    }
    Ok((found, overlays))
}

fn terminal_width() -> usize {
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
