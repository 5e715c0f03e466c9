"""What service is wanted, and what must be changed for it."""

from __future__ import annotations

import itertools

import pytest

from rtbill.domain.account import (
    LOCKED_SERVICE,
    OPEN_SERVICE,
    AccountKind,
    Incoming,
    Outgoing,
    Service,
)
from rtbill.exchanges.enforcement import Policy, combine, decide, differences
from tests.fakes.builders import a_state, an_account

DIVERTED = Service(Outgoing.OPEN, Incoming.DIVERT)
BOTH = Service(Outgoing.LOCKED, Incoming.DIVERT)
ALL = [OPEN_SERVICE, LOCKED_SERVICE, DIVERTED, BOTH]


@pytest.mark.parametrize("exhausted", ALL)
def test_the_class_chooses_lock_and_divert_apart(exhausted: Service) -> None:
    policy = Policy(exhausted=exhausted, exhausted_below_micros=10_000)

    assert decide(a_state("0"), policy) == exhausted
    assert decide(a_state("0.01"), policy) == OPEN_SERVICE


def test_a_postpaid_account_is_served_down_to_its_credit_limit() -> None:
    account = an_account(kind=AccountKind.POSTPAID, limit="50.00")

    assert decide(a_state("-49.99", account), Policy()) == OPEN_SERVICE
    assert decide(a_state("-50.00", account), Policy()) == LOCKED_SERVICE


@pytest.mark.parametrize(("one", "other"), list(itertools.product(ALL, ALL)))
def test_of_several_reasons_the_strictest_holds_whatever_their_order(
    one: Service, other: Service
) -> None:
    combined = combine([one, other])

    assert combined == combine([other, one])
    assert (combined.outgoing is Outgoing.LOCKED) == (
        Outgoing.LOCKED in (one.outgoing, other.outgoing)
    )
    assert (combined.incoming is Incoming.DIVERT) == (
        Incoming.DIVERT in (one.incoming, other.incoming)
    )


def test_no_reason_at_all_is_open() -> None:
    assert combine([]) == OPEN_SERVICE


def test_only_what_differs_is_set() -> None:
    wanted = {"1001": LOCKED_SERVICE, "1002": BOTH, "1003": OPEN_SERVICE}
    confirmed = {"1001": LOCKED_SERVICE, "1002": LOCKED_SERVICE}

    assert differences(wanted, confirmed, OPEN_SERVICE) == {"1002": BOTH}


def test_what_nobody_wants_locked_is_opened() -> None:
    assert differences({}, {"1009": LOCKED_SERVICE}, OPEN_SERVICE) == {"1009": OPEN_SERVICE}


def test_after_the_differences_are_set_nothing_differs() -> None:
    wanted = {"1001": LOCKED_SERVICE, "1002": BOTH}
    confirmed = {"1002": LOCKED_SERVICE, "1009": DIVERTED}

    now = confirmed | differences(wanted, confirmed, OPEN_SERVICE)

    assert differences(wanted, now, OPEN_SERVICE) == {}
