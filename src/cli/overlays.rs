//! The folder of overlays: names that never clash, files that are whole or absent.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::batch::names::{self, Taken};
use crate::batch::{Entry, whole};
use crate::report::Report;
use crate::report::overlay::{Options, PhotoForOverlay, svg};

/// Why overlays cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("overlay {path}: {source}", path = path.display())]
pub struct OverlayError {
    path: PathBuf,
    source: io::Error,
}

/// A folder overlays are written to.
#[derive(Debug)]
pub struct Overlays {
    /// In canonical form.
    folder: PathBuf,
    /// File name of each entry's overlay, by the entry's path.
    names: BTreeMap<PathBuf, String>,
    failed: OnceLock<OverlayError>,
}

impl Overlays {
    /// Makes the folder, and tries whether it can be written to.
    pub fn create(folder: &Path) -> Result<Self, OverlayError> {
        let ready = fs::create_dir_all(folder)
            .and_then(|()| folder.canonicalize())
            .and_then(|folder| tempfile::tempfile_in(&folder).map(|_| folder));
        let folder = ready.map_err(|source| OverlayError { path: folder.to_owned(), source })?;
        Ok(Self { folder, names: BTreeMap::new(), failed: OnceLock::new() })
    }

    /// The folder in canonical form.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives every entry a name, in the order of the run: the same input gives the same names. A name that an input in
    /// the folder bears already is never given, so no input is written over.
    pub fn name_all(&mut self, entries: &[Entry]) {
        let taken: Taken = entries
            .iter()
            .filter(|entry| self.holds(&entry.path))
            .filter_map(|entry| Some(entry.name()?.to_lowercase()))
            .collect();
        let names = names::assign(entries, taken, |entry| (names::flat(&entry.relative), ".svg".to_owned()));
        self.names = entries.iter().map(|entry| entry.path.clone()).zip(names).collect();
    }

    /// Draws and writes the overlay of one photo. The first failure is kept for [`check`](Self::check).
    pub fn write(&self, entry: &Entry, report: &Report, bytes: &[u8]) {
        let Some(name) = self.names.get(&entry.path) else { return };
        let path = self.folder.join(name);
        let svg = svg(report, &PhotoForOverlay { bytes }, &Options::default());
        if let Err(source) = whole::write(&path, svg.as_bytes()) {
            // Only the first failure is told; the others have the same cause as a rule.
            let _ = self.failed.set(OverlayError { path, source });
        }
    }

    /// The first failure to write, if there was one.
    pub fn check(&self) -> Result<(), OverlayError> {
        match self.failed.get() {
            None => Ok(()),
            Some(OverlayError { path, source }) => {
                let source = io::Error::new(source.kind(), source.to_string());
                Err(OverlayError { path: path.clone(), source })
            }
        }
    }

    fn holds(&self, path: &Path) -> bool {
        whole::folder_of(path).canonicalize().is_ok_and(|parent| parent == self.folder)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn entry(path: PathBuf, relative: &str) -> Entry {
        Entry { relative: relative.into(), ..Entry::file(path) }
    }

    #[test]
    fn an_input_in_the_folder_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut overlays = Overlays::create(dir.path()).unwrap();
        let entries = [
            entry(dir.path().join("a.jpg.SVG"), "a.jpg.SVG"),
            entry(dir.path().join("a.jpg"), "a.jpg"),
            entry(dir.path().join("sub/A.jpg"), "A.jpg"),
        ];
        overlays.name_all(&entries);
        let names: Vec<_> = entries.iter().map(|entry| overlays.names[&entry.path].as_str()).collect();
        assert_eq!(names, ["a.jpg.SVG.svg", "a.jpg-2.svg", "A.jpg-3.svg"]);
    }

    #[test]
    fn a_folder_that_is_a_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Overlays::create(file.path()).is_err());
    }
}
