//! Work in parallel, results in order.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::Cancel;
use crate::limits::Limits;

/// Results started ahead of the one handed out next, for each thread. A few let threads go on while one photo takes long.
pub const WINDOW_PER_JOB: usize = 8;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads.
    pub jobs: NonZeroUsize,
    /// Largest file that is read, in bytes.
    pub max_bytes: u64,
    /// Ends the run early when asked.
    pub cancel: Cancel,
}

impl Options {
    /// The limits of the program, and as many threads as the machine runs at once unless `jobs` says otherwise.
    pub fn of_jobs(jobs: Option<NonZeroUsize>) -> Self {
        let max_bytes = Limits::default().max_bytes;
        Self { jobs: jobs.unwrap_or_else(default_jobs), max_bytes, cancel: Cancel::default() }
    }
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything was handed out.
    Complete,
    /// It was asked to end; what was begun by then was handed out.
    Early,
}

/// Why no run could start.
#[derive(Debug, thiserror::Error)]
#[error("{jobs} worker threads could not be started; try fewer with --jobs: {source}")]
pub struct PoolError {
    jobs: NonZeroUsize,
    source: rayon::ThreadPoolBuildError,
}

/// As many threads as the machine runs at once.
pub fn default_jobs() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Does `work` for every place below `count` on one pool, and hands each result to `sink` in the order of the places.
///
/// # Errors
/// The first error of `sink` ends the run; results not yet begun are then dropped. [`PoolError`] when no threads can be
/// had.
pub fn ordered<T, W, S, E>(count: usize, options: &Options, work: W, mut sink: S) -> Result<Ended, E>
where
    T: Send,
    W: Fn(usize) -> T + Sync,
    S: FnMut(usize, T) -> Result<(), E>,
    E: From<PoolError>,
{
    let jobs = options.jobs;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.get())
        .thread_name(|n| format!("photo-{n}"))
        .build()
        .map_err(|source| PoolError { jobs, source })?;
    let window = jobs.get().saturating_mul(WINDOW_PER_JOB);
    let failed = AtomicBool::new(false);
    pool.in_place_scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let mut done = BTreeMap::new();
        let mut started = 0;
        for next in 0..count {
            while started < count.min(next.saturating_add(window)) && !options.cancel.is_asked() {
                let (place, sender, work, failed) = (started, sender.clone(), &work, &failed);
                scope.spawn(move |_| {
                    if !failed.load(Ordering::Relaxed) {
                        // The receiver is gone only after a failed sink, and then nobody wants the result.
                        let _ = sender.send((place, work(place)));
                    }
                });
                started += 1;
            }
            if next >= started {
                return Ok(Ended::Early);
            }
            let result = loop {
                if let Some(result) = done.remove(&next) {
                    break result;
                }
                // `sender` lives until the end of this closure, so there is always something to wait for.
                let Ok((place, result)) = receiver.recv() else { return Ok(Ended::Early) };
                done.insert(place, result);
            };
            if let Err(error) = sink(next, result) {
                failed.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(Ended::Complete)
    })
}
