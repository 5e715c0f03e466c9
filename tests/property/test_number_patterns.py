"""The patterns written for the exchange sort numbers as the biller's own number plan does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.asterisk.number_patterns import OTHER, Dialling, class_patterns
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.special_numbers import COUNTRIES

PLANS = {
    "germany": NumberPlan(country="DE", country_code="49", area_code="30"),
    "germany without area": NumberPlan(country="DE", country_code="49"),
    "spain": NumberPlan(country="ES", country_code="34", national_prefix=""),
    "britain": NumberPlan(country="GB", country_code="44", area_code="20"),
    "america": NumberPlan(
        country="US",
        country_code="1",
        national_prefix="1",
        international_prefixes=("011",),
        area_code="212",
        national_length=10,
    ),
}
_SETS = {"X": "0-9", "Z": "1-9", "N": "2-9"}


def dialling_of(plan: NumberPlan) -> Dialling:
    return Dialling(
        country_code=plan.country_code,
        national_prefix=plan.national_prefix,
        international_prefixes=plan.international_prefixes,
        area_code=plan.area_code,
        national_length=plan.national_length,
        service_codes=COUNTRIES[plan.country].service_codes,
    )


def places(pattern: str) -> list[str]:
    """A dialplan pattern place by place, each as the inside of a regular expression's set."""
    found = re.findall(r"\[[^]]*\]|.", pattern)
    return [_SETS.get(each, each.strip("[]") if each[0] == "[" else each) for each in found]


def matches(pattern: str, number: str) -> bool:
    text = ""
    for place in places(pattern):
        text += {".": ".+", "!": ".*"}.get(place, f"[{place}]")
    return re.fullmatch(text, number) is not None


def definiteness(pattern: str) -> list[int]:
    """Asterisk's order: place by place the set with fewer characters first, `.` and `!` last."""
    order = []
    for place in places(pattern):
        size = sum(1 for c in "0123456789*#+" if re.fullmatch(f"[{place}]", c))
        order.append({".": 98, "!": 99}.get(place, size))
    return order


def sorted_by_asterisk(table: list[tuple[str, str]], number: str) -> str:
    fitting = [(definiteness(pattern), name) for pattern, name in table if matches(pattern, number)]
    return min(fitting)[1]


@st.composite
def cases(draw: st.DrawFn) -> tuple[NumberPlan, dict[str, list[str]], str]:
    plan = draw(st.sampled_from(list(PLANS.values())))
    code = plan.country_code
    starts = st.sampled_from([code, code + plan.area_code, "4", "41", "43", "1", "3", "88"])
    prefix = st.builds(
        lambda start, more: (start + more)[:8], starts, st.text("0123456789", max_size=4)
    )
    some = draw(st.lists(prefix, min_size=1, max_size=6, unique=True))
    names = ["home", "near", "far"]
    classes: dict[str, list[str]] = {}
    for each in some:
        classes.setdefault(draw(st.sampled_from(names)), []).append(f"+{each}")
    tail = draw(st.text("0123456789", min_size=10, max_size=10))
    national = draw(st.sampled_from([*(each.removeprefix(code) for each in some), ""])) + tail
    forms = [
        "+" + draw(st.sampled_from(some)) + tail[:4],
        plan.international_prefixes[0] + draw(st.sampled_from(some)) + tail[:4],
        plan.national_prefix + national[:9],
    ]
    if plan.national_length:
        forms += [plan.national_prefix + national[:10], "2" + national[:9], "5" + national[:6]]
    elif plan.national_prefix and plan.area_code:
        forms.append("7" + national[:6])
    return plan, classes, draw(st.sampled_from(forms))


@given(cases())
def test_the_exchange_sorts_a_number_as_the_number_plan_reads_it(
    case: tuple[NumberPlan, dict[str, list[str]], str],
) -> None:
    plan, classes, dialled = case
    number = plan.classify(dialled).number
    if number is None or not number.startswith("+"):
        return  # unreadable, or an emergency number or short code, which have their own contexts
    claims = [(len(p), name) for name, ps in classes.items() for p in ps if number.startswith(p)]
    expected = max(claims)[1] if claims else OTHER
    table = class_patterns(classes, dialling_of(plan))
    assert sorted_by_asterisk(table, dialled) == expected


@pytest.mark.parametrize(
    ("plan", "dialled", "expected"),
    [
        ("germany", "030123456", "city"),
        ("germany", "7654321", "city"),
        ("germany", "0891234567", "home"),
        ("germany", "+4989123", "home"),
        ("germany", "004989123", "home"),
        ("germany", "0041315550100", "near"),
        ("germany", "+442079460000", OTHER),
        ("germany", "0012125550100", OTHER),
        ("germany", "115", "home"),
        ("germany", "*72", OTHER),
        ("germany without area", "7654321", OTHER),
        ("spain", "912345678", "other"),
    ],
)
def test_forms_of_dialling_by_hand(plan: str, dialled: str, expected: str) -> None:
    classes = {"home": ["+49"], "city": ["+4930"], "near": ["+41", "+43"]}
    assert (
        sorted_by_asterisk(class_patterns(classes, dialling_of(PLANS[plan])), dialled) == expected
    )
