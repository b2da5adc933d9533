//! `signature`: pictures of signatures to clean, trimmed files.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::outputs::{OutputError, Outputs, Pattern};
use super::run::{end_at_interrupt, progress};
use super::{CliError, LangChoice, Outcome};
use crate::batch::{self, Ended, Entry, WalkOptions, names};
use crate::limits::Limits;
use crate::signature::{self, Cut, FileFormat, Found, InkColor, MOST_BYTES, SkewBy};
use crate::units::{Lang, Text, Unit};

/// Version of the JSON's shape.
const SCHEMA: u32 = 1;

/// Arguments of `signature`.
#[derive(Debug, Clone, Args)]
pub struct SignatureArgs {
    /// Pictures of signatures, folders of them, and ZIP archives
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Folder the results are written to, or for one picture the file (.jpg or .png); inputs are never touched
    #[arg(long, value_name = "DIR|FILE")]
    pub out: PathBuf,
    /// Names of the results, .jpg or .png; {stem} is the input's name, {id} the number in it, {n} its place in the run
    #[arg(long, value_name = "PATTERN", default_value = "{stem}.jpg", value_parser = Pattern::of_picture)]
    pub name: Pattern,
    /// Replace results that exist
    #[arg(long)]
    pub overwrite: bool,
    /// Colour of the ink
    #[arg(long, value_enum, default_value_t = InkChoice::Keep)]
    pub ink: InkChoice,
    /// Do not turn a tilted signature
    #[arg(long)]
    pub no_deskew: bool,
    /// Exact size of the result in pixels, filled up with white [default: as it is, at most 800 on the longer side]
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<(u32, u32)>,
    /// Largest file in KB of 1024 bytes
    #[arg(long, value_name = "N", default_value_t = MOST_BYTES >> 10, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub max_kib: u64,
    /// Form of the results on standard output
    #[arg(long, value_enum, default_value_t = SignatureFormat::Text)]
    pub format: SignatureFormat,
    /// Threads [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Do not look into folders inside the given folders
    #[arg(long)]
    pub no_recursive: bool,
}

/// Colour of the ink on the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InkChoice {
    /// As it is
    Keep,
    /// Black, with the soft edges kept
    Black,
}

/// Form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignatureFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// Largest side that can be asked for, in pixels.
const MOST_SIDE: u32 = 4096;

fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.trim().parse::<u32>().ok().filter(|side| (16..=MOST_SIDE).contains(side));
    let size = text.split_once(['x', 'X', '×']).and_then(|(width, height)| Some((side(width)?, side(height)?)));
    size.ok_or_else(|| format!("expected width x height in pixels, 16 to {MOST_SIDE} each, such as 400x200"))
}

/// Why there is nowhere to write.
#[derive(Debug, thiserror::Error)]
#[error("{path} names one file for {inputs} pictures; name a folder (只能为一张图片指定输出文件，请指定文件夹)", path = .path.display())]
pub struct OneFile {
    path: PathBuf,
    inputs: usize,
}

/// One picture's outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    path: String,
    /// The file that was written.
    output: Option<String>,
    made: Option<Made>,
    error: Option<Fault>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Made {
    width: u32,
    height: u32,
    bytes: u64,
    quality: Option<u8>,
    #[serde(flatten)]
    found: Found,
}

/// Why nothing was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Fault {
    code: &'static str,
    message: Text,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Summary {
    files: u64,
    made: u64,
    not_made: u64,
    not_reached: u64,
}

