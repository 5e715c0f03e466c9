"""Calls that wait, tried again by selection; and ranges added for them."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.account import LOCKED_SERVICE
from rtbill.domain.errors import BadRecord, Conflict, Refused
from tests.fakes.builders import an_account, at
from tests.fakes.office import Office, an_office

BOTH = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
33,France,0,0.30,60,60
41,Switzerland,0,0.60,60,1
"""
TO_FRANCE = "to=0033155501000"
WAITING = (
    f"12:00:00 answer 1 {TO_FRANCE}\n12:01:30 end 1 answered=12:00:00 {TO_FRANCE}\n"
    f"12:10:00 answer 2 {TO_FRANCE} trunk=other\n"
    f"12:10:30 end 2 answered=12:10:00 {TO_FRANCE} trunk=other cause=17 origin=/branch\n"
    "12:20:00 answer 3 to=0043155501000\n12:20:30 end 3 answered=12:20:00 to=0043155501000"
)
"""Two calls to France and one to Austria; the tariff has Switzerland alone."""
DOUBT = "12:30:05 answer 8\n12:31:05 lost\n12:35:00 back"


async def import_both(office: Office) -> None:
    await office.order(
        "tariff.import", name="retail", csv=BOTH, apply=True, valid_from="2026-10-01"
    )


async def plan(office: Office, **chosen: str) -> dict[str, Any]:
    return await office.order("run.plan", kind="recycle", **chosen)


async def test_what_has_a_rate_now_is_billed_and_the_rest_goes_on_waiting() -> None:
    async with an_office("10.00") as office:
        await office.hear(WAITING)
        await import_both(office)

        answer = await plan(office)
        assert (answer["looked_at"], answer["changed"], answer["unpriced"]) == (3, 2, 1)
        assert answer["totals"][0]["difference"] == "0.90"
        assert await office.balance() == 10_000_000
        done = await office.order("run.apply", run=answer["run"])

        assert done == {"run": 1, "state": "done", "done": 2, "of": 2}
        assert await office.balance() == 9_100_000
        assert await office.calls() == [
            "1 rated 0.60 room-1",
            "2 rated 0.30 room-1",
            "3 unrated - room-1",
        ]


@pytest.mark.parametrize(
    ("chosen", "changed"),
    [
        ({"trunk": "other"}, 1),
        ({"in_trunk": "branch"}, 1),
        ({"in_trunk": "other"}, 0),
        ({"cause": "17"}, 1),
        ({"cause": "user-busy"}, 1),
        ({"cause": "normal-clearing"}, 0),
        ({"since": "2026-10-05T12:05"}, 1),
        ({"until": "2026-10-05T12:05"}, 1),
        ({"pbx": "motel"}, 0),
        ({"reason": "unconfirmed"}, 1),
        ({"account": "room-2"}, 0),
    ],
)
async def test_waiting_calls_are_chosen(chosen: dict[str, str], changed: int) -> None:
    async with an_office("10.00", accounts=[an_account(), an_account("room-2")]) as office:
        await office.hear(WAITING)
        await office.hear(DOUBT)
        await import_both(office)

        assert (await plan(office, **chosen))["changed"] == changed


async def test_a_cause_that_is_none_is_refused_with_those_that_have_a_name() -> None:
    async with an_office() as office:
        for text in ("busy", "128", "-1"):
            with pytest.raises(BadRecord, match="user-busy"):
                await plan(office, cause=text)


async def test_a_call_in_doubt_is_billed_up_to_its_evidence_only_when_asked_for() -> None:
    async with an_office("10.00") as office:
        await office.hear(DOUBT)

        assert (await plan(office))["looked_at"] == 0
        await office.order("run.apply", run=(await plan(office, reason="unconfirmed"))["run"])

        assert await office.calls() == ["8 rated 0.60 room-1"]
        assert office.alarm_kinds() == []


async def test_a_run_whose_calls_were_settled_by_hand_is_refused() -> None:
    async with an_office("10.00") as office:
        await office.hear(WAITING)
        await import_both(office)
        run = (await plan(office))["run"]
        await office.order("calls.drop", call="hotel/1", reason="test")

        with pytest.raises(Conflict, match="settled since"):
            await office.order("run.apply", run=run)
        assert await office.balance() == 10_000_000


