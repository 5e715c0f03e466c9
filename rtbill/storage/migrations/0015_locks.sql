-- Who locked by hand, and who lifted it and why. What was locked before is the desk's.

ALTER TABLE desk_lock ADD COLUMN locked_by TEXT NOT NULL DEFAULT 'desk';

CREATE TABLE lifted_lock (
    id INTEGER PRIMARY KEY,
    pbx TEXT NOT NULL,
    number TEXT NOT NULL,
    outgoing TEXT NOT NULL,
    incoming TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    locked_by TEXT NOT NULL,
    lifted_at INTEGER NOT NULL,
    lifted_by TEXT NOT NULL,
    lifted_reason TEXT NOT NULL
) STRICT;
CREATE INDEX lifted_lock_of ON lifted_lock (pbx, number, id);
