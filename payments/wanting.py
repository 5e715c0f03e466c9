"""The steps of a top-up that are ours: wanted, sent, called off, given back. Pure.

Each decides on what the books hold in the transaction that writes it, so a card that was removed,
or a switch that was turned, counts from then on (RP-04).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balance.ledger import unused_micros
from payments import looking
from payments.attempts import Event
from payments.heard import Heard, of_reversal
from payments.looking import Terms
from payments.replenish import Bounds, Decision, Wish, decide
from payments.settling import settle
from payments.waits import of_debt
from rtbill.domain.account import AccountState
from rtbill.domain.errors import Refused
from rtbill.domain.money import Money
from rtbill.domain.notice import Notice
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import (
    Asker,
    Follow,
    Paying,
    PaymentState,
    Reversal,
    ReversalKind,
    ReversalStage,
    TopUp,
    TopUpEvent,
    TopUpState,
)
from rtbill.domain.vat import VatPoint

REFUND_AGAIN = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""Pauses between tries to give money back, well within the life of a key; then it is a person's
(RP-62).
"""


_MAY_BE_SENT = (TopUpState.WANTED, TopUpState.CREATED, TopUpState.ACTION_NEEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """What a top-up that is about to begin will be known by."""

    reference: str
    vat_point: VatPoint


def want(state: AccountState, books: PaymentState, wish: Wish, bounds: Bounds, new: New) -> Facts:
    """The top-up begins, if that is right now; otherwise the facts say why nothing is bought."""
    if books.top_up is not None:
        return Facts(state, paying=Paying(reason="it was begun before", top_up=books.top_up))
    decision = decide(state, books, wish, bounds)
    if decision.money is None:
        return _nothing(state, books, decision, wish.at)
    assert decision.method is not None
    row = TopUp(
        reference=new.reference,
        account=state.account.id,
        money=decision.money,
        gateway=decision.method.method.gateway,
        method=decision.method.method.reference,
        asked_by=wish.asked_by,
        state=TopUpState.WANTED,
        wanted_at=wish.at,
        moved_at=wish.at,
        vat_point=new.vat_point,
        attempt=len(of_debt(books.recent)) + 1,
        next_look=wish.at,
    )
    event = TopUpEvent(
        reference=row.reference,
        number=1,
        event=TopUpState.WANTED,
        before=None,
        after=TopUpState.WANTED,
        at=wish.at,
        cause=decision.reason,
    )
    paying = Paying(reason=decision.reason, top_up=row, event=event, follows=(Follow.NEXT,))
    return Facts(state, paying=paying)


def _nothing(state: AccountState, books: PaymentState, decision: Decision, at: datetime) -> Facts:
    paying = Paying(reason=decision.reason, not_before=decision.not_before)
    if not decision.halts or books.settings is None or books.settings.stopped:
        return Facts(state, paying=paying)
    halted = replace(books.settings, stopped=decision.reason)
    account = state.account.id
    alarm = Notice(
        "alarm.raised", f"top-ups of {account}", f"{decision.reason}: it buys no more by itself", at
    )
    return Facts(state, paying=replace(paying, settings=halted), notices=(alarm,))


def go_on(
    state: AccountState, books: PaymentState, event: Event, at: datetime, terms: Terms
) -> Facts:
    """The provider is about to be told of it (CREATE_ASKED), or to be asked for the money
    (CONFIRM_ASKED): if that is still right, and otherwise it ends here.
    """
    assert event in (Event.CREATE_ASKED, Event.CONFIRM_ASKED)
    row = books.top_up
    assert row is not None
    if looking.is_too_late(row, at, terms):
        heard = Heard(event=Event.EXPIRED, at=at, cause="it is too late to send it")
    elif row.state in _MAY_BE_SENT and (why := _revoked(books, row)):
        heard = Heard(event=Event.REVOKED, at=at, cause=why)
    elif stops := [each for each in books.stops if each.gateway == row.gateway]:
        heard = Heard(event=Event.NOT_SENT, at=at, cause=stops[0].reason)
    else:
        heard = Heard(event=event, at=at)
    return settle(state, books, heard, terms)


def _revoked(books: PaymentState, row: TopUp) -> str:
    """Why it may not be sent any more."""
    method = books.method(row.gateway, row.method)
    if method is None or not method.is_kept:
        return "the card was removed"
    if method.barred_at is not None:
        return f"the card is not used any more: {method.barred_reason}"
    settings = books.settings
    if row.asked_by is not Asker.BALANCE:
        return ""
    if settings is None or not settings.is_on or settings.stopped:
        return "buying by itself was switched off"
    if settings.agreement is None or settings.charge_max_micros < row.money.micros:
        return "the holder agrees to less"
    return ""


def see_to(state: AccountState, books: PaymentState, at: datetime, terms: Terms) -> Facts:
    """Its time has come: what is due now, or that it is too late for it."""
    row = books.top_up
    assert row is not None
    if row.next_look is None or at < row.next_look:
        return Facts(state, paying=Paying(reason="nothing is due", top_up=row))
    event = Event.EXPIRED if looking.is_too_late(row, at, terms) else Event.TIMER
    return settle(state, books, Heard(event=event, at=at, cause="its time has come"), terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """A refund that the operator or the holder wants."""

    key: str
    """Our reference of it, as of a top-up."""
    money: Money
    reason: str
    at: datetime


def give_back(state: AccountState, books: PaymentState, wanted: GiveBack) -> Facts:
    """A refund of ours begins: the account loses the money now, so that nobody spends it meanwhile.

    Refused when the top-up was not paid, or less of it is left, or less is unused (RP-52).
    """
    row = books.top_up
    assert row is not None
    if any(each.key == wanted.key for each in books.reversals):
        return Facts(state, paying=Paying(reason="it was asked for before", top_up=row))
    _check_refund(state, row, wanted.money)
    reversal = Reversal(
        key=wanted.key,
        kind=ReversalKind.REFUND,
        top_up=row.reference,
        gateway=row.gateway,
        money=wanted.money,
        stage=ReversalStage.WANTED,
        at=wanted.at,
        next_try=wanted.at,
        reason=wanted.reason,
    )
    return settle(state, books, of_reversal(reversal, wanted.reason), Terms())


def _check_refund(state: AccountState, row: TopUp, money: Money) -> None:
    if row.state is not TopUpState.APPROVED:
        raise Refused(f"top-up {row.reference} is {row.state}: nothing of it can go back")
    assert money.currency == row.money.currency
    left = row.money.micros - row.reversed_micros
    if not 0 < money.micros <= left:
        raise Refused(
            f"of top-up {row.reference} no more than {Money(left, money.currency)} can go back"
        )
    unused = unused_micros(state)
    if money.micros > unused:
        raise Refused(
            f"account {row.account} has {Money(unused, money.currency)} unused; "
            f"{money} cannot go back"
        )


def refund_lost(
    state: AccountState, books: PaymentState, key: str, cause: str, at: datetime
) -> Facts:
    """The provider was asked for a refund and did not answer: it is asked again later, six times in
    all, and then a person sees to it.
    """
    row = books.top_up
    assert row is not None
    for each in books.reversals:
        if each.key == key and each.stage is ReversalStage.WANTED and each.next_try is not None:
            again = REFUND_AGAIN[each.tries] if each.tries < len(REFUND_AGAIN) else None
            tried = replace(
                each, tries=each.tries + 1, next_try=None if again is None else at + again
            )
            heard = Heard(
                event=Event.REFUND_LOST,
                at=at,
                cause=f"refund {key}: {cause}",
                reversal=tried,
                is_odd=again is None,
            )
            return settle(state, books, heard, Terms())
    return Facts(state, paying=Paying(reason="nothing is waited for", top_up=row))
