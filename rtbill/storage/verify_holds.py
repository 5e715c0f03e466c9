"""Proofs about holds: what is open follows from the steps, and each hold ends once."""

from __future__ import annotations

HOLD_PROOFS: tuple[tuple[str, str], ...] = (
    (
        "hold {0} of {1} is not as its last step left it",
        """
        WITH last AS (
            SELECT hold, account, step, call, micros, granted_s, is_final, opened_at FROM hold_event
            WHERE id IN (SELECT max(id) FROM hold_event GROUP BY hold, opened_at)
        )
        SELECT key, open_hold.account FROM open_hold
        LEFT JOIN last ON last.hold = open_hold.key AND last.opened_at = open_hold.opened_at
        WHERE last.hold IS NULL OR last.step IN ('post', 'release', 'expire')
            OR last.account <> open_hold.account OR last.micros <> open_hold.micros
            OR last.granted_s <> open_hold.granted_s OR last.call IS NOT open_hold.call
        UNION ALL
        SELECT hold, last.account FROM last LEFT JOIN open_hold
        ON last.hold = open_hold.key AND last.opened_at = open_hold.opened_at
        WHERE last.step NOT IN ('post', 'release', 'expire') AND open_hold.key IS NULL
        """,
    ),
    (
        "hold {0} of {1} ended {2} times",
        """
        SELECT hold, account, sum(step IN ('post', 'release', 'expire')) AS ends FROM hold_event
        GROUP BY hold, opened_at HAVING ends > 1
        """,
    ),
    (
        "hold {0} of {1} went on without a beginning, or began {2} times",
        """
        SELECT hold, account, sum(step = 'open') AS begins FROM hold_event
        GROUP BY hold, opened_at HAVING begins <> 1
        """,
    ),
)
"""As in rtbill.storage.verify."""
