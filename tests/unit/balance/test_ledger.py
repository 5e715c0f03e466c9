"""Transfers: two sides, one currency, versions without gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance import ledger
from rtbill.domain.account import AccountState
from rtbill.domain.hold import Hold
from rtbill.domain.ledger import CASH, CORRECTIONS, TransferKind
from rtbill.domain.rated import CallStatus
from tests.fakes.books import a_call
from tests.fakes.builders import a_state, an_account, at, leg

NOW = at("12:00:00")


def test_a_rated_call_moves_its_price_from_the_account_to_revenue() -> None:
    facts = ledger.post_call(a_state("10.00"), a_call(micros=250_000))

    [transfer] = facts.transfers
    assert (transfer.debit, transfer.credit) == ("room-1", "revenue:standard")
    assert transfer.amount_micros == 250_000
    assert facts.state.balance_micros == 9_750_000


def test_the_revenue_side_names_the_account_class() -> None:
    state = a_state(account=an_account(account_class="student"))

    [transfer] = ledger.post_call(state, a_call()).transfers

    assert transfer.credit == "revenue:student"


def test_the_keys_are_built_from_the_business_fact() -> None:
    assert ledger.call_key(leg("1795356013.7")) == "call:hotel/1795356013.7"
    assert ledger.credit_key("receipt 17") == "credit:receipt 17"
    [transfer] = ledger.post_call(a_state(), a_call("7")).transfers
    assert transfer.key == "call:hotel/7"
    assert transfer.call == "hotel/7"


def test_a_transfer_happened_when_the_call_ended() -> None:
    call = a_call()

    [transfer] = ledger.post_call(a_state(), call).transfers

    assert transfer.event_at == call.record.ended_at


@pytest.mark.parametrize("status", [each for each in CallStatus if each is not CallStatus.RATED])
def test_a_call_that_is_not_rated_moves_no_money(status: CallStatus) -> None:
    facts = ledger.post_call(a_state("10.00"), a_call(status=status))

    assert facts.transfers == ()
    assert facts.state == a_state("10.00")
    assert facts.call is not None


def test_a_call_priced_zero_is_in_the_books_without_a_transfer() -> None:
    facts = ledger.post_call(a_state("10.00"), a_call(micros=0))

    assert facts.transfers == ()
    assert facts.state.version == a_state().version


def test_a_call_that_was_made_is_owed_though_the_balance_falls_below_zero() -> None:
    facts = ledger.post_call(a_state("0.10"), a_call(micros=250_000))

    assert facts.state.balance_micros == -150_000


def test_a_price_in_another_currency_is_our_mistake_and_stops() -> None:
    state = a_state(account=an_account(currency="CHF"))

    with pytest.raises(AssertionError, match="one currency"):
        ledger.post_call(state, a_call())


def test_a_rated_call_without_a_price_is_our_mistake_and_stops() -> None:
    with pytest.raises(AssertionError, match="has a price"):
        ledger.post_call(a_state(), a_call(price=None))


def test_money_received_raises_the_balance_out_of_cash() -> None:
    facts = ledger.credit(a_state("1.00"), 5_000_000, "receipt 17", NOW, "at the desk")

    [transfer] = facts.transfers
    assert (transfer.debit, transfer.credit) == (CASH, "room-1")
    assert transfer.kind is TransferKind.TOP_UP
    assert transfer.reason == "at the desk"
    assert facts.state.balance_micros == 6_000_000


def test_a_negative_credit_is_a_correction_with_a_positive_amount() -> None:
    facts = ledger.credit(a_state("1.00"), -400_000, "wrong receipt", NOW, "typed twice")

    [transfer] = facts.transfers
    assert (transfer.debit, transfer.credit) == ("room-1", CORRECTIONS)
    assert transfer.kind is TransferKind.CORRECTION
    assert transfer.amount_micros == 400_000
    assert facts.state.balance_micros == 600_000


def test_money_that_is_lent_is_none_to_give_back() -> None:
    lent = a_state("5.00").with_grace(2_000_000)
    assert ledger.unused_micros(lent) == 5_000_000
    held = lent.with_holds((Hold("hotel/1", "room-1", None, 600_000, 60, NOW),), steps=1)
    assert ledger.unused_micros(held) == 4_400_000
    assert ledger.unused_micros(a_state("-1.00").with_grace(2_000_000)) == 0


def test_a_credit_of_nothing_is_refused() -> None:
    with pytest.raises(AssertionError, match="moves money"):
        ledger.credit(a_state(), 0, "nothing", NOW, "")


@given(st.lists(st.integers(-9_999_999, 9_999_999), max_size=30))
def test_each_entry_carries_the_next_version_and_the_balance_after_it(moves: list[int]) -> None:
    state: AccountState = a_state("0")
    version, balance = state.version, 0
    for number, micros in enumerate(moves):
        if micros >= 0:
            facts = ledger.post_call(state, a_call(str(number), micros=micros))
            balance -= micros
        else:
            facts = ledger.credit(state, -micros, str(number), NOW, "")
            balance -= micros
        for transfer in facts.transfers:
            version += 1
            assert transfer.version == version
            assert transfer.balance_after_micros == balance
        state = facts.state

    assert (state.version, state.balance_micros) == (version, balance)
