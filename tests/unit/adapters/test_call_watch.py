"""Which call is the operator's, and what is missing of it."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.asterisk.inspection.call_seen import CallSeen, call_findings
from adapters.asterisk.inspection.call_watch import is_same_number
from rtbill.domain.finding import Severity


@pytest.mark.parametrize(
    ("dialled", "told", "is_same"),
    [
        ("9555700", "555700", True),
        ("0301234567", "+49301234567", True),
        ("0301234567", "0301234568", False),
        ("112", "112", True),
        ("9112", "112", True),
        ("112", "12", False),
        ("555700", "", False),
        ("0301234567", "67", False),
        ("*98", "*98", True),
    ],
)
def test_numbers_that_end_alike_are_the_same(dialled: str, told: str, *, is_same: bool) -> None:
    assert is_same_number(dialled, told) is is_same


def a_call(**facts: Any) -> CallSeen:
    good: dict[str, Any] = {
        "number": "9555700",
        "leg": "1.2",
        "channel": "PJSIP/carrier-00000001",
        "trunk": "carrier",
        "payer": "1001",
        "dialled": "555700",
        "is_answered": True,
        "is_stamped": True,
        "timer_s": 60,
        "live_row": True,
        "done_row": True,
        "is_ended": True,
        "cause": "16",
    }
    return CallSeen(**(good | facts))


@pytest.mark.parametrize(
    ("facts", "code", "severity"),
    [
        ({"leg": ""}, "call-not-seen", Severity.PROBLEM),
        ({"refused": "locked"}, "call-refused", Severity.PROBLEM),
        ({"trunk": None}, "call-trunk", Severity.PROBLEM),
        ({"payer": ""}, "call-payer", Severity.PROBLEM),
        ({"dialled": None}, "call-number", Severity.PROBLEM),
        ({"is_answered": False}, "call-answer", Severity.NOTE),
        ({"is_stamped": False}, "call-answer", Severity.PROBLEM),
        ({"live_row": False}, "call-record", Severity.PROBLEM),
        ({"timer_s": 0}, "call-timer", Severity.NOTE),
        ({"is_ended": False}, "call-record", Severity.NOTE),
    ],
)
def test_what_is_missing_is_said(facts: dict[str, Any], code: str, severity: Severity) -> None:
    [found] = call_findings(a_call(**facts))
    assert (found.code, found.severity) == (code, severity)
    assert found.remedy or severity is Severity.NOTE


def test_a_good_call_has_no_finding() -> None:
    assert call_findings(a_call()) == []
