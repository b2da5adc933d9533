//! Submissions: kept, listed, shown, deleted.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::model::{
    Event, Filter, Full, NAME_MAX, NewSubmission, Outcome, Page, Signed, State, Submission, SubmissionId, hex,
};
use super::photos::Photos;
use super::repeat::{self, Repeatable};
use super::{Store, audit, decisions};
use crate::report::Verdict;

/// What [`read`] reads.
const COLUMNS: &str = "id, seq, received_at, submitted_by, profile, profile_version, reference, file_name, sha256, bytes, \
    format, photo, verdict, state, (SELECT count(*) FROM decisions WHERE submission = seq), \
    (SELECT outcome FROM decisions WHERE submission = seq ORDER BY number DESC LIMIT 1)";

impl Store {
    /// Keeps a photo that was judged.
    ///
    /// # Errors
    /// When a text is too long or has control characters, or nothing can be written.
    pub fn submit(&self, new: &NewSubmission<'_>, signed: Signed<'_>) -> Result<Submission, StoreError> {
        Ok(self.submit_once(new, None, signed)?.0)
    }

    /// The same; when it was sent before under the name `named`, what was kept then. Also says whether it is kept only now.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); and when the name stands for another request.
    pub fn submit_once(
        &self,
        new: &NewSubmission<'_>,
        named: Option<&Repeatable>,
        signed: Signed<'_>,
    ) -> Result<(Submission, bool), StoreError> {
        plain("reference", new.reference)?;
        plain("file_name", new.file_name)?;
        let id = SubmissionId::random().map_err(StoreError::Random)?;
        // Not the report's: a row has to name its file whatever judged it.
        let sha256 = hex(&Sha256::digest(new.photo));
        let photo = Photos::name(&sha256, &new.report.file.format);
        let mut db = self.db();
        // Of two requests at once the second finds the first here, under the lock.
        if let Some(named) = named
            && let Some(before) = repeat::before(&db, named, signed.by)?
        {
            return Ok((before, false));
        }
        self.photos.put(&photo, new.photo)?;
        let kept = insert(&mut db, new, named, signed, (&id, &sha256, &photo));
        if kept.is_err() {
            // A full disk is not made fuller. What cannot be removed now, the next start removes.
            let _ = self.forget(&db, &[photo]);
        }
        Ok((kept?, true))
    }

    /// A submission, without its report.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn submission(&self, id: &SubmissionId) -> Result<Submission, StoreError> {
        find(&self.db(), id)
    }

    /// A submission with its report and decisions.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn full(&self, id: &SubmissionId) -> Result<Full, StoreError> {
        let db = self.db();
        let submission = find(&db, id)?;
        let report =
            db.query_row("SELECT report FROM submissions WHERE seq = ?1", [submission.seq], |row| row.get(0))?;
        let decisions = decisions::of(&db, submission.seq)?;
        Ok(Full { submission, report, decisions })
    }

    /// The file as it was sent.
    ///
    /// # Errors
    /// When there is no such submission, or its file cannot be read.
    pub fn photo(&self, submission: &Submission) -> Result<Vec<u8>, StoreError> {
        self.photos.read(&submission.photo)
    }

    /// At most `limit` submissions that `filter` lets through, after the place `after`.
    ///
    /// Places are never given twice, and a page asks for what lies beyond one: so a submission that stays as it is comes
    /// once, whatever is added or deleted between two pages.
    ///
    /// # Errors
    /// When the database fails.
    pub fn list(&self, filter: &Filter, after: Option<i64>, limit: usize) -> Result<Page<Submission>, StoreError> {
        let (beyond, order) = if filter.newest_first { ("seq < ?", "DESC") } else { ("seq > ?", "ASC") };
        let state = filter.state.map(State::name);
        let more = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let mut conditions = Vec::new();
        let mut values: Vec<&dyn ToSql> = Vec::new();
        // Only conditions that are asked for stand in the statement, so that each finds its index.
        let mut add = |condition: &'static str, value| {
            conditions.push(condition);
            values.push(value);
        };
        if let Some(state) = &state {
            add("state = ?", state);
        }
        if let Some(profile) = &filter.profile {
            add("profile = ?", profile);
        }
        if let Some(reference) = &filter.reference {
            add("reference = ?", reference);
        }
        if let Some(after) = &after {
            add(beyond, after);
        }
        values.push(&more);
        let conditions = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
        let sql = format!("SELECT {COLUMNS} FROM submissions WHERE {conditions} ORDER BY seq {order} LIMIT ?");
        let db = self.db();
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(values.as_slice(), read)?.collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(rows, limit, |submission| submission.seq))
    }

    /// How many submissions wait for a reviewer.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM submissions WHERE state = 'waiting'";
        let count: i64 = self.db().query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Deletes a submission with its report and decisions, and its file when no other submission has it. The audit stays.
    ///
    /// # Errors
    /// When there is none with this id, or nothing can be written.
    pub fn delete(&self, id: &SubmissionId, signed: Signed<'_>) -> Result<(), StoreError> {
        let mut db = self.db();
        let change = db.transaction()?;
        let submission = find(&change, id)?;
        change.execute("DELETE FROM submissions WHERE seq = ?1", [submission.seq])?;
        audit::add(&change, signed, Event::Deleted, id.as_str(), &submission.sha256, None)?;
        change.commit()?;
        self.forget(&db, &[submission.photo])
    }

    /// Removes the files `names` that no submission has any more, and what the database's log still holds of their rows.
    pub(super) fn forget(&self, db: &Connection, names: &[String]) -> Result<(), StoreError> {
        for name in names {
            if !is_named(db, name)? {
                self.photos.remove(name)?;
            }
        }
        // Refused while a backup reads; then the log is emptied after the next deletion, or when the service ends.
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Removes files that no submission has: what a crash left between a file and its row.
    pub(super) fn remove_strays(&self) -> Result<(), StoreError> {
        let db = self.db();
        for name in self.photos.all()? {
            if !is_named(&db, &name)? {
                self.photos.remove(&name)?;
            }
        }
        Ok(())
    }
}

