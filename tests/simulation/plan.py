"""What a run is made of: people, money, calls, orders and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from balance.holds import SliceTerms
from rtbill.credit.stances import Stances
from rtbill.credit.unaided import UnaidedTerms
from rtbill.domain.account import Account, Incoming, Outgoing, Service
from rtbill.domain.stance import Stance
from rtbill.exchanges.enforcement import Policy
from simulator.scenario import PlannedCall

PBX = "hall"
LENGTH_S = 240.0

NOISE = ("split", "delay", "duplicate", "lose")
"""Faults that are something done to messages for a while."""
POLICIES = {
    "standard": Policy(),
    "student": Policy(Service(Outgoing.LOCKED, Incoming.DIVERT)),
    "guest": Policy(exhausted_below_micros=500_000),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault, or an order at the desk."""

    at_s: float
    kind: str
    length_s: float = 0.0
    extension: str = ""
    account: str = ""
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    seed: int
    start: datetime
    exchange_ahead_s: float
    version: int
    extensions: tuple[str, ...]
    accounts: tuple[Account, ...]
    openings: dict[str, int]
    """Micros by account."""
    holders: dict[str, str]
    """Account by extension; some extensions are nobody's."""
    calls: tuple[PlannedCall, ...]
    orders: tuple[Happening, ...]
    faults: tuple[Happening, ...]
    store_slowest_s: float
    store_queue_max: int
    stance: Stance
    """The exchange's."""
    class_stances: dict[str, Stance]
    unaided: dict[str, UnaidedTerms]
    is_inline: bool = False
    """The exchange asks before it dials."""
    slices: SliceTerms = field(default_factory=SliceTerms)
    calls_max: int = 0
    """Calls of one account at once; 0 for any number."""
    late_credit_chance: float = 0.0
    """How often somebody pays when a call has got its last slice."""
    timers_late_s: float = 0.0
    """The most by which the exchange's own timers fire too late."""
    hasty_chance: float = 0.0
    """How often a caller hangs up while the exchange still asks."""

    @property
    def stances(self) -> Stances:
        """Exchange and classes together."""
        return Stances({PBX: self.stance}, self.class_stances)

    def is_enforced(self, account_class: str) -> bool:
        """Whether accounts of this class may be locked and cut."""
        stances = (self.stance, self.class_stances.get(account_class, Stance.ENFORCE))
        return all(stance is Stance.ENFORCE for stance in stances)
