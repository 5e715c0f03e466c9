"""Holds of calls that are answered, or found in progress, otherwise than they were asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from rtbill.credit.hold_keys import HoldKeys
from rtbill.domain.account import AccountKind
from rtbill.domain.call import CallId
from rtbill.domain.hold import HoldStep
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.tariff import TimeBand
from tests.fakes.builders import a_membership, a_rate, a_tariff, an_account, at
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle
from tests.simulation.planted_credit import half_of_the_price
from tests.unit.credit.test_holding import SECOND, held, limits, steps

DEARER_FROM_12_01 = a_tariff(
    a_rate("60/60", "0.60"),
    replace(a_rate("10/10", "1.20"), band=TimeBand(start_minute=12 * 60 + 1, end_minute=13 * 60)),
)

ROOM_2 = an_account("room-2")


async def test_a_credit_while_we_were_away_is_used_as_soon_as_the_call_is_seen_again() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(70)
        assert limits(office)[-1] == 74.5

        await office.hear("12:01:10 lost")
        office.control.ended(office.control.running()[0].leg.id)
        await office.credit("5.00")
        await office.hear("12:01:11 back; live 1 answered=12:00:00")
        assert limits(office)[-1] > 74.5


async def test_a_call_found_in_progress_is_held_for_from_its_answer() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.clock.advance(130)
        await office.hear("12:02:10 back; live 1 answered=12:00:00")

        (granted_s,) = held(office)
        assert granted_s >= 140
        assert limits(office)[-1] == granted_s - 0.5


async def test_a_call_found_in_progress_beyond_its_money_is_ended() -> None:
    async with an_office("0.50", tariff=SECOND) as office:
        await office.clock.advance(130)
        await office.hear("12:02:10 back; live 1 answered=12:00:00")

        (hold,) = office.directory.state("room-1").holds
        assert (hold.granted_s, hold.is_final) == (50, True)
        assert limits(office)[-1] == 49.5


async def test_a_call_found_in_progress_is_renewed_by_the_clock_of_its_exchange() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        # The exchange's clock is 95 s ahead of ours, which is 12:00:00.
        await office.hear("12:01:35 back; live 1 answered=12:01:30")
        await office.clock.advance(60)

        assert len(limits(office)) > 1


async def test_a_call_whose_beginning_was_not_heard_has_the_hold_that_was_asked_for() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        called = office.assessor.classify("0041315550100")
        await office.billing.holdings.reserving.reserve(
            "room-1", "hotel", "17.1", called, at("12:00:00")
        )
        await office.hear("12:00:05 back; live 1 answered=12:00:02 asked_by=17.1")

        assert held(office) == [60]
        assert limits(office) == [59.5]


async def test_a_call_answered_at_a_dearer_hour_than_it_was_dialled_holds_what_it_costs() -> None:
    async with an_office("5.00", tariff=DEARER_FROM_12_01) as office:
        await office.hear("12:00:55 start 1")
        assert office.directory.state("room-1").held_micros == 600_000

        await office.hear("12:01:05 answer 1")
        assert office.directory.state("room-1").held_micros == 1_200_000
        assert held(office) == [60]


async def test_a_call_that_becomes_too_dear_until_its_answer_talks_for_what_there_is() -> None:
    async with an_office("0.60", tariff=DEARER_FROM_12_01) as office:
        await office.hear("12:00:55 start 1")
        await office.hear("12:01:05 answer 1")

        (hold,) = office.directory.state("room-1").holds
        assert (hold.granted_s, hold.micros, hold.is_final) == (30, 600_000, True)
        assert limits(office)[-1] == 29.5


async def test_what_a_call_costs_from_its_answer_on_is_held_as_soon_as_the_store_has_room() -> None:
    async with an_office("0.60", tariff=DEARER_FROM_12_01) as office:
        await office.hear("12:00:55 start 1")
        office.store.is_stuck, office.store.queue_max = True, 0
        office.store.has_room_for_live = True
        await office.hear("12:01:05 answer 1")
        assert held(office) == [60]

        office.store.is_stuck, office.store.queue_max = False, 10_000
        await office.clock.advance(2)
        (hold,) = office.directory.state("room-1").holds
        assert (hold.granted_s, hold.micros, hold.is_final) == (30, 600_000, True)
        assert limits(office)[-1] == 29.5


async def test_a_hold_that_never_comes_out_as_reckoned_is_not_settled_for_ever() -> None:
    """Whatever the reason, here a mistake that is planted: it still gets its next slices."""
    with half_of_the_price():
        async with an_office("5.00", tariff=SECOND) as office:
            await office.hear("12:00:00 start 1")
            await office.hear("12:00:05 answer 1")
            await office.clock.advance(90)
            found = Counter(steps(office))
            assert found[HoldStep.EXTEND] >= 1
            assert found.total() < 12


async def test_a_question_answered_too_late_still_holds_for_its_call_and_only_once() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        called = office.assessor.classify("0041315550100")
        office.store.is_stuck = True
        asking = office.billing.holdings.reserving.reserve(
            "room-1", "hotel", "17.1", called, at("12:00:00")
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(asking)
            await office.hear("12:00:01 start 1 asked_by=17.1")
            await office.hear("12:00:02 answer 1")
            office.store.is_stuck = False
            office.store.commit()
        await settle()

        assert held(office) == [60]
        assert limits(office) == [59.5]


async def test_a_call_is_not_ended_for_a_step_that_failed_when_it_is_held_for_by_another() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.is_stuck, office.store.queue_max = True, 1
        await office.hear("12:00:00 start 1")
        office.store.has_room_for_live = True
        await office.hear("12:00:01 answer 1")
        office.store.is_stuck = False
        office.store.commit()
        await office.clock.advance(5)
        assert held(office) == [60]

        await office.clock.advance(45)
        assert limits(office) == [59.5, 119.5]
        assert office.pbx.done("hang_up") == []
        assert office.alarm_kinds() == []


async def test_a_call_paid_by_another_account_at_its_answer_has_what_was_asked_for_there() -> None:
    other = an_account("room-2")
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), other]) as office:
        await office.credit("3.00", account="room-2")
        called = office.assessor.classify("0041315550100")
        await office.billing.holdings.reserving.reserve(
            "room-2", "hotel", "17.1", called, at("12:00:00")
        )
        await office.hear("12:00:01 start 1 asked_by=17.1")
        office.directory.replace_memberships([a_membership("room-2")])
        office.billing.reassign()
        await office.hear("12:00:05 answer 1")

        assert held(office) == []
        assert held(office, "room-2") == [60]


async def two_rooms(office: Office) -> CalledNumber:
    """Both have money, and extension 1001 belongs to room-1; a number that costs some."""
    await office.credit("3.00", account="room-2")
    return office.assessor.classify("0041315550100")


@pytest.mark.parametrize(("then", "room_1"), [("answer 1", [60]), ("end 1", [])])
async def test_a_call_that_another_account_was_asked_for_is_not_held_for_there_after_its_ringing(
    then: str, room_1: list[int]
) -> None:
    """As when an extension changed hands seconds ago, and its exchange's clock is behind ours."""
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), ROOM_2]) as office:
        called = await two_rooms(office)
        await office.billing.holdings.reserving.reserve(
            "room-2", "hotel", "17.1", called, at("12:00:00")
        )
        await office.hear("12:00:01 start 1 asked_by=17.1")
        assert (held(office), held(office, "room-2")) == ([60], [60])

        await office.hear(f"12:00:05 {then}")
        assert (held(office), held(office, "room-2")) == (room_1, [])


