//! Finding the files of a run.
//!
//! In a folder every file is taken, photo or not: an office that hands in a folder wants to hear of the Word document in
//! it. Passed over, and counted, are hidden entries (names that begin with a dot), what systems put into folders on
//! their own ([`HOUSEKEEPING`], and the read-me of a folder of samples), and what the run itself writes. A ZIP archive
//! that is given itself is walked like a folder.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::archive::{self, ArchiveError, Member};
use super::names;
use super::read::{ReadError, io_text, read_into};
use crate::units::Text;

/// Names systems put into folders on their own, in lower case; an entry is compared without regard to case.
pub const HOUSEKEEPING: &[&str] = &[
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$recycle.bin",
    "system volume information",
    "__macosx",
    "@eadir",
    "readme.md",
];

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is; for a member of an archive, the path of the archive with the member's name behind it.
    pub path: PathBuf,
    /// Its path inside the folder or archive that was given, or its name when the file itself was given.
    pub relative: PathBuf,
    /// Why it cannot be read, when the walk already knows.
    pub problem: Option<Text>,
    /// The member of an archive that it is.
    pub member: Option<Member>,
}

impl Entry {
    /// The entry of a file given by its path.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let relative = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
        Self { path, relative, problem: None, member: None }
    }

    /// The file's name without folders, as it is [shown](names::shown).
    pub fn name(&self) -> Option<String> {
        Some(names::shown(Path::new(self.path.file_name()?)).into_owned())
    }

    /// Its bytes, at most `max` of them.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub fn read(&self, max: u64) -> Result<Vec<u8>, Text> {
        let mut bytes = Vec::new();
        self.read_into(max, &mut bytes)?;
        Ok(bytes)
    }

    /// The same into a buffer, whatever is in it.
    pub(super) fn read_into(&self, max: u64, bytes: &mut Vec<u8>) -> Result<(), Text> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let read = match &self.member {
            Some(member) => member.read(max).map(|read| *bytes = read),
            None => read_into(&self.path, max, bytes),
        };
        read.map_err(|error| error.text())
    }
}

/// How to walk.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Whether to look into folders inside the given folders.
    pub recursive: bool,
    /// Files and folders to pass over when they lie inside a given folder, in canonical form.
    pub except: Vec<PathBuf>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The files in the order they were given, folders sorted by the bytes of their names.
    pub entries: Vec<Entry>,
    /// Entries passed over.
    pub skipped: u64,
}

/// Finds the files of `paths`. Links are followed; a link that leads back to a folder above it, a folder that cannot be
/// opened and a path that does not exist are entries with a [`problem`](Entry::problem).
pub fn find(paths: &[PathBuf], options: &WalkOptions) -> Found {
    let mut found = Found::default();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk(path, options, &mut found),
            Ok(metadata) if metadata.is_file() && archive::is_zip(path) => archive::walk(path, &mut found),
            Ok(metadata) => {
                let problem = (!metadata.is_file()).then(|| ReadError::NotAFile.text());
                found.entries.push(Entry { problem, ..Entry::file(path) });
            }
            Err(error) => found.entries.push(Entry { problem: Some(io_text(&error)), ..Entry::file(path) }),
        }
    }
    found
}

fn walk(root: &Path, options: &WalkOptions, found: &mut Found) {
    let depth = if options.recursive { usize::MAX } else { 1 };
    let mut walker =
        WalkDir::new(root).follow_links(true).min_depth(1).max_depth(depth).sort_by_file_name().into_iter();
    while let Some(item) = walker.next() {
        let entry = match item {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                found.entries.push(Entry { problem: Some(walk_text(&error)), ..inside(root, path) });
                continue;
            }
        };
        let is_dir = entry.file_type().is_dir();
        if passed_over(entry.file_name()) || is_one_of(entry.path(), is_dir, &options.except) {
            found.skipped += 1;
            if is_dir {
                walker.skip_current_dir();
            }
        } else if !is_dir {
            let problem = if !entry.file_type().is_file() {
                Some(ReadError::NotAFile.text())
            } else {
                archive::is_zip(entry.path()).then(|| ArchiveError::Nested.text())
            };
            found.entries.push(Entry { problem, ..inside(root, entry.into_path()) });
        }
    }
}

fn inside(root: &Path, path: PathBuf) -> Entry {
    let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
    Entry { relative, ..Entry::file(path) }
}

pub(super) fn passed_over(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
        || name.to_str().is_some_and(|name| HOUSEKEEPING.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

fn is_one_of(path: &Path, is_dir: bool, canonical: &[PathBuf]) -> bool {
    // The true path of each of a hundred thousand photos takes its time; of files, the name tells first.
    let likely = canonical.iter().any(|except| is_dir || except.file_name() == path.file_name());
    likely && path.canonicalize().is_ok_and(|path| canonical.contains(&path))
}

fn walk_text(error: &walkdir::Error) -> Text {
    if error.loop_ancestor().is_some() {
        return Text::new("链接指回上级文件夹，形成循环", "a link that leads back to a folder above it");
    }
    match error.io_error() {
        Some(error) => io_text(error),
        None => Text::new(format!("读取失败：{error}"), format!("reading failed: {error}")),
    }
}
