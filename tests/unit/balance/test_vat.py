"""The tax in what moves: months of an account, reckoned by hand. 19 % are in every price."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from balance.vat import Closing, contained
from rtbill.domain.ledger import TransferKind
from rtbill.domain.vat import (
    CallTax,
    Movement,
    TaxedCredit,
    Undone,
    VatEntry,
    VatPoint,
    VatTerms,
)

BERLIN = ZoneInfo("Europe/Berlin")
ACCOUNTANT = date(2026, 1, 5)
OUTPUT, DEFERRED, REVENUE = "VAT output", "VAT deferred", "revenue:standard"
CARDS = "clearing:cards"
EUR = 1_000_000


def terms(point: VatPoint = VatPoint.TOP_UP, percent: int = 19) -> VatTerms:
    return VatTerms(
        number=1,
        since=datetime(2026, 1, 1, tzinfo=UTC),
        point=point,
        percent_ppm=percent * 10_000 if point is VatPoint.TOP_UP else 0,
        confirmed_by="A. Counter",
        confirmed_on=ACCOUNTANT,
    )


class Account:
    """One account whose movements are closed one by one."""

    def __init__(self, point: VatPoint = VatPoint.TOP_UP, *, is_prepaid: bool = True) -> None:
        self.closing = Closing(terms(point), BERLIN, {})
        self.balance = 0
        self.row = 0
        self.is_prepaid = is_prepaid

    def moves(self, euros: float, kind: TransferKind, own_side: str, **fields: Any) -> Account:
        """A movement; what it takes back as `undone`."""
        undone = fields.pop("undone", None)
        change = round(euros * EUR)
        self.balance += change
        self.row += 1
        values: dict[str, Any] = {
            "row": self.row,
            "key": f"t{self.row}",
            "kind": kind,
            "account": "room-1",
            "is_prepaid": self.is_prepaid,
            "own_side": own_side,
            "revenue": REVENUE,
            "change_micros": change,
            "balance_after_micros": self.balance,
            "currency": "EUR",
            "posted_at": datetime(2026, 7, 1, 10, tzinfo=UTC),
            "reverses": None,
            "tax": None,
        }
        self.closing.add(Movement(**(values | fields)), undone)
        return self

    def buys(self, euros: float, **fields: Any) -> Account:
        return self.moves(euros, TransferKind.TOP_UP, CARDS, **fields)

    def calls(self, euros: float, tax: float = 0.0, **fields: Any) -> Account:
        price = round(euros * EUR)
        of_call = CallTax(round(tax * EUR), price, "retail 1") if tax else None
        return self.moves(-euros, TransferKind.CALL, REVENUE, tax=of_call, **fields)

    def is_given(self, euros: float) -> Account:
        return self.moves(euros, TransferKind.CORRECTION, "corrections")

    def gets_back(self, euros: float, undone: Undone) -> Account:
        """A refund to its card."""
        return self.moves(-euros, TransferKind.REFUND, CARDS, undone=undone, reverses="t1")

    def sums(self) -> dict[tuple[str, str], int]:
        """Micros by debit and credit."""
        found: Counter[tuple[str, str]] = Counter()
        for each in self.closing.entries:
            found[each.debit, each.credit] += each.micros
        return dict(found)

    def of(self, side: str) -> int:
        """What stands on one of the biller's own accounts, credit above zero."""
        signs = ((e.micros, (e.credit == side) - (e.debit == side)) for e in self.closing.entries)
        return sum(micros * sign for micros, sign in signs)

    @property
    def taxed(self) -> TaxedCredit:
        return next(iter(self.closing.credits), TaxedCredit("room-1"))


@pytest.mark.parametrize(
    ("gross", "ppm", "tax"),
    [
        (11_900_000, 190_000, 1_900_000),
        (10_000_000, 190_000, 1_596_639),  # 1.596 638 655…
        (1, 190_000, 0),  # 0.159…
        (4, 190_000, 1),  # 0.638…
        (10_000_000, 200_000, 1_666_667),
        (10_000_000, 55_000, 521_327),  # 0.521 327 014…
    ],
)
def test_the_tax_in_a_price_is_rounded_half_up(gross: int, ppm: int, tax: int) -> None:
    assert contained(gross, ppm) == tax


