"""The outside billing package is the master of a balance, and calls go on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from rtbill.desk.balance_reports import BalanceReports
from rtbill.domain.errors import BadRecord, Conflict, UnknownAccount
from rtbill.domain.ledger import TransferKind
from rtbill.formats.wording import Wording
from tests.fakes.builders import PBX
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

A_CALL = "12:00:05 answer {0}\n12:01:35 end {0}"
"""Costs 0.90."""


@asynccontextmanager
async def reporting(balance: str = "10.00") -> AsyncIterator[Office]:
    async with an_office(balance) as office:
        teach(office)
        yield office


def teach(office: Office) -> None:
    reports = BalanceReports(
        billing=office.billing,
        store=office.store,
        reader=office.store,
        clock=office.clock,
        wording=Wording("UTC", [PBX]),
    )
    office.desk.add_order("balance.report", reports.order)


async def report(office: Office, balance: str, ago_s: float = 0.0) -> dict[str, Any]:
    as_of = (office.clock.now() - timedelta(seconds=ago_s)).isoformat()
    return await office.order("balance.report", account="room-1", balance=balance, as_of=as_of)


async def call(office: Office, leg: str = "1") -> None:
    await office.hear(A_CALL.format(leg))


async def test_the_difference_is_posted_as_a_correction() -> None:
    async with reporting("10.00") as office:
        await office.clock.advance(60)
        answer = await report(office, "12.345")

        assert answer == {
            "account": "room-1",
            "currency": "EUR",
            "reported": "12.345",
            "correction": "2.345",
            "balance": "12.345",
        }
        assert await office.balance() == 12_345_000
        newest = await office.store.newest_transfer("room-1")
        assert newest is not None
        assert newest.transfer.kind is TransferKind.CORRECTION
        assert newest.transfer.debit == "corrections"


async def test_a_balance_that_is_ours_moves_nothing() -> None:
    async with reporting("10.00") as office:
        await office.clock.advance(60)
        assert (await report(office, "10"))["correction"] == "0.00"
        newest = await office.store.newest_transfer("room-1")
        assert newest is not None
        assert newest.transfer.version == 1


async def test_a_call_posted_after_the_instant_is_debited_on_top_of_what_was_reported() -> None:
    async with reporting("10.00") as office:
        await office.clock.advance(60)
        await call(office)
        answer = await report(office, "20.00", ago_s=30)

        assert answer["correction"] == "10.00"
        assert answer["balance"] == "19.10"


async def test_a_call_posted_before_the_instant_is_counted_in_what_was_reported() -> None:
    async with reporting("10.00") as office:
        await call(office)
        await office.clock.advance(60)
        answer = await report(office, "20.00", ago_s=30)

        assert answer["correction"] == "10.90"
        assert answer["balance"] == "20.00"


async def test_a_call_in_progress_is_debited_when_it_ends() -> None:
    async with reporting("10.00") as office:
        await office.hear("12:00:05 answer 1")
        await office.clock.advance(60)
        assert office.directory.state("room-1").held_micros > 0
        await report(office, "20.00")
        await office.hear("12:01:35 end 1")

        assert await office.balance() == 19_100_000


async def test_the_same_report_again_has_the_first_answer_and_moves_nothing() -> None:
    async with reporting("10.00") as office:
        await office.clock.advance(60)
        as_of = office.clock.now().isoformat()
        words = {"account": "room-1", "balance": "12.00", "as_of": as_of}
        first = await office.order("balance.report", **words)
        await office.clock.advance(60)
        teach(office)  # as after a restart
        again = await office.order("balance.report", **words)

        assert again == first
        assert await office.balance() == 12_000_000


async def test_a_report_whose_correction_was_lost_in_a_crash_is_finished_by_its_repetition() -> (
    None
):
    async with reporting("10.00") as office:
        await office.clock.advance(60)
        as_of = office.clock.now().isoformat()
        office.store.is_stuck = True
        words = {"account": "room-1", "balance": "12.00", "as_of": as_of}
        order = office.order("balance.report", **words)
        async with timeout_of(order):
            pass
        assert await office.balance() == 10_000_000
        office.store.is_stuck = False
        office.store._waiting.clear()
        teach(office)

        assert (await office.order("balance.report", **words))["correction"] == "2.00"
        assert await office.balance() == 12_000_000


@asynccontextmanager
async def timeout_of(order: Any) -> AsyncIterator[None]:
    """The order is begun and cut off."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(order)
        await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
    yield


async def test_a_newer_report_of_an_instant_before_the_last_correction_does_not_correct_twice() -> (
    None
):
    async with reporting("10.00") as office:
        await office.clock.advance(60)
        await report(office, "20.00", ago_s=30)
        answer = await report(office, "20.00", ago_s=10)

        assert answer["correction"] == "0.00"
        assert await office.balance() == 20_000_000


async def test_an_older_report_is_refused() -> None:
    async with reporting() as office:
        await office.clock.advance(60)
        await report(office, "20.00")
        with pytest.raises(Conflict, match="was reported already; report a later instant"):
            await report(office, "5.00", ago_s=1)
        assert await office.balance() == 20_000_000


async def test_a_report_of_the_future_or_of_nobody_is_refused() -> None:
    async with reporting() as office:
        with pytest.raises(BadRecord, match="is to come"):
            await report(office, "20.00", ago_s=-1)
        with pytest.raises(UnknownAccount):
            await office.order(
                "balance.report", account="x", balance="1", as_of=office.clock.now().isoformat()
            )


async def test_a_report_opens_an_account_that_was_locked_for_want_of_money() -> None:
    async with reporting("0.05") as office:
        await office.hear(A_CALL.format("1"))
        await office.clock.advance(60)
        await settle()
        assert office.wanted().outgoing == "locked"
        await report(office, "5.00")
        assert office.wanted().outgoing == "open"
