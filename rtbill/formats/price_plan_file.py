"""Price plans as people write them: a TOML document to the terms of a plan, or all that is wrong.

tariffs = ["vip", "retail"]                   # asked in this order for a number's rate
at_cost = false                               # true: begin with the price of the trunk's carrier
minimum = "0.01"                              # of a call that costs anything
rounding = { mode = "half_up", digits = 4 }
tax = { name = "VAT", percent = "19" }        # added to the rounded price
[[markup]]                                    # of the longest prefix, else the one of none
percent = "20"
per_minute = "0.005"
per_call = "0.02"
prefixes = ["49"]
[[discount]]                                  # one after the other, each where all of it holds
name = "Christmas"
percent = "10"
prefixes = []
accounts = ["room-1"]
pbxs = ["hall"]
from = "2026-12-24"
until = "2027-01-01"                          # no longer then
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from typing import Any

from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.domain.money import RoundingMode, decimal_text
from rtbill.domain.price_plan import (
    Discount,
    Markup,
    PricePlan,
    Tax,
    markup_text,
    percent_text,
)
from rtbill.domain.tariff import DEFAULT_ROUNDING, Rounding
from rtbill.formats.checked_table import CheckedTable
from rtbill.formats.wording import Wording

KEYS = {
    "": ("tariffs", "at_cost", "minimum", "rounding", "tax", "markup", "discount"),
    "rounding": ("mode", "digits"),
    "tax": ("name", "percent"),
    "markup": ("percent", "per_minute", "per_call", "prefixes"),
    "discount": ("name", "percent", "prefixes", "accounts", "pbxs", "from", "until"),
}
"""By table; the document's own under no name."""
_PREFIX = re.compile(r"\+?([0-9]{1,15})")
_EVERY = "every other"
_MARKUP_PERCENT_MAX = 1_000
_DISCOUNTS_MAX = 100
_DIGITS_MAX = 6


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What a plan's file does not say."""

    name: str
    version: int
    currency: str
    valid_from: datetime


def read_plan(document: Mapping[str, Any], head: PlanHead, wording: Wording) -> PricePlan:
    """The plan of a document; dates are midnights at the site. ConfigError names every mistake by
    its place.
    """
    table = CheckedTable(document, KEYS)
    rounding, tax = table.section("rounding"), table.section("tax")
    plan = PricePlan(
        name=head.name,
        version=head.version,
        currency=head.currency,
        valid_from=head.valid_from,
        tariffs=tuple(table.texts("tariffs", _label)),
        is_at_cost=table.flag("at_cost"),
        markups=tuple(_markup(each) for each in table.sections("markup")),
        discounts=tuple(_discount(each, wording) for each in table.sections("discount")),
        charge_min_micros=table.amount("minimum"),
        rounding=_rounding(rounding) if rounding else DEFAULT_ROUNDING,
        tax=_tax(tax) if tax else None,
    )
    if document.get("tariffs", []) == []:
        table.wrong("tariffs", "names no tariff; write those that are asked for rates, in order")
    _check_markups(table, plan.markups)
    if len(plan.discounts) > _DISCOUNTS_MAX:
        table.wrong("discount", f"stands more than {_DISCOUNTS_MAX} times")
    if plan.charge_min_micros % 10 ** (6 - plan.rounding.digits):
        table.wrong("minimum", f"has more decimals than prices, which have {plan.rounding.digits}")
    if table.problems:
        raise ConfigError(table.problems)
    return plan


def plan_lines(plan: PricePlan, zone: tzinfo) -> list[str]:
    """The plan in words, a line for each thing that it says; instants on the clock of the zone."""
    begins = "the carrier's price, else " if plan.is_at_cost else ""
    lines = [f"currency: {plan.currency}", f"rates: {begins}{', then '.join(plan.tariffs)}"]
    lines += [f"markup: {markup_text(each)}{_for_prefixes(each.prefixes)}" for each in plan.markups]
    lines += [f"discount: {_discount_text(each, zone)}" for each in plan.discounts]
    if plan.charge_min_micros:
        lines.append(f"at least {decimal_text(plan.charge_min_micros)} a call")
    rounding = plan.rounding
    lines.append(f"rounded {rounding.mode.replace('_', ' ')} to {rounding.digits} decimals")
    if plan.tax:
        lines.append(f"tax: {plan.tax.name} {percent_text(plan.tax.percent_ppm)}")
    return lines


