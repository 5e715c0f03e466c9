-- What an outside billing package reported last of each account, and events that wait for its address.

CREATE TABLE balance_report (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    as_of INTEGER NOT NULL,
    micros INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_event (
    id INTEGER PRIMARY KEY,
    webhook TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX webhook_event_once ON webhook_event (webhook, event);
CREATE INDEX webhook_event_order ON webhook_event (webhook, id);
