"""A card that is about to expire is told of twice, on two days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from rtbill.domain.payment_changes import KeepMethod, RemoveMethod
from rtbill.replenishment.card_expiry import CardExpiry
from tests.fakes.environment import NOON
from tests.fakes.pay_office import PayOffice, a_kept, a_pay_office

ZONE = ZoneInfo("Europe/Berlin")


async def with_card(paying: PayOffice, expires: tuple[int, int]) -> CardExpiry:
    """room-1's card is good until then."""
    kept = a_kept()
    await paying.office.store.change(
        KeepMethod(replace(kept, method=replace(kept.method, expires=expires)))
    )
    return CardExpiry(paying.office.store, paying.office.store, paying.clock, ZONE)


async def told(paying: PayOffice) -> list[str]:
    found = [each for each in await paying.office.waiting() if each.kind == "card.expiring"]
    return [dict(each.details)["month"] for each in found]


async def test_it_is_told_thirty_and_seven_days_before_and_on_no_other() -> None:
    async with a_pay_office() as paying:
        expiry = await with_card(paying, (2026, 11))
        days = [date(2026, 10, 1) + timedelta(days=number) for number in range(75)]
        on = []
        for day in days:
            before = len(await told(paying))
            await expiry.tell(day)
            if len(await told(paying)) > before:
                on.append(day.isoformat())

        assert on == ["2026-10-31", "2026-11-23"]
        assert await told(paying) == ["2026-11", "2026-11"]


async def test_nothing_is_told_of_a_card_that_was_removed() -> None:
    async with a_pay_office() as paying:
        expiry = await with_card(paying, (2026, 11))
        await paying.office.store.change(RemoveMethod("room-1", "fake", "card-room-1", NOON))
        await expiry.tell(date(2026, 11, 23))

        assert await told(paying) == []


async def test_it_is_looked_at_each_day_at_nine_at_the_site() -> None:
    async with a_pay_office() as paying:
        expiry = await with_card(paying, (2026, 10))  # noon of 5 October in UTC
        assert expiry._next().isoformat() == "2026-10-06T07:00:00+00:00"
        paying.clock.step(-6 * 3600)
        assert expiry._next().isoformat() == "2026-10-05T07:00:00+00:00"
        paying.clock.step(20.75 * 86_400)  # the clocks were set back on the 25th
        assert expiry._next().isoformat() == "2026-10-26T08:00:00+00:00"
