"""How a top-up comes to each state, and every event with its particulars."""

from __future__ import annotations

from dataclasses import replace

from payments import heard
from payments.attempts import Event
from payments.heard import Heard, of_reversal
from rtbill.domain.payment import Approved, Disputed, DisputeState, Refunded, RefundState
from rtbill.domain.top_up import PaymentState, Reversal, ReversalKind, ReversalStage, TopUpState
from tests.fakes.till import REFERENCE, Till, euros

PAYMENT = "pi_1"
_ASKED = (Event.CREATE_ASKED,)
_CREATED = (*_ASKED, Event.CREATED)
_SENT = (*_CREATED, Event.CONFIRM_ASKED)
PATHS: dict[TopUpState, tuple[Event, ...]] = {
    TopUpState.WANTED: (),
    TopUpState.ASKED: _ASKED,
    TopUpState.CREATED: _CREATED,
    TopUpState.SENT: _SENT,
    TopUpState.ACTION_NEEDED: (*_SENT, Event.ACTION_NEEDED),
    TopUpState.UNKNOWN: (*_SENT, Event.CONFIRM_LOST),
    TopUpState.CALLED_OFF: (*_SENT, Event.CONFIRM_LOST, Event.CALL_OFF),
    TopUpState.APPROVED: (*_SENT, Event.SUCCEEDED),
    TopUpState.DECLINED: (*_SENT, Event.DECLINED_SOFT),
    TopUpState.CANCELLED: (*_SENT, Event.CONFIRM_LOST, Event.CALL_OFF, Event.CANCELLED),
    TopUpState.REVERSED: (*_SENT, Event.SUCCEEDED, Event.REFUNDED),
}
"""By the shortest way."""
_REFUNDS = {
    Event.REFUNDED: RefundState.DONE,
    Event.REFUND_FAILED: RefundState.FAILED,
}
_DISPUTES = {
    Event.INQUIRY: DisputeState.INQUIRY,
    Event.DISPUTED: DisputeState.WITHDRAWN,
    Event.REINSTATED: DisputeState.REINSTATED,
}
_OURS = (Event.REFUND_ASKED, Event.REFUND_LOST)


def a_till(state: TopUpState) -> Till:
    """Whose first top-up has come to this state."""
    till = Till()
    till.want()
    for event in PATHS[state]:
        tell(till, event)
    assert till.row.state is state
    return till


def tell(till: Till, event: Event) -> None:
    """The event as it would be heard: of this payment, of a refund or dispute of all of it."""
    what = particulars(till, event)
    if what is not None:
        till.hear(what)


def particulars(till: Till, event: Event) -> Heard | None:
    """None where it says nothing new."""
    books = till.books
    if event in _REFUNDS or event in _DISPUTES:
        state = _told(till)
        if event in _REFUNDS:
            refunded = Refunded("re_1", PAYMENT, euros(10), _REFUNDS[event])
            return heard.refund(state, refunded, till.at)
        disputed = Disputed("dp_1", PAYMENT, euros(10), _DISPUTES[event])
        return heard.dispute(state, disputed, till.at)
    if event in _OURS:
        wanted = Reversal(
            key="77",
            kind=ReversalKind.REFUND,
            top_up=REFERENCE,
            gateway="stripe",
            money=euros(4),
            stage=ReversalStage.WANTED,
            at=till.at,
        )
        known = books.reversals.get(("stripe", "77"))
        asked = of_reversal(known or wanted)
        return replace(asked, event=event) if known or event is Event.REFUND_ASKED else None
    if event is Event.SUCCEEDED:
        return heard.outcome(till.row, Approved(PAYMENT, till.row.money), till.at)
    knows_id = event in (Event.CREATED, Event.ACTION_NEEDED, Event.PENDING)
    return Heard(event=event, at=till.at, provider_id=PAYMENT if knows_id else "")


def _told(till: Till) -> PaymentState:
    return PaymentState(top_up=till.row, reversals=tuple(till.books.of_top_up(REFERENCE)))
