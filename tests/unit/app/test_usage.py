"""Months of the site, as usage is added up by them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from rtbill.app.usage import months
from tests.fakes.builders import at

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_month_begins_at_its_midnight_at_the_site() -> None:
    found = list(months(at("2026-09-15"), at("2026-11-02"), BERLIN))
    assert found == [
        ("2026-09", at("2026-09-15"), at("2026-09-30T22:00")),
        ("2026-10", at("2026-09-30T22:00"), at("2026-10-31T23:00")),
        ("2026-11", at("2026-10-31T23:00"), at("2026-11-02")),
    ]


@pytest.mark.parametrize(
    ("since", "until", "names"),
    [
        ("2026-12-31T23:00", "2027-01-01", ["2027-01"]),
        ("2026-12-31T22:59", "2027-01-01", ["2026-12", "2027-01"]),
        ("2026-11-30T23:00", "2026-12-31T23:00", ["2026-12"]),
        ("2026-01-01", "2027-01-01", [f"2026-{month:02}" for month in range(1, 13)] + ["2027-01"]),
    ],
)
def test_a_span_has_the_months_that_it_touches(since: str, until: str, names: list[str]) -> None:
    found = list(months(at(since), at(until), BERLIN))
    assert [name for name, _, _ in found] == names
    assert [begin for _, begin, _ in found[1:]] == [end for _, _, end in found[:-1]]
