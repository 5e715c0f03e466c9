"""Booking tax goes on whatever happens, and says when it cannot."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from rtbill.alarms import Alarms
from rtbill.domain.changes import Change, CreateAccount
from rtbill.domain.errors import Unavailable
from rtbill.domain.vat import VatClosing
from rtbill.vat import CLOSE_S, VatBook
from tests.contract.test_vat import TERMS
from tests.fakes.books import an_account, credit
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_clock import VirtualClock


class Broken(MemoryStore):
    """Closings fail while `error` is set."""

    error: Exception | None = None

    async def change(self, change: Change) -> None:
        if isinstance(change, VatClosing) and self.error is not None:
            raise self.error
        await super().change(change)


async def test_what_cannot_be_booked_is_an_alarm_until_it_is_booked() -> None:
    clock = VirtualClock()
    store = Broken(clock)
    alarms = Alarms(clock)
    book = VatBook(
        store=store,
        reader=store,
        alarms=alarms,
        clock=clock,
        zone=ZoneInfo("Europe/Berlin"),
        wanted=TERMS,
    )
    await store.change(CreateAccount(an_account()))
    await book.close()
    store.error = Unavailable("the disk is full")
    await store.submit(credit("one"))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(book.serve())
        await clock.advance(0)
        [alarm] = alarms.active()
        assert (alarm.kind, alarm.subject) == ("vat", "books")
        assert "the disk is full" in alarm.text
        store.error = RuntimeError("a mistake of ours")
        await clock.advance(CLOSE_S)
        [alarm] = alarms.active()
        assert "the log says where rtbill failed" in alarm.text
        store.error = None
        await clock.advance(CLOSE_S)
        assert alarms.active() == []
        assert await store.vat_closed() == (1, 0)
        serving.cancel()
