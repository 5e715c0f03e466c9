"""Transfers of bought credit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from balance import buying
from rtbill.domain.account import OPEN_SERVICE, AccountState
from rtbill.domain.ledger import TransferKind
from rtbill.domain.top_up import Reversal, ReversalKind, ReversalStage, TopUpState
from tests.fakes.books import an_account
from tests.fakes.environment import NOON
from tests.fakes.till import EUR, REFERENCE, a_top_up, euros

PAID = a_top_up(state=TopUpState.APPROVED, provider_id="pi_1")


def a_state(balance_micros: int = 10 * EUR) -> AccountState:
    return AccountState(an_account(), balance_micros, 4, OPEN_SERVICE)


def a_reversal(kind: ReversalKind, stage: ReversalStage, booked: int = 0) -> Reversal:
    return Reversal(
        key="r_1",
        kind=kind,
        top_up=REFERENCE,
        gateway="stripe",
        money=euros(4),
        stage=stage,
        at=NOON,
        booked_micros=booked,
    )


def test_a_credit_comes_from_what_the_provider_took_in() -> None:
    facts = buying.credit(a_state(0), PAID, NOON)
    (transfer,) = facts.transfers
    assert (transfer.debit, transfer.credit) == ("clearing:stripe", "room-1")
    assert (transfer.key, transfer.kind) == ("stripe:pi_1:credit", TransferKind.TOP_UP)
    assert (facts.state.balance_micros, facts.state.version) == (10 * EUR, 5)


TAKEN = "dispute receivable:stripe"
MOVES = [
    (ReversalKind.REFUND, ReversalStage.WANTED, 0, -4, "clearing:stripe", "refund"),
    (ReversalKind.REFUND, ReversalStage.PENDING, 0, -4, "clearing:stripe", "refund"),
    (ReversalKind.REFUND, ReversalStage.DONE, 0, -4, "clearing:stripe", "refund"),
    (ReversalKind.REFUND, ReversalStage.FAILED, 4, 4, "clearing:stripe", "failed"),
    (
        ReversalKind.DISPUTE,
        ReversalStage.WITHDRAWN,
        0,
        -4,
        "dispute receivable:stripe",
        "withdrawn",
    ),
    (
        ReversalKind.DISPUTE,
        ReversalStage.REINSTATED,
        4,
        4,
        "dispute receivable:stripe",
        "reinstated",
    ),
]


@pytest.mark.parametrize(("kind", "stage", "booked", "change", "own_side", "key"), MOVES)
def test_each_stage_moves_what_is_not_booked(
    kind: ReversalKind, stage: ReversalStage, booked: int, change: int, own_side: str, key: str
) -> None:
    facts = buying.reverse(a_state(), PAID, a_reversal(kind, stage, booked * EUR), NOON)
    (transfer,) = facts.transfers
    assert transfer.change_micros == change * EUR
    assert {transfer.debit, transfer.credit} == {"room-1", own_side}
    assert transfer.key == f"stripe:r_1:{key}"
    assert facts.state.balance_micros == (10 + change) * EUR


@pytest.mark.parametrize(
    ("kind", "stage", "booked"),
    [
        (ReversalKind.REFUND, ReversalStage.DONE, 4 * EUR),
        (ReversalKind.REFUND, ReversalStage.FAILED, 0),
        (ReversalKind.DISPUTE, ReversalStage.INQUIRY, 0),
        (ReversalKind.DISPUTE, ReversalStage.REINSTATED, 0),
    ],
)
def test_what_is_booked_as_it_should_be_moves_nothing(
    kind: ReversalKind, stage: ReversalStage, booked: int
) -> None:
    state = a_state()
    facts = buying.reverse(state, PAID, a_reversal(kind, stage, booked), NOON)
    assert (facts.transfers, facts.state) == ((), state)


def test_what_takes_back_names_what_it_takes_back() -> None:
    refund = a_reversal(ReversalKind.REFUND, ReversalStage.DONE)
    failed = replace(refund, stage=ReversalStage.FAILED, booked_micros=4 * EUR)
    taken, given = (buying.reverse(a_state(), PAID, each, NOON) for each in (refund, failed))
    assert taken.transfers[0].reverses == "stripe:pi_1:credit"
    assert given.transfers[0].reverses == taken.transfers[0].key
