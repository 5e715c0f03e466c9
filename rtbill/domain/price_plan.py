"""What is made of a tariff's price before a call is charged: markup, discounts, minimum, rounding,
tax.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.money import MICROS, decimal_text
from rtbill.domain.tariff import DEFAULT_ROUNDING, Rounding

PERCENT_PPM = 10_000
"""Shares are whole millionths: 19.25 % are 192,500."""
WHOLE_PPM = 100 * PERCENT_PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """What is added to the price of the tariff."""

    percent_ppm: int = 0
    per_minute_micros: int = 0
    """Of the billed time."""
    per_call_micros: int = 0
    prefixes: tuple[str, ...] = ()
    """Digits of E.164 for which it holds; none: every number that no other markup names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What is taken off, where all its conditions hold; several come one after the other."""

    name: str
    percent_ppm: int
    prefixes: tuple[str, ...] = ()
    accounts: frozenset[str] = frozenset()
    pbxs: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    """The call must have been answered before."""


@dataclass(frozen=True, slots=True)
class Tax:
    """Added last, to the rounded price."""

    name: str
    percent_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePlan:
    """A named, versioned way from rates to charges. A version once used is never edited."""

    name: str
    version: int
    currency: str
    valid_from: datetime
    tariffs: tuple[str, ...]
    """Asked in this order for the number's rate: an account's own list before the general one."""
    is_at_cost: bool = False
    """The price begins with that of the trunk's carrier, where the trunk has one, not with that of
    the tariffs.
    """
    markups: tuple[Markup, ...] = ()
    discounts: tuple[Discount, ...] = ()
    charge_min_micros: int = 0
    """Of a call that costs anything."""
    rounding: Rounding = DEFAULT_ROUNDING
    tax: Tax | None = None


def percent_text(ppm: int) -> str:
    """`19.25 %`."""
    return f"{decimal_text(ppm * MICROS // PERCENT_PPM, 0)} %"


def markup_text(markup: Markup) -> str:
    """`20 % + 0.01/min`."""
    parts = []
    if markup.percent_ppm:
        parts.append(percent_text(markup.percent_ppm))
    if markup.per_minute_micros:
        parts.append(f"{decimal_text(markup.per_minute_micros)}/min")
    if markup.per_call_micros:
        parts.append(f"{decimal_text(markup.per_call_micros)} a call")
    return " + ".join(parts)
