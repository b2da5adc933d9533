//! Decisions of reviewers. None is changed or lost; a later one supersedes.

use rusqlite::{Connection, Row, params};

use super::error::StoreError;
use super::model::{Decision, Event, NOTE_MAX, NewDecision, Outcome, Signed, SubmissionId};
use super::submissions::{find, parsed, time};
use super::{Store, audit};
use crate::check;

/// A row of the export: a photo and the decision in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Path of the file below the folder of photos.
    pub photo: String,
    /// What the file was called when it was sent.
    pub file_name: Option<String>,
    /// The outcome of the last decision.
    pub outcome: Outcome,
}

impl Store {
    /// Keeps a decision.
    ///
    /// # Errors
    /// When there is no such submission, another decision came since, a reason is no check, the note is too long, a
    /// rejection says nothing of why, or nothing can be written.
    pub fn decide(&self, id: &SubmissionId, new: &NewDecision<'_>, signed: Signed<'_>) -> Result<Decision, StoreError> {
        if let Some(unknown) = new.reasons.iter().find(|reason| check::find(reason).is_none()) {
            return Err(StoreError::UnknownReason(unknown.clone()));
        }
        // Lines and tabs are how people write; nothing else acts on who reads it.
        let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if new.note.chars().count() > NOTE_MAX || new.note.chars().any(acts) {
            return Err(StoreError::Text { field: "note", max: NOTE_MAX });
        }
        if new.outcome == Outcome::Reject && new.reasons.is_empty() && new.note.trim().is_empty() {
            return Err(StoreError::NoReason);
        }
        let mut reasons = new.reasons.to_vec();
        let mut seen = std::collections::HashSet::new();
        reasons.retain(|reason| seen.insert(reason.clone()));
        let mut db = self.db();
        let change = db.transaction()?;
        let submission = find(&change, id)?;
        if submission.decisions != new.after {
            return Err(StoreError::Raced { seen: new.after, there: submission.decisions });
        }
        let decision = Decision {
            number: submission.decisions.saturating_add(1),
            outcome: new.outcome,
            reasons,
            note: new.note.to_owned(),
            by: signed.by.to_owned(),
            at: signed.at,
        };
        let text = serde_json::to_string(&decision.reasons).map_err(|error| StoreError::Damaged(error.to_string()))?;
        change.execute(
            "INSERT INTO decisions (submission, number, outcome, reasons, note, decided_by, decided_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                submission.seq,
                decision.number,
                decision.outcome.name(),
                text,
                decision.note,
                decision.by,
                decision.at.as_millisecond(),
            ],
        )?;
        change.execute("UPDATE submissions SET state = 'decided' WHERE seq = ?1", [submission.seq])?;
        let event = if submission.decisions == 0 { Event::Decided } else { Event::Reconsidered };
        audit::add(&change, signed, event, id.as_str(), &submission.sha256, Some(decision.outcome.name()))?;
        change.commit()?;
        Ok(decision)
    }

    /// The decision in force of every submission that has one, in the order of arrival.
    ///
    /// # Errors
    /// When the database fails.
    pub fn decided(&self) -> Result<Vec<Decided>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT photo, file_name, outcome FROM submissions JOIN decisions ON submission = seq \
             WHERE number = (SELECT max(number) FROM decisions WHERE submission = seq) ORDER BY seq",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Decided { photo: row.get(0)?, file_name: row.get(1)?, outcome: parsed(row, 2, Outcome::of)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The decisions about the submission at a place.
pub(super) fn of(db: &Connection, seq: i64) -> Result<Vec<Decision>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT number, outcome, reasons, note, decided_by, decided_at FROM decisions WHERE submission = ?1 ORDER BY number",
    )?;
    Ok(statement.query_map([seq], read)?.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Decision> {
    Ok(Decision {
        number: row.get(0)?,
        outcome: parsed(row, 1, Outcome::of)?,
        reasons: parsed(row, 2, |text| serde_json::from_str(text).ok())?,
        note: row.get(3)?,
        by: row.get(4)?,
        at: time(row, 5)?,
    })
}
