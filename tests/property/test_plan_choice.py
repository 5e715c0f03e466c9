"""The tables of markups and discounts say what reading the plan says."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.price_plan import Discount, Markup
from rtbill.rating.chain import Asked, is_due, markup_for
from rtbill.rating.plan_choice import PlanChoice
from tests.unit.rating.builders import NOON, a_plan

PREFIXES = ("4", "49", "491", "4915", "31", "9")
instants = st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=hours))
prefixes = st.lists(st.sampled_from(PREFIXES), max_size=3, unique=True).map(tuple)
names = st.frozensets(st.sampled_from(("a", "b", "c")), max_size=2)
markups = st.lists(st.builds(Markup, percent_ppm=st.just(1), prefixes=prefixes), max_size=4)
discounts = st.lists(
    st.builds(
        Discount,
        name=st.just("any"),
        percent_ppm=st.just(1),
        prefixes=prefixes,
        accounts=names,
        pbxs=names,
        since=st.none() | instants,
        until=st.none() | instants,
    ),
    max_size=5,
)
calls = st.builds(
    Asked,
    number=st.sampled_from(("", *PREFIXES, "4930", "49151", "7", "3")).map(lambda d: f"+{d}"),
    answered_at=instants | instants.map(lambda at: at - timedelta(microseconds=1)),
    account=st.sampled_from(("a", "b", "c", "d", "")),
    pbx=st.sampled_from(("a", "b", "d", "")),
)


@given(markups=markups, discounts=discounts, asked=st.lists(calls, min_size=1, max_size=8))
def test_markup_and_discounts_are_those_whose_conditions_hold(
    markups: list[Markup], discounts: list[Discount], asked: list[Asked]
) -> None:
    plan = a_plan(markups=tuple(markups), discounts=tuple(discounts))
    choice = PlanChoice(plan)

    for each in asked:
        place, due = choice.of(each)
        assert (None if place < 0 else plan.markups[place]) == markup_for(plan, each.number)
        assert [bool(due >> bit & 1) for bit in range(len(discounts))] == [
            is_due(discount, each) for discount in plan.discounts
        ]
        assert due < 1 << len(discounts), "no bit without a discount"
