"""What was telephoned and what it cost, added up: what an invoice needs for discounts of volume and
growth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class UsageBy(StrEnum):
    """By what calls are added up."""

    ACCOUNT = "account"
    PERSON = "person"
    DESTINATION = "destination"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuestion:
    """Rated calls that were answered from `since` up to, not including, `until`."""

    since: datetime
    until: datetime
    account: str | None = None
    by_account: bool = False
    by_person: bool = False
    by_destination: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Calls of one kind, by the prices that hold now."""

    account: str | None = None
    """None unless asked by account; so with person and destination."""
    person: str | None = None
    destination: str | None = None
    currency: str
    calls: int
    talk_us: int
    billed_s: int
    micros: int
    tax_micros: int
    cost_micros: int
    """What carriers took, as far as that is known."""
    costed: int
    """Calls of which it is known."""
    costed_net_micros: int
    """Prices of those, without tax."""

    @property
    def margin_micros(self) -> int | None:
        """What was left of the calls whose cost is known; None when it is of none."""
        return self.costed_net_micros - self.cost_micros if self.costed else None


@dataclass(frozen=True, slots=True)
class UsageFound:
    """The sums, and how many calls of the span are in none of them yet."""

    sums: Sequence[Usage]
    waiting: int
    """Calls without a price or in doubt."""
