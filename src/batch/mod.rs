//! Runs over many files: find them, check them in parallel, hand the rows out in input order.
//!
//! Memory does not grow with the number of photos: at most a fixed number of rows for each thread is started ahead of
//! the row that is handed out next, and a photo's bytes live only while it is checked. A file that cannot be read, or on which the
//! check panics, is a row with an error; it never ends the run.

mod read;
mod walk;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

pub use read::{ReadError, read};
pub use walk::{Entry, Found, HOUSEKEEPING, WalkOptions, find};

use crate::report::{Report, Row};
use crate::units::Text;

/// Rows started ahead of the one handed out next, for each thread. A few let threads go on while one photo takes long.
pub const WINDOW_PER_JOB: usize = 8;

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads.
    pub jobs: NonZeroUsize,
    /// Largest file that is read, in bytes.
    pub max_bytes: u64,
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

/// Checks every entry and hands its row, with its place among `entries`, to `sink` in input order.
///
/// # Errors
/// The first error of `sink` ends the run; rows not yet begun are then dropped. [`PoolError`] when no threads can be had.
pub fn run<C, S, E>(entries: &[Entry], options: &Options, check: C, sink: S) -> Result<(), E>
where
    C: Fn(&Entry, &[u8]) -> Report + Sync,
    S: FnMut(usize, Row) -> Result<(), E>,
    E: From<PoolError>,
{
    let work = |place: usize| row(&entries[place], with_bytes(&entries[place], options.max_bytes, &check));
    ordered(entries.len(), options, work, sink)
}

/// Does `work` for every place below `count`, in parallel, and hands the results to `sink` in order.
///
/// # Errors
/// As [`run`].
pub fn ordered<T, W, S, E>(count: usize, options: &Options, work: W, mut sink: S) -> Result<(), E>
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
    let stop = AtomicBool::new(false);
    pool.in_place_scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let mut done = BTreeMap::new();
        let mut started = 0;
        for next in 0..count {
            while started < count.min(next.saturating_add(window)) {
                let (index, sender, work, stop) = (started, sender.clone(), &work, &stop);
                scope.spawn(move |_| {
                    if !stop.load(Ordering::Relaxed) {
                        // The receiver is gone only after a failed sink, and then nobody wants the result.
                        let _ = sender.send((index, work(index)));
                    }
                });
                started += 1;
            }
            let result = loop {
                if let Some(result) = done.remove(&next) {
                    break result;
                }
                // `sender` lives until the end of this closure, so there is always something to wait for.
                let Ok((index, result)) = receiver.recv() else { return Ok(()) };
                done.insert(index, result);
            };
            if let Err(error) = sink(next, result) {
                stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    })
}

/// The row of an entry.
pub fn row(entry: &Entry, result: Result<Report, Text>) -> Row {
    let path = entry.path.to_string_lossy().into_owned();
    match result {
        Ok(report) => Row { path, report: Some(report), error: None, output: None },
        Err(error) => Row { path, report: None, error: Some(error), output: None },
    }
}

/// Reads an entry and works on its bytes.
///
/// # Errors
/// In words, why there are no bytes, or that the work panicked.
pub fn with_bytes<T>(entry: &Entry, max_bytes: u64, work: impl FnOnce(&Entry, &[u8]) -> T) -> Result<T, Text> {
    if let Some(problem) = &entry.problem {
        return Err(problem.clone());
    }
    let bytes = read(&entry.path, max_bytes).map_err(|error| error.text())?;
    panic::catch_unwind(AssertUnwindSafe(|| work(entry, &bytes))).map_err(|_| {
        Text::new(
            "程序处理此文件时出现内部错误，请报告",
            "the program hit an internal fault on this file; please report it",
        )
    })
}
