-- What a site's rating hook changed about the price of a call: nobody can reckon it again later.

ALTER TABLE call ADD COLUMN adjustment TEXT CHECK (adjustment IS NULL OR json_valid(adjustment));
ALTER TABLE rerated_call ADD COLUMN adjustment TEXT CHECK (adjustment IS NULL OR json_valid(adjustment));

DROP TRIGGER call_settled_is_final;
CREATE TRIGGER call_settled_is_final BEFORE UPDATE OF
    id, key, pbx, payer, dialled, trunk, answered_at, ended_at, cause, outcome, source, cut_by, evidence, account,
    status, kind, number, person, note, price_micros, currency, tariff, tariff_version, prefix, destination, billed_s,
    posted_at, settled_at, plan, plan_version, tax_micros, cost_micros, bundle_micros, in_trunk, account_code,
    adjustment
ON call WHEN OLD.status NOT IN ('unrated', 'unconfirmed')
BEGIN
    SELECT RAISE(ABORT, 'a settled call is never changed');
END;

DROP VIEW priced_call;
CREATE VIEW priced_call AS
    SELECT
        call.id, key, pbx, payer, dialled, trunk, answered_at, ended_at, cause, outcome, source, cut_by, evidence,
        call.account, status, kind, number, person, note, in_trunk, account_code,
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
        CASE WHEN run IS NULL THEN call.adjustment ELSE newest.adjustment END AS adjustment,
        run, posted_at, settled_at, began_at, invoiced
    FROM call LEFT JOIN rerated_call AS newest
    ON newest.account = call.account AND newest.call = call.id AND newest.run = (
        SELECT max(other.run) FROM rerated_call AS other WHERE other.account = call.account AND other.call = call.id
    );
