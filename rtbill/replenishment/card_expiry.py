"""Holders hear that their card is about to expire: 30 days before its last day, and 7 (RP-05)."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from rtbill.domain.changes import PostNotices
from rtbill.domain.errors import PortFailed
from rtbill.domain.notice import Notice
from rtbill.domain.replenishment import KeptMethod
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Store

DAYS_BEFORE = (30, 7)
HOUR = time(9)
"""At the site, once a day; a restart after it tells nobody twice."""

_logger = logging.getLogger(__name__)


class CardExpiry:
    """Looks at every card once a day."""

    def __init__(self, store: Store, reader: PaymentReader, clock: Clock, zone: tzinfo) -> None:
        """Days are those of `zone`."""
        self._store = store
        self._reader = reader
        self._clock = clock
        self._zone = zone

    async def serve(self) -> None:
        """Tell for ever."""
        while True:
            due = self._next()
            await self._clock.sleep((due - self._clock.now()).total_seconds())
            try:
                await self.tell(due.astimezone(self._zone).date())
            except PortFailed as error:
                _logger.warning("cards that expire are not told of", extra={"why": str(error)})
            except Exception:
                _logger.exception("cards that expire are not told of")

    def _next(self) -> datetime:
        today = self._clock.now().astimezone(self._zone).date()
        days = (today, today + timedelta(days=1))
        times = [datetime.combine(day, HOUR, self._zone).astimezone(UTC) for day in days]
        return next(each for each in times if each > self._clock.now())

    async def tell(self, today: date) -> None:
        """Tell those whose card has 30 or 7 days left on this day."""
        notices: list[Notice] = []
        for days in DAYS_BEFORE:
            last = today + timedelta(days=days)
            if (last + timedelta(days=1)).day == 1:
                month = last.year, last.month
                cards = await self._reader.expiring_methods(month)
                notices += [
                    self._notice(each, last)
                    for each in cards
                    if each.is_usable and each.method.expires == month
                ]
        if notices:
            await self._store.change(PostNotices(tuple(notices)))

    def _notice(self, card: KeptMethod, last: date) -> Notice:
        label = card.method.label or card.method.kind
        details = (("method", label), ("month", f"{last:%Y-%m}"))
        text = f"{label} is good until {last:%Y-%m-%d}"
        return Notice("card.expiring", card.account, text, self._clock.now(), details)
