//! Why something could not be kept or found.

use std::io;
use std::path::PathBuf;

use super::model::SubmissionId;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder cannot be used.
    #[error("{}: cannot be used as the folder of reviews: {source}; name a folder that the service may write to", .path.display())]
    Folder {
        /// The folder, or what in it could not be made.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another service has the folder.
    #[error("{}: another service uses this folder; stop it, or name another folder", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The database was written by a later version of the program.
    #[error("{}: written by a later version of gradphoto (schema {found}, this one knows up to {known}); start that version", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest version this program knows.
        known: i64,
    },
    /// The file is a database of something else.
    #[error("{}: a database of another program; name an empty folder", .path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// There are photos and no database that knows them.
    #[error(
        "{}: photos without their database; bring the database back from a backup, or move the photos away",
        .path.display()
    )]
    Lost {
        /// The folder of photos.
        path: PathBuf,
    },
    /// The database failed: the disk is full or broken, or the file is damaged.
    #[error("the database of reviews failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A photo's file could not be written, read or removed.
    #[error("{}: {source}", .path.display())]
    Photo {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A row holds what this program never writes.
    #[error("the database of reviews is damaged: {0}")]
    Damaged(String),
    /// The system gave no random bytes for an id.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// No submission has this id, or it was deleted.
    #[error("there is no submission {0}")]
    Unknown(SubmissionId),
    /// A client's name for a submission stands for another request already.
    #[error("another request was sent under this name")]
    NameTaken,
    /// Somebody decided since the submission was looked at.
    #[error("{seen} decisions were seen and there are {there}; look at the submission again before deciding")]
    Raced {
        /// Decisions that the reviewer knew of.
        seen: u32,
        /// Decisions there are.
        there: u32,
    },
    /// A text that cannot be kept.
    #[error("{field} takes at most {max} characters, none of them a control character")]
    Text {
        /// What it is for.
        field: &'static str,
        /// Most characters.
        max: usize,
    },
    /// A reason that is no check.
    #[error("there is no check `{0}`")]
    UnknownReason(String),
    /// A rejection that does not say why.
    #[error("a rejection names a reason or has a note, so that the candidate learns what to do")]
    NoReason,
}
