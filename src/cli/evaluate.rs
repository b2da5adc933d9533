//! `evaluate`: error rates on labelled photos.

use std::collections::HashMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::run::progress;
use super::{CliError, DEFAULT_PROFILE, load_profile};
use crate::batch::{self, Entry};
use crate::engine::{Engine, Input};
use crate::evaluate::{Evaluation, Evaluator, Label, SKIN_BOUNDS, read_labels, resolve, write_text};
use crate::profile::Profile;
use crate::report::{Report, Row};
use crate::units::Lang;

/// Arguments of `evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    /// Folder of the photos
    pub dir: PathBuf,
    /// Table of labels (CSV); its columns are described in docs/evaluate.md
    #[arg(long, value_name = "TABLE.csv")]
    pub labels: PathBuf,
    /// Id of a profile, or a profile file (.toml)
    #[arg(long, value_name = "ID|FILE", default_value = DEFAULT_PROFILE)]
    pub profile: String,
    /// Form of the numbers
    #[arg(long, value_enum, default_value_t = EvaluateFormat::Text)]
    pub format: EvaluateFormat,
    /// Threads; 1 for times that can be compared [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Folder of photos in plain light, named as the table's `base` column: skin tone is taken from them
    #[arg(long, value_name = "DIR")]
    pub skin_from: Option<PathBuf>,
    /// Lightness L* below which skin is dark, and from which on it is light
    #[arg(long, value_name = "DARK,LIGHT", value_parser = skin_bounds, default_value = "50,65")]
    pub skin_bounds: SkinBounds,
}

/// Form of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvaluateFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// Lightness L* that parts dark from medium and medium from light skin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkinBounds(pub [f64; 2]);

impl Default for SkinBounds {
    fn default() -> Self {
        Self(SKIN_BOUNDS)
    }
}

fn skin_bounds(text: &str) -> Result<SkinBounds, String> {
    let bounds = text
        .split_once(',')
        .and_then(|(dark, light)| Some([dark.trim().parse::<f64>().ok()?, light.trim().parse::<f64>().ok()?]));
    match bounds {
        Some(bounds) if 0.0 <= bounds[0] && bounds[0] <= bounds[1] && bounds[1] <= 100.0 => Ok(SkinBounds(bounds)),
        _ => Err("expected two numbers in ascending order, 0 to 100, such as 50,65".to_owned()),
    }
}

/// Evaluates with the embedded nets.
pub fn run(args: &EvaluateArgs, lang: Lang, out: &mut dyn Write) -> Result<(), CliError> {
    let profile = load_profile(&args.profile)?;
    // Read before the nets are loaded: a mistake in the table is told at once.
    let labels = read_labels(&args.labels)?;
    let engine = Engine::new()?;
    let evaluation = evaluate(args, &profile, &labels, |entry, bytes| {
        let name = entry.name();
        engine.check(Input { bytes, name: name.as_deref(), captured_before: None }, &profile)
    })?;
    match args.format {
        EvaluateFormat::Text => write_text(&evaluation, lang, out)?,
        EvaluateFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &evaluation).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// Checks the labelled photos with `check` and counts.
pub fn evaluate(
    args: &EvaluateArgs,
    profile: &Profile,
    labels: &[Label],
    check: impl Fn(&Entry, &[u8]) -> Report + Sync,
) -> Result<Evaluation, CliError> {
    let options = batch::Options::of_jobs(args.jobs);
    let skin = skin_of_bases(args, labels, &options, &check)?;
    let skin = |label: &Label, row: &Row| match (&skin, &label.base) {
        (Some(skin), Some(base)) => skin.get(base).copied(),
        _ => lightness(row),
    };
    let entries: Vec<_> =
        labels.iter().map(|label| Entry::file(resolve(&label.file, &args.dir, &args.labels))).collect();
    let bar = progress(entries.len());
    let mut evaluator = Evaluator::new(profile, args.skin_bounds.0);
    batch::run(&entries, &options, &check, |place, row| {
        bar.inc(1);
        if let Some(label) = labels.get(place) {
            evaluator.add(label, &row, skin);
        }
        Ok::<_, CliError>(())
    })?;
    bar.finish_and_clear();
    Ok(evaluator.finish())
}

/// L* of the skin of every base, from the photos in plain light; `None` when no folder of them is given.
fn skin_of_bases(
    args: &EvaluateArgs,
    labels: &[Label],
    options: &batch::Options,
    check: &(impl Fn(&Entry, &[u8]) -> Report + Sync),
) -> Result<Option<HashMap<String, f64>>, CliError> {
    let Some(folder) = &args.skin_from else { return Ok(None) };
    let mut bases: Vec<_> = labels.iter().filter_map(|label| label.base.clone()).collect();
    bases.sort();
    bases.dedup();
    let entries: Vec<_> = bases.iter().map(|base| Entry::file(resolve(base, folder, folder))).collect();
    let mut skin = HashMap::new();
    batch::run(&entries, options, check, |place, row| {
        if let (Some(base), Some(lightness)) = (bases.get(place), lightness(&row)) {
            skin.insert(base.clone(), lightness);
        }
        Ok::<_, CliError>(())
    })?;
    Ok(Some(skin))
}

fn lightness(row: &Row) -> Option<f64> {
    row.report.as_ref()?.face.as_ref()?.skin_lightness
}
