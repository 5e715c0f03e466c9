"""Whatever is heard of a top-up, in whatever order: money in is what was paid less what went back.

The model beside it knows no table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from payments import heard, wanting
from payments.attempts import Event
from payments.wanting import GiveBack
from rtbill.domain.errors import Refused
from rtbill.domain.payment import (
    Absent,
    ActionNeeded,
    Approved,
    Cancelled,
    Created,
    DeclineClass,
    Declined,
    Disputed,
    DisputeState,
    Outcome,
    Pending,
    Refunded,
    RefundState,
)
from rtbill.domain.top_up import FINAL, PaymentState, TopUpState
from tests.fakes.till import REFERENCE, Till, euros

PAID = euros(10)
REFUNDS = {"re_1": euros(10), "re_2": euros(2.5), "re_3": euros(4)}
DISPUTES = {"dp_1": euros(10), "dp_2": euros(6)}
OURS = {"71": euros(3.33), "72": euros(1.11)}
REFUND_ORDER = (RefundState.PENDING, RefundState.DONE, RefundState.FAILED)
DISPUTE_ORDER = (DisputeState.INQUIRY, DisputeState.WITHDRAWN, DisputeState.REINSTATED)
BARE = (
    *(
        event
        for event in Event
        if event.startswith("webhook") or (event.endswith("lost") and "refund" not in event)
    ),
    *(Event.NOT_SENT, Event.TIMER, Event.EXPIRED, Event.REVOKED, Event.CALL_OFF),
    *(Event.CREATE_ASKED, Event.CONFIRM_ASKED, Event.OPERATOR_UNPAID),
)


@dataclass
class Model:
    """The truth about one payment, as far as it was told."""

    is_paid: bool = False
    refunds: dict[str, int] = field(default_factory=dict)
    """How far each is, by the place of its state in REFUND_ORDER; -1: asked for by us."""
    disputes: dict[str, int] = field(default_factory=dict)

    def gone(self) -> int:
        """What the account does not have of it."""
        amounts = REFUNDS | OURS
        refunded = [amounts[key] for key, far in self.refunds.items() if far < 2]
        withdrawn = [DISPUTES[key] for key, far in self.disputes.items() if far == 1]
        return sum(money.micros for money in (*refunded, *withdrawn))

    def balance(self) -> int:
        """Of an account that had nothing."""
        return PAID.micros - self.gone() if self.is_paid else 0


class Hearing:
    """Tells a till, and the model beside it."""

    def __init__(self) -> None:
        self.till = Till()
        self.model = Model()
        self.till.want()
        self.till.ask(Event.CREATE_ASKED)

    def outcome(self, told: Outcome) -> None:
        """A gateway says so."""
        if told == Approved("pi_1", PAID):
            self.model.is_paid = True
        self.till.hear(heard.outcome(self.till.row, told, self.till.at))

    def bare(self, event: Event) -> None:
        """Nothing but that."""
        self.till.hear(event)

    def refund(self, key: str, state: RefundState) -> None:
        """Of one made at the provider."""
        self._refund(key, Refunded(key, "pi_1", REFUNDS[key], state))

    def ours(self, key: str, state: RefundState) -> None:
        """Of one that we asked for, with our reference; or that somebody gave this name."""
        self._refund(key, Refunded(f"re_{key}", "pi_1", OURS[key], state, key))

    def _refund(self, key: str, told: Refunded) -> None:
        far = REFUND_ORDER.index(told.state)
        self.model.refunds[key] = max(far, self.model.refunds.get(key, -1))
        self._tell(heard.refund(self._books(), told, self.till.at))

    def dispute(self, key: str, state: DisputeState) -> None:
        """A bank's word."""
        far = DISPUTE_ORDER.index(state)
        self.model.disputes[key] = max(far, self.model.disputes.get(key, -1))
        told = Disputed(key, "pi_1", DISPUTES[key], state)
        self._tell(heard.dispute(self._books(), told, self.till.at))

    def give_back(self, key: str) -> None:
        """Allowed where as much is left of it, and unused."""
        left = PAID.micros - self.model.gone()
        may = self.model.is_paid and OURS[key].micros <= left
        wanted = GiveBack(key=key, money=OURS[key], reason="asked", at=self.till.at)
        try:
            self.till.step(lambda state, books: wanting.give_back(state, books, wanted))
        except Refused:
            assert not may or key in self.model.refunds
        else:
            assert may or key in self.model.refunds
            self.model.refunds.setdefault(key, -1)

    def _books(self) -> PaymentState:
        reversals = tuple(self.till.books.of_top_up(REFERENCE))
        return PaymentState(top_up=self.till.row, reversals=reversals)

    def _tell(self, what: heard.Heard | None) -> None:
        if what is not None:
            self.till.hear(what)


