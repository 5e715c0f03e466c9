"""Prices in columns are those of the scalar engine, whatever list, plan, number and length."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, Markup, PricePlan, Tax
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rounding, Tariff
from rtbill.rating import chain
from rtbill.rating.batch.charges import DISCOUNTS_MAX
from rtbill.rating.batch.columns import Calls
from rtbill.rating.batch.engine import BatchOffer
from rtbill.rating.batch.holdings import Holdings
from rtbill.rating.batch.ladders import TALK_MAX_S
from rtbill.rating.batch.prefixes import PrefixIndex, leading_digits
from rtbill.rating.bundles import Share, price_with
from rtbill.rating.chain import Asked, Sum
from rtbill.rating.charging import Charger
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.property.test_price import instants, prices, talks_us
from tests.property.test_terms import HOLIDAYS, tariffs
from tests.unit.rating.builders import YEAR_2026, a_rate, a_table
from tests.unit.rating.bundle_builders import credit, minutes, share

PREFIXES = ("4", "44", "441", "4416329", "1", "001", "0", "00")
prefixes = st.one_of(st.sampled_from(PREFIXES), st.from_regex(r"[0-9]{1,15}", fullmatch=True))
numbers = st.one_of(
    st.sampled_from(
        ["+44", "+441632960000", "+44163x9", "+4", "+", "", "44163", "+001", "+٤٤", "+44" * 12]
    ),
    st.from_regex(r"\+[0-9]{1,18}", fullmatch=True),
)
shares = st.sampled_from([0, 1, 50_000, 192_500, 333_333, 1_000_000])
names = st.frozensets(st.sampled_from("abc"), max_size=2)
some_prefixes = st.lists(st.sampled_from(PREFIXES), max_size=3, unique=True).map(tuple)
maybe_instants = st.one_of(st.none(), instants)


@st.composite
def lists(draw: st.DrawFn, name: str) -> Tariff:
    """The rates of one to three tariffs, each under a prefix of its own, as the first rounds."""
    found = draw(st.lists(tariffs(), min_size=1, max_size=3))
    chosen = draw(st.lists(prefixes, min_size=len(found), max_size=len(found), unique=True))
    rates = tuple(
        replace(rate, prefix=prefix)
        for prefix, tariff in zip(chosen, found, strict=True)
        for rate in tariff.rates
    )
    return replace(found[0], name=name, rates=rates)


@st.composite
def plans(draw: st.DrawFn) -> PricePlan:
    markups = st.builds(
        Markup,
        percent_ppm=shares,
        per_minute_micros=prices,
        per_call_micros=prices,
        prefixes=some_prefixes,
    )
    discounts = st.builds(
        Discount,
        name=st.just("some"),
        percent_ppm=shares,
        prefixes=some_prefixes,
        accounts=names,
        pbxs=names,
        since=maybe_instants,
        until=maybe_instants,
    )
    return PricePlan(
        name="plan",
        version=1,
        currency="EUR",
        valid_from=YEAR_2026,
        tariffs=("own", "general"),
        is_at_cost=draw(st.booleans()),
        markups=tuple(draw(st.lists(markups, max_size=3))),
        discounts=tuple(draw(st.lists(discounts, max_size=4))),
        charge_min_micros=draw(st.sampled_from([0, 0, 10_000, 123_456])),
        rounding=Rounding(draw(st.sampled_from(RoundingMode)), draw(st.integers(0, 6))),
        tax=draw(st.sampled_from([None, Tax("VAT", 190_000), Tax("VAT", 333_333)])),
    )


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    """One list, or a plan over two; with a carrier or without."""
    plan = draw(st.one_of(st.none(), plans()))
    sold = [draw(lists(name)) for name in (("own", "general") if plan else ("general",))]
    bought = draw(st.one_of(st.none(), lists("carrier")))
    carrier = RateTable(bought, HOLIDAYS) if bought else None
    return Offer([RateTable(each, HOLIDAYS) for each in sold], plan, carrier)


slips = st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
calls = st.tuples(
    numbers,
    st.one_of(instants, instants, slips),
    talks_us,
    st.sampled_from("abcd"),
    st.sampled_from("abcd"),
)


def one_by_one(offer: Offer, asked: Asked, talk_us: int) -> Price | None:
    try:
        return offer.price(asked, talk_us)
    except NoRate:
        return None


def columns(asked: list[tuple[Asked, int]]) -> Calls:
    return Calls(
        numbers=[each.number for each, _ in asked],
        answered_us=np.array([epoch_us(each.answered_at) for each, _ in asked], np.int64),
        talk_us=np.array([talk_us for _, talk_us in asked], np.int64),
        accounts=[each.account for each, _ in asked],
        pbxs=[each.pbx for each, _ in asked],
    )


@settings(max_examples=50)
@given(offers(), st.lists(calls, max_size=12))
def test_each_call_has_the_price_that_it_has_by_itself(
    offer: Offer, made: list[tuple[str, datetime, int, str, str]]
) -> None:
    asked = [
        (Asked(number, answered_at, account, pbx), talk_us)
        for number, answered_at, talk_us, account, pbx in made
    ]
    batch = BatchOffer(offer)
    found = batch.price(columns(asked))
    for place, (each, talk_us) in enumerate(asked):
        expected = one_by_one(offer, each, talk_us)
        assert batch.price_of(found, place) == expected, (each, talk_us)
        if expected is None:
            assert (found.micros[place], found.billed_s[place], found.tax_micros[place]) == (
                0,
                0,
                0,
            )


@settings(max_examples=50)
@given(
    lists("general"),
    st.integers(0, 10**15),
    st.integers(0, TALK_MAX_S * 1_000_000 * 2),
    instants,
)
def test_amounts_that_64_bits_do_not_hold_are_priced_one_by_one(
    tariff: Tariff, fee_micros: int, talk_us: int, answered_at: datetime
) -> None:
    dear = tuple(
        replace(rate, terms=replace(rate.terms, connect_fee_micros=fee_micros))
        for rate in tariff.rates
    )
    offer = Offer([RateTable(replace(tariff, rates=dear), HOLIDAYS)])
    asked = (Asked(f"+{dear[0].prefix}", answered_at), talk_us)
    batch = BatchOffer(offer)
    assert batch.price_of(batch.price(columns([asked])), 0) == one_by_one(offer, *asked)


@given(calls, st.sampled_from([DISCOUNTS_MAX, DISCOUNTS_MAX + 1]))
def test_plans_of_very_many_discounts_charge_what_they_charge_one_by_one(
    call: tuple[str, datetime, int, str, str], count: int
) -> None:
    number, answered_at, talk_us, account, pbx = call
    plan = PricePlan(
        name="plan",
        version=1,
        currency="EUR",
        valid_from=YEAR_2026,
        tariffs=("general",),
        discounts=tuple(
            Discount(name=str(each), percent_ppm=1_001 * each, accounts=frozenset("ab"))
            for each in range(count)
        ),
    )
    offer = Offer([a_table(a_rate(prefix="4"), a_rate(prefix="0"))], plan)
    asked = (Asked(number, answered_at, account, pbx), talk_us)
    batch = BatchOffer(offer)
    assert batch.price_of(batch.price(columns([asked])), 0) == one_by_one(offer, *asked)


@given(st.lists(prefixes, unique=True, max_size=30), st.lists(numbers, max_size=30))
def test_the_longest_prefix_is_found_of_numbers_shorter_than_others_too(
    known: list[str], asked: list[str]
) -> None:
    index = PrefixIndex(known)
    found = index.find(leading_digits(asked, index.digits_max))
    for number, place in zip(asked, found.tolist(), strict=True):
        fitting = [each for each in known if number.startswith("+" + each)]
        assert (known[place] if place >= 0 else "") == max(fitting, key=len, default="")


@given(plans(), calls, st.integers(0, 10**12), st.sampled_from([1, 60, 86_400]))
def test_the_links_of_a_plan_multiplied_out_charge_what_they_charge_one_by_one(
    plan: PricePlan, call: tuple[str, datetime, int, str, str], parts: int, per_micro: int
) -> None:
    number, answered_at, billed_us, account, pbx = call
    asked = Asked("+" + number.lstrip("+"), answered_at, account, pbx)
    amount, tax = Sum(parts, per_micro), 0
    for link in chain.links(plan, asked, amount, billed_us):
        if link.kind == "tax":
            tax = link.after.parts - link.before.parts
        else:
            amount = link.after
    found = Charger(plan).charge(asked, parts, per_micro, billed_us)
    assert [*map(Fraction, found)] == [Fraction(amount.parts, amount.per_micro), Fraction(tax)]


def test_calls_beyond_what_is_priced_at_once_keep_their_order() -> None:
    from rtbill.app import bench_rating

    offer = bench_rating.offer(prefixes=300, own_prefixes=100)
    book = bench_rating.calls(offer, 100_000)
    asked = list(zip(book.calls, book.talks_us, strict=True))
    batch = BatchOffer(offer)
    found = batch.price(columns(asked), Holdings.of(book.shares))
    assert 0 < found.one_by_one < 1_000
    for place in range(0, len(asked), 199):
        expected = price_with(offer, *asked[place], book.shares[place])
        assert batch.price_of(found, place) == expected.price
        assert found.micros[place] - found.paid_micros[place] == expected.debit_micros
    assert int(found.rates.min()) >= 0
    assert np.count_nonzero(found.taken_s[1 << 16 :]) > 1_000
    assert from_epoch_us(int(columns(asked).answered_us[0])) == asked[0][0].answered_at


@pytest.mark.parametrize(
    ("held", "fits"),
    [
        ([], True),
        ([share(minutes()), share(credit("1")), share(credit("2"))], True),
        ([share(minutes()), share(minutes()), share(minutes())], True),
        ([share(minutes()), share(minutes()), share(minutes()), share(minutes())], False),
        ([share(minutes(), left=0)] * 4, True),
        ([share(minutes(), table=a_table(a_rate()))], False),
        ([share(minutes(10**9))], False),
    ],
)
def test_columns_say_whether_they_hold_all_bundles_of_a_call(
    held: list[Share],
    fits: bool,  # noqa: FBT001 - the answer, not a switch
) -> None:
    assert Holdings.of([held]).fits.tolist() == [fits]
