-- The books. Amounts are whole micro-units of the currency; instants are whole microseconds since
-- 1970 in UTC. Transfers are never changed or deleted, settled calls neither: triggers see to it.

PRAGMA application_id = 0x72744231;  -- "rtB1": tells this file from any other SQLite database

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('prepaid', 'postpaid')),
    currency TEXT NOT NULL,
    credit_limit_micros INTEGER NOT NULL CHECK (credit_limit_micros >= 0),
    account_class TEXT NOT NULL,
    tariff TEXT NOT NULL,
    outgoing TEXT NOT NULL,  -- the service its extensions shall have on account of money
    incoming TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per account and currency, for customers and for the biller's own side (revenue:<class>,
-- cash, corrections). Always the sum of the entries; `rtbill verify` proves it.
CREATE TABLE balance (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    micros INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 0),  -- transfers so far
    PRIMARY KEY (account, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE membership (
    id INTEGER PRIMARY KEY,
    pbx TEXT NOT NULL,
    number TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    valid_from INTEGER NOT NULL,
    valid_until INTEGER CHECK (valid_until > valid_from),
    person TEXT
) STRICT;
CREATE INDEX membership_extension ON membership (pbx, number);

CREATE TABLE tariff (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    currency TEXT NOT NULL,
    zone TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    round_digits INTEGER NOT NULL,
    UNIQUE (name, version)
) STRICT;

CREATE TABLE rate (
    tariff INTEGER NOT NULL REFERENCES tariff (id),
    position INTEGER NOT NULL,  -- as in the file that brought it
    prefix TEXT NOT NULL,
    destination TEXT NOT NULL,
    connect_fee_micros INTEGER NOT NULL CHECK (connect_fee_micros >= 0),
    price_per_minute_micros INTEGER NOT NULL CHECK (price_per_minute_micros >= 0),
    first_increment_s INTEGER NOT NULL,
    next_increment_s INTEGER NOT NULL,
    band_days INTEGER,  -- bit 0 is Monday; all three NULL: at any time
    band_start_minute INTEGER,
    band_end_minute INTEGER,
    PRIMARY KEY (tariff, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE call (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,  -- "pbx/leg"
    pbx TEXT NOT NULL,
    payer TEXT,
    dialled TEXT,
    trunk TEXT NOT NULL,
    answered_at INTEGER,
    ended_at INTEGER NOT NULL,
    cause INTEGER,
    outcome TEXT NOT NULL,
    source TEXT NOT NULL,
    cut_by TEXT,
    evidence TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    status TEXT NOT NULL CHECK (
        status IN ('rated', 'free', 'unanswered', 'unrated', 'unconfirmed', 'dropped')
    ),
    kind TEXT NOT NULL,
    number TEXT,
    person TEXT,
    note TEXT NOT NULL,
    price_micros INTEGER CHECK (price_micros >= 0),
    currency TEXT,
    tariff TEXT,
    tariff_version INTEGER,
    prefix TEXT,
    destination TEXT,
    billed_s INTEGER,
    posted_at INTEGER NOT NULL,
    settled_at INTEGER,  -- when an unrated or unconfirmed call was billed or dropped
    began_at INTEGER GENERATED ALWAYS AS (coalesce(answered_at, ended_at)) VIRTUAL,
    CHECK ((status = 'rated') = (price_micros IS NOT NULL)),
    CHECK ((price_micros IS NULL) = (currency IS NULL)),
    CHECK (substr(key, 1, length(pbx) + 1) = pbx || '/')
) STRICT;
CREATE INDEX call_account ON call (account, began_at);
CREATE INDEX call_began ON call (began_at);
CREATE INDEX call_waiting ON call (status, began_at) WHERE status IN ('unrated', 'unconfirmed');

CREATE TRIGGER call_settled_is_final BEFORE UPDATE ON call
WHEN OLD.status NOT IN ('unrated', 'unconfirmed')
BEGIN
    SELECT RAISE(ABORT, 'a settled call is never changed');
END;
CREATE TRIGGER call_is_kept BEFORE DELETE ON call
BEGIN
    SELECT RAISE(ABORT, 'a call is never deleted');
END;

-- How many calls stand where, kept by the writer, so that a status page needs no scan.
CREATE TABLE call_count (
    status TEXT NOT NULL PRIMARY KEY,
    calls INTEGER NOT NULL CHECK (calls >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount_micros INTEGER NOT NULL CHECK (amount_micros > 0),
    currency TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('call', 'top-up', 'correction')),
    event_at INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    version INTEGER NOT NULL CHECK (version > 0),
    balance_after_micros INTEGER NOT NULL,
    call TEXT REFERENCES call (key),
    reason TEXT NOT NULL,
    reverses TEXT REFERENCES transfer (key),
    UNIQUE (account, version),
    CHECK (debit <> credit),
    CHECK (account IN (debit, credit)),
    CHECK (kind <> 'call' OR call IS NOT NULL),
    FOREIGN KEY (debit, currency) REFERENCES balance (account, currency),
    FOREIGN KEY (credit, currency) REFERENCES balance (account, currency)
) STRICT;

CREATE TRIGGER transfer_is_final BEFORE UPDATE ON transfer
BEGIN
    SELECT RAISE(ABORT, 'a transfer is never changed: correct it by another');
END;
CREATE TRIGGER transfer_is_kept BEFORE DELETE ON transfer
BEGIN
    SELECT RAISE(ABORT, 'a transfer is never deleted: correct it by another');
END;

-- Both halves of every transfer. The sum over all of them is zero in each currency.
CREATE VIEW entry (transfer, key, account, amount_micros, currency, event_at, posted_at) AS
    SELECT id, key, debit, -amount_micros, currency, event_at, posted_at FROM transfer
    UNION ALL
    SELECT id, key, credit, amount_micros, currency, event_at, posted_at FROM transfer;

CREATE TABLE desk_lock (
    pbx TEXT NOT NULL,
    number TEXT NOT NULL,
    outgoing TEXT NOT NULL,
    incoming TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (pbx, number)
) STRICT, WITHOUT ROWID;

-- Answered legs not yet settled: the evidence that is left if both sides crash.
CREATE TABLE live_call (
    key TEXT NOT NULL PRIMARY KEY,
    pbx TEXT NOT NULL,
    payer TEXT,
    dialled TEXT,
    trunk TEXT NOT NULL,
    answered_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE heard (
    pbx TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox. AUTOINCREMENT: an id is never used twice, although sent rows are deleted.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    details TEXT NOT NULL  -- JSON: list of [name, value]
) STRICT;