def _markup(table: CheckedTable) -> Markup:
    before = len(table.problems)
    markup = Markup(
        percent_ppm=table.percent("percent", _MARKUP_PERCENT_MAX),
        per_minute_micros=table.amount("per_minute"),
        per_call_micros=table.amount("per_call"),
        prefixes=tuple(table.texts("prefixes", _prefix)),
    )
    adds = markup.percent_ppm or markup.per_minute_micros or markup.per_call_micros
    if not adds and len(table.problems) == before:
        table.wrong("", "adds nothing; write percent, per_minute or per_call")
    return markup


def _discount(table: CheckedTable, wording: Wording) -> Discount:
    before = len(table.problems)
    discount = Discount(
        name=table.text("name", _label),
        percent_ppm=table.percent("percent", 100, required=True),
        prefixes=tuple(table.texts("prefixes", _prefix)),
        accounts=frozenset(table.texts("accounts", _label)),
        pbxs=frozenset(table.texts("pbxs", _label)),
        since=table.instant("from", wording),
        until=table.instant("until", wording),
    )
    if not discount.percent_ppm and len(table.problems) == before:
        table.wrong("percent", "is 0: it would take nothing off")
    if discount.since and discount.until and discount.until <= discount.since:
        table.wrong("until", "is not after from")
    return discount


def _check_markups(table: CheckedTable, markups: Sequence[Markup]) -> None:
    """A number has one markup: two of the same prefix, or of none, contradict each other."""
    first: dict[str, int] = {}
    for index, markup in enumerate(markups):
        for prefix in markup.prefixes or (_EVERY,):
            other = first.setdefault(prefix, index)
            if other != index and prefix:  # an empty one could not be read, and was told
                what = "every other number has" if prefix is _EVERY else f"{prefix} has"
                table.wrong(f"markup[{index}].prefixes", f"{what} its markup in markup[{other}]")


def _tax(table: CheckedTable) -> Tax:
    return Tax(table.text("name", _label), table.percent("percent", 100, required=True))


def _rounding(table: CheckedTable) -> Rounding:
    mode = table.one_of("mode", RoundingMode.HALF_UP, list(RoundingMode))
    return Rounding(RoundingMode(mode), table.whole("digits", 4, _DIGITS_MAX))


def _for_prefixes(prefixes: Sequence[str]) -> str:
    return f" for {', '.join(prefixes)}" if prefixes else ""


def _discount_text(discount: Discount, zone: tzinfo) -> str:
    parts = [
        f"{discount.name} {percent_text(discount.percent_ppm)}{_for_prefixes(discount.prefixes)}"
    ]
    if discount.accounts:
        parts.append(f"accounts {', '.join(sorted(discount.accounts))}")
    if discount.pbxs:
        parts.append(f"exchanges {', '.join(sorted(discount.pbxs))}")
    if discount.since:
        parts.append(f"from {_local(discount.since, zone)}")
    if discount.until:
        parts.append(f"until {_local(discount.until, zone)}")
    return ", ".join(parts)


def _local(at: datetime, zone: tzinfo) -> str:
    """A date alone where it is its midnight."""
    local = at.astimezone(zone)
    return local.date().isoformat() if local.time() == time.min else local.isoformat(" ")


def _prefix(text: str) -> str:
    found = _PREFIX.fullmatch(text)
    if found is None:
        raise BadRecord(f"{text!r} is not 1 to 15 digits")
    return found[1]


def _label(text: str) -> str:
    if not text or not text.isprintable():
        raise BadRecord("is empty or holds control characters")
    return text
