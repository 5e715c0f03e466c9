"""Which bundles each account holds, and what is used of them, as far as it is committed.

In memory, for what must be known at once: how long a call may last, whether an extension is locked.
What a call really takes is decided by the store's writer, from the pools as they then are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from balance.holds import Wish
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import (
    NOTHING_LEFT,
    Allowance,
    Bundle,
    Draw,
    Left,
    PoolKey,
    Pools,
    Renewal,
    Unit,
)
from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate, Refused
from rtbill.pricing.reserved import Reserved
from rtbill.rating.bands import NO_CALENDARS, Calendars
from rtbill.rating.bundle_choice import Held, paying
from rtbill.rating.bundles import Share
from rtbill.rating.lookup import RateTable
from rtbill.rating.price_book import PriceBook

PERIODS_KEPT = timedelta(days=70)
"""A call that is running began this month or the last."""


@dataclass(frozen=True, slots=True)
class Purse:
    """The bundles that an account may use at some instant."""

    held: tuple[tuple[Bundle, PoolKey], ...] = ()

    @property
    def pools(self) -> tuple[PoolKey, ...]:
        """Where it is kept what is used of them."""
        return tuple(pool for _, pool in self.held)

    def left(self, used: Pools) -> Left:
        """What they still pay calls with."""
        if not self.held:
            return NOTHING_LEFT
        seconds, micros = False, 0
        for bundle, pool in self.held:
            left = bundle.amount - used.get(pool, 0)
            if bundle.unit is Unit.MONEY:
                micros += left
            elif pays_alone(bundle) and left >= bundle.increment_s:
                seconds = True
        return Left(seconds, micros)


EMPTY_PURSE = Purse()


def pays_alone(bundle: Bundle) -> bool:
    """Whether a call within its seconds can owe no money besides."""
    return not bundle.tariff and bundle.covers_fees


class Allowances:
    """Bundles, who holds them, and what is used of each pool."""

    def __init__(
        self,
        bundles: Iterable[Bundle] = (),
        allowances: Iterable[Allowance] = (),
        used: Pools | None = None,
        calendars: Calendars = NO_CALENDARS,
    ) -> None:
        self._calendars = calendars
        self._bundles: dict[tuple[str, int], Bundle] = {}
        self._held: dict[str, Held] = {}
        """By the key of the allowance."""
        self._by_account: dict[str, dict[str, Held]] = {}
        self._used: dict[PoolKey, int] = dict(used or {})
        self._turns: list[tuple[int, str]] = []
        """When an allowance begins or ends, in microseconds since 1970, and its key."""
        self._monthly: dict[str, set[str]] = {}
        """Keys of the allowances that renew with a month, by zone."""
        self.reserved = Reserved()
        self.revision = 0
        """How often an allowance was given or ended."""
        for bundle in bundles:
            self.add(bundle)
        for allowance in allowances:
            self.give(allowance)

    # ------------------------------------------------------------------ what there is

    def __contains__(self, account: str) -> bool:
        """Whether the account ever held a bundle."""
        return account in self._by_account

    def reserve(self, state: AccountState, wish: Wish) -> None:
        """No other call may count on what the next slice of this one may take of bundles."""
        if state.account.id in self:
            self.reserved.for_next(state, wish)

    def versions(self, name: str) -> list[Bundle]:
        """All of one bundle, the newest last."""
        return [self._bundles[key] for key in sorted(self._bundles) if key[0] == name]

    def names(self) -> list[str]:
        """Every bundle's."""
        return sorted({name for name, _ in self._bundles})

    def held(self, account: str) -> Sequence[Held]:
        """All that the account ever held, by key."""
        found = self._by_account.get(account, {})
        return [found[key] for key in sorted(found)]

    def allowance(self, key: str) -> Held | None:
        """The one of this key."""
        return self._held.get(key)

    def paying(self, account: str, number: str, answered_at: datetime) -> list[Held]:
        """Those that may pay a call to the number (with plus), in order."""
        found = self._by_account.get(account)
        if not found:
            return []
        return paying(found.values(), number, answered_at, self._calendars)

    def shares(
        self, book: PriceBook, account: str, number: str, answered_at: datetime, hold_key: str = ""
    ) -> list[Share]:
        """The same with what is left of them for the call of this hold. A bundle whose tariff is
        not in force does not pay: nobody knows what talk within it costs.
        """
        held_here = self.paying(account, number, answered_at)
        if not held_here:
            return []
        found = []
        reserved = self.reserved.by_others(hold_key)
        for held in held_here:
            bundle, pool = held.bundle, held.pool(answered_at)
            left = max(0, bundle.amount - self.used(pool) - reserved.get(pool, 0))
            try:
                found.append(Share(bundle, pool, left, _table(book, bundle, answered_at)))
            except NoRate:
                continue
        return found

    def seconds_held(
        self, book: PriceBook, draws: Iterable[Draw], answered_at: datetime
    ) -> list[Share]:
        """What a call that took this holds of seconds, and no more: whatever it would cost now, so
        much of it is paid.
        """
        found = []
        for draw in draws:
            if draw.unit is Unit.SECONDS:
                bundle = self._held[draw.pool.allowance].bundle
                try:
                    table = _table(book, bundle, answered_at)
                except NoRate:
                    continue
                found.append(Share(bundle, draw.pool, draw.amount, table))
        return found

    def purse(self, account: str, at: datetime) -> Purse:
        """What the account may use at the instant."""
        found = self._by_account.get(account)
        if not found:
            return EMPTY_PURSE
        return Purse(
            tuple(
                (each.bundle, each.pool(at))
                for each in found.values()
                if _holds(each.allowance, at)
            )
        )

    def left(self, account: str, at: datetime) -> Left:
        """What pays the account's calls besides its money at the instant."""
        purse = self.purse(account, at)
        return purse.left(self._used) if purse.held else NOTHING_LEFT

    def used(self, pool: PoolKey) -> int:
        """Seconds or micro-units, as committed."""
        return self._used.get(pool, 0)

    def accounts_of(self, key: str) -> frozenset[str]:
        """Who shares the allowance."""
        return self._held[key].allowance.accounts

    def digest(self, account: str) -> str:
        """Another text as soon as the account holds other bundles, or for another time."""
        return " ".join(
            f"{each.allowance.key}={each.bundle.name}:{each.bundle.version}"
            f"[{each.allowance.since.isoformat()},{each.allowance.until}]"
            for each in self.held(account)
        )

    # ------------------------------------------------------------------ what changes

    def add(self, bundle: Bundle) -> None:
        """One more version."""
        self._bundles[bundle.name, bundle.version] = bundle

    def give(self, allowance: Allowance) -> None:
        """Accounts hold a bundle; Refused when the books hold no such version."""
        bundle = self._bundles.get((allowance.bundle, allowance.version))
        if bundle is None:
            raise Refused(f"there is no bundle {allowance.bundle} version {allowance.version}")
        self._put(Held(bundle, allowance))
        insort(self._turns, (epoch_us(allowance.since), allowance.key))
        self._note_end(allowance)
        if bundle.renewal is Renewal.MONTHLY:
            self._monthly.setdefault(bundle.zone, set()).add(allowance.key)

    def end(self, key: str, until: datetime) -> None:
        """The allowance ends then, or as soon as it begins."""
        held = self._held[key]
        ended = replace(held.allowance, until=max(until, held.allowance.since))
        self._put(held._replace(allowance=ended))
        self._note_end(ended)

    def _put(self, held: Held) -> None:
        self.revision += 1
        key = held.allowance.key
        self._held[key] = held
        for account in held.allowance.accounts:
            self._by_account.setdefault(account, {})[key] = held

    def _note_end(self, allowance: Allowance) -> None:
        if allowance.until is not None:
            insort(self._turns, (epoch_us(allowance.until), allowance.key))

    def draw(self, drawn: Mapping[PoolKey, int]) -> set[str]:
        """So much more, or less, is used of each; keys of allowances that can, or cannot, pay any
        more.
        """
        turned = set()
        for pool, change in drawn.items():
            before = self._used.get(pool, 0)
            self._used[pool] = before + change
            held = self._held[pool.allowance]
            if _is_spent(held.bundle, before) != _is_spent(held.bundle, before + change):
                turned.add(pool.allowance)
        return turned

    def turning(self, after: datetime, until: datetime) -> set[str]:
        """Accounts with an allowance that begins, ends or renews after the one instant, and up to
        the other.
        """
        first = bisect_right(self._turns, (epoch_us(after), "\U0010ffff"))
        last = bisect_left(self._turns, (epoch_us(until) + 1, ""))
        keys = {key for _, key in self._turns[first:last]}
        for zone, monthly in self._monthly.items():
            if _month(zone, after) != _month(zone, until):
                keys |= monthly
        return {account for key in keys for account in self.accounts_of(key)}

    def forget(self, before: datetime) -> None:
        """Let go what was used of months that began before."""
        limit_us = epoch_us(before)
        monthly: set[str] = set().union(*self._monthly.values())
        old = [
            pool for pool in self._used if pool.period_us < limit_us and pool.allowance in monthly
        ]
        for pool in old:
            del self._used[pool]


def _table(book: PriceBook, bundle: Bundle, answered_at: datetime) -> RateTable | None:
    return book.in_force(bundle.tariff, answered_at) if bundle.tariff else None


def _holds(allowance: Allowance, at: datetime) -> bool:
    return allowance.since <= at and (allowance.until is None or at < allowance.until)


def _is_spent(bundle: Bundle, used: int) -> bool:
    least = bundle.increment_s if bundle.unit is Unit.SECONDS else 1
    return bundle.amount - used < least


def _month(zone: str, at: datetime) -> tuple[int, int]:
    local = at.astimezone(ZoneInfo(zone))
    return local.year, local.month
