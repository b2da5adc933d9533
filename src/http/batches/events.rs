//! The progress of a batch as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::batch::{Batch, Progress};
use super::shapes::{BatchCounts, BatchProgress, Size};

/// Time between two events of a batch that goes on: often enough for an eye, and little work for thousands of photos a minute.
const PACE: Duration = Duration::from_millis(250);

/// One who follows a batch. It holds nothing of the batch but its counts, so that a deleted one is gone.
struct Follower {
    size: Size,
    progress: watch::Receiver<Progress>,
    draining: watch::Receiver<bool>,
    /// Time between two events.
    pace: Duration,
    /// When the last event went out.
    last: Option<Instant>,
    ended: bool,
}

/// Where `batch` stands now, then every change, at most a few a second, until its end or until the service is `draining`.
pub fn of(
    batch: &Batch,
    draining: watch::Receiver<bool>,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static + use<> {
    let (size, progress) = (batch.size, batch.follow());
    let follower = Follower { size, progress, draining, pace: PACE, last: None, ended: false };
    stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        if let Some(last) = self.last {
            let (progress, draining) = (&mut self.progress, &mut self.draining);
            tokio::select! {
                () = change(progress, last + self.pace) => {}
                _ = draining.wait_for(|draining| *draining) => return None,
            }
        }
        self.last = Some(Instant::now());
        let progress = *self.progress.borrow_and_update();
        self.ended = progress.phase.is_end();
        let data = BatchProgress { state: progress.phase, counts: BatchCounts::of(self.size, &progress) };
        // Numbers and a word always serialize.
        let data = serde_json::to_string(&data).unwrap_or_default();
        let name = if self.ended { "end" } else { "progress" };
        Some(Event::default().id(progress.done.to_string()).event(name).data(data))
    }
}

/// Returns at the first change after `earliest`, and at the end whenever it comes.
async fn change(progress: &mut watch::Receiver<Progress>, earliest: Instant) {
    // A batch that is gone has told its end before.
    if progress.changed().await.is_ok() {
        tokio::select! {
            () = sleep_until(earliest) => {}
            _ = progress.wait_for(|progress| progress.phase.is_end()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::http::batches::batch::Phase;

    #[tokio::test]
    async fn many_changes_make_few_events_and_the_end_comes_at_once() {
        let (changes, progress) = watch::channel(Progress::BEGINNING);
        let (drain, draining) = watch::channel(false);
        let size = Size { total: 9, skipped: 0 };
        let mut follower = Follower { size, progress, draining, pace: Duration::ZERO, last: None, ended: false };
        assert!(follower.next().now_or_never().expect("at once").is_some(), "where it stands now");
        assert!(follower.next().now_or_never().is_none(), "nothing has changed");
        changes.send_modify(|progress| progress.done = 1);
        changes.send_modify(|progress| progress.done = 2);
        assert!(follower.next().await.is_some() && follower.next().now_or_never().is_none(), "two changes, one event");
        follower.pace = Duration::from_secs(3600);
        changes.send_modify(|progress| progress.done = 3);
        assert!(follower.next().now_or_never().is_none(), "too early");
        changes.send_modify(|progress| progress.phase = Phase::Done);
        assert!(follower.next().await.is_some(), "nobody waits for the end");
        assert!(follower.next().await.is_none());
        follower.ended = false;
        drain.send_replace(true);
        assert!(follower.next().await.is_none(), "the service ends");
    }
}
