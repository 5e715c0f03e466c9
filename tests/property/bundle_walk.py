"""A second opinion on bundles, in Decimal, written from the rules alone: one increment of one
bundle is taken after the other, and all that costs money is asked of the other second opinions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.bundle import Allowance, Bundle
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Rate, Tariff
from tests.property.plan_walk import (
    NO_CHANGE,
    Caller,
    Change,
    OracleCharge,
    PlanWalk,
    first_with,
)
from tests.property.price_oracle import Holidays, NoRateThen, OracleWalk, shows

_SECOND = timedelta(seconds=1)
_DAY = Decimal(86_400)
_LONG_AFTER = datetime.max.replace(tzinfo=ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Purse:
    """A bundle as somebody holds it."""

    bundle: Bundle
    allowance: Allowance
    left: int
    tariff: Tariff | None


class Taken(NamedTuple):
    """What bundles and money pay of a call, in micro-units."""

    gross: int
    tax: int
    billed_s: int
    draws: list[tuple[str, int]]
    """Key of the allowance, and seconds or micro-units, in the order of use."""
    debit: int


class BundleWalk:
    """A call of one answer and any length that bundles pay as long as they can."""

    def __init__(
        self,
        plan: PricePlan | None,
        lists: Sequence[Tariff],
        caller: Caller,
        purses: Iterable[Purse],
        holidays: Holidays,
        change: Change = NO_CHANGE,
    ) -> None:
        """NoRateThen as for the call without bundles."""
        self.whole = PlanWalk(plan, lists, caller, holidays, change)
        self._caller = caller
        self._holidays = holidays
        self._purses = that_may_pay(purses, caller, holidays)
        self._walks: dict[tuple[str, timedelta, bool], OracleWalk] = {}

    @property
    def is_exclusive(self) -> bool:
        """Whether the account's money lets the call go on."""
        return any(purse.bundle.is_exclusive for purse in self._purses)

    def taken(self, talk: timedelta) -> Taken:
        """After so much talk; NoRateThen where a part of it has no rate."""
        charge = self.whole.charge(talk)
        draws: list[tuple[str, int]] = []
        if charge.gross:
            total, billed, draws = self._beyond_seconds(talk)
            if draws:
                charge = _no_dearer(self.whole.charge_of(total, billed), charge)
        gross, tax = int(charge.gross.scaleb(6)), int(charge.tax.scaleb(6))
        debit = gross
        for purse in self._purses:
            if purse.bundle.unit.value == "money" and (pays := min(debit, purse.left)):
                draws.append((purse.allowance.key, pays))
                debit -= pays
        return Taken(gross, tax, charge.billed_s, draws, debit)

    def is_over(self, talk: timedelta) -> bool:
        """Whether the rate of the answer has ended the call before: at its longest call, or because
        a greatest charge that ends calls is exceeded; where bundles give seconds by what is beyond
        them, too.
        """
        longest_s = self.whole.walk.terms.call_max_s
        if longest_s is not None and talk > longest_s * _SECOND:
            return True
        if not _exceeds(self.whole.walk, talk):
            return False
        paid = timedelta(0)
        for purse in self._purses:
            if purse.bundle.unit.value == "seconds":
                paid += purse.left // purse.bundle.increment_s * purse.bundle.increment_s * _SECOND
        if paid and talk <= paid:
            return False
        try:
            return not paid or _exceeds(
                self._walk(self.whole.tariff, paid, with_fee=False), talk - paid
            )
        except NoRateThen:
            return True

    def _beyond_seconds(self, talk: timedelta) -> tuple[Decimal, timedelta, list[tuple[str, int]]]:
        """What is due in money, and the seconds that were taken."""
        total, billed, paid = Decimal(0), timedelta(0), timedelta(0)
        draws: list[tuple[str, int]] = []
        for purse in self._purses:
            if purse.bundle.unit.value != "seconds":
                continue
            begins, used = paid, 0
            while (paid < talk or not paid) and used + purse.bundle.increment_s <= purse.left:
                paid += purse.bundle.increment_s * _SECOND
                used += purse.bundle.increment_s
            if not used:
                continue
            if purse.tariff is not None:
                walk = self._walk(purse.tariff, begins, with_fee=not draws)
                add, add_billed = walk.exact(min(talk, paid) - begins)
                total, billed = total + add, billed + add_billed
            elif not draws and not purse.bundle.covers_fees:
                total += self.whole.walk.terms.connect_fee_micros * _DAY
            draws.append((purse.allowance.key, used))
        if draws and paid < talk:
            add, add_billed = self._walk(self.whole.tariff, paid, with_fee=False).exact(talk - paid)
            total, billed = total + add, billed + add_billed
        return total, billed, draws

    def _walk(self, tariff: Tariff, begins: timedelta, *, with_fee: bool) -> OracleWalk:
        key = (tariff.name, begins, with_fee)
        if key not in self._walks:
            found = first_with(self._caller.number, [tariff])
            if not with_fee:
                found = replace(found, rates=tuple(map(_without_fee, found.rates)))
            answered_at = self._caller.answered_at + begins
            self._walks[key] = OracleWalk(found, answered_at, self._holidays)
        return self._walks[key]


