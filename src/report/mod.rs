//! The report of one photo, schema 1: everything a portal, an office or a reviewer needs, in both languages.
//!
//! The JSON form is the contract; the other renderings are made from it. `docs/report.schema.json` is generated from
//! these types and tested equal to them.

mod build;
#[cfg(feature = "batch")]
pub mod csv;
mod findings;
mod harmless;
#[cfg(feature = "cli")]
pub mod html;
pub mod json;
pub mod overlay;
#[cfg(feature = "batch")]
pub mod render;
mod summary;
#[cfg(feature = "batch")]
mod table;
pub mod text;
#[cfg(feature = "batch")]
pub mod xlsx;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use build::build;
pub use findings::{Finding, FindingKind, Findings};
pub use harmless::harmless;
pub use summary::{Reason, Summary, Tally};

use crate::check::{Fix, Status};
use crate::profile::{Band, Canvas, Ruler};
use crate::units::{Point, Rect, Region, Text, Unit};

/// Version of the report's shape. It changes only when a reader of the old one would break.
pub const SCHEMA: u32 = 1;

/// The answer for one photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this shape.
    pub schema: u32,
    /// First 16 hexadecimal digits of the photo's SHA-256, the profile's id and version: the same input, the same id.
    pub id: String,
    /// Version of the program.
    pub engine: String,
    /// The profile the photo was judged by.
    pub profile: ProfileRef,
    /// The answer.
    pub verdict: Verdict,
    /// Whether every failing check has an automatic fix that the profile allows. False when nothing fails.
    pub fixable: bool,
    /// What the file says of itself.
    pub file: FileSummary,
    /// The face, when one was found.
    pub face: Option<FaceSummary>,
    /// Every check the profile asks for, in fixed order.
    pub checks: Vec<CheckResult>,
    /// What was not checked, and why.
    pub not_checked: Vec<NotChecked>,
    /// What a normalization did; empty for a check.
    pub actions: Vec<Action>,
    /// Wall time of each stage in milliseconds.
    pub timings_ms: Timings,
}

/// Which profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileRef {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The size positions are judged at, in pixels; limits in pixels are at this size. 0x0 for documents, which have none.
    pub canvas: Canvas,
}

/// The verdict over all checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every check passes.
    Accept,
    /// Something warns or is undetermined: a person has to look.
    Review,
    /// At least one check fails.
    Reject,
}

/// File facts of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileSummary {
    /// Name as given by the caller.
    pub name: Option<String>,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Format by content: `jpeg`, `png`, `webp`, `bmp`, `tiff`, `heic`, `gif`, `pdf` or `unknown`.
    pub format: String,
    /// Width in pixels after EXIF orientation.
    pub width: Option<u32>,
    /// Height in pixels after EXIF orientation.
    pub height: Option<u32>,
    /// Density in dots per inch, when the file states one.
    pub dpi: Option<f64>,
    /// IJG quality estimated from the quantisation tables (JPEG).
    pub jpeg_quality: Option<f64>,
    /// EXIF fields worth knowing.
    pub exif: ExifSummary,
}

/// EXIF fields of a report. No position, no serial numbers: photos are personal data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ExifSummary {
    /// Orientation, 1 to 8.
    pub orientation: Option<u16>,
    /// When the photo was taken, as the camera wrote it.
    pub captured: Option<String>,
    /// Program that wrote the file.
    pub software: Option<String>,
}

/// Geometry of the main face, in original pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaceSummary {
    /// Bounding box of the landmarks.
    #[serde(rename = "box")]
    pub bounds: Rect,
    /// Pupil centre on the left of the picture.
    pub eye_left: Point,
    /// Pupil centre on the right of the picture.
    pub eye_right: Point,
    /// Top of the hair, pixels from the top edge.
    pub head_top_y: Option<f64>,
    /// Forehead hairline, pixels from the top edge.
    pub hairline_y: Option<f64>,
    /// Lowest point of the chin.
    pub chin_y: f64,
    /// Face width cheek to cheek.
    pub width: f64,
    /// Middle of the face between its contours.
    pub center_x: f64,
    /// Head turned to a side; positive: to the right of the picture.
    pub yaw_degrees: f64,
    /// Head tilted up (positive) or down.
    pub pitch_degrees: f64,
    /// Line of the eyes against the horizontal; positive: clockwise in the picture.
    pub roll_degrees: f64,
    /// CIELAB L* of the cheeks, 0 to 100, when it was measured. For error rates by skin tone; no check judges it.
    pub skin_lightness: Option<f64>,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// Stable id.
    pub id: String,
    /// Short name.
    pub title: Text,
    /// The outcome.
    pub status: Status,
    /// The measured value, rounded by its unit; a string when the unit is `word`; null when undetermined.
    pub value: Option<ReportValue>,
    /// Unit of the value and the limits.
    pub unit: Unit,
    /// What value, limits and margin of a position or a length refer to; absent where they are pixels of the profile's
    /// size, counted from the top edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruler: Option<Ruler>,
    /// Limits outside of which the check fails; null when the check has none.
    pub limit: Option<Limit>,
    /// Distance to the nearer limit: positive inside, negative outside.
    pub margin: Option<f64>,
    /// What was found.
    pub message: Text,
    /// What to do about it.
    pub hint: Option<Text>,
    /// What mends it; null when the check passes.
    pub fix: Option<Fix>,
    /// Where on the photo, in original pixels.
    pub region: Option<Region>,
    /// The check whose finding hides what this one measures, when that is why it is undetermined.
    #[serde(default)]
    pub because_of: Option<String>,
}

/// A reported value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReportValue {
    /// A number in the check's unit.
    Number(f64),
    /// A word.
    Word(String),
}

/// A limit as reported: the band outside of which the check warns or fails.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// Smallest value inside.
    pub min: Option<f64>,
    /// Largest value inside.
    pub max: Option<f64>,
}

impl From<Band> for Limit {
    fn from(band: Band) -> Self {
        Self { min: band.min, max: band.max }
    }
}

impl From<Limit> for Band {
    fn from(limit: Limit) -> Self {
        Self { min: limit.min, max: limit.max }
    }
}

/// Something the report says nothing about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotChecked {
    /// A check id, or the name of what no software can know.
    pub id: String,
    /// Why.
    pub reason: Text,
}

/// Something a normalization did to the photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// Stable name.
    pub id: String,
    /// What was done and what for.
    pub text: Text,
}

/// Wall time by stage, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// Reading the container and decoding.
    pub photo: f64,
    /// Detection and landmarks.
    pub face: f64,
    /// Background, mask, head top.
    pub scene: f64,
    /// Measuring and judging.
    pub checks: f64,
    /// Everything.
    pub total: f64,
}

/// One row of a run over many files: a report, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Path as found by the run.
    pub path: String,
    /// The report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Why the file has no report: it could not be read, is a link in a loop, or is no file. Of a normalization: why no
    /// file was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Text>,
    /// Path of the file that a normalization wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

impl Report {
    /// The result of a check, if the profile asked for it.
    pub fn check(&self, id: &str) -> Option<&CheckResult> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Checks that fail, in report order.
    pub fn failing(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|check| check.status == Status::Fail)
    }
}
