"""Enforcement rounds and the other work by the clock."""

from __future__ import annotations

import asyncio

import pytest

from rtbill import jobs
from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE, Incoming, Outgoing, Service
from rtbill.domain.changes import Change, Heard
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.exchanges import rounds
from rtbill.exchanges.enforcement import Policy
from tests.fakes.builders import a_membership, at
from tests.fakes.memory_store import MemoryStore
from tests.fakes.office import an_office

DIVERTED = Service(Outgoing.OPEN, Incoming.DIVERT)
BOTH = Service(Outgoing.LOCKED, Incoming.DIVERT)
SPENDS_ALL = "12:00:05 answer 1\n12:16:45 end 1"
"""1,000 s at a cent a second: 10.00."""


# ---------------------------------------------------------------------- locks


@pytest.mark.parametrize("exhausted", [LOCKED_SERVICE, DIVERTED, BOTH])
async def test_a_balance_that_runs_out_takes_away_what_the_class_says(exhausted: Service) -> None:
    async with an_office("10.00", policies={"standard": Policy(exhausted=exhausted)}) as office:
        await office.hear(SPENDS_ALL)

        assert office.wanted() == exhausted
        assert office.pbx.held == {"1001": exhausted}
        assert (await office.enforcement.tally(office.line)).differing == []


async def test_every_extension_of_a_group_is_locked() -> None:
    members = [a_membership(number=number) for number in ("1001", "1002", "1003")]
    async with an_office("10.00", memberships=members) as office:
        await office.hear(SPENDS_ALL)

        assert office.pbx.held == dict.fromkeys(["1001", "1002", "1003"], LOCKED_SERVICE)


async def test_paying_unlocks() -> None:
    async with an_office("10.00") as office:
        await office.hear(SPENDS_ALL)
        await office.credit("5.00")

        assert office.pbx.held == {}
        assert office.pbx.done("set") == [("1001", LOCKED_SERVICE), ("1001", OPEN_SERVICE)]


async def test_a_lock_by_hand_survives_paying_and_lifting_it_leaves_the_lock_for_money() -> None:
    async with an_office("10.00") as office:
        await office.order("lock", extension="1001", incoming="divert")
        assert office.pbx.held == {"1001": BOTH}
        await office.hear(SPENDS_ALL)
        await office.credit("5.00")
        assert office.pbx.held == {"1001": BOTH}

        await office.hear("12:20:05 answer 2\n12:30:05 end 2")
        await office.order("unlock", extension="1001")
        assert office.pbx.held == {"1001": LOCKED_SERVICE}

        await office.credit("5.00", key="second")
        assert office.pbx.held == {}


async def test_a_lock_that_the_exchange_lost_is_set_again() -> None:
    async with an_office("10.00") as office:
        await office.hear(SPENDS_ALL)
        office.pbx.held.clear()

        await office.clock.advance(rounds.READ_BACK_S + rounds.ROUND_S)

        assert office.pbx.held == {"1001": LOCKED_SERVICE}


async def test_a_lock_that_nobody_wants_is_taken_away() -> None:
    async with an_office("10.00") as office:
        office.pbx.held["1001"] = LOCKED_SERVICE
        office.pbx.held["1999"] = BOTH

        await office.hear("12:01:00 lost\n12:02:00 back")

        assert office.pbx.held == {}


async def test_locks_wanted_while_the_link_was_lost_are_set_when_it_is_back() -> None:
    async with an_office("10.00") as office:
        await office.hear("12:00:05 answer 1\n12:16:45 end 1\n12:16:46 lost")
        office.pbx.held.clear()
        office.pbx.commands.clear()
        await office.clock.advance(300)
        assert office.pbx.commands == []

        await office.hear("12:22:00 back")

        assert office.pbx.held == {"1001": LOCKED_SERVICE}


@pytest.mark.parametrize("error", [Unavailable("no link"), OutcomeUnknown("no answer")])
async def test_a_lock_that_fails_is_an_alarm_and_repeated_within_seconds(
    error: Unavailable | OutcomeUnknown,
) -> None:
    async with an_office("10.00") as office:
        office.pbx.fail("set", error, error)
        await office.hear(SPENDS_ALL)
        assert office.pbx.held == {}
        assert office.alarm_kinds() == ["service"]
        assert (await office.enforcement.tally(office.line)).differing == ["1001"]

        await office.clock.advance(3)

        assert office.pbx.held == {"1001": LOCKED_SERVICE}
        assert office.alarm_kinds() == []


async def test_a_lock_of_which_no_answer_came_is_looked_up_before_anything_is_believed() -> None:
    async with an_office("10.00") as office:
        office.pbx.unknown_is_done = True
        office.pbx.fail("set", OutcomeUnknown("no answer"))
        await office.hear(SPENDS_ALL)
        assert office.alarm_kinds() == ["service"]

        await office.credit("5.00")
        await office.clock.advance(1)

        assert office.pbx.held == {}
        assert office.alarm_kinds() == []


async def test_locks_that_cannot_be_read_are_an_alarm_and_read_again() -> None:
    async with an_office("10.00") as office:
        office.pbx.fail("services", Unavailable("no right to read"))
        await office.hear("12:01:00 lost\n12:02:00 back")
        assert office.alarm_kinds() == ["service"]

        await office.clock.advance(1)
        assert office.alarm_kinds() == []


async def test_a_membership_that_ends_opens_the_extension_by_itself() -> None:
    member = a_membership(until="2026-10-05T12:20")
    async with an_office("10.00", memberships=[member]) as office:
        await office.hear(SPENDS_ALL)
        assert office.pbx.held == {"1001": LOCKED_SERVICE}

        await office.clock.advance(1300)

        assert office.pbx.held == {}


async def test_many_locks_are_set_a_few_at_a_time_and_all_of_them() -> None:
    members = [a_membership(number=str(1000 + index)) for index in range(100)]
    async with an_office("10.00", memberships=members) as office:
        await office.hear(SPENDS_ALL.replace("1\n", "1 payer=1000\n"))

        assert len(office.pbx.held) == 100


# ---------------------------------------------------------------------- the rest


class FailingStore(MemoryStore):
    """Its disk is full, and one finds out only by trying."""

    async def change(self, change: Change) -> None:
        if isinstance(change, Heard):
            raise OutcomeUnknown("not yet written: disk full")
        await super().change(change)


async def test_a_disk_that_fails_does_not_end_the_noting_of_what_was_heard() -> None:
    async with an_office() as office, asyncio.TaskGroup() as group:
        store = FailingStore(office.clock)
        task = group.create_task(jobs.note_heard(office.billing, store, office.clock), name="heard")
        await office.clock.advance(60)

        assert not task.done()
        task.cancel()


async def test_how_far_the_exchange_was_heard_is_noted_by_its_own_clock() -> None:
    async with an_office() as office, asyncio.TaskGroup() as group:
        office.clock.step(300)
        await office.hear("12:00:00 snapshot\n12:00:05 answer 1")
        task = group.create_task(
            jobs.note_heard(office.billing, office.store, office.clock), name="heard"
        )
        await office.clock.advance(10)

        [row] = await office.store.live_rows()
        assert row.heard_until == at("12:00:10")
        task.cancel()


async def test_nothing_is_noted_as_heard_while_the_link_is_lost() -> None:
    async with an_office() as office, asyncio.TaskGroup() as group:
        await office.hear("12:00:05 answer 1\n12:00:10 lost")
        task = group.create_task(
            jobs.note_heard(office.billing, office.store, office.clock), name="heard"
        )
        await office.clock.advance(60)

        [row] = await office.store.live_rows()
        assert row.heard_until is None
        task.cancel()
