"""A prepaid call from dialling to its end: held first, then allowed, and never beyond."""

from __future__ import annotations

import pytest

from rtbill.domain.account import AccountKind
from rtbill.domain.changes import ChangeAccount
from rtbill.domain.errors import Unavailable
from rtbill.domain.hold import HoldStep
from tests.fakes.builders import a_membership, a_rate, a_state, a_tariff, an_account, at
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

SECOND = a_tariff(a_rate("1/1", "0.60"))
"""A cent a second."""
MINUTE = a_tariff(a_rate("60/60", "0.60"))


def held(office: Office, account: str = "room-1") -> list[int]:
    """Seconds granted, call by call."""
    return [hold.granted_s for hold in office.directory.state(account).holds]


def limits(office: Office, call: str = "1") -> list[float]:
    """What the exchange was told about the call, one after the other."""
    return [
        limit_s
        for told, limit_s in office.pbx.done("limit")
        if told == call and isinstance(limit_s, float)
    ]


def steps(office: Office) -> list[HoldStep]:
    """All that ever happened to holds."""
    return [event.step for event in office.store._hold_events]


async def test_money_is_held_as_the_call_is_dialled_and_given_back_when_nobody_answers() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 start 1")
        assert office.directory.state("room-1").held_micros == 600_000

        await office.hear("12:00:20 end 1")
        assert office.directory.state("room-1").holds == ()
        assert steps(office) == [HoldStep.OPEN, HoldStep.RELEASE]
        assert await office.balance() == 5_000_000


async def test_the_limit_is_ordered_after_the_hold_is_durable_and_not_before() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.is_stuck = True
        await office.hear("12:00:00 start 1")
        await office.hear("12:00:01 answer 1")
        assert office.pbx.done("limit") == []

        office.store.is_stuck = False
        office.store.commit()
        await settle()
        assert limits(office) == [59.5]


async def test_a_call_is_extended_slice_by_slice_before_each_ends() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(47)
        assert limits(office) == [59.5]

        await office.clock.advance(2)
        assert limits(office) == [59.5, 119.5]
        await office.clock.advance(60)
        assert limits(office) == [59.5, 119.5, 179.5]


async def test_the_end_debits_the_talk_and_holds_nothing_any_more() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.hear("12:00:30 end 1")

        assert await office.balance() == 4_700_000
        assert office.directory.state("room-1").holds == ()
        assert steps(office) == [HoldStep.OPEN, HoldStep.POST]


async def test_two_calls_share_the_money_and_neither_is_promised_the_others() -> None:
    async with an_office("1.20", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.hear("12:00:00 answer 2")
        await office.clock.advance(119)

        assert sum(held(office)) == 120


async def test_the_last_of_the_money_is_granted_exactly_and_marked() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(70)

        (hold,) = office.directory.state("room-1").holds
        assert (hold.granted_s, hold.is_final, hold.micros) == (75, True, 750_000)
        assert limits(office)[-1] == 74.5


async def test_a_credit_during_the_last_slice_saves_the_call() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(73.0)
        await office.credit("5.00")

        assert limits(office)[-1] > 74.5
        (hold,) = office.directory.state("room-1").holds
        assert not hold.is_final


async def test_what_another_call_gives_back_saves_the_call_nearest_its_end() -> None:
    async with an_office("1.20", tariff=MINUTE) as office:
        await office.hear("12:00:00 answer 1")
        await office.hear("12:00:01 start 2")
        assert held(office) == [60, 60]
        await office.clock.advance(50)
        assert [hold.is_final for hold in office.directory.state("room-1").holds] == [True, False]

        await office.hear("12:00:51 end 2")
        assert limits(office) == [59.5, 119.5]


async def test_no_dearer_number_is_let_out_by_what_the_channel_held_for_another() -> None:
    """The first is not answered, and the same channel dials the next: follow-me, a trunk that is
    busy, somebody who is after just that.
    """
    two = a_tariff(a_rate("1/1", "0.60", prefix="41"), a_rate("60/60", "60.00", prefix="49"))
    async with an_office("5.00", tariff=two) as office:
        reserve = office.billing.holdings.reserving.reserve
        cheap, dear = map(office.assessor.classify, ("0041315550100", "004930555010"))
        assert await reserve("room-1", "hotel", "17.1", cheap, at("12:00:00")) is not None
        assert await reserve("room-1", "hotel", "17.1", dear, at("12:00:01")) is None
        again = await reserve("room-1", "hotel", "17.1", cheap, at("12:00:02"))
        assert again is not None
        assert again.granted_s == 60


async def test_a_call_without_money_for_twenty_seconds_is_refused_as_it_is_dialled() -> None:
    async with an_office("0.19", tariff=SECOND) as office:
        await office.hear("12:00:00 start 1")

        assert office.pbx.done("hang_up") == [("1",)]
        assert office.directory.state("room-1").holds == ()


async def test_of_two_calls_dialled_at_once_with_money_for_one_one_is_refused() -> None:
    async with an_office("0.60", tariff=MINUTE) as office:
        await office.hear("12:00:00 start 1\n12:00:00 start 2")

        assert office.pbx.done("hang_up") == [("2",)]
        assert held(office) == [60]


async def test_a_call_moved_to_another_account_is_held_for_there() -> None:
    other = an_account("room-2")
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), other]) as office:
        await office.credit("3.00", account="room-2")
        await office.hear("12:00:00 answer 1")
        office.directory.replace_memberships([a_membership("room-2")])
        office.billing.reassign()
        await settle()

        assert held(office) == []
        assert held(office, "room-2") == [60]


