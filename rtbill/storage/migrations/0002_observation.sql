-- What would have been done at exchanges where rtbill only observes. Rows are only ever added.

CREATE TABLE observation (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('lock', 'open', 'refuse', 'cut')),
    at INTEGER NOT NULL,  -- when it would have been done
    posted_at INTEGER NOT NULL,
    pbx TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    extension TEXT,  -- NULL: several, the text names them
    call TEXT,  -- "pbx/leg"; a call that would have been refused is not yet in table call
    beyond_us INTEGER NOT NULL CHECK (beyond_us >= 0),
    beyond_micros INTEGER CHECK (beyond_micros >= 0),
    currency TEXT,
    text TEXT NOT NULL,
    CHECK (kind IN ('lock', 'open') OR call IS NOT NULL),
    CHECK ((beyond_micros IS NULL) = (currency IS NULL))
) STRICT;
CREATE INDEX observation_at ON observation (at);

CREATE TRIGGER observation_is_final BEFORE UPDATE ON observation
BEGIN
    SELECT RAISE(ABORT, 'an observation is never changed');
END;
CREATE TRIGGER observation_is_kept BEFORE DELETE ON observation
BEGIN
    SELECT RAISE(ABORT, 'an observation is never deleted');
END;
