"""What one event does to a top-up, its account and its method, by the table. Pure.

Known events change nothing: the row tells what it was credited and what went back.
"""

from __future__ import annotations

from dataclasses import replace

from balance import buying
from payments import attempts, grace, looking, telling
from payments.attempts import Event, Step
from payments.heard import Heard
from payments.looking import Terms
from rtbill.domain.account import AccountState
from rtbill.domain.payment import DeclineClass
from rtbill.domain.rated import Facts
from rtbill.domain.replenishment import (
    GatewayStop,
    KeptMethod,
    Replenishment,
)
from rtbill.domain.top_up import (
    Follow,
    Paying,
    PaymentState,
    Reversal,
    ReversalKind,
    TopUp,
    TopUpEvent,
    TopUpState,
)

_TURN_COMES = (TopUpState.WANTED, TopUpState.CREATED)
_WEBHOOKS = (Event.WEBHOOK_PAYMENT, Event.WEBHOOK_REFUND, Event.WEBHOOK_DISPUTE)
_DECLINES = {event: decline for decline, event in attempts.DECLINES.items()}


def settle(state: AccountState, books: PaymentState, heard: Heard, terms: Terms) -> Facts:
    """The top-up after this event, with the money that moves and what has to be done about it."""
    before = books.top_up
    assert before is not None, "an event is of a top-up that is in the books"
    step = attempts.step(before.state, heard.event)
    if heard.event in _WEBHOOKS:
        return Facts(state, paying=Paying(reason="ask", top_up=before, follows=step.follows))
    if heard.is_odd:
        step = Step(step.to, (*step.follows, Follow.ALARM))
    row = _moved(before, step, heard, terms)
    money = _money(state, books, row, step, heard)
    row = _by_what_is_left(row, money.reversals, books, heard)
    follows = tuple(dict.fromkeys((*step.follows, *money.follows)))
    barred = _barred(books, row, follows, heard)
    if row == before and not money.reversals and not barred:
        reason = f"{heard.event} says nothing new of a top-up that is {before.state}"
        return Facts(state, paying=Paying(reason=reason, top_up=before, follows=follows))
    row = replace(row, steps=before.steps + 1)
    paying = Paying(
        reason=heard.cause or heard.event,
        top_up=row,
        event=_event(before, row, heard),
        follows=follows,
        reversals=money.reversals,
        methods=barred,
        settings=_halted(books, row, follows, heard),
        stop=_stopped(books, row, follows, heard),
    )
    after = money.facts.state
    if not before.is_final:  # another one may have given grace since
        after = after.with_grace(grace.left_micros(row, terms.grace, heard.at))
    notices = telling.notices(after, books, paying, heard, terms.vat_ppm)
    return money.facts._replace(state=after, paying=paying, notices=notices)


def _event(before: TopUp, row: TopUp, heard: Heard) -> TopUpEvent:
    return TopUpEvent(
        reference=row.reference,
        number=row.steps,
        event=heard.event,
        before=before.state,
        after=row.state,
        at=heard.at,
        cause=heard.cause,
    )


class _Money:
    """What moved, what it was for, and what else that entails."""

    def __init__(self, state: AccountState) -> None:
        self.facts = Facts(state)
        self.reversals: tuple[Reversal, ...] = ()
        self.follows: tuple[Follow, ...] = ()

    def credit(self, row: TopUp, heard: Heard) -> None:
        self._add(buying.credit(self.facts.state, row, heard.at))

    def reverse(self, row: TopUp, reversal: Reversal, heard: Heard) -> None:
        """Book it as far as it is not."""
        self._add(buying.reverse(self.facts.state, row, reversal, heard.at))
        self.keep(replace(reversal, booked_micros=reversal.due_micros))
        if reversal.kind is ReversalKind.DISPUTE and reversal.due_micros:
            self.follows = (Follow.BAR, Follow.HALT, Follow.ALARM)

    def keep(self, reversal: Reversal) -> None:
        self.reversals = (*self.reversals, reversal)

    def _add(self, facts: Facts) -> None:
        self.facts = self.facts._replace(
            state=facts.state,
            transfers=self.facts.transfers + facts.transfers,
        )


def _money(
    state: AccountState, books: PaymentState, row: TopUp, step: Step, heard: Heard
) -> _Money:
    money = _Money(state)
    if Follow.CREDIT in step.follows:
        money.credit(row, heard)
        for reversal in books.reversals:
            if reversal.due_micros != reversal.booked_micros:
                money.reverse(row, reversal, heard)
    elif heard.reversal is not None:
        if Follow.REVERSE in step.follows or Follow.RESTORE in step.follows:
            money.reverse(row, heard.reversal, heard)
        elif Follow.NOTE in step.follows:
            money.keep(heard.reversal)
    return money


