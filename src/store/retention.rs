//! What is too old to be kept.

use jiff::Timestamp;
use rusqlite::Connection;

use super::error::StoreError;
use super::model::{Event, Signed};
use super::{Store, audit};

/// Submissions deleted in one transaction, so that requests have their turn in between.
const AT_ONCE: i64 = 200;

/// A submission that is due.
struct Due {
    seq: i64,
    id: String,
    sha256: String,
    photo: String,
}

impl Store {
    /// Deletes every submission received before `before`, whatever its state, as [`delete`](Store::delete) does. Gives back
    /// how many.
    ///
    /// # Errors
    /// When nothing can be written; what was deleted until then stays so.
    pub fn expire(&self, before: Timestamp, signed: Signed<'_>) -> Result<usize, StoreError> {
        let mut count = 0;
        loop {
            let mut db = self.db();
            let change = db.transaction()?;
            let due = due(&change, before)?;
            for Due { seq, id, sha256, .. } in &due {
                change.execute("DELETE FROM submissions WHERE seq = ?1", [seq])?;
                audit::add(&change, signed, Event::Expired, id, sha256, None)?;
            }
            change.commit()?;
            if due.is_empty() {
                return Ok(count);
            }
            count += due.len();
            let names: Vec<String> = due.into_iter().map(|due| due.photo).collect();
            self.forget(&db, &names)?;
        }
    }
}

fn due(db: &Connection, before: Timestamp) -> Result<Vec<Due>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT seq, id, sha256, photo FROM submissions WHERE received_at < ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = statement.query_map([before.as_millisecond(), AT_ONCE], |row| {
        Ok(Due { seq: row.get(0)?, id: row.get(1)?, sha256: row.get(2)?, photo: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
