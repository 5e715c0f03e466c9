-- Plans over tariffs, and what a plan and the carrier's list said of a call.

CREATE TABLE price_plan (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    currency TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    body TEXT NOT NULL CHECK (json_valid(body)),
    UNIQUE (name, version)
) STRICT;

ALTER TABLE call ADD COLUMN plan TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN plan_version INTEGER;
ALTER TABLE call ADD COLUMN tax_micros INTEGER NOT NULL DEFAULT 0 CHECK (tax_micros >= 0);
ALTER TABLE call ADD COLUMN cost_micros INTEGER CHECK (cost_micros >= 0);