def test_tax_is_due_with_the_top_up_and_waits_until_the_credit_is_used() -> None:
    account = Account().buys(11.90)
    [entry] = account.closing.entries
    assert entry == VatEntry(
        day=date(2026, 7, 1),
        debit=DEFERRED,
        credit=OUTPUT,
        micros=1_900_000,
        gross_micros=11_900_000,
        currency="EUR",
        rate="19 %",
        source=CARDS,
        belongs_to="t1",
    )
    assert account.taxed == TaxedCredit("room-1", 11_900_000, 1_900_000)


def test_a_call_from_taxed_credit_carries_no_second_tax() -> None:
    account = Account().buys(11.90).calls(2.38, tax=0.38)
    assert account.sums() == {(DEFERRED, OUTPUT): 1_900_000, (REVENUE, DEFERRED): 380_000}
    assert account.taxed == TaxedCredit("room-1", 9_520_000, 1_520_000)


def test_used_up_credit_leaves_no_tax_behind_whatever_was_rounded() -> None:
    account = Account().buys(10)
    for _ in range(7):
        account.calls(1.3)
    account.calls(0.9)
    assert account.balance == 0
    assert account.of(DEFERRED) == 0
    assert account.of(OUTPUT) == 1_596_639 == -account.of(REVENUE)


def test_calls_beyond_the_balance_are_taxed_by_what_pays_the_debt() -> None:
    account = Account().buys(11.90).calls(14.28)
    assert account.of(OUTPUT) == 1_900_000
    assert account.taxed == TaxedCredit("room-1")
    account.buys(11.90)  # 2.38 of it pay the debt
    assert account.of(OUTPUT) == 3_800_000
    assert account.of(REVENUE) == -(1_900_000 + 380_000)
    assert account.taxed == TaxedCredit("room-1", 9_520_000, 1_520_000)


def test_what_is_given_bears_no_tax_and_is_used_last() -> None:
    account = Account().is_given(5).buys(11.90).calls(11.90)
    assert account.sums() == {(DEFERRED, OUTPUT): 1_900_000, (REVENUE, DEFERRED): 1_900_000}
    account.calls(5)
    assert account.of(REVENUE) == -1_900_000


def test_a_refund_takes_back_its_share_and_the_last_one_the_rest() -> None:
    account = Account().buys(10)
    account.gets_back(3.33, Undone(10 * EUR, 1_596_639, 0, 0, "19 %"))
    assert account.of(OUTPUT) == 1_596_639 - 531_681  # 0.531 680 787
    account.gets_back(6.67, Undone(10 * EUR, 1_596_639, 3_330_000, 531_681, "19 %"))
    assert account.of(OUTPUT) == 0
    assert account.of(DEFERRED) == 0
    assert account.taxed == TaxedCredit("room-1")
    assert [e.reverses for e in account.closing.entries] == [None, "t1", "t1"]


def test_a_refund_goes_by_the_tax_of_its_own_top_up() -> None:
    """16 % were in it, while 19 % are in what is bought now."""
    account = Account().buys(11.90)
    account.gets_back(11.60, Undone(11_600_000, 1_600_000, 0, 0, "16 %"))
    last = account.closing.entries[-1]
    assert (last.micros, last.rate, last.debit) == (1_600_000, "16 %", OUTPUT)


def test_a_refund_of_credit_that_was_used_already_makes_the_use_untaxed() -> None:
    """10 bought and 10 given; 10 used and the bought 10 refunded: what was used was the gift."""
    account = Account().buys(11.90).is_given(11.90).calls(11.90)
    account.gets_back(11.90, Undone(11_900_000, 1_900_000, 0, 0, "19 %"))
    assert (account.of(OUTPUT), account.of(REVENUE), account.of(DEFERRED)) == (0, 0, 0)


def test_a_top_up_of_which_no_tax_was_booked_gives_none_back() -> None:
    account = Account().is_given(20)
    account.gets_back(10, Undone(10 * EUR, 0, 0, 0, ""))
    assert account.closing.entries == ()


def test_a_dispute_takes_the_tax_back_and_a_won_one_brings_it_again() -> None:
    account = Account().buys(11.90)
    lost = Undone(11_900_000, 1_900_000, 0, 0, "19 %")
    account.moves(-11.90, TransferKind.DISPUTE, "dispute receivable:cards", undone=lost)
    assert (account.of(OUTPUT), account.of(DEFERRED)) == (0, 0)
    again = Undone(11_900_000, -1_900_000, 0, 0, "19 %")
    account.moves(11.90, TransferKind.DISPUTE, "dispute receivable:cards", undone=again)
    assert (account.of(OUTPUT), account.of(DEFERRED)) == (1_900_000, -1_900_000)
    assert account.taxed == TaxedCredit("room-1", 11_900_000, 1_900_000)


