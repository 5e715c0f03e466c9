"""Whether an account buys credit now, and how much. Pure; every answer says why, in words.

Automatic purchases keep within what the holder agreed to and the rate at which a thief would be
stopped; what a person asks for on a page keeps within the rate, and the site's own bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from payments.waits import wait
from rtbill.domain.account import AccountState
from rtbill.domain.money import Money, too_fine
from rtbill.domain.replenishment import KeptMethod, Replenishment
from rtbill.domain.top_up import (
    Asker,
    PaymentState,
    TopUp,
)

BURST_MAX, BURST_SPAN = 3, timedelta(minutes=10)
DAY_COUNT_MAX = 5
NEW_METHOD = timedelta(hours=24)
"""So long no more than one increment is bought from it (RP-14)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The site's own, for every purchase."""

    zone: tzinfo = UTC
    """In which days and months begin."""
    charge_min_micros: int = 1_000_000
    charge_max_micros: int = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Yes with an amount and a method, or no."""

    reason: str
    money: Money | None = None
    """What to buy; None: nothing."""
    method: KeptMethod | None = None
    not_before: datetime | None = None
    """When asking again may give another answer, as far as time alone decides that."""
    halts: bool = False
    """The account shall buy nothing by itself until a person says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A purchase that somebody asks for."""

    asked_by: Asker
    at: datetime
    money: Money | None = None
    """None for Asker.BALANCE: as much as is needed."""
    gateway: str = ""
    method: str = ""
    """Empty: the method of the account's settings."""


def is_worth_asking(before: AccountState, after: AccountState) -> bool:
    """Whether what the decision depends on fell: the account's spare money (RP-10)."""
    return after.grantable_micros < before.grantable_micros


def decide(state: AccountState, books: PaymentState, wish: Wish, bounds: Bounds) -> Decision:
    """What this wish comes to now."""
    method = _method(books, wish)
    why_not = _not_at_all(books, wish, method)
    if why_not is not None:
        return Decision(reason=why_not)
    assert method is not None
    too_fast = _too_fast(books.recent, wish)
    if too_fast is not None:
        return too_fast
    if wish.asked_by is Asker.BALANCE:
        return _automatic(state, books, wish, method, bounds)
    return _asked_for(state, books, wish, method, bounds)


def _method(books: PaymentState, wish: Wish) -> KeptMethod | None:
    if wish.method:
        return books.method(wish.gateway, wish.method)
    settings = books.settings
    return None if settings is None else books.method(settings.gateway, settings.method)


def _not_at_all(books: PaymentState, wish: Wish, method: KeptMethod | None) -> str | None:
    """Why nothing can be bought, whatever the amount."""
    if books.in_flight is not None:
        return f"top-up {books.in_flight.reference} is {books.in_flight.state}"
    if wish.asked_by is Asker.BALANCE and (off := _is_off(books.settings)):
        return off
    if method is None or not method.is_kept:
        return "there is nothing to pay from: a card has to be given"
    label = method.method.label or method.method.kind
    if method.barred_at is not None:
        return f"{label} is not used any more: {method.barred_reason}"
    if _is_expired(method, wish.at):
        return f"{label} has expired"
    for stop in books.stops:
        if stop.gateway == method.method.gateway:
            return f"nothing is bought at {stop.gateway}: {stop.reason}"
    return None


def _is_off(settings: Replenishment | None) -> str:
    if settings is None or not settings.is_on:
        return "the account does not buy by itself"
    if settings.stopped:
        return f"the account was stopped from buying by itself: {settings.stopped}"
    if settings.agreement is None:
        return "its holder has not agreed to it"
    return ""


def _is_expired(method: KeptMethod, at: datetime) -> bool:
    expires = method.method.expires
    return expires is not None and (at.year, at.month) > expires


def _too_fast(recent: Sequence[TopUp], wish: Wish) -> Decision | None:
    begun = [each.wanted_at for each in recent if each.first_sent_at or not each.is_final]
    burst = [each for each in begun if each > wish.at - BURST_SPAN]
    if len(burst) >= BURST_MAX:
        return Decision(
            reason=f"{len(burst)} top-ups were begun within 10 minutes",
            not_before=burst[-BURST_MAX] + BURST_SPAN,
            halts=True,
        )
    day = [each for each in begun if each > wish.at - timedelta(days=1)]
    if len(day) >= DAY_COUNT_MAX:
        return Decision(
            reason=f"{len(day)} top-ups were begun within 24 hours",
            not_before=day[-DAY_COUNT_MAX] + timedelta(days=1),
        )
    return None


