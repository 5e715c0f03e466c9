"""Tax of what moved: closed in order, once, in every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest

import rtbill.vat
from balance import ledger
from payments import wanting
from payments.attempts import Event
from payments.wanting import GiveBack
from rtbill.alarms import Alarms
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.changes import CreateAccount
from rtbill.domain.errors import Conflict
from rtbill.domain.ledger import TransferKind
from rtbill.domain.payment import Approved
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.rated import Facts, Repriced
from rtbill.domain.top_up import Asker
from rtbill.domain.vat import CallTax, SetVatTerms, VatClosing, VatPoint, VatStanding, VatTerms
from rtbill.domain.work import Operation
from rtbill.vat import VatBook
from tests.contract.conftest import Sides
from tests.contract.test_rerating import begin, priced, slice_of
from tests.contract.test_top_ups import hearing, step, wanting_it
from tests.fakes.books import a_call, a_price, an_account, credit, posting
from tests.fakes.environment import NOON
from tests.fakes.till import a_method, euros, settings

TERMS = VatTerms(
    number=1,
    since=NOON,
    point=VatPoint.TOP_UP,
    percent_ppm=190_000,
    confirmed_by="A. Counter",
    confirmed_on=date(2026, 1, 5),
)
AT_USE = replace(TERMS, point=VatPoint.USE, percent_ppm=0)
DAY = NOON.date()


def book(books: Sides, terms: VatTerms | None = TERMS) -> VatBook:
    return VatBook(
        store=books.store,
        reader=books.reader,
        alarms=Alarms(books.clock),
        clock=books.clock,
        zone=ZoneInfo("Europe/Berlin"),
        wanted=terms,
    )


async def sums(books: Sides) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Tax, gross and number of movements by debit, credit and source."""
    found = await books.reader.vat_sums(DAY, DAY + timedelta(days=1))
    return {
        (each.debit, each.credit, each.source): (each.micros, each.gross_micros, each.movements)
        for each in found
    }


async def buy(books: Sides) -> None:
    """Ten euros by card."""
    await books.store.change(KeepMethod(a_method()))
    await books.store.change(SetReplenishment(settings()))
    await books.store.take_step(wanting_it("1", asked_by=Asker.HOLDER, money=euros(10)))
    for told in (Event.CREATE_ASKED, Approved("pi_1", euros(10))):
        await books.store.take_step(hearing(told, "1"))


async def refund(books: Sides, amount: float, key: str) -> None:
    back = GiveBack(key=key, money=euros(amount), reason="", at=NOON)
    await books.store.take_step(step(partial(wanting.give_back, wanted=back), "1"))


async def test_nothing_is_booked_where_nobody_said_how(books: Sides) -> None:
    await books.store.submit(credit("one"))
    assert await book(books, None).close() == 0
    assert await books.reader.vat_terms() == []
    assert await books.reader.vat_closed() == (0, 0)
    assert await sums(books) == {}


async def test_tax_begins_with_the_next_movement(books: Sides) -> None:
    await books.store.submit(credit("before"))
    assert await book(books).close() == 0
    assert await books.reader.vat_terms() == [replace(TERMS, since=books.clock.now(), after=1)]
    assert await books.reader.vat_closed() == (1, 0)
    await books.store.submit(credit("one", 11_900_000))
    await books.store.submit(credit("two", 11_900_000))
    assert await books.reader.vat_closed() == (1, 2)
    assert await book(books).close() == 2
    assert await books.reader.vat_closed() == (3, 0)
    assert await sums(books) == {("VAT deferred", "VAT output", "cash"): (3_800_000, 23_800_000, 2)}
    assert await books.reader.vat_standings() == [
        VatStanding("EUR", 23_800_000, 3_800_000, 10_000_000)
    ]


@pytest.mark.parametrize("slice_", [1, 2, 1000])
async def test_a_month_comes_out_the_same_however_it_is_sliced(
    books: Sides, monkeypatch: pytest.MonkeyPatch, slice_: int
) -> None:
    monkeypatch.setattr(rtbill.vat, "SLICE", slice_)
    await book(books).close()
    await buy(books)
    for leg in ("1", "2", "3"):
        await books.store.submit(posting(a_call(leg)))
    await refund(books, 2, "71")
    await refund(books, 3, "72")
    assert await book(books).close() == 6
    assert await sums(books) == {
        ("VAT deferred", "VAT output", "clearing:stripe"): (1_596_639, 10_000_000, 1),
        # 0.319 327 8 and 0.478 991 7, of which the tax of the whole was 1.596 639
        ("VAT output", "VAT deferred", "clearing:stripe"): (798_320, 5_000_000, 2),
        # Each quarter of a euro has 0.039 915 966; what is left is rounded each time.
        ("revenue:standard", "VAT deferred", "revenue:standard"): (119_748, 750_000, 3),
    }
    assert await books.reader.vat_standings() == [VatStanding("EUR", 4_250_000, 678_571, 0)]


async def test_what_goes_back_wholly_leaves_no_tax(books: Sides) -> None:
    await book(books).close()
    await buy(books)
    for number in range(3):
        await refund(books, 3.33, str(70 + number))
    await refund(books, 0.01, "79")
    await book(books).close()
    found = await sums(books)
    assert found["VAT output", "VAT deferred", "clearing:stripe"] == (1_596_639, 10_000_000, 4)
    assert await books.reader.vat_standings() == [VatStanding("EUR", 0, 0, 0)]


