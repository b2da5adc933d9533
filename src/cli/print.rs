//! `print`: photos on sheets of photo paper, at their exact size.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::outputs::{OutputError, Outputs};
use super::{CliError, LangChoice, Outcome, load_profile};
use crate::batch::{self, Entry, WalkOptions, names, whole};
use crate::limits::Limits;
use crate::photo;
use crate::print::pdf::{MOST_PAGES, Sheets};
use crate::print::{Layout, Paper, Press, PrintError, Printable, Size, Spacing, pixels};
use crate::report::harmless;
use crate::units::{Lang, Text};

/// The profile whose prints are made when none is named.
const DEFAULT_PROFILE: &str = "hubei-print";

/// Most prints of one photo.
const MOST_COPIES: i64 = 1000;

/// Arguments of `print`.
#[derive(Debug, Clone, Args)]
pub struct PrintArgs {
    /// Photos, folders and ZIP archives; in a folder every file is taken, except hidden ones and the system's own
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Folder for the sheets (sheet-001.jpg, ...), or one file: .pdf for all sheets, .jpg for a single one
    #[arg(long, value_name = "DIR|FILE")]
    pub out: PathBuf,
    /// Size of a print: 1-inch, small-1-inch, large-1-inch, 2-inch, small-2-inch, large-2-inch, or WIDTHxHEIGHT in millimetres
    /// [default: that of the profile]
    #[arg(long, value_name = "NAME|WxH")]
    pub size: Option<Size>,
    /// Id of a profile, or a profile file (.toml), whose canvas gives the size of a print
    #[arg(long, value_name = "ID|FILE", default_value = DEFAULT_PROFILE)]
    pub profile: String,
    /// Photo paper
    #[arg(long, value_enum, default_value_t = Paper::SixInch)]
    pub sheet: Paper,
    /// Prints of each photo; photos then share sheets [default: a whole sheet for each photo]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_COPIES))]
    pub copies: Option<u32>,
    /// Room between prints, in millimetres
    #[arg(long, value_name = "MM", default_value_t = 1.0, value_parser = millimetres)]
    pub gap: f64,
    /// Room between prints and the edge of the paper at least, in millimetres
    #[arg(long, value_name = "MM", default_value_t = 1.0, value_parser = millimetres)]
    pub margin: f64,
    /// Do not look into folders inside the given folders
    #[arg(long)]
    pub no_recursive: bool,
    /// Replace sheets that exist
    #[arg(long)]
    pub overwrite: bool,
}

fn millimetres(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=50.0).contains(&value) => Ok(value),
        _ => Err("expected millimetres, 0 to 50".to_owned()),
    }
}

/// Why no sheet is written.
#[derive(Debug, thiserror::Error)]
enum TargetError {
    /// A file that exists.
    #[error("{path} exists; --overwrite replaces it", path = .0.display())]
    Exists(PathBuf),
    /// More sheets than one picture can be.
    #[error("{path} can hold one sheet, and more are needed; name a .pdf or a folder", path = .0.display())]
    OneSheet(PathBuf),
    /// More sheets than a document takes.
    #[error("more than {MOST_PAGES} sheets, too many for one PDF; name a folder")]
    TooManyPages,
}

/// Where sheets go.
enum Target {
    Folder { outputs: Outputs, written: usize, overwrite: bool, inputs: HashSet<PathBuf> },
    Jpeg { path: PathBuf, sheet: Option<Vec<u8>> },
    Pdf { path: PathBuf, sheets: Sheets },
}

impl Target {
    fn of(args: &PrintArgs) -> Result<Self, CliError> {
        let ending = args.out.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let is_file = |known: &[&str]| !args.out.is_dir() && ending.as_deref().is_some_and(|own| known.contains(&own));
        let path = args.out.clone();
        Ok(if is_file(&["pdf"]) {
            Self::Pdf { path, sheets: Sheets::default() }
        } else if is_file(&["jpg", "jpeg"]) {
            Self::Jpeg { path, sheet: None }
        } else {
            let outputs = Outputs::create(&args.out, args.overwrite)?;
            Self::Folder { outputs, written: 0, overwrite: args.overwrite, inputs: HashSet::new() }
        })
    }

    /// What the walk over the inputs passes over.
    fn own(&self) -> Option<PathBuf> {
        match self {
            Self::Folder { outputs, .. } => Some(outputs.folder().to_owned()),
            Self::Jpeg { path, .. } | Self::Pdf { path, .. } => path.canonicalize().ok(),
        }
    }

    /// Refuses to write over inputs, and over what exists unless that is asked for.
    fn guard(&mut self, entries: &[Entry], args: &PrintArgs) -> Result<(), CliError> {
        let canonical: HashSet<PathBuf> = entries.iter().filter_map(|entry| entry.path.canonicalize().ok()).collect();
        match self {
            Self::Folder { inputs, .. } => *inputs = canonical,
            Self::Jpeg { path, .. } | Self::Pdf { path, .. } => {
                if path.canonicalize().is_ok_and(|there| canonical.contains(&there)) {
                    return Err(CliError::IsInput(path.clone()));
                }
                if !args.overwrite && path.symlink_metadata().is_ok() {
                    return Err(CliError::other(TargetError::Exists(path.clone())));
                }
            }
        }
        Ok(())
    }