def _moved(before: TopUp, step: Step, heard: Heard, terms: Terms) -> TopUp:
    """The row with its state, ids and times; what went back is not reckoned yet."""
    row = _told(before, step, heard)
    if step.to is None or step.to is before.state:
        return _seen_to(row, heard, terms)
    row = replace(row, state=step.to, moved_at=heard.at)
    if Follow.CREDIT in step.follows:
        row = replace(row, paid_at=heard.at)
    if row.state in looking.IN_DOUBT and row.unknown_at is None:
        row = replace(row, unknown_at=heard.at)
    row = looking.scheduled(row, heard.at, terms)
    return looking.put_off(row, heard.at, terms) if heard.event is Event.NOT_SENT else row


def _told(row: TopUp, step: Step, heard: Heard) -> TopUp:
    """The row with what the event tells of it."""
    if not row.provider_id and not row.was_paid:  # a credit's key never changes
        row = replace(row, provider_id=heard.provider_id)
    if heard.event is Event.CREATE_ASKED and step.to:
        row = replace(row, first_sent_at=row.first_sent_at or heard.at)
    if heard.event is Event.CONFIRM_ASKED and step.to:
        row = replace(row, asked_for_at=row.asked_for_at or heard.at)
    if heard.event is Event.NOT_SENT and row.unknown_at is None:
        row = replace(row, asked_for_at=None)
    if heard.event in (Event.ABSENT, Event.ABSENT_AGAIN) and not row.is_final:
        row = replace(row, absences=row.absences + 1)
    if step.to is TopUpState.DECLINED:
        row = replace(row, decline=_DECLINES[heard.event], code=heard.code)
    if Follow.ALARM in step.follows:
        row = replace(row, alarm=f"{heard.event}: {heard.cause}".rstrip(": "))
    return row


def _seen_to(row: TopUp, heard: Heard, terms: Terms) -> TopUp:
    """The same, in the same state: what was due is done, and the next is due later."""
    if heard.event is Event.TIMER and not (row.is_final or row.state in _TURN_COMES):
        return looking.scheduled(looking.looked(row, heard.at), heard.at, terms)
    if heard.event is Event.NOT_SENT and row.state in _TURN_COMES:
        return looking.put_off(row, heard.at, terms)
    if heard.event is Event.PENDING and row.state is TopUpState.SENT:
        return looking.scheduled(row, heard.at, terms)
    return row


def _by_what_is_left(
    row: TopUp, changed: tuple[Reversal, ...], books: PaymentState, heard: Heard
) -> TopUp:
    """Paid top-ups are reversed when nothing is left of them."""
    if not row.was_paid:
        return row
    booked = {each.key: each.booked_micros for each in (*books.reversals, *changed)}
    micros = sum(booked.values())
    is_gone = micros >= row.money.micros
    state = TopUpState.REVERSED if is_gone else TopUpState.APPROVED
    moved_at = row.moved_at if state is row.state else heard.at
    return replace(row, reversed_micros=micros, state=state, moved_at=moved_at)


def _barred(
    books: PaymentState, row: TopUp, follows: tuple[Follow, ...], heard: Heard
) -> tuple[KeptMethod, ...]:
    method = books.method(row.gateway, row.method)
    if Follow.BAR not in follows or method is None or method.barred_at is not None:
        return ()
    declined = _DECLINES.get(heard.event)
    reason = f"declined as {declined}" if declined else heard.cause
    return (replace(method, barred_at=heard.at, barred_reason=reason),)


def _halted(
    books: PaymentState, row: TopUp, follows: tuple[Follow, ...], heard: Heard
) -> Replenishment | None:
    settings = books.settings
    if Follow.HALT not in follows or settings is None or settings.stopped:
        return None
    return replace(settings, stopped=f"top-up {row.reference}: {heard.cause}")


def _stopped(
    books: PaymentState, row: TopUp, follows: tuple[Follow, ...], heard: Heard
) -> GatewayStop | None:
    if Follow.STOP not in follows or any(each.gateway == row.gateway for each in books.stops):
        return None
    return GatewayStop(gateway=row.gateway, reason=heard.cause, since=heard.at)


assert set(_DECLINES.values()) == set(DeclineClass)
