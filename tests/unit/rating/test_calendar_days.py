"""Clock changes of 23 zones, leap days, ends of years and movable holidays, reckoned by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from rtbill.config.holiday_calendars import holiday_calendars
from rtbill.config.values import HolidaysConfig
from rtbill.domain.tariff import OnHolidays, Rate, Step, Tariff, Terms, TimeBand
from rtbill.rating.bands import Calendars
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import price
from tests.unit.rating.builders import utc
from tests.unit.rating.clock_changes import CLOCK_CHANGES, ClockChange

NUMBER = "+441632960000"
BEFORE = timedelta(seconds=1770)
TALK_S = 3570
CENT_MICROS = 10_000


def a_table(
    *bands: TimeBand, zone: str, splits: bool = True, calendars: Calendars | None = None
) -> RateTable:
    """A cent a second in any of the bands, nothing otherwise; increments of a minute."""
    rates = [
        Rate(prefix="44", destination="Anywhere", terms=terms, band=band)
        for terms, band in [(_per_second(CENT_MICROS), band) for band in bands]
        + [(_per_second(0), None)]
    ]
    tariff = Tariff(
        name="retail",
        version=1,
        currency="EUR",
        zone=zone,
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        rates=tuple(rates),
        splits_increments=splits,
    )
    return RateTable(tariff, calendars or {})


def _per_second(micros: int) -> Terms:
    return Terms(steps=(Step(0, micros, 1, 60),))


def hours(text: str) -> TimeBand:
    start, end = (int(each[:2]) * 60 + int(each[3:]) for each in text.split("-"))
    return TimeBand(start_minute=start, end_minute=end)


def banded_s(table: RateTable, begins_at: datetime, talk_s: int) -> float:
    return price(table, NUMBER, begins_at, talk_s * 1_000_000).micros / CENT_MICROS


@pytest.mark.parametrize("change", CLOCK_CHANGES, ids=lambda each: f"{each.zone} {each.band}")
def test_a_call_over_a_change_of_the_clocks_is_split_to_the_second(change: ClockChange) -> None:
    table = a_table(hours(change.band), zone=change.zone)
    assert banded_s(table, utc(change.at) - BEFORE, TALK_S) == change.banded_s


def test_twenty_zones_and_more_are_among_them_each_in_both_directions() -> None:
    zones = [{each.zone for each in CLOCK_CHANGES if each.at in of} for of in _halves()]
    assert zones[0] == zones[1]
    assert len(zones[0]) >= 20


def _halves() -> tuple[set[str], set[str]]:
    """The instants before the comment in the table that says so, and those after it."""
    back = next(i for i, each in enumerate(CLOCK_CHANGES) if each.at == "2026-10-25T01:00")
    return {each.at for each in CLOCK_CHANGES[:back]}, {each.at for each in CLOCK_CHANGES[back:]}


def test_whole_increments_belong_to_the_band_in_which_they_begin_over_a_change_too() -> None:
    # From 01:30:30: the 30th minute begins at 01:59:30, before the clock jumps to 03:00. The 30
    # that are left begin at 03:00:30 and after.
    table = a_table(hours("03:00-04:00"), zone="Europe/Berlin", splits=False)
    assert banded_s(table, utc("2026-03-29T01:00") - BEFORE, TALK_S) == 30 * 60


def test_a_band_of_lord_howe_that_the_clock_shows_twice_in_a_row_splits_nothing() -> None:
    # 01:30:30 to 02:00 at +11:00, then 01:30 to 02:00 at +10:30: 60 increments from the answer on,
    # the last of which ends at 02:00:30.
    table = a_table(hours("01:30-02:05"), zone="Australia/Lord_Howe")
    found = price(table, NUMBER, utc("2026-04-04T15:00") - BEFORE, TALK_S * 1_000_000)
    assert (found.billed_s, found.micros) == (3600, 3600 * CENT_MICROS)


@pytest.mark.parametrize(
    ("begins_at", "banded"),
    [
        ("2028-02-28T23:30", 1800),  # to 00:30 on the 29th: half of it
        ("2028-02-29T12:00", 3600),
        ("2028-02-29T23:30", 1800),  # to 00:30 on 1 March
        ("2027-02-28T23:30", 0),  # the next day is 1 March
    ],
)
def test_a_band_of_29_february_holds_in_leap_years_only(begins_at: str, banded: int) -> None:
    leap_day = TimeBand(months=frozenset({2}), month_days=frozenset({29}))
    assert banded_s(a_table(leap_day, zone="UTC"), utc(begins_at), 3600) == banded


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Pacific/Kiritimati", "2026-12-31T10:00"),  # UTC+14
        ("Asia/Kathmandu", "2026-12-31T18:15"),  # UTC+5:45
        ("Europe/Berlin", "2026-12-31T23:00"),
        ("America/New_York", "2027-01-01T05:00"),
    ],
)
def test_a_new_year_begins_at_midnight_of_the_tariffs_zone(zone: str, midnight: str) -> None:
    table = a_table(TimeBand(years=frozenset({2027})), zone=zone)
    assert banded_s(table, utc(midnight) - timedelta(seconds=600), 1800) == 1200


def test_new_years_eve_and_new_years_day_are_two_dates() -> None:
    eve = TimeBand(
        months=frozenset({12}), month_days=frozenset({31}), start_minute=1080, end_minute=1440
    )
    table = a_table(eve, zone="Europe/Berlin")
    assert banded_s(table, utc("2026-12-31T22:50"), 1200) == 600


EASTER_MONDAYS = (date(2026, 4, 6), date(2027, 3, 29), date(2028, 4, 17))
"""The day after Easter Sunday of the Western churches: 5 April, 28 March, 16 April."""


@pytest.fixture(scope="module")
def germany() -> Calendars:
    germany = HolidaysConfig(
        name="germany", country="DE", subdivision="", dates=frozenset(), without=frozenset()
    )
    return holiday_calendars([germany])


@pytest.mark.parametrize("monday", EASTER_MONDAYS, ids=str)
@pytest.mark.parametrize("only", [True, False], ids=["only", "not"])
def test_easter_monday_is_a_holiday_on_its_own_date_each_year(
    germany: Calendars, monday: date, *, only: bool
) -> None:
    on_holidays = OnHolidays.ONLY if only else OnHolidays.NEVER
    band = TimeBand(on_holidays=on_holidays, calendar="germany")
    table = a_table(band, zone="Europe/Berlin", calendars=germany)
    # Summer time holds on all three dates: midnight before Tuesday is 22:00 UTC on Monday.
    midnight = datetime(monday.year, monday.month, monday.day, 22, tzinfo=UTC)
    assert banded_s(table, midnight - timedelta(seconds=600), 1800) == (600 if only else 1200)
