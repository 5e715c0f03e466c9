-- Credit that is bought: from what, when by itself, and each top-up with all its steps.

-- Two more kinds of transfer; see 0005_rerating.sql for why only the text of the table is changed.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
    SET sql = replace(sql, '''reversal'', ''adjustment''', '''reversal'', ''adjustment'', ''refund'', ''dispute''')
    WHERE type = 'table' AND name = 'transfer';
PRAGMA writable_schema = RESET;

-- What the account may spend beyond its money while nobody knows whether a top-up was paid.
ALTER TABLE account ADD COLUMN grace_micros INTEGER NOT NULL DEFAULT 0;

-- What an account may be topped up from, as its provider knows it. No number of a card comes here.
CREATE TABLE payment_method (
    gateway TEXT NOT NULL,
    reference TEXT NOT NULL,  -- the provider's name for it
    account TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('card', 'cashless')),
    customer TEXT NOT NULL,  -- the provider's name for its holder
    label TEXT NOT NULL,  -- "Visa 4242"
    expires INTEGER,  -- year * 100 + month, the last in which it is good
    kept_at INTEGER NOT NULL,
    text_version TEXT,  -- of the text that its holder agreed to
    agreed_at INTEGER,
    agreed_from TEXT,
    barred_at INTEGER,  -- since when no top-up uses it any more
    barred_reason TEXT NOT NULL,
    removed_at INTEGER,
    PRIMARY KEY (gateway, reference),
    CHECK ((text_version IS NULL) = (agreed_at IS NULL) AND (agreed_at IS NULL) = (agreed_from IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_method_account ON payment_method (account);
CREATE TRIGGER payment_method_is_kept BEFORE DELETE ON payment_method
BEGIN
    SELECT RAISE(ABORT, 'a payment method is never deleted: it is marked as removed');
END;

CREATE TABLE replenishment (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    is_on INTEGER NOT NULL CHECK (is_on IN (0, 1)),
    threshold_micros INTEGER NOT NULL,
    increment_micros INTEGER NOT NULL CHECK (increment_micros > 0),
    charge_max_micros INTEGER NOT NULL CHECK (charge_max_micros >= 0),
    day_max_micros INTEGER NOT NULL CHECK (day_max_micros >= 0),
    month_max_micros INTEGER NOT NULL CHECK (month_max_micros >= 0),
    gateway TEXT NOT NULL,
    method TEXT NOT NULL,
    text_version TEXT,
    agreed_at INTEGER,
    agreed_from TEXT,
    stopped TEXT NOT NULL,  -- why it does not buy although it is on
    changed_at INTEGER,
    changed_by TEXT NOT NULL,
    CHECK ((text_version IS NULL) = (agreed_at IS NULL) AND (agreed_at IS NULL) = (agreed_from IS NULL)),
    CHECK (is_on = 0 OR text_version IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TABLE top_up (
    reference TEXT NOT NULL PRIMARY KEY CHECK (length(reference) <= 20 AND reference NOT GLOB '*[^0-9]*'),
    account TEXT NOT NULL REFERENCES account (id),
    amount_micros INTEGER NOT NULL CHECK (amount_micros > 0),
    currency TEXT NOT NULL,
    gateway TEXT NOT NULL,
    method TEXT NOT NULL,
    asked_by TEXT NOT NULL CHECK (asked_by IN ('balance', 'holder', 'desk')),
    state TEXT NOT NULL CHECK (state IN (
        'wanted', 'asked', 'created', 'sent', 'action needed', 'unknown', 'called off', 'approved', 'declined',
        'cancelled', 'reversed'
    )),
    wanted_at INTEGER NOT NULL,
    moved_at INTEGER NOT NULL,
    vat_point TEXT NOT NULL CHECK (vat_point IN ('topup', 'use')),
    attempt INTEGER NOT NULL CHECK (attempt > 0),
    provider_id TEXT NOT NULL,
    first_sent_at INTEGER,  -- when its keys were first used at the provider
    asked_for_at INTEGER,  -- when the provider was first asked to take the money
    unknown_at INTEGER,
    next_look INTEGER,
    looks INTEGER NOT NULL CHECK (looks >= 0),
    absences INTEGER NOT NULL CHECK (absences >= 0),
    decline TEXT,
    code TEXT NOT NULL,
    paid_at INTEGER,  -- when the account was credited
    reversed_micros INTEGER NOT NULL CHECK (reversed_micros >= 0),
    steps INTEGER NOT NULL CHECK (steps > 0),
    needs_person INTEGER NOT NULL,
    alarm TEXT NOT NULL,
    CHECK ((paid_at IS NULL) = (state NOT IN ('approved', 'reversed'))),
    FOREIGN KEY (gateway, method) REFERENCES payment_method (gateway, reference)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX top_up_in_flight ON top_up (account)
    WHERE state NOT IN ('approved', 'declined', 'cancelled', 'reversed');
CREATE UNIQUE INDEX top_up_provider ON top_up (gateway, provider_id) WHERE provider_id <> '';
CREATE INDEX top_up_account ON top_up (account, wanted_at);
CREATE INDEX top_up_wanted ON top_up (wanted_at);
CREATE INDEX top_up_paid ON top_up (gateway, paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX top_up_due ON top_up (next_look) WHERE next_look IS NOT NULL;
CREATE TRIGGER top_up_is_final BEFORE UPDATE OF
    reference, account, amount_micros, currency, gateway, method, asked_by, wanted_at, vat_point, attempt
ON top_up
BEGIN
    SELECT RAISE(ABORT, 'what a top-up was begun as is never changed');
END;
CREATE TRIGGER top_up_paid_once BEFORE UPDATE OF state ON top_up
WHEN OLD.state IN ('approved', 'reversed') AND NEW.state NOT IN ('approved', 'reversed')
BEGIN
    SELECT RAISE(ABORT, 'a top-up that was paid stays paid');
END;
CREATE TRIGGER top_up_is_kept BEFORE DELETE ON top_up
BEGIN
    SELECT RAISE(ABORT, 'a top-up is never deleted');
END;

-- Every step, with its cause.
CREATE TABLE top_up_event (
    reference TEXT NOT NULL REFERENCES top_up (reference),
    number INTEGER NOT NULL CHECK (number > 0),
    event TEXT NOT NULL,
    before TEXT,
    after TEXT NOT NULL,
    at INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (reference, number),
    CHECK ((before IS NULL) = (number = 1))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER top_up_event_is_final BEFORE UPDATE ON top_up_event
BEGIN
    SELECT RAISE(ABORT, 'a step of a top-up is never changed');
END;
CREATE TRIGGER top_up_event_is_kept BEFORE DELETE ON top_up_event
BEGIN
    SELECT RAISE(ABORT, 'a step of a top-up is never deleted');
END;

-- Refunds and disputes, and by how much each lowers the account's balance now.
CREATE TABLE reversal (
    gateway TEXT NOT NULL,
    key TEXT NOT NULL,  -- our reference of a refund of ours, else the provider's id
    kind TEXT NOT NULL CHECK (kind IN ('refund', 'dispute')),
    top_up TEXT NOT NULL REFERENCES top_up (reference),
    amount_micros INTEGER NOT NULL CHECK (amount_micros > 0),
    currency TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (
        stage IN ('wanted', 'pending', 'done', 'failed', 'inquiry', 'withdrawn', 'reinstated')
    ),
    at INTEGER NOT NULL,
    booked_micros INTEGER NOT NULL CHECK (booked_micros IN (0, amount_micros)),
    provider_id TEXT NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 0),
    next_try INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (gateway, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX reversal_top_up ON reversal (top_up, at);
CREATE UNIQUE INDEX reversal_provider ON reversal (gateway, kind, provider_id) WHERE provider_id <> '';
CREATE INDEX reversal_due ON reversal (next_try) WHERE next_try IS NOT NULL;
CREATE TRIGGER reversal_is_kept BEFORE DELETE ON reversal
BEGIN
    SELECT RAISE(ABORT, 'a refund or dispute is never deleted');
END;

-- Providers at which nothing is begun.
CREATE TABLE gateway_stop (
    gateway TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What providers told, each once, before anything is done about it.
CREATE TABLE gateway_event (
    gateway TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    raw TEXT NOT NULL CHECK (length(raw) <= 8192),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    processed_at INTEGER,
    result TEXT NOT NULL,
    PRIMARY KEY (gateway, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_event_waiting ON gateway_event (tries, at) WHERE processed_at IS NULL;
CREATE INDEX gateway_event_newest ON gateway_event (gateway, at);

-- Links that were mailed; of the token itself only the hash.
CREATE TABLE pay_link (
    token_hash TEXT NOT NULL PRIMARY KEY CHECK (length(token_hash) = 64),
    account TEXT NOT NULL REFERENCES account (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('manage', 'confirm')),
    top_up TEXT REFERENCES top_up (reference),
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > made_at),
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TRIGGER pay_link_used_once BEFORE UPDATE ON pay_link
WHEN OLD.used_at IS NOT NULL OR NEW.token_hash <> OLD.token_hash OR NEW.account <> OLD.account
    OR NEW.expires_at <> OLD.expires_at
BEGIN
    SELECT RAISE(ABORT, 'a link is used once');
END;
