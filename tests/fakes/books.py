"""Builders for facts of the books: each shows only what matters to its test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from rtbill.domain.account import Account, AccountKind, AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.call import CallId, CallRecord, Outcome, Source
from rtbill.domain.events import LiveLeg
from rtbill.domain.ledger import Transfer, TransferKind
from rtbill.domain.observation import Observation, ObservationKind
from rtbill.domain.rated import CallStatus, Facts, NumberKind, Price, RatedCall
from rtbill.domain.tariff import Rate, Tariff, Terms
from rtbill.domain.work import Operation
from tests.fakes.environment import NOON


def an_account(account: str = "room-1", **terms: Any) -> Account:
    """A prepaid account in EUR."""
    values: dict[str, Any] = {
        "id": account,
        "name": account.title(),
        "kind": AccountKind.PREPAID,
        "currency": "EUR",
        "tariff": "retail",
    }
    return Account(**(values | terms))


def a_record(leg: str = "1", answered_at: datetime | None = NOON, **fields: Any) -> CallRecord:
    """One minute from extension 1001 to a number in Switzerland."""
    values: dict[str, Any] = {
        "id": CallId("hotel", leg),
        "payer": "1001",
        "dialled": "0041315550100",
        "trunk": "carrier",
        "answered_at": answered_at,
        "ended_at": (answered_at or NOON) + timedelta(seconds=60),
        "cause": 16,
        "outcome": Outcome.ENDED if answered_at else Outcome.UNANSWERED,
        "source": Source.EVENTS,
    }
    return CallRecord(**(values | fields))


def a_price(micros: int = 250_000) -> Price:
    """What that minute costs."""
    return Price(micros, "EUR", "retail", 1, "4131", "Switzerland Bern", 60)


def a_call(
    leg: str = "1",
    status: CallStatus = CallStatus.RATED,
    *,
    account: str = "room-1",
    micros: int = 250_000,
    record: CallRecord | None = None,
    **fields: Any,
) -> RatedCall:
    """A call of the account; it has a price only when rated."""
    values: dict[str, Any] = {
        "record": record or a_record(leg),
        "account": account,
        "status": status,
        "kind": NumberKind.CHARGEABLE,
        "number": "+41315550100",
        "price": a_price(micros) if status is CallStatus.RATED else None,
    }
    return RatedCall(**(values | fields))


def moved(state: AccountState, micros: int, key: str, call: str | None = None) -> Facts:
    """The account gains (or, below zero, loses) so much."""
    account = state.account
    after = state._replace(balance_micros=state.balance_micros + micros, version=state.version + 1)
    transfer = Transfer(
        key=key,
        debit="cash" if micros > 0 else account.id,
        credit=account.id if micros > 0 else "revenue:standard",
        amount_micros=abs(micros),
        currency=account.currency,
        kind=TransferKind.TOP_UP if call is None else TransferKind.CALL,
        event_at=NOON,
        account=account.id,
        version=after.version,
        balance_after_micros=after.balance_micros,
        call=call,
    )
    return Facts(after, None, (transfer,))


def posting(
    call: RatedCall,
    settles: CallStatus | None = None,
    finish: Callable[[Facts], Facts] = lambda facts: facts,
) -> Operation:
    """The operation that books the call and, when it costs something, debits its account."""
    key = f"call:{call.record.id}"

    def decide(state: AccountState, _pools: Pools) -> Facts:
        if call.price is None or call.price.micros == 0:
            return finish(Facts(state, call))
        facts = moved(state, -call.price.micros, key, str(call.record.id))
        return finish(facts._replace(call=call))

    return Operation(call.account, key, decide, call.record.id, settles)


def credit(key: str, micros: int = 10_000_000, account: str = "room-1") -> Operation:
    """The operation that pays money in."""
    posted = f"credit:{key}"
    return Operation(account, posted, lambda state, _pools: moved(state, micros, posted))


def an_observation(key: str = "lock:hotel:1", **fields: Any) -> Observation:
    """The account of room 1 would have been locked; or, with a call, what else is said."""
    values: dict[str, Any] = {
        "key": key,
        "kind": ObservationKind(key.partition(":")[0]),
        "at": NOON,
        "pbx": "hotel",
        "account": "room-1",
        "extension": "1001",
        "text": "1001 would be locked",
    }
    return Observation(**(values | fields))


def a_leg(leg: str = "1", answered_at: datetime | None = NOON) -> LiveLeg:
    """A call in progress."""
    return LiveLeg(CallId("hotel", leg), "1001", "0041315550100", "carrier", answered_at)


def a_rate(prefix: str = "41", **fields: Any) -> Rate:
    """25 cents a minute, by the second after the first minute."""
    values: dict[str, Any] = {
        "prefix": prefix,
        "destination": "Switzerland",
        "terms": Terms.per_minute(250_000, 60, 1),
    }
    return Rate(**(values | fields))


def a_tariff(version: int = 1, rates: tuple[Rate, ...] = (), name: str = "retail") -> Tariff:
    """A price list in EUR, from noon."""
    return Tariff(
        name=name,
        version=version,
        currency="EUR",
        zone="Europe/Zurich",
        valid_from=NOON,
        rates=rates or (a_rate(),),
    )
