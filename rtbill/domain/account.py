"""Who pays, what they may do, and which extensions are theirs at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.hold import Hold

HOUSE = "house"
"""Account that pays calls of extensions nobody holds."""
SUSPENSE = "suspense"
"""Account that keeps calls whose payer the exchange did not name."""


class AccountKind(StrEnum):
    """When money is due."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


class Outgoing(StrEnum):
    """May the extension call outside?"""

    OPEN = "open"
    LOCKED = "locked"


class Incoming(StrEnum):
    """What becomes of calls to the extension."""

    RING = "ring"
    DIVERT = "divert"


class Service(NamedTuple):
    """What the exchange shall do for an extension: two independent facts."""

    outgoing: Outgoing = Outgoing.OPEN
    incoming: Incoming = Incoming.RING


OPEN_SERVICE = Service()
LOCKED_SERVICE = Service(Outgoing.LOCKED, Incoming.RING)


class Extension(NamedTuple):
    """A number inside one exchange: two exchanges may both have a 1001."""

    pbx: str
    number: str

    def __str__(self) -> str:
        return f"{self.pbx}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who pays: one person, or a group billed together."""

    id: str
    name: str
    kind: AccountKind
    currency: str
    credit_limit_micros: int = 0
    """How far below zero the balance may go; 0 for prepaid, and for postpaid without a limit."""
    account_class: str = "standard"
    """Names the policies in config.toml: what to lock, when a balance is low."""
    tariff: str = ""

    @property
    def is_limited(self) -> bool:
        """Whether there is a point at which its money is gone."""
        return self.kind is AccountKind.PREPAID or self.credit_limit_micros > 0


class AccountState(NamedTuple):
    """An account as of its latest committed operation."""

    account: Account
    balance_micros: int
    version: int
    """Operations that moved money so far; gap-free."""
    service: Service
    """What its extensions shall have on account of money."""
    holds: tuple[Hold, ...] = ()
    """Open ones, in the order in which they were opened."""
    hold_steps: int = 0
    """Steps of holds since the books were opened: tells which of two states is the newer."""
    is_told_low: bool = False
    """The holder was told that the balance is low, and it has not risen well above that since."""
    grace_micros: int = 0
    """What may be spent beyond that while nobody knows whether a top-up was paid (RP-72)."""
    grace_steps: int = 0
    """Changes of that since the books were opened: tells which of two states is the newer."""

    @property
    def available_micros(self) -> int:
        """Balance plus credit limit: what decides about locks and warnings, for what is held is
        spent only if its call talks so long.
        """
        return self.balance_micros + self.account.credit_limit_micros

    def with_grace(self, micros: int) -> AccountState:
        """The same with so much grace; itself where that is no other."""
        if micros == self.grace_micros:
            return self
        return self._replace(grace_micros=micros, grace_steps=self.grace_steps + 1)

    @property
    def spendable_micros(self) -> int:
        """What is available, and what grace adds to it for a while."""
        return self.available_micros + self.grace_micros

    @property
    def held_micros(self) -> int:
        """What its calls in progress may spend."""
        return sum([hold.micros for hold in self.holds])

    @property
    def grantable_micros(self) -> int:
        """What further talk may be granted of (CC-02): what is spendable and not held."""
        # Spelt out, which halves its time: this is asked thirteen times for each call.
        spendable = self.balance_micros + self.account.credit_limit_micros + self.grace_micros
        return spendable - sum([hold.micros for hold in self.holds])

    def with_holds(self, holds: tuple[Hold, ...], *, steps: int = 0) -> AccountState:
        """The same with these open, after so many steps more."""
        # Not `_replace`, which takes three times as long: this is done many times for each call.
        return AccountState(
            self.account,
            self.balance_micros,
            self.version,
            self.service,
            holds,
            self.hold_steps + steps,
            self.is_told_low,
            self.grace_micros,
            self.grace_steps,
        )

    def hold(self, key: str) -> Hold | None:
        """The open hold of this key."""
        for hold in self.holds:
            if hold.key == key:
                return hold
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """An extension belongs to an account from one instant up to, not including, another."""

    account: str
    extension: Extension
    valid_from: datetime
    valid_until: datetime | None = None
    person: str | None = None
    """Who uses it, as shown on statements."""

    @property
    def subject(self) -> str:
        """What is held, in words."""
        return f"extension {self.extension}"

    def covers(self, instant: datetime) -> bool:
        """Whether the account holds the extension at this instant."""
        return self.valid_from <= instant and (
            self.valid_until is None or instant < self.valid_until
        )

    def overlaps(self, other: Membership) -> bool:
        """Whether both claim the same extension at some instant."""
        return (
            self.extension == other.extension
            and (other.valid_until is None or self.valid_from < other.valid_until)
            and (self.valid_until is None or other.valid_from < self.valid_until)
        )


AT_DESK = "desk"
BY_API = "api:"
"""Before the name of a token."""


@dataclass(frozen=True, slots=True)
class DeskLock:
    """Somebody locked this extension by hand; paying does not lift it."""

    extension: Extension
    service: Service
    reason: str
    since: datetime
    by: str = AT_DESK
    """AT_DESK, or BY_API and the name of the token by which it was ordered."""

    def may_be_changed_by(self, by: str) -> bool:
        """Whether this one may replace or lift it: a lock of the desk is the desk's alone."""
        return by == AT_DESK or self.by.startswith(BY_API)

    def replaced_by(self, other: DeskLock) -> LiftedLock:
        """As it is kept when another takes its place."""
        return LiftedLock(self, other.since, other.by, f"replaced: {other.reason}")


@dataclass(frozen=True, slots=True)
class LiftedLock:
    """A lock by hand that was taken away."""

    lock: DeskLock
    at: datetime
    by: str
    reason: str
