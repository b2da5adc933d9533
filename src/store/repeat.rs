//! Submissions that are sent again because their answer was lost: a client names a submission, and the name with the same request
//! is the same submission. What is kept of it goes with the submission.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::Store;
use super::error::StoreError;
use super::model::{Submission, SubmissionId, hex};
use super::submissions::{find, parsed};

/// How a client names a submission that it may send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    key: String,
    request: String,
}

impl Repeatable {
    /// The name `key` for a request, all of which is in `request`.
    pub fn new(key: &str, request: &[u8]) -> Self {
        let sum = |bytes: &[u8]| hex(&Sha256::digest(bytes));
        Self { key: sum(key.as_bytes()), request: sum(request) }
    }
}

impl Store {
    /// The submission that the key called `by` sent under this name, if there is one.
    ///
    /// # Errors
    /// When the name stands for another request, or the database fails.
    pub fn sent_before(&self, named: &Repeatable, by: &str) -> Result<Option<Submission>, StoreError> {
        before(&self.db(), named, by)
    }
}

/// The same with the database at hand.
pub(super) fn before(db: &Connection, named: &Repeatable, by: &str) -> Result<Option<Submission>, StoreError> {
    let sql = "SELECT id, request_sha256 FROM repeatable JOIN submissions ON seq = submission \
        WHERE repeatable.submitted_by = ?1 AND key_sha256 = ?2";
    let row = db.query_row(sql, params![by, named.key], |row| {
        Ok((parsed(row, 0, SubmissionId::parse)?, row.get::<_, String>(1)?))
    });
    match row.optional()? {
        None => Ok(None),
        Some((_, request)) if request != named.request => Err(StoreError::NameTaken),
        Some((id, _)) => find(db, &id).map(Some),
    }
}

/// Notes the name of the submission `seq`.
pub(super) fn note(db: &Connection, named: &Repeatable, by: &str, seq: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO repeatable (submitted_by, key_sha256, request_sha256, submission) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![by, named.key, named.request, seq])?;
    Ok(())
}
