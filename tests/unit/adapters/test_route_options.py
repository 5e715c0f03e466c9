"""Judging what a site adds to Dial on its trunks."""

from __future__ import annotations

import pytest

from adapters.asterisk.inspection.config_file import Category
from adapters.asterisk.inspection.route_options import (
    appended_findings,
    at_answer,
    options_findings,
)
from rtbill.domain.finding import Severity

WARNING, PROBLEM = Severity.WARNING, Severity.PROBLEM


@pytest.mark.parametrize(
    ("options", "severities"),
    [
        ("", []),
        ("Tt", []),
        ("rTb(pre^s^1)", []),
        ("HhL(3600000:60000)", []),
        ("TU(x)", [WARNING]),
        ("M(confirm)", [WARNING]),
        ("TG(ctx^s^1)", [PROBLEM]),
        ("M(a)U(b)", [WARNING, WARNING]),
        ("b(my-U(x)^s^1)", []),
        ("b(x^${IF($[1]?U(a):b)})", []),
    ],
)
def test_options_that_want_the_answer(options: str, severities: list[Severity]) -> None:
    found = options_findings({"TRUNK_OPTIONS": options})
    assert [each.severity for each in found] == severities
    assert all(each.code == "route-options" for each in found)


def a_dial(after: str) -> Category:
    step = f"s,n,Dial(${{OUT_1}}/${{OUTNUM}}${{SUFFIX}},300,${{DIAL_TRUNK_OPTIONS}}{after})"
    return Category("macro-dialout-trunk", (("exten", "s,1,Set(x=1)"), ("exten", step)))


MAIL_16 = "U(sub-send-obroute-email^${DIAL_NUMBER}^${NOW}^${CALLERID(name)}^${CALLERID(number)})"
MAIL_17 = MAIL_16.replace("^${CALLERID(number)}", "^${CALLERID(number)},^${DIAL_TRUNK_MOH}")
HEADERS = "b(func-apply-sipheaders^s^1,(${DIAL_TRUNK}))"


@pytest.mark.parametrize(
    ("after", "routine"),
    [
        ("", ""),
        (HEADERS, ""),
        (f"{HEADERS}{MAIL_16}", "sub-send-obroute-email"),
        (f"{HEADERS}{MAIL_17}", "sub-send-obroute-email"),
        (f"{MAIL_16}U(other)", "other"),
        (f"U(other){MAIL_16}", "sub-send-obroute-email"),
        ("TU(other^1^2)", "other"),
        ("b(x^U(y))", ""),
    ],
)
def test_what_freepbx_appends_after_the_trunk_options(after: str, routine: str) -> None:
    assert at_answer([a_dial(after)])[1] == routine


@pytest.mark.parametrize(
    ("after", "is_found"),
    [("", False), (MAIL_16, False), (MAIL_17, False), ("U(rtbill-up)", False), ("U(x)", True)],
)
def test_only_what_is_neither_ours_nor_the_route_mail_takes_the_answer(
    after: str, *, is_found: bool
) -> None:
    found = appended_findings([a_dial(after)])
    assert [each.severity for each in found] == ([PROBLEM] if is_found else [])


def test_a_dial_without_the_trunk_options_is_none_of_ours() -> None:
    other = Category("macro-dialout-trunk", (("exten", "s,1,Dial(PJSIP/x,,U(y))"),))
    assert at_answer([other]) == ("", "")
