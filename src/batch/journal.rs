//! What a run has done already, so that one that was killed goes on where it was.
//!
//! A journal is a file of JSON lines: the head says which engine, profile and options its rows come from, then each line
//! keeps one photo's report with what the file was when it was judged. A photo that is still the same is not judged again;
//! its row is given as it was, with its times. Rows without a report are not kept: what could not be read is tried again.
//! Only places in the journal are held in memory, never rows.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Entry;
use super::look::Look;
use crate::profile::Profile;
use crate::report::Report;
use crate::units::Text;

/// Version of the journal's shape.
const VERSION: u32 = 1;

/// How a photo is known to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By path, length and time of change; for a member of an archive, by the archive's sum instead of the time.
    Time,
    /// By path and SHA-256 of the bytes, which are read for it.
    Hash,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The system said no.
    #[error("journal {path}: {source}", path = path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of another kind.
    #[error("journal {path}: this file is not a journal of gradphoto; name a new file with --resume", path = path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A line in the middle that is none.
    #[error("journal {path}, line {line}: damaged; delete the journal and begin anew", path = path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// Rows of another profile, engine or other options, which would make one report out of two.
    #[error(
        "journal {path} belongs to a run with another {what} ({was}, now {now}); name another file with --resume, or \
         repeat that run's arguments",
        path = path.display()
    )]
    OtherRun {
        /// The journal.
        path: PathBuf,
        /// What differs.
        what: String,
        /// As the journal has it.
        was: String,
        /// As this run has it.
        now: String,
    },
    /// Another run is writing to it.
    #[error("journal {path} is in use by another run", path = path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
}

/// What rows depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    gradphoto_journal: u32,
    made_from: BTreeMap<String, String>,
}

impl Head {
    /// The head of a run of `command` with a profile and whatever else changes its rows, by name.
    pub fn new(command: &str, profile: &Profile, options: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        // Two files may bear one id and version; what they say is what counts.
        let content = serde_json::to_vec(profile).unwrap_or_default();
        let content: String = Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let mut made_from = BTreeMap::from([
            ("command".to_owned(), command.to_owned()),
            ("engine".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("profile".to_owned(), format!("{} {} {content}", profile.id, profile.version)),
        ]);
        made_from.extend(options.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Self { gradphoto_journal: VERSION, made_from }
    }

    fn difference(&self, now: &Self) -> Option<(String, String, String)> {
        let value = |of: &Self, name: &str| of.made_from.get(name).cloned().unwrap_or_else(|| "none".to_owned());
        let names = self.made_from.keys().chain(now.made_from.keys());
        let name = names.into_iter().find(|name| value(self, name) != value(now, name))?;
        Some((name.clone(), value(self, name), value(now, name)))
    }
}

/// What a file was when it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    bytes: u64,
    /// Nanoseconds since 1970, or the sum of an archive's member.
    mark: u64,
}

impl Stamp {
    /// The stamp of an entry now; `None` when the system keeps no times, or the file is not there.
    pub fn of(entry: &Entry) -> Option<Self> {
        if let Some(member) = &entry.member {
            return Some(Self { bytes: member.size, mark: member.crc32.into() });
        }
        let metadata = fs::metadata(&entry.path).ok()?;
        let mark = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        Some(Self { bytes: metadata.len(), mark: u64::try_from(mark).ok()? })
    }
}

/// A report as it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The report.
    pub report: Report,
    /// The photo's look.
    pub look: Look,
    /// The file that was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Why none was, where one could have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
    /// SHA-256 of the input, hexadecimal.
    pub sha256: String,
}

impl Kept {
    /// Whether what was written is still there.
    fn is_there(&self) -> bool {
        self.output.as_ref().is_none_or(|path| Path::new(path).exists())
    }
}

/// Where each photo's line begins, and how long it is, by the photo's key.
type Lines = HashMap<String, (u64, usize)>;

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Line<K> {
    key: String,
    stamp: Option<Stamp>,
    kept: K,
}

/// A journal in use. It is locked against other runs until it is dropped.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    by: By,
    lines: Lines,
    /// One handle for reading and writing: where locks are mandatory, the file is locked for any other.
    file: Mutex<File>,
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Closing is not enough: a child that is being started at this moment has the handle too, and the lock with it.
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        // What cannot be unlocked is unlocked when the last handle is closed.
        let _ = file.unlock();
    }
}

