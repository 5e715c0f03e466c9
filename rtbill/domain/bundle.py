"""Minutes or money that pay calls before the account's own money does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.money import Money
from rtbill.domain.tariff import TimeBand


class Unit(StrEnum):
    """What a bundle holds."""

    SECONDS = "seconds"
    """Of talk."""
    MONEY = "money"
    """Micro-units of its currency."""


class Renewal(StrEnum):
    """When a bundle is full again. What is left is not carried over."""

    NEVER = "never"
    MONTHLY = "monthly"
    """With each local month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A named, versioned kind of bundle. A version once given is never edited: whoever has it keeps
    it as it was given.
    """

    name: str
    version: int
    currency: str
    """Of the accounts that may have it, also where it holds seconds."""
    zone: str
    """IANA name; decides when a month begins and which band an instant falls in."""
    unit: Unit
    amount: int
    """Seconds or micro-units, of each period."""
    title: str = ""
    """What a statement calls it."""
    prefixes: tuple[str, ...] = ()
    """Digits of E.164 that it pays for; none: every number."""
    bands: tuple[TimeBand, ...] = ()
    """A call answered in one of them is paid; none: at any time."""
    increment_s: int = 1
    """Seconds are taken in whole steps of this length."""
    priority: int = 0
    """The highest first; of equals the one that ends first."""
    renewal: Renewal = Renewal.NEVER
    tariff: str = ""
    """What talk within the seconds costs besides, connect fee included; empty: nothing."""
    covers_fees: bool = True
    """Whether a call that begins within the seconds owes no connect fee. Without it, and without a
    tariff of its own, the fee is that of the account's tariff.
    """
    is_exclusive: bool = False
    """Calls that it fits are paid by it and by those before it alone, as far as they can be
    stopped: neither those behind nor the account's money lets them go on.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A bundle in the hands of one account, or of several together."""

    key: str
    """Chosen by whoever gave it: the same key gives nothing twice."""
    bundle: str
    version: int
    """Of the bundle."""
    accounts: frozenset[str]
    since: datetime
    until: datetime | None = None
    """Calls answered from then on are not paid."""


class PoolKey(NamedTuple):
    """What one allowance holds in one period."""

    allowance: str
    period_us: int
    """Where the period begins, in microseconds since 1970: the local month of the call's answer, or
    the allowance's own beginning.
    """


class Draw(NamedTuple):
    """What a call takes of a pool."""

    pool: PoolKey
    unit: Unit
    amount: int
    """Seconds or micro-units, above zero."""


@dataclass(frozen=True, slots=True)
class GivenAllowance:
    """An allowance as the books hold it."""

    allowance: Allowance
    given_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PostedDraw:
    """What a call took of a pool, or, below zero, gave back."""

    call: str
    draw: Draw
    posted_at: datetime


class Left(NamedTuple):
    """What bundles still pay an account's calls with, whatever its money."""

    has_seconds: bool = False
    """Talk that costs nothing besides."""
    micros: int = 0


NOTHING_LEFT = Left()
Pools = Mapping[PoolKey, int]
"""How much of each is used; what is not named is untouched."""


def amount_text(bundle: Bundle, amount: int) -> str:
    """So much of it: `300 min`, `300:30 min`, `5.00 EUR`."""
    if bundle.unit is Unit.MONEY:
        return str(Money(amount, bundle.currency))
    minutes, seconds = divmod(amount, 60)
    return f"{minutes}:{seconds:02} min" if seconds else f"{minutes} min"


def money_drawn(draws: Iterable[Draw]) -> int:
    """Micro-units that bundles pay of a call's price."""
    return sum(draw.amount for draw in draws if draw.unit is Unit.MONEY)


def release(draws: Sequence[Draw], kept: Iterable[Draw] = ()) -> tuple[Draw, ...]:
    """What is given back where a call took `draws` and keeps only these: the last taken first."""
    left = {draw.pool: draw.amount for draw in kept}
    back = [draw._replace(amount=draw.amount - left.get(draw.pool, 0)) for draw in reversed(draws)]
    return tuple(draw for draw in back if draw.amount > 0)
