"""A call from its record to its row: priced by a plan, debited, kept with all that explains it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from rtbill.alarms import Alarms
from rtbill.billing import Billing
from rtbill.chronicle import Chronicle
from rtbill.consequences import Policies
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Limits
from rtbill.domain.account import Extension, Membership
from rtbill.domain.changes import AddPricePlan, AddTariff, Assign, ChangeAccount
from rtbill.domain.directory import Directory
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.rated import Price
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment, Place
from rtbill.rating.chain import Asked
from rtbill.rating.explain import explain
from rtbill.rating.price_book import PriceBook
from tests.contract.conftest import Sides
from tests.fakes.books import a_rate, a_record, a_tariff
from tests.fakes.environment import NOON, CountingMeter
from tests.unit.rating.builders import YEAR_2026, a_discount, a_markup, a_plan, a_tax, some_terms

WHOLESALE = a_tariff(1, (a_rate(terms=some_terms("1/1", "0.12")),), "wholesale")
PLAN = a_plan(
    version=3,
    markups=(a_markup("20"),),
    discounts=(a_discount("10", pbxs=frozenset({"hotel"})),),
    tax=a_tax(),
)
ASSIGNMENT = Assignment(
    default="nobody",
    by_trunk={Place("hotel", "carrier"): "hall-plan"},
    carriers={Place("hotel", "carrier"): "wholesale"},
    trunks=(Place("hotel", "carrier"),),
)
PRICE = Price(
    321_300,  # 0.25, a fifth more, a tenth less: 0.27; 19 % of it 0.0513
    "EUR",
    "retail",
    1,
    "41",
    "Switzerland",
    60,
    plan="hall-plan",
    plan_version=3,
    tax_micros=51_300,
    cost_micros=120_000,
)


async def a_billing(books: Sides) -> Billing:
    """One over these books, as they stand."""
    reader = books.reader
    directory = Directory(await reader.accounts(), await reader.memberships())
    book = PriceBook(await reader.tariffs(), plans=await reader.price_plans())
    assessor = Assessor(directory, NumberPlan(), book, ASSIGNMENT)
    return Billing(
        store=books.store,
        directory=directory,
        assessor=assessor,
        control=CreditControl(assessor, directory, Limits()),
        policies=Policies({}),
        alarms=Alarms(books.clock),
        chronicle=Chronicle(),
        clock=books.clock,
        meter=CountingMeter(),
    )


async def test_the_row_of_a_call_holds_plan_version_tax_and_carriers_price(books: Sides) -> None:
    room = replace((await books.state()).account, tariff="")
    await books.store.change(ChangeAccount(room))
    await books.store.change(AddTariff(a_tariff()))
    await books.store.change(AddTariff(WHOLESALE))
    await books.store.change(AddPricePlan(PLAN))
    extension = Extension("hotel", "1001")
    await books.store.change(
        Assign(Membership(account=room.id, extension=extension, valid_from=YEAR_2026))
    )
    billing = await a_billing(books)

    call = billing.assessor.assess(a_record())
    committed = await books.store.submit(billing.operation(call))

    assert committed.facts is not None
    assert committed.facts.state.balance_micros == -321_300
    kept = await books.reader.call("hotel/1")
    assert kept == call
    assert kept is not None
    assert kept.price == PRICE
    assert kept.price.margin_micros == 150_000


async def test_a_kept_call_is_explained_from_the_versions_that_it_names(books: Sides) -> None:
    """What it cost is computed again from the books alone, whatever came after."""
    await test_the_row_of_a_call_holds_plan_version_tax_and_carriers_price(books)
    await books.store.change(AddPricePlan(a_plan(version=4, markups=(a_markup("500"),))))

    kept = await books.reader.call("hotel/1")
    assert kept is not None
    assert kept.price is not None
    assert kept.number is not None
    assert kept.record.answered_at is not None
    plans = [
        each
        for each in await books.reader.price_plans()
        if (each.name, each.version) == (kept.price.plan, kept.price.plan_version)
    ]
    offer = PriceBook(await books.reader.tariffs(), plans=plans).offer(
        kept.price.plan, kept.record.answered_at, "wholesale"
    )
    asked = Asked(kept.number, NOON, kept.account, kept.record.id.pbx)
    explained = explain(offer, asked, kept.record.talk_us)

    assert explained.price == kept.price
    assert sum(line.amount for line in explained.lines) == Fraction(kept.price.micros, 1_000_000)
