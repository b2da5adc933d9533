//! Photos sorted into folders by their verdict, or into a ZIP.
//!
//! Photos are copied or linked, never moved, under names that do not depend on the verdict: the same input gives the same
//! names. The folders are the run's own; it refuses to begin where they hold something already.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::names::{self, Taken};
use super::whole::{self, WholeFile};
use super::{Entry, archive};
use crate::report::{Row, Verdict};

/// The folders, in the order of [`folder`].
const FOLDERS: [&str; 4] = ["accept", "review", "reject", "unreadable"];

/// How a photo gets into its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Its bytes are copied.
    Copy,
    /// A second name for the same file.
    Hardlink,
    /// A link to its path.
    Symlink,
}

/// Why photos cannot be sorted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SortError {
    /// The system said no.
    #[error("sorted photos {path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder has something in it already.
    #[error(
        "the folder {path} is not empty; sort into a new folder, or name the run's journal with --resume to go on",
        path = path.display()
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A link was asked for where there can be none.
    #[error("{path} cannot be linked: {source}; use --sort-by copy", path = path.display())]
    Link {
        /// The photo.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Links into an archive.
    #[error("a ZIP holds copies, not links: use --sort-by copy")]
    LinkIntoZip,
    /// The archive is one of the photos' own.
    #[error("{path} is one of the inputs and is not written over", path = path.display())]
    IsInput {
        /// The archive.
        path: PathBuf,
    },
}

/// What became of one photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is in its folder.
    Sorted,
    /// It is not: it changed after it was judged, or cannot be read.
    Left,
}

/// Sorts the photos of one run.
#[derive(Debug)]
pub struct Sorter {
    target: Target,
    method: Method,
    /// The name of each entry, by its place.
    names: Vec<String>,
    /// Whether a run that was killed goes on, so that photos may be there.
    again: bool,
    max_bytes: u64,
}

enum Target {
    Folder(PathBuf),
    Zip { path: PathBuf, zip: Box<ZipWriter<WholeFile>> },
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Target::Folder(path) | Target::Zip { path, .. }) = self;
        f.debug_tuple("Target").field(path).finish()
    }
}

