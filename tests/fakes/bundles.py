"""Builders for bundles in the books: calls that take of them, decided by hand, without rating."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from balance import ledger
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Allowance, Bundle, Draw, PoolKey, Pools, Renewal, Unit
from rtbill.domain.call import epoch_us
from rtbill.domain.changes import GiveAllowance
from rtbill.domain.rated import CallStatus, Facts, RatedCall
from rtbill.domain.work import Operation
from tests.fakes.environment import NOON


def a_bundle(name: str = "minutes", amount: int = 600, **fields: Any) -> Bundle:
    """Ten minutes, once, by the second, to every number."""
    values: dict[str, Any] = {
        "name": name,
        "version": 1,
        "currency": "EUR",
        "zone": "Europe/Zurich",
        "unit": Unit.SECONDS,
        "amount": amount,
    }
    return Bundle(**(values | fields))


def a_credit(name: str = "welcome", micros: int = 1_000_000, **fields: Any) -> Bundle:
    """One unit of money, once."""
    return a_bundle(name, micros, unit=Unit.MONEY, **fields)


def monthly(name: str = "monthly", amount: int = 600, **fields: Any) -> Bundle:
    """Ten minutes each month."""
    return a_bundle(name, amount, renewal=Renewal.MONTHLY, **fields)


def an_allowance(
    key: str = "gift",
    bundle: str = "minutes",
    accounts: tuple[str, ...] = ("room-1",),
    **fields: Any,
) -> Allowance:
    """Room 1 has it from noon on, without an end."""
    values: dict[str, Any] = {
        "key": key,
        "bundle": bundle,
        "version": 1,
        "accounts": frozenset(accounts),
        "since": NOON,
    }
    return Allowance(**(values | fields))


def given(key: str = "gift", bundle: str = "minutes", *accounts: str, **fields: Any) -> Any:
    """The change that gives it, at noon."""
    allowance = an_allowance(key, bundle, accounts or ("room-1",), **fields)
    return GiveAllowance(allowance, NOON, "because")


def pool(key: str = "gift", begins: datetime = NOON) -> PoolKey:
    """Of an allowance that began then, or of the month that did."""
    return PoolKey(key, epoch_us(begins))


def taking(
    call: RatedCall,
    *pools: PoolKey,
    amount: int = 600,
    needs: int = 60,
    unit: Unit = Unit.SECONDS,
    settles: CallStatus | None = None,
) -> Operation:
    """The call takes as much as it needs of each pool in turn, as far as the pools, which hold so
    much each, have it; money that it takes is not debited.
    """

    def decide(state: AccountState, used: Pools) -> Facts:
        draws, left = [], needs
        for each in pools:
            taken = min(left, amount - used.get(each, 0))
            left -= taken
            if taken:
                draws.append(Draw(each, unit, taken))
        return ledger.post_call(state, call._replace(draws=tuple(draws)))

    key = ledger.call_key(call.record.id)
    return Operation(call.account, key, decide, call.record.id, settles, pools)
