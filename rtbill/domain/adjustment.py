"""What a site's rating hook changed about the price of one call; kept with the call."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

from rtbill.domain.money import decimal_text
from rtbill.domain.price_plan import Markup, markup_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """One link of the chain from the tariff's price to the charge, after the markup."""

    reason: str
    price_list: str = ""
    """The tariff or plan that prices the call instead of its own; empty: its own."""
    percent_ppm: int = 0
    """-1,000,000 and more, in millionths."""
    per_minute_micros: int = 0
    """Of the billed time; never negative."""
    per_call_micros: int = 0
    """Negative: taken off, as far as there is anything."""
    charge_max_micros: int | None = None
    is_free: bool = False

    @property
    def leaves_nothing(self) -> bool:
        """However long the call is, it costs nothing."""
        return self.is_free or self.charge_max_micros == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much dearer a hook may make a call at most; what it takes off has no bound but zero."""

    percent_ppm: int = 0
    per_minute_micros: int = 0
    per_call_micros: int = 0
    price_lists: tuple[str, ...] = ()
    """Which it may name."""


def adjustment_json(adjustment: Adjustment) -> str:
    """What differs from no adjustment, as the books keep it."""
    written = {
        field.name: value
        for field in fields(adjustment)
        if (value := getattr(adjustment, field.name)) != field.default
    }
    return json.dumps(written, ensure_ascii=False, separators=(",", ":"))


def adjustment_from(text: str) -> Adjustment:
    """From its JSON."""
    return Adjustment(**json.loads(text))


def adjustment_text(adjustment: Adjustment) -> str:
    """`price list night, -10 % + 0.02/min, no more than 2.00`."""
    parts = [f"price list {adjustment.price_list}"] if adjustment.price_list else []
    added = Markup(
        percent_ppm=adjustment.percent_ppm,
        per_minute_micros=adjustment.per_minute_micros,
        per_call_micros=adjustment.per_call_micros,
    )
    if said := markup_text(added):
        parts.append(said)
    if adjustment.charge_max_micros is not None:
        parts.append(f"no more than {decimal_text(adjustment.charge_max_micros)}")
    if adjustment.is_free:
        parts.append("free")
    return ", ".join(parts)
