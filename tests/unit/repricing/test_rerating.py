"""Calls rated again: dry run, carrying out, stopping and going on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE
from rtbill.domain.changes import MarkInvoiced
from rtbill.domain.errors import BadRecord, Conflict, Refused, UnknownAccount
from rtbill.domain.tariff import Tariff
from tests.fakes.builders import a_rate, an_account
from tests.fakes.office import Office, an_office

CHEAPER = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
41,Switzerland,0,0.30,60,1
"""
DEARER = CHEAPER.replace("0.30", "1.20")
GONE = CHEAPER.replace("41,", "43,")
TWO_CALLS = (
    "12:00:05 answer 1\n12:01:35 end 1 answered=12:00:05\n"
    "12:10:00 answer 2 trunk=other\n12:11:00 end 2 answered=12:10:00 trunk=other"
)
"""90 seconds and 60 seconds at a cent a second: 0.90 and 0.60."""


async def import_tariff(
    office: Office, csv: str, since: str = "2026-10-01", name: str = "retail"
) -> None:
    await office.order("tariff.import", name=name, csv=csv, apply=True, valid_from=since)


async def plan(office: Office, **chosen: str) -> dict[str, Any]:
    return await office.order("run.plan", by="kim", **chosen)


def half_price(tariff: Tariff) -> Tariff:
    return replace(tariff, rates=(a_rate(per_minute="0.15"),))


async def test_a_dry_run_shows_the_difference_of_each_account_and_moves_nothing() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)

        answer = await plan(office)

        assert answer["looked_at"] == 2
        assert answer["accounts"] == [
            {
                "account": "room-1",
                "currency": "EUR",
                "changed": 2,
                "unpriced": 0,
                "before": "1.50",
                "after": "0.75",
                "difference": "-0.75",
            }
        ]
        assert await office.balance() == 8_500_000
        assert await office.calls() == ["1 rated 0.90 room-1", "2 rated 0.60 room-1"]


async def test_what_the_dry_run_showed_is_carried_out_by_reversing_entries() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]

        answer = await office.order("run.apply", run=run)

        assert answer == {"run": 1, "state": "done", "done": 2, "of": 2}
        assert await office.calls() == ["1 rated 0.45 room-1", "2 rated 0.30 room-1"]
        assert await office.balance() == 9_250_000
        assert office.directory.state("room-1").balance_micros == 9_250_000
        moved = [each.transfer for each in await office.store.transfers("room-1", None, None)]
        assert [
            (each.kind, each.call, each.change_micros, each.reverses) for each in moved[3:]
        ] == [
            ("reversal", "hotel/1", 900_000, "call:hotel/1"),
            ("call", "hotel/1", -450_000, None),
            ("reversal", "hotel/2", 600_000, "call:hotel/2"),
            ("call", "hotel/2", -300_000, None),
        ]


async def test_a_run_is_carried_out_once() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]
        await office.order("run.apply", run=run)

        with pytest.raises(Refused, match="is done: nothing is left to do"):
            await office.order("run.apply", run=run)
        assert await office.balance() == 9_250_000
        assert (await plan(office))["changed"] == 0


async def test_calls_that_lose_their_rate_keep_their_price_and_are_told() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, GONE)

        answer = await plan(office)
        await office.order("run.apply", run=answer["run"])

        assert (answer["changed"], answer["unpriced"]) == (0, 2)
        assert answer["samples"][0] == {
            "call": "hotel/1",
            "number": "+41315550100",
            "why": "tariff 'retail' has no rate for +41315550100",
        }
        assert await office.balance() == 8_500_000
        assert await office.calls() == ["1 rated 0.90 room-1", "2 rated 0.60 room-1"]


@pytest.mark.parametrize(
    ("chosen", "changed"),
    [
        ({}, 2),
        ({"since": "2026-10-05T12:05"}, 1),
        ({"until": "2026-10-05T12:10"}, 1),
        ({"since": "2026-10-05T12:10", "until": "2026-10-05T12:10:01"}, 1),
        ({"trunk": "other"}, 1),
        ({"pbx": "hotel"}, 2),
        ({"pbx": "motel"}, 0),
        ({"account": "room-2"}, 0),
        ({"destination": "+4131"}, 2),
        ({"destination": "4132"}, 0),
        ({"destination": "destination 41"}, 2),
        ({"destination": "France"}, 0),
        ({"tariff": "retail"}, 2),
        ({"tariff": "wholesale"}, 0),
    ],
)
async def test_a_selection_takes_calls_by_everything_it_names(
    chosen: dict[str, str], changed: int
) -> None:
    async with an_office("10.00", accounts=[an_account(), an_account("room-2")]) as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)

        assert (await plan(office, **chosen))["changed"] == changed


async def test_a_dry_run_of_an_unknown_account_or_an_empty_span_is_refused() -> None:
    async with an_office() as office:
        with pytest.raises(UnknownAccount, match="nobody"):
            await plan(office, account="nobody")
        with pytest.raises(BadRecord, match="ends before it begins"):
            await plan(office, since="2026-10-05", until="2026-10-05")
        with pytest.raises(BadRecord, match="not one of: unrated, unconfirmed"):
            await plan(office, kind="recycle", reason="bored")


async def test_the_version_in_force_at_the_answer_prices_each_call() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER, since="2026-10-05T12:05")

        await office.order("run.apply", run=(await plan(office))["run"])

        assert await office.calls() == ["1 rated 0.90 room-1", "2 rated 0.30 room-1"]


