//! One batch: whose it is, how far it is, and who works with its files.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Reserved;
use super::folder::Folder;
use super::run::Task;
use super::shapes::Size;
use crate::http::keys::{Identity, Role};
use crate::report::{Reason, Row, Tally, Verdict};
use crate::store::RandomId;

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Other batches are worked on first.
    Waiting,
    /// Its photos are being judged.
    Running,
    /// Every file has its row.
    Done,
    /// It was deleted, or the service ended, before all was done.
    Cancelled,
    /// Its results could not be written.
    Failed,
}

impl Phase {
    /// Whether nothing more happens.
    pub fn is_end(self) -> bool {
        !matches!(self, Phase::Waiting | Phase::Running)
    }

    /// Its name, as it is sent.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Done => "done",
            Phase::Cancelled => "cancelled",
            Phase::Failed => "failed",
        }
    }
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Where it stands.
    pub phase: Phase,
    /// Files that have their row.
    pub done: u64,
    /// Photos accepted.
    pub accept: u64,
    /// Photos a person has to look at.
    pub review: u64,
    /// Photos rejected.
    pub reject: u64,
    /// Files without a report.
    pub errors: u64,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it is deleted.
    pub kept_until: Option<Timestamp>,
    /// The same by the clock that nobody sets.
    expires: Option<Instant>,
}

impl Progress {
    /// Before anything happened.
    pub(super) const BEGINNING: Self = Self {
        phase: Phase::Waiting,
        done: 0,
        accept: 0,
        review: 0,
        reject: 0,
        errors: 0,
        started_at: None,
        ended_at: None,
        kept_until: None,
        expires: None,
    };
}

/// A batch.
#[derive(Debug)]
pub struct Batch {
    /// Its id.
    pub id: RandomId,
    /// Name of the key that sent it.
    pub owner: String,
    /// Id of its profile.
    pub profile: String,
    /// Whether its photos are normalized.
    pub normalize: bool,
    /// When it had arrived.
    pub received_at: Timestamp,
    /// How large it is.
    pub size: Size,
    pub(super) folder: Arc<Folder>,
    progress: watch::Sender<Progress>,
    stop: watch::Sender<bool>,
    tally: Mutex<Tally>,
    /// Whoever works with the files holds its one permit: the run first, then who makes a table of results.
    files: Arc<Semaphore>,
    /// Its place among those that are kept.
    _place: OwnedSemaphorePermit,
}

impl Batch {
    /// A batch that arrived in its reserved place, sent by the key called `owner`, and waits for its turn.
    pub(super) fn new(reserved: Reserved, owner: String, task: &Task, size: Size) -> Self {
        Self {
            id: reserved.id,
            owner,
            profile: task.profile.id.clone(),
            normalize: task.normalize.is_some(),
            received_at: Timestamp::now(),
            size,
            folder: reserved.folder,
            progress: watch::Sender::new(Progress::BEGINNING),
            stop: watch::Sender::new(false),
            tally: Mutex::default(),
            files: Arc::new(Semaphore::new(1)),
            _place: reserved.place,
        }
    }

    /// Whether `identity` may see it.
    pub fn is_seen_by(&self, identity: &Identity) -> bool {
        identity.role == Role::Admin || identity.name == self.owner
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// How far it is, from now on. The end is told also when the batch is gone by then.
    pub fn follow(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Checks that did not pass somewhere, the most frequent first.
    pub fn reasons(&self) -> Vec<Reason> {
        let tally = self.tally().clone();
        tally.finish(0).reasons
    }

    /// Counts over its rows.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that work on it begins.
    pub(super) fn begin(&self) {
        self.progress.send_modify(|progress| {
            progress.phase = Phase::Running;
            progress.started_at = Some(Timestamp::now());
        });
    }

    /// Counts a row that was written.
    pub(super) fn count(&self, row: &Row) {
        self.tally().add(row);
        self.progress.send_modify(|progress| {
            progress.done += 1;
            let count = match row.report.as_ref().map(|report| report.verdict) {
                Some(Verdict::Accept) => &mut progress.accept,
                Some(Verdict::Review) => &mut progress.review,
                Some(Verdict::Reject) => &mut progress.reject,
                None => &mut progress.errors,
            };
            *count += 1;
        });
    }

    /// Notes its end, from which it is kept for so long.
    pub(super) fn end(&self, phase: Phase, keep: Duration) {
        let now = Timestamp::now();
        self.progress.send_modify(|progress| {
            progress.phase = phase;
            progress.ended_at = Some(now);
            // What is kept beyond the end of time is kept.
            progress.kept_until = now.checked_add(keep).ok();
            progress.expires = Instant::now().checked_add(keep);
        });
    }

    /// Whether it has been kept long enough.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.progress.borrow().expires.is_some_and(|expires| expires <= now)
    }

    /// Asks its run to end.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether its run is asked to end.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Returns when its run is asked to end.
    pub(super) async fn stopped(&self) {
        // The sender is this batch, which lives as long as it is asked.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// The right to work with its files, when nobody else does.
    pub(super) async fn files(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.files).acquire_owned().await.ok()
    }
}
