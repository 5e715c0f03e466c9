"""What follows from a movement of money."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from balance import ledger
from rtbill import consequences
from rtbill.consequences import Policies
from rtbill.credit.stances import Reach, Spared
from rtbill.domain.account import (
    LOCKED_SERVICE,
    OPEN_SERVICE,
    AccountKind,
    AccountState,
    Incoming,
    Outgoing,
    Service,
)
from rtbill.domain.call import CallId, CutBy
from rtbill.domain.hold import Hold
from rtbill.domain.ledger import OVERSPEND
from rtbill.domain.rated import CallStatus, Facts
from rtbill.domain.stance import Stance
from rtbill.exchanges.enforcement import Policy
from tests.fakes.books import a_call, a_record
from tests.fakes.builders import a_state, an_account, at

NOW = at("12:00:00")
ABSORBING, CHARGING = Policies({}), Policies({}, absorbs_overspend=False)
DIVERT_ONLY = Service(Outgoing.OPEN, Incoming.DIVERT)
POLICIES = Policies(
    {
        "standard": Policy(low_balance_micros=1_000_000),
        "clinic": Policy(exhausted=DIVERT_ONLY),
    }
)


def settled(state: AccountState, micros: int) -> Facts:
    return consequences.settle(
        state, {}, a_call(account=state.account.id, micros=micros), POLICIES, NOW
    )


def kinds(facts: Facts) -> list[str]:
    return [notice.kind for notice in facts.notices]


def test_an_ordinary_call_has_no_consequences() -> None:
    facts = settled(a_state("10.00"), 250_000)

    assert kinds(facts) == []
    assert facts.service_before is None


def test_the_call_that_takes_the_balance_below_the_threshold_tells_the_holder_once() -> None:
    first = settled(a_state("1.20"), 250_000)
    second = settled(first.state, 250_000)

    assert kinds(first) == ["balance.low"]
    assert first.notices[0].text == "0.95 EUR left"
    assert kinds(second) == []


def test_the_call_that_exhausts_the_balance_locks_in_the_same_operation() -> None:
    facts = settled(a_state("0.20"), 250_000)

    assert facts.state.service == LOCKED_SERVICE
    assert facts.service_before == OPEN_SERVICE
    assert kinds(facts) == ["service.locked"]
    assert len(facts.transfers) == 1


@pytest.mark.parametrize(
    ("talk", "cut_by", "granted", "opened", "policies", "given_back"),
    [
        (60.4, CutBy.PBX_TIMER, 60, "12:00:00", ABSORBING, 0.25),
        (60.4, CutBy.BILLER, 60, "12:00:00", ABSORBING, 0.25),
        (60.4, CutBy.PBX_TIMER, 60, "12:01:00", ABSORBING, 0.25),
        (60.4, CutBy.PBX_TIMER, 60, "12:00:00", CHARGING, 0),
        (60.0, CutBy.PBX_TIMER, 60, "12:00:00", ABSORBING, 0),
        (60.4, None, 60, "12:00:00", ABSORBING, 0),
        (60.4, CutBy.PBX_TIMER, 0, "12:00:00", ABSORBING, 0),
        (60.4, CutBy.PBX_TIMER, 60, "12:01:01", ABSORBING, 0),
    ],
)
def test_what_a_call_costs_beyond_its_hold_when_it_is_ended_late_is_the_houses_loss(
    talk: float,
    cut_by: CutBy | None,
    granted: int,
    opened: str,
    policies: Policies,
    given_back: float,
) -> None:
    held = Hold(
        key="hotel/1",
        account="room-1",
        call=CallId("hotel", "1"),
        micros=250_000,
        granted_s=granted,
        opened_at=at(opened),
    )
    before = a_state("0.30").with_holds((held,))
    record = a_record(
        answered_at=at("12:00:00"), ended_at=at("12:00:00") + timedelta(seconds=talk), cut_by=cut_by
    )

    facts = consequences.settle(
        before,
        {},
        a_call(micros=500_000, record=record),
        policies,
        NOW,
        hold_key="hotel/1",
    )

    assert facts.state.balance_micros == 300_000 - 500_000 + round(given_back * 1_000_000)
    assert facts.state.holds == ()
    debit, *others = facts.transfers
    assert debit.change_micros == -500_000, "the price of the call is what it is"
    assert [each.change_micros for each in others] == ([250_000] if given_back else [])
    for each in others:
        assert (each.debit, each.credit, each.version) == (OVERSPEND, "room-1", debit.version + 1)


def test_a_locked_account_that_pays_more_calls_is_not_told_again() -> None:
    locked = a_state("-0.05", service=LOCKED_SERVICE)

    assert kinds(settled(locked, 250_000)) == []


def paid_in(state: AccountState, micros: int, *, is_correction: bool = False) -> Facts:
    move = partial(
        ledger.credit, micros=micros, key="receipt", at=NOW, reason="", is_correction=is_correction
    )
    return consequences.moved_at_desk(state, {}, move, POLICIES, NOW)


def test_paying_opens_in_the_same_operation() -> None:
    locked = a_state("-0.05", service=LOCKED_SERVICE)

    facts = paid_in(locked, 5_000_000)

    assert facts.state.service == OPEN_SERVICE
    assert facts.service_before == LOCKED_SERVICE
    assert kinds(facts) == ["account.credited", "service.opened"]


def test_paying_too_little_leaves_it_locked() -> None:
    locked = a_state("-5.00", service=LOCKED_SERVICE)

    facts = paid_in(locked, 1_000_000)

    assert facts.state.service == LOCKED_SERVICE
    assert kinds(facts) == ["account.credited"]


@pytest.mark.parametrize(
    ("micros", "is_correction", "amount", "kind", "sides"),
    [
        (2_500_000, False, "2.50", "top-up", ("cash", "room-1")),
        (-2_500_000, False, "-2.50", "correction", ("room-1", "corrections")),
        (2_500_000, True, "2.50", "correction", ("corrections", "room-1")),
        (-2_500_000, True, "-2.50", "correction", ("room-1", "corrections")),
    ],
)
def test_a_credit_is_told_with_its_amount_its_kind_and_the_balance_after_it(
    *, micros: int, is_correction: bool, amount: str, kind: str, sides: tuple[str, str]
) -> None:
    facts = paid_in(a_state("10.00"), micros, is_correction=is_correction)

    (transfer,) = facts.transfers
    assert (transfer.debit, transfer.credit) == sides
    notice = facts.notices[0]
    assert (notice.kind, notice.subject) == ("account.credited", "room-1")
    assert dict(notice.details) == {
        "amount": amount,
        "currency": "EUR",
        "balance": "12.50" if micros > 0 else "7.50",
        "kind": kind,
        "reference": "credit:receipt",
    }


def test_the_class_decides_what_is_taken_away() -> None:
    state = a_state("0.20", an_account(account_class="clinic"))

    assert settled(state, 250_000).state.service == DIVERT_ONLY


def test_an_unknown_class_is_treated_as_standard() -> None:
    state = a_state("0.20", an_account(account_class="unheard-of"))

    assert settled(state, 250_000).state.service == LOCKED_SERVICE


def test_the_accounts_of_the_site_are_never_locked() -> None:
    for site_account in ("house", "suspense"):
        state = a_state("-500.00", an_account(site_account, AccountKind.POSTPAID))

        facts = settled(state, 250_000)

        assert facts.state.service == OPEN_SERVICE
        assert kinds(facts) == []


def test_a_call_without_rate_or_in_doubt_is_told_and_moves_nothing() -> None:
    for status, kind in (
        (CallStatus.UNRATED, "call.unrated"),
        (CallStatus.UNCONFIRMED, "call.unconfirmed"),
    ):
        call = a_call(status=status, note="why")

        facts = consequences.settle(a_state(), {}, call, POLICIES, NOW)

        assert [(notice.kind, notice.text) for notice in facts.notices] == [(kind, "why")]
        assert facts.transfers == ()


def test_an_account_on_several_exchanges_is_told_once_for_each_that_only_observes() -> None:
    reach = Reach(
        spared=(
            Spared("annex", ("7",), Stance.WARN),
            Spared("hall", ("1001", "1002"), Stance.OBSERVE),
        )
    )

    facts = consequences.settle(
        a_state("0.20"), {}, a_call(micros=250_000), POLICIES, NOW, reach=reach
    )

    assert [(notice.kind, notice.subject) for notice in facts.notices] == [
        ("service.locked", "room-1"),  # at the exchanges that enforce
        ("service.would_lock", "room-1"),
        ("service.would_lock", "room-1"),
        ("service.warning", "room-1"),
    ]
    assert [notice.details for notice in facts.notices[1:3]] == [
        (("pbx", "annex"), ("extensions", "7")),
        (("pbx", "hall"), ("extensions", "1001,1002")),
    ]
    assert [(each.kind, each.pbx, each.extension) for each in facts.observations] == [
        ("lock", "annex", "7"),
        ("lock", "hall", None),
    ]
    assert len({each.key for each in facts.observations}) == 2


def test_new_terms_change_the_service_though_no_money_moves() -> None:
    state = a_state("-1.00", an_account(kind=AccountKind.POSTPAID, limit="5.00"))
    state = AccountState(state.account, state.balance_micros, state.version, LOCKED_SERVICE)

    facts = consequences.reassessed(state, {}, POLICIES, NOW)

    assert facts.state.service == OPEN_SERVICE
    assert facts.state.version == state.version
    assert facts.transfers == ()
