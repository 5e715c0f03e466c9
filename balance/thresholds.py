"""Where an account stands against its limits; pure comparisons, crossing by crossing."""

from __future__ import annotations

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import NOTHING_LEFT, Left


def fell_below(before: AccountState, after: AccountState, threshold_micros: int) -> bool:
    """Whether this one movement took what is available from at or above the threshold to below."""
    return after.available_micros < threshold_micros <= before.available_micros


def told(before: AccountState, after: AccountState, threshold_micros: int) -> AccountState:
    """The state, with a note that its holder hears of its low balance where this movement took it
    below the threshold; the note goes when the balance rises a tenth above it (CC-33): one that
    swings about the threshold is told once.
    """
    if not after.is_told_low and fell_below(before, after, threshold_micros):
        return after._replace(is_told_low=True)
    if after.is_told_low and after.available_micros * 10 >= threshold_micros * 11:
        return after._replace(is_told_low=False)
    return after


def is_exhausted(state: AccountState, floor_micros: int, left: Left = NOTHING_LEFT) -> bool:
    """Whether less is available than the smallest amount worth calling with, and no bundle pays."""
    if state.spendable_micros >= floor_micros or left.has_seconds:
        return False
    return max(0, state.spendable_micros) + left.micros < floor_micros
