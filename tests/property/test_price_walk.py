"""The long comparison of `make soak`, a small part of it."""

from __future__ import annotations

import pytest

from tests.soak.rating import TALKS_PER_WALK, compare


@pytest.mark.parametrize("seed", range(1, 31))
def test_price_agrees_with_a_walk_over_its_increments(seed: int) -> None:
    assert compare(seed) == TALKS_PER_WALK
