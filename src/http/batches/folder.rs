//! Where batches lie: one folder for the service, in it one folder for each batch, which goes with the batch.
//!
//! ```text
//! ROOT/lock       held while a service runs; of a temporary folder it lies beside it, as ROOT.lock
//! ROOT/<id>/      what was sent, until it is judged; then the results
//! ```
//!
//! What a service that was killed has left is personal data that nobody can reach any more: the next start removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::{RandomId, make_folder, private};

/// Beginning of the name of a temporary folder.
const PREFIX: &str = "gradphoto-batches-";
/// Age from which a lock without a folder gets none any more.
const SETTLED: Duration = Duration::from_secs(3600);

/// Why there is no folder for batches.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The system said no.
    #[error(
        "{path} cannot be used as the folder of batches: {source}; name another one with batches.dir, or do without \
         batches with batches.on = false",
        path = path.display()
    )]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another service has it.
    #[error("another service uses {path} as the folder of its batches", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

/// The folder of all batches of this service.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    /// The lock beside a temporary folder.
    beside: Option<PathBuf>,
    /// Unlocked when it is closed, also by a crash.
    _lock: File,
}

impl Root {
    /// Opens `dir`, or makes a temporary folder, and removes what a service before has left there.
    ///
    /// # Errors
    /// When nothing can be written there, or another service has it.
    pub fn open(dir: Option<&Path>) -> Result<Self, FolderError> {
        match dir {
            Some(dir) => Self::named(dir),
            None => Self::temporary(&std::env::temp_dir()),
        }
    }

