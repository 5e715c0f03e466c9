"""Bands on the local clock, asked in UTC, through days of 23, 24 and 25 hours."""

from __future__ import annotations

import pytest

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.tariff import Rate
from rtbill.rating.bands import BandTable
from rtbill.rating.zones import zone_named
from tests.unit.rating.builders import WEEKDAYS, a_band, a_rate, utc

DAY = a_rate(per_minute="0.60", band=a_band("8-18", WEEKDAYS))
OTHERWISE = a_rate(per_minute="0.06")


def switches(zone: str, after: str, before: str, *rates: Rate) -> list[str]:
    table = BandTable(rates or (DAY, OTHERWISE), zone)
    return [at.isoformat() for at, _ in table.switches(utc(after), utc(before))]


def test_a_working_day_in_berlin_switches_twice_at_local_hours() -> None:
    assert switches("Europe/Berlin", "2026-05-13T00:00", "2026-05-13T23:00") == [
        "2026-05-13T06:00:00+00:00",
        "2026-05-13T16:00:00+00:00",
    ]


def test_a_weekend_has_no_switch() -> None:
    assert switches("Europe/Berlin", "2026-05-15T16:30", "2026-05-18T05:59") == []


def test_switches_follow_the_clock_across_both_changes() -> None:
    band = a_rate(band=a_band("8-18"))
    spring = switches("Europe/Berlin", "2026-03-28T12:00", "2026-03-30T00:00", band, OTHERWISE)
    assert spring == [
        "2026-03-28T17:00:00+00:00",
        "2026-03-29T06:00:00+00:00",
        "2026-03-29T16:00:00+00:00",
    ]
    autumn = switches("Europe/Berlin", "2026-10-24T12:00", "2026-10-26T00:00", band, OTHERWISE)
    assert autumn == [
        "2026-10-24T16:00:00+00:00",
        "2026-10-25T07:00:00+00:00",
        "2026-10-25T17:00:00+00:00",
    ]


def test_an_hour_shown_twice_is_in_its_band_twice() -> None:
    band = a_rate(per_minute="0.60", band=a_band("2-3"))
    assert switches("Europe/Berlin", "2026-10-24T22:00", "2026-10-25T06:00", band, OTHERWISE) == [
        "2026-10-25T00:00:00+00:00",
        "2026-10-25T02:00:00+00:00",
    ]


def test_an_hour_that_is_skipped_has_no_band() -> None:
    band = a_rate(per_minute="0.60", band=a_band("2-3"))
    assert switches("Europe/Berlin", "2026-03-28T22:00", "2026-03-29T06:00", band, OTHERWISE) == []


def test_a_zone_that_changes_by_half_an_hour_is_right() -> None:
    band = a_rate(band=a_band("2-3"))
    # Lord Howe Island: at 15:00 UTC the clocks go back from 02:00 to 01:30.
    assert switches("Australia/Lord_Howe", "2026-04-04T12:00", "2026-04-04T20:00", band) == [
        "2026-04-04T15:30:00+00:00",
        "2026-04-04T16:30:00+00:00",
    ]


def test_a_change_of_the_clocks_is_found_to_the_second() -> None:
    # Liberia gave up an offset of 44 min 30 s at the first midnight of 7 January 1972
    table = BandTable((OTHERWISE,), "Africa/Monrovia")
    until_us = table.stretch(epoch_us(utc("1972-01-07T00:10"))).until_us
    assert from_epoch_us(until_us) == utc("1972-01-07T00:44:30")


def test_stretches_follow_each_other_without_gap() -> None:
    table = BandTable((DAY, OTHERWISE), "Europe/Berlin")
    at_us = 0
    for _ in range(50):
        stretch = table.stretch(at_us)
        assert stretch.until_us > at_us
        assert table.stretch(stretch.until_us - 1) == stretch
        at_us = stretch.until_us


def test_two_rates_at_the_same_time_are_refused() -> None:
    with pytest.raises(BadRecord, match="prefix 44"):
        BandTable((a_rate(band=a_band("8-18")), a_rate(band=a_band("17-20"))), "UTC")
    with pytest.raises(BadRecord, match="prefix 44"):
        BandTable((OTHERWISE, OTHERWISE), "UTC")


@pytest.mark.parametrize("name", ["Europe/Berlyn", "", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadRecord, match="unknown time zone"):
        zone_named(name)
