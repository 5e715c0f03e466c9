"""What was heard about a top-up, as an event of its life: answers of gateways in, events out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from payments.attempts import DECLINES, Event
from rtbill.domain.payment import (
    Absent,
    ActionNeeded,
    Approved,
    Cancelled,
    Created,
    Declined,
    Disputed,
    DisputeState,
    Outcome,
    Pending,
    Refunded,
    RefundState,
)
from rtbill.domain.top_up import (
    PaymentState,
    Reversal,
    ReversalKind,
    ReversalStage,
    TopUp,
)

ABSENCES_MAX = 3
"""So often the provider may know nothing of it before it is called off (RP-61)."""
_REFUND_STAGES = {
    RefundState.PENDING: ReversalStage.PENDING,
    RefundState.DONE: ReversalStage.DONE,
    RefundState.FAILED: ReversalStage.FAILED,
}
_DISPUTE_STAGES = {
    DisputeState.INQUIRY: ReversalStage.INQUIRY,
    DisputeState.WITHDRAWN: ReversalStage.WITHDRAWN,
    DisputeState.REINSTATED: ReversalStage.REINSTATED,
}
_ORDER = {
    ReversalStage.WANTED: 0,
    ReversalStage.PENDING: 1,
    ReversalStage.DONE: 2,
    ReversalStage.FAILED: 3,
    ReversalStage.INQUIRY: 0,
    ReversalStage.WITHDRAWN: 1,
    ReversalStage.REINSTATED: 2,
}
"""Each kind only goes forward: what comes late says nothing new."""
_STAGE_EVENTS = {
    ReversalStage.WANTED: Event.REFUND_ASKED,
    ReversalStage.PENDING: Event.REFUNDED,
    ReversalStage.DONE: Event.REFUNDED,
    ReversalStage.FAILED: Event.REFUND_FAILED,
    ReversalStage.INQUIRY: Event.INQUIRY,
    ReversalStage.WITHDRAWN: Event.DISPUTED,
    ReversalStage.REINSTATED: Event.REINSTATED,
}

_PLAIN: dict[type, Event] = {
    Created: Event.CREATED,
    ActionNeeded: Event.ACTION_NEEDED,
    Pending: Event.PENDING,
    Cancelled: Event.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One event with its particulars."""

    event: Event
    at: datetime
    cause: str = ""
    """What the provider said, or who decided, in words."""
    provider_id: str = ""
    code: str = ""
    """Of a decline, as the provider gives it."""
    reversal: Reversal | None = None
    """As it is now, not yet booked."""
    is_odd: bool = False
    """It does not fit what was heard before; the operator has to know."""


def outcome(top_up: TopUp, told: Outcome, at: datetime) -> Heard:
    """What this answer means for the top-up; ODD_ANSWER where it is about other money or another
    payment than was asked for.
    """
    if odd := _oddity(top_up, told):
        return Heard(event=Event.ODD_ANSWER, at=at, cause=odd)
    match told:
        case Declined():
            return _declined(told, at)
        case Absent():
            is_last = top_up.absences + 1 >= ABSENCES_MAX
            return Heard(event=Event.ABSENT_AGAIN if is_last else Event.ABSENT, at=at)
        case Approved(provider_id, money):
            cause = f"{money} paid"
            return Heard(event=Event.SUCCEEDED, at=at, provider_id=provider_id, cause=cause)
        case Created() | ActionNeeded() | Pending() | Cancelled():
            return Heard(event=_PLAIN[type(told)], at=at, provider_id=told.provider_id)
        case _:
            assert_never(told)


def _declined(told: Declined, at: datetime) -> Heard:
    return Heard(
        event=DECLINES[told.decline],
        at=at,
        provider_id=told.provider_id,
        code=told.code,
        cause=" ".join(filter(None, (told.code, told.text))),
    )


def _oddity(top_up: TopUp, told: Outcome) -> str:
    if isinstance(told, Absent):
        return ""
    if top_up.provider_id and told.provider_id and told.provider_id != top_up.provider_id:
        return f"the provider answers about {told.provider_id}, not about {top_up.provider_id}"
    if isinstance(told, Approved) and told.money != top_up.money:
        return f"the provider says that {told.money} were paid, asked for were {top_up.money}"
    return ""


def refund(books: PaymentState, told: Refunded, at: datetime) -> Heard | None:
    """What this refund means for its top-up; None when it says nothing new."""
    assert books.top_up is not None
    new = Reversal(
        key=told.reference or told.refund_id,
        kind=ReversalKind.REFUND,
        top_up=books.top_up.reference,
        gateway=books.top_up.gateway,
        money=told.money,
        stage=_REFUND_STAGES[told.state],
        at=at,
        provider_id=told.refund_id,
    )
    return _heard(books.top_up, _known_refund(books, told), new)


def _known_refund(books: PaymentState, told: Refunded) -> Reversal | None:
    refunds = [each for each in books.reversals if each.kind is ReversalKind.REFUND]
    for each in refunds:
        if told.refund_id and each.provider_id == told.refund_id:
            return each
    for each in refunds:
        if told.reference and each.key == told.reference:
            return each
    if told.reference:
        return None
    # The provider does not name us: it answers a refund of ours whose answer was lost, if there is
    # one of this amount.
    waiting = (each for each in refunds if each.stage is ReversalStage.WANTED)
    return next((each for each in waiting if each.money == told.money), None)


def dispute(books: PaymentState, told: Disputed, at: datetime) -> Heard | None:
    """What this objection means for its top-up; None when it says nothing new."""
    assert books.top_up is not None
    new = Reversal(
        key=told.dispute_id,
        kind=ReversalKind.DISPUTE,
        top_up=books.top_up.reference,
        gateway=books.top_up.gateway,
        money=told.money,
        stage=_DISPUTE_STAGES[told.state],
        at=at,
        provider_id=told.dispute_id,
    )
    same = (ReversalKind.DISPUTE, told.dispute_id)
    known = next((each for each in books.reversals if (each.kind, each.key) == same), None)
    return _heard(books.top_up, known, new)


def _heard(top_up: TopUp, known: Reversal | None, now: Reversal) -> Heard | None:
    if now.money.currency != top_up.money.currency:
        cause = f"{now.kind} {now.key} is of {now.money}, the top-up of {top_up.money}"
        return Heard(event=Event.ODD_ANSWER, at=now.at, cause=cause)
    if known is None:
        return of_reversal(now)
    if _ORDER[now.stage] <= _ORDER[known.stage]:
        return None
    is_odd = known.booked_micros != 0 and now.money != known.money
    cause = f"the provider now says {now.money}" if is_odd else ""
    money = known.money if is_odd else now.money
    return of_reversal(
        replace(
            known,
            money=money,
            stage=now.stage,
            at=now.at,
            provider_id=now.provider_id or known.provider_id,
            next_try=None,
        ),
        cause,
        is_odd=is_odd,
    )


def of_reversal(reversal: Reversal, cause: str = "", *, is_odd: bool = False) -> Heard:
    """The event of a refund or dispute having come to its stage."""
    what = f"{reversal.kind} {reversal.key} of {reversal.money}: {reversal.stage}"
    return Heard(
        event=_STAGE_EVENTS[reversal.stage],
        at=reversal.at,
        cause="; ".join(filter(None, (what, cause))),
        reversal=reversal,
        is_odd=is_odd,
    )
