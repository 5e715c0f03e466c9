"""The table of a top-up's life: whole, the same as in the document, and without a double credit."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from payments.attempts import DECLINES, TABLE, Event
from rtbill.domain.payment import DeclineClass
from rtbill.domain.top_up import FINAL, Follow, TopUpState
from tests.fakes.till import EUR
from tests.fakes.top_up_paths import PATHS, a_till, tell

DOCUMENT = Path(__file__).parents[3] / "docs" / "payments.md"
PAID = (TopUpState.APPROVED, TopUpState.REVERSED)
PAIRS = list(product(TopUpState, Event))


def test_every_pair_is_written_down() -> None:
    assert set(TABLE) == set(PAIRS)


def test_the_document_shows_the_same_table() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("|")
    ]
    head = next(row for row in rows if row[0] == "event" and len(row) == len(TopUpState) + 1)
    shown = {
        (TopUpState(state), Event(row[0])): cell
        for row in rows
        if len(row) == len(head) and row[0] in set(Event)
        for state, cell in zip(head[1:], row[1:], strict=True)
    }
    assert shown == {pair: str(step) for pair, step in TABLE.items()}


def test_the_document_explains_every_word_of_the_table() -> None:
    text = DOCUMENT.read_text()
    words = {f"| `{follow}` |" for follow in Follow}
    assert {word for word in words if word not in text} == set()


def test_only_what_was_not_paid_is_credited() -> None:
    crediting = {pair for pair, step in TABLE.items() if Follow.CREDIT in step.follows}
    assert {state for state, _ in crediting} == set(TopUpState) - set(PAID)
    assert {TABLE[pair].to for pair in crediting} == {TopUpState.APPROVED}
    assert {event for _, event in crediting} == {Event.SUCCEEDED, Event.OPERATOR_PAID}


def test_whoever_brings_the_news_of_a_payment_it_is_credited_in_every_state() -> None:
    for state in set(TopUpState) - set(PAID):
        assert Follow.CREDIT in TABLE[state, Event.SUCCEEDED].follows


def test_nothing_becomes_approved_without_a_credit() -> None:
    approving = [step for step in TABLE.values() if step.to is TopUpState.APPROVED]
    assert all(Follow.CREDIT in step.follows for step in approving)


def test_what_is_over_never_begins_again() -> None:
    for (state, _event), step in TABLE.items():
        assert state not in FINAL or step.to is None or step.to in FINAL


def test_money_is_asked_for_by_one_event_when_no_money_can_have_moved() -> None:
    asking = [pair for pair, step in TABLE.items() if Follow.CONFIRM in step.follows]
    assert set(asking) == {
        (TopUpState.CREATED, Event.CONFIRM_ASKED),
        (TopUpState.ACTION_NEEDED, Event.CONFIRM_ASKED),
    }
    telling = [pair for pair, step in TABLE.items() if Follow.CREATE in step.follows]
    assert telling == [(TopUpState.WANTED, Event.CREATE_ASKED)]


def test_a_webhook_moves_nothing_and_has_the_provider_asked() -> None:
    for state, event in PAIRS:
        if event.startswith("webhook"):
            assert str(TABLE[state, event]) == "look"


def test_every_class_of_decline_is_an_event() -> None:
    assert set(DECLINES) == set(DeclineClass)
    assert all(
        TABLE[TopUpState.SENT, event].to is TopUpState.DECLINED for event in DECLINES.values()
    )


@pytest.mark.parametrize("state", TopUpState)
def test_every_state_is_reached_by_the_events_of_its_path(state: TopUpState) -> None:
    assert a_till(state).row.state is state
    assert set(PATHS) == set(TopUpState)


def _paid(state: TopUpState, events: list[Event]) -> bool:
    """Whether money came in, told without the table: the provider said so, or a person had proof of
    a top-up that was sent.
    """
    by_hand = Event.OPERATOR_PAID in events and state is not TopUpState.WANTED
    return state in PAID or Event.SUCCEEDED in events or by_hand


def _gone(state: TopUpState, events: list[Event]) -> int:
    """What went back of ten euros, told without the table: a refund of all of it, a dispute of all
    of it, a refund of ours of four; each as its furthest stage says.
    """
    refunded = Event.REFUNDED in events or state is TopUpState.REVERSED
    refund = 10 if refunded and Event.REFUND_FAILED not in events else 0
    disputed = Event.DISPUTED in events and Event.REINSTATED not in events[: _last(events)]
    back = Event.REINSTATED in events
    return refund * EUR + (10 * EUR if disputed and not back else 0)


def _last(events: list[Event]) -> int:
    return len(events) - events[::-1].index(Event.DISPUTED) - 1 if Event.DISPUTED in events else 0


HOW = {
    "once": lambda event: [event],
    "twice": lambda event: [event, event],
    "late": lambda event: [Event.SUCCEEDED, event],
    "before it is paid": lambda event: [event, Event.SUCCEEDED],
    "around everything": lambda event: [event, Event.SUCCEEDED, event, Event.SUCCEEDED, event],
}
OURS = (Event.REFUND_ASKED, Event.REFUND_LOST)
"""Whether these may be is asked before."""


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("state", TopUpState)
def test_money_in_is_credits_less_what_went_back_however_an_event_comes(
    state: TopUpState, how: str
) -> None:
    for event in Event:
        if event in OURS:
            continue
        till = a_till(state)
        events = HOW[how](event)
        for each in events:
            tell(till, each)
        credits = [each for each in till.transfers if each.key.endswith(":credit")]
        is_paid = _paid(state, events)
        assert len(credits) == is_paid, f"{event} in {state}"
        gone = _gone(state, events) if is_paid else 0
        assert till.state.balance_micros == 10 * EUR * is_paid - gone, f"{event} in {state}"
        assert len({each.key for each in till.transfers}) == len(till.transfers)


@pytest.mark.parametrize("state", TopUpState)
def test_an_event_that_comes_twice_changes_nothing_the_second_time(state: TopUpState) -> None:
    timed = (Event.TIMER, Event.ABSENT, Event.ABSENT_AGAIN, Event.PENDING, Event.NOT_SENT)
    for event in Event:
        if event in timed or event in OURS:
            continue
        till = a_till(state)
        tell(till, event)
        before, said = till.row, len(till.notices)
        tell(till, event)
        assert till.row == before, f"{event} in {state}"
        assert len(till.notices) == said, f"{event} in {state}"
