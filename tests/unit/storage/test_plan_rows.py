"""Price plans as they are stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.call import from_epoch_us
from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, Markup, PricePlan, Tax
from rtbill.domain.tariff import Rounding
from rtbill.storage.plan_rows import plan_from, plan_row

names = st.text(min_size=1, max_size=8)
shares = st.integers(0, 10**7)
amounts = st.integers(0, 10**12)
prefixes = st.lists(st.text("0123456789", min_size=1, max_size=15), max_size=3).map(tuple)
instants = st.integers(-(10**15), 10**16).map(from_epoch_us)
markups = st.builds(
    Markup,
    percent_ppm=shares,
    per_minute_micros=amounts,
    per_call_micros=amounts,
    prefixes=prefixes,
)
discounts = st.builds(
    Discount,
    name=names,
    percent_ppm=shares,
    prefixes=prefixes,
    accounts=st.frozensets(names, max_size=3),
    pbxs=st.frozensets(names, max_size=3),
    since=st.none() | instants,
    until=st.none() | instants,
)
plans = st.builds(
    PricePlan,
    name=names,
    version=st.integers(1, 1000),
    currency=st.sampled_from(["EUR", "CHF", "JPY"]),
    valid_from=instants,
    tariffs=st.lists(names, min_size=1, max_size=3).map(tuple),
    is_at_cost=st.booleans(),
    markups=st.lists(markups, max_size=3).map(tuple),
    discounts=st.lists(discounts, max_size=3).map(tuple),
    charge_min_micros=amounts,
    rounding=st.builds(Rounding, st.sampled_from(RoundingMode), st.integers(0, 6)),
    tax=st.none() | st.builds(Tax, names, shares),
)


@given(plans)
def test_a_plan_is_read_back_as_it_was(plan: PricePlan) -> None:
    assert plan_from(plan_row(plan)) == plan


@given(plans)
def test_a_row_is_of_what_the_database_keeps(plan: PricePlan) -> None:
    assert [type(each) for each in plan_row(plan)] == [str, int, str, int, str]
