-- Minutes and money that pay calls before the account does. What a call took is never changed: a call that is rated
-- again gives it back by a row of its own.

CREATE TABLE bundle (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    currency TEXT NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('seconds', 'money')),
    amount INTEGER NOT NULL CHECK (amount > 0),  -- seconds or micro-units, of each period
    renewal TEXT NOT NULL CHECK (renewal IN ('never', 'monthly')),
    body TEXT NOT NULL CHECK (json_valid(body)),
    UNIQUE (name, version)
) STRICT;
CREATE TRIGGER bundle_is_final BEFORE UPDATE ON bundle
BEGIN
    SELECT RAISE(ABORT, 'a bundle is never changed: import its next version');
END;

CREATE TABLE allowance (
    key TEXT NOT NULL PRIMARY KEY,
    bundle INTEGER NOT NULL REFERENCES bundle (id),
    since INTEGER NOT NULL,
    until INTEGER CHECK (until >= since),  -- calls answered from then on are not paid
    given_at INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE allowance_account (
    account TEXT NOT NULL REFERENCES account (id),
    allowance TEXT NOT NULL REFERENCES allowance (key),
    PRIMARY KEY (account, allowance)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER allowance_only_ends BEFORE UPDATE ON allowance
WHEN NEW.key <> OLD.key OR NEW.bundle <> OLD.bundle OR NEW.since <> OLD.since OR NEW.given_at <> OLD.given_at
    OR NEW.until IS NULL OR NEW.until >= OLD.until
BEGIN
    SELECT RAISE(ABORT, 'an allowance can only be ended earlier');
END;
CREATE TRIGGER allowance_is_kept BEFORE DELETE ON allowance
BEGIN
    SELECT RAISE(ABORT, 'an allowance is never deleted: end it');
END;

-- What is used of an allowance in one period: the sum of its draws, kept by the writer. The first draw makes it.
CREATE TABLE pool (
    allowance TEXT NOT NULL REFERENCES allowance (key),
    period INTEGER NOT NULL,  -- where it begins: with a local month, or the allowance
    used INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (allowance, period)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER pool_holds_no_more BEFORE INSERT ON pool  -- also before what an insertion updates
WHEN NEW.used > (SELECT amount FROM allowance JOIN bundle ON bundle.id = bundle WHERE key = NEW.allowance)
BEGIN
    SELECT RAISE(ABORT, 'more than a bundle holds cannot be used');
END;

CREATE TABLE draw (
    id INTEGER PRIMARY KEY,
    call TEXT NOT NULL REFERENCES call (key),
    run INTEGER REFERENCES rerating (id),  -- NULL: with the first price of the call
    allowance TEXT NOT NULL,
    period INTEGER NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('seconds', 'money')),
    amount INTEGER NOT NULL CHECK (amount <> 0),  -- below zero it is given back
    posted_at INTEGER NOT NULL,
    CHECK (amount > 0 OR run IS NOT NULL),
    FOREIGN KEY (allowance, period) REFERENCES pool (allowance, period)
) STRICT;
CREATE UNIQUE INDEX draw_call ON draw (call, coalesce(run, 0), allowance, period, amount > 0);
CREATE TRIGGER draw_is_final BEFORE UPDATE ON draw
BEGIN
    SELECT RAISE(ABORT, 'what a call took is never changed: rate it again');
END;
CREATE TRIGGER draw_is_kept BEFORE DELETE ON draw
BEGIN
    SELECT RAISE(ABORT, 'what a call took is never deleted: rate it again');
END;

-- What bundles of money pay of a price; the rest is debited.
ALTER TABLE call ADD COLUMN bundle_micros INTEGER NOT NULL DEFAULT 0 CHECK (bundle_micros >= 0);
ALTER TABLE rerated_call ADD COLUMN old_bundle_micros INTEGER NOT NULL DEFAULT 0 CHECK (old_bundle_micros >= 0);
ALTER TABLE rerated_call ADD COLUMN bundle_micros INTEGER NOT NULL DEFAULT 0 CHECK (bundle_micros >= 0);

-- A price may stay and another part of it be paid by bundles: as in 0005, a wider condition touches no row.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
    SET sql = replace(
        sql,
        'price_micros >= 0 AND price_micros <> old_micros',
        'price_micros >= 0 AND (price_micros <> old_micros OR bundle_micros <> old_bundle_micros)'
    )
    WHERE type = 'table' AND name = 'rerated_call';
PRAGMA writable_schema = RESET;

DROP TRIGGER call_settled_is_final;
CREATE TRIGGER call_settled_is_final BEFORE UPDATE OF
    id, key, pbx, payer, dialled, trunk, answered_at, ended_at, cause, outcome, source, cut_by, evidence, account,
    status, kind, number, person, note, price_micros, currency, tariff, tariff_version, prefix, destination, billed_s,
    posted_at, settled_at, plan, plan_version, tax_micros, cost_micros, bundle_micros
ON call WHEN OLD.status NOT IN ('unrated', 'unconfirmed')
BEGIN
    SELECT RAISE(ABORT, 'a settled call is never changed');
END;

DROP VIEW priced_call;
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
        CASE WHEN run IS NULL THEN call.bundle_micros ELSE newest.bundle_micros END AS bundle_micros,
        run, posted_at, settled_at, began_at, invoiced
    FROM call LEFT JOIN rerated_call AS newest
    ON newest.account = call.account AND newest.call = call.id AND newest.run = (
        SELECT max(other.run) FROM rerated_call AS other WHERE other.account = call.account AND other.call = call.id
    );
