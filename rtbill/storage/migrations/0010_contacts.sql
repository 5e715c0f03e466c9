-- Where the holders of accounts are written to, and whether their server refused the latest mail.

CREATE TABLE contact (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    email TEXT NOT NULL CHECK (email <> ''),
    language TEXT CHECK (language IN ('en', 'de')),
    bounced_at INTEGER,
    bounce_reason TEXT,
    CHECK ((bounced_at IS NULL) = (bounce_reason IS NULL))
) STRICT, WITHOUT ROWID;
