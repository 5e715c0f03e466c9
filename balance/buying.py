"""Transfers of bought credit: the top-up itself, and what of it goes back. Pure, like the ledger.

The other side is the provider's clearing account, which shows below zero what the provider owes us;
what a bank took back for a holder who objects stands in an account of its own until that is over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rtbill.domain.account import AccountState
from rtbill.domain.ledger import CLEARING, DISPUTED, Transfer, TransferKind
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import (
    Reversal,
    ReversalKind,
    ReversalStage,
    TopUp,
)


def credit_key(top_up: TopUp) -> str:
    """The key of its credit, once for ever (RP-27); by our reference where a person settled what
    the provider never gave an id.
    """
    return f"{top_up.gateway}:{top_up.provider_id or top_up.reference}:credit"


def reversal_key(reversal: Reversal) -> str:
    """The key under which it is booked at this stage, once for ever (RP-50, RP-51). A refund has
    the same key when it is asked for, under way and done.
    """
    if reversal.kind is ReversalKind.REFUND and reversal.due_micros:
        return f"{reversal.gateway}:{reversal.key}:{reversal.kind}"
    return f"{reversal.gateway}:{reversal.key}:{reversal.stage}"


def credit(state: AccountState, top_up: TopUp, at: datetime) -> Facts:
    """The account gets what was paid."""
    transfer = _transfer(
        state,
        top_up.money.micros,
        f"{CLEARING}:{top_up.gateway}",
        credit_key(top_up),
        TransferKind.TOP_UP,
        at,
        f"top-up {top_up.reference}",
    )
    return _moved(state, transfer)


def reverse(state: AccountState, top_up: TopUp, reversal: Reversal, at: datetime) -> Facts:
    """The account loses what is due beyond what is booked, or gets it again; nothing moves where
    that is nothing.
    """
    change = reversal.booked_micros - reversal.due_micros
    if change == 0:
        return Facts(state)
    is_dispute = reversal.kind is ReversalKind.DISPUTE
    transfer = _transfer(
        state,
        change,
        f"{DISPUTED if is_dispute else CLEARING}:{top_up.gateway}",
        reversal_key(reversal),
        TransferKind.DISPUTE if is_dispute else TransferKind.REFUND,
        at,
        f"{reversal.kind} of top-up {top_up.reference}: {reversal.stage}",
    )
    return _moved(state, transfer._replace(reverses=_undone(top_up, reversal)))


def _undone(top_up: TopUp, reversal: Reversal) -> str:
    """Key of the transfer that is taken back: the credit, or what had taken that back."""
    if reversal.due_micros:
        return credit_key(top_up)
    is_dispute = reversal.kind is ReversalKind.DISPUTE
    taken = ReversalStage.WITHDRAWN if is_dispute else ReversalStage.DONE
    return reversal_key(replace(reversal, stage=taken))


def _transfer(  # noqa: PLR0913 - what one transfer is made of
    state: AccountState,
    change_micros: int,
    own_side: str,
    key: str,
    kind: TransferKind,
    at: datetime,
    reason: str,
) -> Transfer:
    account = state.account.id
    is_rise = change_micros > 0
    return Transfer(
        key=key,
        debit=own_side if is_rise else account,
        credit=account if is_rise else own_side,
        amount_micros=abs(change_micros),
        currency=state.account.currency,
        kind=kind,
        event_at=at,
        account=account,
        version=state.version + 1,
        balance_after_micros=state.balance_micros + change_micros,
        reason=reason,
    )


def _moved(state: AccountState, transfer: Transfer) -> Facts:
    after = state._replace(balance_micros=transfer.balance_after_micros, version=transfer.version)
    return Facts(after, transfers=(transfer,))
