"""What a call costs: fees and increments, summed exactly, rounded once at the end.

An answered call costs the connect fee and the first increment, however short it was; also one
whose answer and hang-up bear the same instant, which happens only when a clock stepped. Each
further increment is due as soon as talk goes on past the end of the one before: 60.000000 s at
60/60 is one, 60.000001 s is two. An increment costs what the band says in which it begins, length
and price, to its end.

A call counts for its increments as if it had lasted the added seconds longer. A recurring fee is
due at the instant at which its span is full, together with an increment that ends there and the one
that then is next: 60.000000 s owe the fee of every 60 s once, 59.999999 s do not.

Fees, free seconds, added seconds, grace, least and greatest charge are those of the rate that holds
at the answer. Increments are added to the connect fee, then the disconnect fee and the recurring
ones; the sum is kept within the least and the greatest charge, and rounded to the tariff's digits.
A greatest charge that ends the call does not lower its price: `rtbill.rating.longest` says when it
ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.money import divide_rounding, divide_rounding_up
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rate, Terms
from rtbill.rating.bands import BandTable
from rtbill.rating.increments import Run, no_rate_at, runs
from rtbill.rating.lookup import RateTable, stretch
from rtbill.rating.zones import SECOND_US

_MICROSECOND = timedelta(microseconds=1)


class Spell(NamedTuple):
    """Increments of one run that a call has begun."""

    run: Run
    increments: int
    cost: int
    """Of all of them, in parts of a micro-unit."""


class ExactPrice(NamedTuple):
    """What a call comes to before any rounding."""

    rate: Rate
    """The one that holds at the answer."""
    parts: int
    """Of a micro-unit, as the rate table has them."""
    billed_us: int


def price(table: RateTable, number: str, answered_at: datetime, talk_us: int) -> Price:
    """What an answered call of this talk time costs; NoRate when the tariff does not cover it."""
    found = table.find(number)
    rate, parts, billed_us = exact_parts(table, found, number, answered_at, talk_us)
    step, tariff = table.rounding_step, table.tariff
    return Price(
        divide_rounding(parts, table.per_step, tariff.rounding.mode) * step,
        tariff.currency,
        tariff.name,
        tariff.version,
        rate.prefix,
        rate.destination,
        divide_rounding_up(billed_us, SECOND_US),
    )


class TalkPrice:
    """The price of one call by its talk time: its rate is looked up once, for it is asked about
    many lengths of talk.
    """

    __slots__ = ("_answered_us", "_holds_us", "_ladder", "_number", "_table", "_terms")

    def __init__(self, table: RateTable, number: str, answered_at: datetime) -> None:
        """NoRate when the tariff does not cover the call at its answer."""
        self._table = table
        self._number = number
        self._answered_us = epoch_us(answered_at)
        rate, until_us = stretch(table.find(number), self._answered_us)
        if rate is None:
            raise NoRate(no_rate_at(table, number))
        self._terms = rate.terms
        self._ladder = table.ladder(rate.terms)
        self._holds_us = until_us - self._answered_us

    def micros(self, talk_us: int) -> int:
        """The amount of the price alone; NoRate when increments begin where there is no rate."""
        table, ladder = self._table, self._ladder
        assert talk_us >= 0, "talk time is never negative"
        cost, billed_us = ladder.cost(talk_us)
        ends_us = ladder.ends_us(billed_us) if table.splits else ladder.reach_us(talk_us)
        if ends_us > self._holds_us:
            cost, _ = _with_fees(table, self._terms, self._number, self._answered_us, talk_us)
        mode = table.tariff.rounding.mode
        return divide_rounding(cost, table.per_step, mode) * table.rounding_step


def exact_price(table: RateTable, number: str, answered_at: datetime, talk_us: int) -> ExactPrice:
    """The same without the rounding at the end."""
    return ExactPrice(*exact_parts(table, table.find(number), number, answered_at, talk_us))


def exact_parts(
    table: RateTable, found: Rate | BandTable, number: str, answered_at: datetime, talk_us: int
) -> tuple[Rate, int, int]:
    """The fields of an ExactPrice, by what the table has found for the number."""
    assert talk_us >= 0, "talk time is never negative"
    if isinstance(found, Rate):
        return (found, *table.ladder(found.terms).cost(talk_us))
    answered_us = epoch_us(answered_at)
    place, until_us = found.pattern.held(answered_us)
    if place is None:
        raise NoRate(no_rate_at(table, number))
    rate = found.rates[place]
    ladder = table.ladder(rate.terms)
    cost, billed_us = ladder.cost(talk_us)
    ends_us = ladder.ends_us(billed_us) if table.splits else ladder.reach_us(talk_us)
    if answered_us + ends_us <= until_us:
        return rate, cost, billed_us
    return (rate, *_with_fees(table, rate.terms, number, answered_us, talk_us))


def accrued(table: RateTable, number: str, answered_at: datetime, now: datetime) -> int:
    """Micro-units that a running call would cost if it ended now, by the function of its price."""
    talk_us = max(0, (now - answered_at) // _MICROSECOND)
    return price(table, number, answered_at, talk_us).micros


def spells(table: RateTable, number: str, answered_us: int, talk_us: int) -> list[Spell]:
    """The increments that a call of this talk time has begun; none while it is free."""
    terms = terms_at(table, number, answered_us)
    free_us = terms.free_s * SECOND_US
    counted_us = talk_us + terms.added_s * SECOND_US - free_us
    if is_in_grace(terms, talk_us) or (free_us and counted_us <= 0):
        return []
    ends_us = answered_us + free_us + max(counted_us, terms.billable_min_s * SECOND_US)
    found: list[Spell] = []
    for run in runs(table, number, answered_us):
        left = divide_rounding_up(ends_us - run.begins_us, run.length_us)
        begun = min(run.increments, max(left, 0 if found else 1))
        found.append(Spell(run, begun, begun * run.cost(table)))
        if run.begins_us + begun * run.length_us >= ends_us:
            return found
    raise AssertionError("increments have no end")


def terms_at(table: RateTable, number: str, at_us: int) -> Terms:
    """The terms that hold for the number at this instant; NoRate when none do."""
    rate = stretch(table.find(number), at_us).rate
    if rate is None:
        raise NoRate(no_rate_at(table, number))
    return rate.terms


def is_in_grace(terms: Terms, talk_us: int) -> bool:
    """Whether so short a call costs nothing at all."""
    return bool(terms.grace_s) and talk_us <= terms.grace_s * SECOND_US


def owes_disconnect_fee(terms: Terms, talk_us: int) -> bool:
    """Whether the call is long enough for the fee at its end."""
    return bool(terms.disconnect_fee_micros) and talk_us >= terms.disconnect_after_s * SECOND_US


def recurring_fees(terms: Terms, talk_us: int) -> int:
    """How many times the recurring fee is due."""
    if not terms.recurring_fee_micros:
        return 0
    return (talk_us + terms.added_s * SECOND_US) // (terms.recurring_every_s * SECOND_US)


def _with_fees(
    table: RateTable, terms: Terms, number: str, answered_us: int, talk_us: int
) -> tuple[int, int]:
    """Parts of a micro-unit and billed microseconds of any call."""
    if is_in_grace(terms, talk_us):
        return 0, 0
    per_micro = table.per_micro
    begun = spells(table, number, answered_us, talk_us)
    cost = sum(each.cost for each in begun) + per_micro * terms.connect_fee_micros
    if owes_disconnect_fee(terms, talk_us):
        cost += per_micro * terms.disconnect_fee_micros
    cost += per_micro * terms.recurring_fee_micros * recurring_fees(terms, talk_us)
    if terms.charge_max_micros is not None and not terms.charge_max_ends:
        cost = min(cost, per_micro * terms.charge_max_micros)
    cost = max(cost, per_micro * terms.charge_min_micros)
    return cost, sum(each.increments * each.run.length_us for each in begun)
