"""When a top-up is seen to, what is too late, and how long an account has grace."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from payments import heard
from payments.attempts import Event
from payments.grace import Grace
from payments.looking import Terms
from rtbill.domain.payment import Absent
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import Asker, Follow, TopUpState
from tests.fakes.environment import NOON
from tests.fakes.till import EUR, REFERENCE, Till, euros
from tests.fakes.top_up_paths import PATHS, a_till, tell

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOOKS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 5 * MINUTE, HOUR, *(n * DAY for n in range(1, 6))]


def state_of(till: Till) -> TopUpState:
    return till.row.state


def next_look(till: Till) -> datetime | None:
    return till.row.next_look


def to_do(facts: Facts) -> tuple[Follow, ...]:
    assert facts.paying is not None
    return facts.paying.to_do


def looked_at(till: Till) -> list[timedelta]:
    """When the provider is asked, until nobody asks any more."""
    times: list[timedelta] = []
    while till.row.next_look is not None and len(times) < 30:
        till.at = till.row.next_look
        if {Follow.LOOK, Follow.CANCEL} & set(to_do(till.see_to())):
            times.append(till.at - NOON)
            till.hear(Event.LOOK_LOST)
    return times


def test_what_is_unknown_is_looked_up_at_its_times_and_then_a_persons() -> None:
    till = a_till(TopUpState.UNKNOWN)
    assert looked_at(till) == LOOKS
    assert till.row.needs_person
    assert till.kinds == ["alarm.raised"]
    assert state_of(till) is TopUpState.UNKNOWN


def test_what_is_called_off_is_asked_for_at_the_same_times() -> None:
    assert looked_at(a_till(TopUpState.CALLED_OFF)) == LOOKS


def test_an_answer_that_a_dead_process_waited_for_is_in_doubt_after_a_minute() -> None:
    for state in (TopUpState.ASKED, TopUpState.SENT):
        till = a_till(state)
        assert till.row.next_look == NOON + MINUTE
        till.at = NOON + MINUTE
        till.see_to()
        assert state_of(till) is TopUpState.UNKNOWN
        assert till.row.next_look == till.at + 5 * SECOND


def test_going_on_and_into_doubt_again_does_not_begin_the_looks_anew() -> None:
    till = a_till(TopUpState.UNKNOWN)
    for _ in range(3):
        assert till.row.next_look is not None
        till.at = till.row.next_look
        till.see_to()
    for event in (Event.CREATED, Event.CONFIRM_ASKED, Event.CONFIRM_LOST):
        tell(till, event)
    assert till.row.next_look == NOON + 5 * MINUTE


def test_what_is_due_twice_is_seen_to_once() -> None:
    till = a_till(TopUpState.UNKNOWN)
    till.pass_time(seconds=5)
    assert to_do(till.see_to()) == (Follow.LOOK,)
    assert to_do(till.see_to()) == ()


def test_a_look_that_comes_late_is_not_followed_by_the_next_at_once() -> None:
    till = a_till(TopUpState.UNKNOWN)
    till.pass_time(hours=3)
    till.see_to()
    assert till.row.next_look == till.at + 5 * SECOND


def test_where_a_provider_cannot_be_asked_a_person_is_called_although_there_is_grace() -> None:
    till = Till(terms=Terms(can_find=False, grace=Grace()))
    till.want()
    for event in PATHS[TopUpState.UNKNOWN]:
        tell(till, event)
    assert till.row.needs_person
    assert next_look(till) == NOON + 15 * MINUTE
    till.at = NOON + 15 * MINUTE
    till.see_to()
    assert till.state.grace_micros == 0
    assert next_look(till) is None
    assert till.kinds == ["alarm.raised"]


def test_what_waits_for_its_turn_is_due_until_it_comes_and_nothing_is_written() -> None:
    for state in (TopUpState.WANTED, TopUpState.CREATED):
        till = a_till(state)
        before = till.row
        for _ in range(3):
            till.pass_time(seconds=10)
            assert to_do(till.see_to()) == (Follow.NEXT,)
        assert till.row == before


def test_where_a_provider_cannot_be_asked_it_is_a_persons_at_once() -> None:
    till = Till(terms=Terms(can_find=False))
    till.want()
    for event in PATHS[TopUpState.UNKNOWN]:
        tell(till, event)
    assert till.row.needs_person
    assert till.row.next_look is None
    assert till.kinds == ["alarm.raised"]


def test_nothing_is_sent_with_a_key_of_yesterday() -> None:
    till = a_till(TopUpState.CREATED)
    till.pass_time(hours=22, minutes=59)
    assert to_do(till.ask(Event.CONFIRM_ASKED)) == (Follow.CONFIRM,)
    till = a_till(TopUpState.CREATED)
    till.pass_time(hours=23)
    assert to_do(till.ask(Event.CONFIRM_ASKED)) == (Follow.CANCEL,)
    assert state_of(till) is TopUpState.CALLED_OFF


NEVER_AGAIN = Terms(repeats_for=timedelta(0))


def test_where_keys_are_used_once_money_that_was_asked_for_is_not_asked_for_again() -> None:
    till = Till(terms=NEVER_AGAIN)
    till.want()
    for event in (*PATHS[TopUpState.UNKNOWN], Event.CREATED):
        tell(till, event)
    assert to_do(till.ask(Event.CONFIRM_ASKED)) == (Follow.CANCEL,)


def test_there_too_it_is_asked_for_once_and_again_where_nothing_was_sent() -> None:
    till = Till(terms=NEVER_AGAIN)
    till.want()
    for event in PATHS[TopUpState.CREATED]:
        tell(till, event)
    for _ in range(2):
        assert to_do(till.ask(Event.CONFIRM_ASKED)) == (Follow.CONFIRM,)
        till.hear(Event.NOT_SENT)


def test_a_provider_that_is_not_there_is_tried_at_longer_and_longer_pauses() -> None:
    till = Till()
    till.want()
    pauses = []
    while (when := till.row.next_look) is not None:
        pauses.append(when - till.at)
        till.at = when
        till.ask(Event.CREATE_ASKED)
        till.hear(Event.NOT_SENT)
    pauses = pauses[1:]  # at first its turn comes at once
    assert pauses[0] == 30 * SECOND
    assert max(pauses) == 10 * MINUTE
    assert pauses == sorted(pauses)
    assert len(pauses) < 160
    assert state_of(till) is TopUpState.CANCELLED
    assert NOON + 23 * HOUR <= till.at < NOON + 24 * HOUR


def test_what_a_holder_wanted_on_a_page_is_not_sent_an_hour_later() -> None:
    till = Till()
    till.want(asked_by=Asker.HOLDER, money=euros(10))
    till.pass_time(hours=1)
    till.ask(Event.CREATE_ASKED)
    assert state_of(till) is TopUpState.CANCELLED


def test_the_holder_has_a_day_to_confirm() -> None:
    till = a_till(TopUpState.ACTION_NEEDED)
    while state_of(till) is TopUpState.ACTION_NEEDED:
        assert till.row.next_look is not None
        assert till.row.next_look - till.at <= HOUR
        till.at = till.row.next_look
        till.see_to()
    assert till.at == NOON + DAY
    assert state_of(till) is TopUpState.CALLED_OFF


def test_a_provider_that_never_heard_of_it_is_told_to_let_it_be_the_third_time() -> None:
    till = a_till(TopUpState.UNKNOWN)
    states = []
    for _ in range(4):
        till.hear(heard.outcome(till.row, Absent(), till.at))
        states.append(till.row.state)
    unknown, off = TopUpState.UNKNOWN, TopUpState.CALLED_OFF
    assert states == [unknown, unknown, off, TopUpState.CANCELLED]


GRACE = Terms(grace=Grace())


def in_doubt(terms: Terms = GRACE) -> Till:
    till = Till(terms=terms)
    till.want()
    for event in PATHS[TopUpState.UNKNOWN]:
        tell(till, event)
    return till


def test_an_account_in_doubt_has_grace_for_a_quarter_of_an_hour() -> None:
    till = in_doubt()
    assert till.state.grace_micros == 2 * EUR
    ended: datetime | None = None
    while ended is None:
        assert till.row.next_look is not None
        till.at = till.row.next_look
        till.see_to()
        if till.state.grace_micros == 0:
            ended = till.at
    assert ended == NOON + 15 * MINUTE


def test_grace_can_be_spent_and_is_no_balance() -> None:
    till = in_doubt()
    assert till.state.grantable_micros == 2 * EUR
    assert till.state.available_micros == 0
    assert till.state.balance_micros == 0


@pytest.mark.parametrize(
    "event", [Event.SUCCEEDED, Event.DECLINED_CARD, Event.DECLINED_FAST, Event.CANCELLED]
)
def test_grace_ends_with_the_doubt(event: Event) -> None:
    till = in_doubt()
    tell(till, event)
    assert till.state.grace_micros == 0


def test_a_provider_that_is_not_there_gives_grace_too() -> None:
    till = Till(terms=GRACE)
    till.want()
    till.ask(Event.CREATE_ASKED)
    assert till.state.grace_micros == 0
    till.hear(Event.NOT_SENT)
    assert till.state.grace_micros == 2 * EUR


def test_grace_for_a_provider_that_is_not_there_is_over_after_a_quarter_of_an_hour_too() -> None:
    till = Till(terms=GRACE)
    till.want()
    tried: list[datetime] = []
    while not tried or till.state.grace_micros:
        till.at = till.row.next_look or till.at
        tried.append(till.at)
        till.ask(Event.CREATE_ASKED)
        till.hear(Event.NOT_SENT)
    assert tried[-1] == NOON + 15 * MINUTE
    assert len(tried) > 3


def test_the_look_at_the_end_of_the_grace_does_not_count() -> None:
    till = in_doubt()
    assert looked_at(till) == sorted([*LOOKS, 15 * MINUTE])


def test_what_becomes_of_an_older_top_up_leaves_the_grace_of_the_newer_one() -> None:
    till = in_doubt()
    tell(till, Event.OPERATOR_UNPAID)
    till.pass_time(hours=2)
    till.want("200")
    assert till.books.top_ups["200"].state is TopUpState.WANTED
    for event in (Event.CREATE_ASKED, Event.CREATE_LOST):
        till.hear(event, "200")
    assert till.state.grace_micros == 2 * EUR
    tell(till, Event.SUCCEEDED)
    assert state_of(till) is TopUpState.APPROVED
    assert till.state.grace_micros == 2 * EUR
    assert REFERENCE != "200"
