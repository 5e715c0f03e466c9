"""Importing price plans at the desk, and the calls priced by them from then on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtbill.domain.account import Account
from rtbill.domain.errors import BadRecord
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import Price
from rtbill.pricing.assignment import Assignment, Place
from tests.fakes.builders import PBX, a_rate, a_tariff, an_account
from tests.fakes.office import Office, an_office

PLAN = """
tariffs = ["retail"]
tax = { name = "VAT", percent = "19" }
[[markup]]
percent = "20"
"""
TARIFF = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
41,Destination 41,0,0.60,60,1
"""
CALL = "12:00:05 answer {0}\n12:01:35 end {0}"
"""90 s at a cent a second: 0.90 by the tariff, 1.08 with 20 % more, 1.2852 with tax."""


def of_hall() -> list[Account]:
    """The room whose calls go by the plan."""
    return [an_account(tariff="hall-plan")]


async def imported(office: Office, toml: str = PLAN, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await office.order(
        "plan.import", **({"name": "hall-plan", "toml": toml} | arguments)
    )
    return answer


async def plans(office: Office) -> list[PricePlan]:
    return list(await office.store.price_plans())


async def price_of(office: Office, leg: str) -> Price:
    call = await office.store.call(f"{PBX}/{leg}")
    assert call is not None
    assert call.price is not None
    return call.price


async def test_an_import_tells_what_the_plan_says_and_does_nothing_until_applied() -> None:
    async with an_office() as office:
        lines = [
            "currency: EUR",
            "rates: retail",
            "markup: 20 %",
            "rounded half up to 4 decimals",
            "tax: VAT 19 %",
        ]
        told = {"before": [], "after": lines, "problems": [], "is_same": False}

        assert await imported(office) == told | {"version": 0}
        assert await plans(office) == []
        assert await imported(office, apply=True) == told | {"version": 1}
        assert [each.version for each in await plans(office)] == [1]


async def test_the_next_call_is_priced_by_the_plan_with_its_tax_and_version() -> None:
    async with an_office(accounts=of_hall()) as office:
        await office.hear(CALL.format(1))
        await imported(office, apply=True, valid_from="2026-10-05T12:00:00")
        await office.hear(CALL.format(2))

        assert await office.calls() == ["1 unrated - room-1", "2 rated 1.29 room-1"]
        assert await price_of(office, "2") == Price(
            1_285_200,
            "EUR",
            "retail",
            1,
            "41",
            "Destination 41",
            90,
            plan="hall-plan",
            plan_version=1,
            tax_micros=205_200,
        )
        assert await office.balance() == 10_000_000 - 1_285_200


async def test_a_call_in_progress_keeps_the_version_of_its_answer() -> None:
    async with an_office(accounts=of_hall()) as office:
        await imported(office, apply=True, valid_from="2026-10-01")
        await office.hear("12:00:05 answer 1")
        dearer = PLAN.replace('"20"', '"100"')
        await imported(office, dearer, apply=True, valid_from="2026-10-05T12:00:06")
        await office.hear("12:01:35 end 1\n12:02:00 answer 2\n12:03:30 end 2")

        found = [await price_of(office, leg) for leg in ("1", "2")]
        assert [(each.plan_version, each.micros) for each in found] == [
            (1, 1_285_200),
            (2, 2_142_000),
        ]


async def test_the_same_file_again_makes_no_version() -> None:
    async with an_office() as office:
        await imported(office, apply=True)
        again = await imported(office, apply=True)

        assert (again["version"], again["is_same"]) == (1, True)
        assert len(await plans(office)) == 1


async def test_a_difference_that_the_words_hide_makes_a_version_all_the_same() -> None:
    text = PLAN + '[[discount]]\nname = "A 5 %, accounts room-1"\npercent = "5"\n'
    hidden = PLAN + '[[discount]]\nname = "A"\npercent = "5"\naccounts = ["room-1, B"]\n'
    async with an_office() as office:
        await imported(office, text, apply=True)
        assert (await imported(office, text))["is_same"]
        assert not (await imported(office, hidden))["is_same"]


async def test_the_currency_is_as_in_the_version_before_and_at_first_the_sites() -> None:
    francs = TARIFF.replace("41,Des", "43,Des")
    async with an_office() as office:
        await office.order("tariff.import", name="swiss", csv=francs, currency="CHF", apply=True)
        swiss = PLAN.replace("retail", "swiss")
        assert (await imported(office, swiss))["problems"] == [
            "tariffs: swiss is in CHF, the plan in EUR"
        ]
        await imported(office, swiss, currency="CHF", apply=True)
        assert (await imported(office, swiss))["is_same"]
        again = await imported(office, 'minimum = "1"\n' + swiss, apply=True)
        assert again["problems"] == []
        assert [each.currency for each in await plans(office)] == ["CHF", "CHF"]


async def test_all_that_the_books_have_against_a_plan_is_told_and_nothing_is_done() -> None:
    text = """
    tariffs = ["lost", "retail"]
    [[discount]]
    name = "Typo"
    percent = "5"
    accounts = ["room-1", "romm-2"]
    pbxs = ["hotel", "annexe"]
    """
    async with an_office() as office:
        answer = await imported(office, text, name="retail", apply=True)

        assert answer["problems"] == [
            "retail is the name of a tariff; accounts could not tell them apart",
            "tariffs: there is no tariff 'lost'; import it first",
            "discount[0].accounts: there is no account 'romm-2'",
            "discount[0].pbxs: there is no exchange 'annexe'; known are hotel",
        ]
        assert await plans(office) == []


async def test_a_file_with_mistakes_names_them_and_a_file_of_no_toml_its_line() -> None:
    async with an_office() as office:
        answer = await imported(office, 'minimum = 5\ntax = { percent = "7" }', apply=True)
        assert sorted(answer["problems"]) == [
            "minimum: 5 is no text; write it in quotation marks",
            "tariffs: names no tariff; write those that are asked for rates, in order",
            "tax.name: is missing",
        ]
        [problem] = (await imported(office, "tariffs = x", apply=True))["problems"]
        assert problem == "the file is no TOML: Invalid value (at line 1, column 11)"
        [problem] = (await imported(office, "a = " + "[" * 5000))["problems"]
        assert problem.startswith("the file is no TOML: ")
        assert await plans(office) == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": ""}, "'' is no name: write small letters"),
        ({"name": "Hall plan"}, "'Hall plan' is no name"),
        ({"name": "x" * 33}, "is no name"),
        ({"name": 7}, "7 is no name"),
        ({"currency": "XXX"}, "unknown currency"),
        ({"valid_from": "soon"}, "'soon' is not a date"),
        ({"valid_from": "0001-01-01T00:00+12:00"}, "is not a date"),
    ],
)
async def test_an_argument_that_cannot_be_meant_is_refused(wrong: dict[str, Any], why: str) -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord, match=why):
            await imported(office, **wrong)


