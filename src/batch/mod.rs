//! Runs over many files: find them, work on them in parallel, hand the results out in input order.
//!
//! Memory does not grow with the number of photos: at most a fixed number of results for each thread is started ahead of
//! the one that is handed out next, and a photo's bytes live only while it is worked on. A file that cannot be read, or on
//! which the work panics, is a result with an error; it never ends the run.

mod archive;
mod cancel;
pub mod journal;
pub mod look;
pub mod names;
mod ordered;
mod read;
pub mod same;
pub mod sort;
mod walk;
pub mod whole;

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

pub use archive::{ArchiveError, Member, list};
#[cfg(feature = "server")]
pub(crate) use archive::{inside, is_zip};
pub use cancel::Cancel;
pub use ordered::{Ended, Options, PoolError, WINDOW_PER_JOB, default_jobs, ordered};
pub use read::{ReadError, read};
pub use walk::{Entry, Found, HOUSEKEEPING, WalkOptions, find};
pub use whole::WholeFile;

use crate::report::{Report, Row};
use crate::units::Text;

/// Checks every entry and hands its row, with its place among `entries`, to `sink` in input order.
///
/// # Errors
/// The first error of `sink` ends the run; rows not yet begun are then dropped. [`PoolError`] when no threads can be had.
pub fn run<C, S, E>(entries: &[Entry], options: &Options, check: C, mut sink: S) -> Result<Ended, E>
where
    C: Fn(&Entry, &[u8]) -> Report + Sync,
    S: FnMut(usize, Row) -> Result<(), E>,
    E: From<PoolError>,
{
    let work = |place: usize| entries.get(place).map(|entry| row(entry, with_bytes(entry, options.max_bytes, &check)));
    ordered(entries.len(), options, work, |place, row| match row {
        Some(row) => sink(place, row),
        None => Ok(()),
    })
}

/// The row of an entry.
pub fn row(entry: &Entry, result: Result<Report, Text>) -> Row {
    let path = names::shown(&entry.path).into_owned();
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
    let mut bytes = BUFFER.take();
    let result = entry
        .read_into(max_bytes, &mut bytes)
        .and_then(|()| panic::catch_unwind(AssertUnwindSafe(|| work(entry, &bytes))).map_err(|_| fault()));
    if bytes.capacity() <= KEPT {
        BUFFER.set(bytes);
    }
    result
}

/// What is said of a file on which the work panicked.
pub fn fault() -> Text {
    let en = "the program hit an internal fault on this file; please report it";
    Text::new("程序检查此文件时出现内部错误，请报告", en)
}

/// Bytes a buffer may have to be kept for the next file: those of a camera's photo.
const KEPT: usize = 8 << 20;

thread_local! {
    /// What the last file was read into: memory that is given back and taken again for each file costs more than reading it.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
