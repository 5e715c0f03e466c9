"""Postpaid accounts with and without a credit limit."""

from __future__ import annotations

from rtbill.domain.account import OPEN_SERVICE, Account, AccountKind, AccountState
from rtbill.exchanges.enforcement import Policy, decide


def owing(micros: int, limit_micros: int) -> AccountState:
    account = Account(
        id="office",
        name="Office",
        kind=AccountKind.POSTPAID,
        currency="EUR",
        credit_limit_micros=limit_micros,
    )
    return AccountState(account, -micros, 1, OPEN_SERVICE)


def test_postpaid_account_without_a_limit_is_never_locked_for_want_of_money() -> None:
    assert decide(owing(1_000_000_000, 0), Policy()) == OPEN_SERVICE


def test_postpaid_account_is_locked_at_its_limit() -> None:
    assert decide(owing(49_000_000, 50_000_000), Policy()) == OPEN_SERVICE
    assert decide(owing(50_000_000, 50_000_000), Policy()) == Policy().exhausted