async def test_a_tariff_after_the_dry_run_asks_for_another() -> None:
    async with an_office("10.00") as office:
        await office.hear(WAITING)
        await import_both(office)
        run = (await plan(office))["run"]
        dearer = BOTH.replace("0.30", "3.00")
        await office.order("tariff.import", name="retail", csv=dearer, apply=True)

        with pytest.raises(Conflict, match="prices changed"):
            await office.order("run.apply", run=run)
        assert await office.balance() == 10_000_000


# ---------------------------------------------------------------------- ranges

FRANCE = {"prefix": "+33", "destination": "France", "price": "0.30", "increments": "60/60"}


async def test_adding_a_range_is_a_dry_run_first() -> None:
    async with an_office("10.00") as office:
        await office.hear(WAITING)

        answer = await office.order("unrated.add", **FRANCE)

        assert answer["run"] is None
        assert answer["totals"][0]["after"] == "0.90"
        assert answer["versions"] == [{"version": 2, "from": at("12:00:00").isoformat()}]
        assert len(await office.store.tariffs()) == 1
        assert await office.store.runs(10) == []
        assert await office.balance() == 10_000_000


async def test_a_range_bills_what_waits_for_it_and_every_other_call_costs_what_it_did() -> None:
    async with an_office("10.00") as office:
        await office.hear(WAITING)
        await office.hear("12:25:00 answer 4\n12:26:00 end 4 answered=12:25:00")

        answer = await office.order("unrated.add", **FRANCE, apply=True)

        assert (answer["state"], answer["done"]) == ("done", 2)
        assert await office.balance() == 8_500_000
        assert (await office.order("run.plan"))["changed"] == 0
        assert office.alarm_kinds() == ["unrated"]  # Austria


async def test_a_range_is_in_every_version_from_the_earliest_call_on() -> None:
    async with an_office("10.00") as office:
        for since, price in (("2026-10-05T12:05", "0.10"), ("2026-11-01", "0.20")):
            csv = BOTH.replace("33,France,0,0.30,60,60\n", "").replace("0.60", price)
            await office.order(
                "tariff.import", name="retail", csv=csv, apply=True, valid_from=since
            )
        await office.hear(WAITING)

        answer = await office.order("unrated.add", **FRANCE, apply=True)

        assert [(each["version"], each["from"]) for each in answer["versions"]] == [
            (4, at("12:00:00").isoformat()),
            (5, at("12:05:00").isoformat()),
            (6, at("2026-11-01").isoformat()),
        ]
        assert await office.balance() == 9_100_000
        book = office.assessor.book
        for instant, micros in (
            ("12:04:00", 600_000),
            ("12:06:00", 100_000),
            ("2026-11-02", 200_000),
        ):
            table = book.in_force("retail", at(instant))
            assert table.covers("+33155501000")
            [swiss] = [rate for rate in table.tariff.rates if rate.prefix == "41"]
            assert swiss.terms.steps[0].price_micros == micros


async def test_billing_what_waited_locks_an_account_that_cannot_pay_it() -> None:
    async with an_office("0.50") as office:
        await office.hear(WAITING)

        await office.order("unrated.add", **FRANCE, apply=True)

        assert await office.balance() == -400_000
        assert office.wanted() == LOCKED_SERVICE


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"prefix": "41x"}, "not a prefix"),
        ({"price": "cheap"}, "not an amount"),
        ({"price": "-1"}, "not negative"),
        ({"destination": " "}, "needs a destination"),
        ({"increments": "60"}, "not like 60/1"),
    ],
)
async def test_a_range_that_cannot_be_meant_is_refused(wrong: dict[str, str], why: str) -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord, match=why):
            await office.order("unrated.add", **(FRANCE | wrong))


async def test_a_range_that_nobody_waits_for_or_that_has_a_rate_is_refused() -> None:
    async with an_office() as office:
        await office.hear(WAITING)
        with pytest.raises(Refused, match=r"no call to \+44"):
            await office.order("unrated.add", **(FRANCE | {"prefix": "44"}))
        with pytest.raises(Refused, match="no tariff 'wholesale'"):
            await office.order("unrated.add", **FRANCE, tariff="wholesale")
        await import_both(office)
        with pytest.raises(Refused, match="has rates for 33 already"):
            await office.order("unrated.add", **FRANCE)
