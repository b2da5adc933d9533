//! The database's file: how it is opened, and brought from an earlier version to this one.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::StoreError;

/// What brings a database from each version to the next. What is released is never changed; a change is a further file.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];
/// How SQLite files of this program are told from others: "gprv".
const APPLICATION: i64 = 0x6770_7276;
/// How long a call waits for another process, such as one that makes a backup.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the database at `path`, which exists and may be empty.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    // The connection has a lock of ours around it, so that SQLite needs none.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    refuse_foreign(&db, path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // An answered decision is on the disk: with WAL, only FULL waits for it.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten, not only forgotten.
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    migrate(&mut db, path)?;
    Ok(db)
}

fn refuse_foreign(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let foreign = || StoreError::Foreign { path: path.to_owned() };
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(|error| {
        let other = error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase);
        if other { foreign() } else { error.into() }
    })?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == APPLICATION || (application == 0 && tables == 0) { Ok(()) } else { Err(foreign()) }
}

fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for (version, sql) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        // Both numbers are a part of the transaction: a crash leaves the version before, whole.
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "application_id", APPLICATION)?;
        step.pragma_update(None, "user_version", version)?;
        step.commit()?;
    }
    Ok(())
}