async def test_a_tariff_with_the_name_of_a_plan_is_refused() -> None:
    async with an_office() as office:
        await imported(office, apply=True)
        answer = await office.order("tariff.import", name="hall-plan", csv=TARIFF, apply=True)

        assert answer["problems"] == [
            "hall-plan is the name of a price plan; accounts could not tell them apart"
        ]
        assert [each.name for each in await office.store.tariffs()] == ["retail"]


async def test_a_tariff_that_a_plan_asks_keeps_its_currency() -> None:
    async with an_office() as office:
        await imported(office, apply=True)
        answer = await office.order(
            "tariff.import", name="retail", csv=TARIFF, currency="CHF", apply=True
        )

        assert answer["problems"] == ["price plan hall-plan asks this tariff, and is in EUR"]
        assert len(await office.store.tariffs()) == 1


async def test_a_tariff_that_was_in_another_currency_before_the_plan_is_no_hindrance() -> None:
    async with an_office() as office:
        since = "2026-10-03"
        await office.order(
            "tariff.import", name="retail", csv=TARIFF, currency="CHF", valid_from=since, apply=True
        )
        swiss: dict[str, Any] = {"currency": "CHF"}

        assert (await imported(office, valid_from=since, **swiss))["problems"] == []
        assert (await imported(office, valid_from="2026-10-02", **swiss))["problems"] == [
            "tariffs: retail is in EUR, the plan in CHF"
        ]
        assert (await imported(office, valid_from="2026-10-02"))["problems"] == [
            "tariffs: retail is in CHF, the plan in EUR"
        ]


async def test_imports_of_the_same_moment_lose_nothing_of_each_other() -> None:
    async with an_office(accounts=of_hall()) as office:
        arguments = {"toml": PLAN, "apply": True, "valid_from": "2026-10-01"}
        async with asyncio.TaskGroup() as group:
            for name in ("other-plan", "hall-plan", "third-plan"):
                order = office.desk.order("plan.import", arguments | {"name": name})
                group.create_task(order)
            group.create_task(
                office.desk.order("tariff.import", {"name": "x", "csv": TARIFF, "apply": True})
            )
        book = office.assessor.book
        assert book.plan_names == ("hall-plan", "other-plan", "third-plan")
        assert book.names == ("retail", "x")


async def test_a_trunk_with_a_carrier_keeps_what_it_takes() -> None:
    assignment = Assignment(
        default="retail",
        by_trunk={Place(PBX, "gsm"): "hall-plan"},
        carriers={Place(PBX, "gsm"): "wholesale"},
        trunks=(Place(PBX, "gsm"), Place(PBX, "carrier")),
    )
    async with an_office(assignment=assignment) as office:
        cheap = TARIFF.replace("0.60", "0.20").replace(",60,1", ",60,60")
        early: dict[str, Any] = {"valid_from": "2026-10-01", "apply": True}
        await office.order("tariff.import", name="wholesale", csv=cheap, **early)
        await imported(office, **early)
        await office.hear("12:00:05 answer 1 trunk=gsm\n12:01:35 end 1 trunk=gsm")
        await office.hear("12:00:05 answer 2\n12:01:35 end 2")

        by_gsm, by_carrier = await price_of(office, "1"), await price_of(office, "2")
        assert (by_gsm.plan, by_gsm.micros, by_gsm.cost_micros) == ("hall-plan", 1_285_200, 400_000)
        assert by_gsm.margin_micros == 680_000
        assert (by_carrier.plan, by_carrier.micros, by_carrier.cost_micros) == ("", 900_000, None)


async def test_a_prepaid_call_is_limited_by_the_price_of_the_plan() -> None:
    async with an_office("1.28", accounts=of_hall(), tariff=a_tariff(a_rate("1/1"))) as office:
        await imported(office, apply=True, valid_from="2026-10-01")
        await office.hear("12:00:05 answer 1")
        await office.clock.advance(85)
        [running] = office.control.running()
        # A cent a second, 20 % more, 19 % tax: 0.01428 each; 89 of them are 1.27092.
        assert running.wanted_s == 88.5


async def test_an_import_of_a_plan_makes_no_tariff_ready_again() -> None:
    async with an_office() as office:
        before = office.assessor.book.in_force("retail", office.clock.now())
        await imported(office, apply=True)
        assert office.assessor.book.in_force("retail", office.clock.now()) is before
