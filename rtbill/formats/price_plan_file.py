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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.domain.money import MICROS, RoundingMode, decimal_text, parse_micros
from rtbill.domain.price_plan import (
    PERCENT_PPM,
    WHOLE_PPM,
    Discount,
    Markup,
    PricePlan,
    Tax,
    markup_text,
    percent_text,
)
from rtbill.domain.tariff import Rounding
from rtbill.formats.wording import Wording

_KEYS = {
    "": ("tariffs", "at_cost", "minimum", "rounding", "tax", "markup", "discount"),
    "rounding": ("mode", "digits"),
    "tax": ("name", "percent"),
    "markup": ("percent", "per_minute", "per_call", "prefixes"),
    "discount": ("name", "percent", "prefixes", "accounts", "pbxs", "from", "until"),
}
_PREFIX = re.compile(r"\+?([0-9]{1,15})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PERCENT_MAX = 10_000
_AMOUNT_MICROS_MAX = 1_000_000 * MICROS
_DIGITS_MAX = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


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
    table = _Table(document, "", "")
    rounding = table.section("rounding")
    tax = table.section("tax")
    plan = PricePlan(
        name=head.name,
        version=head.version,
        currency=head.currency,
        valid_from=head.valid_from,
        tariffs=tuple(table.texts("tariffs", _name)),
        is_at_cost=table.flag("at_cost"),
        markups=tuple(_markup(each) for each in table.sections("markup")),
        discounts=tuple(_discount(each, wording) for each in table.sections("discount")),
        charge_min_micros=table.amount("minimum"),
        rounding=_rounding(rounding) if rounding else Rounding(),
        tax=Tax(tax.text("name", _label), tax.percent("percent", 100)) if tax else None,
    )
    if not plan.tariffs:
        table.wrong("tariffs", "names no tariff; write those that are asked for rates, in order")
    if table.problems:
        raise ConfigError(table.problems)
    return plan


def plan_lines(plan: PricePlan) -> list[str]:
    """The plan in words, a line for each thing that it says."""
    begins = "the carrier's price, else " if plan.is_at_cost else ""
    lines = [f"rates: {begins}{', then '.join(plan.tariffs)}"]
    lines += [f"markup: {markup_text(each)}{_for_prefixes(each.prefixes)}" for each in plan.markups]
    lines += [f"discount: {_discount_text(each)}" for each in plan.discounts]
    if plan.charge_min_micros:
        lines.append(f"at least {decimal_text(plan.charge_min_micros)} a call")
    rounding = plan.rounding
    lines.append(f"rounded {rounding.mode.replace('_', ' ')} to {rounding.digits} decimals")
    if plan.tax:
        lines.append(f"tax: {plan.tax.name} {percent_text(plan.tax.percent_ppm)}")
    return lines


def _markup(table: _Table) -> Markup:
    markup = Markup(
        percent_ppm=table.percent("percent", _PERCENT_MAX),
        per_minute_micros=table.amount("per_minute"),
        per_call_micros=table.amount("per_call"),
        prefixes=tuple(table.texts("prefixes", _prefix)),
    )
    if not (markup.percent_ppm or markup.per_minute_micros or markup.per_call_micros):
        table.wrong("", "adds nothing; write percent, per_minute or per_call")
    return markup


def _discount(table: _Table, wording: Wording) -> Discount:
    discount = Discount(
        name=table.text("name", _label),
        percent_ppm=table.percent("percent", 100),
        prefixes=tuple(table.texts("prefixes", _prefix)),
        accounts=frozenset(table.texts("accounts", _name)),
        pbxs=frozenset(table.texts("pbxs", _name)),
        since=table.instant("from", wording),
        until=table.instant("until", wording),
    )
    if not discount.percent_ppm:
        table.wrong("percent", "is missing or 0: it would take nothing off")
    if discount.since and discount.until and discount.until <= discount.since:
        table.wrong("until", "is not after from")
    return discount


def _rounding(table: _Table) -> Rounding:
    mode = table.one_of("mode", RoundingMode.HALF_UP, list(RoundingMode))
    return Rounding(RoundingMode(mode), table.whole("digits", 4, _DIGITS_MAX))


def _for_prefixes(prefixes: Sequence[str]) -> str:
    return f" for {', '.join(prefixes)}" if prefixes else ""


def _discount_text(discount: Discount) -> str:
    parts = [
        f"{discount.name} {percent_text(discount.percent_ppm)}{_for_prefixes(discount.prefixes)}"
    ]
    if discount.accounts:
        parts.append(f"accounts {', '.join(sorted(discount.accounts))}")
    if discount.pbxs:
        parts.append(f"exchanges {', '.join(sorted(discount.pbxs))}")
    if discount.since:
        parts.append(f"from {discount.since.isoformat()}")
    if discount.until:
        parts.append(f"until {discount.until.isoformat()}")
    return ", ".join(parts)


def _prefix(text: str) -> str:
    found = _PREFIX.fullmatch(text)
    if found is None:
        raise BadRecord(f"{text!r} is not 1 to 15 digits")
    return found[1]


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise BadRecord(f"{text!r} is no name")
    return text


def _label(text: str) -> str:
    if not text or not text.isprintable():
        raise BadRecord("is empty or holds control characters")
    return text


@dataclass(slots=True)
class _Table:
    """One table of the document; mistakes are collected, not raised."""

    values: Mapping[str, Any]
    kind: str
    place: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = _KEYS[self.kind]
        for key in self.values:
            if key not in known:
                self.wrong(key, f"is no key here; the keys are {', '.join(known)}")

    def wrong(self, key: str, text: str) -> None:
        """Note a mistake."""
        place = ".".join(part for part in (self.place, key) if part)
        self.problems.append(f"{place}: {text}")

    def section(self, key: str) -> _Table | None:
        """The table of this name; None when it is not there."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.wrong(key, "is no table")
            return None
        return _Table(value, key, key, self.problems)

    def sections(self, key: str) -> list[_Table]:
        """The tables `[[key]]`."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            self.wrong(key, f"is no list of tables; write [[{key}]]")
            return []
        return [
            _Table(each, key, f"{key}[{index}]", self.problems) for index, each in enumerate(value)
        ]

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "is neither true nor false")
        return value is True

    def text(self, key: str, read: Callable[[str], str]) -> str:
        return self._read(key, self.values.get(key, ""), read, "")

    def texts(self, key: str, read: Callable[[str], str]) -> list[str]:
        value = self.values.get(key, [])
        if not isinstance(value, list):
            self.wrong(key, "is no list")
            return []
        return [self._read(key, each, read, "") for each in value]

    def amount(self, key: str) -> int:
        """Micro-units; 0 when it is not there."""
        micros = self._read(key, self.values.get(key, "0"), parse_micros, 0)
        if not 0 <= micros <= _AMOUNT_MICROS_MAX:
            self.wrong(key, f"is not from 0 to {_AMOUNT_MICROS_MAX // MICROS}")
            return 0
        return micros

    def percent(self, key: str, most: int) -> int:
        """Millionths; 0 when it is not there."""
        micros = self._read(key, self.values.get(key, "0"), parse_micros, 0)
        ppm, finer = divmod(micros * PERCENT_PPM, MICROS)
        if finer or not 0 <= ppm <= most * (WHOLE_PPM // 100):
            self.wrong(key, f"is not a percentage from 0 to {most} with at most four decimals")
            return 0
        return ppm

    def whole(self, key: str, otherwise: int, most: int) -> int:
        value = self.values.get(key, otherwise)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self.wrong(key, f"is not a whole number from 0 to {most}")
            return otherwise
        return value

    def one_of(self, key: str, otherwise: str, known: list[Any]) -> str:
        value = self.values.get(key, otherwise)
        if value not in known:
            self.wrong(key, f"{value!r} is not one of: {', '.join(known)}")
            return otherwise
        return str(value)

    def instant(self, key: str, wording: Wording) -> datetime | None:
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, (date, datetime)):
            value = value.isoformat()
        return self._read(key, value, lambda text: wording.instant(text, _EPOCH), None)

    def _read(self, key: str, value: object, read: Callable[[str], T], otherwise: T) -> T:
        if not isinstance(value, str):
            self.wrong(key, f"{value!r} is no text; write it in quotation marks")
            return otherwise
        try:
            return read(value)
        except BadRecord as error:
            self.wrong(key, str(error))
            return otherwise
