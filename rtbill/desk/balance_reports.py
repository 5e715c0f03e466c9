"""The balance of an account by somebody else's books: ours is brought to it by a correction.

What was posted up to the reported instant is taken to be counted there; what was posted later, and
what calls in progress hold, is not, and stays as it is. Corrections made for earlier reports are
always counted: they only followed the other books.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from balance import ledger
from rtbill.billing import Billing
from rtbill.domain.changes import ReportBalance
from rtbill.domain.errors import BadRecord
from rtbill.domain.ledger import TransferKind
from rtbill.domain.money import EXPONENTS, decimal_text, parse_micros
from rtbill.domain.outside import BalanceReport
from rtbill.feed import Feed
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, PostedTransfer, Reader, Store

REASON = "balance reported by the outside billing package"
_KEY = "balance"
_AFTER = timedelta(microseconds=1)

Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class BooksReader(Reader, Feed, Protocol):
    """What reads the books also reads them in the order of posting."""


class BalanceReports:
    """Carries out one report at a time."""

    def __init__(
        self, *, billing: Billing, store: Store, reader: BooksReader, clock: Clock, wording: Wording
    ) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wording = wording
        self._alone = asyncio.Lock()

    async def order(self, arguments: Arguments) -> Answer:
        """What was corrected. BadRecord when the instant is to come; Conflict when a newer balance,
        or another one of that instant, was reported before.
        """
        terms = self._billing.directory.account(str(arguments["account"]))
        micros = parse_micros(str(arguments["balance"]))
        as_of = self._wording.sure_instant(str(arguments["as_of"]))
        if as_of > self._clock.now():
            raise BadRecord(f"as_of {as_of.isoformat()} is to come; report a balance that was")
        report = BalanceReport(terms.id, as_of, micros)
        async with self._alone:
            # Durable first: the report itself waits behind all that was posted before it, so that
            # everything up to its instant can be read afterwards.
            await self._store.change(ReportBalance(report))
            change = await self._correct(report)
        digits = EXPONENTS[terms.currency]
        return {
            "account": terms.id,
            "currency": terms.currency,
            "reported": decimal_text(micros, digits),
            "correction": decimal_text(change, digits),
            "balance": decimal_text(self._billing.directory.state(terms.id).balance_micros, digits),
        }

    async def _correct(self, report: BalanceReport) -> int:
        """By how much the balance was changed for this report, now or the first time."""
        key = f"{_KEY}:{report.account}:{report.as_of.isoformat()}"
        made = await self._reader.transfers_by_key([ledger.credit_key(key)])
        if (first := made.get(ledger.credit_key(key))) is not None:
            return first.change_micros
        change = report.micros - await self._balance_at(report)
        if change:
            await self._billing.credit(report.account, change, key, REASON, is_correction=True)
        return change

    async def _balance_at(self, report: BalanceReport) -> int:
        """What ours was as of the report, corrections for earlier ones counted."""
        later = await self._reader.transfers(report.account, report.as_of + _AFTER, None)
        if not later:
            newest = await self._reader.newest_transfer(report.account)
            return newest.transfer.balance_after_micros if newest else 0
        first = later[0].transfer
        opening = first.balance_after_micros - first.change_micros
        return opening + sum(each.transfer.change_micros for each in later if _is_own(each))


def _is_own(posted: PostedTransfer) -> bool:
    """Whether it was made for an earlier report."""
    transfer = posted.transfer
    is_report = transfer.key.startswith(ledger.credit_key(f"{_KEY}:"))
    return is_report and transfer.kind is TransferKind.CORRECTION and transfer.reason == REASON
