"""What a call costs where bundles pay: seconds first, then money of bundles, then the account's.

A bundle of seconds takes whole increments of its own, as many as the call needs and it has; where
it ends the next goes on. Talk beyond all seconds is priced as a call of its own that is answered at
that instant: its bands, steps and increments begin there, by the lists in force at the real answer.
The connect fee is due at the real answer, unless the bundle that pays the beginning says otherwise.
All that is due in money goes through the chain together, once; bundles of money pay of the result.

What a call is debited never falls with its length: what was due within seconds is due beyond them
too, and every link after that keeps the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rtbill.domain.bundle import Bundle, Draw, PoolKey, Unit
from rtbill.domain.call import epoch_us
from rtbill.domain.money import divide_rounding_up
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rate
from rtbill.rating.affordable import longest_paid_s
from rtbill.rating.bands import BandTable
from rtbill.rating.chain import Asked, Sum
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.price import exact_parts, terms_at
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

    spans: tuple[Span, ...]
    fee_micros: int
    """The connect fee of the account's tariff, where seconds do not cover it."""
    parts: tuple[Part, ...]
    """What costs money besides: talk at the tariff of a bundle, then all beyond the seconds."""


def price_with(offer: Offer, asked: Asked, talk_us: int, shares: Sequence[Share]) -> Bundled:
    """What an answered call of this talk time costs, and takes of bundles that are given in order;
    a call that costs nothing takes nothing. NoRate as without bundles, or where a bundle's tariff
    has bands that leave a gap.
    """
    price = offer.price(asked, talk_us)
    if not price.micros:
        return Bundled(price, ())
    how = covered(offer, asked, talk_us, shares)
    draws = [Draw(each.share.pool, Unit.SECONDS, each.seconds) for each in how.spans]
    if draws:
        amount, billed_us = due(asked, how)
        net_micros, tax_micros = offer.charge(asked, amount, billed_us)
        price = price._replace(
            micros=net_micros + tax_micros,
            tax_micros=tax_micros,
            billed_s=divide_rounding_up(billed_us, SECOND_US),
        )
    draws += _of_money(price.micros, shares)
    return Bundled(price, tuple(draws))


def affordable_with(
    offer: Offer, asked: Asked, money_micros: int, cap_s: int, shares: Sequence[Share]
) -> int:
    """The longest whole second whose debit is within the account's money, `cap_s` at most, or the
    longest call of the rate; where a bundle is exclusive, the longest that bundles alone pay.
    NoRate as for the price.
    """
    if not shares:
        return offer.affordable_s(asked, money_micros, cap_s)
    if any(share.bundle.is_exclusive for share in shares):
        money_micros = 0

    def pays(talk_us: int) -> bool:
        return price_with(offer, asked, talk_us, shares).debit_micros <= money_micros

    return longest_paid_s(pays, offer.longest_s(asked, cap_s))


def covered(offer: Offer, asked: Asked, talk_us: int, shares: Iterable[Share]) -> Covered:
    """Which seconds pay a call, and what is due in money besides; without spans all of it is."""
    talk_us = max(talk_us, 1)  # the first increment is due also at the instant of the answer
    spans = tuple(_spans(asked.number, talk_us, shares))
    if not spans:
        return Covered((), 0, ())
    parts = [_priced(span.share.table, asked, span) for span in spans if span.share.table]
    fee_micros, first, ends_us = 0, spans[0].share, spans[-1].ends_us
    owes_fee = first.table is None and not first.bundle.covers_fees
    if owes_fee or ends_us < talk_us:
        table, rates = offer.find(asked.number)
        if owes_fee:
            terms = terms_at(table, asked.number, epoch_us(asked.answered_at))
            fee_micros = terms.connect_fee_micros
        if ends_us < talk_us:
            parts.append(_goes_on(table, rates, asked, ends_us, talk_us - ends_us))
    return Covered(spans, fee_micros, tuple(parts))


def due(asked: Asked, how: Covered) -> tuple[Sum, int]:
    """What is due in money before the chain, and the microseconds that it bills."""
    amount, billed_us = Sum(how.fee_micros, 1), 0
    for table, rates, _, answered_at, talk_us, _ in how.parts:
        _, parts, part_us = exact_parts(table, rates, asked.number, answered_at, talk_us)
        amount = amount.plus(parts, table.per_micro)
        billed_us += part_us
    return amount, billed_us


def _spans(number: str, talk_us: int, shares: Iterable[Share]) -> Iterator[Span]:
    begins_us = 0
    for share in shares:
        bundle, _, left, table = share
        increment_s = bundle.increment_s
        if bundle.unit is not Unit.SECONDS or left < increment_s:
            continue
        if table is not None and not table.covers(number):
            continue
        to_cover_us = talk_us - begins_us
        needed = divide_rounding_up(to_cover_us, increment_s * SECOND_US)
        seconds = min(needed, left // increment_s) * increment_s
        covered_us = seconds * SECOND_US
        yield Span(share, begins_us, seconds, min(covered_us, to_cover_us))
        begins_us += covered_us
        if begins_us >= talk_us:
            return


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


def _of_money(due_micros: int, shares: Iterable[Share]) -> Iterator[Draw]:
    for bundle, pool, left, _ in shares:
        if bundle.unit is Unit.MONEY and (amount := min(left, due_micros)):
            yield Draw(pool, Unit.MONEY, amount)
            due_micros -= amount
