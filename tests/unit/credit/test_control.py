"""How long a running call may talk by what the account has: where that is only observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from rtbill.credit.control import NO_CEILINGS, CreditControl
from rtbill.credit.grants import Grant, Limits
from rtbill.credit.running_call import RunningCall
from rtbill.credit.stances import ENFORCED, Stances
from rtbill.domain.account import LOCKED_SERVICE, AccountKind, AccountState
from rtbill.domain.directory import Directory
from rtbill.domain.events import LiveLeg
from rtbill.domain.money import parse_micros
from rtbill.domain.stance import Stance
from rtbill.domain.tariff import Rate
from tests.fakes.builders import (
    PBX,
    SWITZERLAND,
    a_directory,
    a_membership,
    a_rate,
    a_state,
    a_tariff,
    an_account,
    an_assessor,
    at,
    leg,
)

NOON = at("12:00:00")
BERN = "+41315550100"
UNKNOWN_COUNTRY = "0033155501000"
OBSERVED = Stances({PBX: Stance.OBSERVE})


class Desk:
    """One account that holds 1001, and its calls."""

    def __init__(
        self,
        balance: str,
        *rates: Rate,
        kind: AccountKind = AccountKind.PREPAID,
        limit: str = "0",
        stances: Stances = OBSERVED,
        account_class: str = "standard",
        ceilings: Mapping[str, int | None] = NO_CEILINGS,
    ) -> None:
        self.account = an_account(kind=kind, limit=limit, account_class=account_class)
        self.directory: Directory = a_directory(
            [a_state(balance, self.account)], [a_membership(person="Kim Lee")]
        )
        assessor = an_assessor(self.directory, a_tariff(*rates))
        self.control = CreditControl(assessor, self.directory, Limits(), stances, ceilings=ceilings)

    def answered(self, number: str = "1", dialled: str = SWITZERLAND) -> RunningCall:
        call = LiveLeg(leg(number), "1001", dialled, "carrier", NOON)
        return self.control.answered(call)

    def limit(self, dialled: str = SWITZERLAND) -> float | None:
        return self.answered(dialled=dialled).wanted_s

    def now_has(self, balance: str) -> None:
        known = self.directory.state("room-1")
        self.directory.put(
            AccountState(self.account, parse_micros(balance), known.version + 1, known.service)
        )

    def grant(self, dialled: str = SWITZERLAND) -> Grant:
        return self.control.grant(PBX, "1001", dialled, NOON)

    def can_dial(self, dialled: str = SWITZERLAND) -> bool:
        return self.grant(dialled).is_affordable


@pytest.mark.parametrize(
    ("balance", "rate", "limit_s"),
    [
        ("0.90", a_rate("60/1", "0.60"), 89.5),
        ("0.90", a_rate("60/60", "0.60"), 59.5),
        ("0.90", a_rate("1/1", "0.60", connect="0.30"), 59.5),
        ("1.20", a_rate("60/60", "0.60"), 119.5),
        ("0.60", a_rate("60/60", "0.60"), 59.5),
        ("100000", a_rate("60/60", "0.60"), 14_399.5),
    ],
)
def test_a_prepaid_call_may_talk_for_what_the_balance_buys_less_the_guard(
    balance: str, rate: Rate, limit_s: float
) -> None:
    assert Desk(balance, rate).limit() == limit_s


@pytest.mark.parametrize("balance", ["0", "-1.00", "0.59"])
def test_a_call_whose_first_increment_cannot_be_paid_gets_no_time(balance: str) -> None:
    desk = Desk(balance, a_rate("60/60", "0.60"))

    assert not desk.can_dial()
    assert desk.limit() == 0


@pytest.mark.parametrize("balance", ["10.00", "0", "-500.00"])
@pytest.mark.parametrize("dialled", ["112", "110", "08001234567", "116123"])
def test_emergency_and_free_phone_calls_are_never_refused_nor_limited(
    balance: str, dialled: str
) -> None:
    desk = Desk(balance)

    assert desk.can_dial(dialled)
    assert desk.limit(dialled) is None


@pytest.mark.parametrize("balance", ["10.00", "-49.00", "-80.00"])
def test_a_postpaid_call_in_progress_is_never_limited(balance: str) -> None:
    desk = Desk(balance, kind=AccountKind.POSTPAID, limit="50.00")

    assert desk.can_dial()
    assert desk.limit() is None


def test_calls_of_nobody_and_of_unknown_payers_are_not_cut() -> None:
    desk = Desk("0")
    for payer in ("1999", None):
        call = LiveLeg(leg("9"), payer, SWITZERLAND, "carrier", NOON)
        assert desk.control.answered(call).wanted_s is None
        desk.control.ended(call.id)


def test_a_prepaid_call_to_a_number_without_rate_is_kept_short() -> None:
    assert Desk("10.00").limit(UNKNOWN_COUNTRY) == 60
    assert Desk("0").limit(UNKNOWN_COUNTRY) == 0


def test_a_running_call_knows_who_pays_and_who_talks() -> None:
    running = Desk("10.00").answered()

    assert (running.account, running.person) == ("room-1", "Kim Lee")


def test_credit_during_the_call_moves_its_limit() -> None:
    desk = Desk("0.60")
    running = desk.answered()
    desk.now_has("1.20")

    assert desk.control.rebalance("room-1") == [running]
    assert running.wanted_s == 119.5


def test_another_calls_posting_shortens_those_that_go_on() -> None:
    desk = Desk("2.00")
    first, second = desk.answered("1"), desk.answered("2")
    desk.control.ended(first.leg.id)
    desk.now_has("1.00")

    assert desk.control.rebalance("room-1") == [second]
    assert second.wanted_s == 99.5


def test_a_movement_that_changes_no_limit_orders_nothing() -> None:
    desk = Desk("100000.00")
    desk.answered()
    desk.now_has("99999.00")

    assert desk.control.rebalance("room-1") == []
    assert desk.control.rebalance("room-2") == []


def test_a_move_from_before_the_answer_has_the_new_account_limit_the_call() -> None:
    desk = Desk("0.60")
    desk.directory.put(a_state("1.20", an_account("room-2")))
    running = desk.answered()
    desk.directory.replace_memberships([a_membership("room-2", person="Jo Hill")])

    assert desk.control.reassign() == [(running, "room-1")]
    assert (running.account, running.person, running.wanted_s) == ("room-2", "Jo Hill", 119.5)
    assert desk.control.rebalance("room-1") == []
    desk.control.ended(running.leg.id)
    assert desk.control.running() == []


def test_a_move_from_after_the_answer_leaves_the_call_as_it_is() -> None:
    desk = Desk("0.60")
    running = desk.answered()
    desk.directory.put(a_state("1.20", an_account("room-2")))
    desk.directory.replace_memberships(
        [a_membership(until="2026-10-05T12:30"), a_membership("room-2", since="2026-10-05T12:30")]
    )

    assert desk.control.reassign() == []
    assert (running.account, running.wanted_s) == ("room-1", 59.5)


def test_terms_that_become_postpaid_lift_the_limit() -> None:
    desk = Desk("0.60")
    running = desk.answered()
    desk.directory.change_terms(replace(desk.account, kind=AccountKind.POSTPAID))

    assert desk.control.rebalance("room-1") == [running]
    assert running.wanted_s is None


def test_a_call_seen_again_after_a_gap_stays_one_call() -> None:
    desk = Desk("0.60")
    first = desk.answered()
    first.armed_s = 59.5

    assert desk.answered() is first
    assert len(desk.control.running()) == 1


def test_a_call_that_outlives_its_limit_and_the_grace_is_overdue() -> None:
    desk = Desk("0.60", stances=ENFORCED)
    running = desk.answered()
    running.wanted_s = 59.5

    assert not running.is_overdue(NOON + timedelta(seconds=61.5), grace_s=2)
    assert running.is_overdue(NOON + timedelta(seconds=61.6), grace_s=2)


def test_a_call_without_limit_is_never_overdue() -> None:
    desk = Desk("0.60")
    desk.answered(dialled="112")

    assert not any(
        each.is_overdue(NOON + timedelta(days=2), grace_s=2) for each in desk.control.running()
    )


def test_a_call_that_is_over_is_forgotten_also_when_told_twice() -> None:
    desk = Desk("0.60")
    running = desk.answered()
    desk.control.ended(running.leg.id)
    desk.control.ended(running.leg.id)

    assert desk.control.running() == []
    assert desk.control.find(running.leg.id) is None
    desk.now_has("5.00")
    assert desk.control.rebalance("room-1") == []


def test_a_grant_says_who_would_pay_for_how_long_and_that_it_is_enforced() -> None:
    grant = Desk("1.20", a_rate("60/60", "0.60"), stances=ENFORCED).grant()

    assert (grant.account, grant.called.number) == ("room-1", BERN)
    assert (grant.limit_s, grant.no_rate, grant.is_locked, grant.reason) == (
        119.5,
        "",
        False,
        "",
    )
    assert grant.stance is Stance.ENFORCE


def test_a_grant_says_why_the_call_would_be_refused() -> None:
    grant = Desk("0.59", a_rate("60/60", "0.60")).grant()

    assert not grant.is_affordable
    assert grant.reason == "account room-1 cannot pay the first increment: 0.59 EUR left"


def test_a_grant_tells_a_number_without_a_rate_from_one_that_is_free() -> None:
    desk = Desk("5.00")

    unknown = desk.grant(UNKNOWN_COUNTRY)
    assert (bool(unknown.no_rate), unknown.limit_s, unknown.reason) == (True, 60, "")
    assert (desk.grant("112").no_rate, desk.grant("112").limit_s) == ("", None)


def test_a_locked_account_may_still_call_free_numbers() -> None:
    desk = Desk("0.80")
    desk.directory.put_service(desk.directory.state("room-1")._replace(service=LOCKED_SERVICE))

    assert desk.grant().reason == "account room-1 is locked: 0.80 EUR left"
    assert desk.grant().is_locked
    assert not desk.grant("112").is_locked
    assert desk.grant("112").reason == ""


def test_a_grant_carries_the_stance_of_the_exchange_and_class() -> None:
    desk = Desk("0", stances=Stances({PBX: Stance.OBSERVE}))

    assert desk.grant().stance is Stance.OBSERVE
    assert not desk.grant().is_affordable, "what would be done is known all the same"
