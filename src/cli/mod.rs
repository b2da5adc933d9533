//! The `gradphoto` command: arguments, exit codes, and where output goes. One file a subcommand; no image code here.
//!
//! Exit codes: 0 every photo accepted, 1 something rejected, to review, or without a report, 2 the run itself failed, 130
//! ended early by an interrupt.

pub mod check;
pub mod completions;
pub mod evaluate;
pub mod explain;
#[cfg(feature = "server")]
pub mod keys;
pub mod normalize;
pub mod office;
pub mod outputs;
pub mod overlays;
pub mod print;
pub mod profiles;
pub mod reports;
pub mod run;
#[cfg(feature = "server")]
pub mod serve;
pub mod signature;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::AutoStream;
use clap::{ColorChoice, Parser, Subcommand, ValueEnum};

use crate::batch::PoolError;
use crate::engine::EngineError;
use crate::profile::{self, Profile, ProfileError};
use crate::units::Lang;

/// The profile photos are judged by when none is named.
pub const DEFAULT_PROFILE: &str = "zikao-graduation";

const EXIT_CODES: &str = "Exit codes: 0 every photo accepted; 1 something rejected, to review, or not readable; \
    2 the run itself failed (wrong arguments, unknown profile, no photos found, nowhere to write); \
    130 ended early by an interrupt, with the report so far";

/// Exit code after an interrupt, as shells have it: 128 and the number of the signal.
const EXIT_INTERRUPTED: u8 = 130;

/// Checks certificate photos: which rule a photo breaks, by how much, and what mends it.
#[derive(Debug, Parser)]
#[command(name = "gradphoto", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Language of messages [default: that of the locale]
    #[arg(long, value_enum, global = true)]
    lang: Option<LangChoice>,
    /// Whether text is in colour
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, global = true)]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check photos, or all files of folders
    Check(Box<check::CheckArgs>),
    /// Make compliant photos, as far as the standard allows
    Normalize(Box<normalize::NormalizeArgs>),
    /// Lay photos on sheets of photo paper, to be printed and cut
    Print(Box<print::PrintArgs>),
    /// Cut signatures out of pictures of them: clean ink on white
    Signature(signature::SignatureArgs),
    /// List the profiles, or print one with the source of its values
    Profiles {
        /// Id of a profile
        id: Option<String>,
    },
    /// List the checks, or explain one
    Explain {
        /// Id of a check, such as face.eye-line
        check: Option<String>,
    },
    /// Measure error rates on labelled photos
    Evaluate(evaluate::EvaluateArgs),
    /// Serve photos over HTTP
    #[cfg(feature = "server")]
    Serve(serve::ServeArgs),
    /// Make, list or revoke keys of the service
    #[cfg(feature = "server")]
    Keys(keys::KeysArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Languages to write in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LangChoice {
    /// Chinese.
    Zh,
    /// English.
    En,
    /// Both, Chinese first.
    Both,
}

impl LangChoice {
    /// The languages, the first one first.
    pub fn langs(self) -> Vec<Lang> {
        match self {
            LangChoice::Zh => vec![Lang::Zh],
            LangChoice::En => vec![Lang::En],
            LangChoice::Both => vec![Lang::Zh, Lang::En],
        }
    }

    /// The one language of output that has only one.
    pub fn first(self) -> Lang {
        if self == LangChoice::En { Lang::En } else { Lang::Zh }
    }

    /// The language of a locale: that of the first variable that is set, as POSIX orders them.
    pub fn of_locale(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        let chinese = locale
            .is_some_and(|locale| locale.to_string_lossy().get(..2).is_some_and(|l| l.eq_ignore_ascii_case("zh")));
        if chinese { LangChoice::Zh } else { LangChoice::En }
    }
}

/// How a run over photos ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is accepted: exit code 0.
    Accepted,
    /// Something is not: exit code 1.
    NotAccepted,
    /// It was ended early: exit code 130.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => ExitCode::SUCCESS,
            Outcome::NotAccepted => ExitCode::from(1),
            Outcome::Interrupted => ExitCode::from(EXIT_INTERRUPTED),
        }
    }
}

