"""Where an account stands against its limits; pure comparisons, crossing by crossing."""

from __future__ import annotations

from rtbill.domain.account import AccountState


def fell_below(before: AccountState, after: AccountState, threshold_micros: int) -> bool:
    """Whether this one movement took what is available from at or above the threshold to below."""
    return after.available_micros < threshold_micros <= before.available_micros


def is_exhausted(state: AccountState, floor_micros: int) -> bool:
    """Whether less is available than the smallest amount worth calling with."""
    return state.available_micros < floor_micros