def _automatic(
    state: AccountState, books: PaymentState, wish: Wish, method: KeptMethod, bounds: Bounds
) -> Decision:
    settings = books.settings
    assert settings is not None
    currency = state.account.currency
    if not state.account.is_limited:
        return Decision(reason="the account has no limit that it could come to")
    spare = state.grantable_micros - state.grace_micros
    if spare >= settings.threshold_micros:
        threshold = Money(settings.threshold_micros, currency)
        return Decision(reason=f"{Money(spare, currency)} are left, not below {threshold}")
    waiting = wait(books.recent, *method.key, wish.at)
    if waiting is not None:
        return Decision(reason=waiting.reason, not_before=waiting.until)
    needed = increments(spare, settings.threshold_micros, settings.increment_micros)
    room, bound, not_before = _room(books, method, wish.at, bounds)
    allowed = max(0, room // settings.increment_micros)
    if allowed == 0:
        return Decision(
            reason=f"{bound} leaves {Money(max(0, room), currency)}, less than one increment",
            not_before=not_before,
        )
    money = Money(min(needed, allowed) * settings.increment_micros, currency)
    reason = (
        f"{Money(spare, currency)} are left, below {Money(settings.threshold_micros, currency)}"
    )
    if allowed < needed:
        reason += f"; {bound} allows no more than {money}"
    return Decision(reason=reason, money=money, method=method)


def increments(spare_micros: int, threshold_micros: int, increment_micros: int) -> int:
    """How many bring what is spare, which is below the threshold, strictly above it (RP-12)."""
    return (threshold_micros - spare_micros) // increment_micros + 1


def _room(
    books: PaymentState, method: KeptMethod, at: datetime, bounds: Bounds
) -> tuple[int, str, datetime | None]:
    """The least that any bound leaves, which it is, and when it leaves more."""
    settings = books.settings
    assert settings is not None
    day, month, new = day_began(at, bounds.zone), month_began(at, bounds.zone), method.kept_at
    paid = [each for each in books.recent if each.was_paid]
    rooms: list[tuple[int, str, datetime | None]] = [
        (settings.charge_max_micros, "what the holder agreed to", None),
        (bounds.charge_max_micros, "the site's bound", None),
        (
            settings.day_max_micros - _sum(paid, day),
            "the ceiling of a day",
            day_began(day + timedelta(hours=36), bounds.zone),
        ),
        (
            settings.month_max_micros - _sum(paid, month),
            "the ceiling of a month",
            month_began(month + timedelta(days=45), bounds.zone),
        ),
    ]
    if at < new + NEW_METHOD:
        of_it = [each for each in paid if (each.gateway, each.method) == method.key]
        room = settings.increment_micros - _sum(of_it, new)
        rooms.append((room, "a method that is new since less than 24 hours", new + NEW_METHOD))
    return min(rooms, key=lambda each: each[0])


def _sum(top_ups: Sequence[TopUp], since: datetime) -> int:
    return sum(each.money.micros for each in top_ups if each.wanted_at >= since)


def _asked_for(
    state: AccountState, books: PaymentState, wish: Wish, method: KeptMethod, bounds: Bounds
) -> Decision:
    money = wish.money
    assert money is not None, "who asks says how much"
    if money.currency != state.account.currency:
        return Decision(reason=f"the account is kept in {state.account.currency}")
    if fine := too_fine(money):
        return Decision(reason=fine)
    if not bounds.charge_min_micros <= money.micros <= bounds.charge_max_micros:
        least = Money(bounds.charge_min_micros, money.currency)
        most = Money(bounds.charge_max_micros, money.currency)
        return Decision(reason=f"a top-up is of {least} to {most}, not of {money}")
    settings = books.settings
    if wish.asked_by is Asker.DESK and (
        settings is None or settings.agreement is None or settings.charge_max_micros < money.micros
    ):
        return Decision(
            reason=f"the holder has not agreed to be charged {money} without being there"
        )
    return Decision(reason=f"{wish.asked_by} asks for {money}", money=money, method=method)


def day_began(at: datetime, zone: tzinfo) -> datetime:
    """The midnight before this instant, in UTC."""
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC)


def month_began(at: datetime, zone: tzinfo) -> datetime:
    """The midnight with which the month of this instant began, in UTC."""
    first = at.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.astimezone(UTC)
