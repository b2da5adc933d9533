//! What the service keeps for reviewers: submissions and decisions in SQLite, photos as files, and an audit trail that
//! only grows.
//!
//! ```text
//! DIR/lock        held while a service runs
//! DIR/review.db   submissions, decisions, audit
//! DIR/photos/     the files as they were sent
//! ```
//!
//! Everything here blocks, so that a service calls it on threads that may. One connection behind a lock: an office's
//! reviewers write a few times a minute, and one writer at a time is what SQLite has anyway. Every change and its line of
//! the audit are one transaction, on the disk before the call returns. A photo's file is written before its row and removed
//! after it, so that a crash leaves at most a file that nobody names; the next start removes it.

mod audit;
mod decisions;
mod error;
mod migrate;
mod model;
mod photos;
mod repeat;
mod retention;
mod submissions;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

pub use decisions::Decided;
pub use error::StoreError;
pub use model::{
    AuditEntry, Decision, Event, Filter, Full, NAME_MAX, NOTE_MAX, NewDecision, NewSubmission, Outcome, Page, RandomId,
    Signed, State, Submission, SubmissionId, Waits,
};

pub use repeat::Repeatable;

use photos::Photos;

/// A folder of submissions, open for this process alone.
#[derive(Debug)]
pub struct Store {
    photos: Photos,
    db: Mutex<Connection>,
    /// Unlocked when it is closed, also by a crash.
    _lock: File,
}

impl Store {
    /// Opens the store in `dir`, which is made when it is not there, and brings it up to date.
    ///
    /// # Errors
    /// When the folder cannot be written to, another service has it, its database is of a later version or of another
    /// program, or there are photos without their database.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let folder = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Folder { path, source }
        };
        make_folder(dir).map_err(folder(dir))?;
        let lock = lock(dir)?;
        let photos = Photos::open(dir.join("photos"))?;
        let path = dir.join("review.db");
        if !path.exists() && !photos.all()?.is_empty() {
            return Err(StoreError::Lost { path: photos.root().to_owned() });
        }
        // SQLite would make it readable by others; what it puts beside it has the mode of this file.
        private().open(&path).map_err(folder(&path))?;
        let store = Self { photos, db: Mutex::new(migrate::open(&path)?), _lock: lock };
        store.remove_strays()?;
        Ok(store)
    }

    /// The folder of photos.
    pub fn photos(&self) -> &Path {
        self.photos.root()
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic leaves no transaction open: it is rolled back when it is dropped.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the folder, or learns that somebody has it.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path: PathBuf = dir.join("lock");
    let refuse = |source| StoreError::Folder { path: path.clone(), source };
    let file = private().open(&path).map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(refuse(source)),
    }
}

/// How files that only the owner reads are opened, or made when they are not there.
pub(crate) fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder that only the owner enters; one that is there keeps its mode.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests;
