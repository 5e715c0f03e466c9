"""Bundles, and how they are held, that show only what a test is about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rtbill.domain.bundle import Allowance, Bundle, Draw, PoolKey, Unit
from rtbill.domain.money import parse_micros
from rtbill.rating.bundle_choice import Held
from rtbill.rating.bundles import Share
from rtbill.rating.lookup import RateTable
from tests.unit.rating.builders import YEAR_2026


def minutes(seconds: int = 3600, name: str = "minutes", **more: Any) -> Bundle:
    """A bundle of seconds of talk for every number."""
    return _bundle(name, Unit.SECONDS, seconds, more)


def credit(amount: str = "10", name: str = "credit", **more: Any) -> Bundle:
    """A bundle of money for every number; the amount as decimal text."""
    return _bundle(name, Unit.MONEY, parse_micros(amount), more)


def held(
    bundle: Bundle, key: str = "", since: datetime = YEAR_2026, until: datetime | None = None
) -> Held:
    """In the hands of one account, from the beginning of 2026 on."""
    allowance = Allowance(
        key=key or bundle.name,
        bundle=bundle.name,
        version=1,
        accounts=frozenset({"room-1"}),
        since=since,
        until=until,
    )
    return Held(bundle, allowance)


def share(bundle: Bundle, left: int | None = None, table: RateTable | None = None) -> Share:
    """Untouched, unless told what is left of it."""
    return Share(bundle, pool(bundle.name), bundle.amount if left is None else left, table)


def pool(name: str) -> PoolKey:
    """Of a share of that name."""
    return PoolKey(name, 0)


def seconds(name: str, amount: int) -> Draw:
    """Seconds taken of a share."""
    return Draw(pool(name), Unit.SECONDS, amount)


def money(name: str, amount: str) -> Draw:
    """Money taken of a share, as decimal text."""
    return Draw(pool(name), Unit.MONEY, parse_micros(amount))


def _bundle(name: str, unit: Unit, amount: int, more: dict[str, Any]) -> Bundle:
    fields: dict[str, Any] = {
        "name": name,
        "version": 1,
        "currency": "EUR",
        "zone": "UTC",
        "unit": unit,
        "amount": amount,
    }
    return Bundle(**(fields | more))
