//! `normalize`: photos and folders to compliant files.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::check::{DetectorChoice, Format, day, progress, terminal_width};
use super::outputs::{OutputError, Outputs, Pattern};
use super::{CliError, DEFAULT_PROFILE, LangChoice, Outcome, load_profile};
use crate::batch::{self, Entry, WalkOptions};
use crate::engine::{Engine, Input};
use crate::limits::Limits;
use crate::normalize::{Background, Normalized, Options};
use crate::profile::Profile;
use crate::report::json::{DocumentWriter, write_line};
use crate::report::{Row, Tally, Verdict, text};
use crate::units::Text;

/// Arguments of `normalize`.
#[derive(Debug, Clone, Args)]
pub struct NormalizeArgs {
    /// Photos and folders; in a folder every file is taken, except hidden ones and the system's own
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Folder the results are written to; inputs are never touched
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Id of a profile, or a profile file (.toml)
    #[arg(long, value_name = "ID|FILE", default_value = DEFAULT_PROFILE)]
    pub profile: String,
    /// What happens to the background: keep, auto, or a colour the profile accepts (blue, white, ...)
    #[arg(long, value_name = "keep|auto|COLOR", default_value = "keep", value_parser = background)]
    pub background: Background,
    /// Allow turning a photo to level the eyes
    #[arg(long)]
    pub rotate: bool,
    /// Names of the results; {stem} is the input's name, {id} the number in it, {n} its place in the run
    #[arg(long, value_name = "PATTERN", default_value = "{stem}.jpg")]
    pub name: Pattern,
    /// Write results too that still break rules and need another photo
    #[arg(long)]
    pub force_write: bool,
    /// Replace results that exist
    #[arg(long)]
    pub overwrite: bool,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
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

fn background(text: &str) -> Result<Background, std::convert::Infallible> {
    text.parse()
}

/// Normalizes what the arguments name, with the embedded nets.
pub fn run(args: &NormalizeArgs, lang: LangChoice, color: bool, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let profile = load_profile(&args.profile)?;
    let mut outputs = Outputs::create(&args.out, args.overwrite)?;
    let except = Some(outputs.folder().to_owned());
    let found = batch::find(&args.paths, &WalkOptions { recursive: !args.no_recursive, except });
    if found.entries.is_empty() {
        let paths: Vec<_> = args.paths.iter().map(|path| path.to_string_lossy()).collect();
        return Err(CliError::NoPhotos(paths.join(", ")));
    }
    outputs.name_all(&found.entries, &args.name);
    let job = Job {
        engine: Engine::with_detector(args.detector.into())?,
        profile,
        options: Options { background: args.background.clone(), rotate: args.rotate },
        captured_before: args.captured_before,
        outputs,
        force_write: args.force_write,
    };

    let terminal = io::stdout().is_terminal();
    let text_options = text::Options {
        langs: lang.langs(),
        width: terminal.then(terminal_width),
        color,
        ascii: !terminal,
        verbose: args.verbose,
    };
    let options =
        batch::Options { jobs: args.jobs.unwrap_or_else(batch::default_jobs), max_bytes: Limits::default().max_bytes };
    let bar = progress(found.entries.len());
    let mut tally = Tally::default();
    let mut document = DocumentWriter::default();
    let mut all_written = true;
    let work = |place: usize| job.row(place, &found.entries[place], options.max_bytes);
    batch::ordered(found.entries.len(), &options, work, |_, row: Result<Row, OutputError>| {
        // A full disk is told at once, not after a hundred thousand photos.
        let row = row?;
        tally.add(&row);
        all_written &= row.output.is_some();
        bar.inc(1);
        bar.suspend(|| -> io::Result<()> {
            match args.format {
                Format::Text if args.quiet && accepted(&row) => return Ok(()),
                Format::Text => text::write_row(&row, &text_options, out)?,
                Format::Json => document.row(&row, out)?,
                Format::Jsonl => write_line(&row, out)?,
            }
            out.flush()
        })
        .map_err(CliError::from)
    })?;
    bar.finish_and_clear();
    let summary = tally.finish(found.skipped);
    match args.format {
        Format::Text if found.entries.len() > 1 || found.skipped > 0 => {
            text::write_summary(&summary, &text_options, out)?;
        }
        Format::Json => document.finish(&summary, out)?,
        Format::Text | Format::Jsonl => {}
    }
    Ok(if summary.all_accepted() && all_written { Outcome::Accepted } else { Outcome::NotAccepted })
}

fn accepted(row: &Row) -> bool {
    row.output.is_some() && row.report.as_ref().is_some_and(|report| report.verdict == Verdict::Accept)
}

/// What is done with every photo of a run.
struct Job {
    engine: Engine,
    profile: Profile,
    options: Options,
    captured_before: Option<Date>,
    outputs: Outputs,
    force_write: bool,
}

impl Job {
    /// Normalizes one entry and writes its result.
    ///
    /// # Errors
    /// When the result cannot be written, which ends the run; whatever is wrong with the photo itself is said in its row.
    fn row(&self, place: usize, entry: &Entry, max_bytes: u64) -> Result<Row, OutputError> {
        let failed = |why: Text| batch::row(entry, Err(why));
        let path = match self.outputs.path(place) {
            Ok(path) => path,
            Err(why) => return Ok(failed(why)),
        };
        let name = path.file_name().map(|name| name.to_string_lossy());
        let made = batch::with_bytes(entry, max_bytes, |_, bytes| {
            let input = Input { bytes, name: name.as_deref(), captured_before: self.captured_before };
            self.engine.normalize(input, &self.profile, &self.options)
        });
        let Normalized { jpeg, report, .. } = match made {
            Ok(Ok(made)) => made,
            Ok(Err(error)) => return Ok(failed(error.text())),
            Err(why) => return Ok(failed(why)),
        };
        let needs_retake = report.verdict == Verdict::Reject;
        let mut row = batch::row(entry, Ok(report));
        if needs_retake && !self.force_write {
            row.error = Some(Text::new(
                "未写入：仍有不合格项，需重新拍摄（--force-write 可强制写入）",
                "not written: rules are still broken that need another photo (--force-write writes it anyway)",
            ));
            return Ok(row);
        }
        self.outputs.write(path, &jpeg)?;
        row.output = Some(path.to_string_lossy().into_owned());
        Ok(row)
    }
}