async def test_prices_that_moved_since_the_dry_run_are_not_posted() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]
        await import_tariff(office, DEARER)

        with pytest.raises(Conflict, match="make a new dry run"):
            await office.order("run.apply", run=run)
        assert await office.balance() == 8_500_000


async def test_calls_that_another_run_changed_are_not_changed_by_an_older_dry_run() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        older, newer = (await plan(office))["run"], (await plan(office))["run"]
        await office.order("run.apply", run=newer)

        with pytest.raises(Conflict, match="run 2 changed prices since"):
            await office.order("run.apply", run=older)
        assert await office.balance() == 9_250_000


async def test_calls_that_came_after_the_dry_run_are_left_to_the_next() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]
        await office.hear("12:20:00 answer 3\n12:21:00 end 3 answered=12:20:00")

        answer = await office.order("run.apply", run=run)

        assert answer["done"] == 2
        assert (await office.calls())[2] == "3 rated 0.30 room-1"


async def test_a_second_run_reverses_what_the_first_posted() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        for csv in (CHEAPER, DEARER):
            await import_tariff(office, csv)
            await office.order("run.apply", run=(await plan(office))["run"])

        assert await office.calls() == ["1 rated 1.80 room-1", "2 rated 1.20 room-1"]
        assert await office.balance() == 7_000_000
        moved = [each.transfer for each in await office.store.transfers("room-1", None, None)]
        reversed_ = [each.reverses for each in moved if each.kind == "reversal"]
        assert reversed_[2:] == ["rerate:1:room-1:hotel/1", "rerate:1:room-1:hotel/2"]


async def test_an_invoiced_call_is_adjusted_and_never_reversed() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await office.store.change(MarkInvoiced(("hotel/1",), "2026-10"))
        for csv in (CHEAPER, DEARER):
            await import_tariff(office, csv)
            await office.order("run.apply", run=(await plan(office))["run"])

        assert await office.calls() == ["1 rated 1.80 room-1", "2 rated 1.20 room-1"]
        assert await office.balance() == 7_000_000
        moved = [each.transfer for each in await office.store.transfers("room-1", None, None)]
        of_one = [(each.kind, each.change_micros) for each in moved if each.call == "hotel/1"]
        assert of_one == [("call", -900_000), ("adjustment", 450_000), ("adjustment", -1_350_000)]


async def test_a_price_of_nothing_is_reversed_only_and_debited_only() -> None:
    nothing = CHEAPER.replace("0.30", "0")
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        for csv in (nothing, CHEAPER):
            await import_tariff(office, csv)
            await office.order("run.apply", run=(await plan(office))["run"])

        assert await office.balance() == 9_250_000
        moved = [each.transfer for each in await office.store.transfers("room-1", None, None)]
        of_one = [(each.kind, each.change_micros) for each in moved if each.call == "hotel/1"]
        assert of_one == [("call", -900_000), ("reversal", 900_000), ("call", -450_000)]


async def test_what_is_given_back_unlocks_the_account_with_one_notice() -> None:
    async with an_office("1.50") as office:
        await office.hear(TWO_CALLS)
        assert office.wanted() == LOCKED_SERVICE
        await import_tariff(office, CHEAPER)
        before = len(await office.waiting())

        await office.order("run.apply", run=(await plan(office))["run"])

        assert office.wanted() == OPEN_SERVICE
        told = [(each.kind, each.text) for each in (await office.waiting())[before - 1 :]]
        kinds = [kind for kind, _ in told]
        assert kinds.count("calls.rerated") == kinds.count("service.opened") == 1
        assert (
            "calls.rerated",
            "2 calls were rated again, 0.75 EUR given back; balance 0.75 EUR",
        ) in (told)


async def test_dearer_calls_lock_an_account_that_cannot_pay_them() -> None:
    async with an_office("2.00") as office:
        await office.hear(TWO_CALLS)
        assert office.wanted() == OPEN_SERVICE
        await import_tariff(office, DEARER)

        await office.order("run.apply", run=(await plan(office))["run"])

        assert await office.balance() == -1_000_000
        assert office.wanted() == LOCKED_SERVICE


async def test_a_dropped_run_is_not_carried_out() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]

        assert (await office.order("run.drop", run=run))["state"] == "dropped"

        with pytest.raises(Refused, match="is dropped"):
            await office.order("run.apply", run=run)
        listed = await office.order("run.list")
        assert [(each["run"], each["state"], each["made_by"]) for each in listed["runs"]] == [
            (1, "dropped", "kim")
        ]


async def test_a_run_that_is_unknown_or_no_number_is_refused() -> None:
    async with an_office() as office:
        with pytest.raises(Refused, match="no run 7"):
            await office.order("run.apply", run=7)
        with pytest.raises(BadRecord, match="not the number of a run"):
            await office.order("run.apply", run="seven")


async def test_another_process_makes_the_dry_run_again_before_it_carries_it_out() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]
        office.restart_desk()

        assert (await office.order("run.apply", run=run))["done"] == 2


async def test_a_dry_run_under_other_settings_is_refused_by_the_next_process() -> None:
    async with an_office("10.00") as office:
        await office.hear(TWO_CALLS)
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]
        office.restart_desk()
        # The same numbers of versions, but what they say is read otherwise now.
        [first, second] = await office.store.tariffs()
        office.assessor.replace_book(type(office.assessor.book)([first, half_price(second)]))

        with pytest.raises(Conflict, match="would not get what the dry run"):
            await office.order("run.apply", run=run)
        assert await office.balance() == 8_500_000
