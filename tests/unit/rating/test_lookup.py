"""The version in force, then the longest prefix."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rtbill.domain.errors import BadRecord, NoRate
from rtbill.domain.tariff import OnHolidays, Rate, TimeBand
from rtbill.rating.lookup import TariffBook
from tests.unit.rating.builders import NOON, YEAR_2026, a_rate, a_table, a_tariff


def prefix_of(number: str, *prefixes: str) -> str:
    found = a_table(*(a_rate(prefix=prefix) for prefix in prefixes)).find(number)
    assert isinstance(found, Rate)
    return found.prefix


def test_the_longest_prefix_wins() -> None:
    prefixes = ("1", "41", "4176", "417", "49")
    assert prefix_of("+41765550100", *prefixes) == "4176"
    assert prefix_of("+41775550100", *prefixes) == "417"
    assert prefix_of("+41315550100", *prefixes) == "41"


def test_a_longer_prefix_wins_though_a_shorter_one_is_cheaper() -> None:
    # ASTPP issue 273: sorted by price, the call went out at 0.01
    table = a_table(a_rate(prefix="1", per_minute="0.01"), a_rate(prefix="1234", per_minute="0.20"))
    found = table.find("+1234567890123")
    assert isinstance(found, Rate)
    assert found.terms.steps[0].price_micros == 200_000


def test_a_number_shorter_than_a_prefix_does_not_match_it() -> None:
    assert prefix_of("+4176", "41", "41765") == "41"


def test_a_number_as_long_as_its_prefix_matches() -> None:
    assert prefix_of("+4176", "41", "4176") == "4176"


@pytest.mark.parametrize("number", ["+43123456", "11833", "", "+"])
def test_a_number_without_a_rate_names_itself_and_the_tariff(number: str) -> None:
    with pytest.raises(NoRate, match="retail") as caught:
        a_table(a_rate(prefix="1"), a_rate(prefix="41")).find(number)
    assert number in str(caught.value)


def test_the_version_that_took_effect_last_is_in_force() -> None:
    march, may = YEAR_2026 + timedelta(days=59), YEAR_2026 + timedelta(days=120)
    rate = a_rate()
    book = TariffBook(
        [
            a_tariff(rate, version=2, valid_from=may),
            a_tariff(rate, version=1),
            a_tariff(rate, version=3, valid_from=march),
        ]
    )
    microsecond = timedelta(microseconds=1)
    assert book.in_force("retail", YEAR_2026).tariff.version == 1
    assert book.in_force("retail", march - microsecond).tariff.version == 1
    assert book.in_force("retail", march).tariff.version == 3
    assert book.in_force("retail", may).tariff.version == 2


def test_of_two_versions_from_the_same_instant_the_higher_is_in_force() -> None:
    book = TariffBook([a_tariff(a_rate(), version=2), a_tariff(a_rate(), version=1)])
    assert book.in_force("retail", NOON).tariff.version == 2


def test_an_unknown_or_future_tariff_has_no_rate() -> None:
    book = TariffBook([a_tariff(a_rate())])
    with pytest.raises(NoRate, match="'wholesale'"):
        book.in_force("wholesale", NOON)
    with pytest.raises(NoRate, match="not yet in force"):
        book.in_force("retail", YEAR_2026 - timedelta(seconds=1))


def test_a_book_lists_what_it_holds() -> None:
    book = TariffBook([a_tariff(a_rate(), name="b"), a_tariff(a_rate(), name="a")])
    assert book.names == ("a", "b")
    assert "a" in book
    assert "c" not in book
    assert [version.name for version in book.versions("a")] == ["a"]
    assert book.versions("c") == ()


def test_a_tariff_in_an_unknown_zone_is_refused_at_once() -> None:
    with pytest.raises(BadRecord, match="Europe/Berlyn"):
        TariffBook([a_tariff(a_rate(), zone="Europe/Berlyn")])


def test_a_tariff_by_holidays_needs_their_calendar_from_the_start() -> None:
    band = TimeBand(on_holidays=OnHolidays.ONLY, calendar="berlin")
    tariff = a_tariff(a_rate(), a_rate(band=band), version=3)
    with pytest.raises(BadRecord, match=r"retail version 3 .* 'berlin', .* as \[\[holidays\]\]"):
        TariffBook([tariff], {"bern": set()})
    assert TariffBook([tariff], {"berlin": set()}).names == ("retail",)
