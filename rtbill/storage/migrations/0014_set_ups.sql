-- Pages of providers on which a holder is about to give a card, until it is kept or the page is good no more.

CREATE TABLE set_up (
    reference TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    gateway TEXT NOT NULL,
    page TEXT NOT NULL,  -- the provider's name for it
    text_version TEXT NOT NULL,  -- of the text that the holder agreed to before
    agreed_at INTEGER NOT NULL,
    agreed_from TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > begun_at),
    next_look INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX set_up_page ON set_up (gateway, page);
CREATE INDEX set_up_account ON set_up (account, begun_at);
CREATE INDEX set_up_due ON set_up (next_look);
