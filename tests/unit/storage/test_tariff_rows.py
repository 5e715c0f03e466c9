"""Terms and bands as they are stored."""

from __future__ import annotations

import json

from hypothesis import given

from rtbill.domain.tariff import Terms, TimeBand
from rtbill.storage.tariff_rows import band_from, body_of, terms_from
from tests.unit.rating.strategies import all_bands, all_terms


@given(all_terms())
def test_terms_are_read_back_as_they_were(terms: Terms) -> None:
    assert terms_from(body_of(terms)) == terms


@given(all_bands())
def test_a_band_is_read_back_as_it_was(band: TimeBand) -> None:
    assert band_from(body_of(band)) == band


def test_what_is_as_by_default_is_not_written() -> None:
    assert json.loads(body_of(TimeBand(priority=3))) == {"priority": 3}
    assert json.loads(body_of(Terms.per_minute(5, 60, 1))) == {
        "first_increment_s": 60,
        "steps": [[0, 5, 60, 1]],
    }
