//! Files that are whole or absent.

use std::fs;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// Beginning of the name a file has while it is written; hidden, so that no run takes it for a photo.
const PREFIX: &str = ".gradphoto-";

/// A file under a temporary name beside its own; it gets its own only when it is whole. Dropped before, it leaves
/// nothing behind. A link of that name is replaced, not followed.
#[derive(Debug)]
pub struct WholeFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl WholeFile {
    /// Begins the file that is to be at `path`.
    ///
    /// # Errors
    /// When nothing can be written there, or what is there is no regular file.
    pub fn create(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "what is there is not a regular file"));
        }
        let file = begin(folder_of(path))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 16, file), path: path.to_owned() })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When the rest cannot be written or the name cannot be given; then nothing is left.
    pub fn finish(self) -> io::Result<()> {
        let path = self.path.clone();
        self.close()?.persist(path).map_err(|error| error.error)
    }

    /// Ends the writing without giving the name yet, so that many can be held without as many open files.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub fn close(self) -> io::Result<TempPath> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(file.into_temp_path())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for WholeFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Writes `bytes` to `path`, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = begin(folder_of(path))?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// The folder a path lies in, as it can be opened.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn begin(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    // Temporary files are for their owner alone; these become files like any other, as the umask has it.
    #[cfg(unix)]
    builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_absent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_or_device_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(WholeFile::create(dir.path()).is_err());
        #[cfg(target_os = "linux")]
        assert!(WholeFile::create(Path::new("/dev/full")).is_err());
        assert!(WholeFile::create(&dir.path().join("no/such/folder.csv")).is_err());
    }
}
