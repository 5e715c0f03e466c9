"""How far rtbill goes at an exchange, and what the exchange does where rtbill does not answer."""

from __future__ import annotations

from enum import StrEnum


class Stance(StrEnum):
    """What follows when money is gone. Everything is priced and debited in each of them."""

    OBSERVE = "observe"
    """Nothing is locked, limited or refused; the operator is told what would have been."""
    WARN = "warn"
    """As observe, and the account's holder is told as well."""
    ENFORCE = "enforce"

    @property
    def is_enforcing(self) -> bool:
        """Whether locks, limits and refusals are carried out."""
        return self is Stance.ENFORCE


_ORDER = tuple(Stance)


def milder(one: Stance, other: Stance) -> Stance:
    """The stance that does less: an exchange and an account class must both want a lock."""
    return min(one, other, key=_ORDER.index)


class Unaided(StrEnum):
    """What an exchange does with a chargeable call that rtbill did not answer for."""

    CLOSED = "closed"
    """It is refused."""
    OPEN = "open"
    """It goes through, for no longer than was pushed beforehand."""