@pytest.mark.parametrize("then", ["answer 1", "end 1"])
async def test_what_was_held_for_a_call_moved_while_it_rang_is_given_back(then: str) -> None:
    other = an_account("room-2")
    async with an_office("5.00", tariff=SECOND, accounts=[an_account(), other]) as office:
        await office.credit("3.00", account="room-2")
        await office.hear("12:00:00 start 1")
        assert held(office) == [60]
        office.directory.replace_memberships([a_membership("room-2")])
        office.billing.reassign()
        await office.hear(f"12:00:05 {then}")

        assert held(office) == []


async def test_a_call_whose_account_becomes_postpaid_holds_nothing_any_more() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        postpaid = an_account(kind=AccountKind.POSTPAID)
        await office.store.change(ChangeAccount(postpaid))
        office.directory.change_terms(postpaid)
        await office.billing.reassess(["room-1"])
        await settle()

        assert held(office) == []


async def test_a_hold_of_a_call_that_nobody_sees_is_given_up() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        state = office.directory.state("room-1")
        called = office.assessor.classify("0041315550100")
        hold = await office.billing.holdings.reserving.reserve(
            state.account.id, "hotel", "1700000000.1", called, at("12:00:00")
        )
        assert hold is not None
        await office.clock.advance(120)
        assert held(office) == [60]

        await office.clock.advance(30)
        assert held(office) == []
        assert steps(office) == [HoldStep.OPEN, HoldStep.EXPIRE]


async def test_the_hold_that_was_asked_for_is_that_of_the_leg_which_the_channel_dials() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        called = office.assessor.classify("0041315550100")
        await office.billing.holdings.reserving.reserve(
            "room-1", "hotel", "17.1", called, at("12:00:00")
        )
        await office.hear("12:00:00 start 1 asked_by=17.1")
        await office.hear("12:00:05 answer 1")
        assert len(held(office)) == 1
        assert office.directory.state("room-1").holds[0].call is not None

        await office.hear("12:00:35 end 1")
        assert office.directory.state("room-1").holds == ()


async def test_a_channel_that_asks_again_for_another_trunk_holds_once() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        called = office.assessor.classify("0041315550100")
        for _ in range(3):
            await office.billing.holdings.reserving.reserve(
                "room-1", "hotel", "17.1", called, at("12:00:00")
            )

        await settle()
        assert held(office) == [60]


async def test_an_answered_call_for_which_nothing_can_be_held_in_time_is_ended() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.is_stuck = True
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(1.5)
        assert office.pbx.done("hang_up") == []

        await office.clock.advance(1)
        assert office.pbx.done("hang_up")[0] == ("1",)
        assert "holds" in office.alarm_kinds()


