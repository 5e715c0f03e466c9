"""Why a call costs what it costs: line by line, each with its exact amount.

The amounts of all lines add up to the price: whoever holds an explanation can compute it again with
nothing but addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.adjustment import Adjustment
from rtbill.domain.bundle import Bundle, Unit
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.money import MICROS, RoundingMode, decimal_text
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import Price
from rtbill.domain.tariff import MINUTE_S, Rate, Step, Terms
from rtbill.rating import chain
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.band_columns import band_text
from rtbill.rating.bundles import (
    Bundled,
    Covered,
    Part,
    Share,
    covered,
    due,
    price_with,
    whole_call,
)
from rtbill.rating.chain import Asked, Link, Sum
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.price import (
    Spell,
    is_in_grace,
    owes_disconnect_fee,
    recurring_fees,
    spells,
    terms_at,
)
from rtbill.rating.zones import SECOND_US

_SHOWN_DIGITS = 9
_MODES = {
    RoundingMode.HALF_UP: "half up",
    RoundingMode.HALF_EVEN: "half even",
    RoundingMode.UP: "up",
    RoundingMode.DOWN: "down",
}


@dataclass(frozen=True, slots=True)
class Increments:
    """Increments of one rate and step, one after the other."""

    rate: Rate
    step: Step
    begins_at: datetime
    """In the tariff's zone."""
    from_s: float
    """Seconds of talk before them."""
    count: int
    length_s: float


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One thing that adds to the price, or takes from it."""

    kind: str
    """`connect_fee`, `added`, `increments`, `disconnect_fee`, `recurring_fee`, `max_charge`,
    `min_charge`, `grace` and `rounding`; `bundle` where seconds of one are taken,
    `bundle_limit` where they would make the call dearer; of a price plan `markup`, `discount`,
    `minimum` and `tax`; of a site's hook `adjustment`.
    """
    amount: Fraction
    """Exact, in main units of the currency."""
    text: str
    increments: Increments | None = None


class Payment(NamedTuple):
    """What a bundle of money pays of the price."""

    bundle: Bundle
    micros: int
    left_micros: int
    """Afterwards."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A price with all that leads to it."""

    price: Price
    lines: tuple[ExplainedLine, ...]
    payments: tuple[Payment, ...] = ()
    """In their order; what they do not pay is the account's."""

    @property
    def debit_micros(self) -> int:
        """What the account owes."""
        return self.price.micros - sum(each.micros for each in self.payments)


def explain(
    offer: Offer,
    asked: Asked,
    talk_us: int,
    shares: Sequence[Share] = (),
    adjustment: Adjustment | None = None,
) -> Explanation:
    """The price of a call that these bundles may pay, with what a hook changed about it, and its
    lines; NoRate as for the price.
    """
    if adjustment is not None:
        offer = AdjustedOffer(offer, adjustment)
    bundled = price_with(offer, asked, talk_us, shares)
    net_max_micros = None
    if any(draw.unit is Unit.SECONDS for draw in bundled.draws):
        how = covered(offer, asked, talk_us, shares)
        lines, (base, billed_us) = list(_lines_of_bundles(asked, how)), due(asked, how)
        net_max_micros = offer.price(asked, talk_us).net_micros
    else:
        table, exact = offer.base(asked, talk_us)
        base, billed_us = Sum(exact.parts, table.per_micro), exact.billed_us
        lines = list(_lines(asked.number, whole_call(table, asked, talk_us)))
    plan = offer.links
    for link in chain.links(plan, asked, base, billed_us, adjustment, net_max_micros):
        amount = _of_sum(link.after) - _of_sum(link.before)
        lines.append(ExplainedLine(link.kind, amount, _link_text(plan, link)))
    return Explanation(bundled.price, tuple(lines), tuple(_payments(bundled, shares)))


def amount_text(amount: Fraction) -> str:
    """`0.0125`; with an ellipsis where nine decimals do not hold it."""
    scaled = amount * 10**_SHOWN_DIGITS
    whole = abs(scaled.numerator) // scaled.denominator
    units, decimals = divmod(whole, 10**_SHOWN_DIGITS)
    is_exact = scaled.denominator == 1
    digits = f"{decimals:0{_SHOWN_DIGITS}d}"
    text = f"{units}.{digits.rstrip('0').ljust(2, '0') if is_exact else digits + '…'}"
    return f"-{text}" if amount < 0 else text


def _of_sum(amount: Sum) -> Fraction:
    return Fraction(amount.parts, amount.per_micro * MICROS)


def _link_text(plan: PricePlan, link: Link) -> str:
    match link.kind:
        case "rounding":
            return f"rounded {_MODES[plan.rounding.mode]} to {plan.rounding.digits} decimals"
        case "minimum":
            return f"no less than {decimal_text(plan.charge_min_micros)}"
        case "adjustment":
            return f"site: {link.name}"
        case "bundle_limit":
            return "never dearer than without bundles"
        case _:
            return f"{link.kind} {link.name}".rstrip()


