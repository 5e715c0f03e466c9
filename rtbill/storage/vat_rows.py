"""Tax in credit and calls: to rows and back, written and read."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.errors import Conflict
from rtbill.domain.ledger import REVENUE, VAT_OUTPUT, TransferKind
from rtbill.domain.vat import (
    CallTax,
    Movement,
    SetVatTerms,
    TaxedCredit,
    Undone,
    VatClosing,
    VatEntry,
    VatPoint,
    VatStanding,
    VatSum,
    VatTerms,
)
from rtbill.storage.bulk import Row, insert_rows

_T = TypeVar("_T")
_TERMS_COLUMNS = "number, since, after_row, point, percent_ppm, confirmed_by, confirmed_on"
_ENTRY_COLUMNS = (
    "day, debit, credit, micros, gross_micros, currency, rate, source, movements, "
    "belongs_to, reverses, upto"
)

# ruff: noqa: S608 - the only names put into these texts are constants of this module
_TERMS = f"SELECT {_TERMS_COLUMNS} FROM vat_terms ORDER BY number"
_CLOSED = "SELECT upto FROM vat_closed"
_NEWEST = "SELECT coalesce(max(id), 0) FROM transfer"
_BEHIND = """
    SELECT coalesce(max(upto), 0), (SELECT count(*) FROM transfer WHERE id > vat_closed.upto)
    FROM vat_closed
"""
# A call's own price never changes: one that was rated again has each newer price, and the row that
# took the older one back, in `rerated_call`.
_MOVEMENTS = """
    SELECT moved.id, moved.key, moved.kind, moved.account, account.kind = 'prepaid', account_class,
        iif(moved.debit = moved.account, moved.credit, moved.debit),
        iif(moved.debit = moved.account, -moved.amount_micros, moved.amount_micros),
        moved.balance_after_micros, moved.currency, moved.posted_at, moved.reverses,
        CASE WHEN newer.posting = moved.id THEN newer.tax_micros
            WHEN older.run IS NOT NULL THEN older.tax_micros ELSE call.tax_micros END,
        CASE WHEN newer.posting = moved.id THEN newer.price_micros
            WHEN older.run IS NOT NULL THEN older.price_micros ELSE call.price_micros END,
        CASE WHEN newer.posting = moved.id THEN newer.plan || ' ' || newer.plan_version
            WHEN older.run IS NOT NULL THEN older.plan || ' ' || older.plan_version
            ELSE call.plan || ' ' || call.plan_version END
    FROM transfer AS moved JOIN account ON account.id = moved.account
    LEFT JOIN call ON call.key = coalesce(
        moved.call, iif(substr(moved.key, 1, 9) = 'absorbed:', substr(moved.key, 10), NULL)
    )
    LEFT JOIN rerated_call AS newer ON newer.account = moved.account AND newer.call = call.id
        AND moved.id IN (newer.posting, newer.reversal)
    LEFT JOIN rerated_call AS older ON older.account = moved.account AND older.call = call.id
        AND older.run = (
            SELECT max(run) FROM rerated_call AS other
            WHERE other.account = moved.account AND other.call = call.id AND other.run < newer.run
        )
    WHERE moved.id > ? ORDER BY moved.id LIMIT ?
"""
_SIGNED = f"iif(credit = '{VAT_OUTPUT}', micros, -micros)"
_OF_OUTPUT = f"'{VAT_OUTPUT}' IN (debit, credit)"
_UNDONE = f"""
    WITH back AS (
        SELECT belongs_to AS key, gross_micros, micros FROM vat_entry
        WHERE reverses = ?1 AND {_OF_OUTPUT}
        UNION ALL SELECT belongs_to, -gross_micros, -micros FROM vat_entry
        WHERE reverses IN (SELECT belongs_to FROM vat_entry WHERE reverses = ?1) AND {_OF_OUTPUT}
    )
    SELECT amount_micros,
        coalesce((SELECT sum({_SIGNED}) FROM vat_entry WHERE belongs_to = ?1 AND {_OF_OUTPUT}), 0),
        coalesce((SELECT sum(gross_micros) FROM back), 0),
        coalesce((SELECT sum(micros) FROM back), 0),
        coalesce((SELECT min(rate) FROM vat_entry WHERE belongs_to = ?1 AND {_OF_OUTPUT}), '')
    FROM transfer WHERE key = ?1
"""
_CREDITS = "SELECT account, taxed_micros, vat_micros FROM vat_credit WHERE account IN ({})"
_SUMS = """
    SELECT debit, credit, source, rate, currency, sum(micros), sum(gross_micros), sum(movements)
    FROM vat_entry WHERE day >= ? AND day < ?
    GROUP BY debit, credit, source, rate, currency ORDER BY currency, source, rate, debit, credit