async def test_a_call_that_costs_its_new_holder_nothing_leaves_nothing_held_on_the_other() -> None:
    postpaid = an_account(kind=AccountKind.POSTPAID)
    async with an_office("5.00", tariff=SECOND, accounts=[postpaid, ROOM_2]) as office:
        called = await two_rooms(office)
        await office.billing.holdings.reserving.reserve(
            "room-2", "hotel", "17.1", called, at("12:00:00")
        )
        await office.hear("12:00:01 start 1 asked_by=17.1")
        await office.hear("12:00:05 answer 1")

        assert held(office, "room-2") == []


async def test_a_call_whose_beginning_was_not_heard_takes_nothing_of_another_account_along() -> (
    None
):
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), ROOM_2]) as office:
        called = await two_rooms(office)
        await office.billing.holdings.reserving.reserve(
            "room-2", "hotel", "17.1", called, at("12:00:00")
        )
        await office.hear("12:00:05 back; live 1 answered=12:00:02 asked_by=17.1")

        assert (held(office), held(office, "room-2")) == ([63], [])


async def test_what_another_leg_of_the_channel_has_on_its_account_stays_there() -> None:
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), ROOM_2]) as office:
        called = await two_rooms(office)
        await office.billing.holdings.reserving.reserve(
            "room-2", "hotel", "17.1", called, at("12:00:00")
        )
        office.directory.replace_memberships([a_membership(), a_membership("room-2", "1002")])
        await office.hear("12:00:01 start 2 payer=1002 asked_by=17.1")
        await office.hear(
            "12:00:05 back; live 1 answered=12:00:02 asked_by=17.1; live 2 payer=1002"
        )

        assert held(office, "room-2") == [60]


