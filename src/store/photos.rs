//! Photos as files: `photos/<first two digits>/<sha256>.<ending>`. A path is made of a hash and of an ending from a fixed
//! list, never of anything a client wrote.
//!
//! A file is written under another name, synced and renamed, so that one that is there is whole. The same photo sent twice is
//! one file. The callers hold the database's lock while they write or remove, so that a photo is not removed between being
//! found here and being named by a row.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::make_folder;

/// What a file is called until it is whole.
const UNFINISHED: &str = ".new-";

/// The folder of photos.
#[derive(Debug)]
pub(super) struct Photos {
    root: PathBuf,
}

impl Photos {
    /// The photos below `root`, which is made when it is not there.
    pub(super) fn open(root: PathBuf) -> Result<Self, StoreError> {
        make_folder(&root).map_err(|source| StoreError::Folder { path: root.clone(), source })?;
        Ok(Self { root })
    }

    /// The folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The path, below the folder, of a photo with this hash and format.
    pub(super) fn name(sha256: &str, format: &str) -> String {
        let folder = sha256.get(..2).unwrap_or("00");
        format!("{folder}/{sha256}.{}", ending(format))
    }

    /// Keeps `bytes` under `name`. Returns when they are on the disk.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.root.join(name);
        let failed = |source| StoreError::Photo { path: path.clone(), source };
        if path.is_file() {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.root);
        if !folder.is_dir() {
            make_folder(folder).and_then(|()| sync_folder(&self.root)).map_err(failed)?;
        }
        // Made with mode 0600, which stays.
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(failed)?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        sync_folder(folder).map_err(failed)
    }

    /// The bytes of a photo.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.root.join(name);
        fs::read(&path).map_err(|source| StoreError::Photo { path, source })
    }

    /// Removes a photo; one that is gone already is fine.
    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.root.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::Photo { path, source }),
            _ => Ok(()),
        }
    }

    /// Every file that this program wrote, whole or not, by its path below the folder. What others put there is not listed.
    pub(super) fn all(&self) -> Result<Vec<String>, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Photo { path, source }
        };
        let mut found = Vec::new();
        for folder in fs::read_dir(&self.root).map_err(failed(&self.root))? {
            let folder = folder.map_err(failed(&self.root))?;
            let Some(prefix) = folder.file_name().to_str().filter(|name| is_hex(name, 2)).map(str::to_owned) else {
                continue;
            };
            for file in fs::read_dir(folder.path()).map_err(failed(&folder.path()))? {
                let name = file.map_err(failed(&folder.path()))?.file_name();
                let Some(name) = name.to_str() else { continue };
                let stem = name.split('.').next().unwrap_or_default();
                if name.starts_with(UNFINISHED) || is_hex(stem, 64) {
                    found.push(format!("{prefix}/{name}"));
                }
            }
        }
        Ok(found)
    }
}

/// The ending of a format's files, so that other programs know them; also what `file.extension` looks at.
fn ending(format: &str) -> &'static str {
    match format {
        "jpeg" => "jpg",
        "png" => "png",
        "webp" => "webp",
        "bmp" => "bmp",
        "tiff" => "tif",
        "heic" => "heic",
        "gif" => "gif",
        "pdf" => "pdf",
        _ => "bin",
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A new name is on the disk only when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    // Other systems cannot open a folder, and need not.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos() -> (tempfile::TempDir, Photos) {
        let dir = tempfile::tempdir().expect("a folder");
        let photos = Photos::open(dir.path().join("photos")).expect("opens");
        (dir, photos)
    }

    #[test]
    fn a_photo_is_kept_and_removed() {
        let (_dir, photos) = photos();
        let name = Photos::name(&"ab".repeat(32), "jpeg");
        assert_eq!(name, format!("ab/{}.jpg", "ab".repeat(32)));
        photos.put(&name, b"photo").expect("keeps");
        photos.put(&name, b"photo").expect("is there already");
        assert_eq!(photos.read(&name).expect("reads"), b"photo");
        assert_eq!(photos.all().expect("lists"), std::slice::from_ref(&name));
        photos.remove(&name).expect("removes");
        photos.remove(&name).expect("is gone already");
        assert!(matches!(photos.read(&name), Err(StoreError::Photo { .. })));
    }

    #[test]
    fn formats_of_strangers_make_no_paths() {
        assert_eq!(ending("../../x"), "bin");
        assert_eq!(Photos::name("", "jpeg"), "00/.jpg");
    }

    #[test]
    fn what_others_put_there_is_left_alone() {
        let (_dir, photos) = photos();
        fs::create_dir(photos.root().join("ab")).expect("makes");
        for (name, ours) in [("ab/README.md", false), ("notes.txt", false), ("ab/.new-x1", true)] {
            fs::write(photos.root().join(name), "x").expect("writes");
            assert_eq!(photos.all().expect("lists").iter().any(|found| found == name), ours, "{name}");
        }
    }
}
