"""The limit at which a call ends is the one that its exchange holds, however it came there."""

from __future__ import annotations

from rtbill.domain.errors import Unavailable
from tests.fakes.builders import at
from tests.fakes.office import Office, an_office
from tests.unit.credit.test_holding import SECOND, limits


async def asked_and_answered(office: Office) -> None:
    """Its exchange asked before it dialled, and all the money was granted."""
    called = office.assessor.classify("0041315550100")
    reserve = office.billing.holdings.reserving.reserve
    await reserve("room-1", "hotel", "17.1", called, at("12:00:00"))
    await office.hear("12:00:00 start 1 asked_by=17.1\n12:00:00 answer 1 asked_by=17.1")


async def test_the_only_limit_of_a_call_is_ordered_once_more_before_it_is_reached() -> None:
    """The dialplan sets its own timer, 19 s, in the moment of the answer: it may do so after us."""
    async with an_office("0.20", tariff=SECOND) as office:
        await asked_and_answered(office)
        await office.clock.advance(18)
        assert limits(office) == [19.5]

        await office.clock.advance(0.75)
        assert limits(office) == [19.5, 19.5]
        await office.clock.advance(10)
        assert limits(office) == [19.5, 19.5]


async def test_a_limit_that_came_after_another_is_ordered_once() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(80)
        assert limits(office) == [36.5, 73.5, 74.5]


async def test_an_exchange_that_cannot_be_told_again_what_it_holds_is_no_alarm() -> None:
    async with an_office("0.20", tariff=SECOND) as office:
        await asked_and_answered(office)
        await office.clock.advance(10)
        office.pbx.fail("limit", *[Unavailable("the link is down")] * 20)
        await office.clock.advance(9)
        assert office.pbx.attempts.count("limit") == 2
        assert office.alarm_kinds() == []
