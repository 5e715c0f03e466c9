"""What is due by the clock, and what an earlier process left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from rtbill.domain.top_up import Paying, TopUp
from rtbill.payment_service import PaymentService
from tests.fakes.builders import an_account
from tests.fakes.fake_gateway import FakeGateway, Loss
from tests.fakes.pay_office import PayOffice, a_pay_office, a_payment_service
from tests.fakes.virtual_clock import settle


@asynccontextmanager
async def a_second_life(paying: PayOffice) -> AsyncIterator[PaymentService]:
    """Another process on the same books, with the same provider."""
    office = paying.office
    gateway = FakeGateway(paying.provider)
    service = a_payment_service(office.billing, office.store, office.clock, gateway)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work, name=name) for work, name in service.work()]
        await settle()
        try:
            yield service
        finally:
            for task in tasks:
                task.cancel()


async def left_behind(paying: PayOffice, what: str, verdict: str = "paid") -> TopUp:
    """A top-up whose process ended while it waited for the answer to this."""
    paying.provider.losses[what] = [Loss.SILENT]
    paying.provider.verdicts = [verdict]
    await paying.spend("6.00")
    [row] = await paying.rows()
    return row


@pytest.mark.parametrize(("what", "state"), [("create", "asked"), ("confirm", "sent")])
async def test_what_was_asked_before_a_restart_is_looked_up_within_seconds(
    what: str, state: str
) -> None:
    async with a_pay_office("10.00") as paying:
        row = await left_behind(paying, what)
        assert row.state == state
        async with a_second_life(paying):
            await paying.clock.advance(10)

            assert await paying.states() == ["approved"]
            assert paying.provider.moved == {"room-1": 10_000_000}


async def test_a_link_that_may_not_have_got_out_before_a_restart_is_sent_again() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = ["action"]
        await paying.spend("6.00")
        async with a_second_life(paying):
            await paying.clock.advance(5)

        kinds = [each.kind for each in await paying.office.waiting()]
        assert kinds.count("topup.authentication_needed") == 2


async def test_one_that_cannot_be_seen_to_blocks_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = [an_account("room-1"), an_account("room-2")]
    async with a_pay_office("10.00", accounts=accounts, buying=("room-1", "room-2")) as paying:
        paying.provider.losses["confirm"] = [Loss.AFTER, Loss.AFTER]
        for account in ("room-1", "room-2"):
            await paying.spend("6.00", account)
        [poison] = await paying.rows("room-1")
        see_to = paying.service.driver.see_to

        async def failing(row: TopUp) -> Paying:
            if row.reference == poison.reference:
                raise AssertionError("a row that makes no sense")
            return await see_to(row)

        monkeypatch.setattr(paying.service.driver, "see_to", failing)
        await paying.clock.advance(10)

        assert await paying.states("room-1") == ["unknown"]
        assert await paying.states("room-2") == ["approved"]


async def test_a_silent_provider_is_waited_for_by_no_more_than_ten_at_once() -> None:
    rooms = [f"room-{number}" for number in range(1, 31)]
    accounts = [an_account(room) for room in rooms]
    async with a_pay_office("10.00", accounts=accounts, buying=rooms) as paying:
        paying.provider.losses["confirm"] = [Loss.BEFORE] * len(rooms)
        for room in rooms:
            await paying.spend("6.00", room)
        paying.provider.at_once_max = 0
        paying.provider.answer_s = 3.0
        await paying.clock.advance(30)

        assert paying.provider.at_once_max == 10
        assert paying.provider.count("find") >= len(rooms)


async def test_what_stands_for_a_person_is_raised_again_after_a_restart() -> None:
    async with a_pay_office("10.00", finds=False) as paying:
        paying.provider.losses["confirm"] = [Loss.AFTER]
        await paying.spend("6.00")
        [row] = await paying.rows()
        books = paying.office.store._payments
        books.top_ups[row.reference] = replace(row, needs_person=True)
        paying.office.alarms.clear("top-up", row.reference)
        async with a_second_life(paying):
            assert "top-up" in paying.office.alarm_kinds()
