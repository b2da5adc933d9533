//! `normalize`: photos and folders to compliant files.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::check::{DetectorChoice, day, view};
use super::office::Office;
use super::outputs::{Outputs, Pattern};
use super::run::{Checked, FolderRun, RunArgs, Undone, end_at_interrupt, wanted};
use super::{CliError, DEFAULT_PROFILE, LangChoice, Outcome, load_profile};
use crate::batch::Entry;
use crate::batch::journal::{Head, Journal};
use crate::batch::look::{Look, Wanted};
use crate::engine::{Engine, Input};
use crate::normalize::{Background, NormalizeError, Normalized, Options};
use crate::profile::Profile;
use crate::report::Verdict;
use crate::units::Text;

/// Arguments of `normalize`.
#[derive(Debug, Clone, Args)]
pub struct NormalizeArgs {
    /// What to normalize, and where the reports go.
    #[command(flatten)]
    pub run: RunArgs,
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
    /// Day the photos' age is judged against, such as that of graduation; without it their age is not checked
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub captured_before: Option<Date>,
    /// What finds the faces
    #[arg(long, value_enum, default_value_t = DetectorChoice::ShortRange)]
    pub detector: DetectorChoice,
}

fn background(text: &str) -> Result<Background, std::convert::Infallible> {
    text.parse()
}

/// Normalizes what the arguments name, with the embedded nets.
pub fn run(args: &NormalizeArgs, lang: LangChoice, color: bool, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let profile = load_profile(&args.profile)?;
    let mut outputs = Outputs::create(&args.out, args.overwrite)?;
    let found = args.run.find(&[outputs.folder()])?;
    outputs.name_all(&found.entries, &args.name);
    let wanted = wanted(&args.run, &Office::default());
    let head = Head::new(
        "normalize",
        &profile,
        [
            ("captured before", args.captured_before.map_or_else(String::new, |day| day.to_string())),
            ("detector", format!("{:?}", args.detector)),
            ("folder of results", outputs.folder().display().to_string()),
            ("names of results", format!("{:?}", args.name)),
            ("background", format!("{:?}", args.background)),
            ("turning", args.rotate.to_string()),
            ("results that break rules", args.force_write.to_string()),
            ("kind of report", format!("thumbnails {}", wanted.thumbnail)),
        ],
    );
    let journal = args.run.resume.as_deref().map(|path| Journal::open(path, &head, args.run.resume_by.into()));
    let journal = journal.transpose().map_err(CliError::other)?;
    let view = view(&args.run, lang, color);
    let run = FolderRun::new(&found, args.run.jobs, &view);
    let run = FolderRun { reports: &args.run.report, journal, ..run };
    let job = Job {
        engine: Engine::with_detector(args.detector.into())?,
        profile,
        options: Options { background: args.background.clone(), rotate: args.rotate },
        captured_before: args.captured_before,
        outputs,
        force_write: args.force_write,
        wanted,
    };
    end_at_interrupt(&run.options.cancel)?;
    run.run(out, |place, entry, bytes| job.done(place, entry, bytes))
}

/// What is done with every photo of a run.
struct Job {
    engine: Engine,
    profile: Profile,
    options: Options,
    captured_before: Option<Date>,
    outputs: Outputs,
    force_write: bool,
    wanted: Wanted,
}

impl Job {
    /// Normalizes the photo at a place of the run, and writes its result.
    ///
    /// # Errors
    /// What is wrong with the photo; or that the result cannot be written, which ends the run: a full disk is told at once,
    /// not after a hundred thousand photos.
    fn done(&self, place: usize, entry: &Entry, bytes: &[u8]) -> Result<Checked, Undone> {
        let path = self.outputs.path(place).map_err(Undone::Photo)?;
        let name = path.file_name().map(|name| name.to_string_lossy());
        let input = Input { bytes, name: name.as_deref(), captured_before: self.captured_before };
        let made = self.engine.normalize(input, &self.profile, &self.options);
        let made = match made {
            Err(NormalizeError::Pdf) => return self.as_it_is(entry, bytes),
            made => made.map_err(|error| Undone::Photo(error.text()))?,
        };
        let Normalized { jpeg, report, source_sha256, .. } = made;
        let look = self.look(&jpeg);
        let needs_retake = report.verdict == Verdict::Reject;
        let checked = Checked { look, sha256: source_sha256, ..Checked::from(report) };
        if needs_retake && !self.force_write {
            let note = Text::new(
                "未写入：仍有不合格项，需重新拍摄（--force-write 可强制写入）",
                "not written: rules are still broken that need another photo (--force-write writes it anyway)",
            );
            return Ok(Checked { note: Some(note), ..checked });
        }
        self.outputs.write(path, &jpeg).map_err(Undone::Run)?;
        Ok(Checked { output: Some(path.to_owned()), ..checked })
    }

    /// A PDF, which is not changed: good as it is, or not at all.
    fn as_it_is(&self, entry: &Entry, bytes: &[u8]) -> Result<Checked, Undone> {
        let name = entry.name();
        let input = Input { bytes, name: name.as_deref(), captured_before: self.captured_before };
        let report = self.engine.check(input, &self.profile);
        if report.verdict == Verdict::Reject {
            return Err(Undone::Photo(NormalizeError::Pdf.text()));
        }
        let note =
            Text::new("PDF文件不作修改，可直接使用原文件", "not written: a PDF is not changed; use the file as it is");
        Ok(Checked { note: Some(note), ..Checked::from(report) })
    }

    /// The look of a result, where a report shows it.
    fn look(&self, jpeg: &[u8]) -> Look {
        if !self.wanted.thumbnail {
            return Look::default();
        }
        let (_, photo) = self.engine.read(Input { bytes: jpeg, name: None, captured_before: None });
        photo.map_or_else(Look::default, |photo| Look::of(&photo, self.wanted))
    }
}
