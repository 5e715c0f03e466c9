"""Our own steps: beginning, sending, calling off, giving back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payments import heard
from payments.attempts import Event
from rtbill.domain.payment import Approved, DeclineClass, Declined
from rtbill.domain.payment_changes import (
    KeepMethod,
    RemoveMethod,
    ResumeGateway,
    SetReplenishment,
    StopGateway,
)
from rtbill.domain.rated import Facts
from rtbill.domain.replenishment import GatewayStop
from rtbill.domain.top_up import (
    Asker,
    Follow,
    TopUpState,
    new_reference,
)
from tests.fakes.environment import NOON
from tests.fakes.till import EUR, REFERENCE, Till, a_method, agreement, euros, settings
from tests.fakes.top_up_paths import PAYMENT, a_till, tell

REMOVED = RemoveMethod("room-1", "stripe", "pm_1", NOON)


def to_do(facts: Facts) -> tuple[Follow, ...]:
    assert facts.paying is not None
    return facts.paying.to_do


def state_of(till: Till) -> TopUpState:
    return till.row.state


def why_stopped(till: Till) -> str:
    return till.books.settings["room-1"].stopped


def test_a_top_up_begins_with_its_reason_and_its_first_step() -> None:
    till = Till()
    facts = till.want()
    assert facts.paying is not None
    assert facts.paying.reason == "0.00 EUR are left, below 5.00 EUR"
    assert facts.paying.event is not None
    assert (facts.paying.event.number, facts.paying.event.before) == (1, None)
    assert to_do(facts) == (Follow.NEXT,)
    assert (till.row.money, till.row.method, till.row.next_look) == (euros(10), "pm_1", NOON)


def test_a_reference_that_is_known_begins_nothing() -> None:
    till = Till()
    till.want()
    tell(till, Event.CREATE_ASKED)
    facts = till.want()
    assert facts.paying is not None
    assert (facts.paying.event, facts.paying.top_up) == (None, till.row)


def test_while_one_is_under_way_no_other_begins() -> None:
    till = Till()
    till.want()
    facts = till.want("200")
    assert facts.paying is not None
    assert facts.paying.top_up is None
    assert facts.paying.reason == f"top-up {REFERENCE} is wanted"
    assert list(till.books.top_ups) == [REFERENCE]


def test_references_are_of_twenty_digits_and_grow_with_time() -> None:
    first, second = new_reference(NOON, 9999), new_reference(NOON + timedelta(microseconds=1), 0)
    assert first == "17912016000000009999"
    assert first < second
    assert len(second) == 20


def test_a_burst_stops_the_account_and_calls_the_operator() -> None:
    till = Till(balance_micros=-500 * EUR)
    wide = settings(
        day_max_micros=900 * EUR, month_max_micros=900 * EUR, agreement=agreement(at=NOON)
    )
    till.books.change(SetReplenishment(wide))
    for number in range(3):
        reference = str(100 + number)
        till.want(reference)
        for event in (Event.CREATE_ASKED, Event.CREATED, Event.CONFIRM_ASKED):
            till.hear(event, reference)
        money = till.books.top_ups[reference].money
        approved = Approved(f"pi_{number}", money)
        till.hear(heard.outcome(till.books.top_ups[reference], approved, till.at), reference)
        till.pass_time(minutes=3)
    said = len(till.notices)
    facts = till.want("103")
    assert facts.paying is not None
    assert facts.paying.reason == "3 top-ups were begun within 10 minutes"
    assert why_stopped(till) == facts.paying.reason
    assert [each.kind for each in till.notices[said:]] == ["alarm.raised"]
    till.want("113", asked_by=Asker.HOLDER, money=euros(10))
    assert len(till.notices) == said + 1
    till.pass_time(days=2)
    again = till.want("104")
    assert again.paying is not None
    assert "was stopped from buying" in again.paying.reason
    assert len(till.notices) == said + 1


@pytest.mark.parametrize(
    "change",
    [
        REMOVED,
        SetReplenishment(settings(is_on=False)),
        SetReplenishment(settings(stopped="by the desk")),
        SetReplenishment(settings(charge_max_micros=10 * EUR - 10_000, increment_micros=EUR)),
        KeepMethod(a_method(barred_at=NOON, barred_reason="stolen")),
    ],
    ids=["card removed", "switched off", "stopped", "less agreed to", "barred"],
)
def test_what_is_not_right_any_more_is_not_sent(change: object) -> None:
    wanted, created = a_till(TopUpState.WANTED), a_till(TopUpState.CREATED)
    for till in (wanted, created):
        till.books.change(change)  # type: ignore[arg-type]
    assert to_do(wanted.ask(Event.CREATE_ASKED)) == ()
    assert state_of(wanted) is TopUpState.CANCELLED
    assert to_do(created.ask(Event.CONFIRM_ASKED)) == (Follow.CANCEL,)
    assert state_of(created) is TopUpState.CALLED_OFF


def test_a_holder_who_is_there_pays_although_nothing_is_bought_by_itself() -> None:
    till = Till()
    till.books.change(SetReplenishment(settings(is_on=False)))
    till.want(asked_by=Asker.HOLDER, money=euros(20))
    assert to_do(till.ask(Event.CREATE_ASKED)) == (Follow.CREATE,)


def test_a_step_that_may_be_sent_is_said_so_once() -> None:
    till = a_till(TopUpState.CREATED)
    assert to_do(till.ask(Event.CONFIRM_ASKED)) == (Follow.CONFIRM,)
    assert to_do(till.ask(Event.CONFIRM_ASKED)) == ()


def test_a_holder_who_is_there_confirms_the_same_payment() -> None:
    till = a_till(TopUpState.ACTION_NEEDED)
    assert to_do(till.ask(Event.CONFIRM_ASKED)) == (Follow.CONFIRM,)
    assert state_of(till) is TopUpState.SENT
    tell(till, Event.SUCCEEDED)
    assert till.state.balance_micros == 10 * EUR


def test_a_decline_says_when_it_is_tried_again_if_it_is() -> None:
    soft = a_till(TopUpState.DECLINED)
    assert soft.kinds == ["topup.failed"]
    again = (NOON + timedelta(hours=24)).isoformat()
    assert soft.notices[0].details[-2:] == (("decline", "soft"), ("retry_at", again))
    never = a_till(TopUpState.SENT)
    tell(never, Event.DECLINED_CARD)
    assert never.notices[0].details[-1] == ("decline", "card")


def test_at_a_stopped_provider_it_waits() -> None:
    till = Till()
    till.want()
    till.books.change(StopGateway(GatewayStop(gateway="stripe", reason="401", since=NOON)))
    assert to_do(till.ask(Event.CREATE_ASKED)) == ()
    assert state_of(till) is TopUpState.WANTED
    assert till.row.next_look is not None
    assert till.row.next_look > NOON
    till.books.change(ResumeGateway("stripe"))
    assert to_do(till.ask(Event.CREATE_ASKED)) == (Follow.CREATE,)


def test_our_own_fault_stops_the_provider_and_calls_the_operator_once() -> None:
    till = a_till(TopUpState.SENT)
    till.hear(heard.outcome(till.row, Declined(PAYMENT, DeclineClass.OURS, "401"), till.at))
    assert list(till.books.stops) == ["stripe"]
    assert till.kinds == ["topup.failed", "alarm.raised"]


def test_a_card_that_must_not_be_tried_is_barred_and_its_holder_told_nothing_of_why() -> None:
    till = a_till(TopUpState.SENT)
    told = Declined(PAYMENT, DeclineClass.NEVER, "stolen_card", "pick up card")
    till.hear(heard.outcome(till.row, told, till.at))
    assert till.books.methods["stripe", "pm_1"].barred_at == NOON
    (notice,) = till.notices
    assert notice.text == "10.00 EUR were not paid in: it could not be taken; pay another way"
    assert "stolen" not in str(notice)
