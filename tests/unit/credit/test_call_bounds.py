"""Where calls end whatever the money: by their rate, and below the highest price of their class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtbill.credit.grants import Grant
from rtbill.domain.account import AccountKind
from rtbill.domain.tariff import Rate, Step, TimeBand
from tests.fakes.builders import a_rate
from tests.unit.credit.test_control import UNKNOWN_COUNTRY, Desk


def ending(**more: Any) -> Rate:
    """0.60 a minute by the second."""
    rate = a_rate("1/1", "0.60")
    return replace(rate, terms=replace(rate.terms, **more))


POSTPAID = AccountKind.POSTPAID
AT_AN_EURO = {"charge_max_micros": 1_000_000, "charge_max_ends": True}


@pytest.mark.parametrize("kind", [AccountKind.PREPAID, POSTPAID])
@pytest.mark.parametrize(
    ("more", "limit_s"), [({"call_max_s": 90}, 89.5), (AT_AN_EURO, 99.5), ({"added_s": 9}, None)]
)
def test_a_rate_ends_calls_of_prepaid_and_postpaid_accounts(
    kind: AccountKind, more: dict[str, Any], limit_s: float | None
) -> None:
    desk = Desk("500", ending(**more), kind=kind)
    otherwise = None if kind is POSTPAID else 14_399.5

    assert desk.limit() == (otherwise if limit_s is None else limit_s)
    assert desk.grant().limit_s == (otherwise if limit_s is None else limit_s)


@pytest.mark.parametrize("balance", ["0", "-500"])
def test_money_does_not_move_where_a_rate_ends_a_postpaid_call(balance: str) -> None:
    desk = Desk("10", ending(call_max_s=90), kind=POSTPAID)
    running = desk.answered()
    desk.now_has(balance)

    assert desk.control.rebalance("room-1") == []
    assert running.wanted_s == 89.5


def test_money_that_ends_before_the_rate_does_comes_first() -> None:
    assert Desk("0.50", ending(**AT_AN_EURO)).limit() == 49.5


def test_calls_that_cost_nothing_are_not_ended_by_any_rate() -> None:
    desk = Desk("10", ending(call_max_s=90), kind=POSTPAID, ceilings={"standard": 0})

    assert desk.limit("112") is None
    assert desk.grant("112").limit_s is None
    assert not desk.grant("112").is_too_dear


@pytest.mark.parametrize("kind", [AccountKind.PREPAID, POSTPAID])
def test_a_call_dearer_than_its_class_may_pay_gets_no_time_and_is_told_why(
    kind: AccountKind,
) -> None:
    desk = Desk("10", a_rate("60/60", "0.60"), kind=kind, ceilings={"standard": 599_999})
    grant = desk.grant()

    assert (grant.is_too_dear, grant.limit_s, grant.is_affordable) == (True, 0, False)
    assert (
        grant.reason
        == "a minute costs more than 0.599999 EUR, the most for calls of class standard"
    )
    assert desk.limit() == 0


def test_a_ceiling_that_is_the_price_itself_lets_calls_out() -> None:
    desk = Desk("1.20", a_rate("60/60", "0.60"), ceilings={"standard": 600_000})

    assert not desk.grant().is_too_dear
    assert desk.limit() == 119.5


@pytest.mark.parametrize(("account_class", "is_too_dear"), [("guest", False), ("unknown", True)])
def test_each_class_has_its_ceiling_and_an_unknown_one_that_of_standard(
    account_class: str,
    is_too_dear: bool,  # noqa: FBT001 - a column of the table
) -> None:
    desk = Desk(
        "10",
        a_rate("60/60", "0.60"),
        account_class=account_class,
        ceilings={"standard": 100_000, "guest": None},
    )

    assert desk.grant().is_too_dear is is_too_dear


@pytest.mark.parametrize("kind", [AccountKind.PREPAID, POSTPAID])
def test_a_running_call_is_ended_before_it_comes_into_a_dearer_band_or_step(
    kind: AccountKind,
) -> None:
    morning = TimeBand(end_minute=721)
    banded = replace(ending(), band=morning), a_rate("1/1", "0.90")
    stepped = ending(steps=(Step(0, 600_000, 60, 1), Step(30, 900_000, 60, 1)))

    assert Desk("10", *banded, kind=kind, ceilings={"standard": 600_000}).limit() == 59.5
    assert Desk("10", stepped, kind=kind, ceilings={"standard": 600_000}).limit() == 29.5


def test_a_call_that_would_be_dear_within_the_guard_and_a_second_is_refused() -> None:
    def grant(from_s: int) -> Grant:
        steps = (Step(0, 600_000, 60, 1), Step(from_s, 900_000, 60, 1))
        return Desk("10", ending(steps=steps), ceilings={"standard": 600_000}).grant()

    assert [grant(from_s).is_too_dear for from_s in (1, 2)] == [True, False]


def test_another_class_moves_the_limit_of_a_call_that_runs() -> None:
    desk = Desk("10", a_rate("60/60", "0.60"), kind=POSTPAID, ceilings={"guest": 100_000})
    running = desk.answered()
    desk.directory.change_terms(replace(desk.account, account_class="guest"))

    assert desk.control.rebalance("room-1") == [running]
    assert running.wanted_s == 0


def test_a_number_without_rate_is_not_called_too_dear() -> None:
    desk = Desk("10", kind=POSTPAID, ceilings={"standard": 0})

    assert not desk.grant(UNKNOWN_COUNTRY).is_too_dear
    assert desk.limit(UNKNOWN_COUNTRY) is None