/// Cuts out what the arguments name.
///
/// # Errors
/// When there is nothing to read or nowhere to write.
pub fn run(args: &SignatureArgs, lang: LangChoice, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let (folder, name) = target(args);
    let mut outputs = Outputs::create(&folder, args.overwrite)?;
    let except = vec![outputs.folder().to_owned()];
    let found = batch::find(&args.paths, &WalkOptions { recursive: !args.no_recursive, except });
    let inputs = found.entries.len();
    if inputs == 0 {
        let paths: Vec<_> = args.paths.iter().map(|path| path.to_string_lossy()).collect();
        return Err(CliError::NoPhotos(paths.join(", ")));
    }
    let nested = |entry: &Entry| entry.relative.components().count() > 1;
    if name.is_constant() && (inputs > 1 || found.entries.iter().any(nested)) {
        return Err(CliError::other(OneFile { path: args.out.clone(), inputs }));
    }
    outputs.name_all(&found.entries, &name);
    let format = FileFormat::of_name(name.ending()).unwrap_or_default();
    let options = signature::Options {
        ink: match args.ink {
            InkChoice::Keep => InkColor::Keep,
            InkChoice::Black => InkColor::Black,
        },
        deskew: !args.no_deskew,
        size: args.size,
        max_bytes: args.max_kib << 10,
        format,
        ..signature::Options::default()
    };
    let run = batch::Options::of_jobs(args.jobs);
    end_at_interrupt(&run.cancel)?;
    let work = |place: usize| {
        found.entries.get(place).map(|entry| row(entry, place, &options, &outputs, run.max_bytes)).transpose()
    };
    let bar = progress(inputs);
    let mut printer = Printer { format: args.format, langs: lang.langs(), rows: 0 };
    let mut summary = Summary { files: inputs as u64, ..Summary::default() };
    let ended = batch::ordered(inputs, &run, work, |_, row: Result<Option<Row>, OutputError>| {
        let Some(row) = row? else { return Ok(()) };
        let count = if row.made.is_some() { &mut summary.made } else { &mut summary.not_made };
        *count += 1;
        bar.inc(1);
        bar.suspend(|| printer.row(&row, out)).map_err(CliError::Output)
    })?;
    bar.finish_and_clear();
    summary.not_reached = summary.files - summary.made - summary.not_made;
    printer.finish(&summary, out)?;
    Ok(match ended {
        Ended::Early => Outcome::Interrupted,
        Ended::Complete if summary.not_made == 0 => Outcome::Accepted,
        Ended::Complete => Outcome::NotAccepted,
    })
}

/// The folder of the results, and how they are named in it.
fn target(args: &SignatureArgs) -> (PathBuf, Pattern) {
    let file = args.out.file_name().and_then(|name| name.to_str());
    match file.filter(|name| FileFormat::of_name(name).is_some() && !args.out.is_dir()) {
        Some(name) => {
            let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (folder.to_owned(), Pattern::constant(name))
        }
        None => (args.out.clone(), args.name.clone()),
    }
}

/// Cuts out one signature and writes its file.
///
/// # Errors
/// When nothing can be written any more, which ends the run.
fn row(
    entry: &Entry,
    place: usize,
    options: &signature::Options,
    outputs: &Outputs,
    max_bytes: u64,
) -> Result<Row, OutputError> {
    let path = names::shown(&entry.path).into_owned();
    let not_made =
        |code, message| Ok(Row { path: path.clone(), output: None, made: None, error: Some(Fault { code, message }) });
    let target = match outputs.path(place) {
        Ok(target) => target,
        Err(message) => return not_made("output", message),
    };
    let work = |_: &Entry, bytes: &[u8]| signature::cut(bytes, options, &Limits::default());
    let Cut { bytes, quality, size: (width, height), found } = match batch::with_bytes(entry, max_bytes, work) {
        Ok(Ok(cut)) => cut,
        Ok(Err(error)) => return not_made(error.code(), error.text()),
        Err(message) => return not_made("input", message),
    };
    outputs.write(target, &bytes)?;
    let made = Made { width, height, bytes: bytes.len() as u64, quality, found };
    let output = Some(names::shown(target).into_owned());
    Ok(Row { path: path.clone(), output, made: Some(made), error: None })
}

/// Writes rows in the order of the run.
struct Printer {
    format: SignatureFormat,
    langs: Vec<Lang>,
    rows: u64,
}

impl Printer {
    fn row(&mut self, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        match self.format {
            SignatureFormat::Text => out.write_all(self.text(row).as_bytes()),
            SignatureFormat::Json => {
                if self.rows == 1 {
                    write!(out, "{{\"schema\":{SCHEMA},\"rows\":[")?;
                } else {
                    out.write_all(b",")?;
                }
                Ok(serde_json::to_writer(out, row)?)
            }
            SignatureFormat::Jsonl => {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            }
        }
    }