def test_a_correction_downwards_loses_the_tax_that_was_paid() -> None:
    """Expired credit changes nothing of what is due (LG-21)."""
    account = Account().buys(11.90).is_given(-11.90)
    assert account.of(OUTPUT) == 1_900_000
    assert account.of("corrections") == -1_900_000
    assert account.of(DEFERRED) == 0


def test_a_call_rated_again_moves_the_difference_only() -> None:
    account = Account().buys(11.90).calls(2.38)
    account.moves(2.38, TransferKind.REVERSAL, REVENUE)
    account.moves(-1.19, TransferKind.CALL, REVENUE)
    assert account.of(OUTPUT) == 1_900_000
    assert account.of(REVENUE) == -190_000
    assert account.taxed == TaxedCredit("room-1", 10_710_000, 1_710_000)


def test_at_use_the_calls_bring_the_tax_of_their_price_plan() -> None:
    account = Account(VatPoint.USE).buys(10).calls(1.19, tax=0.19).calls(2.00)
    [entry] = account.closing.entries
    assert entry == VatEntry(
        day=date(2026, 7, 1),
        debit=REVENUE,
        credit=OUTPUT,
        micros=190_000,
        gross_micros=1_190_000,
        currency="EUR",
        rate="retail 1",
        source=REVENUE,
    )
    assert account.closing.credits == ()


def test_at_use_a_bundle_that_pays_half_leaves_half_the_tax() -> None:
    account = Account(VatPoint.USE).buys(10)
    half = CallTax(190_000, 1_190_000, "retail 1")
    account.moves(-0.595, TransferKind.CALL, REVENUE, tax=half)
    assert account.of(OUTPUT) == 95_000


def test_at_use_a_call_rated_again_takes_its_tax_back() -> None:
    account = Account(VatPoint.USE).buys(10).calls(1.19, tax=0.19)
    old = CallTax(190_000, 1_190_000, "retail 1")
    account.moves(1.19, TransferKind.REVERSAL, REVENUE, tax=old)
    assert account.of(OUTPUT) == 0


def test_at_use_what_the_biller_bears_is_no_turnover() -> None:
    account = Account(VatPoint.USE).buys(1).calls(1.19, tax=0.19)
    of_call = CallTax(190_000, 1_190_000, "retail 1")
    account.moves(0.19, TransferKind.CORRECTION, "overspend", tax=of_call)
    assert account.of(OUTPUT) == 190_000 - 30_336  # 0.19 x 19 / 119 = 0.030 336 134
    assert account.of("overspend") == 30_336


def test_credit_taxed_before_the_point_changed_carries_no_second_tax() -> None:
    account = Account(VatPoint.USE)
    account.closing = Closing(
        terms(VatPoint.USE), BERLIN, {"room-1": TaxedCredit("room-1", 595_000, 95_000)}
    )
    account.balance = 10 * EUR
    account.calls(1.19, tax=0.19)
    assert account.sums() == {(REVENUE, DEFERRED): 95_000, (REVENUE, OUTPUT): 95_000}


@pytest.mark.parametrize("point", list(VatPoint))
def test_postpaid_accounts_are_taxed_by_their_calls(point: VatPoint) -> None:
    account = Account(point, is_prepaid=False).calls(1.19, tax=0.19)
    account.moves(1.19, TransferKind.TOP_UP, "cash")
    assert account.sums() == {(REVENUE, OUTPUT): 190_000}


def test_an_account_that_became_postpaid_uses_up_what_was_taxed_first() -> None:
    account = Account().buys(11.90)
    account.calls(5.95, tax=0.95, is_prepaid=False)
    assert account.sums() == {(DEFERRED, OUTPUT): 1_900_000, (REVENUE, DEFERRED): 950_000}
    account.calls(7.14, tax=1.14, is_prepaid=False)
    assert account.sums() == {
        (DEFERRED, OUTPUT): 1_900_000,
        (REVENUE, DEFERRED): 1_900_000,
        (REVENUE, OUTPUT): 190_000,
    }
    assert account.taxed == TaxedCredit("room-1")


def test_the_sites_own_accounts_have_no_tax() -> None:
    account = Account().buys(10, account="house")
    assert account.closing.entries == ()


def test_a_day_is_the_sites() -> None:
    late = datetime(2026, 7, 31, 22, 30, tzinfo=UTC)  # half past midnight in Berlin
    account = Account().buys(10, posted_at=late)
    assert account.closing.entries[0].day == date(2026, 8, 1)
