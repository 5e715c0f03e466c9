"""No number of a class can cost more than the money in the seconds that its class is given.

The second opinion knows every number there is (four digits, the last kind of which is in no prefix,
so that each prefix has numbers of its own), finds its class and its
rates by trying prefixes, and walks every second of a call on which all bands may follow one another
in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.tariff import Rate, Terms, TimeBand
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.worst import OTHER, worst_prices
from tests.property.price_oracle import oracle_price
from tests.property.test_price import instants
from tests.unit.rating.builders import a_tariff

CAP_S = 150
NUMBERS = ["".join(digits) for digits in product("1234", repeat=4)]
DAYS = frozenset(range(7))

prefixes = st.text("123", min_size=1, max_size=3)
micros = st.integers(0, 400_000) | st.sampled_from([0, 1, 12_500, 60_000])
increments = st.sampled_from([1, 6, 7, 30, 60])
money = st.integers(0, 1_000_000)


@st.composite
def rates_of(draw: st.DrawFn, prefix: str, bands_max: int) -> list[Rate]:
    """One to so many rates of a prefix, each in hours of its own."""
    count = draw(st.integers(1, bands_max))
    hours = [
        TimeBand(start_minute=1440 // count * each, end_minute=1440 // count * (each + 1))
        for each in range(count)
    ]
    return [
        Rate(
            prefix=prefix,
            destination=f"Destination {prefix}",
            terms=Terms.per_minute(draw(micros), draw(increments), draw(increments), draw(micros)),
            band=None if count == 1 else band,
        )
        for band in hours
    ]


@st.composite
def rate_lists(draw: st.DrawFn, bands_max: int) -> list[Rate]:
    """Rates of up to six prefixes, some of them within others."""
    found: list[Rate] = []
    for prefix in draw(st.sets(prefixes, min_size=1, max_size=6)):
        found += draw(rates_of(prefix, bands_max))
    return found


@st.composite
def class_lists(draw: st.DrawFn) -> dict[str, list[str]]:
    """Up to five prefixes in two classes."""
    classes: dict[str, list[str]] = {"home": [], "europe": []}
    for prefix in draw(st.sets(prefixes, max_size=5)):
        classes[draw(st.sampled_from(["home", "europe"]))].append("+" + prefix)
    return classes


def class_of(number: str, classes: dict[str, list[str]]) -> str:
    """By the longest prefix that any class has of it."""
    fitting = [
        (len(prefix), name)
        for name, of_class in classes.items()
        for prefix in of_class
        if ("+" + number).startswith(prefix)
    ]
    return max(fitting)[1] if fitting else OTHER


def longest(number: str, rates: Sequence[Rate]) -> list[Rate]:
    """The rates of the longest prefix."""
    fitting = [rate for rate in rates if number.startswith(rate.prefix)]
    length = max((len(rate.prefix) for rate in fitting), default=0)
    return [rate for rate in fitting if len(rate.prefix) == length]


def seconds_paid(rates: Sequence[Rate], micros: int, digits: int) -> int:
    """Whole seconds, up to the cap, that the money pays if every increment may be at any rate."""

    @cache
    def due(seconds: int) -> int:
        """The most that so many more seconds may cost, in sixtieths of micro-units."""
        if seconds <= 0:
            return 0
        return max(
            step.price_micros * step.increment_s + due(seconds - step.increment_s)
            for rate in rates
            for step in rate.terms.steps
        )

    def price(seconds: int) -> Decimal:
        most = max(
            60 * terms.connect_fee_micros
            + terms.steps[0].price_micros * terms.first_increment_s
            + due(seconds - terms.first_increment_s)
            for terms in (rate.terms for rate in rates)
        )
        exact = (Decimal(most) / 60).scaleb(-6)
        return exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)

    paid = 0
    for seconds in range(1, CAP_S + 1):
        if price(seconds) > Decimal(micros).scaleb(-6):
            break
        paid = seconds
    return paid


def answer(
    rates: Sequence[Rate], classes: dict[str, list[str]], name: str, micros: int, digits: int
) -> int | None:
    table = RateTable(a_tariff(*rates, digits=digits))
    return worst_prices(Offer([table]), classes).affordable_s(name, micros, CAP_S)


def held_by_class(
    rates: Sequence[Rate], classes: dict[str, list[str]]
) -> dict[str, set[tuple[Rate, ...]]]:
    """The rates that some number of each class has."""
    found: dict[str, set[tuple[Rate, ...]]] = {name: set() for name in (*classes, OTHER)}
    for number in NUMBERS:
        if held := longest(number, rates):
            found[class_of(number, classes)].add(tuple(held))
    return found


@given(rate_lists(3), class_lists(), money, st.integers(2, 6))
def test_no_number_of_the_class_costs_more_whatever_the_hour(
    rates: list[Rate], classes: dict[str, list[str]], micros: int, digits: int
) -> None:
    for name, each_held in held_by_class(rates, classes).items():
        given_s = answer(rates, classes, name, micros, digits)
        for held in each_held:
            assert given_s is not None
            assert given_s <= seconds_paid(held, micros, digits)


@given(rate_lists(1), class_lists(), money, st.integers(2, 6))
def test_without_bands_a_class_gets_every_second_that_its_dearest_number_has(
    rates: list[Rate], classes: dict[str, list[str]], micros: int, digits: int
) -> None:
    for name, each_held in held_by_class(rates, classes).items():
        paid = [seconds_paid(held, micros, digits) for held in each_held]

        assert answer(rates, classes, name, micros, digits) == (min(paid) if paid else None)


@given(rate_lists(3), money, instants)
def test_at_no_instant_does_a_call_of_these_seconds_cost_more(
    rates: list[Rate], micros: int, answered_at: datetime
) -> None:
    given_s = answer(rates, {}, OTHER, micros, 4)
    assert given_s is not None
    for held in held_by_class(rates, {})[OTHER]:
        talk = timedelta(seconds=given_s)
        cost = oracle_price(a_tariff(*held), answered_at, talk).amount
        assert given_s == 0 or cost <= Decimal(micros).scaleb(-6)