/// Why a run failed: exit code 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// Nothing to check.
    #[error("no photos found in {0} (没有找到照片)")]
    NoPhotos(String),
    /// The profile is unknown or malformed.
    #[error("profile {name}: {source}")]
    Profile {
        /// As given.
        name: String,
        /// Why.
        source: ProfileError,
    },
    /// The nets are unusable.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A report would be written over an input.
    #[error("{path} is one of the inputs and is not written over; name another file", path = .0.display())]
    IsInput(std::path::PathBuf),
    /// An overlay could not be written.
    #[error(transparent)]
    Overlay(#[from] overlays::OverlayError),
    /// A result cannot be written.
    #[error(transparent)]
    Result(#[from] outputs::OutputError),
    /// The table of labels is unusable.
    #[error(transparent)]
    Labels(#[from] crate::evaluate::LabelError),
    /// Output could not be written.
    #[error("output could not be written: {0}")]
    Output(#[from] io::Error),
    /// A subcommand failed with an error of its own.
    #[error(transparent)]
    Other(Box<dyn Error>),
}

impl CliError {
    fn other(error: impl Error + 'static) -> Self {
        CliError::Other(Box::new(error))
    }

    /// Whether the reader of the output is gone, as behind `| head`; no fault of anyone's.
    fn is_broken_pipe(&self) -> bool {
        let mut error: Option<&(dyn Error + 'static)> = match self {
            CliError::Output(error) => Some(error),
            CliError::Other(error) => Some(error.as_ref()),
            _ => None,
        };
        while let Some(cause) = error {
            if cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
                return true;
            }
            error = cause.source();
        }
        false
    }
}

/// Runs the command with the arguments of the process.
pub fn run() -> ExitCode {
    // Prints help, versions and errors itself; a wrong argument is exit code 2.
    let cli = Cli::parse();
    let raw = io::stdout();
    let choice = match cli.color {
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
        ColorChoice::Auto => AutoStream::choice(&raw),
    };
    let color = choice != anstream::ColorChoice::Never;
    // Without colours nothing writes them, and no stream has to look for them in what may be gigabytes.
    let stream: Box<dyn Write> =
        if color { Box::new(AutoStream::new(raw.lock(), choice)) } else { Box::new(raw.lock()) };
    let mut out = BufWriter::with_capacity(1 << 16, stream);
    let result = cli.dispatch(color, &mut out);
    let flushed = out.flush().map_err(CliError::Output);
    match result.and_then(|outcome| flushed.map(|()| outcome)) {
        Ok(outcome) => outcome.into(),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell it to when stderr is closed too.
            let _ = writeln!(io::stderr(), "gradphoto: {error}");
            ExitCode::from(2)
        }
    }
}

impl Cli {
    fn dispatch(self, color: bool, out: &mut dyn Write) -> Result<Outcome, CliError> {
        let lang = self.lang.unwrap_or_else(|| LangChoice::of_locale(|name| std::env::var_os(name)));
        match self.command {
            Command::Check(args) => return check::run(&args, lang, color, out),
            Command::Normalize(args) => return normalize::run(&args, lang, color, out),
            Command::Print(args) => return print::run(&args, lang, out),
            Command::Signature(args) => return signature::run(&args, lang, out),
            Command::Profiles { id } => profiles::run(id.as_deref(), lang.first(), out).map_err(CliError::other)?,
            Command::Explain { check } => explain::run(check.as_deref(), lang.first(), out).map_err(CliError::other)?,
            Command::Evaluate(args) => evaluate::run(&args, lang.first(), out)?,
            #[cfg(feature = "server")]
            Command::Serve(args) => serve::run(&args, out)?,
            #[cfg(feature = "server")]
            Command::Keys(args) => keys::run(&args, out)?,
            Command::Completions { shell } => completions::run(shell, out)?,
        }
        Ok(Outcome::Accepted)
    }
}

/// The profile named by an id or by a file: what ends in `.toml` or holds a path separator is a file.
fn load_profile(name: &str) -> Result<Profile, CliError> {
    let is_file = name.contains(['/', '\\']) || Path::new(name).extension().is_some_and(|e| e == "toml");
    let loaded = if is_file { profile::load_file(Path::new(name)) } else { profile::builtin(name) };
    loaded.map_err(|source| CliError::Profile { name: name.to_owned(), source })
}
