"""Lines of one prefix beside each other: which may overlap, which never hold, which leave gaps."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.tariff import OnHolidays, TimeBand
from rtbill.rating import band_boxes
from rtbill.rating.band_boxes import BoxSpace, TooManyBoxes, uncovered
from rtbill.rating.bands import holds_on
from tests.unit.rating.tariff_lines import problems

WORK = {"days": "mon-fri", "hours": "08:00-18:00"}
OVERLAP = "overlap those of line 2; give the one that goes first a priority"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (WORK, {"months": "12"}),
        (WORK, {"month_days": "24"}),
        (WORK, {"years": "2026"}),
        (WORK, {"holidays": "only berlin"}),
        (WORK, {"holidays": "not berlin"}),
        ({"months": "1-6"}, {"months": "6-12"}),
        ({"months": "1"}, {"month_days": "1"}),
        ({"holidays": "only berlin"}, {"holidays": "only bern"}),
        ({"holidays": "only berlin"}, {"holidays": "not bern"}),
        (WORK | {"priority": "1"}, {"months": "12", "priority": "1"}),
    ],
)
def test_lines_that_can_hold_at_once_must_differ_in_priority(
    first: dict[str, str], second: dict[str, str]
) -> None:
    assert problems(first, second, {}) == [
        f"line 3: prefix 49: days, hours and dates {OVERLAP}",
    ]
    assert problems(first, second | {"priority": "2"}, {}) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"months": "1-6"}, {"months": "7-12"}),
        ({"month_days": "1-15"}, {"month_days": "16-31"}),
        ({"years": "2026"}, {"years": "2027"}),
        ({"holidays": "only berlin"}, {"holidays": "not berlin"}),
        (WORK, {"months": "12", "hours": "18:00-24:00"}),
        (WORK, {"holidays": "only berlin", "days": "sat,sun"}),
    ],
)
def test_lines_that_never_hold_at_once_may_have_one_priority(
    first: dict[str, str], second: dict[str, str]
) -> None:
    assert problems(first, second, {}) == []


def test_the_same_dates_twice_are_refused_whatever_else_the_lines_say() -> None:
    night = {"holidays": "only berlin", "priority": "5"}
    assert problems(night, {}, night | {"price_per_minute": "9"}) == [
        "line 4: prefix 49 stands with the same days, hours and dates in line 2"
    ]


def test_every_pair_of_lines_that_overlaps_is_named() -> None:
    found = problems(WORK, {"months": "1"}, {"month_days": "1"}, {})
    assert [text[:7] + text.split(" line ")[1][:1] for text in found] == [
        "line 3:2",
        "line 4:2",
        "line 4:3",
    ]


def test_a_line_without_band_stands_beside_any() -> None:
    everything = {"hours": "00:00-24:00"}
    assert problems(everything, {}) == []
    assert problems({"holidays": "only x"}, {}) == []


# ---------------------------------------------------------------------- never


def never(times: str, line: int = 2) -> list[str]:
    return [
        f"line {line}: prefix 49: lines of higher priority hold on all {times} of this one, so it "
        "never does; remove it, or raise its priority"
    ]


def test_a_line_below_one_that_holds_longer_is_never_reached() -> None:
    above = {"days": "mon-sat", "hours": "07:00-19:00", "priority": "1"}
    assert problems(WORK, above, {}) == never("days and hours")
    assert problems(WORK | {"days": "mon-sun"}, above, {}) == []


def test_several_lines_together_may_cover_one() -> None:
    halves = ({"months": "1-6", "priority": "1"}, {"months": "7-12", "priority": "2"})
    assert problems({"days": "sun"}, *halves, {}) == never("days, hours and dates")
    turn = ({"holidays": "only x", "priority": "1"}, {"holidays": "not x", "priority": "1"})
    assert problems({"days": "sun"}, *turn, {}) == never("days, hours and dates")
    years = ({"years": "1990-2198", "priority": "1"}, {"months": "1-11", "priority": "2"})
    assert problems({"days": "sun"}, *years, {}) == []


def test_a_line_past_midnight_is_reached_when_one_of_its_days_is() -> None:
    night = {"days": "fri", "hours": "22:00-06:00"}
    assert problems(night, {"days": "fri", "priority": "1"}, {}) == []
    assert problems(night, {"days": "fri,sat", "priority": "1"}, {}) == never("days and hours")


def test_dates_cover_only_the_dates_they_name() -> None:
    assert problems({"months": "12"}, {"months": "12", "years": "2026", "priority": "1"}, {}) == []


# ---------------------------------------------------------------------- gaps


@pytest.mark.parametrize(
    "lines",
    [
        [{"holidays": "only x"}],
        [{"holidays": "only x"}, {"holidays": "not y", "priority": "1"}],
        [{"months": "1-11"}],
        [{"months": "1-11"}, {"month_days": "1-30", "priority": "1"}],
        [WORK, {"days": "sat,sun"}, {"years": "1990-2199", "priority": "1"}],
    ],
)
def test_dates_without_a_rate_are_refused(lines: list[dict[str, str]]) -> None:
    assert problems(*lines) == [
        "line 2: prefix 49 has no rate outside its days, hours and dates; add a line without them"
    ]
    assert problems(*lines, {}) == []


@pytest.mark.parametrize(
    "lines",
    [
        [{"hours": "00:00-24:00"}, {"holidays": "only x", "priority": "1"}],
        [{"holidays": "only x"}, {"holidays": "not x"}],
        [{"months": "1-11"}, {"months": "12"}],
        [{"days": "mon-fri"}, {"days": "fri-sun", "priority": "-1"}],
    ],
)
def test_bands_that_cover_every_date_need_no_line_without_one(
    lines: list[dict[str, str]],
) -> None:
    assert problems(*lines) == []


def test_a_line_that_cannot_be_read_is_not_called_missing_too() -> None:
    assert problems(WORK, {"prefix": "+49", "price_per_minute": "x"}) == [
        "line 3: price_per_minute 'x' is not an amount; write it like 12.50"
    ]


def test_each_prefix_is_judged_by_itself() -> None:
    other = {"prefix": "41"}
    assert problems(WORK, {}, WORK | other, other | {"days": "mon", "priority": "0"}) == [
        "line 5: prefix 41: days and hours overlap those of line 4; give the one that goes first "
        "a priority",
    ]


def test_more_lines_of_a_prefix_than_anybody_needs_are_refused_at_once() -> None:
    days = [f"{month}/{day}" for month in range(1, 13) for day in range(1, 29)]
    lines = [dict(zip(("months", "month_days"), day.split("/"), strict=True)) for day in days]
    assert problems(*lines[:199], {}) == []
    assert problems(*lines, {}) == ["line 202: prefix 49 stands in more than 200 lines"]


# ---------------------------------------------------------------------- boxes

some_years = st.sampled_from([2024, 2025, 2026, 2027])
bands = st.builds(
    lambda hours, holiday, **sets: TimeBand(
        start_minute=min(hours), end_minute=max(hours), on_holidays=holiday[0],
        calendar=holiday[1], **sets,
    ),
    hours=st.sets(st.sampled_from([0, 360, 720, 1440]), min_size=2, max_size=2),
    holiday=st.sampled_from(
        [(OnHolidays.ALSO, "")]
        + [(word, name) for word in (OnHolidays.ONLY, OnHolidays.NEVER) for name in "xy"]
    ),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    months=st.frozensets(st.integers(1, 12), max_size=3),
    month_days=st.frozensets(st.integers(1, 31), max_size=3),
    years=st.frozensets(some_years, max_size=2),
)  # fmt: skip
dates = st.integers(0, 365 * 6).map(lambda days: date(2023, 1, 1) + timedelta(days=days))


def bit_of(value: int, mask: int) -> bool:
    return bool(mask >> value & 1)


@given(st.lists(bands, min_size=1, max_size=5), dates, st.integers(0, 1439), st.sets(dates))
def test_what_bands_leave_uncovered_is_when_none_of_them_holds(
    some: list[TimeBand], day: date, minute: int, holidays: set[date]
) -> None:
    calendars = {"x": holidays, "y": {day}}
    holds = any(
        holds_on(band, day, calendars) and band.start_minute <= minute < band.end_minute
        for band in some
    )
    space = BoxSpace(some)
    years = sorted({year for band in some for year in band.years})
    used = sorted({band.calendar for band in some} - {""})
    point = [day.weekday(), minute, day.month, day.day]
    point += [years.index(day.year) if day.year in years else len(years)]
    point += [0 if day in calendars[name] else 1 for name in used]
    left = uncovered(space.all_time, [space.of(band) for band in some])
    inside = [box for box in left if all(map(bit_of, point, box))]
    assert len(inside) == (0 if holds else 1)


def test_pieces_beyond_all_measure_are_not_counted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(band_boxes, "BOXES_MAX", 3)
    some = [
        TimeBand(months=frozenset({month}), month_days=frozenset({month})) for month in (1, 3, 5)
    ]
    space = BoxSpace(some)
    with pytest.raises(TooManyBoxes):
        uncovered(space.all_time, [space.of(band) for band in some])
    assert "has no rate outside" in problems({"months": "1-6"}, {"months": "8", "days": "mon"})[0]
