//! When work on a photo was asked for, begun and done: told by the log.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// When work on a photo was asked for, begun and done. Written on the way, read when the request ends.
#[derive(Debug, Clone, Default)]
pub struct Stages(Arc<[OnceLock<Instant>; 3]>);

/// A moment in the life of work on a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It stands in the queue.
    Asked,
    /// A thread took it.
    Begun,
    /// The thread is done.
    Done,
}

impl Stages {
    /// Notes that a stage is reached now; only the first time counts.
    pub fn reach(&self, stage: Stage) {
        let _ = self.0[stage as usize].set(Instant::now());
    }

    fn at(&self, stage: Stage) -> Option<Instant> {
        self.0[stage as usize].get().copied()
    }

    /// From being asked for to being begun, and from there to the end, as far as that was reached by `now`.
    fn spans(&self, now: Instant) -> [Option<[Instant; 2]>; 2] {
        let [asked, begun, done] = [Stage::Asked, Stage::Begun, Stage::Done].map(|stage| self.at(stage));
        let until = |end: Option<Instant>| move |start| [start, end.unwrap_or(now)];
        [asked.map(until(begun)), begun.map(until(done))]
    }

    /// Milliseconds of waiting and of working until `now`; `None` for what did not begin.
    pub fn ms(&self, now: Instant) -> [Option<f64>; 2] {
        self.spans(now).map(|span| span.map(|[start, end]| end.saturating_duration_since(start).as_secs_f64() * 1e3))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stages_are_times_as_far_as_they_were_reached() {
        let stages = Stages::default();
        assert_eq!(stages.ms(Instant::now()), [None, None]);
        stages.reach(Stage::Asked);
        let later = Instant::now() + Duration::from_secs(2);
        assert!(matches!(stages.ms(later), [Some(waiting), None] if waiting >= 2000.0));
        stages.reach(Stage::Begun);
        stages.reach(Stage::Done);
        let first = stages.ms(later);
        stages.reach(Stage::Begun);
        assert_eq!(stages.ms(later), first, "the first time counts");
        assert!(matches!(first, [Some(waiting), Some(working)] if waiting < 2000.0 && working < 2000.0));
    }
}
