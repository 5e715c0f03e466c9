"""Prove the books from the file alone: sums, chains and pairs, recomputed by other statements than
the ones that wrote them.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from rtbill.storage.migrate import check_usable
from rtbill.storage.sqlite import open_reader
from rtbill.storage.verify_bundles import BUNDLE_PROOFS
from rtbill.storage.verify_holds import HOLD_PROOFS
from rtbill.storage.verify_payments import PAYMENT_PROOFS
from rtbill.storage.verify_rerating import RERATING_PROOFS
from rtbill.storage.verify_vat import VAT_PROOFS

_EXAMPLES_MAX = 20
"""Rows shown of one kind of problem; the rest are counted."""

# ruff: noqa: S608 - the statements are put together from constants of this module
_SIGNED = """
    WITH half AS (
        SELECT debit AS account, currency, -amount_micros AS micros FROM transfer
        UNION ALL SELECT credit, currency, amount_micros FROM transfer
    ),
    summed AS (
        SELECT account, currency, sum(micros) AS micros, count(*) AS transfers
        FROM half GROUP BY account, currency
    )
"""

PROOFS: tuple[tuple[str, str], ...] = (
    (
        "balance of {0} in {1} is {2} micros, its entries make {3}",
        _SIGNED
        + """
        SELECT account, currency, balance.micros, coalesce(summed.micros, 0)
        FROM balance LEFT JOIN summed USING (account, currency)
        WHERE balance.micros <> coalesce(summed.micros, 0)
        """,
    ),
    (
        "{0} has entries in {1} but no balance",
        _SIGNED
        + """
        SELECT account, currency FROM summed LEFT JOIN balance USING (account, currency)
        WHERE balance.micros IS NULL
        """,
    ),
    (
        "{0} is at version {1}, but has {2} transfers",
        _SIGNED
        + """
        SELECT account, version, coalesce(transfers, 0)
        FROM balance LEFT JOIN summed USING (account, currency)
        WHERE version <> coalesce(transfers, 0)
        """,
    ),
    (
        "all entries in {0} make {1} micros instead of zero",
        "SELECT currency, sum(amount_micros) FROM entry GROUP BY currency"
        " HAVING sum(amount_micros) <> 0",
    ),
    (
        "all balances in {0} make {1} micros instead of zero",
        "SELECT currency, sum(micros) FROM balance GROUP BY currency HAVING sum(micros) <> 0",
    ),
    (
        "account {0} has {1} transfers numbered {2} to {3}: there are gaps",
        """
        SELECT account, count(*), min(version), max(version) FROM transfer GROUP BY account
        HAVING min(version) <> 1 OR max(version) <> count(*) OR count(DISTINCT version) <> count(*)
        """,
    ),
    (
        "transfer {0} says {1} micros are left, the one before it makes {2}",
        """
        SELECT key, balance_after_micros, due FROM (
            SELECT key, balance_after_micros,
                lag(balance_after_micros, 1, 0) OVER (PARTITION BY account ORDER BY version)
                + CASE WHEN account = debit THEN -amount_micros ELSE amount_micros END AS due
            FROM transfer
        ) WHERE balance_after_micros <> due
        """,
    ),
    (
        "transfer {0} is in {1}, its account {2} is kept in {3}",
        """
        SELECT key, transfer.currency, account.id, account.currency
        FROM transfer JOIN account ON account.id = transfer.account
        WHERE transfer.currency <> account.currency
        """,
    ),
    (
        "transfer {0} of {1} micros is not between its account and the biller's own side",
        """
        SELECT key, amount_micros FROM transfer
        WHERE amount_micros <= 0 OR debit = credit OR account NOT IN (debit, credit)
            OR (debit IN (SELECT id FROM account) AND credit IN (SELECT id FROM account))
        """,
    ),
    (
        "call {0} owes {1} micros, but was debited {2} times, in all {3} micros",
        """
        SELECT priced_call.key, price_micros - bundle_micros, coalesce(debits, 0),
            coalesce(micros, 0)
        FROM priced_call LEFT JOIN (
            SELECT call AS key, min(account) AS account, min(currency) AS currency,
                sum(kind = 'call') AS debits, count(DISTINCT account) AS accounts,
                sum(CASE WHEN debit = account THEN amount_micros ELSE -amount_micros END) AS micros
            FROM transfer WHERE call IS NOT NULL GROUP BY call
        ) AS debit
        ON debit.key = priced_call.key
        WHERE price_micros > bundle_micros AND (
            debits IS NULL OR micros <> price_micros - bundle_micros OR accounts <> 1
            OR debits <> (
                SELECT call.price_micros > call.bundle_micros FROM call
                WHERE call.id = priced_call.id
            ) + (
                SELECT count(*) FROM rerated_call JOIN transfer ON transfer.id = posting
                WHERE rerated_call.account = priced_call.account
                    AND rerated_call.call = priced_call.id AND transfer.kind = 'call'
            )
            OR debit.account <> priced_call.account OR debit.currency <> priced_call.currency
        )
        """,
    ),
    (
        "call {0} owes nothing, but its transfers make {1} micros",
        """
        SELECT priced_call.key, sum(CASE WHEN debit = transfer.account THEN 1 ELSE -1 END
            * amount_micros) AS micros
        FROM priced_call JOIN transfer ON transfer.call = priced_call.key
        WHERE coalesce(price_micros, 0) - bundle_micros <= 0
        GROUP BY priced_call.key HAVING micros <> 0
        """,
    ),
    (
        "transfer {0} debits call {1}, which is {2}",
        """
        SELECT transfer.key, transfer.call, coalesce(status || ' without a price', 'unknown')
        FROM transfer LEFT JOIN call ON call.key = transfer.call
        WHERE transfer.call IS NOT NULL AND status IS NOT 'rated'
            OR transfer.kind = 'call' AND coalesce(call.price_micros, 0) = call.bundle_micros
                AND transfer.id NOT IN (SELECT posting FROM rerated_call WHERE posting IS NOT NULL)
        """,
    ),
    (
        "call {0} is {1} with a price of {2}",
        """
        SELECT key, status, coalesce(price_micros, 'nothing') FROM call
        WHERE (status = 'rated') <> (price_micros IS NOT NULL) OR price_micros < 0
        """,
    ),
    (
        "call {0} of {1} micros has {2} micros of tax",
        """
        SELECT key, coalesce(price_micros, 0), tax_micros FROM call
        WHERE tax_micros > coalesce(price_micros, 0)
        """,
    ),
    (
        "call {0} is priced by version {2} of price plan {1}, which the books do not hold",
        """
        SELECT key, plan, plan_version FROM call
        WHERE plan <> '' AND NOT EXISTS (
            SELECT 1 FROM price_plan WHERE name = call.plan AND version = call.plan_version
        )
        """,
    ),
    (
        "call {0} stands in the books {1} times",
        "SELECT key, count(*) FROM call NOT INDEXED GROUP BY key HAVING count(*) > 1",
    ),
    (
        "transfer {0} stands in the books {1} times",
        "SELECT key, count(*) FROM transfer NOT INDEXED GROUP BY key HAVING count(*) > 1",
    ),
    (
        "{1} calls are counted as {0}, the books hold {2}",
        """
        WITH found AS (SELECT status, count(*) AS calls FROM call GROUP BY status)
        SELECT status, coalesce(call_count.calls, 0), coalesce(found.calls, 0)
        FROM (SELECT status FROM found UNION SELECT status FROM call_count)
        LEFT JOIN found USING (status) LEFT JOIN call_count USING (status)
        WHERE coalesce(call_count.calls, 0) <> coalesce(found.calls, 0)
        """,
    ),
    (
        "extension {0}/{1} belongs to {2} and to {3} at the same time",
        """
        SELECT one.pbx, one.number, one.account, two.account
        FROM membership AS one JOIN membership AS two
        ON one.pbx = two.pbx AND one.number = two.number AND one.id < two.id
        WHERE (one.valid_until IS NULL OR two.valid_from < one.valid_until)
            AND (two.valid_until IS NULL OR one.valid_from < two.valid_until)
        """,
    ),
)
"""What to say of each row found, and the statement that finds only what is wrong."""


_FILE_PROOFS = (
    (
        "the file is damaged: {0}",
        "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    ),
    (
        "row {1} of {0} refers to a row of {2} that is not there",
        "SELECT * FROM pragma_foreign_key_check",
    ),
)


def verify(database: Path) -> list[str]:
    """Every problem of the books in a sentence; empty when they are proven. Reads only.

    Refused when the file cannot be opened, is not ours or is newer than this program.
    """
    with contextlib.closing(open_reader(database)) as connection:
        if check_usable(connection, str(database)) == 0:
            return [f"{database} is empty: it holds no books"]
        return problems_of(connection)


def problems_of(connection: sqlite3.Connection) -> list[str]:
    """As `verify`, on an open connection; all statements see the same instant."""
    problems: list[str] = []
    connection.execute("BEGIN")
    try:
        proofs = (
            *_FILE_PROOFS,
            *PROOFS,
            *RERATING_PROOFS,
            *BUNDLE_PROOFS,
            *HOLD_PROOFS,
            *PAYMENT_PROOFS,
            *VAT_PROOFS,
        )
        for sentence, query in proofs:
            try:
                problems += _sentences(sentence, connection.execute(query))
            except sqlite3.DatabaseError as error:
                # The others may still tell what is wrong.
                problems.append(f"the file cannot be read to its end: {error}")
    finally:
        connection.rollback()
    return list(dict.fromkeys(problems))


def _sentences(template: str, rows: sqlite3.Cursor) -> list[str]:
    sentences = [template.format(*row) for row in rows.fetchmany(_EXAMPLES_MAX)]
    more = sum(1 for _ in rows)
    if more:
        sentences.append(f"… and {more} more of this kind")
    return sentences