    fn finish(&self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            SignatureFormat::Text if self.rows > 1 => self.langs.iter().try_for_each(|lang| {
                let Summary { made, not_made, not_reached, .. } = summary;
                match lang {
                    Lang::Zh => writeln!(out, "已截取 {made}，未截取 {not_made}，未处理 {not_reached}"),
                    Lang::En => writeln!(out, "{made} made, {not_made} not made, {not_reached} not reached"),
                }
            }),
            SignatureFormat::Text | SignatureFormat::Jsonl => Ok(()),
            SignatureFormat::Json => {
                if self.rows == 0 {
                    write!(out, "{{\"schema\":{SCHEMA},\"rows\":[")?;
                }
                out.write_all(b"],\"summary\":")?;
                serde_json::to_writer(&mut *out, summary)?;
                out.write_all(b"}\n")
            }
        }
    }

    fn text(&self, row: &Row) -> String {
        let mut text = row.path.clone();
        let said = match (&row.made, &row.error) {
            (Some(made), _) => made.text(row.output.as_deref().unwrap_or_default()),
            (None, Some(fault)) => {
                vec![Text::new("未截取", "not made"), Text::new(fault.message.zh.clone(), fault.message.en.clone())]
            }
            (None, None) => Vec::new(),
        };
        let mut said = said.into_iter();
        if let Some(head) = said.next() {
            let heads: Vec<&str> = self.langs.iter().map(|&lang| head.get(lang)).collect();
            // Writing to a string does not fail.
            let _ = write!(text, "  {}", heads.join(" / "));
        }
        text.push('\n');
        for line in said {
            for &lang in &self.langs {
                let _ = writeln!(text, "  {}", line.get(lang));
            }
        }
        text
    }
}

impl Made {
    /// The head, and a line for everything that was done.
    fn text(&self, output: &str) -> Vec<Text> {
        let Self { width, height, bytes, quality, found } = self;
        let kib = Unit::Kib.format(*bytes as f64 / 1024.0);
        let quality = quality.map_or_else(String::new, |quality| format!(", q{quality}"));
        let mut lines = vec![Text::new(
            format!("已截取  {output}  {width}x{height}，{kib} KB{quality}"),
            format!("made  {output}  {width}x{height}, {kib} KB{quality}"),
        )];
        let strokes = found.strokes;
        let bounds = found.bounds;
        lines.push(Text::new(
            format!(
                "* 签名位于 {:.0},{:.0}，大小 {:.0}x{:.0}，{strokes} 个相连笔画",
                bounds.x, bounds.y, bounds.width, bounds.height
            ),
            format!(
                "* the signature lies at {:.0},{:.0}, {:.0}x{:.0} large, in {strokes} connected strokes",
                bounds.x, bounds.y, bounds.width, bounds.height
            ),
        ));
        let degrees = Unit::Degrees.format(found.degrees);
        lines.extend(match found.skew_by {
            SkewBy::Line if found.degrees != 0.0 => Some(Text::new(
                format!("* 已按横线转正 {degrees}°"),
                format!("* turned by {degrees}° to level a ruled line"),
            )),
            SkewBy::Strokes if found.degrees != 0.0 => Some(Text::new(
                format!("* 已按笔画走向转正 {degrees}°（--no-deskew 可保持原样）"),
                format!("* turned by {degrees}° to level the strokes (--no-deskew leaves them)"),
            )),
            _ => None,
        });
        let dropped = found.dropped;
        let parts = [
            (dropped.lines, "横线或表格线", "ruled lines"),
            (dropped.apart, "远处的笔画", "strokes apart"),
            (dropped.at_edge, "边沿处的痕迹", "marks at the edge"),
            (dropped.blobs, "墨块或印章", "filled shapes"),
            (dropped.specks, "小点", "specks"),
        ];
        let there: Vec<_> = parts.into_iter().filter(|(count, ..)| *count > 0).collect();
        if !there.is_empty() {
            let zh: Vec<String> = there.iter().map(|(count, zh, _)| format!("{zh} {count}")).collect();
            let en: Vec<String> = there.iter().map(|(count, _, en)| format!("{count} {en}")).collect();
            lines.push(Text::new(format!("* 未保留：{}", zh.join("，")), format!("* left out: {}", en.join(", "))));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_numbers_within_bounds() {
        assert_eq!(size("400x200"), Ok((400, 200)));
        assert_eq!(size("400×200"), Ok((400, 200)));
        for odd in ["", "400", "400x", "x200", "0x10", "400x-2", "9000x10", "4e2x2"] {
            assert!(size(odd).is_err(), "{odd}");
        }
    }
}
