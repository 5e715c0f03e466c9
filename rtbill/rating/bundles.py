"""What a call costs where bundles pay: seconds first, then money of bundles, then the account's.

A bundle of seconds takes whole increments of its own, as many as the call needs and it has; where
it ends the next goes on. Talk beyond all seconds is priced as a call of its own that is answered at
that instant: its bands, steps and increments begin there, by the lists in force at the real answer.
The connect fee is due at the real answer, unless the bundle that pays the beginning says otherwise.
All that is due in money goes through the chain together, once. The result is never more than the
whole call costs without bundles; bundles of money pay of it.

What a call is debited never falls with its length: what was due within seconds is due beyond them
too, every link after that keeps the order, and so does the smaller of two amounts that never fall.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rtbill.domain.bundle import Bundle, Draw, PoolKey, Unit
from rtbill.domain.call import epoch_us
from rtbill.domain.money import divide_rounding_up
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rate
from rtbill.rating.bands import BandTable
from rtbill.rating.chain import Asked, Sum
from rtbill.rating.lookup import RateTable, stretch
from rtbill.rating.offer import Offer
from rtbill.rating.price import exact_parts
from rtbill.rating.zones import SECOND_US


class Share(NamedTuple):
    """A bundle that may pay a call, as far as it is not used up."""

    bundle: Bundle
    pool: PoolKey
    left: int
    """Seconds or micro-units, never below 0."""
    table: RateTable | None = None
    """The bundle's tariff as it is in force at the answer. Numbers that it has no rate for are not
    paid by the bundle.
    """


class Bundled(NamedTuple):
    """The price of a call, and what bundles pay."""

    price: Price
    """Of all that seconds do not cover, also where bundles of money pay it."""
    draws: tuple[Draw, ...]
    """In the order of use."""

    @property
    def debit_micros(self) -> int:
        """What the account owes."""
        return self.price.micros - sum(
            draw.amount for draw in self.draws if draw.unit is Unit.MONEY
        )


class Span(NamedTuple):
    """Talk that is paid in seconds of one bundle."""

    share: Share
    begins_us: int
    """After the answer."""
    seconds: int
    """That it takes: whole increments."""
    talk_us: int
    """That passed within."""

    @property
    def ends_us(self) -> int:
        """After the answer; as far as its seconds reach."""
        return self.begins_us + self.seconds * SECOND_US


class Part(NamedTuple):
    """Talk that is priced on its own."""

    table: RateTable
    rates: Rate | BandTable
    begins_us: int
    """After the answer of the call."""
    answered_at: datetime
    """Its own beginning."""
    talk_us: int
    has_connect_fee: bool = False


class Covered(NamedTuple):
    """How a call is paid, as far as seconds pay it."""

    spans: Sequence[Span]
    fee_micros: int
    """The connect fee of the account's tariff, where seconds do not cover it."""
    parts: Sequence[Part]
    """What costs money besides: talk at the tariff of a bundle, then all beyond the seconds."""


_NOT_AT_ALL = Covered((), 0, ())


def price_with(offer: Offer, asked: Asked, talk_us: int, shares: Sequence[Share]) -> Bundled:
    """What an answered call of this talk time costs, and takes of bundles that are given in order;
    a call that costs nothing takes nothing. NoRate as without bundles, or where a bundle's tariff
    has bands that leave a gap.
    """
    price = offer.price(asked, talk_us)
    if not price.micros:
        return Bundled(price, ())
    how = covered(offer, asked, talk_us, shares)
    if how.spans:
        price = _left_to_pay(offer, asked, how, price)
    return Bundled(price, tuple(_draws(how, price.micros, shares)))


