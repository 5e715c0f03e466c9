-- What calls cost and when, each shape once: a list of a hundred thousand prefixes has a few hundred of them.

CREATE TABLE terms (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL UNIQUE CHECK (json_valid(body))  -- what differs from the least, keys in order
) STRICT;
CREATE TABLE band (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL UNIQUE CHECK (json_valid(body))
) STRICT;

CREATE TEMP TABLE old_rate AS SELECT
    *,
    json_patch('{}', json_object(  -- which leaves out what is NULL
        'connect_fee_micros', nullif(connect_fee_micros, 0),
        'first_increment_s', nullif(first_increment_s, 0),
        'steps', json_array(json_array(0, price_per_minute_micros, 60, next_increment_s))
    )) AS terms_body,
    CASE
        WHEN band_days IS NOT NULL THEN json_patch('{}', json_object(
            'days', CASE WHEN band_days <> 127 THEN (
                SELECT json_group_array(value) FROM (
                    SELECT value FROM json_each('[0,1,2,3,4,5,6]') WHERE band_days >> value & 1
                )
            ) END,
            'end_minute', nullif(band_end_minute, 1440),
            'start_minute', nullif(band_start_minute, 0)
        ))
    END AS band_body
FROM rate;
INSERT INTO terms (body) SELECT DISTINCT terms_body FROM old_rate;
INSERT INTO band (body) SELECT DISTINCT band_body FROM old_rate WHERE band_body IS NOT NULL;

DROP TABLE rate;
CREATE TABLE rate (
    tariff INTEGER NOT NULL REFERENCES tariff (id),
    position INTEGER NOT NULL,  -- as in the file that brought it
    prefix TEXT NOT NULL,
    destination TEXT NOT NULL,
    terms INTEGER NOT NULL REFERENCES terms (id),
    band INTEGER REFERENCES band (id),  -- NULL: whenever no other rate of the prefix holds
    PRIMARY KEY (tariff, position)
) STRICT, WITHOUT ROWID;
INSERT INTO rate
    SELECT old_rate.tariff, position, prefix, destination, terms.id, band.id
    FROM old_rate
    JOIN terms ON terms.body = terms_body
    LEFT JOIN band ON band.body = band_body;
DROP TABLE old_rate;

ALTER TABLE tariff ADD COLUMN round_mode TEXT NOT NULL DEFAULT 'half_up'
    CHECK (round_mode IN ('half_up', 'half_even', 'up', 'down'));
ALTER TABLE tariff ADD COLUMN increment_digits INTEGER;
ALTER TABLE tariff ADD COLUMN splits_increments INTEGER NOT NULL DEFAULT 0;
