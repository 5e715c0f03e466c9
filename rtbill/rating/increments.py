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
from rtbill.domain.tariff import Counting, Rate, Step, Terms
from rtbill.rating.bands import BandTable, Stretch
from rtbill.rating.lookup import FOREVER_US, RateTable, stretch
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
        step, step_ends_us = _step_at(rate.terms, counted_us)
        length_us, increments = _next_increments(rate.terms, step, counted_us)
        if increments > 1:
            left_us = min(until_us - at_us, step_ends_us - counted_us)
            increments = divide_rounding_up(left_us, length_us)
        if splits and at_us + increments * length_us > until_us:
            whole = (until_us - at_us) // length_us
            length_us, increments = (length_us, whole) if whole else (until_us - at_us, 1)
        yield Run(rate, step, at_us, length_us, increments)
        at_us += increments * length_us
        counted_us += increments * length_us


def cost_of_one(table: RateTable, run: Run) -> int:
    """What each increment of the run costs, in parts of a micro-unit."""
    step = run.step
    ticks = run.length_us // table.tick_us
    ticks_of_unit = step.unit_s * (SECOND_US // table.tick_us)
    return step.price_micros * ticks * (table.per_micro // ticks_of_unit)


def no_rate_at(table: RateTable, number: str) -> str:
    """Why there is no price where the bands leave a gap."""
    return f"the bands of tariff {table.tariff.name!r} leave a time without a rate for {number}"


def _step_at(terms: Terms, counted_us: int) -> tuple[Step, int]:
    """The step that so much counted talk has reached, and where the next one begins."""
    ends_us = FOREVER_US
    for step in reversed(terms.steps):
        if step.from_s * SECOND_US <= counted_us:
            return step, ends_us
        ends_us = step.from_s * SECOND_US
    raise AssertionError("the first step is from 0")


def _next_increments(terms: Terms, step: Step, counted_us: int) -> tuple[int, int]:
    """Length of the increment that is due, and how many such may follow each other."""
    if counted_us == 0 and terms.first_increment_s:
        return terms.first_increment_s * SECOND_US, 1
    length_us = step.increment_s * SECOND_US
    if terms.counting is Counting.FROM_ZERO and counted_us % length_us:
        return length_us - counted_us % length_us, 1
    return length_us, FOREVER_US


def _stretch_of_rate(found: Rate | BandTable, at_us: int) -> Stretch:
    """Like `stretch`, but until another rate holds, over ends of days and changes of clocks."""
    rate, until_us = stretch(found, at_us)
    for _ in range(_SAME_RATE_LOOKED_AHEAD):
        following, then_us = stretch(found, until_us)
        if following is not rate:
            break
        until_us = then_us
    return Stretch(rate, until_us)
