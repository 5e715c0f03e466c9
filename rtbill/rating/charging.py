"""The links of a price plan, multiplied out for speed; `rtbill.rating.chain` says what they are.

Once it is known which markup and which discounts a call has, its amount before the minimum is a
sum of three products: so much of the tariff's parts, so much of each billed microsecond, and a
fixed sum, over one denominator. They are worked out once for each combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from rtbill.domain.adjustment import Adjustment
from rtbill.domain.money import divide_rounding, divide_rounding_half_up
from rtbill.domain.price_plan import WHOLE_PPM, Discount, Markup, PricePlan
from rtbill.rating.chain import Asked, is_due, markup_for
from rtbill.rating.plan_choice import PlanChoice

_MINUTE_US = 60_000_000
_COMBINATIONS_KEPT = 4096


class Weights(NamedTuple):
    """What an amount is made of, in 1/`whole` of a micro-unit."""

    of_parts: int
    of_billed_us: int
    fixed: int
    whole: int


class Charger:
    """A plan made ready for charging many calls."""

    __slots__ = (
        "_known",
        "_least_micros",
        "_mode",
        "_step",
        "_tax",
        "choice",
        "net_min_micros",
        "plan",
    )

    def __init__(self, plan: PricePlan) -> None:
        self.plan = plan
        self.choice = PlanChoice(plan)
        self._step: int = 10 ** (6 - plan.rounding.digits)
        self._mode = plan.rounding.mode
        self._tax = plan.tax.percent_ppm if plan.tax else 0
        self._known: dict[tuple[int, int, int], Weights] = {}
        self._least_micros = plan.charge_min_micros
        least = divide_rounding(plan.charge_min_micros, self._step, self._mode)
        self.net_min_micros = least * self._step
        """The minimum as it is charged."""

    def charge(self, asked: Asked, parts: int, per_micro: int, billed_us: int) -> tuple[int, int]:
        """What is charged for a call to a number with plus that comes to so much by the tariff: net
        and tax, in micro-units.
        """
        if not parts and not billed_us:
            return 0, 0
        key = (*self.choice.of(asked), per_micro)
        of_parts, of_billed_us, fixed, whole = self._known.get(key) or self.weights(*key)
        amount = parts * of_parts + billed_us * of_billed_us + fixed
        if 0 < amount < self._least_micros * whole:
            net = self.net_min_micros
        else:
            net = divide_rounding(amount, whole * self._step, self._mode) * self._step
        return net, self.tax_micros(net) if self._tax else 0

    def weights_for(self, asked: Asked, per_micro: int) -> Weights:
        """Of this call."""
        return self.weights(*self.choice.of(asked), per_micro)

    def weights(self, markup: int, due: int, per_micro: int) -> Weights:
        """Of a call with this markup, -1 for none, and these discounts, a bit for each."""
        known = self._known.get((markup, due, per_micro))
        if known is not None:
            return known
        plan = self.plan
        found = _weights(
            None if markup < 0 else plan.markups[markup],
            [each for index, each in enumerate(plan.discounts) if due >> index & 1],
            per_micro,
        )
        if len(self._known) >= _COMBINATIONS_KEPT:
            self._known.clear()
        self._known[markup, due, per_micro] = found
        return found

    def tax_micros(self, net_micros: int) -> int:
        """The tax on a rounded price."""
        step = self._step
        return divide_rounding_half_up(net_micros * self._tax, WHOLE_PPM * step) * step


def weights_of(plan: PricePlan, asked: Asked, per_micro: int, adjustment: Adjustment) -> Weights:
    """Of one call that a site's hook changed, without a greatest charge other than zero; worked out
    anew each time.
    """
    due = [each for each in plan.discounts if is_due(each, asked)]
    return _weights(markup_for(plan, asked.number), due, per_micro, adjustment)


def _weights(
    markup: Markup | None,
    discounts: Sequence[Discount],
    per_micro: int,
    adjustment: Adjustment | None = None,
) -> Weights:
    of_parts, of_billed_us, fixed = Fraction(1, per_micro), Fraction(0), Fraction(0)
    for added in (markup, adjustment):
        if added is not None:
            raised = Fraction(WHOLE_PPM + added.percent_ppm, WHOLE_PPM)
            of_parts, of_billed_us, fixed = of_parts * raised, of_billed_us * raised, fixed * raised
            of_billed_us += Fraction(added.per_minute_micros, _MINUTE_US)
            fixed += added.per_call_micros
    if adjustment is not None and adjustment.leaves_nothing:
        of_parts = of_billed_us = fixed = Fraction(0)
    for discount in discounts:
        left = Fraction(WHOLE_PPM - discount.percent_ppm, WHOLE_PPM)
        of_parts, of_billed_us, fixed = of_parts * left, of_billed_us * left, fixed * left
    whole = lcm(of_parts.denominator, of_billed_us.denominator, fixed.denominator)
    return Weights(int(of_parts * whole), int(of_billed_us * whole), int(fixed * whole), whole)
