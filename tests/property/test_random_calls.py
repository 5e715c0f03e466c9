"""20,000 random calls by the scalar engine, in columns and by the second opinion; `make soak` goes
on with ten million.
"""

from __future__ import annotations

from itertools import accumulate

import pytest

from tests.property.random_books import ZONES
from tests.property.random_calls import compare

CALLS = 5_000


@pytest.mark.parametrize("first_seed", [1, 1001, 2001, 3001])
def test_three_ways_of_pricing_agree(first_seed: int) -> None:
    seeds = range(first_seed, first_seed + 1000)
    counts = accumulate(compare(seed, talks=50, longest_s=900) for seed in seeds)
    assert any(calls >= CALLS for calls in counts)


def test_twenty_zones_are_drawn_from() -> None:
    assert len(ZONES) >= 20
