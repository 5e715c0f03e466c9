"""What goes back: refunds of ours and of others, disputes; and what an odd answer does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from payments import heard, wanting
from payments.attempts import Event
from payments.wanting import GiveBack
from rtbill.domain.errors import Refused
from rtbill.domain.hold import Hold
from rtbill.domain.money import Money
from rtbill.domain.payment import Approved, Refunded, RefundState
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import (
    PaymentState,
    ReversalStage,
    TopUpState,
)
from tests.fakes.environment import NOON
from tests.fakes.till import EUR, REFERENCE, Till, euros
from tests.fakes.top_up_paths import PAYMENT, a_till, tell


def state_of(till: Till) -> TopUpState:
    return till.row.state


def why_stopped(till: Till) -> str:
    return till.books.settings["room-1"].stopped


def give_back(till: Till, key: str, amount: float) -> Facts:
    wanted = GiveBack(key=key, money=euros(amount), reason="moved out", at=till.at)

    def decide(state: object, books: PaymentState) -> Facts:
        del state
        return wanting.give_back(till.state, books, wanted)

    return till.step(decide)


def hear_refund(till: Till, told: Refunded) -> None:
    books = PaymentState(top_up=till.row, reversals=tuple(till.books.of_top_up(REFERENCE)))
    what = heard.refund(books, told, till.at)
    if what is not None:
        till.hear(what)


def test_a_refund_takes_the_money_when_it_is_asked_for() -> None:
    till = a_till(TopUpState.APPROVED)
    give_back(till, "77", 4)
    give_back(till, "77", 4)
    assert till.state.balance_micros == 6 * EUR
    hear_refund(till, Refunded("re_1", PAYMENT, euros(4), RefundState.PENDING, "77"))
    hear_refund(till, Refunded("re_1", PAYMENT, euros(4), RefundState.DONE, "77"))
    assert till.state.balance_micros == 6 * EUR
    assert [each.key for each in till.transfers] == ["stripe:pi_1:credit", "stripe:77:refund"]
    assert till.row.reversed_micros == 4 * EUR


def test_two_refunds_in_part_take_each_their_own() -> None:
    till = a_till(TopUpState.APPROVED)
    for key, amount in (("re_1", 3), ("re_2", 7)):
        hear_refund(till, Refunded(key, PAYMENT, euros(amount), RefundState.DONE))
        hear_refund(till, Refunded(key, PAYMENT, euros(amount), RefundState.DONE))
    assert till.state.balance_micros == 0
    assert state_of(till) is TopUpState.REVERSED


def test_a_refund_that_failed_gives_the_money_again() -> None:
    till = a_till(TopUpState.APPROVED)
    give_back(till, "77", 10)
    assert state_of(till) is TopUpState.REVERSED
    hear_refund(till, Refunded("re_1", PAYMENT, euros(10), RefundState.FAILED, "77"))
    assert till.state.balance_micros == 10 * EUR
    assert state_of(till) is TopUpState.APPROVED
    assert "alarm.raised" in till.kinds


def test_a_provider_that_does_not_name_us_answers_the_refund_we_wait_for() -> None:
    till = a_till(TopUpState.APPROVED)
    give_back(till, "77", 4)
    hear_refund(till, Refunded("re_1", PAYMENT, euros(4), RefundState.DONE))
    assert till.state.balance_micros == 6 * EUR
    hear_refund(till, Refunded("re_2", PAYMENT, euros(4), RefundState.DONE))
    assert till.state.balance_micros == 2 * EUR


def test_no_more_goes_back_than_is_left_and_unused() -> None:
    till = a_till(TopUpState.APPROVED)
    with pytest.raises(Refused, match=r"no more than 10\.00 EUR can go back"):
        give_back(till, "77", 11)
    spent = Till(balance_micros=-3 * EUR)
    spent.want()
    for event in (Event.CREATE_ASKED, Event.CREATED, Event.CONFIRM_ASKED, Event.SUCCEEDED):
        tell(spent, event)
    with pytest.raises(Refused, match=r"has 7\.00 EUR unused; 8\.00 EUR cannot go back"):
        give_back(spent, "77", 8)
    give_back(spent, "77", 7)
    assert spent.state.balance_micros == 0
    with pytest.raises(Refused, match="is unknown: nothing of it can go back"):
        give_back(a_till(TopUpState.UNKNOWN), "77", 1)


def test_a_refund_without_an_answer_is_asked_for_six_times_and_then_a_persons() -> None:
    till = a_till(TopUpState.APPROVED)
    give_back(till, "77", 4)
    tries = 0
    while (when := till.books.reversals["stripe", "77"].next_try) is not None:
        till.at = when
        till.step(lambda state, books: wanting.refund_lost(state, books, "77", "silent", till.at))
        tries += 1
    assert tries == 6
    assert till.at - NOON < timedelta(hours=9)
    assert till.books.reversals["stripe", "77"].stage is ReversalStage.WANTED
    assert till.kinds[-1] == "alarm.raised"
    assert till.state.balance_micros == 6 * EUR


def test_a_dispute_takes_the_money_bars_the_card_and_stops_the_account() -> None:
    till = a_till(TopUpState.APPROVED)
    tell(till, Event.INQUIRY)
    assert till.state.balance_micros == 10 * EUR
    tell(till, Event.DISPUTED)
    assert till.state.balance_micros == 0
    assert till.transfers[-1].credit == "dispute receivable:stripe"
    assert till.books.methods["stripe", "pm_1"].barred_at is not None
    assert why_stopped(till)
    tell(till, Event.REINSTATED)
    assert till.state.balance_micros == 10 * EUR
    tell(till, Event.DISPUTED)
    assert till.state.balance_micros == 10 * EUR


def test_a_dispute_that_was_heard_of_before_the_payment_stops_the_account_with_it() -> None:
    till = a_till(TopUpState.UNKNOWN)
    tell(till, Event.DISPUTED)
    assert till.state.balance_micros == 0
    assert not why_stopped(till)
    tell(till, Event.SUCCEEDED)
    assert till.state.balance_micros == 0
    assert state_of(till) is TopUpState.REVERSED
    assert why_stopped(till)
    assert [each.key for each in till.transfers] == ["stripe:pi_1:credit", "stripe:dp_1:withdrawn"]


@pytest.mark.parametrize(
    "told",
    [Approved(PAYMENT, euros(11)), Approved("pi_2", euros(10))],
    ids=["another amount", "another payment"],
)
def test_an_answer_about_something_else_credits_nothing_and_calls_the_operator(
    told: Approved,
) -> None:
    till = a_till(TopUpState.SENT)
    till.hear(heard.outcome(till.row, told, till.at))
    assert state_of(till) is TopUpState.UNKNOWN
    assert till.state.balance_micros == 0
    assert till.kinds == ["alarm.raised"]


def test_a_refund_in_another_currency_is_booked_nowhere() -> None:
    till = a_till(TopUpState.APPROVED)
    hear_refund(till, Refunded("re_1", PAYMENT, Money(4 * EUR, "CHF"), RefundState.DONE))
    assert till.state.balance_micros == 10 * EUR
    assert till.kinds[-1] == "alarm.raised"


def test_what_a_person_proves_to_be_paid_is_credited_by_our_reference() -> None:
    till = Till()
    till.want()
    for event in (Event.CREATE_ASKED, Event.CREATE_LOST, Event.OPERATOR_PAID):
        tell(till, event)
    tell(till, Event.SUCCEEDED)
    assert [each.key for each in till.transfers] == [f"stripe:{REFERENCE}:credit"]
    assert till.row.provider_id == ""


def test_a_card_that_must_not_be_tried_is_barred_also_when_its_top_up_is_over() -> None:
    till = a_till(TopUpState.CANCELLED)
    tell(till, Event.DECLINED_NEVER)
    assert till.books.methods["stripe", "pm_1"].barred_at == NOON
    assert state_of(till) is TopUpState.CANCELLED


def test_a_refund_of_another_name_is_not_taken_for_the_one_we_wait_for() -> None:
    till = a_till(TopUpState.APPROVED)
    give_back(till, "77", 4)
    hear_refund(till, Refunded("re_1", PAYMENT, euros(4), RefundState.DONE, "78"))
    assert till.state.balance_micros == 2 * EUR


def test_a_refund_that_changes_its_amount_stays_as_it_was_booked_and_calls_the_operator() -> None:
    till = a_till(TopUpState.APPROVED)
    hear_refund(till, Refunded("re_1", PAYMENT, euros(4), RefundState.PENDING))
    hear_refund(till, Refunded("re_1", PAYMENT, euros(5), RefundState.DONE))
    assert till.state.balance_micros == 6 * EUR
    assert till.kinds[-1] == "alarm.raised"


def test_a_refund_that_the_provider_refuses_gives_the_money_again() -> None:
    till = a_till(TopUpState.APPROVED)
    give_back(till, "77", 4)
    hear_refund(till, Refunded("", PAYMENT, euros(4), RefundState.FAILED, "77"))
    assert till.state.balance_micros == 10 * EUR
    assert till.books.reversals["stripe", "77"].next_try is None


def test_what_a_call_holds_and_what_is_borrowed_cannot_go_back() -> None:
    till = a_till(TopUpState.APPROVED)
    hold = Hold(
        key="hotel/1#0", account="room-1", call=None, micros=3 * EUR, granted_s=9, opened_at=NOON
    )
    till.state = till.state.with_holds((hold,))
    with pytest.raises(Refused, match=r"has 7\.00 EUR unused"):
        give_back(till, "77", 8)
    limit = replace(till.state.account, credit_limit_micros=50 * EUR)
    till.state = till.state._replace(account=limit)
    with pytest.raises(Refused, match=r"has 7\.00 EUR unused"):
        give_back(till, "77", 8)
    give_back(till, "77", 7)
    assert till.state.balance_micros == 3 * EUR


def test_notices_carry_what_a_mail_says() -> None:
    till = a_till(TopUpState.APPROVED)
    assert till.notices[0].details == (
        ("amount", "10.00"),
        ("currency", "EUR"),
        ("balance", "10.00"),
        ("method", "Visa 4242"),
        ("reference", REFERENCE),
    )
    give_back(till, "77", 4)
    assert till.notices[1].kind == "topup.refunded"
    assert dict(till.notices[1].details)["balance"] == "6.00"
    hear_refund(till, Refunded("re_1", PAYMENT, euros(4), RefundState.DONE, "77"))
    assert len(till.notices) == 2
    tell(till, Event.INQUIRY)
    assert till.kinds[2:] == ["topup.disputed", "alarm.raised"]
    assert ("state", "inquiry") in till.notices[2].details