"""
_STANDINGS = """
    SELECT balance.currency, coalesce(sum(taxed_micros), 0), coalesce(sum(vat_micros), 0),
        sum(max(micros - coalesce(taxed_micros, 0), 0))
    FROM account JOIN balance ON balance.account = account.id
    LEFT JOIN vat_credit ON vat_credit.account = account.id
    WHERE account.kind = 'prepaid' GROUP BY balance.currency ORDER BY balance.currency
"""
_SET_CREDIT = "INSERT OR REPLACE INTO vat_credit (account, taxed_micros, vat_micros)"
_KEYS_MAX = 500


def change_vat(connection: sqlite3.Connection, change: SetVatTerms | VatClosing) -> None:
    """Write the change; Conflict when movements were closed that a closing does not know of."""
    match change:
        case SetVatTerms(terms):
            newest = connection.execute(_NEWEST).fetchone()[0]
            row = _terms_row(replace(terms, after=newest))
            insert_rows(connection, f"INSERT INTO vat_terms ({_TERMS_COLUMNS})", [row])
            connection.execute(
                "INSERT OR IGNORE INTO vat_closed (only, upto) VALUES (1, ?)", (newest,)
            )
        case VatClosing():
            known = connection.execute(_CLOSED).fetchone()
            if known is None or known[0] != change.after:
                raise Conflict("tax was booked by another closing")
            rows = [(*_entry_row(entry), change.upto) for entry in change.entries]
            insert_rows(connection, f"INSERT INTO vat_entry ({_ENTRY_COLUMNS})", rows)
            insert_rows(connection, _SET_CREDIT, [tuple(each) for each in change.credits])
            connection.execute("UPDATE vat_closed SET upto = ?", (change.upto,))


class VatRows(ABC):
    """Queries of a reader that can list rows."""

    @abstractmethod
    async def _list(
        self,
        convert: Callable[[Row], _T],
        query: str,
        *values: str | int | None,
        **named: str | int | None,
    ) -> list[_T]:
        """The rows of a query, as values."""

    async def vat_terms(self) -> Sequence[VatTerms]:
        """All that ever held, the newest last."""
        return await self._list(_terms_from, _TERMS)

    async def vat_closed(self) -> tuple[int, int]:
        """Row of the last movement whose tax is booked, and how many came after it."""
        [(upto, behind)] = await self._list(tuple, _BEHIND)
        return upto, behind or 0

    async def vat_movements(self, after: int, limit: int) -> Sequence[Movement]:
        """Those that follow this row, in the order of the books."""
        return await self._list(_movement_from, _MOVEMENTS, after, limit)

    async def vat_undone(self, key: str) -> Undone:
        """The transfer of this key and what was taken back of it, by the tax that is booked."""
        [found] = await self._list(lambda row: Undone(*row), _UNDONE, key)
        return found

    async def taxed_credits(self, accounts: Sequence[str]) -> Mapping[str, TaxedCredit]:
        """Those that these accounts have."""
        found: dict[str, TaxedCredit] = {}
        for start in range(0, len(accounts), _KEYS_MAX):
            part = accounts[start : start + _KEYS_MAX]
            query = _CREDITS.format(",".join("?" * len(part)))
            found |= {
                each.account: each
                for each in await self._list(lambda row: TaxedCredit(*row), query, *part)
            }
        return found

    async def vat_sums(self, since: date, until: date) -> Sequence[VatSum]:
        """Entries of [since, until) added up."""
        bounds = since.isoformat(), until.isoformat()
        return await self._list(lambda row: VatSum(*row), _SUMS, *bounds)

    async def vat_standings(self) -> Sequence[VatStanding]:
        """What is in the balances now, by currency."""
        return await self._list(lambda row: VatStanding(*row), _STANDINGS)


def _terms_row(terms: VatTerms) -> Row:
    return (
        terms.number,
        epoch_us(terms.since),
        terms.after,
        terms.point.value,
        terms.percent_ppm,
        terms.confirmed_by,
        terms.confirmed_on.isoformat(),
    )


def _terms_from(row: Row) -> VatTerms:
    return VatTerms(
        number=row[0],
        since=from_epoch_us(row[1]),
        after=row[2],
        point=VatPoint(row[3]),
        percent_ppm=row[4],
        confirmed_by=row[5],
        confirmed_on=date.fromisoformat(row[6]),
    )


def _entry_row(entry: VatEntry) -> Row:
    return (entry.day.isoformat(), *entry[1:])


def _movement_from(row: Row) -> Movement:
    return Movement(
        row=row[0],
        key=row[1],
        kind=TransferKind(row[2]),
        account=row[3],
        is_prepaid=bool(row[4]),
        revenue=f"{REVENUE}:{row[5]}",
        own_side=row[6],
        change_micros=row[7],
        balance_after_micros=row[8],
        currency=row[9],
        posted_at=from_epoch_us(row[10]),
        reverses=row[11],
        tax=CallTax(row[12], row[13], row[14] or "") if row[12] else None,
    )
