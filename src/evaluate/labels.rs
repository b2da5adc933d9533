//! Tables of labelled photos.
//!
//! Columns are known by their header, in any order; unknown ones are ignored. `docs/evaluate.md` lists them.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::report::Verdict;

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The file cannot be read.
    #[error("labels {path}: {source}", path = path.display())]
    Io {
        /// The table.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no CSV.
    #[error("labels: {0}")]
    Csv(#[from] csv::Error),
    /// There is no column that names the photo.
    #[error("labels: no column `file` (or `id`); the columns are: {0}")]
    NoFile(String),
    /// A cell does not hold what its column asks for.
    #[error("labels, line {line}, column `{column}`: `{value}` is not {expected}")]
    Cell {
        /// Line of the file, from 1.
        line: u64,
        /// Header of the column.
        column: String,
        /// What the cell holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// The table has a header only.
    #[error("labels: the table has no rows")]
    Empty,
}

/// True geometry of a photo in its own pixels; `None` where it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Truth {
    /// Mean height of the pupil centres, pixels from the top.
    pub eye_y: Option<f64>,
    /// Top of hair or head, pixels from the top.
    pub head_top: Option<f64>,
    /// Width of the face at cheek height, pixels.
    pub face_width: Option<f64>,
    /// Width of the widest row of the face, pixels; for information.
    pub face_width_max: Option<f64>,
    /// Forehead hairline, pixels from the top.
    pub hairline: Option<f64>,
    /// Lowest point of the chin, pixels from the top.
    pub chin: Option<f64>,
    /// Line of the eyes against the horizontal, degrees, positive clockwise in the picture.
    pub roll: Option<f64>,
}

/// One labelled photo.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Label {
    /// The photo as the table names it.
    pub file: String,
    /// What kind of case it is; `clean` for one that breaks no rule. `None` without such a column.
    pub kind: Option<String>,
    /// How strong the fault is, in the table's words; empty when it does not say.
    pub severity: String,
    /// Checks of which at least one has to fail; empty when none has to.
    pub must_fail: Vec<String>,
    /// The person or photo the case is made from.
    pub base: Option<String>,
    /// A group of the table's own.
    pub group: Option<String>,
    /// What a reviewer decided.
    pub decision: Option<Verdict>,
    /// True geometry.
    pub truth: Truth,
}

impl Label {
    /// Whether nothing may fail on this photo: its kind is `clean`, or there are kinds and no check has to fail.
    pub fn is_clean(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| kind == "clean" || self.must_fail.is_empty())
    }
}

/// Reads the table at `path`.
pub fn read_labels(path: &Path) -> Result<Vec<Label>, LabelError> {
    let file = std::fs::File::open(path).map_err(|source| LabelError::Io { path: path.to_owned(), source })?;
    parse_labels(file)
}

/// Reads a table: UTF-8, with or without a byte-order mark, comma separated, with a header.
pub fn parse_labels(text: impl Read) -> Result<Vec<Label>, LabelError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let headers = reader.headers()?.clone();
    let columns: HashMap<String, usize> = headers
        .iter()
        .enumerate()
        .map(|(place, name)| (name.trim_start_matches('\u{feff}').to_ascii_lowercase(), place))
        .collect();
    if !columns.contains_key("file") && !columns.contains_key("id") {
        return Err(LabelError::NoFile(headers.iter().collect::<Vec<_>>().join(", ")));
    }
    let mut labels = Vec::new();
    for record in reader.records() {
        labels.push(Cells { columns: &columns, record: &record? }.label()?);
    }
    if labels.is_empty() { Err(LabelError::Empty) } else { Ok(labels) }
}

/// The cells of one row, by column.
struct Cells<'a> {
    columns: &'a HashMap<String, usize>,
    record: &'a csv::StringRecord,
}

