"""Price plans as people write them: every key, good and bad."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rtbill.domain.errors import ConfigError
from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, Markup, PricePlan, Tax
from rtbill.domain.tariff import Rounding
from rtbill.formats.price_plan_file import PlanHead, plan_lines, read_plan
from rtbill.formats.wording import Wording

EXAMPLE = Path(__file__).parents[3] / "examples" / "price-plan.toml"
BERLIN = Wording("Europe/Berlin", ["hall"])
HEAD = PlanHead("hall-plan", 3, "EUR", datetime(2026, 6, 1, tzinfo=UTC))
WHOLE = """
tariffs = ["vip", "Tarif 2026"]
at_cost = true
minimum = "0.05"
rounding = { mode = "half_even", digits = 3 }
tax = { name = "MwSt.", percent = "8.1" }
[[markup]]
percent = "20"
per_minute = "0.005"
per_call = "0.02"
[[markup]]
percent = "19.2501"
prefixes = ["49", "+4175"]
[[discount]]
name = "Christmas"
percent = "10"
prefixes = ["49"]
accounts = ["room-1", "Büro 7"]
pbxs = ["hall"]
from = "2026-12-24"
until = "2027-01-01T06:00"
[[discount]]
name = "Loyal"
percent = "100"
"""


def read(text: str) -> PricePlan:
    return read_plan(tomllib.loads(text), HEAD, BERLIN)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value.problems


def test_every_key_is_read() -> None:
    assert read(WHOLE) == PricePlan(
        name="hall-plan",
        version=3,
        currency="EUR",
        valid_from=datetime(2026, 6, 1, tzinfo=UTC),
        tariffs=("vip", "Tarif 2026"),
        is_at_cost=True,
        markups=(
            Markup(percent_ppm=200_000, per_minute_micros=5_000, per_call_micros=20_000),
            Markup(percent_ppm=192_501, prefixes=("49", "4175")),
        ),
        discounts=(
            Discount(
                name="Christmas",
                percent_ppm=100_000,
                prefixes=("49",),
                accounts=frozenset({"room-1", "Büro 7"}),
                pbxs=frozenset({"hall"}),
                since=datetime(2026, 12, 23, 23, tzinfo=UTC),
                until=datetime(2027, 1, 1, 5, tzinfo=UTC),
            ),
            Discount(name="Loyal", percent_ppm=1_000_000),
        ),
        charge_min_micros=50_000,
        rounding=Rounding(RoundingMode.HALF_EVEN, 3),
        tax=Tax("MwSt.", 81_000),
    )


def test_a_plan_of_tariffs_alone_changes_nothing_and_rounds_half_up_to_four_digits() -> None:
    plan = read('tariffs = ["retail"]')

    assert plan == PricePlan(
        name="hall-plan", version=3, currency="EUR", valid_from=HEAD.valid_from, tariffs=("retail",)
    )
    assert plan.rounding == Rounding(RoundingMode.HALF_UP, 4)
    assert read('tariffs = ["retail"]\nrounding = {}\n') == plan
    assert read('tariffs = ["retail"]\nrounding = { digits = 2 }\n').rounding == Rounding(digits=2)


def test_dates_of_toml_are_dates_too() -> None:
    text = WHOLE.replace('"2026-12-24"', "2026-12-24").replace(
        '"2027-01-01T06:00"', "2027-01-01T06:00:00+01:00"
    )
    assert read(text) == read(WHOLE)


def test_the_example_can_be_read() -> None:
    plan = read(EXAMPLE.read_text())

    assert plan.tariffs == ("germany",)
    assert plan.tax == Tax("VAT", 190_000)
    assert [each.percent_ppm for each in plan.markups] == [200_000, 350_000]


def test_a_plan_is_told_in_words() -> None:
    assert plan_lines(read(WHOLE), BERLIN.zone) == [
        "currency: EUR",
        "rates: the carrier's price, else vip, then Tarif 2026",
        "markup: 20 % + 0.005/min + 0.02 a call",
        "markup: 19.2501 % for 49, 4175",
        "discount: Christmas 10 % for 49, accounts Büro 7, room-1, exchanges hall, "
        "from 2026-12-24, until 2027-01-01 06:00:00+01:00",
        "discount: Loyal 100 %",
        "at least 0.05 a call",
        "rounded half even to 3 decimals",
        "tax: MwSt. 8.1 %",
    ]
    plain = replace(read('tariffs = ["retail"]'), currency="CHF")
    assert plan_lines(plain, BERLIN.zone) == [
        "currency: CHF",
        "rates: retail",
        "rounded half up to 4 decimals",
    ]


MARKUP = "[[markup]]\n"
DISCOUNT = '[[discount]]\nname = "D"\npercent = "5"\n'
NUMBER = "is not a percentage from 0 to {} with at most four decimals"
WRONG: dict[str, str] = {
    'tarifs = ["a"]': "tarifs: is no key here; the keys are tariffs, at_cost, minimum, rounding, "
    "tax, markup, discount",
    'tariffs = "retail"': "tariffs: is no list",
    "tariffs = []": "tariffs: names no tariff; write those that are asked for rates, in order",
    "tariffs = [7]": "tariffs: 7 is no text; write it in quotation marks",
    'tariffs = [""]': "tariffs: is empty or holds control characters",
    r'tariffs = ["a\nb"]': "tariffs: is empty or holds control characters",
    'tariffs = ["a", "b", "a"]': "tariffs: 'a' stands twice",
    'at_cost = "yes"': "at_cost: is neither true nor false",
    "minimum = 0.05": "minimum: 0.05 is no text; write it in quotation marks",
    'minimum = "-0.05"': "minimum: is not from 0 to 1000000",
    'minimum = "1000000.01"': "minimum: is not from 0 to 1000000",
    'minimum = "five"': "minimum: 'five' is not an amount; write it like 12.50",
    'minimum = "0.00005"': "minimum: has more decimals than prices, which have 4",
    'rounding = "up"': "rounding: is no table",
    'rounding.mode = "off"': "rounding.mode: 'off' is not one of: half_up, half_even, up, down",
    "rounding.mode = 1": "rounding.mode: 1 is not one of: half_up, half_even, up, down",
    "rounding.digits = 7": "rounding.digits: 7 is not a whole number from 0 to 6",
    "rounding.digits = -1": "rounding.digits: -1 is not a whole number from 0 to 6",
    "rounding.digits = true": "rounding.digits: True is not a whole number from 0 to 6",
    'rounding.digits = "2"': "rounding.digits: '2' is not a whole number from 0 to 6",
    "rounding.increments = 2": "rounding.increments: is no key here; the keys are mode, digits",
    "tax = 19": "tax: is no table",
    'tax = { name = "VAT" }': "tax.percent: is missing",
    'tax = { percent = "19" }': "tax.name: is missing",
    'tax = { name = "VAT", percent = "100.1" }': f"tax.percent: {NUMBER.format(100)}",
    'tax = { name = "VAT", percent = "19 %" }': "tax.percent: '19 %' is not an amount; "
    "write it like 12.50",
    'tax = { name = "VAT", percent = "0.00001" }': f"tax.percent: {NUMBER.format(100)}",
    "[markup]": "markup: is no list of tables; write [[markup]]",
    "markup = [1]": "markup: is no list of tables; write [[markup]]",
    MARKUP: "markup[0]: adds nothing; write percent, per_minute or per_call",
    MARKUP + 'percent = "1000.1"': f"markup[0].percent: {NUMBER.format(1000)}",
    MARKUP + 'percent = "-1"': f"markup[0].percent: {NUMBER.format(1000)}",
    MARKUP + "per_minute = 1": "markup[0].per_minute: 1 is no text; write it in quotation marks",
    MARKUP + 'per_call = "0.0000001"': "markup[0].per_call: '0.0000001' is not a whole number of "
    "millionths of the currency unit",
    MARKUP + 'percent = "1"\nprefixes = ["49x"]': "markup[0].prefixes: '49x' is not 1 to 15 digits",
    MARKUP + 'percent = "1"\nprefixes = [""]': "markup[0].prefixes: '' is not 1 to 15 digits",
    MARKUP + 'percent = "1"\nprefixes = ["49", "+49"]': "markup[0].prefixes: '49' stands twice",
    MARKUP + 'percent = "1"\nprefix = ["49"]': "markup[0].prefix: is no key here; the keys are "
    "percent, per_minute, per_call, prefixes",
    (MARKUP + 'percent = "1"\n') * 2: "markup[1].prefixes: every other number has its markup in "
    "markup[0]",
    MARKUP
    + 'percent = "1"\nprefixes = ["49"]\n'
    + MARKUP
    + 'percent = "2"\nprefixes = ["1", "49"]': "markup[1].prefixes: 49 has its markup in markup[0]",
    '[[discount]]\npercent = "5"': "discount[0].name: is missing",
    '[[discount]]\nname = "D"': "discount[0].percent: is missing",
    '[[discount]]\nname = "D"\npercent = "0"': "discount[0].percent: is 0: it would take nothing "
    "off",
    '[[discount]]\nname = "D"\npercent = "101"': f"discount[0].percent: {NUMBER.format(100)}",
    '[[discount]]\nname = ""\npercent = "5"': "discount[0].name: is empty or holds control "
    "characters",
    DISCOUNT + "prefixes = [49]": "discount[0].prefixes: 49 is no text; write it in quotation "
    "marks",
    DISCOUNT + 'accounts = "room-1"': "discount[0].accounts: is no list",
    DISCOUNT + 'pbxs = [""]': "discount[0].pbxs: is empty or holds control characters",
    DISCOUNT + 'from = "Monday"': "discount[0].from: 'Monday' is not a date; write 2026-12-01",
    DISCOUNT + 'from = ""': "discount[0].from: '' is not a date; write 2026-12-01",
    DISCOUNT + 'until = "0001-01-01"': "discount[0].until: '0001-01-01' is not a date; write "
    "2026-12-01",
    DISCOUNT + "until = 12:30:00": "discount[0].until: datetime.time(12, 30) is no text; write it "
    "in quotation marks",
    DISCOUNT + "from = 2026-12-24\nuntil = 2026-12-24": "discount[0].until: is not after from",
    DISCOUNT * 101: "discount: stands more than 100 times",
}


@pytest.mark.parametrize(("text", "problem"), WRONG.items(), ids=lambda text: text[:40])
def test_a_mistake_is_named_by_its_place(text: str, problem: str) -> None:
    tariffs = "" if "tariffs =" in text else 'tariffs = ["retail"]\n'

    found = problems(tariffs + text)

    assert problem in found
    assert len(found) == 1 or text.startswith("tarifs")


def test_all_mistakes_are_named_at_once() -> None:
    text = 'tax = { name = "VAT" }\nfree = true\n' + MARKUP + DISCOUNT + "from = 7\n"

    assert [each.partition(":")[0] for each in problems(text)] == [
        "free",
        "markup[0]",
        "discount[0].from",
        "tax.percent",
        "tariffs",
    ]


def test_the_longest_discount_list_that_is_taken() -> None:
    assert len(read('tariffs = ["retail"]\n' + DISCOUNT * 100).discounts) == 100
