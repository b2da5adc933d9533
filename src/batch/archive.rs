//! Photos inside a ZIP.
//!
//! Nothing is ever unpacked to disk: a member is expanded in memory, within the limit of a photo, and dropped. So a path
//! such as `../../x` inside an archive is a name to show and leads nowhere. What an archive claims to hold is bounded
//! before the first byte is expanded.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zip::ZipArchive;
use zip::result::ZipError;

use super::names;
use super::read::ReadError;
use super::walk::{Entry, Found, passed_over};
use crate::units::Text;

/// Most members of an archive.
const MAX_MEMBERS: usize = 500_000;
/// Longest list of members, in bytes, that is read into memory.
const MAX_LISTING: u64 = 64 << 20;
/// An archive may claim to expand to so many times its own length; photos are compressed already.
const MAX_RATIO: u64 = 100;
/// What any archive may expand to, in bytes, however short it is.
const FREE_BYTES: u64 = 1 << 30;

/// Why an archive, or a member of one, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// No ZIP, or a damaged one.
    #[error("the ZIP archive is damaged or incomplete: {0}")]
    Damaged(String),
    /// Too many members.
    #[error("the ZIP archive has {members} members, more than {MAX_MEMBERS}; split it")]
    TooMany {
        /// How many it has.
        members: usize,
    },
    /// It would expand beyond all measure.
    #[error("the ZIP archive of {bytes} bytes claims to expand to {expanded} bytes; no archive of photos does")]
    Bomb {
        /// Its length in bytes.
        bytes: u64,
        /// The sum of the lengths it claims, in bytes.
        expanded: u64,
    },
    /// It would expand beyond what the caller takes.
    #[error("the ZIP archive expands to {expanded} bytes, more than {max}; split it")]
    TooLong {
        /// The sum of the lengths it claims, in bytes.
        expanded: u64,
        /// The most it may be.
        max: u64,
    },
    /// A member needs a password.
    #[error("the file is encrypted inside the ZIP archive")]
    Encrypted,
    /// An archive inside an archive or a folder.
    #[error("a ZIP archive inside a folder or archive is not opened")]
    Nested,
    /// Compressed in a way this program does not read.
    #[error("compressed in a way that is not supported; use the Deflate method")]
    Method,
}

impl ArchiveError {
    /// The reason in words.
    pub fn text(&self) -> Text {
        let zh = match self {
            ArchiveError::Damaged(why) => format!("ZIP 压缩包损坏或不完整：{why}"),
            ArchiveError::TooMany { members } => format!("ZIP 内有 {members} 个文件，超过 {MAX_MEMBERS} 个，请拆分"),
            ArchiveError::Bomb { bytes, expanded } => {
                format!("ZIP 大小 {bytes} 字节，却声称解压后有 {expanded} 字节，不是照片压缩包")
            }
            ArchiveError::TooLong { expanded, max } => {
                format!("ZIP 解压后有 {expanded} 字节，超过上限 {max} 字节，请拆分")
            }
            ArchiveError::Encrypted => "ZIP 内的文件已加密".to_owned(),
            ArchiveError::Nested => "不打开文件夹或压缩包里的 ZIP；请直接指定该 ZIP".to_owned(),
            ArchiveError::Method => "不支持的压缩方式，请使用 Deflate".to_owned(),
        };
        let en = match self {
            ArchiveError::Nested => format!("{self}; name that archive itself"),
            _ => self.to_string(),
        };
        Text::new(zh, en)
    }
}

impl From<ZipError> for ReadError {
    fn from(error: ZipError) -> Self {
        match error {
            // What inflating finds wrong comes as an error of the reader, and so do the system's own.
            ZipError::Io(error) if error.raw_os_error().is_some() => ReadError::Io(error),
            ZipError::InvalidPassword => ArchiveError::Encrypted.into(),
            ZipError::UnsupportedArchive(why) if why == ZipError::PASSWORD_REQUIRED => ArchiveError::Encrypted.into(),
            ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => ArchiveError::Method.into(),
            error => ArchiveError::Damaged(error.to_string()).into(),
        }
    }
}

/// One file inside an archive.
#[derive(Clone)]
pub struct Member {
    zip: ZipArchive<Source>,
    index: usize,
    /// Sum over the content, as the archive states it.
    pub crc32: u32,
    /// Length in bytes, as the archive states it.
    pub size: u64,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("index", &self.index).field("size", &self.size).finish_non_exhaustive()
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.crc32, self.size) == (other.index, other.crc32, other.size)
    }
}

impl Eq for Member {}

impl Member {
    /// Its place in the archive, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its bytes, at most `max` of them. The archive's own sum over them is tested.
    pub(super) fn read(&self, max: u64) -> Result<Vec<u8>, ReadError> {
        if self.size > max {
            return Err(ReadError::TooLarge { max });
        }
        // A clone shares the listing; it is a reader with a place of its own.
        let mut zip = self.zip.clone();
        let file = zip.by_index(self.index)?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        // What is longer than the archive says is as damaged as what is shorter.
        file.take(self.size.saturating_add(1)).read_to_end(&mut bytes).map_err(ZipError::Io)?;
        if bytes.len() as u64 == self.size {
            Ok(bytes)
        } else {
            Err(ArchiveError::Damaged("a member is not as long as it says".to_owned()).into())
        }
    }
}

