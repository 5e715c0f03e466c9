"""Proofs about tax: what waits in `VAT deferred` is what is in the balances, and what became due is
that of the top-ups.
"""

from __future__ import annotations

# ruff: noqa: S608 - the statements are put together from constants of this module
_OUTPUT = "'VAT output'"
_DEFERRED = "'VAT deferred'"

VAT_PROOFS: tuple[tuple[str, str], ...] = (
    (
        "{1} micros of tax wait in VAT deferred in {0}, in the balances are {2}",
        f"""
        WITH booked AS (
            SELECT currency, sum(iif(debit = {_DEFERRED}, micros, -micros)) AS micros
            FROM vat_entry WHERE {_DEFERRED} IN (debit, credit) GROUP BY currency
        ),
        held AS (
            SELECT currency, sum(vat_micros) AS micros
            FROM vat_credit JOIN account ON account.id = vat_credit.account GROUP BY currency
        )
        SELECT currency, coalesce(booked.micros, 0), coalesce(held.micros, 0)
        FROM (SELECT currency FROM booked UNION SELECT currency FROM held)
        LEFT JOIN booked USING (currency) LEFT JOIN held USING (currency)
        WHERE coalesce(booked.micros, 0) <> coalesce(held.micros, 0)
        """,
    ),
    (
        "{1} micros of account {0} are called taxed, its balance was {2}",
        """
        SELECT held.account, taxed_micros, coalesce((
            SELECT balance_after_micros FROM transfer, vat_closed
            WHERE transfer.account = held.account AND transfer.id <= upto
            ORDER BY version DESC LIMIT 1
        ), 0) AS left_micros
        FROM vat_credit AS held WHERE taxed_micros > max(left_micros, 0)
        """,
    ),
    (
        "tax {0} of {1} micros is booked with {2}, which moves {3}",
        """
        SELECT vat_entry.id, gross_micros, belongs_to, coalesce(amount_micros, 'nothing')
        FROM vat_entry LEFT JOIN transfer ON transfer.key = belongs_to
        WHERE belongs_to IS NOT NULL AND (
            amount_micros IS NOT gross_micros OR transfer.currency <> vat_entry.currency
            OR transfer.id > vat_entry.upto OR transfer.reverses IS NOT vat_entry.reverses
        )
        """,
    ),
    (
        "tax {0} is {1} micros of {2}",
        "SELECT id, micros, gross_micros FROM vat_entry"
        " WHERE belongs_to IS NOT NULL AND micros >= gross_micros",
    ),
    (
        "the tax of {0} is booked {1} times",
        "SELECT belongs_to, count(*) FROM vat_entry WHERE belongs_to IS NOT NULL"
        " GROUP BY belongs_to HAVING count(*) > 1",
    ),
    (
        "of {0}, more tax was taken back than became due: {1} micros are left",
        f"""
        SELECT own.belongs_to, own.micros - sum(back.micros) + coalesce((
            SELECT sum(again.micros) FROM vat_entry AS again WHERE again.reverses IN (
                SELECT belongs_to FROM vat_entry WHERE reverses = own.belongs_to
            )
        ), 0) AS left_micros
        FROM vat_entry AS own JOIN vat_entry AS back ON back.reverses = own.belongs_to
        WHERE own.credit = {_OUTPUT} AND own.reverses IS NULL
        GROUP BY own.belongs_to HAVING left_micros < 0
        """,
    ),
    (
        "tax is booked up to movement {0}, there are {1}",
        "SELECT upto, (SELECT coalesce(max(id), 0) FROM transfer) AS newest FROM vat_closed"
        " WHERE upto > newest OR upto < (SELECT min(after_row) FROM vat_terms)",
    ),
    (
        "tax is booked and nobody said how",
        "SELECT 1 FROM vat_entry WHERE NOT EXISTS (SELECT 1 FROM vat_terms) LIMIT 1",
    ),
)
