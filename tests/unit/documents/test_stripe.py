"""docs/stripe.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from payments.stripe_books import EVENT_KINDS
from payments.stripe_declines import DeclineCodes, DeclineTable
from rtbill.domain.payment import DeclineClass
from simulator.card_behaviour import CARDS

PAGE = (Path(__file__).parents[3] / "docs" / "stripe.md").read_text(encoding="utf-8")
ROWS = {
    DeclineClass(name): re.findall(r"`([a-z_]+)`", codes)
    for name, codes in re.findall(
        r"^\| (fast|soft|vague|action|card|never) \| (.*?) \|", PAGE, re.MULTILINE
    )
}


def test_the_events_to_tick_at_stripe_are_those_that_are_read() -> None:
    listed = re.findall(r"\b[a-z_]+(?:\.[a-z_]+)+\b", PAGE[PAGE.index("2. ") : PAGE.index("3. ")])
    assert sorted(listed) == sorted(EVENT_KINDS)
    assert f"these {len(EVENT_KINDS)} events" in PAGE


@pytest.mark.parametrize("decline", sorted(ROWS))
def test_the_codes_of_each_class_are_sorted_so(decline: DeclineClass) -> None:
    assert len(ROWS) == 6
    assert ROWS[decline]
    for code in ROWS[decline]:
        assert DeclineTable().sort(DeclineCodes(decline=code)) is decline


def test_the_simulated_provider_declines_in_as_many_ways_as_it_says() -> None:
    assert sum(1 for card in CARDS.values() if card.decline) == 13
    assert "thirteen ways" in PAGE