impl Cells<'_> {
    fn label(&self) -> Result<Label, LabelError> {
        let eyes = self.pair("pupil_l_x", "eye_l_x", "pupil_l_y", "eye_l_y")?;
        let right = self.pair("pupil_r_x", "eye_r_x", "pupil_r_y", "eye_r_y")?;
        let pupils = eyes.zip(right);
        let eye_y = self.number(&["eye_y"])?.or(pupils.map(|((_, l), (_, r))| (l + r) / 2.0));
        let roll = pupils.map(|((lx, ly), (rx, ry))| (ry - ly).atan2(rx - lx).to_degrees());
        Ok(Label {
            file: self.text("file").or(self.text("id")).unwrap_or_default().to_owned(),
            kind: self.columns.contains_key("kind").then(|| self.text("kind").unwrap_or_default().to_owned()),
            severity: self.text("severity").unwrap_or_default().to_owned(),
            must_fail: self
                .text("must_fail")
                .unwrap_or_default()
                .split('|')
                .map(|id| id.trim().to_owned())
                .filter(|id| !id.is_empty())
                .collect(),
            base: self.text("base").map(str::to_owned),
            group: self.text("group").map(str::to_owned),
            decision: self.decision()?,
            truth: Truth {
                eye_y,
                head_top: self.number(&["head_top", "head_top_y", "head_top_alpha"])?,
                face_width: self.number(&["face_w_cheek"])?,
                face_width_max: self.number(&["face_w_max"])?,
                hairline: self.number(&["forehead_hairline_y", "hairline_y"])?,
                chin: self.number(&["chin_y"])?,
                roll: self.number(&["roll_deg"])?.or(roll),
            },
        })
    }

    /// The cell of a column, when the column is there and the cell is not empty.
    fn text(&self, column: &str) -> Option<&str> {
        self.record.get(*self.columns.get(column)?).filter(|cell| !cell.is_empty())
    }

    /// The number under the first of `names` that is filled in.
    fn number(&self, names: &[&str]) -> Result<Option<f64>, LabelError> {
        let Some((column, cell)) = names.iter().find_map(|name| Some((*name, self.text(name)?))) else {
            return Ok(None);
        };
        match cell.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.wrong(column, cell, "a number")),
        }
    }

    fn pair(&self, x: &str, x2: &str, y: &str, y2: &str) -> Result<Option<(f64, f64)>, LabelError> {
        Ok(self.number(&[x, x2])?.zip(self.number(&[y, y2])?))
    }

    fn decision(&self) -> Result<Option<Verdict>, LabelError> {
        let Some(cell) = self.text("decision") else { return Ok(None) };
        match cell.to_lowercase().as_str() {
            "accept" | "accepted" | "通过" | "审核通过" | "合格" => Ok(Some(Verdict::Accept)),
            "reject" | "rejected" | "不通过" | "审核不通过" | "不合格" => Ok(Some(Verdict::Reject)),
            "review" | "待审核" | "待人工审核" | "复核" => Ok(Some(Verdict::Review)),
            _ => Err(self.wrong("decision", cell, "one of accept, reject, review (通过, 不通过, 待审核)")),
        }
    }

    fn wrong(&self, column: &str, value: &str, expected: &'static str) -> LabelError {
        let line = self.record.position().map_or(0, csv::Position::line);
        LabelError::Cell { line, column: column.to_owned(), value: value.to_owned(), expected }
    }
}

/// Where the photo of a label is: relative to `dir`, or else to the folder of the table. A name without an ending is
/// tried with those of photos. What is nowhere stays relative to `dir`, and becomes a row with an error.
pub fn resolve(file: &str, dir: &Path, table: &Path) -> PathBuf {
    let beside = table.parent().unwrap_or(Path::new(""));
    [dir, beside]
        .into_iter()
        .flat_map(|folder| {
            ["", ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif"].map(|end| folder.join(format!("{file}{end}")))
        })
        .find(|path| path.is_file())
        .unwrap_or_else(|| dir.join(file))
}