    /// Takes a finished sheet; gives the path of the file when one was written.
    fn take(&mut self, jpeg: Vec<u8>, layout: &Layout) -> Result<Option<PathBuf>, CliError> {
        match self {
            Self::Folder { outputs, written, overwrite, inputs } => {
                let path = outputs.folder().join(format!("sheet-{:03}.jpg", *written + 1));
                if inputs.contains(&path) {
                    return Err(CliError::IsInput(path));
                }
                if !*overwrite && path.symlink_metadata().is_ok() {
                    return Err(CliError::other(TargetError::Exists(path)));
                }
                outputs.write(&path, &jpeg)?;
                *written += 1;
                Ok(Some(path))
            }
            Self::Jpeg { path, sheet: Some(_) } => Err(CliError::other(TargetError::OneSheet(path.clone()))),
            Self::Jpeg { sheet, .. } => {
                *sheet = Some(jpeg);
                Ok(None)
            }
            Self::Pdf { sheets, .. } => {
                let taken = sheets.push(jpeg, layout.width, layout.height);
                if taken { Ok(None) } else { Err(CliError::other(TargetError::TooManyPages)) }
            }
        }
    }

    /// Writes what was held back.
    fn finish(self) -> Result<Option<PathBuf>, CliError> {
        let (path, bytes) = match self {
            Self::Folder { .. } | Self::Jpeg { sheet: None, .. } => return Ok(None),
            Self::Jpeg { path, sheet: Some(sheet) } => (path, sheet),
            Self::Pdf { sheets, .. } if sheets.is_empty() => return Ok(None),
            Self::Pdf { path, sheets } => (path, sheets.to_pdf()),
        };
        fs::create_dir_all(whole::folder_of(&path))
            .and_then(|()| whole::write(&path, &bytes))
            .map_err(|source| OutputError::new(&path, source))?;
        Ok(Some(path))
    }
}

/// Prints what the arguments name.
pub fn run(args: &PrintArgs, lang: LangChoice, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let size = match args.size {
        Some(size) => size,
        None => Size::of_profile(&load_profile(&args.profile)?),
    };
    let spacing = Spacing { gap: pixels(args.gap), margin: pixels(args.margin) };
    let layout = Layout::of(args.sheet.pixels(), size.pixels(), spacing)
        .ok_or_else(|| CliError::other(PrintError::TooLarge { size }))?;
    let mut target = Target::of(args)?;
    let options = WalkOptions { recursive: !args.no_recursive, except: target.own().into_iter().collect() };
    let found = batch::find(&args.paths, &options);
    if found.entries.is_empty() {
        let paths: Vec<_> = args.paths.iter().map(|path| path.to_string_lossy()).collect();
        return Err(CliError::NoPhotos(paths.join(", ")));
    }
    target.guard(&found.entries, args)?;

    let langs = lang.langs();
    let mut press = Press::new(layout.clone());
    let copies = args.copies.map_or(press.per_sheet(), |copies| copies as usize);
    let mut all_printed = true;
    for entry in &found.entries {
        let path = names::shown(&entry.path);
        let print = match printable(entry, size) {
            Ok(print) => print,
            Err(why) => {
                all_printed = false;
                say(out, &langs, &path, &why)?;
                continue;
            }
        };
        say(out, &langs, &path, &laid(&print, copies))?;
        for _ in 0..copies {
            if let Some(jpeg) = press.lay(&print).map_err(CliError::other)? {
                written(out, &langs, target.take(jpeg, &layout)?)?;
            }
        }
    }
    if let Some(jpeg) = press.finish().map_err(CliError::other)? {
        written(out, &langs, target.take(jpeg, &layout)?)?;
    }
    written(out, &langs, target.finish()?)?;
    Ok(if all_printed { Outcome::Accepted } else { Outcome::NotAccepted })
}

/// Reads a photo and brings it to the size of a print.
fn printable(entry: &Entry, size: Size) -> Result<Printable, Text> {
    let limits = Limits::default();
    batch::with_bytes(entry, limits.max_bytes, |_, bytes| {
        let (file, photo) = photo::decode(bytes, None, &limits);
        let photo = photo.map_err(|error| error.text())?;
        photo::whole(&file, &photo).map_err(|error| error.text())?;
        Printable::of(&photo.rgb, size).map_err(|error| error.text())
    })?
}

/// What was laid of a photo.
fn laid(print: &Printable, copies: usize) -> Text {
    let percent = (100.0 * print.scale).round();
    if print.scale > 1.01 {
        Text::new(
            format!("{copies} 张（像素不足，放大至{percent}%）"),
            format!("{copies} prints (too few pixels: enlarged to {percent} %)"),
        )
    } else {
        Text::new(format!("{copies} 张"), format!("{copies} prints"))
    }
}

fn say(out: &mut dyn Write, langs: &[Lang], path: &str, text: &Text) -> Result<(), CliError> {
    let words: Vec<&str> = langs.iter().map(|&lang| text.get(lang)).collect();
    Ok(writeln!(out, "{}  {}", harmless(path), harmless(&words.join(" / ")))?)
}

fn written(out: &mut dyn Write, langs: &[Lang], path: Option<PathBuf>) -> Result<(), CliError> {
    match path {
        Some(path) => say(out, langs, &shown(&path), &Text::new("已写入", "written")),
        None => Ok(()),
    }
}

fn shown(path: &Path) -> String {
    names::shown(path).into_owned()
}
