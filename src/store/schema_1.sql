-- Version 1: submissions, decisions, audit. Times are milliseconds since 1970, UTC.

CREATE TABLE submissions (
    -- The order of arrival. AUTOINCREMENT never gives a number twice, so that a page begun before a deletion goes on right.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    submitted_by TEXT NOT NULL,
    profile TEXT NOT NULL,
    profile_version TEXT NOT NULL,
    reference TEXT,
    file_name TEXT,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    format TEXT NOT NULL,
    photo TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'review', 'reject')),
    report TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('accepted', 'rejected', 'waiting', 'decided'))
) STRICT;

CREATE INDEX submissions_by_state ON submissions (state, seq);
CREATE INDEX submissions_by_reference ON submissions (reference, seq) WHERE reference IS NOT NULL;
CREATE INDEX submissions_by_photo ON submissions (photo);
CREATE INDEX submissions_by_age ON submissions (received_at);

CREATE TABLE decisions (
    submission INTEGER NOT NULL REFERENCES submissions (seq) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number > 0),
    outcome TEXT NOT NULL CHECK (outcome IN ('accept', 'reject')),
    -- Ids of checks, as a JSON array.
    reasons TEXT NOT NULL,
    note TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    PRIMARY KEY (submission, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER decisions_are_not_changed BEFORE UPDATE ON decisions BEGIN
    SELECT RAISE(ABORT, 'a decision is not changed; a later one supersedes it');
END;

-- Without a reference to submissions, which it outlives; and so without anything of a person.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('submitted', 'decided', 'reconsidered', 'deleted', 'expired')),
    submission TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    verdict TEXT CHECK (verdict IN ('accept', 'review', 'reject'))
) STRICT;

CREATE INDEX audit_by_submission ON audit (submission, seq);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
