//! Counts over many rows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Row, Verdict};
use crate::check::Status;
use crate::units::Text;

/// What a run over many files came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Rows in all, with those that have no report.
    pub files: u64,
    /// Photos accepted.
    pub accept: u64,
    /// Photos a person has to look at.
    pub review: u64,
    /// Photos rejected.
    pub reject: u64,
    /// Files without a report.
    pub errors: u64,
    /// Entries of the given folders that were passed over: hidden ones and the system's own files.
    pub skipped: u64,
    /// Files that were found but not reached, because the run was ended early.
    #[serde(default)]
    pub not_reached: u64,
    /// Checks that did not pass somewhere, the most frequent first.
    pub reasons: Vec<Reason>,
}

/// How often a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Id of the check.
    pub id: String,
    /// Its short name.
    pub title: Text,
    /// Photos it fails on.
    pub fail: u64,
    /// Photos it warns on.
    pub warn: u64,
    /// Photos it is undetermined on.
    pub undetermined: u64,
}

impl Summary {
    /// Whether every file has a report and every report accepts.
    pub fn all_accepted(&self) -> bool {
        self.accept == self.files && self.not_reached == 0
    }
}

/// Counts rows as they come; its size depends on the number of checks, not of rows.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    summary: Summary,
    reasons: BTreeMap<String, Reason>,
}

impl Tally {
    /// Counts one row.
    pub fn add(&mut self, row: &Row) {
        self.summary.files += 1;
        let Some(report) = &row.report else {
            self.summary.errors += 1;
            return;
        };
        match report.verdict {
            Verdict::Accept => self.summary.accept += 1,
            Verdict::Review => self.summary.review += 1,
            Verdict::Reject => self.summary.reject += 1,
        }
        for check in report.checks.iter().filter(|check| check.status != Status::Pass) {
            let reason = self.reasons.entry(check.id.clone()).or_insert_with(|| Reason {
                id: check.id.clone(),
                title: check.title.clone(),
                fail: 0,
                warn: 0,
                undetermined: 0,
            });
            match check.status {
                Status::Fail => reason.fail += 1,
                Status::Warn => reason.warn += 1,
                Status::Undetermined | Status::Pass => reason.undetermined += 1,
            }
        }
    }

    /// The counts; `skipped` is the number of entries the walk passed over.
    pub fn finish(self, skipped: u64) -> Summary {
        let mut reasons: Vec<_> = self.reasons.into_values().collect();
        // Stable: equal counts stay in order of the id.
        reasons.sort_by_key(|reason| std::cmp::Reverse((reason.fail, reason.warn, reason.undetermined)));
        Summary { skipped, reasons, ..self.summary }
    }
}