async def test_a_renewal_that_is_late_costs_no_call_its_life() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        office.store.is_stuck = True
        await office.clock.advance(52)
        assert limits(office) == [59.5]

        office.store.is_stuck = False
        office.store.commit()
        await settle()
        assert limits(office) == [59.5, 119.5]


async def test_a_store_that_refuses_a_renewal_is_asked_again() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        office.store.is_stuck, office.store.queue_max = True, 0
        await office.clock.advance(50)
        office.store.is_stuck, office.store.queue_max = False, 10_000
        await office.clock.advance(2)

        assert limits(office) == [59.5, 119.5]
        assert office.alarm_kinds() == []


async def test_the_alarm_of_a_renewal_that_failed_is_over_with_the_call() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        office.store.is_stuck, office.store.queue_max = True, 0
        await office.clock.advance(50)
        assert "holds" in office.alarm_kinds()

        office.store.is_stuck, office.store.queue_max = False, 10_000
        await office.hear("12:00:50 end 1")
        assert office.alarm_kinds() == []


async def test_a_hold_that_was_made_though_its_answer_was_lost_limits_the_call_all_the_same() -> (
    None
):
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.answers_lost = 1
        await office.hear("12:00:00 start 1")
        await office.hear("12:00:03 answer 1")

        assert limits(office) == [59.5]
        assert steps(office) == [HoldStep.OPEN]


async def test_a_call_whose_hold_was_learned_of_by_another_commit_is_not_ended() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.answers_lost = 1
        await office.hear("12:00:00 answer 1")
        await office.hear("12:00:00 start 2")
        await office.clock.advance(5)

        assert office.pbx.done("hang_up") == []
        assert limits(office) == [59.5]
        assert office.alarm_kinds() == []


@pytest.mark.parametrize("number", ["112", "08001234567"])
async def test_nothing_is_held_for_calls_that_cost_nothing(number: str) -> None:
    async with an_office("5.00") as office:
        await office.hear(f"12:00:00 start 1 to={number}")
        await office.hear(f"12:00:01 answer 1 to={number}")

        assert steps(office) == []


async def test_a_call_to_a_number_without_a_rate_may_talk_a_minute_and_no_longer() -> None:
    async with an_office("5.00") as office:
        await office.hear("12:00:00 answer 1 to=0033155501000")
        await office.clock.advance(55)

        assert [limit_s for _, limit_s in office.pbx.done("limit")] == [59.5]


async def test_a_store_that_is_gone_for_a_new_call_is_told_to_who_asks() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.is_stuck, office.store.queue_max = True, 0
        called = office.assessor.classify("0041315550100")
        with pytest.raises(Unavailable):
            await office.billing.holdings.reserving.reserve(
                "room-1", "hotel", "17.1", called, at("12:00:00")
            )


async def test_who_pays_is_warned_a_minute_and_twenty_seconds_before_the_end() -> None:
    async with an_office("2.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        warned: list[int] = []
        for second in range(200):
            await office.clock.advance(1)
            if len(office.pbx.done("warn")) > len(warned):
                warned.append(second + 1)
        # The money pays 200 s, of which half a second is the guard's.
        assert warned == [140, 180]
        told = [each for each in await office.waiting() if each.kind == "call.ending"]
        assert [each.subject for each in told] == ["room-1"]


async def test_credit_takes_the_warning_back_until_the_money_ends_again() -> None:
    async with an_office("1.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(45)
        assert len(office.pbx.done("warn")) == 1
        await office.credit("2.00")
        await office.clock.advance(180)
        assert len(office.pbx.done("warn")) == 1
        await office.clock.advance(20)
        assert len(office.pbx.done("warn")) == 2


async def test_a_call_with_money_is_not_warned() -> None:
    async with an_office("50.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(600)

        assert office.pbx.done("warn") == []


async def test_holds_lock_nobody() -> None:
    async with an_office("0.60", tariff=MINUTE) as office:
        await office.hear("12:00:00 answer 1")

        assert office.directory.state("room-1").grantable_micros == 0
        assert office.directory.state("room-1").service == a_state("0.60").service
