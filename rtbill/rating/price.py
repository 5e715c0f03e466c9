"""What a call costs: connect fee and increments, summed exactly, rounded once at the end.

An answered call costs the connect fee and the first increment, however short it was; also one
whose answer and hang-up bear the same instant, which happens only when a clock stepped. Each
further increment is due as soon as talk goes on past the end of the one before: 60.000000 s at
60/60 is one, 60.000001 s is two. An increment costs what the band says in which it begins, length
and price, to its end. The connect fee and the first increment are those of the band of the
answer.

The sum is kept in sixtieths of a micro-unit, so nothing is lost before the one rounding: half up to
the tariff's digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.money import divide_rounding_half_up, divide_rounding_up
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rate
from rtbill.rating.bands import SECOND_US
from rtbill.rating.lookup import RateTable

SIXTIETHS = 60
"""A price is per minute, an increment is in seconds: their product is in these."""
_MICROSECOND = timedelta(microseconds=1)


class Run(NamedTuple):
    """Increments of one rate, one after the other."""

    rate: Rate
    begins_us: int
    length_s: int
    increments: int
    """How many of them begin before another rate may hold; more than any call has when none will.
    """


def price(table: RateTable, number: str, answered_at: datetime, talk_us: int) -> Price:
    """What an answered call of this talk time costs; NoRate when the tariff does not cover it."""
    assert talk_us >= 0, "talk time is never negative"
    found = table.find(number)
    if found.week is None:
        rate, ends_us, until_us = found.single, 0, 0
    else:
        answered_us = epoch_us(answered_at)
        ends_us = answered_us + talk_us
        rate, until_us = found.week.stretch(answered_us)
    if rate is None:
        raise NoRate(_no_rate_at(table, number))
    if ends_us <= until_us:
        billed_s = rate.first_increment_s
        over_us = talk_us - billed_s * SECOND_US
        if over_us > 0:
            step_s = rate.next_increment_s
            billed_s += divide_rounding_up(over_us, step_s * SECOND_US) * step_s
        sixtieths = SIXTIETHS * rate.connect_fee_micros + rate.price_per_minute_micros * billed_s
    else:
        sixtieths, billed_s = _across_bands(table, number, answered_at, talk_us)
    step = table.rounding_step
    tariff = table.tariff
    return Price(
        divide_rounding_half_up(sixtieths, SIXTIETHS * step) * step,
        tariff.currency,
        tariff.name,
        tariff.version,
        rate.prefix,
        rate.destination,
        billed_s,
    )


def accrued(table: RateTable, number: str, answered_at: datetime, now: datetime) -> int:
    """Micro-units that a running call would cost if it ended now, by the function of its price."""
    talk_us = max(0, (now - answered_at) // _MICROSECOND)
    return price(table, number, answered_at, talk_us).micros


def runs(table: RateTable, number: str, answered_at: datetime) -> Iterator[Run]:
    """The increments of a call from its answer on, without end; NoRate where no rate holds."""
    found = table.find(number)
    at_us = epoch_us(answered_at)
    first = found.stretch(at_us).rate
    if first is None:
        raise NoRate(_no_rate_at(table, number))
    yield Run(first, at_us, first.first_increment_s, 1)
    at_us += first.first_increment_s * SECOND_US
    while True:
        rate, until_us = found.stretch(at_us)
        if rate is None:
            raise NoRate(_no_rate_at(table, number))
        length_us = rate.next_increment_s * SECOND_US
        increments = divide_rounding_up(until_us - at_us, length_us)
        yield Run(rate, at_us, rate.next_increment_s, increments)
        at_us += increments * length_us


def _across_bands(
    table: RateTable, number: str, answered_at: datetime, talk_us: int
) -> tuple[int, int]:
    """Sixtieths of micro-units and billed seconds of a call that may see several rates."""
    ends_us = epoch_us(answered_at) + talk_us
    sixtieths, billed_s = 0, 0
    for run in runs(table, number, answered_at):
        if billed_s == 0:
            sixtieths = SIXTIETHS * run.rate.connect_fee_micros
        left = divide_rounding_up(ends_us - run.begins_us, run.length_s * SECOND_US)
        seconds = min(run.increments, left) * run.length_s
        billed_s += seconds
        sixtieths += run.rate.price_per_minute_micros * seconds
        if run.begins_us + seconds * SECOND_US >= ends_us:
            break
    return sixtieths, billed_s


def _no_rate_at(table: RateTable, number: str) -> str:
    return f"the bands of tariff {table.tariff.name!r} leave a time without a rate for {number}"
