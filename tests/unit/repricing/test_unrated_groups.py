"""Waiting calls without a rate, grouped by the range they probably belong to."""

from __future__ import annotations

import pytest

from rtbill.domain.rated import CallStatus
from rtbill.formats.number_regions import NumberRegion, region_of
from rtbill.repricing.unrated_groups import grouped, masked
from tests.fakes.books import a_call, a_rate, a_record, a_tariff

TARIFF = a_tariff(
    rates=(a_rate("41", destination="Switzerland"), a_rate("4179", destination="Swiss mobile"))
)


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+41763456789", NumberRegion("4176", "CH", "mobile")),
        ("+41315550100", NumberRegion("4131", "CH", "fixed")),
        ("+493012345678", NumberRegion("4930", "DE", "fixed")),
        ("+4915112345678", NumberRegion("491511", "DE", "mobile")),
        ("+499001234567", NumberRegion("49900", "DE", "premium")),
        ("+4532123456", NumberRegion("4532", "DK", "fixed or mobile")),
        ("+881612345678", NumberRegion("8816", "international", "mobile")),
        ("+999123456", NumberRegion("999", "", "unknown", is_whole_country=True)),
    ],
)
def test_a_number_belongs_to_a_range_a_country_and_a_kind(
    number: str, region: NumberRegion
) -> None:
    assert region_of(number) == region


def group(*numbers: str | None) -> list[tuple[str, int, str, str]]:
    calls = [
        a_call(str(leg), CallStatus.UNRATED, record=a_record(str(leg), dialled="x1"), number=number)
        for leg, number in enumerate(numbers)
    ]
    found = grouped(calls, lambda _: "retail", {"retail": TARIFF}.get)
    return [
        (each.prefix, each.calls, each.sample, each.nearest.prefix if each.nearest else "")
        for each in found
    ]


def test_calls_of_one_range_are_one_group_with_the_nearest_rate() -> None:
    assert group("+41763456789", "+41763456000", "+41783456000", "+41763456001") == [
        ("4176", 3, "+4176*****89", "4179"),
        ("4178", 1, "+4178*****00", "4179"),
    ]


def test_digits_that_are_no_number_are_a_group_without_a_prefix() -> None:
    [(prefix, calls, _, nearest)] = group(None, None)
    assert (prefix, calls, nearest) == ("", 2, "")


def test_a_tariff_that_shares_no_digit_suggests_no_rate() -> None:
    assert group("+881612345678")[0][3] == ""


@pytest.mark.parametrize(
    ("number", "shown", "text"),
    [("+41763456789", 5, "+4176*****89"), ("+4176", 5, "+4176"), ("112", 1, "112"), ("", 1, "")],
)
def test_a_masked_number_shows_its_range_and_its_end(number: str, shown: int, text: str) -> None:
    assert masked(number, shown) == text


def test_where_a_country_has_no_codes_the_prefix_goes_as_far_as_the_numbers_agree() -> None:
    assert [prefix for prefix, *_ in group("+999123456", "+999129999")] == ["99912"]
    assert [prefix for prefix, *_ in group("+999123456")] == ["999123"]
    assert [prefix for prefix, *_ in group("+999123456", "+999888888")] == ["999"]
