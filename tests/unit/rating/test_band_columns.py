"""The columns that say when a line holds: every one of them, right and wrong."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.tariff import OnHolidays, TimeBand
from rtbill.rating.band_columns import band_cells, band_text
from tests.unit.rating.tariff_lines import problems, rates

ONLY = {"on_holidays": OnHolidays.ONLY, "calendar": "berlin"}


def bands(**cells: str) -> list[TimeBand | None]:
    """Of a line that stands beside one which always holds."""
    return [rate.band for rate in rates(cells, {})][:-1]


def mistakes(**cells: str) -> list[str]:
    return [text.removeprefix("line 2: ") for text in problems(cells, {})]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"months": "12"}, {"months": {12}}),
        ({"months": "1-3,12"}, {"months": {1, 2, 3, 12}}),
        ({"months": "3 - 4, 6"}, {"months": {3, 4, 6}}),
        ({"month_days": "1,15-16"}, {"month_days": {1, 15, 16}}),
        ({"years": "2026-2028"}, {"years": {2026, 2027, 2028}}),
        ({"holidays": "only berlin"}, ONLY),
        ({"holidays": "ONLY  berlin"}, ONLY),
        ({"holidays": "not berlin"}, {"on_holidays": OnHolidays.NEVER, "calendar": "berlin"}),
        ({"holidays": "only DE.BY-2"}, {"on_holidays": OnHolidays.ONLY, "calendar": "DE.BY-2"}),
        ({"days": "mon", "priority": "7"}, {"days": {0}, "priority": 7}),
        ({"priority": "-999"}, {"priority": -999}),
        ({"days": "sun-mon"}, {"days": {6, 0}}),
        ({"months": "2", "month_days": "29"}, {"months": {2}, "month_days": {29}}),
        ({"days": "fri", "month_days": "13"}, {"days": {4}, "month_days": {13}}),
    ],
)
def test_each_column_is_one_condition(cells: dict[str, str], expected: dict[str, Any]) -> None:
    assert bands(**cells) == [TimeBand(**expected)]


def test_a_line_past_midnight_keeps_its_priority_on_both_days() -> None:
    assert bands(days="fri", hours="22:00-06:00", priority="2") == [
        TimeBand(days=frozenset({4}), start_minute=1320, priority=2),
        TimeBand(days=frozenset({5}), end_minute=360, priority=2),
    ]


@pytest.mark.parametrize(
    "cells", [{"months": "1"}, {"month_days": "1"}, {"years": "2026"}, {"holidays": "not x"}]
)
def test_a_line_with_dates_cannot_pass_midnight(cells: dict[str, str]) -> None:
    assert mistakes(hours="22:00-06:00", **cells) == [
        "hours 22:00-06:00 pass midnight, which a line with dates or holidays cannot; "
        "write one line to 24:00 and one from 00:00"
    ]
    assert mistakes(hours="22:00-00:00", **cells) == []


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"months": "0"}, "months '0': '0' is no number or range from 1 to 12"),
        ({"months": "13"}, "months '13': '13' is no number or range from 1 to 12"),
        ({"months": "11-2"}, "months '11-2': '11-2' is no number or range from 1 to 12"),
        ({"months": "1-2-3"}, "months '1-2-3': '1-2-3' is no number or range from 1 to 12"),
        ({"months": "jan"}, "months 'jan': 'jan' is no number or range from 1 to 12"),
        ({"months": "1;2"}, "months '1;2'"),
        ({"months": "1-"}, "months '1-': '1-' is no number or range from 1 to 12"),
        ({"month_days": "32"}, "month_days '32': '32' is no number or range from 1 to 31"),
        ({"month_days": "-1"}, "month_days '-1': '-1' is no number or range from 1 to 31"),
        ({"years": "26"}, "years '26': '26' is no number or range from 1990 to 2199"),
        ({"years": "2026-99999"}, "years '2026-99999'"),
        ({"holidays": "berlin"}, "holidays 'berlin' are not like: only NAME, or: not NAME"),
        ({"holidays": "except berlin"}, "holidays 'except berlin' are not like"),
        ({"holidays": "only"}, "holidays 'only' are not like"),
        ({"holidays": "only a b"}, "holidays 'only a b' are not like"),
        ({"holidays": "only -x"}, "holidays 'only -x' are not like"),
        ({"priority": "1.5"}, "priority '1.5' is not a whole number from -999 to 999"),
        ({"priority": "1000"}, "priority '1000' is not a whole number from -999 to 999"),
        ({"priority": "high"}, "priority 'high' is not a whole number from -999 to 999"),
        ({"days": "mon-"}, "days 'mon-': 'mon-' is not a day or range"),
        ({"days": "monday"}, "days 'monday': 'monday' is not a day or range"),
        ({"days": "mo\u0144"}, "days 'mo\u0144'"),
        ({"hours": "08:60-09:00"}, "hours '08:60-09:00' are not like 08:00-18:00"),
        ({"hours": "24:00-08:00"}, "hours '24:00-08:00' are not like 08:00-18:00"),
        ({"hours": "08:00-08:00"}, "hours '08:00-08:00' are not like 08:00-18:00"),
        ({"hours": "08:00\u201318:00"}, "hours '08:00\u201318:00' are not like 08:00-18:00"),
    ],
)
def test_a_mistake_is_named_with_its_column(cells: dict[str, str], text: str) -> None:
    (found,) = mistakes(**cells)
    assert found.startswith(text)


@pytest.mark.parametrize(
    "cells",
    [
        {"months": "2", "month_days": "30,31"},
        {"months": "4,6,9,11", "month_days": "31"},
        {"months": "2", "month_days": "29", "years": "2026,2027"},
        {"days": "mon", "months": "1", "month_days": "1", "years": "2026"},  # a Thursday
    ],
)
def test_dates_that_no_year_has_are_refused(cells: dict[str, str]) -> None:
    assert mistakes(**cells) == ["no date is of these days, months, month_days and years"]


def test_a_calendar_that_the_configuration_lacks_is_named_with_its_line() -> None:
    lines: tuple[dict[str, str], ...] = (
        {"holidays": "only berlin"},
        {"prefix": "41", "holidays": "not bern"},
        {},
    )
    found = problems(*lines, {"prefix": "41"}, calendars=["berlin", "zurich"])
    assert found == [
        "line 3: there is no holiday calendar 'bern'; declare it as [[holidays]] in the "
        "configuration, which has: berlin, zurich"
    ]
    assert "which has: none" in problems(*lines, {"prefix": "41"}, calendars=[])[0]


def test_a_band_is_told_with_all_its_conditions() -> None:
    band = TimeBand(
        days=frozenset({0, 1, 2}),
        start_minute=480,
        end_minute=600,
        months=frozenset({1, 2, 3, 12}),
        month_days=frozenset({1}),
        years=frozenset({2026}),
        on_holidays=OnHolidays.NEVER,
        calendar="berlin",
        priority=-3,
    )
    assert band_text(band) == (
        "mon-wed 08:00-10:00, months 1-3,12, month_days 1, years 2026, holidays not berlin, "
        "priority -3"
    )


def test_a_line_that_says_only_that_its_priority_is_zero_holds_whenever_no_other_does() -> None:
    day, otherwise = rates({"days": "mon", "priority": "0"}, {"priority": "0"})
    assert (day.band, otherwise.band) == (TimeBand(days=frozenset({0})), None)


def test_a_band_without_any_condition_is_still_written_as_one() -> None:
    assert band_cells(TimeBand())["hours"] == "00:00-24:00"
    assert band_text(TimeBand(priority=1)) == "priority 1"
