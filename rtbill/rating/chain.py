"""From what a tariff says to what is charged: markup, what a site's hook changes, discounts,
minimum, rounding, tax.

Every link is exact but the rounding, which comes once, and the tax, which is rounded to the same
digits. No link makes a longer call cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from rtbill.domain.adjustment import Adjustment, adjustment_text
from rtbill.domain.money import (
    divide_rounding,
    divide_rounding_half_up,
)
from rtbill.domain.price_plan import (
    WHOLE_PPM,
    Discount,
    Markup,
    PricePlan,
    markup_text,
    percent_text,
)
from rtbill.domain.tariff import Tariff

_MINUTE_US = 60_000_000


class Asked(NamedTuple):
    """A call as far as its price depends on it."""

    number: str
    """E.164 with plus."""
    answered_at: datetime
    account: str = ""
    pbx: str = ""


class Sum(NamedTuple):
    """An exact amount of micro-units."""

    parts: int
    per_micro: int

    def plus(self, parts: int, per_micro: int) -> Sum:
        """With another exact amount."""
        if per_micro == self.per_micro:
            return Sum(self.parts + parts, per_micro)
        return Sum(self.parts * per_micro + parts * self.per_micro, self.per_micro * per_micro)

    def share(self, ppm: int) -> Sum:
        """So many millionths of it."""
        return Sum(self.parts * ppm, self.per_micro * WHOLE_PPM)


class Link(NamedTuple):
    """What one link of the chain made of the amount before it."""

    kind: str
    """`markup`, `adjustment`, `discount`, `minimum`, `rounding`, `bundle_limit` or `tax`."""
    name: str
    before: Sum
    after: Sum


def links(  # noqa: PLR0913 - the facts of one price
    plan: PricePlan,
    asked: Asked,
    base: Sum,
    billed_us: int,
    adjustment: Adjustment | None = None,
    net_max_micros: int | None = None,
) -> Iterator[Link]:
    """Every link that changes the amount, in order, a hook's adjustment also where it does not;
    where bundles pay, within the net amount of the call without them.
    """
    amount = base
    for link in _exact_links(plan, asked, base, billed_us, adjustment):
        yield link
        amount = link.after
    net = Sum(_net_micros(plan, amount), 1)
    if net.parts * amount.per_micro != amount.parts:
        rounding = plan.rounding
        yield Link("rounding", f"{rounding.mode} {rounding.digits}", amount, net)
    if net_max_micros is not None and net.parts > net_max_micros:
        limited = Sum(net_max_micros, 1)
        yield Link("bundle_limit", "", net, limited)
        net = limited
    tax_micros = _tax_micros(plan, net.parts)
    if plan.tax is not None and tax_micros:
        yield Link(
            "tax",
            f"{plan.tax.name} {percent_text(plan.tax.percent_ppm)}",
            net,
            Sum(net.parts + tax_micros, 1),
        )


def charge(
    plan: PricePlan, asked: Asked, base: Sum, billed_us: int, adjustment: Adjustment | None
) -> tuple[int, int]:
    """What all links together come to: net and tax, in micro-units."""
    amount = base
    for link in _exact_links(plan, asked, base, billed_us, adjustment):
        amount = link.after
    net_micros = _net_micros(plan, amount)
    return net_micros, _tax_micros(plan, net_micros)


def rounding_only(tariff: Tariff) -> PricePlan:
    """The chain of a tariff without a plan: its own rounding."""
    return PricePlan(
        name="",
        version=0,
        currency=tariff.currency,
        valid_from=tariff.valid_from,
        tariffs=(tariff.name,),
        rounding=tariff.rounding,
    )


def largest_net(plan: PricePlan, money_micros: int) -> int:
    """The largest net amount, in micro-units, whose charge with tax is within the money."""
    step: int = 10 ** (6 - plan.rounding.digits)
    tax_ppm = plan.tax.percent_ppm if plan.tax else 0
    net = money_micros * WHOLE_PPM // (WHOLE_PPM + tax_ppm) // step * step + 2 * step
    while net > 0 and net + _tax_micros(plan, net) > money_micros:
        net -= step
    return max(0, net)


def markup_for(plan: PricePlan, number: str) -> Markup | None:
    """The markup of the longest prefix, else the general one."""
    digits = number.removeprefix("+")
    best: tuple[int, Markup] | None = None
    for markup in plan.markups:
        fitting = [len(each) for each in markup.prefixes if digits.startswith(each)]
        length = max(fitting, default=-1) if markup.prefixes else 0
        if length >= 0 and (best is None or length > best[0]):
            best = (length, markup)
    return None if best is None else best[1]


def is_due(discount: Discount, asked: Asked) -> bool:
    """Whether all its conditions hold for the call."""
    digits = asked.number.removeprefix("+")
    return (
        (not discount.prefixes or digits.startswith(discount.prefixes))
        and (not discount.accounts or asked.account in discount.accounts)
        and (not discount.pbxs or asked.pbx in discount.pbxs)
        and (discount.since is None or discount.since <= asked.answered_at)
        and (discount.until is None or asked.answered_at < discount.until)
    )


def _exact_links(
    plan: PricePlan, asked: Asked, base: Sum, billed_us: int, adjustment: Adjustment | None
) -> Iterator[Link]:
    amount = base
    is_billed = base.parts + billed_us > 0
    markup = markup_for(plan, asked.number)
    if markup is not None and is_billed:
        added = _raised(amount, markup, billed_us)
        if added is not amount:
            yield Link("markup", markup_text(markup), amount, added)
            amount = added
    if adjustment is not None and is_billed:
        adjusted = _adjusted(amount, adjustment, billed_us)
        name = f"{adjustment.reason} ({adjustment_text(adjustment)})"
        yield Link("adjustment", name, amount, adjusted)
        amount = adjusted
    for discount in plan.discounts:
        if amount.parts and is_due(discount, asked):
            less = amount.share(WHOLE_PPM - discount.percent_ppm)
            yield Link(
                "discount", f"{discount.name} {percent_text(discount.percent_ppm)}", amount, less
            )
            amount = less
    least = plan.charge_min_micros
    if 0 < amount.parts < least * amount.per_micro:
        yield Link("minimum", "", amount, Sum(least, 1))


def _raised(amount: Sum, markup: Markup | Adjustment, billed_us: int) -> Sum:
    """The same amount where nothing is added."""
    if markup.percent_ppm:
        amount = amount.share(WHOLE_PPM + markup.percent_ppm)
    if markup.per_minute_micros:
        amount = amount.plus(markup.per_minute_micros * billed_us, _MINUTE_US)
    if markup.per_call_micros:
        amount = amount.plus(markup.per_call_micros, 1)
    return amount


def _adjusted(amount: Sum, adjustment: Adjustment, billed_us: int) -> Sum:
    """Within zero and the greatest charge: neither bound lets a longer call cost less."""
    if adjustment.is_free:
        return Sum(0, 1)
    raised = _raised(amount, adjustment, billed_us)
    if raised.parts < 0:
        return Sum(0, 1)
    most = adjustment.charge_max_micros
    if most is not None and raised.parts > most * raised.per_micro:
        return Sum(most, 1)
    return raised


def _net_micros(plan: PricePlan, amount: Sum) -> int:
    rounding = plan.rounding
    step: int = 10 ** (6 - rounding.digits)
    return divide_rounding(amount.parts, amount.per_micro * step, rounding.mode) * step


def _tax_micros(plan: PricePlan, net_micros: int) -> int:
    if plan.tax is None:
        return 0
    step: int = 10 ** (6 - plan.rounding.digits)
    return divide_rounding_half_up(net_micros * plan.tax.percent_ppm, WHOLE_PPM * step) * step
