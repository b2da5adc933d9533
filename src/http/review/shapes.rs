//! What is sent about submissions, decisions and the audit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::{Report, Verdict};
use crate::store::{AuditEntry, Decision, Event, Full, Outcome, Page, State, Submission};

/// A submission in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubmissionEntry {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// When it came (RFC 3339, UTC).
    pub received_at: String,
    /// Name of the key that sent it; `local` where no keys are in use.
    pub submitted_by: String,
    /// Id of the profile it was judged by.
    pub profile: String,
    /// Version of that profile.
    pub profile_version: String,
    /// What the client calls it.
    pub reference: Option<String>,
    /// What the file was called.
    pub file: Option<String>,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// The machine's verdict.
    pub verdict: Verdict,
    /// How many decisions there are: the `after` of the next one.
    pub decision_count: u32,
    /// The outcome of the last decision, which is in force.
    pub outcome: Option<Outcome>,
}

/// A page of submissions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubmissionList {
    /// The submissions.
    pub submissions: Vec<SubmissionEntry>,
    /// The `after` of the next page; null at the end.
    pub next: Option<String>,
}

/// A submission with its report and decisions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubmissionDetails {
    /// The submission.
    #[serde(flatten)]
    pub submission: SubmissionEntry,
    /// The report, as it was.
    #[schemars(with = "Report")]
    pub report: Value,
    /// All decisions, the last one in force.
    pub decisions: Vec<DecisionEntry>,
}

/// A decision.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DecisionEntry {
    /// From 1; the highest is in force.
    pub number: u32,
    /// Accept or reject.
    pub outcome: Outcome,
    /// Ids of checks.
    pub reasons: Vec<String>,
    /// In the reviewer's words.
    pub note: String,
    /// Name of the reviewer's key; null for portals, who learn what was decided and not by whom.
    pub by: Option<String>,
    /// When (RFC 3339, UTC).
    pub at: String,
}

/// A decision as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// Accept or reject.
    pub outcome: Outcome,
    /// Ids of checks.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// In the reviewer's words.
    #[serde(default)]
    pub note: String,
    /// How many decisions the reviewer saw.
    pub after: u32,
}

/// A line of the audit trail.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditLine {
    /// Its place, from 1.
    pub number: i64,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Name of the key; `retention` for the service itself, `local` where no keys are in use.
    pub who: String,
    /// What happened.
    pub event: Event,
    /// Id of the submission, which may be deleted.
    pub submission: String,
    /// SHA-256 of its file, hexadecimal.
    pub sha256: String,
    /// The machine's verdict, or the outcome of a decision; null for a deletion.
    pub verdict: Option<Verdict>,
}

/// A page of the audit trail.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditList {
    /// The lines, oldest first.
    pub entries: Vec<AuditLine>,
    /// The `after` of the next page; null at the end.
    pub next: Option<String>,
}

impl From<Submission> for SubmissionEntry {
    fn from(kept: Submission) -> Self {
        Self {
            id: kept.id.to_string(),
            state: kept.state,
            received_at: kept.received_at.to_string(),
            submitted_by: kept.submitted_by,
            profile: kept.profile,
            profile_version: kept.profile_version,
            reference: kept.reference,
            file: kept.file_name,
            sha256: kept.sha256,
            bytes: kept.bytes,
            verdict: kept.verdict,
            decision_count: kept.decisions,
            outcome: kept.outcome,
        }
    }
}

impl From<Page<Submission>> for SubmissionList {
    fn from(page: Page<Submission>) -> Self {
        let submissions = page.rows.into_iter().map(SubmissionEntry::from).collect();
        Self { submissions, next: page.next.map(|place| place.to_string()) }
    }
}

impl SubmissionDetails {
    /// What is sent of `full`; with the reviewers' names when `names`.
    ///
    /// # Errors
    /// When the report that was kept is no JSON.
    pub fn of(full: Full, names: bool) -> serde_json::Result<Self> {
        let decisions = full.decisions.into_iter().map(|decision| DecisionEntry::of(decision, names)).collect();
        Ok(Self { submission: full.submission.into(), report: serde_json::from_str(&full.report)?, decisions })
    }
}

impl DecisionEntry {
    /// What is sent of `decision`; with the reviewer's name when `names`.
    pub fn of(decision: Decision, names: bool) -> Self {
        Self {
            number: decision.number,
            outcome: decision.outcome,
            reasons: decision.reasons,
            note: decision.note,
            by: names.then_some(decision.by),
            at: decision.at.to_string(),
        }
    }
}

impl From<Page<AuditEntry>> for AuditList {
    fn from(page: Page<AuditEntry>) -> Self {
        let line = |entry: AuditEntry| AuditLine {
            number: entry.seq,
            at: entry.at.to_string(),
            who: entry.who,
            event: entry.event,
            submission: entry.submission,
            sha256: entry.sha256,
            verdict: entry.verdict,
        };
        Self { entries: page.rows.into_iter().map(line).collect(), next: page.next.map(|place| place.to_string()) }
    }
}
