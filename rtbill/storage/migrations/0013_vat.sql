-- Tax in credit and calls: what the accountant settled, and entries between the biller's own accounts.

CREATE TABLE vat_terms (
    number INTEGER NOT NULL PRIMARY KEY CHECK (number > 0),
    since INTEGER NOT NULL,
    after_row INTEGER NOT NULL CHECK (after_row >= 0),  -- of transfer: they hold for what came later
    point TEXT NOT NULL CHECK (point IN ('topup', 'use')),
    percent_ppm INTEGER NOT NULL CHECK (percent_ppm >= 0),
    confirmed_by TEXT NOT NULL CHECK (confirmed_by <> ''),
    confirmed_on TEXT NOT NULL,  -- a date
    CHECK ((point = 'topup') = (percent_ppm > 0))
) STRICT;
CREATE TRIGGER vat_terms_are_final BEFORE UPDATE ON vat_terms
BEGIN
    SELECT RAISE(ABORT, 'terms of tax are never changed: newer ones follow');
END;
CREATE TRIGGER vat_terms_are_kept BEFORE DELETE ON vat_terms
BEGIN
    SELECT RAISE(ABORT, 'terms of tax are never deleted');
END;

-- One row with two halves, so it cannot be unbalanced. Calls are added up; what may be taken back stands alone.
CREATE TABLE vat_entry (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,  -- at the site
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    micros INTEGER NOT NULL CHECK (micros > 0),
    gross_micros INTEGER NOT NULL CHECK (gross_micros >= 0),  -- of which it is the tax
    currency TEXT NOT NULL,
    rate TEXT NOT NULL,
    source TEXT NOT NULL,  -- the biller's own side of what was taxed
    movements INTEGER NOT NULL CHECK (movements > 0),
    belongs_to TEXT REFERENCES transfer (key),
    reverses TEXT REFERENCES transfer (key),
    upto INTEGER NOT NULL,  -- written when movements were closed up to this row of transfer
    CHECK (debit <> credit),
    CHECK (reverses IS NULL OR belongs_to IS NOT NULL)
) STRICT;
CREATE INDEX vat_entry_day ON vat_entry (day);
CREATE INDEX vat_entry_belongs_to ON vat_entry (belongs_to) WHERE belongs_to IS NOT NULL;
CREATE INDEX vat_entry_reverses ON vat_entry (reverses) WHERE reverses IS NOT NULL;
CREATE TRIGGER vat_entry_is_final BEFORE UPDATE ON vat_entry
BEGIN
    SELECT RAISE(ABORT, 'an entry of tax is never changed');
END;
CREATE TRIGGER vat_entry_is_kept BEFORE DELETE ON vat_entry
BEGIN
    SELECT RAISE(ABORT, 'an entry of tax is never deleted');
END;

-- What of a balance was taxed when it was bought.
CREATE TABLE vat_credit (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    taxed_micros INTEGER NOT NULL CHECK (taxed_micros >= 0),
    vat_micros INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last row of transfer whose tax is booked; no row before tax was ever booked.
CREATE TABLE vat_closed (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    upto INTEGER NOT NULL CHECK (upto >= 0)
) STRICT;
