//! The folder of overlays: names that never clash, files that are whole or absent.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::outputs::{replace, safe_name};
use crate::batch::Entry;
use crate::report::Report;
use crate::report::overlay::{Options, PhotoForOverlay, svg};

/// Longest name of an overlay in bytes; file systems take 255, and some space is left for the ending and a number.
const MAX_NAME: usize = 200;

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
        // Compared in lower case: the folder may lie on a file system that tells no difference.
        let mut taken: HashSet<String> = entries
            .iter()
            .filter(|entry| self.holds(&entry.path))
            .filter_map(|entry| Some(entry.name()?.to_lowercase()))
            .collect();
        for entry in entries {
            let stem = flat_name(&entry.relative);
            let name = (1u64..)
                .map(|n| if n == 1 { format!("{stem}.svg") } else { format!("{stem}-{n}.svg") })
                .find(|name| !taken.contains(&name.to_lowercase()));
            if let Some(name) = name {
                taken.insert(name.to_lowercase());
                self.names.insert(entry.path.clone(), name);
            }
        }
    }

    /// Draws and writes the overlay of one photo. The first failure is kept for [`check`](Self::check).
    pub fn write(&self, entry: &Entry, report: &Report, bytes: &[u8]) {
        let Some(name) = self.names.get(&entry.path) else { return };
        let path = self.folder.join(name);
        let svg = svg(report, &PhotoForOverlay { bytes }, &Options::default());
        if let Err(source) = replace(&self.folder, &path, svg.as_bytes()) {
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
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        parent.canonicalize().is_ok_and(|parent| parent == self.folder)
    }
}

/// A relative path as one file name: folders are joined with `__`; what some file system refuses becomes `_`.
fn flat_name(relative: &Path) -> String {
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let name = safe_name(&parts.join("__"));
    if name.len() <= MAX_NAME {
        return name;
    }
    let digest = Sha256::digest(relative.as_os_str().as_encoded_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{digest}", &name[..name.floor_char_boundary(MAX_NAME)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn entry(path: PathBuf, relative: &str) -> Entry {
        Entry { path, relative: relative.into(), problem: None }
    }

    #[test]
    fn names_are_flat_distinct_and_short() {
        assert_eq!(flat_name(Path::new("2025/一班/a:b.jpg")), "2025__一班__a_b.jpg");
        assert_eq!(flat_name(Path::new("../.x")), "_..__.x");
        let long = "长".repeat(200);
        let (a, b) = (flat_name(Path::new(&format!("{long}/a"))), flat_name(Path::new(&format!("{long}/b"))));
        assert!(a.len() <= 217 && a != b, "{a} {b}");
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
