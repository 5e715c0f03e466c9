"""A card that a holder gives is kept, whoever tells of it and whatever becomes of the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from rtbill.domain.errors import Unavailable
from rtbill.domain.payment import MethodReady, PaymentMethod
from tests.fakes.fake_gateway import FakeGateway, a_method
from tests.fakes.pay_office import GENUINE, PayOffice, a_pay_office, a_payment_service
from tests.fakes.virtual_clock import settle

AGREED = {"text_version": "1", "address": "192.0.2.9"}
MINUTE_S, HOUR_S = 60.0, 3600.0


async def begun(paying: PayOffice, account: str = "room-1") -> str:
    """The page on which a card is to be given."""
    answer = await paying.order(
        "pay.method.begin", account=account, return_url="https://pay.example/back", **AGREED
    )
    return str(answer["page"])


async def kept(paying: PayOffice) -> list[str]:
    return [each.method.reference for each in await paying.office.store.methods("room-1")]


async def pass_hours(paying: PayOffice, hours: int) -> None:
    """In steps of five minutes, of which what waits sees ten seconds each."""
    for _ in range(12 * hours):
        paying.clock.step(5 * MINUTE_S - 10)
        await paying.clock.advance(10)


@asynccontextmanager
async def another_life(paying: PayOffice) -> AsyncIterator[PayOffice]:
    """A process that knows of the first what stands in the books."""
    office, gateway = paying.office, FakeGateway(paying.provider)
    service = a_payment_service(office.billing, office.store, office.clock, gateway)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work, name=name) for work, name in service.work()]
        await settle()
        try:
            yield PayOffice(office, paying.provider, service)
        finally:
            for task in tasks:
                task.cancel()


def asked(monkeypatch: pytest.MonkeyPatch, answer: PaymentMethod | Exception | None) -> list[str]:
    """Pages that the provider is asked about from now on; to each it answers this."""
    pages: list[str] = []

    async def set_up_result(self: FakeGateway, page_id: str) -> PaymentMethod | None:
        del self
        pages.append(page_id)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(FakeGateway, "set_up_result", set_up_result)
    return pages


async def test_a_webhook_alone_keeps_the_card_after_a_restart() -> None:
    async with a_pay_office(buying=()) as paying:
        page = await begun(paying)
        async with another_life(paying) as again:
            reference = paying.provider.set_ups[page].reference
            told = MethodReady(reference, a_method("card-9"))
            await again.service.inbox.hear(
                "fake", paying.provider.happen("evt_1", "set up", told), GENUINE
            )
            await settle()

            [card] = await paying.office.store.methods("room-1")
            assert card.method.reference == "card-9"
            assert card.agreement is not None
            assert card.agreement.address == "192.0.2.9"
            assert await paying.office.store.set_up(reference) is None


async def test_a_start_asks_about_all_that_wait() -> None:
    async with a_pay_office(buying=()) as paying:
        page = await begun(paying)
        paying.provider.given[page] = a_method("card-9")
        assert await kept(paying) == []
        async with another_life(paying):
            assert await kept(paying) == ["card-9"]


async def test_a_card_of_which_nobody_tells_is_found_by_the_clock() -> None:
    async with a_pay_office(buying=()) as paying:
        page = await begun(paying)
        paying.provider.given[page] = a_method("card-9")
        await paying.clock.advance(4 * MINUTE_S)
        assert await kept(paying) == []
        await paying.clock.advance(2 * MINUTE_S)
        assert await kept(paying) == ["card-9"]


async def test_a_page_is_asked_about_ever_more_rarely_and_not_after_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_pay_office(buying=()) as paying:
        page = await begun(paying)
        pages = asked(monkeypatch, None)
        await pass_hours(paying, 1)
        assert pages == [page] * 4  # after 5, 10, 20 and 40 minutes
        await pass_hours(paying, 25)
        count = len(pages)
        assert 24 <= count <= 30
        assert await paying.office.store.set_up_of("fake", page) is None
        await pass_hours(paying, 3)
        assert len(pages) == count


async def test_a_silent_provider_is_asked_once_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_pay_office(buying=()) as paying:
        for _ in range(3):
            await begun(paying)
        pages = asked(monkeypatch, Unavailable("no route"))
        async with another_life(paying):
            assert len(pages) == 1


async def test_a_provider_that_never_answers_is_asked_no_more_a_week_after_the_page_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_pay_office(buying=()) as paying:
        page = await begun(paying)
        pages = asked(monkeypatch, Unavailable("no route"))
        paying.clock.step(2 * 24 * HOUR_S)
        async with another_life(paying):
            assert len(pages) == 1
        assert await paying.office.store.set_up_of("fake", page) is not None
        paying.clock.step(7 * 24 * HOUR_S)
        async with another_life(paying):
            assert len(pages) == 1
        assert await paying.office.store.set_up_of("fake", page) is None


async def test_a_card_that_was_removed_is_not_kept_again_by_going_back_in_the_browser() -> None:
    async with a_pay_office(buying=()) as paying:
        page = await begun(paying)
        paying.provider.given[page] = a_method("card-9")
        finish = partial(paying.order, "pay.method.finish", account="room-1", page=page)
        assert (await finish())["method"]["method"] == "card-9"
        assert (await finish())["method"]["method"] == "card-9"
        await paying.order("pay.method.remove", account="room-1", method="card-9")
        assert await finish() == {"method": None}
        assert await kept(paying) == []


async def test_a_page_that_nobody_was_led_to_keeps_no_card() -> None:
    async with a_pay_office(buying=()) as paying:
        paying.provider.given["page-of-nobody"] = a_method("card-9")
        page = {"account": "room-1", "page": "page-of-nobody"}
        assert await paying.order("pay.method.finish", **page) == {"method": None}
        assert await kept(paying) == []


async def test_a_card_that_was_removed_is_not_kept_again_by_a_late_word() -> None:
    async with a_pay_office(buying=()) as paying:
        page = await begun(paying)
        paying.provider.given[page] = a_method("card-9")
        await paying.order("pay.method.finish", account="room-1", page=page, **AGREED)
        await paying.order("pay.method.remove", account="room-1", method="card-9")
        told = MethodReady(paying.provider.set_ups[page].reference, a_method("card-9"))
        await paying.hear(paying.provider.happen("evt_1", "set up", told))
        await pass_hours(paying, 1)
        assert await kept(paying) == []
