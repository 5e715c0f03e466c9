"""Statements follow from entries and from nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance import ledger, statement
from balance.statement import Statement
from rtbill.domain.rated import PricedCall, RatedCall, Repriced
from rtbill.ports import PostedTransfer
from tests.fakes.books import a_call, a_price, a_record
from tests.fakes.builders import a_state, at

NOW = at("12:00:00")
CALLS = [
    a_call("1", micros=200_000, person="Kim Lee"),
    a_call("2", micros=300_000, record=a_record("2", payer="1002")),
    a_call("3", micros=500_000, person="Kim Lee"),
]


def posted(calls: list[RatedCall], opening: str = "0") -> list[PostedTransfer]:
    """A credit of 5.00, then the calls."""
    state = a_state(opening)
    facts = ledger.credit(state, 5_000_000, "first", NOW, "")
    transfers = list(facts.transfers)
    for call in calls:
        facts = ledger.post_call(facts.state, call)
        transfers += facts.transfers
    return [PostedTransfer(transfer, NOW) for transfer in transfers]


def built(
    transfers: list[PostedTransfer], opening_micros: int = 0, currency: str = "EUR"
) -> Statement:
    calls = {str(call.record.id): call for call in CALLS}
    return statement.build("room-1", currency, transfers, calls, opening_micros)


def test_a_statement_goes_from_the_opening_balance_over_each_entry_to_the_closing() -> None:
    made = built(posted(CALLS))

    assert [line.amount_micros for line in made.lines] == [5_000_000, -200_000, -300_000, -500_000]
    assert [line.balance_micros for line in made.lines][-1] == made.closing_micros == 4_000_000


def test_each_member_is_shown_and_their_shares_add_up_to_what_the_group_pays() -> None:
    made = built(posted(CALLS))

    assert made.by_member == (("1002", 1, 300_000), ("Kim Lee", 2, 700_000))
    assert sum(share for _, _, share in made.by_member) == 1_000_000


def test_a_statement_without_entries_closes_as_it_opened() -> None:
    made = built([], opening_micros=1_230_000)

    assert (made.lines, made.closing_micros) == ((), 1_230_000)


def test_made_again_it_is_the_same() -> None:
    assert built(posted(CALLS)) == built(posted(CALLS))


def test_an_entry_that_is_missing_stops_the_statement() -> None:
    with pytest.raises(AssertionError, match="do not chain"):
        built(posted(CALLS)[1:])


def test_an_entry_that_was_altered_stops_the_statement() -> None:
    transfers = posted(CALLS)
    transfers[1] = replace(
        transfers[1], transfer=transfers[1].transfer._replace(amount_micros=200_001)
    )

    with pytest.raises(AssertionError, match="do not chain"):
        built(transfers)


def test_entries_of_two_currencies_never_meet_in_a_statement() -> None:
    with pytest.raises(AssertionError, match="another currency"):
        built(posted(CALLS), currency="CHF")


@given(st.integers(0, 4))
def test_splitting_a_period_leaves_the_total_unchanged(cut: int) -> None:
    transfers = posted(CALLS)

    first = built(transfers[:cut])
    second = built(transfers[cut:], opening_micros=first.closing_micros)

    assert second.closing_micros == built(transfers).closing_micros


def test_a_call_that_was_rated_again_is_counted_once_at_its_newest_price() -> None:
    transfers = posted(CALLS[:1])
    state = a_state("4.80")._replace(version=transfers[-1].transfer.version)
    call = PricedCall(
        row=1,
        key="hotel/1",
        pbx="hotel",
        trunk="carrier",
        number="+41315550100",
        began_us=0,
        answered_at=NOW,
        talk_us=60_000_000,
        micros=200_000,
        last_run=None,
        invoiced=None,
        debited="call:hotel/1",
        revenue="revenue:standard",
    )
    facts = ledger.reprice(state, 1, [Repriced(call, a_price(150_000))], NOW)

    made = built(transfers + [PostedTransfer(transfer, NOW) for transfer in facts.transfers])

    assert made.by_member == (("Kim Lee", 1, 150_000),)
    assert made.closing_micros == 4_850_000
