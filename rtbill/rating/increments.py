"""The increments of a call, one after the other, from its answer on.

After the free seconds comes the first increment, then those of the step that the seconds counted so
far have reached, in the band that holds when the increment begins. An increment costs what band and
step say at its beginning, to its end, unless the tariff splits it where the band ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rtbill.domain.errors import NoRate
from rtbill.domain.money import divide_rounding_up
from rtbill.domain.tariff import Rate, Step
from rtbill.rating.bands import BandTable, Stretch
from rtbill.rating.ladder import (
    increment_cost,
    next_increments,
    rounded_increment,
    step_at,
)
from rtbill.rating.lookup import RateTable, stretch
from rtbill.rating.zones import SECOND_US

_SAME_RATE_LOOKED_AHEAD = 64
"""Ends of days and changes of clocks over which a band is followed before it is taken to last."""


class Run(NamedTuple):
    """Increments of one length and price, one after the other."""

    rate: Rate
    step: Step
    begins_us: int
    length_us: int
    increments: int
    """How many of them begin before another rate or step may hold."""

    def cost(self, table: RateTable) -> int:
        """What each of them costs, in parts of a micro-unit."""
        exact = increment_cost(self.step, self.length_us, table.per_micro)
        return rounded_increment(exact, table.tariff.rounding, table.per_micro)


def runs(table: RateTable, number: str, answered_us: int) -> Iterator[Run]:
    """The increments of a call from its answer on, without end; NoRate where no rate holds."""
    found = table.find(number)
    splits = table.tariff.splits_increments
    at_us = answered_us
    counted_us = 0
    while True:
        rate, until_us = _stretch_of_rate(found, at_us) if splits else stretch(found, at_us)
        if rate is None:
            raise NoRate(no_rate_at(table, number))
        if at_us == answered_us and rate.terms.free_s:
            at_us = answered_us + rate.terms.free_s * SECOND_US
            continue
        step, step_ends_us = step_at(rate.terms, counted_us)
        length_us, increments = next_increments(rate.terms, step, counted_us)
        if increments > 1:
            left_us = min(until_us - at_us, step_ends_us - counted_us)
            increments = divide_rounding_up(left_us, length_us)
        if splits and at_us + increments * length_us > until_us:
            whole = (until_us - at_us) // length_us
            length_us, increments = (length_us, whole) if whole else (until_us - at_us, 1)
        yield Run(rate, step, at_us, length_us, increments)
        at_us += increments * length_us
        counted_us += increments * length_us


def no_rate_at(table: RateTable, number: str) -> str:
    """Why there is no price where the bands leave a gap."""
    return f"the bands of tariff {table.tariff.name!r} leave a time without a rate for {number}"


def _stretch_of_rate(found: Rate | BandTable, at_us: int) -> Stretch:
    """Like `stretch`, but until another rate holds, over ends of days and changes of clocks."""
    rate, until_us = stretch(found, at_us)
    for _ in range(_SAME_RATE_LOOKED_AHEAD):
        following, then_us = stretch(found, until_us)
        if following is not rate:
            break
        until_us = then_us
    return Stretch(rate, until_us)
