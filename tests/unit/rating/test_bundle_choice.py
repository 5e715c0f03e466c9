"""Which bundles pay a call, of which month, and in which order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rtbill.domain.bundle import Bundle, Renewal
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.tariff import OnHolidays, TimeBand
from rtbill.rating.bundle_choice import Held, fits, in_order, paying, period_us
from tests.unit.rating.builders import NOON, WEEKDAYS, YEAR_2026, a_band, utc
from tests.unit.rating.bundle_builders import credit, held, minutes

NUMBER = "+441632960000"
JUNE = utc("2026-06-01T00:00")


def pays(one: Held, at: datetime = NOON, number: str = NUMBER) -> bool:
    return fits(*one, number, at)


def names(found: list[Held]) -> list[str]:
    return [each.allowance.key for each in found]


def period(bundle: Bundle, at: datetime) -> datetime:
    return from_epoch_us(period_us(bundle, held(bundle).allowance, at))


def test_a_bundle_without_prefixes_pays_for_every_number() -> None:
    assert pays(held(minutes()))
    assert pays(held(minutes()), number="+1")


@pytest.mark.parametrize("prefixes", [("44",), ("49", "441"), (NUMBER[1:],)])
def test_a_bundle_pays_for_numbers_that_begin_with_one_of_its_prefixes(
    prefixes: tuple[str, ...],
) -> None:
    assert pays(held(minutes(prefixes=prefixes)))


@pytest.mark.parametrize("prefixes", [("49",), ("49", NUMBER[1:] + "1"), ("632",)])
def test_a_bundle_does_not_pay_for_others(prefixes: tuple[str, ...]) -> None:
    assert not pays(held(minutes(prefixes=prefixes)))


def test_a_bundle_pays_from_the_instant_it_is_given_until_the_one_it_ends() -> None:
    one = held(minutes(), since=NOON, until=JUNE)
    microsecond = timedelta(microseconds=1)

    found = [pays(one, at) for at in (NOON - microsecond, NOON, JUNE - microsecond, JUNE)]

    assert found == [False, True, True, False]


def test_a_bundle_with_bands_pays_for_calls_answered_in_any_of_them() -> None:
    bands = (a_band("8-18", WEEKDAYS), a_band("10-12", frozenset({5})))
    one = held(minutes(bands=bands, zone="Europe/Berlin"))

    assert pays(one, utc("2026-05-13T06:00"))  # a Wednesday, 08:00 in Berlin
    assert not pays(one, utc("2026-05-13T05:59"))
    assert pays(one, utc("2026-05-16T09:30"))
    assert not pays(one, utc("2026-05-16T10:00"))


def test_bands_may_ask_a_holiday_calendar() -> None:
    calendars = {"site": frozenset({date(2026, 5, 14)})}
    band = TimeBand(on_holidays=OnHolidays.ONLY, calendar="site")
    one = held(minutes(bands=(band,)))

    assert fits(*one, NUMBER, utc("2026-05-14T12:00"), calendars)
    assert not fits(*one, NUMBER, NOON, calendars)


def test_seconds_go_before_money_whatever_the_priority() -> None:
    found = in_order([held(credit(priority=9)), held(minutes())], NOON)
    assert names(found) == ["minutes", "credit"]


def test_of_the_same_unit_the_highest_priority_goes_first() -> None:
    found = in_order([held(minutes(), "low"), held(minutes(priority=1), "high")], NOON)
    assert names(found) == ["high", "low"]


def test_of_the_same_priority_the_nearest_end_goes_first_and_none_last() -> None:
    never = held(minutes(), "a never")
    autumn = held(minutes(), "b autumn", until=utc("2026-09-01T00:00"))
    june = held(minutes(), "c june", until=JUNE)

    assert names(in_order([never, autumn, june], NOON)) == ["c june", "b autumn", "a never"]


def test_what_is_lost_at_the_end_of_the_month_goes_before_what_is_kept_longer() -> None:
    kept = held(minutes(), "a kept", until=utc("2026-06-02T00:00"))
    monthly = held(minutes(renewal=Renewal.MONTHLY), "b monthly")

    assert names(in_order([kept, monthly], NOON)) == ["b monthly", "a kept"]


def test_of_those_that_are_alike_in_all_the_key_decides() -> None:
    assert names(in_order([held(minutes(), "2"), held(minutes(), "1")], NOON)) == ["1", "2"]


def test_nothing_pays_behind_an_exclusive_bundle() -> None:
    given = [
        held(minutes(), "minutes"),
        held(credit(priority=2), "first"),
        held(credit(priority=1, is_exclusive=True), "exclusive"),
        held(credit(), "behind"),
    ]
    assert names(paying(given, NUMBER, NOON)) == ["minutes", "first", "exclusive"]


def test_an_exclusive_bundle_that_does_not_fit_keeps_none_from_paying() -> None:
    given = [
        held(credit(prefixes=("49",), is_exclusive=True), "exclusive"),
        held(credit(), "behind"),
    ]
    assert names(paying(given, NUMBER, NOON)) == ["behind"]


def test_what_is_never_renewed_has_one_period_from_its_beginning() -> None:
    one = held(minutes(), since=NOON)
    assert one.pool(NOON + timedelta(days=400)).period_us == epoch_us(NOON)


@pytest.mark.parametrize(
    ("zone", "at", "begins"),
    [
        ("UTC", "2026-05-31T23:59:59.999999", "2026-05-01T00:00"),
        ("UTC", "2026-06-01T00:00", "2026-06-01T00:00"),
        ("Europe/Berlin", "2026-05-31T21:59", "2026-04-30T22:00"),
        ("Europe/Berlin", "2026-05-31T22:00", "2026-05-31T22:00"),
        ("Europe/Berlin", "2026-03-30T12:00", "2026-02-28T23:00"),  # begun on winter time
        ("Europe/Berlin", "2026-10-26T12:00", "2026-09-30T22:00"),  # begun on summer time
        ("America/New_York", "2027-01-01T04:59", "2026-12-01T05:00"),
        ("Pacific/Auckland", "2026-12-31T11:00", "2026-12-31T11:00"),
        # The clocks of Asuncion went from 00:00 to 01:00 on the first of October 2017.
        ("America/Asuncion", "2017-10-01T05:00", "2017-10-01T04:00"),
        ("America/Asuncion", "2017-10-01T03:59", "2017-09-01T04:00"),
        # Those of Havana went back from 01:00 to 00:00 on the first of November 2015.
        ("America/Havana", "2015-11-01T05:30", "2015-11-01T04:00"),
    ],
)
def test_a_month_begins_at_its_first_midnight_on_the_local_clock(
    zone: str, at: str, begins: str
) -> None:
    bundle = minutes(renewal=Renewal.MONTHLY, zone=zone)
    assert period(bundle, utc(at)) == utc(begins)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"])
def test_every_hour_of_three_years_is_in_the_month_that_the_clock_shows(zone: str) -> None:
    bundle = minutes(renewal=Renewal.MONTHLY, zone=zone)
    for hours in range(0, 3 * 366 * 24, 5):
        at = YEAR_2026 + timedelta(hours=hours)
        local, begins = at.astimezone(ZoneInfo(zone)), period(bundle, at).astimezone(ZoneInfo(zone))
        assert (begins.year, begins.month, begins.day) == (local.year, local.month, 1)
        assert (begins - timedelta(days=1)).month != local.month
        assert begins.astimezone(UTC) <= at
