"""What a hook may answer, and what is said of everything else."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest

from rtbill import hook
from rtbill.domain.adjustment import Adjustment, Bounds, adjustment_from, adjustment_json
from rtbill.domain.errors import BadRecord
from rtbill.rating.hook_answer import checked
from tests.fakes.hooks import GENEROUS, some_bounds


def an_answer(**fields: Any) -> hook.Adjustment:
    return hook.Adjustment(**({"reason": "Because"} | fields))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (
            an_answer(percent=Decimal("-12.5")),
            Adjustment(reason="Because", percent_ppm=-125_000),
        ),
        (an_answer(percent=-100), Adjustment(reason="Because", percent_ppm=-1_000_000)),
        (an_answer(percent=Decimal("1E+2")), Adjustment(reason="Because", percent_ppm=1_000_000)),
        (
            an_answer(percent=Decimal("33.33330")),
            Adjustment(reason="Because", percent_ppm=333_333),
        ),
        (
            an_answer(per_minute=Decimal("0.000001")),
            Adjustment(reason="Because", per_minute_micros=1),
        ),
        (
            an_answer(per_call=Decimal("-0.05")),
            Adjustment(reason="Because", per_call_micros=-50_000),
        ),
        (an_answer(per_call=2), Adjustment(reason="Because", per_call_micros=2_000_000)),
        (an_answer(charge_max=0), Adjustment(reason="Because", charge_max_micros=0)),
        (an_answer(is_free=True), Adjustment(reason="Because", is_free=True)),
        (an_answer(price_list="night"), Adjustment(reason="Because", price_list="night")),
        (
            an_answer(price_list="night", is_free=True),
            Adjustment(reason="Because", price_list="night", is_free=True),
        ),
        (
            an_answer(reason="  Because ", percent=1),
            Adjustment(reason="Because", percent_ppm=10_000),
        ),
    ],
)
def test_an_answer_becomes_whole_micro_units(answer: hook.Adjustment, found: Adjustment) -> None:
    assert checked(answer, GENEROUS) == found


@pytest.mark.parametrize("answer", [None, hook.Adjustment(), an_answer(), an_answer(percent=0)])
def test_an_answer_that_changes_nothing_is_none(answer: object) -> None:
    assert checked(answer, GENEROUS) is None


def test_an_amount_that_the_decimal_context_of_a_hook_would_round_stays_exact() -> None:
    with localcontext(Context(prec=3)):
        found = checked(an_answer(per_call=Decimal("1234.567891")), GENEROUS)

    assert found == Adjustment(reason="Because", per_call_micros=1_234_567_891)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("half price", "it returned str; return rtbill.hook.Adjustment or None"),
        (0.5, "it returned float"),
        (hook.Adjustment, "it returned type"),
        (an_answer(percent=0.5), r"percent is of type float; write Decimal\('0.05'\) or a whole"),
        (an_answer(per_call=True), "per_call is of type bool"),
        (an_answer(per_call="0.05"), "per_call is of type str"),
        (an_answer(charge_max=math.inf), "charge_max is of type float"),
        (an_answer(percent=Decimal("NaN")), "percent is NaN, which is no number"),
        (an_answer(percent=Decimal("sNaN")), "percent is sNaN, which is no number"),
        (an_answer(per_call=Decimal("-Infinity")), "per_call is -Infinity, which is no number"),
        (an_answer(per_minute=Decimal("0.0000001")), "per_minute has more than 6 decimals"),
        (an_answer(per_call=Decimal("1E-999999")), "per_call has more than 6 decimals"),
        (an_answer(percent=Decimal("0.00001")), "percent has more than 4 decimals"),
        (an_answer(per_call=1_000_001), "per_call is beyond 1,000,000"),
        (an_answer(per_call=Decimal("1E+999999")), "per_call is beyond 1,000,000"),
        (an_answer(percent=Decimal("-100.0001")), "percent -100.0001 is below -100"),
        (an_answer(per_minute=Decimal("-0.01")), "per_minute -0.01 is below 0"),
        (an_answer(charge_max=-1), "charge_max -1 is below 0"),
        (an_answer(is_free=1), "is_free is of type int; write True or False"),
        (an_answer(is_free=True, percent=1), "is_free stands beside percent"),
        (an_answer(is_free=True, charge_max=1), "is_free stands beside percent"),
        (an_answer(price_list=None), "price_list is of type NoneType, not a text"),
        (
            an_answer(price_list="lost"),
            "price list 'lost' is not in rating.hook_bounds.price_lists",
        ),
        (hook.Adjustment(percent=1), "it changes the price without a reason"),
        (hook.Adjustment(percent=1, reason=" "), "it changes the price without a reason"),
        (an_answer(reason=None, percent=1), "reason is of type NoneType, not a text"),
        (an_answer(reason="x" * 201, percent=1), "the reason is longer than 200 characters"),
        (an_answer(reason="one\ntwo", percent=1), "or some cannot be printed"),
    ],
)
def test_an_answer_that_cannot_be_a_price_says_what_is_wrong(answer: object, problem: str) -> None:
    with pytest.raises(BadRecord, match=problem):
        checked(answer, GENEROUS)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (an_answer(percent=Decimal("20.0001")), r"percent: 20.0001 % is more than .*percent, 20 %"),
        (an_answer(per_minute=Decimal("0.06")), r"per_minute 0.06 is more than .*per_minute, 0.05"),
        (an_answer(per_call=Decimal("0.11")), r"per_call 0.11 is more than .*per_call, 0.10"),
    ],
)
def test_a_hook_makes_no_call_dearer_than_the_site_allows_it(
    answer: hook.Adjustment, problem: str
) -> None:
    bounds = some_bounds("20", "0.05", "0.10")
    with pytest.raises(BadRecord, match=problem):
        checked(answer, bounds)


def test_what_takes_off_needs_no_bounds() -> None:
    answer = an_answer(percent=-100, per_call=-5, charge_max=Decimal("0.50"))
    assert checked(answer, Bounds()) is not None


def test_what_the_books_keep_of_an_adjustment_comes_back_whole() -> None:
    plain = Adjustment(reason='Über "uns"')
    full = Adjustment(
        reason="Because",
        price_list="night",
        percent_ppm=-1,
        per_minute_micros=2,
        per_call_micros=-3,
        charge_max_micros=0,
    )

    assert [adjustment_from(adjustment_json(each)) for each in (plain, full)] == [plain, full]
    assert adjustment_json(replace(plain, is_free=True)) == (
        '{"reason":"Über \\"uns\\"","is_free":true}'
    )
