"""Dialled digits to numbers: emergency before anything, and nothing unreadable is ever free."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.errors import ConfigError
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.rated import NumberKind
from rtbill.domain.special_numbers import COUNTRIES

CHARGEABLE, EMERGENCY = NumberKind.CHARGEABLE, NumberKind.EMERGENCY
FREEPHONE, INTERNAL = NumberKind.FREEPHONE, NumberKind.INTERNAL

GERMANY = NumberPlan(area_code="30", internal=(r"[12]\d{3}",))
GERMANY_ZERO_OUTSIDE = NumberPlan(outside_prefixes=("0",))
SWITZERLAND = NumberPlan(country="CH", country_code="41")
BRITAIN = NumberPlan(country="GB", country_code="44", area_code="20")
SPAIN = NumberPlan(country="ES", country_code="34", national_prefix="")
FRANCE = NumberPlan(country="FR", country_code="33")
AMERICA = NumberPlan(
    country="US",
    country_code="1",
    national_prefix="1",
    international_prefixes=("011",),
    area_code="212",
    national_length=10,
    outside_prefixes=("9",),
)


@pytest.mark.parametrize(
    ("plan", "dialled", "kind", "number"),
    [
        # as the trunk of a German house sees them
        (GERMANY, "0301234567", CHARGEABLE, "+49301234567"),
        (GERMANY, "00413155501", CHARGEABLE, "+413155501"),
        (GERMANY, "+41 31 555 01-00", CHARGEABLE, "+41315550100"),
        (GERMANY, "4711", CHARGEABLE, "+49304711"),
        (GERMANY, "1001", INTERNAL, "1001"),
        (GERMANY, "11833", CHARGEABLE, "+4911833"),
        (GERMANY, "115", CHARGEABLE, "+49115"),
        (GERMANY, "08001234567", FREEPHONE, "+498001234567"),
        (GERMANY, "+498001234567", FREEPHONE, "+498001234567"),
        (GERMANY, "00498001234567", FREEPHONE, "+498001234567"),
        (GERMANY, "116117", FREEPHONE, "116117"),
        (GERMANY, "+49116117", FREEPHONE, "116117"),
        (GERMANY, "0080012345678", FREEPHONE, "+80012345678"),
        (GERMANY, "0018001234567", CHARGEABLE, "+18001234567"),
        (GERMANY, "01711234567w5", CHARGEABLE, "+491711234567"),
        (GERMANY, "017112345#", CHARGEABLE, "+4917112345"),
        (GERMANY_ZERO_OUTSIDE, "000441632960000", CHARGEABLE, "+441632960000"),
        (GERMANY_ZERO_OUTSIDE, "001711234567", CHARGEABLE, "+491711234567"),
        (GERMANY_ZERO_OUTSIDE, "0116117", FREEPHONE, "116117"),
        # elsewhere
        (SWITZERLAND, "0315550100", CHARGEABLE, "+41315550100"),
        (SWITZERLAND, "1811", CHARGEABLE, "+411811"),
        (SWITZERLAND, "147", FREEPHONE, "147"),
        (SWITZERLAND, "0800123456", FREEPHONE, "+41800123456"),
        (BRITAIN, "02079460000", CHARGEABLE, "+442079460000"),
        (BRITAIN, "79460000", CHARGEABLE, "+442079460000"),
        (BRITAIN, "08081570000", FREEPHONE, "+448081570000"),
        (BRITAIN, "111", FREEPHONE, "111"),
        (BRITAIN, "118118", CHARGEABLE, "+44118118"),
        (SPAIN, "912345678", CHARGEABLE, "+34912345678"),
        (SPAIN, "900123456", FREEPHONE, "+34900123456"),
        (SPAIN, "016", FREEPHONE, "016"),
        (FRANCE, "0116000123", CHARGEABLE, "+33116000123"),
        (FRANCE, "116000", FREEPHONE, "116000"),
        (FRANCE, "0805123456", FREEPHONE, "+33805123456"),
        (AMERICA, "912125550100", CHARGEABLE, "+12125550100"),
        (AMERICA, "92125550100", CHARGEABLE, "+12125550100"),
        (AMERICA, "95550100", CHARGEABLE, "+12125550100"),
        (AMERICA, "9011493012345", CHARGEABLE, "+493012345"),
        (AMERICA, "918005550100", FREEPHONE, "+18005550100"),
        (AMERICA, "9988", FREEPHONE, "988"),
        (AMERICA, "9411", CHARGEABLE, "+1411"),
    ],
)
def test_dialled_digits_are_read_by_the_rules_of_the_site(
    plan: NumberPlan, dialled: str, kind: NumberKind, number: str
) -> None:
    assert plan.classify(dialled)[:2] == (kind, number)


@pytest.mark.parametrize(
    ("plan", "dialled", "number"),
    [
        (GERMANY, "112", "112"),
        (GERMANY, "110", "110"),
        (GERMANY, "+112", "112"),
        (GERMANY, "+49112", "112"),
        (GERMANY, "0049110", "110"),
        (GERMANY, "1-1-2", "112"),
        (GERMANY, "112#", "112"),
        (GERMANY, "w112", "112"),
        (GERMANY_ZERO_OUTSIDE, "112", "112"),
        (GERMANY_ZERO_OUTSIDE, "0112", "112"),
        (GERMANY_ZERO_OUTSIDE, "00049112", "112"),
        (AMERICA, "911", "911"),
        (AMERICA, "9911", "911"),
        (AMERICA, "9933", "933"),
        (BRITAIN, "999", "999"),
        (SWITZERLAND, "1414", "1414"),
        (FRANCE, "15", "15"),
        (NumberPlan(country="AU", country_code="61"), "000", "000"),
        (NumberPlan(country="JP", country_code="81"), "119", "119"),
        (NumberPlan(country="XZ", country_code="999"), "112", "112"),
        (NumberPlan(emergency=("7777",)), "7777", "7777"),
    ],
)
def test_emergency_numbers_are_known_in_every_written_form(
    plan: NumberPlan, dialled: str, number: str
) -> None:
    assert plan.classify(dialled)[:2] == (EMERGENCY, number)


@pytest.mark.parametrize(
    "dialled", ["1120000", "9112", "01120", "0112", "0301112", "11", "1101", "911", "999"]
)
def test_a_number_that_only_resembles_an_emergency_number_is_chargeable(dialled: str) -> None:
    assert NumberPlan().classify(dialled).kind is CHARGEABLE


def test_an_emergency_number_stays_one_whatever_the_site_calls_it() -> None:
    plan = NumberPlan(internal=(r"\d{3}",), short_codes={"112": "+49900123456"}, freephone=("110",))
    assert plan.classify("112").kind is EMERGENCY
    assert plan.classify("110").kind is EMERGENCY
    assert plan.classify("113").kind is INTERNAL


def test_every_listed_country_knows_its_emergency_numbers_behind_an_outside_prefix() -> None:
    for country, special in COUNTRIES.items():
        plan = NumberPlan(country=country.lower(), country_code="999", outside_prefixes=("9",))
        for number in special.emergency:
            assert plan.classify(number).kind is EMERGENCY, (country, number)
            assert plan.classify("9" + number).kind is EMERGENCY, (country, number)


@pytest.mark.parametrize(
    "dialled", [None, "", "*21#", "anonymous", "4711", "0" * 40, "\u0661\u0661\u0662"]
)
def test_digits_that_cannot_be_read_are_chargeable_without_a_number(dialled: str | None) -> None:
    called = NumberPlan().classify(dialled)
    assert called[:2] == (CHARGEABLE, None)
    assert called.reason


def test_digits_beyond_e164_do_not_hide_where_the_call_goes() -> None:
    called = GERMANY.classify("00" + "8816" + "1" * 16)
    assert called.kind is CHARGEABLE
    assert called.number == "+8816" + "1" * 16


def test_a_short_code_stands_for_its_number_in_kind_too() -> None:
    plan = NumberPlan(short_codes={"*10": "0301234567", "77": "0800123456"})
    assert plan.classify("*10")[:2] == (CHARGEABLE, "+49301234567")
    assert plan.classify("77").kind is FREEPHONE


def test_a_site_adds_free_prefixes_and_whole_numbers() -> None:
    plan = NumberPlan(freephone=("+4918030", "7700"))
    assert plan.classify("01803012345").kind is FREEPHONE
    assert plan.classify("7700").kind is FREEPHONE
    assert plan.classify("77001").kind is CHARGEABLE


def test_every_bad_internal_pattern_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        NumberPlan(internal=("[", r"\d+", "("))
    assert len(caught.value.problems) == 2


@given(st.text(max_size=40))
def test_classifying_never_fails_and_never_frees_what_it_cannot_read(dialled: str) -> None:
    called = GERMANY.classify(dialled)
    assert called.number is not None or called.kind is CHARGEABLE


@given(st.text("0123456789", min_size=1, max_size=20))
def test_a_number_written_with_separators_means_the_same(digits: str) -> None:
    assert GERMANY.classify(" ".join(digits))[:2] == GERMANY.classify(digits)[:2]
