"""Mail and outbox together, by the clock: order, patience, and nobody waits for somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

from rtbill import dispatch
from rtbill.alarms import Alarms
from rtbill.domain.changes import CreateAccount, PostNotices, SetContact
from rtbill.domain.contact import Contact, Language
from rtbill.domain.notice import Notice
from rtbill.notify.letters import Letters
from rtbill.notify.mail import MailNotifier, MailTerms
from rtbill.notify.smtp import Refusal
from tests.fakes.books import an_account
from tests.fakes.environment import CountingMeter
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_clock import VirtualClock, settle
from tests.unit.notify.test_mail import FakeConnection

LENA, TOMAS = "lena@example.org", "tomas@example.org"


async def at_once(written: Callable[..., bytes], *about: object) -> bytes:
    """In place of a thread, which knows nothing of our clock."""
    return written(*about)


class MailOutbox:
    """Two holders, a mail server, and an outbox in between."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        self.alarms = Alarms(self.clock)
        self.connection = FakeConnection()
        self.notifier = MailNotifier(
            terms=MailTerms(
                site="Hall",
                sender="rtbill@example.org",
                bounces_to="rtbill@example.org",
                operators=(),
                operator_kinds=frozenset(),
                language=Language.EN,
                give_up=timedelta(hours=6),
            ),
            letters=Letters("Hall", ZoneInfo("Europe/Berlin")),
            connection=self.connection,
            reader=self.store,
            store=self.store,
            alarms=self.alarms,
            clock=self.clock,
            meter=CountingMeter(),
            aside=at_once,
        )

    async def low(self, account: str, left: str) -> None:
        details = (("available", left), ("currency", "EUR"))
        notice = Notice("balance.low", account, "", self.clock.now(), details)
        await self.store.change(PostNotices((notice,)))

    def arrived(self) -> list[str]:
        """`lena 0.95` for each mail, in order."""
        return [
            f"{mail['To'].partition('@')[0]} {mail['Subject'].partition('€')[2].partition(' ')[0]}"
            for mail in self.connection.mails
        ]

    async def left(self) -> int:
        return len(await self.store.waiting_notices(100))


@asynccontextmanager
async def an_outbox() -> AsyncIterator[MailOutbox]:
    outbox = MailOutbox()
    for account, email in (("s1", LENA), ("s2", TOMAS)):
        await outbox.store.change(CreateAccount(an_account(account)))
        await outbox.store.change(SetContact(account, Contact(account, email)))
    books = outbox.store
    async with asyncio.TaskGroup() as group:
        pump = dispatch.pump_outbox(
            [outbox.notifier], books, books, outbox.alarms, outbox.clock, CountingMeter()
        )
        task = group.create_task(pump, name="outbox")
        await settle()
        try:
            yield outbox
        finally:
            task.cancel()


async def test_a_server_that_is_down_for_long_loses_nothing_and_keeps_the_order() -> None:
    async with an_outbox() as outbox:
        outbox.connection.is_down = True
        await outbox.low("s1", "0.95")
        await outbox.low("s2", "0.50")
        await outbox.clock.advance(2 * 3600)
        [alarm] = outbox.alarms.active()
        assert (alarm.kind, alarm.subject) == ("outbox", "mail")
        assert "mail.example.org:587 cannot be reached" in alarm.text
        assert outbox.connection.tries < 60

        outbox.connection.is_down = False
        await outbox.clock.advance(300)
        assert outbox.arrived() == ["lena 0.95", "tomas 0.50"]
        assert outbox.alarms.active() == []
        assert await outbox.left() == 0


async def test_a_mailbox_that_puts_off_gets_its_mails_in_order_and_holds_up_nobody() -> None:
    async with an_outbox() as outbox:
        outbox.connection.refuses[LENA] = Refusal(450, "4.2.1 later")
        await outbox.low("s1", "0.95")
        await outbox.low("s2", "0.50")
        await outbox.clock.advance(10)
        await outbox.low("s1", "0.40")
        await outbox.clock.advance(100)
        assert outbox.arrived() == ["tomas 0.50"]
        assert outbox.alarms.active() == []

        outbox.connection.refuses.clear()
        await outbox.clock.advance(300)
        assert outbox.arrived() == ["tomas 0.50", "lena 0.95", "lena 0.40"]
        assert await outbox.left() == 0


async def test_a_mailbox_that_puts_off_for_hours_is_given_up_and_asked_seldom() -> None:
    async with an_outbox() as outbox:
        outbox.connection.refuses[LENA] = Refusal(452, "4.2.2 mailbox full")
        await outbox.low("s1", "0.95")
        await outbox.clock.advance(8 * 3600)
        contact = await outbox.store.contact("s1")
        assert contact is not None
        assert contact.bounce is not None
        assert contact.bounce.reason == "put off for 6 h: 452 4.2.2 mailbox full"
        assert await outbox.left() == 0
        assert outbox.connection.tries < 20
