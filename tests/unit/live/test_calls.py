"""Calls in progress as a person sees them: costs so far, holds, and which ends soonest."""

from __future__ import annotations

import pytest

from rtbill.credit.stances import Stances
from rtbill.domain.account import AccountKind
from rtbill.domain.errors import BadRecord, UnknownAccount
from rtbill.domain.stance import Stance
from rtbill.live.as_json import view_json
from rtbill.live.calls import LiveCall, LiveCalls, Wanted
from tests.fakes.builders import PBX, a_membership, a_rate, a_tariff, an_account
from tests.fakes.office import Office, an_office

SECOND = a_tariff(a_rate("1/1", "0.60"))
"""A cent a second."""
TWO_ROOMS = [a_membership(), a_membership("room-2", "1002")]


def looking_at(office: Office) -> LiveCalls:
    return LiveCalls(office.billing, office.clock)


async def shown(office: Office, **wanted: str | int) -> list[LiveCall]:
    live = looking_at(office)
    return list((await live.view(live.wanted(wanted))).calls)


async def legs(office: Office, **wanted: str | int) -> list[str]:
    return [call.id.leg for call in await shown(office, **wanted)]


async def test_a_call_shows_its_cost_so_far_and_what_is_held_for_it() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(30)
        [call] = await shown(office)

    assert call.cost_micros == 300_000
    assert call.hold is not None
    assert (call.hold.micros, call.hold.granted_s) == (600_000, 60)
    assert (call.balance_micros, call.grantable_micros) == (5_000_000, 4_400_000)
    assert (call.account, call.payer, call.destination) == ("room-1", "1001", "Destination 41")
    assert call.left_s == 29.5
    assert call.goes_on
    assert call.is_armed


async def test_talk_is_measured_by_the_clock_of_the_exchange() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("11:58:20 back")  # its clock is 100 s behind ours
        await office.hear("11:58:20 answer 1")
        await office.clock.advance(12)
        [call] = await shown(office)

    assert call.talk_s == 12
    assert call.cost_micros == 120_000


async def test_a_call_that_rings_shows_what_is_held_and_costs_nothing_yet() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 start 1")
        [call] = await shown(office)

    assert not call.is_talking
    assert (call.cost_micros, call.left_s) == (0, None)
    assert call.hold is not None
    assert call.hold.micros == 600_000
    assert call.number == "+41315550100"


async def test_the_call_that_ends_soonest_comes_first() -> None:
    rooms = [an_account(), an_account("room-2")]
    office_account = an_account("office", AccountKind.POSTPAID)
    members = [*TWO_ROOMS, a_membership("office", "2001")]
    async with an_office(
        "0.75", accounts=[*rooms, office_account], memberships=members, tariff=SECOND
    ) as office:
        await office.credit("5.00", "more", "room-2")
        await office.hear("12:00:00 answer unlimited payer=2001")
        await office.hear("12:00:00 start rings payer=1002")
        await office.hear("12:00:00 answer goes-on payer=1002")
        await office.hear("12:00:00 answer last-money payer=1001")
        await office.clock.advance(51)

        assert await legs(office) == ["last-money", "goes-on", "rings", "unlimited"]


async def test_the_last_of_the_money_is_marked() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(70)
        [call] = await shown(office)

    assert call.hold is not None
    assert call.hold.is_final
    assert not call.goes_on
    assert call.left_s == 4.5


async def test_a_limit_that_is_not_enforced_is_shown_and_said_to_be_none() -> None:
    stances = Stances({PBX: Stance.OBSERVE})
    async with an_office("0.75", tariff=SECOND, stances=stances) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(10)
        [call] = await shown(office)

    assert (call.limit_s, call.is_enforced, call.hold) == (74.5, False, None)


async def test_a_number_without_a_rate_has_no_cost() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1 to=0088123456")
        [call] = await shown(office)

    assert (call.cost_micros, call.destination) == (None, "no rate")


async def test_sums_are_of_all_calls_and_rows_of_those_that_fit() -> None:
    async with an_office("50.00", tariff=SECOND) as office:
        await office.hear("\n".join(f"12:00:0{leg} answer {leg}" for leg in range(5)))
        view = await looking_at(office).view(Wanted(calls_max=2))

    assert (view.talking, view.ringing, view.holds, len(view.calls)) == (5, 0, 5, 2)
    assert view.held_micros == {"EUR": 5 * 600_000}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"account": "room-1"}, ["1"]),
        ({"account": "room-2"}, ["2"]),
        ({"pbx": PBX}, ["1", "2"]),
        ({"pbx": PBX, "account": "room-2"}, ["2"]),
        ({"limit": 1}, ["1"]),
        ({"limit": 0}, []),
    ],
)
async def test_calls_of_an_account_or_an_exchange(
    wanted: dict[str, str | int], expected: list[str]
) -> None:
    rooms = [an_account(), an_account("room-2")]
    async with an_office("5.00", accounts=rooms, memberships=TWO_ROOMS, tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1 payer=1001\n12:00:01 answer 2 payer=1002")

        assert await legs(office, **wanted) == expected


async def test_sums_follow_the_filter() -> None:
    rooms = [an_account(), an_account("room-2")]
    async with an_office("5.00", accounts=rooms, memberships=TWO_ROOMS, tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1 payer=1001\n12:00:01 answer 2 payer=1002")
        live = looking_at(office)
        view = await live.view(live.wanted({"account": "room-2"}))

    assert view_json(view)["totals"] == {
        "talking": 1,
        "ringing": 0,
        "shown": 1,
        "holds": 1,
        "held": {"EUR": "0.60"},
    }


@pytest.mark.parametrize(
    ("wanted", "error", "text"),
    [
        ({"account": "nobody"}, UnknownAccount, "accounts list"),
        ({"pbx": "other"}, BadRecord, "known are hotel"),
        ({"limit": -1}, BadRecord, "from 0 to 20000"),
        ({"limit": "all"}, BadRecord, "from 0 to 20000"),
        ({"limit": True}, BadRecord, "from 0 to 20000"),
    ],
)
async def test_what_is_wanted_of_nothing_is_refused(
    wanted: dict[str, object], error: type[Exception], text: str
) -> None:
    async with an_office() as office:
        with pytest.raises(error, match=text):
            looking_at(office).wanted(wanted)


async def test_a_mark_changes_with_what_there_is_to_tell_and_else_every_fifteen_seconds() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        live = looking_at(office)
        await office.hear("12:00:00 answer 1")
        [running] = live.in_progress()
        first = live.mark(running)
        await office.clock.advance(14)
        assert live.mark(running) == first
        await office.clock.advance(1)
        refreshed = live.mark(running)
        assert refreshed != first
        await office.clock.advance(14)
        assert live.mark(running) == refreshed
        await office.credit("5.00")
        assert live.mark(running) == refreshed, "the balance is told of the account"
        await office.clock.advance(20)
        assert live.mark(running) != refreshed, "its hold was extended"
