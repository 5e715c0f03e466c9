"""What `rtbill rate` asks of the books: whose prices, from where, by which list."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from rtbill.app.quoting import Question, Quote, quote
from rtbill.config import Config
from rtbill.domain.changes import AddPricePlan, AddTariff, CreateAccount
from rtbill.domain.errors import NoRate, Refused, UnknownAccount
from rtbill.pricing.assignment import Place
from tests.fakes.books import an_account
from tests.fakes.builders import a_rate, a_tariff, at
from tests.fakes.config_file import GOOD, load
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_clock import VirtualClock
from tests.unit.rating.builders import a_discount, a_markup, a_plan, a_tax

TRUNKS = """tariff = "of-trunk"
carrier = "wholesale"
[[pbx.trunk]]
name = "spare"
match = ["PJSIP/spare-*"]
[account_classes.student]
tariff = "of-class"
"""
PLAN = a_plan(
    "germany",
    name="hall-plan",
    markups=(a_markup("20"),),
    discounts=(a_discount("50", accounts=frozenset({"room-1"}), pbxs=frozenset({"hall"})),),
    tax=a_tax(),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(tmp_path, GOOD + TRUNKS)


@pytest.fixture
async def books() -> MemoryStore:
    """Lists that take another price for each second each; room-1 has a plan."""
    store = MemoryStore(VirtualClock())
    for cents, name in enumerate(("germany", "of-trunk", "of-class", "wholesale"), start=1):
        rate = a_rate("1/1", f"{cents * 0.6:.2f}", prefix="49")
        await store.change(AddTariff(a_tariff(rate, name=name)))
    await store.change(AddPricePlan(PLAN))
    for account in (
        an_account("room-1", tariff="hall-plan"),
        an_account("room-2", tariff=""),
        an_account("room-3", tariff="", account_class="student"),
        an_account("swiss", tariff="", currency="CHF"),
        an_account("lost", tariff="nobody"),
    ):
        await store.change(CreateAccount(account))
    return store


async def ask(config: Config, books: MemoryStore, **fields: Any) -> Quote:
    values: dict[str, Any] = {
        "dialled": "03012345678",
        "answered_at": at("12:00:00"),
        "talk_us": 10_000_000,
    }
    return await quote(config, books, Question(**(values | fields)))


async def list_of(config: Config, books: MemoryStore, **fields: Any) -> str:
    found = await ask(config, books, **fields)
    assert found.explanation is not None
    return found.explanation.price.plan or found.explanation.price.tariff


async def test_the_list_is_found_as_for_a_real_call(config: Config, books: MemoryStore) -> None:
    carrier, spare = Place("hall", "carrier"), Place("hall", "spare")
    questions: dict[tuple[str, Place], str] = {
        ("", Place()): "germany",
        ("", carrier): "of-trunk",
        ("", spare): "germany",
        ("room-1", carrier): "hall-plan",
        ("room-2", carrier): "of-trunk",
        ("room-2", spare): "germany",
        ("room-2", Place("hall")): "germany",
        ("room-3", carrier): "of-class",
    }
    found = {
        (account, place): await list_of(config, books, account=account, place=place)
        for account, place in questions
    }
    assert found == questions


async def test_a_list_that_is_named_comes_before_all(config: Config, books: MemoryStore) -> None:
    place = Place("hall", "carrier")
    for name in ("of-class", "hall-plan"):
        assert await list_of(config, books, account="room-2", place=place, price_list=name) == name


async def test_the_plan_is_explained_with_the_accounts_discounts(
    config: Config, books: MemoryStore
) -> None:
    found = await ask(config, books, account="room-1", place=Place("hall", "carrier"))
    assert found.explanation is not None
    assert [(each.kind, each.amount) for each in found.explanation.lines] == [
        ("increments", Fraction("0.1")),
        ("markup", Fraction("0.02")),
        ("discount", Fraction("-0.06")),
        ("tax", Fraction("0.0114")),
    ]
    cost = found.explanation.price
    assert (cost.micros, cost.tax_micros, cost.cost_micros) == (71_400, 11_400, 400_000)
    elsewhere = await ask(config, books, account="room-1")
    assert elsewhere.explanation is not None
    assert elsewhere.explanation.price.micros == 142_800


async def test_a_number_that_is_not_charged_has_no_explanation(
    config: Config, books: MemoryStore
) -> None:
    assert (await ask(config, books, dialled="112")).explanation is None


@pytest.mark.parametrize(
    ("question", "error", "why"),
    [
        ({"account": "room-9"}, UnknownAccount, "there is no account room-9"),
        ({"account": "room-9", "price_list": "germany"}, UnknownAccount, "room-9"),
        ({"account": "swiss"}, NoRate, "tariff germany is in EUR, account swiss in CHF"),
        ({"account": "lost"}, NoRate, "there is no tariff or price plan 'nobody'"),
        ({"price_list": "no"}, NoRate, "there is no tariff or price plan 'no'"),
        ({"dialled": "0041315550100"}, NoRate, "no rate"),
        ({"dialled": "hello"}, Refused, "cannot be priced"),
        ({"place": Place("attic")}, Refused, "no exchange 'attic'; known are hall"),
        ({"place": Place("", "carrier")}, Refused, "no exchange ''"),
        ({"place": Place("hall", "gsm")}, Refused, "no trunk 'gsm'; known are carrier, spare"),
    ],
)
async def test_a_question_without_an_answer_says_why(
    config: Config, books: MemoryStore, question: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        await ask(config, books, **question)


async def test_a_call_of_another_time_is_priced_by_the_version_of_then(
    config: Config, books: MemoryStore
) -> None:
    dearer = replace(PLAN, version=2, valid_from=at("2026-12-01"), tax=None)
    await books.change(AddPricePlan(dearer))
    versions = []
    for day in ("2026-11-30", "2026-12-01"):
        found = await ask(config, books, price_list="hall-plan", answered_at=at(day))
        assert found.explanation is not None
        versions.append(found.explanation.price.plan_version)
    assert versions == [1, 2]


async def test_a_carriers_list_that_says_nothing_is_told_with_the_reason(
    config: Config, books: MemoryStore, tmp_path: Path
) -> None:
    place = Place("hall", "carrier")
    await books.change(AddTariff(a_tariff(a_rate(prefix="33"), name="french")))
    await books.change(AddTariff(a_tariff(a_rate(prefix="49"), name="swiss", currency="CHF")))
    reasons = {
        "wholesale": "",
        "wholesael": "there is no tariff 'wholesael'",
        "french": "tariff 'french' has no rate for +493012345678",
        "swiss": "tariff 'swiss' is in CHF, the price in EUR",
    }
    told = {}
    for name in reasons:
        other = load(tmp_path, GOOD + TRUNKS.replace("wholesale", name))
        told[name] = (await ask(other, books, place=place)).why_no_cost
    assert told == reasons
    assert (await ask(config, books)).why_no_cost == ""


async def test_the_only_trunk_there_is_need_not_be_named(
    books: MemoryStore, tmp_path: Path
) -> None:
    alone = load(tmp_path, GOOD + 'tariff = "of-trunk"\n')
    for place in (Place(), Place("hall"), Place("hall", "carrier")):
        assert await list_of(alone, books, account="room-2", place=place) == "of-trunk"