def covered(offer: Offer, asked: Asked, talk_us: int, shares: Iterable[Share]) -> Covered:
    """Which seconds pay a call, and what is due in money besides; without spans all of it is."""
    found = spans(asked.number, talk_us, shares)
    if not found:
        return _NOT_AT_ALL
    parts = [_priced(each.share.table, asked, each) for each in found if each.share.table]
    fee_micros, first, ends_us = 0, found[0].share, found[-1].ends_us
    owes_fee = first.table is None and not first.bundle.covers_fees
    if owes_fee or ends_us < talk_us:
        table, rates = offer.find(asked.number)
        if owes_fee:
            rate, _ = stretch(rates, epoch_us(asked.answered_at))
            assert rate is not None, "the call has a price"
            fee_micros = rate.terms.connect_fee_micros
        if ends_us < talk_us:
            parts.append(_goes_on(table, rates, asked, ends_us, talk_us - ends_us))
    return Covered(found, fee_micros, parts)


def spans(number: str, talk_us: int, shares: Iterable[Share]) -> list[Span]:
    """Which seconds pay so much talk to this number: in the order of use, up to the end of the talk
    or of all seconds.
    """
    found: list[Span] = []
    begins_us = 0
    for share in shares:
        bundle, _, left, table = share
        increment_s = bundle.increment_s
        if bundle.unit is not Unit.SECONDS or left < increment_s:
            continue
        if table is not None and not table.covers(number):
            continue
        to_cover_us = talk_us - begins_us
        # The first increment is taken also at the instant of the answer.
        needed = divide_rounding_up(to_cover_us or 1, increment_s * SECOND_US)
        seconds = min(needed, left // increment_s) * increment_s
        covered_us = seconds * SECOND_US
        found.append(Span(share, begins_us, seconds, min(covered_us, to_cover_us)))
        begins_us += covered_us
        if begins_us >= talk_us:
            break
    return found


def due(asked: Asked, how: Covered) -> tuple[Sum, int]:
    """What is due in money before the chain, and the microseconds that it bills."""
    amount, billed_us = Sum(how.fee_micros, 1), 0
    for table, rates, _, answered_at, talk_us, _ in how.parts:
        _, parts, part_us = exact_parts(table, rates, asked.number, answered_at, talk_us)
        amount = amount.plus(parts, table.per_micro)
        billed_us += part_us
    return amount, billed_us


def _left_to_pay(offer: Offer, asked: Asked, how: Covered, whole: Price) -> Price:
    """What seconds do not pay of a call; `whole` is its price without bundles."""
    if not how.parts and not how.fee_micros:
        return whole._replace(micros=0, tax_micros=0, billed_s=0)
    amount, billed_us = due(asked, how)
    net_micros, tax_micros = offer.charge(asked, amount, billed_us)
    return whole._replace(
        # Of both the smaller: the tax never falls with the net amount.
        micros=min(net_micros + tax_micros, whole.micros),
        tax_micros=min(tax_micros, whole.tax_micros),
        billed_s=divide_rounding_up(billed_us, SECOND_US),
    )


def whole_call(table: RateTable, asked: Asked, talk_us: int) -> Part:
    """A call that no seconds cover, from its answer on and with the connect fee."""
    return Part(
        table,
        table.find(asked.number),
        begins_us=0,
        answered_at=asked.answered_at,
        talk_us=talk_us,
        has_connect_fee=True,
    )


def _priced(table: RateTable, asked: Asked, span: Span) -> Part:
    """What talk within the seconds costs by the bundle's own tariff."""
    if span.begins_us == 0:
        return whole_call(table, asked, span.talk_us)
    return _goes_on(table, table.find(asked.number), asked, span.begins_us, span.talk_us)


def _goes_on(
    table: RateTable, rates: Rate | BandTable, asked: Asked, begins_us: int, talk_us: int
) -> Part:
    """A part of a call later on."""
    begins_at = asked.answered_at + timedelta(microseconds=begins_us)
    return Part(table, table.without_connect_fee(rates), begins_us, begins_at, talk_us)


def _draws(how: Covered, due_micros: int, shares: Iterable[Share]) -> list[Draw]:
    """What is taken of seconds, then what money of bundles pays of what is due."""
    found = [Draw(each.share.pool, Unit.SECONDS, each.seconds) for each in how.spans]
    for bundle, pool, left, _ in shares:
        if bundle.unit is Unit.MONEY and (amount := min(left, due_micros)):
            found.append(Draw(pool, Unit.MONEY, amount))
            due_micros -= amount
    return found
