"""Pauses between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtbill.outbox import PAUSE_MAX_S, pause_s


def test_pauses_grow_from_a_second_to_five_minutes() -> None:
    longest = [pause_s(failures, 0.999999) for failures in range(12)]

    assert longest == sorted(longest)
    assert round(longest[0]) == 1
    assert round(longest[-1]) == PAUSE_MAX_S


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_no_pause_is_nothing_or_for_ever(failures: int, draw: float) -> None:
    assert 0.5 <= pause_s(failures, draw) <= PAUSE_MAX_S
