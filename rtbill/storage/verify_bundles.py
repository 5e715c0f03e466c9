"""Proofs about bundles: a pool is the sum of what was drawn from it, and never more than it holds;
what bundles pay of a call is what the call drew.
"""

from __future__ import annotations

BUNDLE_PROOFS: tuple[tuple[str, str], ...] = (
    (
        "{2} are used of allowance {0} in the period {1}, its draws make {3}",
        """
        SELECT allowance, period, used, coalesce(drawn, 0) FROM pool LEFT JOIN (
            SELECT allowance, period, sum(amount) AS drawn FROM draw GROUP BY allowance, period
        ) USING (allowance, period) WHERE used <> coalesce(drawn, 0)
        """,
    ),
    (
        "{2} are used of allowance {0} in the period {1}, which holds {3}",
        """
        SELECT allowance, period, used, amount FROM pool
        JOIN allowance ON allowance.key = allowance JOIN bundle ON bundle.id = bundle
        WHERE used NOT BETWEEN 0 AND amount
        """,
    ),
    (
        "call {0} took {2} of allowance {1}: more was given back than taken",
        """
        SELECT call, allowance, sum(amount) FROM draw GROUP BY call, allowance, period
        HAVING sum(amount) < 0
        """,
    ),
    (
        "call {0} drew from allowance {1}, which its account {2} does not hold",
        """
        SELECT call.key, draw.allowance, call.account FROM draw JOIN call ON call.key = draw.call
        WHERE NOT EXISTS (
            SELECT 1 FROM allowance_account AS held
            WHERE held.account = call.account AND held.allowance = draw.allowance
        )
        """,
    ),
    (
        "call {0} drew {2} of allowance {1}, which holds another unit or currency",
        """
        SELECT call.key, draw.allowance, draw.unit FROM draw JOIN call ON call.key = draw.call
        JOIN allowance ON allowance.key = draw.allowance JOIN bundle ON bundle.id = bundle
        WHERE draw.unit <> bundle.unit OR call.currency IS NOT bundle.currency
        """,
    ),
    (
        "bundles pay {2} micros of call {0} as of run {1}, its draws make {3}",
        """
        WITH said AS (
            SELECT key, NULL AS run, bundle_micros FROM call
            UNION ALL
            SELECT key, run, newer.bundle_micros
            FROM rerated_call AS newer JOIN call ON call.id = newer.call
        )
        SELECT key, coalesce(run, 'none'), bundle_micros, drawn FROM (
            SELECT key, said.run, bundle_micros, (
                SELECT coalesce(sum(amount), 0) FROM draw
                WHERE draw.call = key AND unit = 'money' AND coalesce(draw.run, 0) <=
                    coalesce(said.run, 0)
            ) AS drawn FROM said
        ) WHERE bundle_micros <> drawn
        """,
    ),
    (
        "run {1} says that bundles paid {2} micros of call {0}, but they paid {3}",
        """
        SELECT key, run, old_bundle_micros, before FROM (
            SELECT call.key, run, old_bundle_micros,
                lag(newer.bundle_micros, 1, call.bundle_micros)
                OVER (PARTITION BY newer.call ORDER BY run) AS before
            FROM rerated_call AS newer JOIN call ON call.id = newer.call
        ) WHERE old_bundle_micros <> before
        """,
    ),
    (
        "call {0} is paid by bundles with {1} micros and costs {2}",
        """
        SELECT key, bundle_micros, coalesce(price_micros, 0) FROM priced_call
        WHERE bundle_micros > coalesce(price_micros, 0)
        """,
    ),
)
"""As `rtbill.storage.verify.PROOFS`."""