impl Sorter {
    /// Makes the folders below `path`, or begins a ZIP when it ends in `.zip`. `again` says that a run goes on that has
    /// filled the folders in part.
    ///
    /// # Errors
    /// When something is in the folders that is not the run's, or nothing can be written there.
    pub fn create(
        path: &Path,
        method: Method,
        entries: &[Entry],
        again: bool,
        max_bytes: u64,
    ) -> Result<Self, SortError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SortError::Io { path, source }
        };
        let target = if archive::is_zip(path) {
            if method != Method::Copy {
                return Err(SortError::LinkIntoZip);
            }
            if path.canonicalize().is_ok_and(|there| archives(entries).any(|input| input == there)) {
                return Err(SortError::IsInput { path: path.to_owned() });
            }
            let zip = Box::new(ZipWriter::new(WholeFile::create(path).map_err(failed(path))?));
            Target::Zip { path: path.to_owned(), zip }
        } else {
            for folder in FOLDERS.map(|name| path.join(name)) {
                fs::create_dir_all(&folder).map_err(failed(&folder))?;
                let mut inside = fs::read_dir(&folder).map_err(failed(&folder))?;
                if !again && inside.next().is_some() {
                    return Err(SortError::NotEmpty { path: folder });
                }
            }
            Target::Folder(path.to_owned())
        };
        let names = names::assign(entries, Taken::new(), |entry| names::last(&entry.relative));
        Ok(Self { target, method, names, again, max_bytes })
    }

    /// Puts the photo at `place` of the run where its row says.
    ///
    /// # Errors
    /// When it cannot be written. A photo that cannot be read any more is no error but [`Put::Left`].
    pub fn put(&mut self, place: usize, entry: &Entry, row: &Row) -> Result<Put, SortError> {
        let Some(name) = self.names.get(place) else { return Ok(Put::Left) };
        let folder = folder(row);
        if let (Target::Folder(root), Method::Hardlink | Method::Symlink, None) =
            (&self.target, self.method, &entry.member)
        {
            let path = root.join(folder).join(name);
            if !entry.path.is_file() {
                return Ok(Put::Left);
            }
            self.clear(root, name)?;
            return match link(&entry.path, &path, self.method) {
                Ok(()) => Ok(Put::Sorted),
                Err(source) => Err(SortError::Link { path: entry.path.clone(), source }),
            };
        }
        let Ok(bytes) = entry.read(self.max_bytes) else { return Ok(Put::Left) };
        let digest = || Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        // The verdict is about these bytes and no others.
        if row.report.as_ref().is_some_and(|report| report.file.sha256 != digest()) {
            return Ok(Put::Left);
        }
        match &mut self.target {
            Target::Folder(root) => {
                let root = root.clone();
                self.clear(&root, name)?;
                let path = root.join(folder).join(name);
                whole::write(&path, &bytes).map_err(|source| SortError::Io { path, source })?;
            }
            Target::Zip { path, zip } => {
                // Photos are compressed already; a fixed time makes the same photos the same archive.
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Stored)
                    .last_modified_time(zip::DateTime::default());
                zip.start_file(format!("{folder}/{name}"), options)
                    .map_err(io::Error::from)
                    .and_then(|()| zip.write_all(&bytes))
                    .map_err(|source| SortError::Io { path: path.clone(), source })?;
            }
        }
        Ok(Put::Sorted)
    }

    /// Ends the run; a ZIP gets its name now.
    ///
    /// # Errors
    /// When the rest of the ZIP cannot be written.
    pub fn finish(self) -> Result<(), SortError> {
        match self.target {
            Target::Folder(_) => Ok(()),
            Target::Zip { path, zip } => {
                let written = zip.finish().map_err(io::Error::from).and_then(WholeFile::finish);
                written.map_err(|source| SortError::Io { path, source })
            }
        }
    }

    /// Takes away what an earlier part of the run wrote under this name: the photo may have another verdict by now.
    fn clear(&self, root: &Path, name: &str) -> Result<(), SortError> {
        for path in FOLDERS.map(|folder| root.join(folder).join(name)).into_iter().filter(|_| self.again) {
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(SortError::Io { path, source }),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The archives photos come from, in canonical form.
fn archives(entries: &[Entry]) -> impl Iterator<Item = PathBuf> {
    let path = |entry: &Entry| match &entry.member {
        // The archive's path with the member's name behind it.
        Some(_) => entry.path.ancestors().nth(entry.relative.components().count()).map(Path::to_owned),
        None => archive::is_zip(&entry.path).then(|| entry.path.clone()),
    };
    let paths: HashSet<PathBuf> = entries.iter().filter_map(path).collect();
    paths.into_iter().filter_map(|path| path.canonicalize().ok())
}

/// The folder of a row.
fn folder(row: &Row) -> &'static str {
    let [accept, review, reject, unreadable] = FOLDERS;
    match row.report.as_ref().map(|report| report.verdict) {
        Some(Verdict::Accept) => accept,
        Some(Verdict::Review) => review,
        Some(Verdict::Reject) => reject,
        None => unreadable,
    }
}

fn link(photo: &Path, path: &Path, method: Method) -> io::Result<()> {
    // A link is to the photo, not to a link to it, and holds wherever one looks from.
    let photo = photo.canonicalize()?;
    if method == Method::Hardlink {
        return fs::hard_link(photo, path);
    }
    #[cfg(unix)]
    return std::os::unix::fs::symlink(photo, path);
    #[cfg(windows)]
    return std::os::windows::fs::symlink_file(photo, path);
    #[cfg(not(any(unix, windows)))]
    return Err(io::ErrorKind::Unsupported.into());
}
