//! What is sent about batches.

use schemars::JsonSchema;
use serde::Serialize;

use super::batch::{Batch, Phase, Progress};
use crate::report::Reason;

/// A batch.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchStatus {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: Phase,
    /// Id of the profile its photos are judged by.
    pub profile: String,
    /// Whether its photos are normalized, and not only judged.
    pub normalize: bool,
    /// Name of the key that sent it; `local` where no keys are in use.
    pub submitted_by: String,
    /// When it had arrived (RFC 3339, UTC).
    pub received_at: String,
    /// When work on it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// When it is deleted with its results; null before its end.
    pub kept_until: Option<String>,
    /// How far it is, and what the photos came to.
    pub counts: BatchCounts,
    /// Checks that did not pass somewhere, the most frequent first.
    pub reasons: Vec<Reason>,
    /// Where the rest is.
    pub links: BatchLinks,
}

/// How far a batch is, and what its photos came to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchCounts {
    /// Files in all, each of which gets a row.
    pub total: u64,
    /// Files that have their row.
    pub done: u64,
    /// Photos accepted.
    pub accept: u64,
    /// Photos a person has to look at.
    pub review: u64,
    /// Photos rejected.
    pub reject: u64,
    /// Files without a report: they cannot be read, or no compliant photo can be made.
    pub errors: u64,
    /// Entries of the ZIP that were passed over: hidden ones and the system's own files. They get no row.
    pub skipped: u64,
}

/// Where the parts of a batch are.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchLinks {
    /// Progress as server-sent events.
    pub events: String,
    /// The rows.
    pub results: String,
    /// The normalized photos; null when none are made.
    pub photos: Option<String>,
}

/// A batch in an event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchProgress {
    /// Where it stands.
    pub state: Phase,
    /// How far it is.
    pub counts: BatchCounts,
}

/// The batches of a key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchList {
    /// The batches, oldest first.
    pub batches: Vec<BatchStatus>,
}

impl BatchStatus {
    /// What is sent of `batch`.
    pub fn of(batch: &Batch) -> Self {
        let progress = batch.progress();
        let address = |part: &str| format!("/v1/batches/{}/{part}", batch.id);
        Self {
            id: batch.id.to_string(),
            state: progress.phase,
            profile: batch.profile.clone(),
            normalize: batch.normalize,
            submitted_by: batch.owner.clone(),
            received_at: batch.received_at.to_string(),
            started_at: progress.started_at.map(|at| at.to_string()),
            ended_at: progress.ended_at.map(|at| at.to_string()),
            kept_until: progress.kept_until.map(|at| at.to_string()),
            counts: BatchCounts::of(batch.size, &progress),
            reasons: batch.reasons(),
            links: BatchLinks {
                events: address("events"),
                results: address("results"),
                photos: batch.normalize.then(|| address("photos.zip")),
            },
        }
    }
}

impl BatchCounts {
    /// The counts at one moment.
    pub fn of(size: Size, progress: &Progress) -> Self {
        let Progress { done, accept, review, reject, errors, .. } = *progress;
        Self { total: size.total, done, accept, review, reject, errors, skipped: size.skipped }
    }
}

/// How large a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Files, each of which gets a row.
    pub total: u64,
    /// Entries passed over.
    pub skipped: u64,
}
