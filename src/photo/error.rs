//! Why a file gave no pixels, or not all of them, in words.

use super::Photo;
use super::container::{FileFacts, Format, Integrity};
use crate::units::Text;

/// Why a file gave no pixels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file has no bytes.
    #[error("the file is empty; upload it again")]
    Empty,
    /// The content is of a format that is not decoded, or of none we know.
    #[error("{}", undecoded(*.0))]
    Format(Format),
    /// The format is decoded, but not this way of coding it.
    #[error("this way of coding the photo is not decoded ({0}); save it as a plain JPEG")]
    Coding(String),
    /// The file is longer than the limit.
    #[error("the file has {bytes} bytes, more than the {max} that are read; save a smaller one")]
    TooManyBytes {
        /// Length of the file.
        bytes: u64,
        /// [`Limits::max_bytes`](crate::limits::Limits::max_bytes).
        max: u64,
    },
    /// The header states a size beyond the limits; nothing was allocated for it.
    #[error("the photo has {width}x{height} pixels, more than are read; scale it down")]
    TooManyPixels {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
    },
    /// The file ends before the first row.
    #[error("the file ends before the first row of pixels; copy or upload it again")]
    Truncated,
    /// The content contradicts itself.
    #[error("the file is damaged ({0}); copy or upload it again")]
    Damaged(String),
}

fn undecoded(format: Format) -> String {
    match format {
        Format::Unknown => "the file is not a photo; upload the photo as JPEG".to_owned(),
        format => format!("{} files are not decoded; save the photo as JPEG", format.name()),
    }
}

impl DecodeError {
    /// The reason in words for people.
    pub fn text(&self) -> Text {
        let zh = match self {
            DecodeError::Empty => "文件为空，请重新上传".to_owned(),
            DecodeError::Format(Format::Unknown) => "文件不是照片，请上传JPEG格式的照片".to_owned(),
            DecodeError::Format(format) => {
                format!("不支持{}格式，请另存为JPEG格式", format.name().to_ascii_uppercase())
            }
            DecodeError::Coding(_) => "不支持照片的编码方式，请另存为普通JPEG格式".to_owned(),
            DecodeError::TooManyBytes { bytes, max } => {
                format!("文件过大（{} KB，上限 {} KB），请压缩后重新上传", bytes / 1024, max / 1024)
            }
            DecodeError::TooManyPixels { width, height } => {
                format!("照片像素过多（{width}×{height}），请缩小后重新上传")
            }
            DecodeError::Truncated => "文件不完整，没有可用的画面，请重新上传".to_owned(),
            DecodeError::Damaged(_) => "文件已损坏，请重新上传".to_owned(),
        };
        Text::new(zh, self.to_string())
    }
}

/// A part of the picture is missing, so that nothing is to be made of it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the file is damaged or cut short: {missing_percent:.0} % of the picture is missing; copy or upload it again")]
pub struct Incomplete {
    /// Share of the rows that is missing, in percent.
    pub missing_percent: f64,
}

impl Incomplete {
    /// Stable code, for programs.
    pub const CODE: &str = "incomplete";

    /// What happened and what to do, in both languages.
    pub fn text(&self) -> Text {
        let missing = self.missing_percent;
        Text::new(format!("文件不完整或已损坏：缺少{missing:.0}%的画面，请重新上传"), self.to_string())
    }
}

/// Refuses a photo of which a part is missing.
///
/// # Errors
/// [`Incomplete`].
pub(crate) fn whole(file: &FileFacts, photo: &Photo) -> Result<(), Incomplete> {
    let missing = match file.integrity {
        Integrity::Truncated { missing } => missing,
        _ => 1.0 - photo.complete,
    };
    if missing > 0.0 || file.integrity == Integrity::Damaged {
        return Err(Incomplete { missing_percent: 100.0 * missing });
    }
    Ok(())
}
