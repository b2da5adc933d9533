//! Reading one file, within the limit.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use super::archive::ArchiveError;
use crate::units::Text;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A folder, pipe, socket or device.
    #[error("not a regular file")]
    NotAFile,
    /// Longer than the limit.
    #[error("the file is longer than the limit of {max} bytes")]
    TooLarge {
        /// The limit in bytes.
        max: u64,
    },
    /// Somebody writes to it.
    #[error("the file changed while it was read")]
    Changed,
    /// The archive it is in.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ReadError {
    /// The reason in words.
    pub fn text(&self) -> Text {
        match self {
            ReadError::NotAFile => Text::new("不是普通文件", "not a regular file"),
            ReadError::TooLarge { max } => {
                let mib = max >> 20;
                Text::new(
                    format!("文件超过 {mib} MB，未读取"),
                    format!("the file is larger than {mib} MB and was not read"),
                )
            }
            ReadError::Changed => Text::new(
                "读取期间文件被改动，请在写入完成后重新检查",
                "the file changed while it was read; check it again when it is complete",
            ),
            ReadError::Archive(error) => error.text(),
            ReadError::Io(error) => io_text(error),
        }
    }
}

/// The reason of a system error in words.
pub(super) fn io_text(error: &io::Error) -> Text {
    match error.kind() {
        io::ErrorKind::NotFound => Text::new("文件不存在或已被移走", "the file does not exist or was moved away"),
        io::ErrorKind::PermissionDenied => Text::new("没有读取权限", "no permission to read it"),
        _ => Text::new(format!("读取失败：{error}"), format!("reading failed: {error}")),
    }
}

/// The bytes of a regular file of at most `max` bytes. A file that changes meanwhile is read once more, then given up:
/// half of an old photo and half of a new one must not be judged as one.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    read_into(path, max, &mut bytes)?;
    Ok(bytes)
}

/// The same into a buffer, whatever is in it.
pub(super) fn read_into(path: &Path, max: u64, bytes: &mut Vec<u8>) -> Result<(), ReadError> {
    read_once(path, max, bytes).or_else(|error| match error {
        ReadError::Changed => read_once(path, max, bytes),
        error => Err(error),
    })
}

fn read_once(path: &Path, max: u64, bytes: &mut Vec<u8>) -> Result<(), ReadError> {
    bytes.clear();
    // Asked before opening: opening a pipe nobody writes to would wait for ever.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile);
    }
    if metadata.len() > max {
        return Err(ReadError::TooLarge { max });
    }
    bytes.reserve_exact(usize::try_from(metadata.len()).unwrap_or_default());
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    // A file may grow while it is read, and some report no length at all.
    (&mut file).take(max.saturating_add(1)).read_to_end(bytes)?;
    if bytes.len() as u64 > max {
        return Err(ReadError::TooLarge { max });
    }
    if is_same(&before, &file.metadata()?) { Ok(()) } else { Err(ReadError::Changed) }
}

fn is_same(before: &Metadata, after: &Metadata) -> bool {
    // Where a system keeps no times, the length alone has to do.
    before.len() == after.len() && before.modified().ok() == after.modified().ok()
}
