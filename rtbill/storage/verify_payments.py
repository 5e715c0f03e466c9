"""Proofs about top-ups: each is credited once if it was paid, and what went back is booked."""

from __future__ import annotations

# ruff: noqa: S608 - the statements are put together from constants of this module
_CREDIT_KEY = (
    "top_up.gateway || ':' || coalesce(nullif(top_up.provider_id, ''), top_up.reference)"
    " || ':credit'"
)
_PAID = "top_up.state IN ('approved', 'reversed')"

PAYMENT_PROOFS: tuple[tuple[str, str], ...] = (
    (
        "top-up {0} of {1} is {2} and has no credit of {3} micros",
        f"""
        SELECT reference, top_up.account, state, top_up.amount_micros FROM top_up
        LEFT JOIN transfer ON transfer.key = {_CREDIT_KEY} AND transfer.kind = 'top-up'
            AND transfer.credit = top_up.account AND transfer.debit = 'clearing:' || top_up.gateway
            AND transfer.amount_micros = top_up.amount_micros
            AND transfer.currency = top_up.currency
        WHERE {_PAID} AND transfer.id IS NULL
        """,
    ),
    (
        "transfer {0} credits a top-up to {1} that was not paid",
        f"""
        SELECT key, account FROM transfer
        WHERE kind = 'top-up' AND substr(debit, 1, 9) = 'clearing:'
            AND key NOT IN (SELECT {_CREDIT_KEY} FROM top_up WHERE {_PAID})
        """,
    ),
    (
        "{0}: payments and what went back make {1} micros with {2}, its transfers make {3}",
        f"""
        WITH paid AS (
            SELECT gateway, currency, account, sum(amount_micros - reversed_micros) AS micros
            FROM top_up WHERE {_PAID} GROUP BY gateway, currency, account
        ),
        moved AS (
            SELECT substr(own, instr(own, ':') + 1) AS gateway, currency, account,
                sum(micros) AS micros
            FROM (
                SELECT iif(debit = account, credit, debit) AS own, currency, account,
                    iif(debit = account, -amount_micros, amount_micros) AS micros
                FROM transfer WHERE kind IN ('top-up', 'refund', 'dispute')
            ) WHERE substr(own, 1, 9) = 'clearing:' OR substr(own, 1, 19) = 'dispute receivable:'
            GROUP BY 1, 2, 3
        )
        SELECT account, coalesce(paid.micros, 0), gateway, coalesce(moved.micros, 0)
        FROM (
            SELECT gateway, currency, account FROM paid
            UNION SELECT gateway, currency, account FROM moved
        )
        LEFT JOIN paid USING (gateway, currency, account)
        LEFT JOIN moved USING (gateway, currency, account)
        WHERE coalesce(paid.micros, 0) <> coalesce(moved.micros, 0)
        """,
    ),
    (
        "of top-up {0}, {1} micros went back, its refunds and disputes make {2}",
        """
        SELECT reference, reversed_micros, coalesce(booked, 0) FROM top_up
        LEFT JOIN (SELECT top_up, sum(booked_micros) AS booked FROM reversal GROUP BY top_up)
        ON top_up = reference
        WHERE reversed_micros <> coalesce(booked, 0)
        """,
    ),
    (
        "{1} {0} is {2} and {3} micros of it are booked",
        f"""
        SELECT key, kind, stage, booked_micros FROM reversal JOIN top_up ON reference = top_up
        WHERE booked_micros <> iif(
            {_PAID} AND stage IN ('wanted', 'pending', 'done', 'withdrawn'),
            reversal.amount_micros, 0
        )
        """,
    ),
    (
        "top-up {0} is {1}, of which {2} micros went back",
        f"""
        SELECT reference, state, reversed_micros FROM top_up
        WHERE (state = 'reversed') <> (reversed_micros >= amount_micros)
            OR NOT {_PAID} AND reversed_micros > 0
        """,
    ),
    (
        "account {0} has {1} top-ups under way",
        """
        SELECT account, count(*) AS under_way FROM top_up NOT INDEXED
        WHERE state NOT IN ('approved', 'declined', 'cancelled', 'reversed')
        GROUP BY account HAVING under_way > 1
        """,
    ),
    (
        "top-up {0} is {1} after {2} steps, its steps are {3} and end {4}",
        """
        WITH last AS (
            SELECT reference, max(number) AS number, count(*) AS steps FROM top_up_event
            GROUP BY reference
        )
        SELECT top_up.reference, state, top_up.steps, coalesce(last.steps, 0),
            coalesce(after, 'nowhere')
        FROM top_up LEFT JOIN last USING (reference)
        LEFT JOIN top_up_event ON top_up_event.reference = top_up.reference
            AND top_up_event.number = last.number
        WHERE top_up.steps IS NOT last.number OR last.steps <> last.number
            OR after <> state
        """,
    ),
    (
        "step {1} of top-up {0} begins {2}, the one before it ended {3}",
        """
        SELECT reference, number, before, ended FROM (
            SELECT reference, number, before,
                lag(after) OVER (PARTITION BY reference ORDER BY number) AS ended
            FROM top_up_event
        ) WHERE number > 1 AND before IS NOT ended
        """,
    ),
    (
        "top-up {0} is in {1}, its account {2} is kept in {3}",
        """
        SELECT reference, top_up.currency, account.id, account.currency
        FROM top_up JOIN account ON account.id = top_up.account
        WHERE top_up.currency <> account.currency
        """,
    ),
    (
        "account {0} has grace of {1} micros and no top-up under way",
        """
        SELECT id, grace_micros FROM account WHERE grace_micros <> 0 AND NOT EXISTS (
            SELECT 1 FROM top_up WHERE top_up.account = account.id
                AND state NOT IN ('approved', 'declined', 'cancelled', 'reversed')
        )
        """,
    ),
)
"""As in rtbill.storage.verify."""
