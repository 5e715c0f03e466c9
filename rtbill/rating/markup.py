"""All prices of a list by so many per cent dearer or cheaper.

>>> percent = read_percent("12.5")
>>> raised(100_000, percent), raised(4, percent), raised(3, read_percent("-50"))
(112500, 5, 2)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import divide_rounding_half_up
from rtbill.domain.tariff import Rate, Terms

_PERCENT = re.compile(r"[+-]?[0-9]{1,6}(?:\.[0-9]{1,6})?")


def read_percent(text: str) -> Fraction:
    """Per cent to add, exact; BadRecord when it is none or takes away more than all."""
    if not _PERCENT.fullmatch(text):
        raise BadRecord(f"a markup of {text!r} is not per cent; write it like 12.5 or -5")
    percent = Fraction(text)
    if percent < -100:
        raise BadRecord(f"a markup of {text} % takes away more than the price")
    return percent


def marked_up(rates: Iterable[Rate], percent: Fraction) -> list[Rate]:
    """The same rates at other prices. What cost the same still does."""
    known: dict[int, Terms] = {}
    found: list[Rate] = []
    for rate in rates:
        terms = known.get(id(rate.terms))
        if terms is None:
            terms = known[id(rate.terms)] = _terms(rate.terms, percent)
        found.append(replace(rate, terms=terms))
    return found


def raised(micros: int, percent: Fraction) -> int:
    """The amount with so many per cent more, to the nearest micro-unit, halves up."""
    factor = 100 + percent
    return divide_rounding_half_up(micros * factor.numerator, 100 * factor.denominator)


def _terms(terms: Terms, percent: Fraction) -> Terms:
    most = terms.charge_max_micros
    disconnect = raised(terms.disconnect_fee_micros, percent)
    recurring = raised(terms.recurring_fee_micros, percent)
    return replace(
        terms,
        steps=tuple(
            replace(step, price_micros=raised(step.price_micros, percent)) for step in terms.steps
        ),
        connect_fee_micros=raised(terms.connect_fee_micros, percent),
        disconnect_fee_micros=disconnect,
        disconnect_after_s=terms.disconnect_after_s if disconnect else 0,
        recurring_fee_micros=recurring,
        recurring_every_s=terms.recurring_every_s if recurring else 0,
        charge_min_micros=raised(terms.charge_min_micros, percent),
        charge_max_micros=None if most is None else raised(most, percent),
    )