fn insert(
    db: &mut Connection,
    new: &NewSubmission<'_>,
    named: Option<&Repeatable>,
    signed: Signed<'_>,
    (id, sha256, photo): (&SubmissionId, &str, &str),
) -> Result<Submission, StoreError> {
    let report = new.report;
    let text = serde_json::to_string(report).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let verdict = word(report.verdict);
    let change = db.transaction()?;
    change.execute(
        "INSERT INTO submissions (id, received_at, submitted_by, profile, profile_version, reference, file_name, \
         sha256, bytes, format, photo, verdict, report, state) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            id.as_str(),
            signed.at.as_millisecond(),
            signed.by,
            report.profile.id,
            report.profile.version,
            new.reference,
            new.file_name,
            sha256,
            i64::try_from(new.photo.len()).unwrap_or(i64::MAX),
            report.file.format,
            photo,
            verdict,
            text,
            new.state.name(),
        ],
    )?;
    audit::add(&change, signed, Event::Submitted, id.as_str(), sha256, Some(verdict))?;
    let kept = find(&change, id)?;
    if let Some(named) = named {
        repeat::note(&change, named, signed.by, kept.seq)?;
    }
    change.commit()?;
    Ok(kept)
}

/// Whether a submission has this file.
fn is_named(db: &Connection, photo: &str) -> Result<bool, StoreError> {
    let mut statement = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM submissions WHERE photo = ?1)")?;
    Ok(statement.query_row([photo], |row| row.get(0))?)
}

pub(super) fn find(db: &Connection, id: &SubmissionId) -> Result<Submission, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM submissions WHERE id = ?1"))?;
    statement.query_row([id.as_str()], read).optional()?.ok_or_else(|| StoreError::Unknown(id.clone()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Submission> {
    Ok(Submission {
        id: parsed(row, 0, SubmissionId::parse)?,
        seq: row.get(1)?,
        received_at: time(row, 2)?,
        submitted_by: row.get(3)?,
        profile: row.get(4)?,
        profile_version: row.get(5)?,
        reference: row.get(6)?,
        file_name: row.get(7)?,
        sha256: row.get(8)?,
        bytes: u64::try_from(row.get::<_, i64>(9)?).unwrap_or_default(),
        format: row.get(10)?,
        photo: row.get(11)?,
        verdict: parsed(row, 12, verdict)?,
        state: parsed(row, 13, State::of)?,
        decisions: row.get(14)?,
        outcome: row.get::<_, Option<String>>(15)?.map(|_| parsed(row, 15, Outcome::of)).transpose()?,
    })
}

/// The value of a column that holds one of a few words. Others come only of a file that was changed by hand.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize, of: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let wrong = || format!("`{text}` is not what this column holds").into();
    of(&text).ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, wrong()))
}

/// The time in a column of milliseconds.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error));
    Timestamp::from_millisecond(row.get(column)?).map_err(wrong)
}

/// A verdict's name in the database, which is that of reports.
pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Review => "review",
        Verdict::Reject => "reject",
    }
}

pub(super) fn verdict(word: &str) -> Option<Verdict> {
    match word {
        "accept" => Some(Verdict::Accept),
        "review" => Some(Verdict::Review),
        "reject" => Some(Verdict::Reject),
        _ => None,
    }
}

/// Refuses a text that is too long, or that would act on who reads it.
fn plain(field: &'static str, text: Option<&str>) -> Result<(), StoreError> {
    let fits = text.is_none_or(|text| text.chars().count() <= NAME_MAX && crate::report::harmless(text) == text);
    if fits { Ok(()) } else { Err(StoreError::Text { field, max: NAME_MAX }) }
}
