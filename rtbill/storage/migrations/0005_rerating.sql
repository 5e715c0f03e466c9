-- Runs that price calls again. A settled call is never changed: its newer price is a fact of its own.

-- Two more kinds of transfer. What stands in the table is untouched by a wider condition, so only its text is
-- changed (SQLite, "Making Other Kinds Of Table Schema Changes"): rebuilding it would stop a large site for minutes.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
    SET sql = replace(sql, '''top-up'', ''correction''', '''top-up'', ''correction'', ''reversal'', ''adjustment''')
    WHERE type = 'table' AND name = 'transfer';
PRAGMA writable_schema = RESET;

ALTER TABLE call ADD COLUMN invoiced TEXT;  -- the invoice that charges the call; set once, then never changed

DROP TRIGGER call_settled_is_final;
CREATE TRIGGER call_settled_is_final BEFORE UPDATE OF
    id, key, pbx, payer, dialled, trunk, answered_at, ended_at, cause, outcome, source, cut_by, evidence, account,
    status, kind, number, person, note, price_micros, currency, tariff, tariff_version, prefix, destination, billed_s,
    posted_at, settled_at, plan, plan_version, tax_micros, cost_micros
ON call WHEN OLD.status NOT IN ('unrated', 'unconfirmed')
BEGIN
    SELECT RAISE(ABORT, 'a settled call is never changed');
END;
CREATE TRIGGER call_invoiced_once BEFORE UPDATE OF invoiced ON call
WHEN OLD.invoiced IS NOT NULL OR OLD.status IN ('unrated', 'unconfirmed')
BEGIN
    SELECT RAISE(ABORT, 'a call is invoiced once, when it is settled');
END;

CREATE TABLE rerating (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('rerate', 'recycle')),
    state TEXT NOT NULL CHECK (state IN ('planned', 'under way', 'done', 'dropped')),
    made_at INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    moved_at INTEGER NOT NULL,  -- when it came to its state
    selection TEXT NOT NULL CHECK (json_valid(selection)),
    prices TEXT NOT NULL,  -- tells whether anything that prices depend on changed since
    newest_call INTEGER NOT NULL,  -- calls with a higher id came after the dry run
    looked_at INTEGER NOT NULL CHECK (looked_at >= 0),
    done INTEGER NOT NULL DEFAULT 0 CHECK (done >= 0)  -- calls with a newer price so far
) STRICT;
CREATE TRIGGER rerating_is_kept BEFORE DELETE ON rerating
BEGIN
    SELECT RAISE(ABORT, 'a run is never deleted');
END;

-- What the dry run showed, by account.
CREATE TABLE rerating_account (
    run INTEGER NOT NULL REFERENCES rerating (id),
    account TEXT NOT NULL REFERENCES account (id),
    currency TEXT NOT NULL,
    changed INTEGER NOT NULL CHECK (changed >= 0),
    unpriced INTEGER NOT NULL CHECK (unpriced >= 0),  -- without a rate now: they stay as they are
    old_micros INTEGER NOT NULL CHECK (old_micros >= 0),  -- of the changed
    new_micros INTEGER NOT NULL CHECK (new_micros >= 0),
    is_done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, account)
) STRICT, WITHOUT ROWID;

-- Its account stands first: a run goes account by account, and writing at one place of the table costs a quarter of
-- writing all over it.
CREATE TABLE rerated_call (
    account TEXT NOT NULL,  -- of the call
    call INTEGER NOT NULL REFERENCES call (id),
    run INTEGER NOT NULL REFERENCES rerating (id),
    old_micros INTEGER NOT NULL CHECK (old_micros >= 0),
    reversal INTEGER REFERENCES transfer (id),  -- takes the old debit back; NULL: there was none
    posting INTEGER REFERENCES transfer (id),  -- the new debit, or what adjusts an invoiced call
    price_micros INTEGER NOT NULL CHECK (price_micros >= 0 AND price_micros <> old_micros),
    currency TEXT NOT NULL,
    tariff TEXT NOT NULL,
    tariff_version INTEGER NOT NULL,
    prefix TEXT NOT NULL,
    destination TEXT NOT NULL,
    billed_s INTEGER NOT NULL,
    plan TEXT NOT NULL,
    plan_version INTEGER,
    tax_micros INTEGER NOT NULL CHECK (tax_micros >= 0),
    cost_micros INTEGER CHECK (cost_micros >= 0),
    PRIMARY KEY (account, call, run)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rerated_call_is_final BEFORE UPDATE ON rerated_call
BEGIN
    SELECT RAISE(ABORT, 'a newer price is never changed: rate the call again');
END;
CREATE TRIGGER rerated_call_is_kept BEFORE DELETE ON rerated_call
BEGIN
    SELECT RAISE(ABORT, 'a newer price is never deleted: rate the call again');
END;

-- Calls with the price that holds now, which is that of the last run.
CREATE VIEW priced_call AS
    SELECT
        call.id, key, pbx, payer, dialled, trunk, answered_at, ended_at, cause, outcome, source, cut_by, evidence,
        call.account, status, kind, number, person, note,
        CASE WHEN run IS NULL THEN call.price_micros ELSE newest.price_micros END AS price_micros,
        CASE WHEN run IS NULL THEN call.currency ELSE newest.currency END AS currency,
        CASE WHEN run IS NULL THEN call.tariff ELSE newest.tariff END AS tariff,
        CASE WHEN run IS NULL THEN call.tariff_version ELSE newest.tariff_version END AS tariff_version,
        CASE WHEN run IS NULL THEN call.prefix ELSE newest.prefix END AS prefix,
        CASE WHEN run IS NULL THEN call.destination ELSE newest.destination END AS destination,
        CASE WHEN run IS NULL THEN call.billed_s ELSE newest.billed_s END AS billed_s,
        CASE WHEN run IS NULL THEN call.plan ELSE newest.plan END AS plan,
        CASE WHEN run IS NULL THEN call.plan_version ELSE newest.plan_version END AS plan_version,
        CASE WHEN run IS NULL THEN call.tax_micros ELSE newest.tax_micros END AS tax_micros,
        CASE WHEN run IS NULL THEN call.cost_micros ELSE newest.cost_micros END AS cost_micros,
        run, posted_at, settled_at, began_at, invoiced
    FROM call LEFT JOIN rerated_call AS newest
    ON newest.account = call.account AND newest.call = call.id AND newest.run = (
        SELECT max(other.run) FROM rerated_call AS other WHERE other.account = call.account AND other.call = call.id
    );
