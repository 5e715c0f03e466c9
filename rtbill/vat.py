"""The tax of what moved is booked soon after: by the clock, never in a call's way.

The books of money are in order and never changed, so their tax can follow them: a closing reads the
movements since the last one, and writes entries, the taxed part of balances, and how far it is, in
one transaction. Another closing, or a crash, finds it done or not begun.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from balance.vat import Closing, takes_back
from rtbill.alarms import Alarms
from rtbill.domain.errors import Conflict, PortFailed
from rtbill.domain.vat import Movement, SetVatTerms, Undone, VatClosing, VatTerms
from rtbill.ports import Clock, Store
from rtbill.vat_books import VatReader

CLOSE_S = 10.0
SLICE = 200
"""Movements of one closing, before calls get their turn."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VatBook:
    """Books tax for as long as the site has terms of it."""

    store: Store
    reader: VatReader
    alarms: Alarms
    clock: Clock
    zone: tzinfo
    """Of the site: a day of the tax return."""
    wanted: VatTerms | None
    """As the configuration says; its number and beginning are given here."""

    async def serve(self) -> None:
        """Take up the terms, then close for ever."""
        while True:
            try:
                await self.close()
            except (PortFailed, Conflict) as error:
                self.alarms.raise_("vat", "books", f"tax cannot be booked just now: {error}")
            except Exception:  # what is reckoned afterwards must never end what bills
                _logger.exception("tax cannot be booked")
                text = "tax cannot be booked; the log says where rtbill failed"
                self.alarms.raise_("vat", "books", text)
            else:
                self.alarms.clear("vat", "books")
            await self.clock.sleep(CLOSE_S)

    async def close(self) -> int:
        """Take up the terms that are wanted now, and book all that moved, each by the terms that
        held then; how many movements that were. PortFailed, Conflict: later.
        """
        known = await self.reader.vat_terms()
        if await self._take_up(known[-1] if known else None):
            known = await self.reader.vat_terms()
        return await self._close(known) if known else 0

    async def _take_up(self, known: VatTerms | None) -> bool:
        """Whether other terms hold from now on."""
        if self.wanted is None:
            if known is not None:
                text = (
                    "[payments] does not say any more how tax is booked; it is booked as "
                    f"{known.confirmed_by} confirmed on {known.confirmed_on} until it does"
                )
                self.alarms.raise_("vat", "terms", text)
            return False
        self.alarms.clear("vat", "terms")
        if known is not None and known.says_as(self.wanted):
            return False
        number = 1 if known is None else known.number + 1
        terms = replace(self.wanted, number=number, since=self.clock.now())
        await self.store.change(SetVatTerms(terms))
        return True

    async def _close(self, terms: Sequence[VatTerms]) -> int:
        after, _ = await self.reader.vat_closed()
        closed = 0
        while page := await self.reader.vat_movements(after, SLICE):
            held = _held(terms, page[0])
            slice_ = _first_slice([each for each in page if _held(terms, each) is held])
            await self.store.change(await self._closing(held, after, slice_))
            after = slice_[-1].row
            closed += len(slice_)
        return closed

    async def _closing(
        self, terms: VatTerms, after: int, movements: Sequence[Movement]
    ) -> VatClosing:
        accounts = sorted({each.account for each in movements})
        closing = Closing(terms, self.zone, await self.reader.taxed_credits(accounts))
        for each in movements:
            undone: Undone | None = None
            if takes_back(each):
                assert each.reverses is not None
                undone = await self.reader.vat_undone(each.reverses)
            closing.add(each, undone)
        return VatClosing(
            after=after,
            upto=movements[-1].row,
            entries=closing.entries,
            credits=closing.credits,
        )


def _first_slice(page: Sequence[Movement]) -> Sequence[Movement]:
    """What of the page may be closed together: what is taken back must be in the books before."""
    for place, each in enumerate(page):
        if place and takes_back(each):
            return page[:place]
    return page


def _held(terms: Sequence[VatTerms], movement: Movement) -> VatTerms:
    """Those that hold for the movement."""
    return next(each for each in reversed(terms) if each.after < movement.row)