    fn named(dir: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io { path: dir.to_owned(), source };
        make_folder(dir).map_err(failed)?;
        let lock = private().open(dir.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::InUse { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let root = Self { path: dir.to_owned(), beside: None, _lock: lock };
        root.remove_batches().map_err(failed)?;
        Ok(root)
    }

    fn temporary(within: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io { path: within.to_owned(), source };
        let name = RandomId::random().map_err(|error| failed(io::Error::other(error.to_string())))?;
        let path = within.join(format!("{PREFIX}{name}"));
        // Locked before the folder is there, so that no other service takes it for one that was left.
        let beside = lock_of(&path);
        let lock = private().create_new(true).open(&beside).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let root = Self { path, beside: Some(beside), _lock: lock };
        make_folder(&root.path).map_err(failed)?;
        remove_left(within, &root.path);
        Ok(root)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder for the batch `id`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn batch(&self, id: &RandomId) -> io::Result<Folder> {
        let path = self.path.join(id.as_str());
        make_folder(&path)?;
        Ok(Folder(path))
    }

    /// Removes the folders of all batches. What others put beside them stays.
    ///
    /// # Errors
    /// When something cannot be removed; the rest is gone.
    pub fn remove_batches(&self) -> io::Result<()> {
        let mut first = Ok(());
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let ours = path.file_name().and_then(|name| RandomId::parse(name.to_str()?)).is_some();
            if ours && let Err(error) = remove(&path) {
                first = first.and(Err(error));
            }
        }
        first
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let removed = match &self.beside {
            Some(lock) => remove(&self.path).and_then(|()| fs::remove_file(lock)),
            None => self.remove_batches(),
        };
        if let Err(error) = removed {
            tracing::error!(%error, "the folder of batches could not be removed");
        }
    }
}

/// The folder of one batch, removed when it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The path of a file in it. `name` is never anything a client wrote.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it with all that is in it; one that is gone is fine. Blocks.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove(&self) -> io::Result<()> {
        remove(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        let remove = move || {
            if let Err(error) = remove(&path) {
                tracing::error!(%error, "the folder of a batch could not be removed");
            }
        };
        // The last owner may be the event loop, which waits for no disk.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes temporary folders whose service is gone: those that bear our name, belong to the same user as `own`, which was just
/// made, and are locked by nobody. A folder for all may hold traps of others; what is not plainly ours stays.
fn remove_left(within: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(within) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
        if !named || !same_owner(&path, own) {
            continue;
        }
        // What cannot be removed is tried again at the next start.
        if is_left(&path) {
            let _ = remove(&path).and_then(|()| fs::remove_file(lock_of(&path)));
        } else if is_lone_lock(&path) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// The lock of a temporary folder.
fn lock_of(folder: &Path) -> PathBuf {
    folder.with_added_extension("lock")
}

/// Whether `path` is a folder whose lock nobody holds. Without a lock it is none of ours.
fn is_left(path: &Path) -> bool {
    let is = |path: &Path, kind: fn(&fs::Metadata) -> bool| fs::symlink_metadata(path).is_ok_and(|there| kind(&there));
    let lock = lock_of(path);
    let plain = is(path, fs::Metadata::is_dir) && is(&lock, fs::Metadata::is_file) && same_owner(path, &lock);
    plain && File::open(&lock).is_ok_and(|lock| lock.try_lock().is_ok())
}

/// Whether `path` is a lock without its folder: its service was killed between the two. A new one may get its folder yet.
fn is_lone_lock(path: &Path) -> bool {
    let is_old = |there: fs::Metadata| {
        there.is_file() && there.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > SETTLED))
    };
    let folder = path.with_extension("");
    folder != path && !folder.exists() && fs::symlink_metadata(path).is_ok_and(is_old)
}

/// Whether two paths, themselves and not what they may link to, belong to the same user.
fn same_owner(path: &Path, own: &Path) -> bool {
    let (Ok(there), Ok(own)) = (fs::symlink_metadata(path), fs::symlink_metadata(own)) else { return false };
    #[cfg(unix)]
    let same = {
        use std::os::unix::fs::MetadataExt;
        there.uid() == own.uid()
    };
    // Elsewhere the folder for temporary files is the user's own.
    #[cfg(not(unix))]
    let same = !there.is_symlink() && !own.is_symlink();
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).expect("lists").flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_named_folder_is_for_one_service_and_loses_what_was_left() {
        let dir = tempfile::tempdir().expect("a folder");
        let left = dir.path().join("ab".repeat(16));
        fs::create_dir_all(&left).expect("makes");
        fs::write(left.join("upload"), "photo").expect("writes");
        fs::write(dir.path().join("notes.txt"), "not ours").expect("writes");
        let root = Root::open(Some(dir.path())).expect("opens");
        assert_eq!(inside(dir.path()), ["lock", "notes.txt"]);
        assert!(matches!(Root::open(Some(dir.path())), Err(FolderError::InUse { .. })));
        let batch = root.batch(&RandomId::random().expect("random")).expect("makes");
        fs::write(batch.join("x"), "photo").expect("writes");
        drop(batch);
        assert_eq!(inside(dir.path()), ["lock", "notes.txt"], "a batch goes with its folder");
        drop(root);
        assert!(Root::open(Some(&dir.path().join("notes.txt"))).is_err());
        assert!(Root::open(Some(dir.path())).is_ok(), "free again");
    }

    #[test]
    fn a_temporary_folder_goes_with_the_service_and_the_next_removes_what_a_crash_left() {
        let dir = tempfile::tempdir().expect("a folder");
        let left = dir.path().join(format!("{PREFIX}left"));
        fs::create_dir(&left).expect("makes");
        fs::write(lock_of(&left), "").expect("writes");
        let [old, new] = ["old", "new"].map(|name| dir.path().join(format!("{PREFIX}{name}.lock")));
        let long_ago = std::time::SystemTime::now() - 2 * SETTLED;
        File::create(&old).and_then(|lock| lock.set_modified(long_ago)).expect("makes");
        File::create(&new).expect("makes");
        let unlocked = dir.path().join(format!("{PREFIX}somebody-elses"));
        fs::create_dir(&unlocked).expect("makes");
        let first = Root::temporary(dir.path()).expect("makes");
        let second = Root::temporary(dir.path()).expect("makes");
        assert!(!left.exists() && !lock_of(&left).exists() && unlocked.exists());
        assert!(first.path().exists() && second.path().exists(), "the other one is in use");
        drop((first, second));
        assert_eq!(inside(dir.path()), ["new.lock", "somebody-elses"].map(|name| format!("{PREFIX}{name}")));
    }

    #[cfg(unix)]
    #[test]
    fn links_under_our_name_are_not_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let theirs = dir.path().join("theirs");
        fs::create_dir(&theirs).expect("makes");
        fs::write(theirs.join("photo"), "").expect("writes");
        let trap = dir.path().join(format!("{PREFIX}trap"));
        std::os::unix::fs::symlink(&theirs, &trap).expect("links");
        fs::write(lock_of(&trap), "").expect("writes");
        drop(Root::temporary(dir.path()).expect("makes"));
        assert!(theirs.join("photo").exists() && trap.is_symlink());
    }
}
