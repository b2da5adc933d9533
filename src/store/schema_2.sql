-- Version 2: how clients name their submissions, so that one that is sent again is the same one. Hashes, because nobody reads a name back.

CREATE TABLE repeatable (
    submitted_by TEXT NOT NULL,
    key_sha256 TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    submission INTEGER NOT NULL REFERENCES submissions (seq) ON DELETE CASCADE,
    PRIMARY KEY (submitted_by, key_sha256)
) STRICT, WITHOUT ROWID;

-- A deletion looks for what belongs to it.
CREATE INDEX repeatable_by_submission ON repeatable (submission);
