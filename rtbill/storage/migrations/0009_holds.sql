-- Money set aside for calls in progress. Every step is kept; what is open now stands beside them.

-- Whether the holder was told that the balance is low, and it has not risen well above that since.
ALTER TABLE account ADD COLUMN told_low INTEGER NOT NULL DEFAULT 0;

CREATE TABLE hold_event (
    id INTEGER PRIMARY KEY,
    hold TEXT NOT NULL,  -- its key
    account TEXT NOT NULL REFERENCES account (id),
    step TEXT NOT NULL CHECK (step IN ('open', 'extend', 'post', 'release', 'expire')),
    call TEXT,  -- "pbx/leg"; not yet in table call while it talks
    micros INTEGER NOT NULL CHECK (micros >= 0),
    granted_s INTEGER NOT NULL CHECK (granted_s >= 0),
    is_final INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    posted_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER hold_event_is_final BEFORE UPDATE ON hold_event
BEGIN
    SELECT RAISE(ABORT, 'a step of a hold is never changed');
END;
CREATE TRIGGER hold_event_is_kept BEFORE DELETE ON hold_event
BEGIN
    SELECT RAISE(ABORT, 'a step of a hold is never deleted');
END;

CREATE TABLE open_hold (
    key TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    call TEXT,
    micros INTEGER NOT NULL CHECK (micros >= 0),
    granted_s INTEGER NOT NULL CHECK (granted_s >= 0),
    is_final INTEGER NOT NULL,
    opened_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
