"""Accounts that buy by themselves: when, once, at what pace, and what follows for their calls."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rtbill.domain.account import LOCKED_SERVICE, Service
from rtbill.domain.payment import DeclineClass
from rtbill.domain.payment_changes import StopGateway
from rtbill.domain.replenishment import GatewayStop
from rtbill.replenishment.top_up_queue import TokenBucket, TopUpQueue
from rtbill.replenishment.triggers import ReplenishmentTerms
from tests.fakes.builders import an_account
from tests.fakes.environment import NOON
from tests.fakes.fake_gateway import Loss
from tests.fakes.pay_office import TERMS, a_pay_office
from tests.fakes.virtual_clock import VirtualClock, settle


async def test_an_account_that_falls_below_its_threshold_buys_at_once() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")

        assert await paying.states() == ["approved"]
        assert await paying.balance() == "14.00"
        assert paying.provider.moved == {"room-1": 10_000_000}
        assert paying.provider.asked[-2:] == [
            f"{what} {(await paying.rows())[0].reference}" for what in ("create", "confirm")
        ]


async def test_what_stays_at_or_above_the_threshold_buys_nothing() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("5.00")

        assert await paying.rows() == []
        assert paying.meter.counts["rtbill_topups_wanted_total"] == 0


async def test_who_switched_it_off_buys_nothing() -> None:
    async with a_pay_office("10.00", is_on=False) as paying:
        await paying.spend("9.00")

        assert await paying.rows() == []


async def test_a_thousand_triggers_at_once_make_one_charge() -> None:
    async with a_pay_office("14.00") as paying:
        paying.provider.answer_s = 5.0
        for number in range(1_000):
            await paying.office.billing.credit("room-1", -10_000, f"spent {number}", "a call")
        await settle()
        await paying.clock.advance(60)

        assert await paying.states() == ["approved"]
        assert paying.provider.count("create") == 1
        assert paying.provider.moved == {"room-1": 10_000_000}


async def test_a_trigger_that_comes_while_one_is_under_way_is_looked_at_when_that_is_over() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.answer_s = 5.0
        await paying.spend("6.00")
        await paying.spend("11.00")
        await paying.clock.advance(60)

        assert await paying.states() == ["approved", "approved"]
        assert await paying.balance() == "13.00"


async def test_the_request_leaves_within_a_second_of_its_trigger_and_without_jitter() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")

        assert paying.meter.observed["rtbill_topup_trigger_to_request_seconds"] == [0.0]


async def test_five_thousand_accounts_below_their_threshold_at_the_start_pass_ten_by_ten() -> None:
    rooms = [f"room-{number}" for number in range(1, 5_001)]
    accounts = [an_account(room) for room in rooms]
    async with a_pay_office("1.00", accounts=accounts, buying=rooms) as paying:
        assert paying.provider.asked == ["events "]
        paying.provider.answer_s = 0.02
        await paying.clock.advance(10)
        early = paying.provider.count("create")
        await paying.clock.advance(60)

        assert paying.provider.at_once_max == 10
        assert 1_000 < early < 2_500
        assert paying.provider.count("create") == 5_000
        assert paying.provider.moved == dict.fromkeys(rooms, 10_000_000)


async def test_accounts_with_calls_in_progress_come_first() -> None:
    queue = TopUpQueue()
    for account in ("a", "b", "c"):
        queue.put(account, 0.0, is_urgent=False)
    queue.put("c", 5.0, is_urgent=True)

    assert [(await queue.take())[0] for _ in range(3)] == ["c", "a", "b"]


async def test_one_that_is_queued_or_looked_at_is_not_queued_again() -> None:
    queue = TopUpQueue()
    queue.put("a", 1.0, is_urgent=False)
    queue.put("a", 2.0, is_urgent=False)
    assert await queue.take() == ("a", 1.0)
    queue.put("a", 3.0, is_urgent=True)
    assert len(queue) == 0
    assert queue.done("a") == 3.0


async def test_the_bucket_lets_no_more_than_its_rate_through() -> None:
    clock = VirtualClock()
    bucket = TokenBucket(60, clock)
    passed: list[float] = []

    async def many() -> None:
        for _ in range(100):
            await bucket.take()
            passed.append(clock.monotonic())

    async with asyncio.TaskGroup() as group:
        group.create_task(many())
        await clock.advance(60)

    assert len(passed) == 100
    assert passed[59] == 0.0
    assert passed[99] == pytest.approx(40.0)


async def test_the_rate_of_the_site_holds_triggers_back_and_loses_none() -> None:
    pace = ReplenishmentTerms(per_minute_max=6, jitter_s=0.0)
    rooms = [f"room-{number}" for number in range(1, 13)]
    accounts = [an_account(room) for room in rooms]
    terms = TERMS.__class__(url=TERMS.url, pace=pace)
    async with a_pay_office("1.00", accounts=accounts, buying=rooms, terms=terms) as paying:
        await paying.clock.advance(1)
        assert paying.provider.count("create") == 6
        await paying.clock.advance(60)
        assert paying.provider.count("create") == 12


# ------------------------------------------------------------------------- after a decline


async def test_a_declined_one_is_tried_again_when_its_wait_is_over_and_not_before() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = [DeclineClass.FAST]
        await paying.spend("6.00")
        assert await paying.states() == ["declined"]

        for _ in range(5):
            await paying.clock.advance(600)
            await paying.spend("0.10")
        assert await paying.states() == ["declined"]
        assert paying.meter.counts["rtbill_topups_wanted_total"] == 2  # it, and when it may again

        await paying.clock.advance(700)
        assert await paying.states() == ["declined", "approved"]


async def test_a_card_that_will_never_do_is_not_tried_again() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = [DeclineClass.NEVER]
        await paying.spend("6.00")
        paying.clock.step(29 * 86_400)
        await paying.spend("0.10")
        await paying.clock.advance(60)

        assert await paying.states() == ["declined"]
        assert (await paying.office.store.methods("room-1"))[0].barred_at is not None


async def test_money_from_elsewhere_ends_the_waiting() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = [DeclineClass.FAST]
        await paying.spend("6.00")
        await paying.office.credit("20.00", "cash")
        await paying.clock.advance(2 * 3600)

        assert await paying.states() == ["declined"]


async def test_credentials_that_are_wrong_stop_the_gateway_until_a_person_resumes_it() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = [DeclineClass.OURS]
        await paying.spend("6.00")
        await paying.clock.advance(2 * 3600)

        assert await paying.states() == ["declined"]
        assert "gateway" in paying.office.alarm_kinds()
        await paying.order("pay.resume", gateway="fake")
        await paying.clock.advance(60)
        assert await paying.states() == ["declined", "approved"]
        assert paying.office.alarm_kinds() == []


async def test_nothing_is_begun_at_a_gateway_that_was_stopped_before_the_start() -> None:
    async with a_pay_office("10.00") as paying:
        stop = GatewayStop(gateway="fake", reason="the key was revoked", since=NOON)
        await paying.office.store.change(StopGateway(stop))
        await paying.spend("6.00")
        await paying.clock.advance(20)

        assert await paying.rows() == []
        assert paying.office.alarm_kinds() == ["gateway"]


async def test_three_within_ten_minutes_stop_the_account_until_a_person_resumes_it() -> None:
    async with a_pay_office("10.00") as paying:
        for _ in range(4):
            await paying.spend("10.00")
            await paying.clock.advance(60)

        assert await paying.states() == ["approved"] * 3
        assert paying.office.alarm_kinds() == ["top-up"]
        await paying.clock.advance(3600)
        await paying.order("pay.resume", account="room-1")
        assert await paying.states() == ["approved"] * 4
        assert paying.office.alarm_kinds() == []


# ----------------------------------------------------------------- locks, calls and grace

CALL = "12:00:01 start 1 1001 0041315550100\n12:00:02 answer 1"


async def test_a_settled_payment_unlocks_at_once() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = [DeclineClass.FAST]
        await paying.spend("10.00")
        assert paying.office.wanted() != Service()
        assert paying.office.wanted().outgoing == LOCKED_SERVICE.outgoing

        await paying.clock.advance(3700)
        assert await paying.states() == ["declined", "approved"]
        assert paying.office.wanted() == Service()


async def test_a_desk_lock_is_not_lifted_by_a_payment() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.office.order("lock", extension="hotel/1001", reason="noise")
        await paying.spend("10.00")

        assert await paying.states() == ["approved"]
        assert paying.office.wanted().outgoing == LOCKED_SERVICE.outgoing


async def test_while_nobody_knows_the_lock_waits_out_the_grace() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["confirm"] = [Loss.BEFORE]
        paying.provider.losses["find"] = [Loss.UNREACHABLE] * 100
        await paying.spend("6.00")
        await paying.spend("4.00")
        assert await paying.states() == ["unknown"]
        assert paying.office.wanted() == Service()
        assert paying.office.directory.state("room-1").grace_micros == 2_000_000

        await paying.clock.advance(14 * 60)
        assert paying.office.wanted() == Service()
        await paying.clock.advance(2 * 60)
        assert paying.office.wanted() != Service()
        assert paying.office.directory.state("room-1").grace_micros == 0


async def test_the_grace_is_used_up_by_money_too() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["confirm"] = [Loss.BEFORE]
        paying.provider.losses["find"] = [Loss.UNREACHABLE] * 100
        await paying.spend("6.00")
        await paying.spend("5.99")
        assert paying.office.wanted() == Service()
        await paying.spend("0.01")
        assert paying.office.wanted() != Service()


async def test_a_provider_that_cannot_be_reached_gives_grace_as_well() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["create"] = [Loss.UNREACHABLE] * 1000
        await paying.spend("10.00")
        assert await paying.states() == ["wanted"]
        assert paying.office.wanted() == Service()

        await paying.clock.advance(23 * 60)  # the grace ends with the try that follows 15 minutes
        assert paying.office.wanted() != Service()
        paying.provider.losses.clear()
        await paying.clock.advance(11 * 60)
        assert await paying.states() == ["approved"]
        assert paying.office.wanted() == Service()


async def test_a_card_that_is_refused_for_good_locks_at_zero_without_grace() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = [DeclineClass.CARD]
        await paying.spend("10.00")

        assert await paying.states() == ["declined"]
        assert paying.office.wanted() != Service()


async def test_the_month_has_a_ceiling_and_the_next_one_begins_anew() -> None:
    async with a_pay_office("10.00", month_max_micros=20_000_000) as paying:
        for _ in range(3):
            await paying.spend("10.00")
            await paying.clock.advance(3600)
        assert await paying.states() == ["approved"] * 2
        assert await paying.balance() == "0.00"

        paying.clock.step(timedelta(days=27).total_seconds())
        await paying.clock.advance(60)
        assert await paying.states() == ["approved"] * 3
