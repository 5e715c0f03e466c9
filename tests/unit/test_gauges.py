"""Gauges that are counted every few seconds."""

from __future__ import annotations

import asyncio

from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE
from rtbill.exchanges.rounds import SLICE
from rtbill.gauges import EVERY_S, Gauges, keep_gauges
from tests.fakes.builders import a_membership, an_account
from tests.fakes.environment import CountingMeter
from tests.fakes.office import an_office, extension


async def test_the_gauge_of_an_alarm_that_is_over_falls_to_zero() -> None:
    meter = CountingMeter()
    async with an_office(accounts=[an_account()]) as office, asyncio.TaskGroup() as group:
        gauges = keep_gauges(office.billing, office.enforcement, office.store, meter, office.clock)
        task = group.create_task(gauges, name="gauges")
        await office.hear("12:01:00 lost")
        await office.clock.advance(EVERY_S)
        assert meter.gauges["rtbill_alarms"] == 1

        await office.hear("12:02:00 back")
        await office.clock.advance(EVERY_S)

        assert meter.gauges["rtbill_alarms"] == 0
        assert meter.gauges["rtbill_services_wanted"] == 1
        assert office.wanted(extension().number) == OPEN_SERVICE
        task.cancel()


async def test_gauges_follow_what_is_held_and_fall_to_zero_with_it() -> None:
    meter = CountingMeter()
    async with an_office("5.00") as office, asyncio.TaskGroup() as group:
        gauges = keep_gauges(office.billing, office.enforcement, office.store, meter, office.clock)
        task = group.create_task(gauges, name="gauges")
        await office.hear("12:00:00 answer 1\n12:00:00 answer 2")
        await office.clock.advance(EVERY_S)
        assert meter.gauges["rtbill_holds_open"] == 2
        assert meter.gauges["rtbill_held_micros"] == 1_200_000

        await office.hear("12:00:05 end 1\n12:00:05 end 2")
        await office.clock.advance(EVERY_S)
        assert meter.gauges["rtbill_holds_open"] == 0
        assert meter.gauges["rtbill_held_micros"] == 0
        assert office.meter.counts["rtbill_hold_steps_total"] == 4
        task.cancel()


async def test_every_extension_counts_however_many_slices_they_take() -> None:
    meter = CountingMeter()
    numbers = [str(number) for number in range(1001, 1001 + 2 * SLICE + 1)]
    memberships = [a_membership(number=number) for number in numbers]
    async with an_office("10.00", memberships=memberships) as office:
        await office.hear("12:00:05 answer 1\n12:16:45 end 1")
        office.pbx.held[numbers[-1]] = OPEN_SERVICE
        office.line.services.confirmed = dict.fromkeys(numbers[:-1], LOCKED_SERVICE)
        gauges = Gauges(office.billing, office.enforcement, office.store, meter)

        await gauges.refresh()

        assert meter.gauges["rtbill_services_wanted"] == len(numbers)
        assert meter.gauges["rtbill_services_confirmed"] == len(numbers) - 1
        assert meter.gauges["rtbill_services_differing"] == 1
