"""Proofs about runs that priced calls again: every newer price follows the one before it, and its
transfers are exactly the difference.
"""

from __future__ import annotations

RERATING_PROOFS: tuple[tuple[str, str], ...] = (
    (
        "run {1} takes call {0} from {2} micros, but it cost {3}",
        """
        SELECT key, run, old_micros, before FROM (
            SELECT call.key, run, old_micros, lag(newer.price_micros, 1, call.price_micros)
                OVER (PARTITION BY newer.call ORDER BY run) AS before
            FROM rerated_call AS newer JOIN call ON call.id = newer.call
        ) WHERE old_micros IS NOT before
        """,
    ),
    (
        "run {1} did not post the price of call {0} as it says",
        """
        SELECT call.key, run FROM rerated_call AS newer
        JOIN call ON call.id = newer.call
        LEFT JOIN transfer AS back ON back.id = reversal
        LEFT JOIN transfer AS first ON first.key = back.reverses
        LEFT JOIN transfer AS new ON new.id = posting
        WHERE newer.account <> call.account
            OR new.call IS NOT NULL AND new.call <> call.key
            OR back.call IS NOT NULL AND (
                back.call <> call.key OR back.kind <> 'reversal'
                OR back.amount_micros <> old_micros - old_bundle_micros
                OR first.amount_micros IS NOT old_micros - old_bundle_micros
                OR first.call IS NOT call.key OR first.debit IS NOT back.credit
                OR first.credit IS NOT back.debit
            )
            OR CASE new.kind
                WHEN 'adjustment' THEN back.id IS NOT NULL
                    OR new.amount_micros <> abs(
                        newer.price_micros - newer.bundle_micros - old_micros + old_bundle_micros
                    )
                WHEN 'call' THEN new.amount_micros <> newer.price_micros - newer.bundle_micros
                    OR (back.id IS NULL AND old_micros > old_bundle_micros)
                ELSE CASE
                    WHEN back.id IS NOT NULL THEN newer.price_micros > newer.bundle_micros
                    ELSE newer.price_micros - newer.bundle_micros <> old_micros - old_bundle_micros
                        OR call.invoiced IS NULL AND newer.price_micros > newer.bundle_micros
                END
            END
        """,
    ),
    (
        "transfer {0} is taken back {1} times",
        "SELECT reverses, count(*) FROM transfer WHERE kind = 'reversal'"
        " GROUP BY reverses HAVING count(*) > 1",
    ),
    (
        "transfer {0} takes back or adjusts a call, but belongs to no run",
        """
        SELECT key FROM transfer WHERE kind IN ('reversal', 'adjustment') AND id NOT IN (
            SELECT reversal FROM rerated_call WHERE reversal IS NOT NULL
            UNION ALL SELECT posting FROM rerated_call WHERE posting IS NOT NULL
        )
        """,
    ),
    (
        "run {0} is {1} with {2} calls done, the books hold {3}",
        """
        SELECT id, state, done, coalesce(calls, 0)
        FROM rerating LEFT JOIN (SELECT run, count(*) AS calls FROM rerated_call GROUP BY run)
        ON run = id WHERE done <> coalesce(calls, 0)
        """,
    ),
    (
        # Where bundles pay, what live calls draw while the run is at work may come between.
        "run {0} changed {2} calls of {1} from {3} to {4} micros, its dry run said otherwise",
        """
        SELECT run, account, calls, olds, news FROM (
            SELECT run, call.account, count(*) AS calls,
                sum(old_micros - old_bundle_micros) AS olds,
                sum(newer.price_micros - newer.bundle_micros) AS news
            FROM rerated_call AS newer JOIN call ON call.id = newer.call GROUP BY run, call.account
        ) LEFT JOIN rerating_account AS told USING (run, account)
        WHERE told.is_done IS NOT 0
            AND account NOT IN (SELECT account FROM allowance_account)
            AND (calls, olds, news) IS NOT (told.changed, told.old_micros, told.new_micros)
        """,
    ),
)
"""As `rtbill.storage.verify.PROOFS`."""
