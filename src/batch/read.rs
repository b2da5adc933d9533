//! Reading one file, within the limit.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

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

/// The bytes of a regular file of at most `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, ReadError> {
    // Asked before opening: opening a pipe nobody writes to would wait for ever.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile);
    }
    if metadata.len() > max {
        return Err(ReadError::TooLarge { max });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // A file may grow while it is read, and some report no length at all.
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(ReadError::TooLarge { max }) } else { Ok(bytes) }
}
