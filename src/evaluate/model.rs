//! The numbers of an evaluation; serialized as they are for `--format json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::stats::ErrorStats;
use crate::check::Status;

/// Everything measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Profile id and version.
    pub profile: String,
    /// Labelled photos.
    pub photos: usize,
    /// Photos without a report; a fault in one counts as missed.
    pub errors: Vec<String>,
    /// Faults, by the check that has to fail and the severity.
    pub faults: Vec<Fault>,
    /// What no check of the profile looks for; in no rate.
    pub not_judged: Vec<NotJudged>,
    /// Clean photos.
    pub clean: Clean,
    /// Measurement errors.
    pub measurements: Vec<ErrorStats>,
    /// Photos whose shape is not the profile's: their pixels are scaled by canvas height over photo height.
    pub other_shape: usize,
    /// Milliseconds a photo.
    pub time: Time,
    /// By skin tone: `light`, `medium`, `dark`, `unknown`.
    pub by_skin: Vec<Group>,
    /// By the table's `group` column.
    pub by_group: Vec<Group>,
    /// Against reviewers' decisions, when the table has any.
    pub decisions: Option<Decisions>,
}

/// How the photos with one fault came out. The strongest status of the checks that were to fail decides; the five
/// numbers behind `photos` add up to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The check that has to fail; several are joined by `|`.
    pub must_fail: String,
    /// Severity as labelled.
    pub severity: String,
    /// Photos.
    pub photos: usize,
    /// It fails: caught.
    pub caught: usize,
    /// It only warns.
    pub warned: usize,
    /// It is undetermined.
    pub undetermined: usize,
    /// It passes.
    pub passed: usize,
    /// There is no report.
    pub unread: usize,
    /// Of the photos not caught, those rejected for another reason.
    pub rejected_otherwise: usize,
    /// The photos not caught, each with what came out.
    pub missed: Vec<Missed>,
}

/// A photo whose fault was not caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// The file as labelled.
    pub file: String,
    /// The strongest status of the checks that had to fail; `None` without a report.
    pub status: Option<Status>,
}

/// Faults the profile does not ask about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    /// The check.
    pub must_fail: String,
    /// Photos.
    pub photos: usize,
}

/// How clean photos came out.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Clean {
    /// Clean photos with a report.
    pub photos: usize,
    /// Photos on which something fails.
    pub with_fail: usize,
    /// Photos on which something warns.
    pub with_warn: usize,
    /// Photos on which something is undetermined.
    pub with_undetermined: usize,
    /// By check, the most false failures first.
    pub checks: Vec<FalseAlarm>,
}

/// False alarms of one check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FalseAlarm {
    /// The check.
    pub check: String,
    /// Clean photos it fails on.
    pub fail: Vec<String>,
    /// Clean photos it warns on.
    pub warn: Vec<String>,
    /// Clean photos it is undetermined on.
    pub undetermined: Vec<String>,
}

/// Wall time by the reports' own clock.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Time {
    /// Photos with a report.
    pub photos: usize,
    /// Median of `timings_ms.total`.
    pub median_ms: Option<f64>,
    /// 95th percentile of it, linear between ranks.
    pub p95_ms: Option<f64>,
}

/// Rates of a part of the photos.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Photos with a report.
    pub photos: usize,
    /// Of them clean.
    pub clean: usize,
    /// Clean photos on which something fails.
    pub clean_with_fail: usize,
    /// Clean photos on which something warns.
    pub clean_with_warn: usize,
    /// Faults the profile asks about, by severity.
    pub severities: BTreeMap<String, Caught>,
}

/// Caught out of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Caught {
    /// Photos with a fault.
    pub photos: usize,
    /// Of them caught.
    pub caught: usize,
}

/// Agreement with reviewers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decisions {
    /// Photos by the reviewer's decision (rows) and the verdict (columns), both in the order accept, review, reject.
    pub matrix: [[usize; 3]; 3],
    /// Photos on which both say the same.
    pub agree: usize,
    /// Photos with a decision and a report.
    pub photos: usize,
    /// Photos a reviewer accepted and the program rejects.
    pub rejected_by_program_only: Vec<String>,
    /// Photos a reviewer rejected and the program accepts.
    pub accepted_by_program_only: Vec<String>,
}

impl Fault {
    pub(super) fn new(must_fail: String, severity: String) -> Self {
        Self {
            must_fail,
            severity,
            photos: 0,
            caught: 0,
            warned: 0,
            undetermined: 0,
            passed: 0,
            unread: 0,
            rejected_otherwise: 0,
            missed: Vec::new(),
        }
    }
}