OUTCOMES: tuple[Outcome, ...] = (
    Approved("pi_1", PAID),
    Approved("pi_1", PAID),
    Approved("pi_1", euros(11)),
    Created("pi_1"),
    ActionNeeded("pi_1"),
    Pending("pi_1"),
    Cancelled("pi_1"),
    Absent(),
    *(Declined("pi_1", each, "code") for each in DeclineClass),
)
ACTS = st.one_of(
    st.tuples(st.just("outcome"), st.sampled_from(OUTCOMES)),
    st.tuples(st.just("bare"), st.sampled_from(BARE)),
    st.tuples(st.just("refund"), st.sampled_from(list(REFUNDS)), st.sampled_from(RefundState)),
    st.tuples(st.just("ours"), st.sampled_from(list(OURS)), st.sampled_from(RefundState)),
    st.tuples(st.just("dispute"), st.sampled_from(list(DISPUTES)), st.sampled_from(DisputeState)),
    st.tuples(st.just("give_back"), st.sampled_from(list(OURS))),
    st.tuples(st.just("pass"), st.sampled_from((1, 7, 61, 4_000, 90_000))),
)


@given(acts=st.lists(ACTS, max_size=40))
@settings(max_examples=600, deadline=None)
def test_money_in_is_what_was_paid_less_what_went_back(acts: list[tuple[str, ...]]) -> None:
    hearing = Hearing()
    till, model = hearing.till, hearing.model
    for act, *about in acts:
        was_final = till.row.is_final
        if act == "pass":
            till.pass_time(seconds=float(about[0]))
        else:
            getattr(hearing, act)(*about)
        assert till.state.balance_micros == model.balance()
        assert till.row.is_final or not was_final
        assert till.row.was_paid == model.is_paid
    credits = [each for each in till.transfers if each.key == "stripe:pi_1:credit"]
    assert len(credits) == model.is_paid
    assert len({each.key for each in till.transfers}) == len(till.transfers)
    if model.is_paid:
        assert till.row.reversed_micros == model.gone()
        is_gone = model.gone() >= PAID.micros
        assert till.row.state is (TopUpState.REVERSED if is_gone else TopUpState.APPROVED)
    events = [each for each in till.books.events if each.reference == REFERENCE]
    assert [each.number for each in events] == list(range(1, till.row.steps + 1))
    chained = pairwise(events)
    assert all(one.after is two.before for one, two in chained)


@given(acts=st.lists(ACTS, max_size=25))
@settings(max_examples=200, deadline=None)
def test_what_is_not_over_is_seen_to_again_or_is_a_persons(acts: list[tuple[str, ...]]) -> None:
    hearing = Hearing()
    for act, *about in acts:
        if act == "pass":
            hearing.till.pass_time(seconds=float(about[0]))
        else:
            getattr(hearing, act)(*about)
        row = hearing.till.row
        assert row.state in FINAL or row.next_look is not None or row.needs_person
        assert row.state not in FINAL or row.next_look is None


@given(acts=st.lists(ACTS, max_size=25), again=st.integers(0, 24))
@settings(max_examples=200, deadline=None)
def test_what_a_provider_says_twice_counts_once(acts: list[tuple[str, ...]], again: int) -> None:
    once, twice = Hearing(), Hearing()
    said = [act for act in acts if act[0] in ("outcome", "refund", "ours", "dispute")]
    for act, *about in said:
        getattr(once, act)(*about)
    for act, *about in (*said, *said[again:], *said):
        getattr(twice, act)(*about)
    assert twice.till.state.balance_micros == once.till.state.balance_micros
    assert twice.till.row.state is once.till.row.state or not once.till.row.was_paid
    credits = [each for each in twice.till.transfers if each.key.endswith(":credit")]
    assert len(credits) == once.till.row.was_paid
