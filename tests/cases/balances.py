"""Balances of a case in our model: bundles of seconds and money, and the account's own money.

The account's money is the balance of money that pays for everything at any time, of several that of
the least weight; all others are bundles.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from decimal import Decimal

from rtbill.domain.bundle import Allowance, Bundle, Draw, Unit
from rtbill.domain.money import MICROS
from rtbill.domain.tariff import TimeBand
from rtbill.rating.bands import DAY_MINUTES
from rtbill.rating.bundle_choice import Held, paying
from rtbill.rating.bundles import Share
from tests.cases.asking import Question
from tests.cases.dialling import dialled
from tests.cases.mapping import price_list
from tests.cases.price_list import ALWAYS, CURRENCY, PriceList
from tests.cases.reading import Case, Record
from tests.cases.unsupported import Unsupported, micros, only, whole

_KEYS = ("id", "type", "value", "weight", "increment", "price", "priced_by")
_CONDITIONS = ("destinations", "valid_daily", "shared", "owner", "blocker")
_CALLER = "caller"


class Balances:
    """What a case's account has, and what calls leave of it."""

    def __init__(self, case: Case) -> None:
        self._tariff = _bundle_tariff(case)
        self._money = _own_money(case)
        self._held = [
            self._as_held(balance) for balance in case.balances if balance["id"] != self._money
        ]
        self._units = {each.bundle.name: each.bundle.unit for each in self._held}
        self._left = {each["id"]: _amount(each) for each in case.balances}
        self.owed_micros = 0
        """Where there is no money of the account's own."""

    @property
    def money_micros(self) -> int:
        """The account's own."""
        return self._left[self._money] if self._money else -self.owed_micros

    def shares(self, question: Question) -> list[Share]:
        """The bundles that may pay the call, in order."""
        found = paying(self._held, question.number, question.answered_at)
        return [
            Share(
                each.bundle,
                each.pool(question.answered_at),
                self._left[each.bundle.name],
                self._tariff.table(question.number, question.answered_at)
                if self._tariff and each.bundle.tariff
                else None,
            )
            for each in found
        ]

    def pay(self, question: Question) -> Decimal:
        """Main units that a call costs, after it is paid."""
        bundled = question.bundled(self.shares(question))
        for draw in bundled.draws:
            self._take(draw)
        if self._money:
            self._left[self._money] -= bundled.debit_micros
        else:
            self.owed_micros += bundled.debit_micros
        return Decimal(bundled.price.micros) / MICROS

    def left(self, name: str) -> Decimal:
        """Seconds, or main units of money."""
        left = Decimal(self._left[name])
        return left if self._units.get(name) is Unit.SECONDS else left / MICROS

    def _take(self, draw: Draw) -> None:
        self._left[draw.pool.allowance] -= draw.amount
        assert self._left[draw.pool.allowance] >= 0, "no bundle gives more than it has"

    def _as_held(self, balance: Record) -> Held:
        only(balance, *_KEYS, *_CONDITIONS)
        is_money = balance["type"] == "money"
        tariff = balance.get("priced_by", "")
        if tariff and self._tariff is None:
            raise Unsupported(f"no tariff {tariff}")
        if balance.get("price", "free") != "free":
            raise Unsupported(f"seconds at {balance['price']}")
        bundle = Bundle(
            name=balance["id"],
            version=1,
            currency=CURRENCY,
            zone="UTC",
            unit=Unit.MONEY if is_money else Unit.SECONDS,
            amount=_amount(balance),
            prefixes=tuple(dialled(each) for each in balance.get("destinations", ())),
            bands=_hours(balance.get("valid_daily")),
            increment_s=whole(balance.get("increment") or self._increment_s(tariff), "increment"),
            priority=whole(balance.get("weight", 0), "weight"),
            tariff=tariff,
            covers_fees=False,  # seconds pay no connect fee there
            is_exclusive=bool(balance.get("blocker")),
        )
        accounts = {balance.get("owner", _CALLER)} | ({_CALLER} if "shared" in balance else set())
        if _CALLER not in accounts:
            raise Unsupported("a balance of somebody else")
        allowance = Allowance(
            key=bundle.name,
            bundle=bundle.name,
            version=1,
            accounts=frozenset(accounts),
            since=ALWAYS,
        )
        return Held(bundle, allowance)

    def _increment_s(self, tariff: str) -> int:
        """Seconds that are priced by a tariff are taken by its increments."""
        return self._tariff.first_increment_s if tariff and self._tariff else 1


def _bundle_tariff(case: Case) -> PriceList | None:
    """What talk within seconds costs besides, where the case says it."""
    for key in ("bundle", "bundle_rate"):
        if key in case.tariff:
            # Rounded once with all else, as the account's tariff is.
            rates = {
                name: value
                for name, value in case.tariff[key].items()
                if name not in ("rounding", "decimals")
            }
            return price_list(replace(case, tariff=rates))
    return None


def _own_money(case: Case) -> str | None:
    found = [
        balance
        for balance in case.balances
        if balance["type"] == "money" and not any(balance.get(key) for key in _CONDITIONS)
    ]
    if not found:
        return None
    return str(min(found, key=lambda each: whole(each.get("weight", 0), "weight"))["id"])


def _amount(balance: Record) -> int:
    if balance["type"] == "money":
        return micros(balance["value"])
    if balance["type"] != "seconds":
        raise Unsupported(f"a balance of {balance['type']}")
    return whole(balance["value"], "value")


def _hours(text: str | None) -> tuple[TimeBand, ...]:
    """`12:00:00-23:59:59`, the last second included."""
    if text is None:
        return ()
    first, last = (time.fromisoformat(each) for each in text.split("-"))
    end_minute = last.hour * 60 + last.minute + 1
    if first.second or last.second != 59 or end_minute > DAY_MINUTES:
        raise Unsupported("hours finer than a minute")
    return (TimeBand(start_minute=first.hour * 60 + first.minute, end_minute=end_minute),)
