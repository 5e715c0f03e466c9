"""What our model has no place for; the case fails with the name of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rtbill.domain.money import MICROS, parse_micros
from rtbill.domain.price_plan import PERCENT_PPM


class Unsupported(Exception):
    """The case needs something that the tariff model does not have, in a few words."""


def only(record: Mapping[str, Any], *known: str) -> None:
    """Unsupported when the record says anything beyond: what is not mapped is not ignored."""
    unknown = sorted(set(record) - set(known))
    if unknown:
        raise Unsupported(f"no place for {', '.join(unknown)}")


def whole(number: object, what: str) -> int:
    """A whole number, be it written 60 or 60.0."""
    if int(value := Decimal(str(number))) != value:
        raise Unsupported(f"{what} {number} is not whole")
    return int(value)


def micros(amount: object) -> int:
    """Micro-units of an amount, a number or a text."""
    return parse_micros(str(amount))


def ppm(percent: object) -> int:
    """Millionths of a percentage."""
    return micros(percent) * PERCENT_PPM // MICROS
