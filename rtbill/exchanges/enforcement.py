"""What service an extension shall have, and how the exchange is brought into line with it.

A lock is a wanted state, not a command: rounds compare what is wanted with what the exchange was
seen to hold and repair the difference, also after a crash, a restart or a change by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from balance import thresholds
from rtbill.domain.account import (
    LOCKED_SERVICE,
    OPEN_SERVICE,
    AccountState,
    Incoming,
    Outgoing,
    Service,
)
from rtbill.domain.bundle import NOTHING_LEFT, Left

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """What an account class does about money."""

    exhausted: Service = LOCKED_SERVICE
    """Two facts, chosen per class: shall outgoing be locked, shall incoming be diverted."""
    exhausted_below_micros: int = 10_000
    """With less than this nothing worth calling can be bought."""
    low_balance_micros: int = 1_000_000
    """Below this the holder is told."""


def decide(state: AccountState, policy: Policy, left: Left = NOTHING_LEFT) -> Service:
    """What the account's extensions shall have on account of its money, and of what bundles still
    pay.
    """
    if not state.account.is_limited:
        return OPEN_SERVICE
    exhausted = thresholds.is_exhausted(state, policy.exhausted_below_micros, left)
    return policy.exhausted if exhausted else OPEN_SERVICE


def combine(services: Iterable[Service]) -> Service:
    """The strictest of several reasons: paying lifts the lock for money, not the one by hand."""
    combined = OPEN_SERVICE
    for service in services:
        combined = Service(
            Outgoing.LOCKED
            if Outgoing.LOCKED in (combined.outgoing, service.outgoing)
            else Outgoing.OPEN,
            Incoming.DIVERT
            if Incoming.DIVERT in (combined.incoming, service.incoming)
            else Incoming.RING,
        )
    return combined


def differences(wanted: Mapping[str, T], confirmed: Mapping[str, T], absent: T) -> dict[str, T]:
    """What must be set, by number. A number that is not named has, or shall have, `absent`."""
    differing = {}
    for number in sorted(wanted.keys() | confirmed.keys()):
        want = wanted.get(number, absent)
        if confirmed.get(number, absent) != want:
            differing[number] = want
    return differing
