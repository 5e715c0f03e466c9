"""`[[holidays]]`: which dates are holidays, and every mistake by its place."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from rtbill.config import HolidaysConfig, holiday_calendars
from rtbill.domain.errors import ConfigError
from tests.fakes.config_file import GOOD, SECRET, load, problems

BERLIN = """
[[holidays]]
name = "berlin"
country = "DE"
subdivision = "BE"
dates = ["2026-12-24", 2026-12-31]
without = ["2026-03-08"]
"""


def a_table(**said: object) -> HolidaysConfig:
    nothing = {"country": "", "subdivision": "", "dates": frozenset(), "without": frozenset()}
    return HolidaysConfig(name="site", **(nothing | said))  # type: ignore[arg-type]  # as said


def is_holiday(table: HolidaysConfig, *days: str) -> list[bool]:
    calendar = holiday_calendars([table])["site"]
    return [date.fromisoformat(day) in calendar for day in days]


def test_a_table_is_a_country_its_part_and_dates_of_the_site(tmp_path: Path) -> None:
    (table,) = load(tmp_path, GOOD + BERLIN).holidays
    assert table == HolidaysConfig(
        name="berlin",
        country="DE",
        subdivision="BE",
        dates=frozenset({date(2026, 12, 24), date(2026, 12, 31)}),
        without=frozenset({date(2026, 3, 8)}),
    )


def test_without_tables_there_is_no_calendar(tmp_path: Path) -> None:
    assert load(tmp_path).holidays == ()
    assert holiday_calendars(()) == {}


def test_holidays_of_the_whole_country_are_those_of_each_part_too() -> None:
    # German unity, Reformation (not in Berlin), Women's day (there), Corpus Christi (in Bavaria)
    days = ("2026-10-03", "2026-10-31", "2026-03-08", "2026-06-04", "2026-10-05")
    assert is_holiday(a_table(country="DE"), *days) == [True, False, False, False, False]
    berlin = a_table(country="DE", subdivision="BE")
    assert is_holiday(berlin, *days) == [True, False, True, False, False]
    bavaria = a_table(country="DE", subdivision="BY")
    assert is_holiday(bavaria, *days) == [True, False, False, True, False]


def test_holidays_that_move_are_found_year_by_year() -> None:
    easter_mondays = ("2026-04-06", "2027-03-29", "2035-03-26", "2027-04-06")
    assert is_holiday(a_table(country="DE"), *easter_mondays) == [True, True, True, False]


def test_a_day_off_instead_of_a_weekend_is_a_holiday_as_well() -> None:
    # 4 July 2026 is a Saturday
    assert is_holiday(a_table(country="US"), "2026-07-03", "2026-07-04") == [True, True]


def test_own_dates_are_added_and_others_taken_away() -> None:
    table = a_table(
        country="DE",
        dates=frozenset({date(2026, 12, 24)}),
        without=frozenset({date(2026, 10, 3)}),
    )
    days = ("2026-12-24", "2027-12-24", "2026-10-03", "2027-10-03")
    assert is_holiday(table, *days) == [True, False, False, True]


def test_own_dates_alone_make_a_calendar_without_the_library() -> None:
    code = (
        "import sys; from datetime import date; "
        "from rtbill.config import HolidaysConfig, holiday_calendars as made; none = frozenset(); "
        "day = date(2026, 12, 24); "
        "table = HolidaysConfig(name='x', country='', subdivision='', dates={day}, without=none); "
        "assert day in made([table])['x']; assert 'holidays' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_year_beyond_what_is_known_has_only_the_sites_own_holidays() -> None:
    table = a_table(country="DE", dates=frozenset({date(2101, 12, 24)}))
    assert is_holiday(table, "2100-12-25", "2101-12-25", "2101-12-24") == [True, False, True]
    assert is_holiday(table, "1990-12-25", "1991-12-25") == [False, True]
    assert holiday_calendars([table])["site"].years_known == range(1991, 2101)


def test_the_holidays_of_a_year_are_told_in_order() -> None:
    table = a_table(country="DE", dates=frozenset({date(2024, 12, 31)}))
    days = holiday_calendars([table])["site"].of_year(2024)
    assert " ".join(f"{day:%m-%d}" for day in days) == (
        "01-01 03-29 04-01 05-01 05-09 05-20 10-03 12-25 12-26 12-31"
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('"DE"', '"XX"', "holidays[0].country: unknown country 'XX'; use an ISO 3166 code"),
        ('"DE"', '"de"', "holidays[0].country: unknown country 'de'"),
        ('"BE"', '"XX"', "holidays[0].subdivision: 'XX' is no part of DE; known are: BB, BE, BW"),
        ('country = "DE"\n', "", "holidays[0].subdivision: is about a country's holidays"),
        ('country = "DE"\n', "", "holidays[0].without: is about a country's holidays"),
        ('"2026-12-24"', '"24.12.2026"', "holidays[0].dates[0]: '24.12.2026' is not a date; write"),
        ('"2026-12-24"', '"20261224"', "holidays[0].dates[0]: '20261224' is not a date; write"),
        ('"2026-12-24"', '"2026-02-29"', "holidays[0].dates[0]: '2026-02-29' is not a date; write"),
        ('"2026-12-24"', "20261224", "holidays[0].dates[0]: 20261224 is not a date; write it"),
        ('"2026-12-24"', "2026-12-24T00:00:00", "holidays[0].dates[0]: datetime.datetime(2026"),
        ('"2026-03-08"', '"2026-12-31"', "holidays[0].without: 2026-12-31 stands in dates too"),
        ('"berlin"', '"ber lin"', "holidays[0].name: 'ber lin' is not a name"),
        ('name = "berlin"\n', "", "holidays[0].name: is missing"),
        ("subdivision", "state", "holidays[0].state: unknown key"),
        ("[[holidays]]", "[holidays]", "holidays: Input should be a valid list"),
        ("[[holidays]]", BERLIN + "[[holidays]]", "holidays[1].name: two calendars are named"),
        (BERLIN, '[[holidays]]\nname = "x"', "holidays[0]: has no holiday; give it a country"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert before in BERLIN
    found = problems(tmp_path, GOOD + BERLIN.replace(before, after, 1))
    assert expected in "\n".join(found)


def test_a_country_without_parts_says_so(tmp_path: Path) -> None:
    text = BERLIN.replace('"DE"', '"MC"')
    assert problems(tmp_path, GOOD + text) == [
        "holidays[0].subdivision: 'BE' is no part of MC; it has none"
    ]


def test_a_country_that_the_library_does_not_know_is_to_be_listed() -> None:
    with pytest.raises(ConfigError, match=r"holidays\[0\].country: the holidays of 'ZZ' are not"):
        holiday_calendars([a_table(country="ZZ")])


def test_calendars_of_unknown_parts_cannot_be_opened() -> None:
    with pytest.raises(ConfigError, match=r"holidays\[1\].subdivision: 'XX' is no part of DE"):
        holiday_calendars([a_table(country="DE"), a_table(country="DE", subdivision="XX")])


def test_commands_that_price_nothing_do_without_the_library(tmp_path: Path) -> None:
    load(tmp_path, GOOD + BERLIN)
    code = (
        "import sys; from pathlib import Path; from rtbill.cli.frame import load; "
        "load(Path(sys.argv[1])); assert 'holidays' not in sys.modules; "
        "load(Path(sys.argv[1]), opens_calendars=True); assert 'holidays' in sys.modules"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "config.toml")]
    subprocess.run(command, check=True, env={"RTBILL_PBX_HALL_SECRET": SECRET})