def _payments(bundled: Bundled, shares: Sequence[Share]) -> Iterator[Payment]:
    held = {share.pool: share for share in shares}
    for draw in bundled.draws:
        if draw.unit is Unit.MONEY:
            share = held[draw.pool]
            yield Payment(share.bundle, draw.amount, share.left - draw.amount)


def _lines_of_bundles(asked: Asked, how: Covered) -> Iterator[ExplainedLine]:
    """What the seconds of bundles cover, and what is due in money all the same."""
    parts = {part.begins_us: part for part in how.parts}
    for span in how.spans:
        share = span.share
        left_s = share.left - span.seconds
        text = f"{span.seconds} s of {share.bundle.name} ({left_s} s left)"
        yield ExplainedLine("bundle", Fraction(0), text)
        if how.fee_micros and span.begins_us == 0:
            yield ExplainedLine("connect_fee", _main(how.fee_micros), "connect fee")
        if span.begins_us in parts:
            yield from _lines(asked.number, parts[span.begins_us])
    if (rest := parts.get(how.spans[-1].ends_us)) is not None:
        yield from _lines(asked.number, rest)


def _lines(number: str, part: Part) -> Iterator[ExplainedLine]:
    """All but the rounding."""
    table, talk_us = part.table, part.talk_us
    answered_us = epoch_us(part.answered_at)
    terms = terms_at(table, number, answered_us)
    if not part.has_connect_fee:
        terms = replace(terms, connect_fee_micros=0)
    if is_in_grace(terms, talk_us):
        text = f"no longer than {terms.grace_s} s, which cost nothing"
        yield ExplainedLine("grace", Fraction(0), text)
        return
    sum_of = Fraction(0)
    for line in _due(number, part, terms):
        sum_of += line.amount
        yield line
    most = terms.charge_max_micros
    if most is not None and sum_of > (limit := _main(most)):
        if terms.charge_max_ends:
            text = f"beyond {decimal_text(most)}, at which a call is to be ended"
            yield ExplainedLine("max_charge", Fraction(0), text)
        else:
            yield ExplainedLine("max_charge", limit - sum_of, f"no more than {decimal_text(most)}")
            sum_of = limit
    least = _main(terms.charge_min_micros)
    if sum_of < least:
        text = f"no less than {decimal_text(terms.charge_min_micros)}"
        yield ExplainedLine("min_charge", least - sum_of, text)


def _due(number: str, part: Part, terms: Terms) -> Iterator[ExplainedLine]:
    """Fees and increments."""
    table, talk_us = part.table, part.talk_us
    answered_us = epoch_us(part.answered_at)
    if terms.connect_fee_micros:
        covers = f", covers {terms.free_s} s" if terms.free_s else ""
        yield ExplainedLine("connect_fee", _main(terms.connect_fee_micros), f"connect fee{covers}")
    if terms.added_s:
        yield ExplainedLine("added", Fraction(0), f"counted as {terms.added_s} s longer")
    begun = spells(table, number, answered_us, talk_us)
    for group in _joined(begun):
        yield _increments_line(table, group, answered_us - part.begins_us)
    if owes_disconnect_fee(terms, talk_us):
        text = "disconnect fee"
        if terms.disconnect_after_s:
            text += f", due from {terms.disconnect_after_s} s"
        yield ExplainedLine("disconnect_fee", _main(terms.disconnect_fee_micros), text)
    fees = recurring_fees(terms, talk_us)
    if fees:
        fee = terms.recurring_fee_micros
        text = f"{fees} x fee of {decimal_text(fee)} for every {terms.recurring_every_s} s"
        yield ExplainedLine("recurring_fee", _main(fees * fee), text)


def _joined(begun: list[Spell]) -> Iterator[list[Spell]]:
    """Spells of the same rate, step and length together: a midnight alone is worth no line."""
    group: list[Spell] = []
    for spell in begun:
        same = group and (
            spell.run.rate is group[0].run.rate
            and spell.run.step is group[0].run.step
            and spell.run.length_us == group[0].run.length_us
        )
        if group and not same:
            yield group
            group = []
        group.append(spell)
    if group:
        yield group


def _increments_line(table: RateTable, group: list[Spell], answered_us: int) -> ExplainedLine:
    run = group[0].run
    zone = ZoneInfo(table.tariff.zone)
    found = Increments(
        rate=run.rate,
        step=run.step,
        begins_at=from_epoch_us(run.begins_us).astimezone(zone),
        from_s=(run.begins_us - answered_us) / SECOND_US,
        count=sum(each.increments for each in group),
        length_s=run.length_us / SECOND_US,
    )
    cost = sum(each.cost for each in group)
    amount = Fraction(cost, table.per_micro * MICROS)
    per = "min" if run.step.unit_s == MINUTE_S else f"{run.step.unit_s} s"
    text = (
        f"from {found.from_s:g} s ({found.begins_at:%a %H:%M:%S}): {found.count} x "
        f"{found.length_s:g} s at {decimal_text(run.step.price_micros)}/{per}"
    )
    if run.rate.band is not None:
        text += f" ({band_text(run.rate.band)})"
    return ExplainedLine("increments", amount, text, found)


def _main(micros: int) -> Fraction:
    return Fraction(micros, MICROS)
