//! The queue for reviewers, as the service sees it: the [`Store`] on threads that may block, what waits for a person, and
//! how long anything is kept. There only when `review.dir` is set; without it the addresses do not exist.

pub mod query;
pub mod shapes;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::config;
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::Verdict;
use crate::check;
use crate::profile::closest;
use crate::store::{Signed, State, Store, StoreError, Waits};
use crate::units::Text;

/// Who deletes what is too old, in the audit.
const RETENTION: &str = "retention";
/// Time between two looks for what is too old.
const LOOK: Duration = Duration::from_secs(3600);

/// The queue of a running service.
#[derive(Debug)]
pub struct Review {
    store: Arc<Store>,
    waits: Waits,
    days: NonZeroU32,
}

impl Review {
    /// Opens the folder that `config` names, and deletes what is too old. `None` when it names none.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(config: &config::Review) -> Result<Option<Self>, StoreError> {
        let Some(dir) = &config.dir else { return Ok(None) };
        let review = Self { store: Arc::new(Store::open(dir)?), waits: config.what, days: config.retention_days };
        expire(&review.store, review.days, Timestamp::now())?;
        Ok(Some(review))
    }

    /// The state of a new submission with this verdict.
    pub fn state(&self, verdict: Verdict) -> State {
        self.waits.state(verdict)
    }

    /// Asks the store, on a thread that may block.
    ///
    /// # Errors
    /// What the store says, as a problem.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(done) => done.map_err(problem),
            Err(_) => Err(Problem::plain(Code::Internal)),
        }
    }
}

/// Deletes what is too old, every hour, for as long as the service runs.
pub async fn keep(state: &AppState) {
    let Ok(review) = state.review() else { return std::future::pending().await };
    let days = review.days;
    loop {
        tokio::time::sleep(LOOK).await;
        // What went wrong is in the log, and is tried again in an hour.
        let _ = review.call(move |store| expire(store, days, Timestamp::now())).await;
    }
}

/// Deletes what was received more than `days` before `now`.
fn expire(store: &Store, days: NonZeroU32, now: Timestamp) -> Result<(), StoreError> {
    let age = SignedDuration::from_hours(i64::from(days.get()) * 24);
    // Before the beginning of time nothing was received.
    let Ok(before) = now.checked_sub(age) else { return Ok(()) };
    let count = store.expire(before, Signed { by: RETENTION, at: now })?;
    if count > 0 {
        tracing::info!(count, "submissions older than review.retention_days were deleted");
    }
    Ok(())
}

/// The problem of a submission that is not there, or not for this key to see.
pub(super) fn unknown_submission() -> Problem {
    let text = Text::new(
        "没有这份提交；可能已删除或已过保存期限，或不是该密钥提交的",
        "there is no such submission: it may be deleted or too old to be kept, or another key sent it",
    );
    Problem::new(Code::UnknownSubmission, text)
}

/// What the store says, as a problem. What is no fault of the request goes to the log, with paths and no names.
fn problem(error: StoreError) -> Problem {
    let (code, text) = match error {
        StoreError::Unknown(_) => return unknown_submission(),
        StoreError::NameTaken => {
            let text = Text::new(
                "该 Idempotency-Key 已用于内容不同的请求；新的提交请用新的值",
                "this Idempotency-Key was sent with another photo or other parameters; give each submission its own",
            );
            (Code::KeyReused, text)
        }
        StoreError::Raced { seen, there } => (
            Code::AlreadyDecided,
            Text::new(
                format!("已有 {there} 个决定，而您看到的是 {seen} 个；请重新查看后再决定"),
                format!("there are {there} decisions and you saw {seen}; read the submission again, then decide"),
            ),
        ),
        StoreError::UnknownReason(id) => {
            let near = closest(&id, check::all().map(|check| check.id));
            let (near_zh, near_en) = near.map_or_else(Default::default, |near| {
                (format!("是否为 {near}？"), format!(" (did you mean `{near}`?)"))
            });
            let id = super::params::shown(&id);
            let text = Text::new(
                format!("没有检查项 {id}。{near_zh}全部见 /v1/checks"),
                format!("there is no check `{id}`{near_en}; /v1/checks lists all"),
            );
            (Code::BadDecision, text)
        }
        StoreError::NoReason => (
            Code::BadDecision,
            Text::new(
                "不通过时请选择原因或填写说明，以便考生知道如何改正",
                "a rejection names a reason or has a note, so that the candidate learns what to do",
            ),
        ),
        StoreError::Text { field: "note", max } => (
            Code::BadDecision,
            Text::new(
                format!("说明最多 {max} 字，不能含控制字符"),
                format!("a note has at most {max} characters, and no control characters but line ends and tabs"),
            ),
        ),
        StoreError::Text { field, max } => (
            Code::BadParameter,
            Text::new(
                format!("{field} 最多 {max} 字，不能含控制字符"),
                format!("`{field}` takes at most {max} characters, none of them a control character"),
            ),
        ),
        error => {
            tracing::error!(%error, "the store failed");
            return Problem::plain(Code::StorageFailed);
        }
    };
    Problem::new(code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_reason_is_answered_with_the_nearest() {
        let said = problem(StoreError::UnknownReason("eyes.opne".into()));
        assert_eq!(said.code(), Code::BadDecision);
        assert!(format!("{said:?}").contains("did you mean `eyes.open`?"), "{said:?}");
    }

    #[test]
    fn what_is_kept_for_ages_is_never_too_old() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(dir.path()).expect("opens");
        assert!(expire(&store, NonZeroU32::MAX, Timestamp::now()).is_ok());
    }
}
