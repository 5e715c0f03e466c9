"""When the clocks of 23 zones change in 2026, worked out by hand from the rules that each country
has published, not from any table that a program reads.

EU: last Sunday of March and of October, 01:00 UTC everywhere. United States, Canada, Bermuda:
second Sunday of March and first Sunday of November, 02:00 of the clock until then; Cuba on the same
dates at midnight of standard time. Chile: the Sundays from 2 April and from 2 September on, 03:00
and 04:00 UTC. Australia: first Sundays of April and October, 02:00 standard time, Lord Howe by half
an hour at 02:00 of the clock until then; Norfolk Island likewise. New Zealand: first Sunday of
April, last of September, 02:00 standard time, the Chathams at the same instant. Israel: the Friday
before the last Sunday of March, 02:00; last Sunday of October, 02:00. Lebanon: last Sundays of
March and October, midnight. Egypt: last Friday of April, midnight; last Thursday of October,
midnight at its end. Greenland: with the EU. Troll station: with the EU, by two hours.
"""

from __future__ import annotations

from typing import NamedTuple


class ClockChange(NamedTuple):
    zone: str
    at: str
    """In UTC."""
    band: str
    """Hours of the dear band, on the local clock."""
    banded_s: int
    """Seconds in the band, of a call from 1,770 s before the change to 1,800 s after it."""


CLOCK_CHANGES = (
    # The clock jumps ahead: what it skips never shows, what it jumps to is shown at once.
    ClockChange("Europe/Berlin", "2026-03-29T01:00", "03:00-04:00", 1800),
    ClockChange("Europe/Berlin", "2026-03-29T01:00", "02:00-03:00", 0),
    ClockChange("Europe/Berlin", "2026-03-29T01:00", "01:00-02:00", 1770),
    ClockChange("Europe/Berlin", "2026-03-29T01:00", "02:30-03:30", 1800),
    ClockChange("Europe/London", "2026-03-29T01:00", "02:00-03:00", 1800),
    ClockChange("Europe/Dublin", "2026-03-29T01:00", "02:00-03:00", 1800),
    ClockChange("Europe/Lisbon", "2026-03-29T01:00", "02:00-02:30", 1800),
    ClockChange("Atlantic/Azores", "2026-03-29T01:00", "01:00-02:00", 1800),
    ClockChange("Europe/Athens", "2026-03-29T01:00", "04:00-05:00", 1800),
    ClockChange("America/Nuuk", "2026-03-29T01:00", "00:00-01:00", 1800),
    ClockChange("Antarctica/Troll", "2026-03-29T01:00", "03:00-04:00", 1800),
    ClockChange("America/New_York", "2026-03-08T07:00", "03:00-04:00", 1800),
    ClockChange("America/Los_Angeles", "2026-03-08T10:00", "03:00-04:00", 1800),
    ClockChange("America/St_Johns", "2026-03-08T05:30", "03:00-04:00", 1800),
    ClockChange("Atlantic/Bermuda", "2026-03-08T06:00", "03:00-04:00", 1800),
    ClockChange("America/Havana", "2026-03-08T05:00", "01:00-02:00", 1800),
    ClockChange("America/Santiago", "2026-09-06T04:00", "01:00-02:00", 1800),
    ClockChange("Australia/Sydney", "2026-10-03T16:00", "03:00-04:00", 1800),
    ClockChange("Australia/Adelaide", "2026-10-03T16:30", "03:00-04:00", 1800),
    ClockChange("Australia/Lord_Howe", "2026-10-03T15:30", "02:30-03:30", 1800),
    ClockChange("Pacific/Norfolk", "2026-10-03T15:00", "03:00-04:00", 1800),
    ClockChange("Pacific/Auckland", "2026-09-26T14:00", "03:00-04:00", 1800),
    ClockChange("Pacific/Chatham", "2026-09-26T14:00", "03:45-04:45", 1800),
    ClockChange("Asia/Jerusalem", "2026-03-27T00:00", "03:00-04:00", 1800),
    ClockChange("Asia/Beirut", "2026-03-28T22:00", "01:00-02:00", 1800),
    ClockChange("Africa/Cairo", "2026-04-23T22:00", "01:00-02:00", 1800),
    # The clock goes back: an hour of the clock is shown twice, and its band holds both times.
    ClockChange("Europe/Berlin", "2026-10-25T01:00", "02:00-02:30", 1800),
    ClockChange("Europe/Berlin", "2026-10-25T01:00", "02:30-03:00", 1770),
    ClockChange("Europe/Berlin", "2026-10-25T01:00", "02:40-03:00", 1200),
    ClockChange("Europe/London", "2026-10-25T01:00", "01:00-01:30", 1800),
    ClockChange("Europe/Dublin", "2026-10-25T01:00", "01:00-01:30", 1800),
    ClockChange("Europe/Lisbon", "2026-10-25T01:00", "01:30-02:00", 1770),
    ClockChange("Atlantic/Azores", "2026-10-25T01:00", "00:00-00:30", 1800),
    ClockChange("Europe/Athens", "2026-10-25T01:00", "03:00-03:30", 1800),
    ClockChange("America/Nuuk", "2026-10-25T01:00", "23:00-23:30", 1800),
    ClockChange("Antarctica/Troll", "2026-10-25T01:00", "01:00-02:00", 1800),
    ClockChange("America/New_York", "2026-11-01T06:00", "01:00-01:30", 1800),
    ClockChange("America/Los_Angeles", "2026-11-01T09:00", "01:30-02:00", 1770),
    ClockChange("America/St_Johns", "2026-11-01T04:30", "01:00-01:30", 1800),
    ClockChange("Atlantic/Bermuda", "2026-11-01T05:00", "01:00-01:30", 1800),
    ClockChange("America/Havana", "2026-11-01T05:00", "00:00-00:30", 1800),
    ClockChange("America/Santiago", "2026-04-05T03:00", "23:00-23:30", 1800),
    ClockChange("Australia/Sydney", "2026-04-04T16:00", "02:00-02:30", 1800),
    ClockChange("Australia/Adelaide", "2026-04-04T16:30", "02:30-03:00", 1770),
    # 570 s from 01:30:30 at +11:00, and from 01:30 at +10:30 all ten minutes again.
    ClockChange("Australia/Lord_Howe", "2026-04-04T15:00", "01:30-01:40", 1170),
    ClockChange("Pacific/Norfolk", "2026-04-04T15:00", "02:00-02:30", 1800),
    ClockChange("Pacific/Auckland", "2026-04-04T14:00", "02:00-02:30", 1800),
    ClockChange("Pacific/Chatham", "2026-04-04T14:00", "02:45-03:15", 1800),
    ClockChange("Asia/Jerusalem", "2026-10-24T23:00", "01:00-01:30", 1800),
    ClockChange("Asia/Beirut", "2026-10-24T21:00", "23:00-23:30", 1800),
    ClockChange("Africa/Cairo", "2026-10-29T21:00", "23:30-24:00", 1770),
)