impl Journal {
    /// Opens the journal at `path`, or begins one. A last line that was cut off when the run was killed is dropped.
    ///
    /// # Errors
    /// When it belongs to another run, is damaged or in use, or cannot be read or written.
    pub fn open(path: &Path, head: &Head, by: By) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(JournalError::NotAJournal { path: path.to_owned() });
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => failed(source),
        })?;
        let (lines, end) = Self::scan(path, &file, head)?;
        file.set_len(end).map_err(failed)?;
        if end == 0 {
            let mut line = serde_json::to_vec(head).map_err(|error| failed(error.into()))?;
            line.push(b'\n');
            file.write_all(&line).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), by, lines, file: Mutex::new(file) })
    }

    /// The places of all whole lines, and the end of the last.
    fn scan(path: &Path, file: &File, head: &Head) -> Result<(Lines, u64), JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let (mut lines, mut end, mut number) = (Lines::new(), 0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            // A file of another kind may be one endless line.
            let bound = if number == 0 { 1 << 20 } else { 1 << 28 };
            (&mut reader).take(bound).read_until(b'\n', &mut line).map_err(failed)?;
            number += 1;
            if number == 1 {
                let theirs = match serde_json::from_slice::<Head>(&line) {
                    Ok(theirs) if theirs.gradphoto_journal == VERSION && line.ends_with(b"\n") => theirs,
                    // Killed before the head was whole: nothing is lost.
                    _ if line.is_empty() || starts_like_ours(&line) => return Ok((lines, 0)),
                    _ => return Err(JournalError::NotAJournal { path: path.to_owned() }),
                };
                if let Some((what, was, now)) = theirs.difference(head) {
                    return Err(JournalError::OtherRun { path: path.to_owned(), what, was, now });
                }
            } else {
                if !line.ends_with(b"\n") {
                    return Ok((lines, end));
                }
                let read: Line<serde::de::IgnoredAny> = serde_json::from_slice(&line)
                    .map_err(|_| JournalError::Damaged { path: path.to_owned(), line: number })?;
                lines.insert(read.key, (end, line.len()));
            }
            end += line.len() as u64;
        }
    }

    /// Whether it holds rows.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The report of `entry` if the file, and what was written of it, is still what it was. `bytes` are its content, where it has been read already;
    /// a journal that goes by hash knows nothing without.
    pub fn kept(&self, entry: &Entry, bytes: Option<&[u8]>) -> Option<Kept> {
        let &(start, length) = self.lines.get(&key(entry))?;
        let kept = match (self.by, bytes) {
            (By::Time, None) => {
                let line = self.line(start, length)?;
                (line.stamp.is_some() && line.stamp == Stamp::of(entry)).then_some(line.kept)
            }
            (By::Hash, Some(bytes)) => {
                let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                self.line(start, length).map(|line| line.kept).filter(|kept| kept.sha256 == digest)
            }
            _ => None,
        };
        kept.filter(Kept::is_there)
    }

    /// A line; one that cannot be read is as good as none, for the photo is then judged again.
    fn line(&self, start: u64, length: usize) -> Option<Line<Kept>> {
        let mut bytes = vec![0; length];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start)).ok()?;
        file.read_exact(&mut bytes).ok()?;
        drop(file);
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps a report. `stamp` is the file's as it was before it was read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, entry: &Entry, stamp: Option<Stamp>, kept: &Kept) -> Result<(), JournalError> {
        let line = Line { key: key(entry), stamp, kept };
        // One write for a line: a run that is killed leaves whole lines and at most one that is not.
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
        });
        written.map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }
}

fn starts_like_ours(line: &[u8]) -> bool {
    let ours = br#"{"gradphoto_journal":"#;
    line.iter().zip(ours).all(|(a, b)| a == b) && !line.ends_with(b"\n")
}

/// A name for an entry that two files never share, whatever bytes their paths are.
fn key(entry: &Entry) -> String {
    let path = match entry.path.to_str() {
        Some(path) => format!("={path}"),
        None => entry.path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    match &entry.member {
        Some(member) => format!("{}:{path}", member.index()),
        None => path,
    }
}