def that_may_pay(purses: Iterable[Purse], caller: Caller, holidays: Holidays) -> list[Purse]:
    """In the order of use: again and again the one that goes before all others."""
    left = [purse for purse in purses if _may_pay(purse, caller, holidays)]
    found: list[Purse] = []
    while left and not (found and found[-1].bundle.is_exclusive):
        first = left[0]
        for purse in left[1:]:
            if _goes_before(purse, first, caller.answered_at):
                first = purse
        left.remove(first)
        found.append(first)
    return [purse for purse in found if _has_rates(purse, caller.number)]


def _may_pay(purse: Purse, caller: Caller, holidays: Holidays) -> bool:
    bundle, allowance = purse.bundle, purse.allowance
    at = caller.answered_at
    local = at.astimezone(ZoneInfo(bundle.zone))
    digits = caller.number[1:]
    return (
        allowance.since <= at
        and (allowance.until is None or at < allowance.until)
        and any(digits[: len(prefix)] == prefix for prefix in bundle.prefixes or ("",))
        and (not bundle.bands or any(shows(band, local, holidays) for band in bundle.bands))
    )


def _goes_before(one: Purse, other: Purse, at: datetime) -> bool:
    if one.bundle.unit is not other.bundle.unit:
        return one.bundle.unit.value == "seconds"
    if one.bundle.priority != other.bundle.priority:
        return one.bundle.priority > other.bundle.priority
    ends, other_ends = _ends(one, at), _ends(other, at)
    if ends != other_ends:
        return ends < other_ends
    return one.allowance.key < other.allowance.key


def _ends(purse: Purse, at: datetime) -> datetime:
    until = purse.allowance.until or _LONG_AFTER
    if purse.bundle.renewal.value == "never":
        return until
    zone = ZoneInfo(purse.bundle.zone)
    within = at.astimezone(zone).replace(day=28, hour=12) + timedelta(days=5)
    next_month = within.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    return min(until, next_month.astimezone(ZoneInfo("UTC")))


def _has_rates(purse: Purse, number: str) -> bool:
    try:
        return purse.tariff is None or bool(first_with(number, [purse.tariff]))
    except NoRateThen:
        return False


def _exceeds(walk: OracleWalk, talk: timedelta) -> bool:
    """Whether so much talk exceeds a greatest charge that ends calls; also if nobody knows."""
    most = walk.terms.charge_max_micros
    if most is None or not walk.terms.charge_max_ends:
        return False
    try:
        total, _ = walk.exact(talk)
    except NoRateThen:
        return True
    return total > most * _DAY


def _no_dearer(left: OracleCharge, whole: OracleCharge) -> OracleCharge:
    """What is left to pay, or the amounts of the same call without bundles if they are less."""
    return left if left.gross < whole.gross else whole._replace(billed_s=left.billed_s)


def _without_fee(rate: Rate) -> Rate:
    return replace(rate, terms=replace(rate.terms, connect_fee_micros=0))