async def test_a_call_is_held_for_on_its_own_account_while_another_one_is_being_asked() -> None:
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), ROOM_2]) as office:
        called = await two_rooms(office)
        office.store.is_stuck = True
        asking = office.billing.holdings.reserving.reserve(
            "room-2", "hotel", "17.1", called, at("12:00:00")
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(asking)
            await office.hear("12:00:01 start 1 asked_by=17.1")
            await office.hear("12:00:02 answer 1")
            office.store.is_stuck = False
            office.store.commit()
        await settle()

        keys = [hold.key for hold in office.directory.state("room-1").holds]
        assert keys == ["hotel/1"]
        assert held(office, "room-2") == []


async def test_a_channel_that_asks_again_when_another_account_pays_holds_there_only() -> None:
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), ROOM_2]) as office:
        called = await two_rooms(office)
        for account in ("room-1", "room-2"):
            await office.billing.holdings.reserving.reserve(
                account, "hotel", "17.1", called, at("12:00:00")
            )
        await settle()

        assert (held(office), held(office, "room-2")) == ([], [60])
        assert len({event.hold.key for event in office.store._hold_events}) == 2


async def test_a_channel_that_asks_again_on_its_new_account_holds_once() -> None:
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), ROOM_2]) as office:
        called = await two_rooms(office)
        for account in ("room-1", "room-2", "room-2"):
            await office.billing.holdings.reserving.reserve(
                account, "hotel", "17.1", called, at("12:00:00")
            )
            await settle()

        assert (held(office), held(office, "room-2")) == ([], [60])


async def test_after_a_restart_of_ours_what_another_account_was_asked_for_is_still_known() -> None:
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), ROOM_2]) as office:
        called = await two_rooms(office)
        await office.billing.holdings.reserving.reserve(
            "room-2", "hotel", "17.1", called, at("12:00:00")
        )
        await settle()
        office.billing.holdings._keys = HoldKeys(office.directory, office.control)
        await office.hear("12:00:05 back; live 1 answered=12:00:02 asked_by=17.1")

        assert (held(office), held(office, "room-2")) == ([63], [])


async def test_what_another_account_was_asked_for_is_given_back_though_not_durable_yet() -> None:
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), an_account("b")]) as office:
        office.store.is_stuck = True
        await office.hear("12:00:01 start 1")
        office.directory.replace_memberships([a_membership("b")])
        await office.hear("12:00:05 end 1")
        office.store.is_stuck = False
        office.store.commit()
        await settle()

        assert steps(office) == [HoldStep.OPEN, HoldStep.RELEASE]


async def test_what_could_not_be_given_back_for_a_full_store_is_given_back_soon_after() -> None:
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), an_account("b")]) as office:
        await office.hear("12:00:01 start 1")
        office.directory.replace_memberships([a_membership("b")])
        office.store.is_stuck, office.store.queue_max = True, 0
        office.billing.holdings.ended(CallId("hotel", "1"), None, "b")
        office.store.is_stuck, office.store.queue_max = False, 10_000
        await office.clock.advance(11)

        assert steps(office) == [HoldStep.OPEN, HoldStep.EXPIRE]


@pytest.mark.parametrize("other", ["0041315550100", "112"])
async def test_of_two_legs_linked_to_the_channel_that_asked_one_has_its_hold(other: str) -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        called = office.assessor.classify("0041315550100")
        await office.billing.holdings.reserving.reserve(
            "room-1", "hotel", "17.1", called, at("12:00:00")
        )
        await office.hear(
            f"12:00:05 back; live 2 to={other} answered=12:00:01 asked_by=17.1; "
            "live 1 answered=12:00:02 asked_by=17.1"
        )
        calls = [hold.call for hold in office.directory.state("room-1").holds]
        assert len(calls) == (1 if other == "112" else 2)
        assert len(set(calls)) == len(calls)
        assert HoldStep.RELEASE not in steps(office)


async def test_after_a_restart_of_ours_the_hold_of_before_goes_on() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        running = office.control.ended(office.control.running()[0].leg.id)
        assert running is not None
        office.billing.holdings._keys._of_legs.clear()
        await office.hear("12:00:10 back; live 1 answered=12:00:00")

        assert held(office) == [60]
        assert limits(office)[-1] == 59.5
        assert steps(office) == [HoldStep.OPEN]


async def test_a_call_whose_answer_had_to_wait_for_the_store_is_limited() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.is_stuck, office.store.queue_max = True, 1
        await office.hear("12:00:00 start 1")
        await office.hear("12:00:01 answer 1")
        office.store.is_stuck = False
        office.store.commit()
        await office.clock.advance(1)

        assert limits(office) == [59.5]


async def test_nothing_is_held_for_a_call_that_was_over_before_its_beginning_was_heard() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear(
            "12:00:20 back; done 1 answered=12:00:02 ended=12:00:10\n"
            "12:00:01 start 1\n12:00:02 answer 1\n12:00:10 end 1"
        )

        assert steps(office) == []
        assert office.pbx.done("limit") == []
        assert await office.balance() == 4_920_000