/// Whether a path is that of a ZIP archive, by its ending.
pub(crate) fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

/// Adds the members of the archive at `path`; when it cannot be opened, an entry that says why.
pub(super) fn walk(path: &Path, found: &mut Found) {
    match open(path) {
        Ok((zip, _)) => members(path, &zip, found),
        Err(error) => found.entries.push(Entry { problem: Some(error.text()), ..Entry::file(path) }),
    }
}

/// The members of the archive at `path`, by their names inside it, when all of them together have at most `max_expanded`
/// bytes.
///
/// # Errors
/// When the archive cannot be opened, or holds too much.
pub fn list(path: &Path, max_expanded: u64) -> Result<Found, ReadError> {
    let (zip, expanded) = open(path)?;
    if expanded > max_expanded {
        return Err(ArchiveError::TooLong { expanded, max: max_expanded }.into());
    }
    let mut found = Found::default();
    members(Path::new(""), &zip, &mut found);
    Ok(found)
}

/// Opens an archive, and says how many bytes it expands to by its own account, which no member can exceed when it is read.
fn open(path: &Path) -> Result<(ZipArchive<Source>, u64), ReadError> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let zip = ZipArchive::new(Source::new(file, MAX_LISTING))?;
    if zip.len() > MAX_MEMBERS {
        return Err(ArchiveError::TooMany { members: zip.len() }.into());
    }
    let mut expanded = 0u64;
    for index in 0..zip.len() {
        expanded = expanded.saturating_add(zip.by_index_data(index)?.size());
    }
    if expanded > FREE_BYTES.max(bytes.saturating_mul(MAX_RATIO)) {
        return Err(ArchiveError::Bomb { bytes, expanded }.into());
    }
    Ok((zip, expanded))
}

fn members(path: &Path, zip: &ZipArchive<Source>, found: &mut Found) {
    for index in 0..zip.len() {
        let entry = match zip.by_index_data(index) {
            Ok(member) if member.is_dir() => continue,
            Ok(member) => {
                let relative = inside(&names::decoded(member.name_raw()));
                let problem = if member.encrypted() {
                    Some(ArchiveError::Encrypted.text())
                } else {
                    is_zip(&relative).then(|| ArchiveError::Nested.text())
                };
                let member = Member { zip: zip.clone(), index, crc32: member.crc32(), size: member.size() };
                Entry { path: path.join(&relative), relative, problem, member: Some(member) }
            }
            Err(error) => Entry { problem: Some(ReadError::from(error).text()), ..Entry::file(path) },
        };
        if entry.relative.iter().any(passed_over) {
            found.skipped += 1;
        } else {
            found.entries.push(entry);
        }
    }
}

/// A name from outside as a relative path: without roots, drives and steps upwards, with either kind of separator.
pub(crate) fn inside(name: &str) -> PathBuf {
    let path: PathBuf = Path::new(&name.replace('\\', "/"))
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part),
            _ => None,
        })
        .collect();
    if path.as_os_str().is_empty() { PathBuf::from("_") } else { path }
}

/// A reader of one file, shared by many: each clone has a place of its own, and takes the file only while it reads.
struct Source(BufReader<Shared>);

impl Source {
    fn new(file: File, allowance: u64) -> Self {
        Self(BufReader::new(Shared { file: Arc::new(Mutex::new(file)), place: 0, allowance }))
    }
}

impl Clone for Source {
    /// A reader for members: it begins at the start, and what it may read is bounded by the member's length.
    fn clone(&self) -> Self {
        let file = Arc::clone(&self.0.get_ref().file);
        Self(BufReader::new(Shared { file, place: 0, allowance: u64::MAX }))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

struct Shared {
    file: Arc<Mutex<File>>,
    place: u64,
    /// Bytes that may still be read: a listing is held in memory, so it must have an end.
    allowance: u64,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.place))?;
        let length = file.read(buffer)?;
        drop(file);
        self.place += length as u64;
        self.allowance = self
            .allowance
            .checked_sub(length as u64)
            .ok_or_else(|| io::Error::other("the list of files in the ZIP archive is too long; split it"))?;
        Ok(length)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
            SeekFrom::End(by) => {
                let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::End(0))?.checked_add_signed(by)
            }
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_members_name_leads_nowhere_else() {
        for (name, expected) in [
            ("../../etc/passwd", "etc/passwd"),
            ("/abs/a.jpg", "abs/a.jpg"),
            ("班\\..\\a.jpg", "班/a.jpg"),
            ("..", "_"),
            ("a/./b.jpg", "a/b.jpg"),
        ] {
            assert_eq!(inside(name), Path::new(expected), "{name}");
        }
    }
}
