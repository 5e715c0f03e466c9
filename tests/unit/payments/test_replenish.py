"""Whether an account buys credit, and how much."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from payments.replenish import (
    Bounds,
    Decision,
    Wish,
    day_began,
    decide,
    increments,
    is_worth_asking,
    month_began,
)
from rtbill.domain.account import OPEN_SERVICE, AccountKind, AccountState
from rtbill.domain.hold import Hold
from rtbill.domain.money import Money
from rtbill.domain.replenishment import GatewayStop
from rtbill.domain.top_up import Asker, PaymentState, TopUp, TopUpState
from tests.fakes.books import an_account
from tests.fakes.environment import NOON
from tests.fakes.till import EUR, a_method, a_top_up, euros, settings

HOUR = timedelta(hours=1)


def with_balance(amount: float, **account: Any) -> AccountState:
    return AccountState(an_account(**account), euros(amount).micros, 0, OPEN_SERVICE)


def books(*recent: TopUp, **fields: Any) -> PaymentState:
    values: dict[str, Any] = {
        "recent": tuple(sorted(recent, key=lambda each: each.wanted_at)),
        "settings": settings(),
        "methods": (a_method(),),
    }
    return PaymentState(**(values | fields))


def paid(ago: timedelta, amount: float = 10, **fields: Any) -> TopUp:
    at = NOON - ago
    values: dict[str, Any] = {
        "money": euros(amount),
        "state": TopUpState.APPROVED,
        "wanted_at": at,
        "moved_at": at,
        "first_sent_at": at,
        "paid_at": at,
    }
    return a_top_up(**(values | fields))


def automatic(state: AccountState, kept: PaymentState, at: datetime = NOON) -> Decision:
    return decide(state, kept, Wish(asked_by=Asker.BALANCE, at=at), Bounds())


def asked(amount: float, kept: PaymentState, asked_by: Asker = Asker.HOLDER) -> Decision:
    wish = Wish(asked_by=asked_by, at=NOON, money=euros(amount))
    return decide(with_balance(0), kept, wish, Bounds())


@pytest.mark.parametrize(
    ("balance", "bought"),
    [
        (5, None),
        (4.99, 10),
        (-4.99, 10),
        (-5, 20),  # ten would land on the threshold, and fire again
        (-5.01, 20),
        (-15, 30),
    ],
)
def test_whole_increments_land_strictly_above_the_threshold(
    balance: float, bought: float | None
) -> None:
    decision = automatic(with_balance(balance), books())
    assert decision.money == (None if bought is None else euros(bought)), decision.reason


@pytest.mark.parametrize("threshold", [1, 5 * EUR, 7_770_000])
@pytest.mark.parametrize("increment", [1, 990_000, 10 * EUR])
@pytest.mark.parametrize("gap", [1, 2, 989_999, 990_000, 990_001, 10 * EUR])
def test_one_increment_fewer_would_not_be_enough(gap: int, increment: int, threshold: int) -> None:
    count = increments(threshold - gap, threshold, increment)
    assert threshold - gap + count * increment > threshold
    assert threshold - gap + (count - 1) * increment <= threshold


def test_what_calls_hold_is_not_there_to_spend() -> None:
    hold = Hold(
        key="hotel/1#0", account="room-1", call=None, micros=2 * EUR, granted_s=60, opened_at=NOON
    )
    state = with_balance(6).with_holds((hold,))
    assert automatic(state, books()).money == euros(10)


def test_the_credit_limit_is_there_to_spend() -> None:
    state = with_balance(0, credit_limit_micros=20 * EUR)
    assert automatic(state, books()).money is None


def test_grace_is_no_money() -> None:
    state = with_balance(4.99)._replace(grace_micros=2 * EUR)
    assert automatic(state, books()).money == euros(10)


def test_an_account_without_a_limit_buys_nothing() -> None:
    state = with_balance(-100, kind=AccountKind.POSTPAID)
    assert automatic(state, books()).reason == "the account has no limit that it could come to"


def test_only_a_fall_is_worth_asking_about() -> None:
    before = with_balance(4)
    assert not is_worth_asking(before, before)
    assert not is_worth_asking(before, with_balance(5))
    assert is_worth_asking(before, with_balance(3.99))


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "one under way": (
        {"in_flight": a_top_up(state=TopUpState.UNKNOWN)},
        "top-up 17912016000000000001 is unknown",
    ),
    "no settings": ({"settings": None}, "the account does not buy by itself"),
    "switched off": ({"settings": settings(is_on=False)}, "the account does not buy by itself"),
    "stopped": (
        {"settings": settings(stopped="too fast")},
        "the account was stopped from buying by itself: too fast",
    ),
    "no agreement": ({"settings": settings(agreement=None)}, "its holder has not agreed to it"),
    "no card": ({"methods": ()}, "there is nothing to pay from: a card has to be given"),
    "a removed card": (
        {"methods": (a_method(removed_at=NOON),)},
        "there is nothing to pay from: a card has to be given",
    ),
    "a barred card": (
        {"methods": (a_method(barred_at=NOON, barred_reason="declined as card"),)},
        "Visa 4242 is not used any more: declined as card",
    ),
    "an expired card": (
        {"methods": (a_method(method=replace(a_method().method, expires=(2026, 9))),)},
        "Visa 4242 has expired",
    ),
    "a stopped provider": (
        {"stops": (GatewayStop(gateway="stripe", reason="401", since=NOON),)},
        "nothing is bought at stripe: 401",
    ),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_refusal_says_why(why: str) -> None:
    fields, reason = REFUSALS[why]
    decision = automatic(with_balance(0), books(**fields))
    assert (decision.money, decision.reason) == (None, reason)


def test_a_card_is_good_to_the_end_of_its_last_month() -> None:
    kept = books(methods=(a_method(method=replace(a_method().method, expires=(2026, 10))),))
    assert automatic(with_balance(0), kept).money is not None


def test_a_fourth_within_ten_minutes_stops_the_account() -> None:
    recent = [paid(timedelta(minutes=minutes)) for minutes in (1, 4, 9)]
    decision = automatic(with_balance(0), books(*recent))
    assert decision.money is None
    assert decision.halts
    assert decision.not_before == NOON + timedelta(minutes=1)
    assert automatic(with_balance(0), books(*recent[:2])).money is not None


def test_a_sixth_within_a_day_waits() -> None:
    recent = [paid(timedelta(hours=hours), 1) for hours in (1, 5, 9, 13, 23)]
    decision = automatic(with_balance(0), books(*recent))
    assert (decision.money, decision.halts) == (None, False)
    assert decision.not_before == NOON + HOUR


def test_what_was_never_sent_does_not_count_towards_the_rate() -> None:
    unsent = [
        paid(timedelta(minutes=1), state=TopUpState.CANCELLED, first_sent_at=None, paid_at=None)
        for _ in range(5)
    ]
    assert automatic(with_balance(0), books(*unsent)).money is not None


@pytest.mark.parametrize(
    ("fields", "balance", "bought"),
    [
        ({"charge_max_micros": 20 * EUR}, -40, 20),
        ({"day_max_micros": 25 * EUR}, -40, 20),
        ({"month_max_micros": 35 * EUR}, -40, 30),
        ({"day_max_micros": 9 * EUR}, 0, None),
    ],
)
def test_a_purchase_keeps_within_every_ceiling(
    fields: dict[str, int], balance: float, bought: float | None
) -> None:
    decision = automatic(with_balance(balance), books(settings=settings(**fields)))
    assert decision.money == (None if bought is None else euros(bought))


def test_the_ceiling_of_a_day_counts_since_the_sites_midnight() -> None:
    zone = ZoneInfo("Europe/Zurich")  # noon is 14:00 there
    wish = Wish(asked_by=Asker.BALANCE, at=NOON)
    for ago, allowed in ((timedelta(hours=14), None), (timedelta(hours=14.5), 10)):
        kept = books(paid(ago, 95), settings=settings(charge_max_micros=100 * EUR))
        decision = decide(with_balance(0), kept, wish, Bounds(zone=zone))
        assert decision.money == (None if allowed is None else euros(allowed)), decision.reason
        if allowed is None:
            assert decision.not_before == datetime(2026, 10, 5, 22, tzinfo=UTC)


def test_the_ceiling_of_a_month_counts_since_its_first() -> None:
    this = books(paid(timedelta(days=4), 295))
    last = books(paid(timedelta(days=6), 295))
    assert automatic(with_balance(0), this).money is None
    assert automatic(with_balance(0), this).not_before == datetime(2026, 11, 1, tzinfo=UTC)
    assert automatic(with_balance(0), last).money == euros(10)


def test_what_was_declined_counts_towards_no_ceiling() -> None:
    declined = paid(timedelta(hours=30), 295, state=TopUpState.DECLINED, paid_at=None)
    assert automatic(with_balance(0), books(declined)).money == euros(10)


def test_a_new_card_buys_one_increment_within_its_first_day() -> None:
    new = a_method(kept_at=NOON - 23 * HOUR)
    assert automatic(with_balance(-40), books(methods=(new,))).money == euros(10)
    spent = books(paid(2 * HOUR), methods=(new,))
    decision = automatic(with_balance(-40), spent)
    assert (decision.money, decision.not_before) == (None, NOON + HOUR)
    older = a_method(kept_at=NOON - 24 * HOUR)
    assert automatic(with_balance(-40), books(methods=(older,))).money == euros(50)


def test_a_holder_who_is_there_buys_what_they_say() -> None:
    assert asked(37.5, books()).money == euros(37.5)
    assert asked(37.5, books(settings=None)).money is None
    wish = Wish(asked_by=Asker.HOLDER, at=NOON, money=euros(9), gateway="stripe", method="pm_1")
    assert decide(with_balance(0), books(settings=None), wish, Bounds()).money == euros(9)


def test_a_holder_who_is_there_keeps_within_the_sites_bounds() -> None:
    assert asked(0.5, books()).money is None
    decision = asked(1000, books())
    assert decision.reason == "a top-up is of 1.00 EUR to 200.00 EUR, not of 1000.00 EUR"


def test_a_holder_who_is_there_keeps_within_the_rate() -> None:
    recent = [paid(timedelta(minutes=minutes)) for minutes in (1, 4, 9)]
    decision = asked(10, books(*recent))
    assert (decision.money, decision.halts) == (None, True)


def test_the_desk_charges_no_more_than_the_holder_agreed_to() -> None:
    assert asked(50, books(), Asker.DESK).money == euros(50)
    assert asked(51, books(), Asker.DESK).money is None
    assert asked(10, books(settings=settings(agreement=None)), Asker.DESK).money is None


def test_what_no_coins_make_is_refused() -> None:
    wish = Wish(asked_by=Asker.HOLDER, at=NOON, money=Money(10 * EUR + 1, "EUR"))
    decision = decide(with_balance(0), books(), wish, Bounds())
    assert decision.reason == "10.000001 EUR is finer than its coins"


def test_money_of_another_currency_is_refused() -> None:
    wish = Wish(asked_by=Asker.HOLDER, at=NOON, money=Money(10 * EUR, "CHF"))
    assert decide(with_balance(0), books(), wish, Bounds()).reason == "the account is kept in EUR"


def test_days_and_months_begin_at_midnight_there_also_when_the_clocks_change() -> None:
    zone = ZoneInfo("Europe/Zurich")
    sunday = datetime(2026, 10, 25, 12, tzinfo=UTC)  # its day is 25 hours long
    assert day_began(sunday, zone) == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert month_began(sunday, zone) == datetime(2026, 9, 30, 22, tzinfo=UTC)
