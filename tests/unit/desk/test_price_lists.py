"""Importing tariffs: what holds for a whole version, beside its rates."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import RoundingMode
from rtbill.domain.tariff import Rounding, Tariff
from tests.fakes.builders import a_tariff
from tests.fakes.office import Office, an_office

FILE = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
41,Destination 41,0,0.60,60,1
"""
HOLIDAYS = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment,holidays
41,Swiss,0,0.60,60,1,
41,Swiss on holidays,0,0.30,60,1,only site
"""


async def imported(office: Office, csv: str = FILE, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await office.order(
        "tariff.import", name="retail", csv=csv, **arguments
    )
    return answer


async def newest(office: Office) -> Tariff:
    return max(await office.store.tariffs(), key=lambda each: each.version)


async def test_a_version_is_rounded_half_up_to_four_decimals_unless_it_says_otherwise() -> None:
    async with an_office() as office:
        await office.order("tariff.import", name="night", csv=FILE, apply=True)
        (night,) = [each for each in await office.store.tariffs() if each.name == "night"]
        assert night.rounding == Rounding(RoundingMode.HALF_UP, 4, None)
        assert not night.splits_increments


async def test_what_an_import_leaves_open_is_as_in_the_newest_version() -> None:
    async with an_office() as office:
        said: dict[str, Any] = {
            "rounding": "up",
            "digits": 2,
            "increment_digits": 5,
            "split_increments": True,
        }
        await imported(office, apply=True, currency="CHF", zone="Europe/Zurich", **said)
        await imported(office, FILE.replace("0.60", "0.70"), apply=True)

        after = await newest(office)
        assert after.version == 3
        assert after.rounding == Rounding(RoundingMode.UP, 2, 5)
        assert after.splits_increments
        assert (after.currency, after.zone) == ("CHF", "Europe/Zurich")


async def test_other_rounding_alone_makes_a_version_and_is_told_before() -> None:
    async with an_office() as office:
        said: dict[str, Any] = {"rounding": "half_even", "digits": 3, "split_increments": True}
        answer = await imported(office, **said)
        assert (answer["new"], answer["changed"], answer["ended"]) == ([], [], [])
        assert answer["terms"] == [
            "rounding half_up -> half_even",
            "digits 4 -> 3",
            "split increments no -> yes",
        ]
        assert answer["version"] == 1

        assert (await imported(office, apply=True, **said))["version"] == 2
        assert (await imported(office, apply=True, **said))["version"] == 2
        assert (await imported(office, apply=True))["version"] == 2


async def test_another_currency_or_zone_is_a_change_too() -> None:
    async with an_office() as office:
        answer = await imported(office, currency="CHF", zone="Europe/Zurich")
        assert answer["terms"] == ["currency EUR -> CHF", "zone UTC -> Europe/Zurich"]


async def test_increments_are_rounded_and_made_exact_again() -> None:
    async with an_office() as office:
        await imported(office, apply=True, increment_digits=0)
        assert (await newest(office)).rounding.increment_digits == 0
        answer = await imported(office, apply=True, increment_digits="exact")
        assert answer["terms"] == ["increment digits 0 -> exact"]
        assert (await newest(office)).rounding.increment_digits is None


async def test_a_call_is_rounded_as_its_version_says() -> None:
    tariff = a_tariff()
    async with an_office("10.00", tariff=tariff) as office:
        await imported(office, FILE.replace("0.60", "0.0001"), apply=True, rounding="up", digits=2)
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        assert await office.calls() == ["1 rated 0.01 room-1"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"rounding": "sideways"}, "rounding 'sideways' is not one of: half_up, half_even, up, do"),
        ({"rounding": ["up"]}, "is not one of"),
        ({"digits": 7}, "digits 7 is not a whole number from 0 to 6"),
        ({"digits": -1}, "digits -1 is not"),
        ({"digits": "2"}, "digits '2' is not"),
        ({"digits": True}, "digits True is not"),
        ({"digits": 2.0}, "digits 2.0 is not"),
        ({"increment_digits": "none"}, "'none' is not a whole number from 0 to 6, or exact"),
        ({"split_increments": "yes"}, "split_increments 'yes' is neither true nor false"),
        ({"split_increments": 1}, "split_increments 1 is neither"),
        ({"currency": "XXX"}, "unknown currency"),
        ({"zone": "Europe/Atlantis"}, "unknown time zone"),
    ],
)
async def test_an_argument_that_cannot_be_meant_is_refused_even_on_a_dry_run(
    wrong: dict[str, Any], why: str
) -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord, match=why):
            await imported(office, **wrong)


async def test_a_file_by_holidays_needs_a_calendar_of_the_configuration() -> None:
    async with an_office() as office:
        answer = await imported(office, HOLIDAYS, apply=True)
        assert answer["problems"] == [
            "line 3: there is no holiday calendar 'site'; declare it as [[holidays]] in the "
            "configuration, which has: none"
        ]
        assert len(await office.store.tariffs()) == 1


async def test_calls_on_holidays_cost_what_the_holidays_line_says() -> None:
    async with an_office("10.00", calendars={"site": {date(2026, 10, 5)}}) as office:
        answer = await imported(office, HOLIDAYS, apply=True)
        assert answer["problems"] == []
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        assert await office.calls() == ["1 rated 0.45 room-1"]


async def test_a_dry_run_prices_last_months_calls_anew_and_changes_nothing() -> None:
    async with an_office("10.00", tariff=a_tariff()) as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        assert await office.calls() == ["1 rated 0.90 room-1"]
        office.clock.step(3600)
        answer = await imported(office, FILE.replace("0.60", "0.80"))
        assert answer["traffic"]["before"] == "0.90"
        assert answer["traffic"]["after"] == "1.20"
        assert answer["traffic"]["difference"] == "0.30"
        assert len(await office.store.tariffs()) == 1


async def test_lists_are_bounded_and_counted() -> None:
    lines = [f"41{number},Swiss {number},0,1,60,1\n" for number in range(100, 150)]
    text = FILE + "".join(lines)
    async with an_office() as office:
        answer = await imported(office, text)
        assert len(answer["new"]) == 20
        assert answer["counts"]["new"] == 50
        assert len((await imported(office, text, listed="all"))["new"]) == 50
        assert (await imported(office, text, listed=3))["new"] == [
            f"41{number} Swiss {number} 1.00/min 60/1" for number in (100, 101, 102)
        ]


async def test_problems_name_the_lines_of_the_sheet_that_the_text_was_made_of() -> None:
    text = FILE + "42x,Nowhere,0,1,1,1\n41,Swiss again,0,1,1,1\n"
    async with an_office() as office:
        answer = await imported(office, text, lines=[[7, 2], [7, 1]])
        assert answer["problems"] == [
            "line 7: prefix 41 stands with the same days and hours in line 7",
            "line 8: prefix '42x' is not 1 to 15 digits",
        ]
        with pytest.raises(BadRecord, match="2 line numbers are given, the text has line 4"):
            await imported(office, text, lines=[[7, 2]])


@pytest.mark.parametrize(
    "lines", ["x", [7], [[0, 1]], [[1, 0]], [[1, 10**9]], [["1", 2]], [[1, 2, 3]]]
)
async def test_lines_that_are_no_runs_are_refused(lines: Any) -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord, match="is not the first line of a run and their number"):
            await imported(office, lines=lines)


@pytest.mark.parametrize("wrong", [{"jump": -1}, {"listed": "few"}, {"jump": True}])
async def test_bounds_are_whole_numbers(wrong: dict[str, Any]) -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord, match="is not a whole number from 0"):
            await imported(office, **wrong)


async def test_traffic_of_another_tariff_is_of_one_that_is_there_and_in_its_currency() -> None:
    async with an_office("10.00") as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        office.clock.step(3600)
        cheap = {"csv": FILE.replace("0.60", "0.20"), "name": "hotel"}
        assert (await office.order("tariff.import", **cheap))["traffic"] is None
        answer = await office.order("tariff.import", **cheap, traffic_of="retail")
        assert answer["traffic"]["difference"] == "-0.60"
        with pytest.raises(BadRecord, match="no tariff 'x' whose calls"):
            await office.order("tariff.import", **cheap, traffic_of="x")
        with pytest.raises(BadRecord, match="calls by retail are in EUR, this tariff in CHF"):
            await office.order("tariff.import", **cheap, traffic_of="retail", currency="CHF")


async def test_calls_that_end_after_an_import_are_priced_by_it_without_a_restart() -> None:
    async with an_office("10.00") as office:
        await imported(office, FILE.replace("0.60", "0.80"), apply=True)
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        assert await office.calls() == ["1 rated 1.20 room-1"]


async def test_two_imports_at_once_become_two_versions() -> None:
    async with an_office() as office:
        async with asyncio.TaskGroup() as group:
            for price in ("0.70", "0.80"):
                file = FILE.replace("0.60", price)
                arguments = {"name": "retail", "csv": file, "apply": True}
                group.create_task(office.desk.order("tariff.import", arguments))
        assert sorted(each.version for each in await office.store.tariffs()) == [1, 2, 3]


async def test_a_version_that_begins_before_another_tells_when_that_one_takes_over() -> None:
    async with an_office() as office:
        [first] = await office.store.tariffs()
        dearer = FILE.replace("0.60", "0.70")
        for apply in (False, True):
            earlier = await imported(office, dearer, valid_from="2020-01-01", apply=apply)
            assert earlier["until"] == {"version": 1, "from": first.valid_from.isoformat()}

        same = await imported(
            office,
            FILE.replace("0.60", "0.80"),
            valid_from=first.valid_from.isoformat(),
            apply=True,
        )
        assert same["until"] is None
