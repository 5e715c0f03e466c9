"""The only module that makes transfers. Pure: an account's state and a fact in, facts out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.ledger import CASH, CORRECTIONS, REVENUE, Transfer, TransferKind
from rtbill.domain.rated import CallStatus, Facts, RatedCall


def call_key(call: CallId) -> str:
    """The key under which a call is posted, once for ever (LG-03)."""
    return f"call:{call}"


def credit_key(key: str) -> str:
    """The key of a credit whose giver chose `key`."""
    return f"credit:{key}"


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


def _moved(state: AccountState, micros: int) -> AccountState:
    return replace(state, balance_micros=state.balance_micros + micros, version=state.version + 1)
