"""The only module that makes transfers. Pure: an account's state and a fact in, facts out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.ledger import CASH, CORRECTIONS, REVENUE, Transfer, TransferKind
from rtbill.domain.rated import CallStatus, Facts, PricedCall, RatedCall, Repriced


def call_key(call: CallId) -> str:
    """The key under which a call is posted, once for ever (LG-03)."""
    return f"call:{call}"


def credit_key(key: str) -> str:
    """The key of a credit whose giver chose `key`."""
    return f"credit:{key}"


def rerate_key(run: int, call: str) -> str:
    """The key under which this run debits the call, `pbx/leg`, anew, or adjusts its invoice."""
    return f"rerate:{run}:{call}"


def reversal_key(run: int, call: str) -> str:
    """The key under which this run takes the call's old debit back."""
    return f"rerate:{run}:{call}:back"


def post_call(state: AccountState, call: RatedCall) -> Facts:
    """The call enters the books; a rated call with a price above zero debits the account.

    The balance may fall below its floor: a call that was made is owed, whatever it cost.
    """
    if call.status is not CallStatus.RATED:
        return Facts(state, call)
    price = call.price
    assert price is not None, "a rated call has a price"
    assert price.micros >= 0
    assert price.currency == state.account.currency, "an account has one currency"
    if price.micros == 0:
        return Facts(state, call)
    record = call.record
    after = _moved(state, -price.micros)
    transfer = Transfer(
        key=call_key(record.id),
        debit=state.account.id,
        credit=f"{REVENUE}:{state.account.account_class}",
        amount_micros=price.micros,
        currency=price.currency,
        kind=TransferKind.CALL,
        event_at=record.ended_at,
        account=state.account.id,
        version=after.version,
        balance_after_micros=after.balance_micros,
        call=str(record.id),
    )
    return Facts(after, call, (transfer,))


def credit(state: AccountState, micros: int, key: str, at: datetime, reason: str) -> Facts:
    """Money received at the desk raises the balance; a negative amount is a correction."""
    assert micros != 0, "a credit moves money"
    after = _moved(state, micros)
    account = state.account.id
    debit_side, credit_side = (CASH, account) if micros > 0 else (account, CORRECTIONS)
    transfer = Transfer(
        key=credit_key(key),
        debit=debit_side,
        credit=credit_side,
        amount_micros=abs(micros),
        currency=state.account.currency,
        kind=TransferKind.TOP_UP if micros > 0 else TransferKind.CORRECTION,
        event_at=at,
        account=account,
        version=after.version,
        balance_after_micros=after.balance_micros,
        reason=reason,
    )
    return Facts(after, None, (transfer,))


def reprice(state: AccountState, run: int, calls: Sequence[Repriced], at: datetime) -> Facts:
    """Each call's old debit is taken back and its new price debited, one call after the other; the
    difference to an invoice is a line of its own.

    It happens now, whenever the calls were: what a report said of a month stays true.
    """
    balance, version = state.balance_micros, state.version
    transfers = []
    for call, price in calls:
        assert price.currency == state.account.currency, "an account has one currency"
        assert price.micros != call.micros, "the same price moves nothing"
        for movement in _movements(state, run, call, price.micros):
            balance += movement.change_micros
            version += 1
            transfers.append(
                Transfer(
                    key=movement.key,
                    debit=movement.debit,
                    credit=movement.credit,
                    amount_micros=abs(movement.change_micros),
                    currency=price.currency,
                    kind=movement.kind,
                    event_at=at,
                    account=state.account.id,
                    version=version,
                    balance_after_micros=balance,
                    call=call.key,
                    reason=f"rated again in run {run}",
                    reverses=movement.reverses,
                )
            )
    after = replace(state, balance_micros=balance, version=version)
    return Facts(after, transfers=tuple(transfers), repriced=tuple(calls))


class _Movement(NamedTuple):
    """One transfer to be: what it does to the balance, and its two sides."""

    key: str
    kind: TransferKind
    change_micros: int
    debit: str
    credit: str
    reverses: str | None = None


def _movements(state: AccountState, run: int, call: PricedCall, micros: int) -> Iterator[_Movement]:
    account = state.account.id
    revenue = f"{REVENUE}:{state.account.account_class}"
    key = rerate_key(run, call.key)
    if call.invoiced is not None:
        change = call.micros - micros
        sides = (account, revenue) if change < 0 else (revenue, account)
        yield _Movement(key, TransferKind.ADJUSTMENT, change, *sides)
        return
    if call.micros:
        assert call.debited is not None, f"{call.key} costs something and was never debited"
        assert call.revenue is not None
        back = reversal_key(run, call.key)
        sides = (call.revenue, account)
        yield _Movement(back, TransferKind.REVERSAL, call.micros, *sides, call.debited)
    if micros:
        yield _Movement(key, TransferKind.CALL, -micros, account, revenue)


def _moved(state: AccountState, micros: int) -> AccountState:
    return replace(state, balance_micros=state.balance_micros + micros, version=state.version + 1)
