"""What comes too late, comes twice, or cannot be: holds and limits stay what they are."""

from __future__ import annotations

import asyncio

import pytest

from rtbill.calls.tracker import Tracker
from rtbill.domain.account import Extension, Membership
from rtbill.domain.errors import Unavailable
from rtbill.domain.hold import HoldStep
from tests.fakes.builders import a_membership, at, events
from tests.fakes.fake_pbx import FakePbx
from tests.fakes.office import an_office
from tests.fakes.virtual_clock import settle
from tests.unit.credit.test_holding import SECOND, held, limits, steps


async def test_a_grant_that_is_durable_after_the_end_of_its_call_is_ordered_of_nobody() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        office.store.is_stuck = True
        await office.clock.advance(50)
        assert office.store.queued == 1
        await office.hear("12:00:50 end 1")
        office.store.is_stuck = False
        office.store.commit()
        await settle()

        assert steps(office) == [HoldStep.OPEN, HoldStep.EXTEND, HoldStep.POST]
        assert (held(office), limits(office)) == ([], [59.5])
        assert await office.balance() == 4_500_000


async def test_a_first_hold_that_is_durable_after_the_end_of_its_call_is_not_kept() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        office.store.is_stuck = True
        await office.hear("12:00:00 answer 1")
        await office.hear("12:00:01 end 1")
        office.store.is_stuck = False
        office.store.commit()
        await office.clock.advance(5)

        assert steps(office) == [HoldStep.OPEN, HoldStep.POST]
        assert (held(office), limits(office)) == ([], [])


async def test_a_step_that_fails_after_the_end_of_its_call_is_neither_repeated_nor_alarmed() -> (
    None
):
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        office.store.is_stuck = True
        await office.clock.advance(50)
        [(_, renewal)] = office.store._waiting
        office.store._waiting.clear()
        office.store.is_stuck = False
        await office.hear("12:00:50 end 1")
        renewal.set_exception(Unavailable("the disk is full"))
        await office.clock.advance(5)

        assert steps(office) == [HoldStep.OPEN, HoldStep.POST]
        assert office.alarm_kinds() == []


async def test_a_call_is_renewed_in_time_though_our_clock_is_set_back_while_it_talks() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(40)
        office.clock.step(-300)
        await office.clock.advance(75)

        assert limits(office) == [59.5, 119.5, 179.5]


async def test_no_call_is_ended_for_our_clock_being_set_ahead_while_it_talks() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(20)
        office.clock.step(300)
        await office.clock.advance(90)

        assert office.pbx.done("hang_up") == []
        assert limits(office) == [59.5, 119.5, 179.5]


async def test_a_call_goes_on_with_its_hold_though_its_exchanges_clock_is_set_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(50)
        await office.hear("11:50:50 snapshot; live 1 answered=12:00:00")
        await office.clock.advance(60)

        assert (held(office), limits(office)) == ([180], [59.5, 119.5, 179.5])
        assert caplog.records == []  # nothing that was called back has failed
        assert office.pbx.done("hang_up") == []


@pytest.mark.parametrize("lost", ["-5.00", "-9.00"])
async def test_a_call_whose_account_falls_to_nothing_or_below_keeps_what_is_held(lost: str) -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.credit(lost, key="correction")
        await office.clock.advance(59)

        assert (held(office), set(limits(office))) == ([60], {59.5})
        [hold] = office.directory.state("room-1").holds
        assert hold.is_final


async def test_one_uniqueid_of_two_exchanges_is_two_calls_with_a_hold_each() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        annexe = FakePbx("annexe")
        line = office.billing.add_line(annexe, Tracker("annexe"))
        own = Extension("annexe", "1001")
        held_by = Membership(account="room-1", extension=own, valid_from=at("2026-01-01"))
        office.directory.replace_memberships([a_membership(), held_by])
        async with asyncio.TaskGroup() as group:
            billing = group.create_task(office.billing.bill_pbx(line))
            await office.hear("12:00:00 answer 1")
            annexe.tell(*events("12:00:00 back\n12:00:00 answer 1", "annexe"))
            await settle()
            keys = [hold.key for hold in office.directory.state("room-1").holds]
            assert keys == ["hotel/1", "annexe/1"]

            await office.hear("12:00:10 end 1")
            assert [hold.key for hold in office.directory.state("room-1").holds] == ["annexe/1"]
            annexe.tell(*events("12:00:20 end 1", "annexe"))
            await settle()
            billing.cancel()

        assert held(office) == []
        assert await office.balance() == 5_000_000 - 100_000 - 200_000


async def test_one_channel_of_two_exchanges_asks_for_two_holds() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        called = office.assessor.classify("0041315550100")
        for pbx in ("hotel", "annexe"):
            reserve = office.billing.holdings.reserving.reserve
            await reserve("room-1", pbx, "17.1", called, at("12:00:00"))
        await settle()

        keys = [hold.key for hold in office.directory.state("room-1").holds]
        assert keys == ["hotel/17.1#0", "annexe/17.1#0"]