async def test_cash_that_goes_back_takes_its_tax_with_it_at_the_rate_of_its_day(
    books: Sides,
) -> None:
    await book(books).close()
    await books.store.submit(paid("one", 10_000_000))
    await book(books).close()
    lower = replace(TERMS, number=2, percent_ppm=160_000)
    await book(books, lower).close()
    for key, micros in (("a", 2_500_000), ("b", 7_500_000)):
        await books.store.submit(given_back("one", key, micros))
    await book(books, lower).close()
    assert await sums(books) == {
        ("VAT deferred", "VAT output", "cash"): (1_596_639, 10_000_000, 1),
        ("VAT output", "VAT deferred", "cash"): (1_596_639, 10_000_000, 2),
    }
    assert await books.reader.vat_standings() == [VatStanding("EUR", 0, 0, 0)]
    [credited] = (await books.reader.transfers_by_key(["credit:one"])).values()
    back = await books.reader.taken_back(credited)
    assert {key: each.amount_micros for key, each in back.items()} == {
        "refunded:a": 2_500_000,
        "refunded:b": 7_500_000,
    }
    assert await books.reader.taken_back(back["refunded:a"]) == {}


def paid(key: str, micros: int) -> Operation:
    return Operation(
        "room-1",
        ledger.credit_key(key),
        lambda state, _pools: ledger.credit(state, micros, key, NOON, "paid"),
    )


def given_back(of: str, key: str, micros: int) -> Operation:
    def decide(state: AccountState, _pools: Pools) -> Facts:
        credited = ledger.credit(state, 10_000_000, of, NOON, "paid").transfers[0]
        return ledger.refund(state, credited, micros, key, NOON, "a mistake")

    return Operation("room-1", ledger.refund_key(key), decide)


async def test_movements_bring_the_tax_of_their_call(books: Sides) -> None:
    taxed = a_price()._replace(plan="retail", plan_version=3, tax_micros=40_000)
    await books.store.submit(credit("one"))
    await books.store.submit(posting(a_call("1")._replace(price=taxed)))
    await books.store.submit(posting(a_call("2")))
    await begin(books)
    [call, _] = await priced(books)
    newer = a_price(125_000)._replace(plan="retail", plan_version=4, tax_micros=20_000)
    decide = partial(ledger.reprice, run=1, at=NOON, calls=[Repriced(call, newer)])
    await books.store.reprice(
        replace(
            slice_of([call]),
            calls=(Repriced(call, newer),),
            decide=lambda state, _, __: decide(state),
        )
    )
    found = await books.reader.vat_movements(1, 100)
    assert [(each.kind, each.tax) for each in found] == [
        (TransferKind.CALL, CallTax(40_000, 250_000, "retail 3")),
        (TransferKind.CALL, None),
        (TransferKind.REVERSAL, CallTax(40_000, 250_000, "retail 3")),
        (TransferKind.CALL, CallTax(20_000, 125_000, "retail 4")),
    ]
    assert [each.row for each in found] == [2, 3, 4, 5]
    assert await books.reader.vat_movements(4, 100) == found[3:]
    assert await books.reader.vat_movements(1, 2) == found[:2]


async def test_at_use_calls_rated_again_are_taxed_by_their_newest_price(books: Sides) -> None:
    await book(books, AT_USE).close()
    await test_movements_bring_the_tax_of_their_call(books)
    await book(books, AT_USE).close()
    found = await books.reader.vat_sums(DAY, DAY + timedelta(days=1))
    assert [(each.debit, each.rate, each.micros, each.gross_micros) for each in found] == [
        ("VAT output", "retail 3", 40_000, 250_000),
        ("revenue:standard", "retail 3", 40_000, 250_000),
        ("revenue:standard", "retail 4", 20_000, 125_000),
    ]


async def test_what_moved_before_newer_terms_is_booked_by_the_old_ones(books: Sides) -> None:
    """Also where it was not booked yet, and whenever that is done."""
    await book(books).close()
    await books.store.submit(credit("one", 11_900_000))
    lower = replace(TERMS, percent_ppm=160_000, confirmed_on=date(2026, 6, 30))
    await books.store.change(SetVatTerms(replace(lower, number=2)))
    await books.store.submit(credit("two", 11_600_000))
    assert await book(books, lower).close() == 2
    assert [(each.number, each.after) for each in await books.reader.vat_terms()] == [
        (1, 0),
        (2, 1),
    ]
    found = await books.reader.vat_sums(DAY, DAY + timedelta(days=1))
    assert {each.rate: each.micros for each in found} == {"16 %": 1_600_000, "19 %": 1_900_000}


async def test_the_same_terms_are_not_set_again(books: Sides) -> None:
    for _ in range(2):
        await book(books).close()
    assert [each.number for each in await books.reader.vat_terms()] == [1]


async def test_terms_that_are_not_said_any_more_hold_and_are_an_alarm(books: Sides) -> None:
    await book(books).close()
    await books.store.submit(credit("one", 11_900_000))
    silent = book(books, None)
    assert await silent.close() == 1
    [alarm] = silent.alarms.active()
    assert (alarm.kind, alarm.subject) == ("vat", "terms")
    assert "A. Counter confirmed on 2026-01-05" in alarm.text


async def test_a_closing_that_another_one_overtook_is_refused(books: Sides) -> None:
    await book(books).close()
    await books.store.submit(credit("one"))
    await book(books).close()
    late = VatClosing(after=0, upto=1, entries=(), credits=())
    with pytest.raises(Conflict, match="booked by another closing"):
        await books.store.change(late)


async def test_accounts_are_kept_apart(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    await book(books).close()
    for room, micros in (("room-1", 11_900_000), ("room-2", 1_190_000)):
        await books.store.submit(credit(room, micros, room))
    await book(books).close()
    found = await books.reader.taxed_credits(["room-1", "room-2", "room-3"])
    assert {key: tuple(each) for key, each in found.items()} == {
        "room-1": ("room-1", 11_900_000, 1_900_000),
        "room-2": ("room-2", 1_190_000, 190_000),
    }
