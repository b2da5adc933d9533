//! The audit trail. The database itself refuses to change or delete a line of it (`schema_1.sql`).
//!
//! It names submissions and files by id and hash only, so that it may outlive what it tells of.

use rusqlite::{Connection, Row, params};

use super::Store;
use super::error::StoreError;
use super::model::{AuditEntry, Event, Page, Signed, SubmissionId};
use super::submissions::{parsed, time, verdict};

impl Store {
    /// At most `limit` lines after the place `after`, the oldest first; only those of one submission when it is given.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit(
        &self,
        of: Option<&SubmissionId>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let more = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let only = if of.is_some() { "submission = ?2" } else { "?2 IS NULL" };
        let db = self.db();
        let mut statement = db.prepare_cached(&format!(
            "SELECT seq, at, who, event, submission, sha256, verdict FROM audit WHERE seq > ?1 AND {only} ORDER BY seq LIMIT ?3"
        ))?;
        let rows = statement.query_map(params![after.unwrap_or(0), of.map(SubmissionId::as_str), more], read)?;
        Ok(Page::cut(rows.collect::<Result<Vec<_>, _>>()?, limit, |entry| entry.seq))
    }
}

/// Adds a line, within the transaction of what it tells of.
pub(super) fn add(
    db: &Connection,
    signed: Signed<'_>,
    event: Event,
    submission: &str,
    sha256: &str,
    verdict: Option<&str>,
) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "INSERT INTO audit (at, who, event, submission, sha256, verdict) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let (at, event) = (signed.at.as_millisecond(), event.name());
    statement.execute(params![at, signed.by, event, submission, sha256, verdict])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.get(0)?,
        at: time(row, 1)?,
        who: row.get(2)?,
        event: parsed(row, 3, Event::of)?,
        submission: row.get(4)?,
        sha256: row.get(5)?,
        verdict: row.get::<_, Option<String>>(6)?.map(|_| parsed(row, 6, verdict)).transpose()?,
    })
}
