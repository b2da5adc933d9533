//! The file of keys, `keys.toml`: names, roles, hashes; never a key.
//!
//! A key is 256 random bits, so that a plain SHA-256 cannot be turned back or guessed; slow hashes are for passwords
//! that people choose.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Role;
use crate::report::harmless;

/// What a key begins with, so that people and secret scanners know it for one.
const PREFIX: &str = "gp_";
/// Longest name, in characters.
const NAME_MAX: usize = 64;
/// Largest file, in bytes: some ten thousand keys.
const FILE_MAX: u64 = 4 << 20;

/// Why the file of keys could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("{}: cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a file of keys.
    #[error("{}: {problem}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        problem: String,
    },
    /// A name that cannot be used.
    #[error("`{name}` is no name for a key: use 1 to {NAME_MAX} visible characters")]
    BadName {
        /// The name, made safe to show.
        name: String,
    },
    /// A name that is taken.
    #[error("a key named `{0}` exists; revoke it first, or choose another name")]
    NameTaken(String),
    /// A name nobody has.
    #[error("there is no key named `{0}` that could be revoked; `gradphoto keys list` shows all")]
    NoSuchKey(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// A key that was just made. It is shown once and kept nowhere.
pub struct Secret(String);

impl Secret {
    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// One key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredKey {
    /// Who it was given to.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// SHA-256 of the key, hexadecimal.
    pub sha256: String,
    /// When it was made (RFC 3339).
    pub created: String,
    /// When it was revoked; a revoked key stays in the file, so that its name still explains old logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

/// All keys of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The keys, oldest first.
    #[serde(default, rename = "key")]
    pub keys: Vec<StoredKey>,
}

impl KeyFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read or is not a file of keys.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let read = |source| KeyError::Read { path: path.to_owned(), source };
        if fs::metadata(path).map_err(read)?.len() > FILE_MAX {
            return Err(malformed(path, format!("larger than {FILE_MAX} bytes, so it is no file of keys")));
        }
        let text = fs::read_to_string(path).map_err(read)?;
        let file: Self = toml::from_str(&text).map_err(|error| malformed(path, error.to_string()))?;
        match file.keys.iter().find(|key| unhex(&key.sha256).is_none()) {
            Some(key) => Err(malformed(path, format!("the sha256 of `{}` is not 64 hexadecimal digits", key.name))),
            None => Ok(file),
        }
    }

    /// As [`load`](Self::load); a file that does not exist is empty.
    ///
    /// # Errors
    /// When it exists and cannot be read or is not a file of keys.
    pub fn load_or_empty(path: &Path) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            other => other,
        }
    }

    /// Writes the file beside `path` and renames it there; only the owner may read it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        let failed = |source| KeyError::Write { path: path.to_owned(), source };
        let text = toml::to_string(self).map_err(|error| failed(io::Error::other(error)))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Temporary files are made with mode 0600, and the mode stays.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let head = "# Keys of the gradphoto service, hashed. Made by `gradphoto keys`.\n\n";
        file.write_all(head.as_bytes()).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Adds a key for `name`.
    ///
    /// # Errors
    /// When the name is taken or unusable, or the system has no random bytes.
    pub fn add(&mut self, role: Role, name: &str) -> Result<Secret, KeyError> {
        if name.trim() != name || name.is_empty() || name.chars().count() > NAME_MAX || harmless(name) != name {
            return Err(KeyError::BadName { name: harmless(name).into_owned() });
        }
        if self.keys.iter().any(|key| key.name == name && key.revoked.is_none()) {
            return Err(KeyError::NameTaken(name.to_owned()));
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let sha256 = hash(&secret).iter().map(|byte| format!("{byte:02x}")).collect();
        self.keys.push(StoredKey { name: name.to_owned(), role, sha256, created: now(), revoked: None });
        Ok(Secret(secret))
    }

    /// Revokes the key of `name`.
    ///
    /// # Errors
    /// When no live key has this name.
    pub fn revoke(&mut self, name: &str) -> Result<(), KeyError> {
        let live = self.keys.iter_mut().find(|key| key.name == name && key.revoked.is_none());
        live.ok_or_else(|| KeyError::NoSuchKey(harmless(name).into_owned()))?.revoked = Some(now());
        Ok(())
    }

    /// Keys that are not revoked.
    pub fn live(&self) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().filter(|key| key.revoked.is_none())
    }
}

fn malformed(path: &Path, problem: String) -> KeyError {
    KeyError::Malformed { path: path.to_owned(), problem }
}

/// The hash a key is stored by.
pub(super) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The 32 bytes of 64 hexadecimal digits.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Now, to the second.
fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_stored_hashed_and_comes_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("keys.toml");
        let mut file = KeyFile::load_or_empty(&path).expect("empty");
        let secret = file.add(Role::Portal, "省考办").expect("adds");
        assert_eq!(secret.expose().len(), PREFIX.len() + 43);
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        file.save(&path).expect("saves");
        let text = fs::read_to_string(&path).expect("text");
        assert!(!text.contains(secret.expose()) && text.contains("省考办"), "{text}");
        let back = KeyFile::load(&path).expect("loads");
        assert_eq!(back, file);
        assert_eq!(unhex(&back.keys[0].sha256), Some(hash(secret.expose())));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn names_are_used_once_until_revoked() {
        let mut file = KeyFile::default();
        file.add(Role::Staff, "a").expect("adds");
        assert!(matches!(file.add(Role::Staff, "a"), Err(KeyError::NameTaken(_))));
        file.revoke("a").expect("revokes");
        assert!(matches!(file.revoke("a"), Err(KeyError::NoSuchKey(_))));
        file.add(Role::Admin, "a").expect("adds again");
        assert_eq!((file.keys.len(), file.live().count()), (2, 1));
        for bad in ["", " a", "a\u{1b}[2J", &"x".repeat(65)] {
            assert!(matches!(file.add(Role::Staff, bad), Err(KeyError::BadName { .. })), "{bad:?}");
        }
    }

    #[test]
    fn other_files_are_refused_with_their_line() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("keys.toml");
        for (text, says) in [
            ("[[key]]\nname = 'a'\nrole = 'king'\nsha256 = ''\ncreated = ''", "unknown variant `king`"),
            ("[[key]]\nname = 'a'\nrole = 'staff'\nsha256 = 'zz'\ncreated = ''", "64 hexadecimal"),
            ("keys = 1", "unknown field `keys`"),
        ] {
            fs::write(&path, text).expect("writes");
            let error = KeyFile::load(&path).expect_err("refused").to_string();
            assert!(error.contains(says) && error.contains("keys.toml"), "{error}");
        }
    }
}
