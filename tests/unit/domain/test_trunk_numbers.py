"""Numbers as a trunk's carrier wants them, read as those that people dial."""

from __future__ import annotations

import pytest

from rtbill.domain.numbering import NumberPlan
from rtbill.domain.rated import NumberKind
from rtbill.domain.trunk_numbers import NumberForm, TrunkNumbers

PLAN = NumberPlan(area_code="30", internal=("10[0-9][0-9]",))
XXX_CC_NSN = TrunkNumbers(access_digits=3, form=NumberForm.INTERNATIONAL)


@pytest.mark.parametrize(
    ("numbers", "dialled", "expected"),
    [
        (TrunkNumbers(strip=("010033",)), "0100330041315550100", "+41315550100"),
        (TrunkNumbers(strip=("010033",)), "0041315550100", "+41315550100"),
        (TrunkNumbers(strip=("9", "99")), "990301234567", "+49301234567"),
        (TrunkNumbers(strip=("9", "99")), "90301234567", "+49301234567"),
        (XXX_CC_NSN, "12341315550100", "+41315550100"),
        (XXX_CC_NSN, "0004930123456", "+4930123456"),
        (TrunkNumbers(form=NumberForm.INTERNATIONAL), "41315550100", "+41315550100"),
        (TrunkNumbers(form=NumberForm.INTERNATIONAL), "+41315550100", "+41315550100"),
        (TrunkNumbers(form=NumberForm.NATIONAL), "301234567", "+49301234567"),
        (
            TrunkNumbers(strip=("77",), access_digits=2, form=NumberForm.NATIONAL),
            "7712301234567",
            "+49301234567",
        ),
    ],
)
def test_codes_for_the_carrier_are_no_part_of_the_number(
    numbers: TrunkNumbers, dialled: str, expected: str
) -> None:
    assert PLAN.classify(dialled, numbers).number == expected


@pytest.mark.parametrize("dialled", ["112", "110", "123112", "123+49112"])
def test_help_is_help_with_and_without_the_codes(dialled: str) -> None:
    assert PLAN.classify(dialled, XXX_CC_NSN).kind is NumberKind.EMERGENCY


def test_a_number_that_begins_with_four_digits_is_not_internal_on_such_a_trunk() -> None:
    called = PLAN.classify("1231012", XXX_CC_NSN)
    assert (called.kind, called.number) == (NumberKind.CHARGEABLE, "+1012")


@pytest.mark.parametrize("dialled", ["123", "12", ""])
def test_nothing_but_codes_is_no_number(dialled: str) -> None:
    called = PLAN.classify(dialled, XXX_CC_NSN)
    assert (called.kind, called.number) == (NumberKind.CHARGEABLE, None)
    assert "nothing but the trunk's codes" in called.reason


def test_an_exchange_that_names_no_number_names_none_on_such_a_trunk_either() -> None:
    assert PLAN.classify(None, XXX_CC_NSN).number is None


def test_a_trunk_without_rules_reads_as_people_dial() -> None:
    for dialled in ("0301234567", "0041315550100", "1012", "1234567", "112"):
        assert PLAN.classify(dialled, TrunkNumbers()) == PLAN.classify(dialled)
