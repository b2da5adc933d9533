//! The keys a running service knows; read anew when their file changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::Role;
use super::file::{KeyError, KeyFile, hash, unhex};

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name of the key; for rate limits and for who submitted or decided, never for logs.
    pub name: String,
    /// Its role.
    pub role: Role,
}

/// The live keys of a file.
#[derive(Debug)]
pub struct KeyRing {
    path: PathBuf,
    look_every: Duration,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    keys: Vec<([u8; 32], Identity)>,
    stamp: Option<Stamp>,
    looked: Instant,
}

/// What changes when a file is replaced.
type Stamp = (SystemTime, u64, u64);

impl KeyRing {
    /// The keys of the file at `path`, which is looked at again when `look_every` has passed.
    ///
    /// # Errors
    /// When the file cannot be read or is not a file of keys.
    pub fn open(path: &Path, look_every: Duration) -> Result<Self, KeyError> {
        // Asked for before reading: a change in between is then seen at the next look.
        let stamp = stamp(path);
        let keys = live(&KeyFile::load(path)?);
        Ok(Self { path: path.to_owned(), look_every, known: Mutex::new(Known { keys, stamp, looked: Instant::now() }) })
    }

    /// How many keys are live.
    pub fn len(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).keys.len()
    }

    /// Whether no key is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whose key `presented` is. Its hash is compared with all hashes in constant time, so that the time of the answer
    /// tells nothing about them.
    pub fn identify(&self, presented: &str) -> Option<Identity> {
        let hash = hash(presented);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut known);
        let mut found = Choice::from(0);
        let mut at = 0;
        for (index, (key, _)) in (0_u64..).zip(&known.keys) {
            let same = key.ct_eq(&hash);
            at.conditional_assign(&index, same);
            found |= same;
        }
        let identity = known.keys.get(usize::try_from(at).ok()?).map(|(_, identity)| identity.clone());
        identity.filter(|_| bool::from(found))
    }

    /// Reads the file again when it changed. One that is broken or gone leaves the keys as they were, and the log says
    /// so: a slip in an editor must not lock every portal out.
    fn look(&self, known: &mut Known) {
        if known.looked.elapsed() < self.look_every {
            return;
        }
        known.looked = Instant::now();
        let now = stamp(&self.path);
        if now.is_some() && now == known.stamp {
            return;
        }
        match KeyFile::load(&self.path) {
            Ok(file) => {
                known.keys = live(&file);
                tracing::info!(keys = known.keys.len(), "the file of keys was read again");
            }
            Err(error) => tracing::error!(%error, "the file of keys could not be read again; the old keys stay"),
        }
        known.stamp = now;
    }
}

fn live(file: &KeyFile) -> Vec<([u8; 32], Identity)> {
    let keys = file.live();
    keys.filter_map(|key| Some((unhex(&key.sha256)?, Identity { name: key.name.clone(), role: key.role }))).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let number = 0;
    Some((metadata.modified().ok()?, metadata.len(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_and_go_while_the_ring_is_in_use() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("keys.toml");
        let mut file = KeyFile::default();
        let first = file.add(Role::Portal, "first").expect("adds");
        file.save(&path).expect("saves");
        let ring = KeyRing::open(&path, Duration::ZERO).expect("opens");
        assert_eq!(ring.identify(first.expose()), Some(Identity { name: "first".into(), role: Role::Portal }));
        assert_eq!(ring.identify("gp_"), None);

        let second = file.add(Role::Admin, "second").expect("adds");
        file.revoke("first").expect("revokes");
        file.save(&path).expect("saves");
        assert_eq!(ring.identify(first.expose()), None);
        assert_eq!(ring.identify(second.expose()).map(|found| found.role), Some(Role::Admin));

        fs::write(&path, "not a file of keys").expect("writes");
        assert!(ring.identify(second.expose()).is_some(), "a broken file changes nothing");
        fs::remove_file(&path).expect("removes");
        assert!(ring.identify(second.expose()).is_some(), "nor does a missing one");
    }

    #[test]
    fn the_file_is_not_looked_at_too_often() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("keys.toml");
        let mut file = KeyFile::default();
        let key = file.add(Role::Portal, "a").expect("adds");
        file.save(&path).expect("saves");
        let ring = KeyRing::open(&path, Duration::from_secs(3600)).expect("opens");
        file.revoke("a").expect("revokes");
        file.save(&path).expect("saves");
        assert!(ring.identify(key.expose()).is_some());
    }
}
