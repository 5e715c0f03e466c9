"""Runs in the background of a service: begun, followed, stopped, gone on with, left unfinished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtbill.domain.errors import Conflict, Refused
from rtbill.domain.work import Committed, Repricing
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

CHEAPER = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
41,Switzerland,0,0.30,60,1
"""
CALLS = 6


@asynccontextmanager
async def an_office_with_calls(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """Six calls of 0.60 that cost 0.30 now, and slices of one call."""
    monkeypatch.setattr("rtbill.repricing.rerating.SLICE", 1)
    async with an_office("10.00") as office:
        for number in range(CALLS):
            await office.hear(
                f"12:0{number}:00 answer {number}\n"
                f"12:0{number}:59.999 end {number} answered=12:0{number}:00"
            )
        await office.order(
            "tariff.import", name="retail", csv=CHEAPER, apply=True, valid_from="2026-10-01"
        )
        yield office


@asynccontextmanager
async def served(office: Office) -> AsyncIterator[None]:
    """The desk's runs at work in the background."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(office.desk.runs.serve())
        await settle()
        try:
            yield
        finally:
            task.cancel()


async def over(office: Office) -> dict[str, Any]:
    """How it came out, once it is over."""
    for _ in range(1000):
        progress = await office.order("run.progress")
        if progress["over"]:
            return progress
    raise AssertionError("it is never over")


async def test_a_service_begins_at_once_and_tells_what_came_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office_with_calls(monkeypatch) as office, served(office):
        assert await office.order("run.plan", by="kim") == {"begun": True}
        planned = (await over(office))["answer"]
        assert planned["changed"] == CALLS

        assert await office.order("run.apply", run=planned["run"]) == {"begun": True}

        done = await over(office)
        assert done["answer"] == {"run": 1, "state": "done", "done": CALLS, "of": CALLS}
        assert await office.balance() == 8_200_000
        assert office.alarm_kinds() == []


async def test_what_goes_wrong_in_the_background_is_told_to_who_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office_with_calls(monkeypatch) as office, served(office):
        await office.order("run.plan")
        run = (await over(office))["answer"]["run"]
        await office.order(
            "tariff.import",
            name="retail",
            csv=CHEAPER.replace("0.30", "0.90"),
            apply=True,
            valid_from="2026-10-01",
        )
        await office.order("run.apply", run=run)

        progress = await over(office)
        assert "make a new dry run" in progress["error"]
        assert progress["answer"] is None
        assert await office.balance() == 6_400_000


async def stopped_in_the_middle(office: Office) -> int:
    """The number of a run that did some of its calls."""
    run: int = (await office.order("run.plan"))["run"]
    reprice = office.store.reprice

    def stop_after_two(repricing: Any) -> Any:
        job = office.desk.runs._job
        assert job is not None, "it is at work"
        job.progress.is_stopped = job.progress.done >= 1
        return reprice(repricing)

    office.store.reprice = stop_after_two  # type: ignore[method-assign]
    answer = await office.order("run.apply", run=run)
    office.store.reprice = reprice  # type: ignore[method-assign]
    assert answer["state"] == "under way"
    assert 0 < answer["done"] < CALLS
    return run


async def test_a_stopped_run_is_alarmed_and_gone_on_with_to_the_same_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office_with_calls(monkeypatch) as office:
        run = await stopped_in_the_middle(office)
        assert office.alarm_kinds() == ["rerating"]

        answer = await office.order("run.apply", run=run)

        assert answer == {"run": run, "state": "done", "done": CALLS, "of": CALLS}
        assert await office.balance() == 8_200_000
        assert office.alarm_kinds() == []
        assert {line.split()[2] for line in await office.calls()} == {"0.30"}


async def test_a_slice_that_is_refused_leaves_its_account_to_be_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office_with_calls(monkeypatch) as office:
        run = (await office.order("run.plan"))["run"]
        reprice, queued = office.store.reprice, []

        def refuse_the_second(repricing: Repricing) -> asyncio.Future[Committed]:
            queued.append(repricing)
            if len(queued) != 2:
                return reprice(repricing)
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(Conflict("refused"))
            return refused

        office.store.reprice = refuse_the_second  # type: ignore[method-assign]
        with pytest.raises(Conflict, match="refused"):
            await office.order("run.apply", run=run)
        assert not any(each.is_last for each in queued)
        assert office.alarm_kinds() == ["rerating"]

        answer = await office.order("run.apply", run=run)

        assert (answer["state"], answer["done"]) == ("done", CALLS)
        assert await office.balance() == 8_200_000


@pytest.mark.parametrize(
    ("page", "slice_", "sizes"),
    [
        (1, 1, [1, 1, 1, 1, 1, 1, 0]),
        (2, 3, [3, 3, 0]),
        (4, 4, [4, 2]),
        (5, 2, [2, 2, 2, 0]),
        (4, 5, [5, 1]),
        (6, 6, [6, 0]),
        (7, 7, [6]),
    ],
)
async def test_a_slice_has_its_calls_wherever_a_page_ends(
    monkeypatch: pytest.MonkeyPatch, page: int, slice_: int, sizes: list[int]
) -> None:
    async with an_office_with_calls(monkeypatch) as office:
        monkeypatch.setattr("rtbill.repricing.rerating.PAGE", page)
        monkeypatch.setattr("rtbill.repricing.rerating.SLICE", slice_)
        run = (await office.order("run.plan"))["run"]
        reprice, queued = office.store.reprice, []

        def note(repricing: Repricing) -> asyncio.Future[Committed]:
            queued.append(repricing)
            return reprice(repricing)

        office.store.reprice = note  # type: ignore[method-assign]
        await office.order("run.apply", run=run)

        assert [len(each.calls) for each in queued] == sizes
        assert [each.is_last for each in queued] == [False] * (len(sizes) - 1) + [True]
        assert await office.balance() == 8_200_000


async def test_the_next_process_tells_and_finishes_what_the_last_one_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office_with_calls(monkeypatch) as office:
        run = await stopped_in_the_middle(office)
        office.alarms.clear("rerating", f"run {run}")
        office.restart_desk()
        async with served(office):
            assert office.alarm_kinds() == ["rerating"]
            await office.order("run.apply", run=run)

            assert (await over(office))["answer"]["state"] == "done"
        assert await office.balance() == 8_200_000
        assert office.alarm_kinds() == []


async def test_while_a_run_is_unfinished_no_other_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_office_with_calls(monkeypatch) as office:
        first = await stopped_in_the_middle(office)
        other = (await office.order("run.plan"))["run"]
        with pytest.raises(Conflict, match=f"run {first}"):
            await office.order("run.apply", run=other)

        await office.order("run.drop", run=first)
        assert office.alarm_kinds() == []
        await office.order("run.apply", run=(await office.order("run.plan"))["run"])

        assert await office.balance() == 8_200_000


async def test_a_tariff_that_comes_while_a_run_is_under_way_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office_with_calls(monkeypatch) as office:
        run = await stopped_in_the_middle(office)
        await office.order(
            "tariff.import",
            name="retail",
            csv=CHEAPER.replace("0.30", "0.90"),
            apply=True,
            valid_from="2026-10-01",
        )
        before = await office.balance()

        with pytest.raises(Conflict, match="prices changed since"):
            await office.order("run.apply", run=run)
        assert await office.balance() == before


async def test_orders_that_need_a_run_at_work_say_so() -> None:
    async with an_office() as office:
        with pytest.raises(Refused, match="nothing was begun"):
            await office.order("run.progress")
        with pytest.raises(Refused, match="no run is at work"):
            await office.order("run.stop")
