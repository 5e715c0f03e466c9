"""The lines of a price, in words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from rtbill.domain.tariff import Rate
from rtbill.rating.chain import Asked
from rtbill.rating.explain import explain
from rtbill.rating.offer import Offer
from tests.unit.rating.builders import NOON, a_table, some_terms


def lines(talk_s: int, **more: Any) -> list[tuple[str, str, Fraction]]:
    """Kind, text and amount of each line of a call at 0.06 by the minute."""
    rate = Rate(prefix="44", destination="Anywhere", terms=some_terms("60/60", "0.06", **more))
    found = explain(Offer([a_table(rate)]), Asked("+441632960000", NOON), talk_s * 1_000_000)
    return [(line.kind, line.text, line.amount) for line in found.lines]


def test_added_seconds_and_recurring_fees_have_lines_of_their_own() -> None:
    found = lines(125, added_s=3, recurring_fee_micros=10_000, recurring_every_s=60)
    assert found == [
        ("added", "counted as 3 s longer", Fraction(0)),
        (
            "increments",
            "from 0 s (Wed 12:00:00): 3 x 60 s at 0.06/min",
            Fraction(18, 100),
        ),
        ("recurring_fee", "2 x fee of 0.01 for every 60 s", Fraction(2, 100)),
    ]


def test_talk_beyond_a_greatest_charge_that_ends_calls_is_told_and_billed() -> None:
    limits: dict[str, Any] = {"charge_max_micros": 100_000, "charge_max_ends": True}
    assert [kind for kind, _, _ in lines(60, **limits)] == ["increments"]
    assert lines(120, **limits)[-1] == (
        "max_charge",
        "beyond 0.10, at which a call is to be ended",
        Fraction(0),
    )
