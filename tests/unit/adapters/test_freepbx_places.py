"""Judging whether our steps in FreePBX's contexts are the ones that it reaches."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.asterisk.inspection.config_file import Category, read_text
from adapters.asterisk.inspection.freepbx_places import (
    CUSTOM_FILE,
    MAIL,
    OVERRIDE_FILE,
    PLACES,
    TELEPHONE_HOOK,
    TRUNK_HOOK,
    Places,
    place_findings,
)
from rtbill.domain.finding import Severity

ALL_OURS = dict.fromkeys(PLACES, True)
FIRST_16 = 'exten => s,1,GotoIf($["${EMAILNOTIFICATION}" = "TRUE"]?sendEmail)'
FIRST_17 = 'exten => s,1,GosubIf($["${ARG8}"!="" ]?macro-setmusic,s,1(${ARG8}))'
"""As FreePBX writes them, blanks included."""


def found(**facts: Any) -> list[tuple[str, Severity]]:
    places = Places(**({"is_ours": ALL_OURS} | facts))
    return [(each.code, each.severity) for each in place_findings(places)]


def a_mail(*lines: str) -> list[Category]:
    text = "\n".join(("[sub-send-obroute-email]", "include => x-custom", *lines))
    return read_text(text)


def test_where_all_is_ours_nothing_is_found() -> None:
    assert found() == []


def test_what_the_exchange_will_not_say_is_no_finding() -> None:
    assert found(is_ours=dict.fromkeys(PLACES)) == []


@pytest.mark.parametrize(
    ("taken", "is_mail_at_answer", "severity"),
    [
        ({MAIL}, True, Severity.PROBLEM),
        ({MAIL}, False, Severity.WARNING),
        ({TRUNK_HOOK}, False, Severity.PROBLEM),
        ({TELEPHONE_HOOK}, False, Severity.PROBLEM),
        ({TRUNK_HOOK, MAIL}, False, Severity.PROBLEM),
    ],
)
def test_a_place_that_another_took_first(
    taken: set[str], *, is_mail_at_answer: bool, severity: Severity
) -> None:
    is_ours = {name: name not in taken for name in PLACES}
    assert found(is_ours=is_ours, is_mail_at_answer=is_mail_at_answer) == [
        ("files-too-late", severity)
    ]


@pytest.mark.parametrize(
    ("step", "is_found"),
    [
        ("MacroExit()", False),
        ("return()", False),
        ("Return", False),
        ("Gosub(rtbill-hook,s,1)", False),
        ("SIPAddHeader(X-Own: 1)", True),
    ],
)
def test_a_hook_of_the_site_that_is_not_run_any_more(step: str, *, is_found: bool) -> None:
    hook = Category(TRUNK_HOOK, (("exten", f"s,1,{step}"),))
    expected = [("hook-not-run", Severity.WARNING)] if is_found else []
    assert found(of_the_site={CUSTOM_FILE: [hook], OVERRIDE_FILE: []}) == expected


def test_a_hook_that_displaced_ours_is_not_called_lost() -> None:
    hook = Category(TRUNK_HOOK, (("exten", "s,1,SIPAddHeader(X-Own: 1)"),))
    facts = {"is_ours": ALL_OURS | {TRUNK_HOOK: False}, "of_the_site": {OVERRIDE_FILE: [hook]}}
    assert found(**facts) == [("files-too-late", Severity.PROBLEM)]


@pytest.mark.parametrize(
    ("flavour", "lines", "is_found"),
    [
        ("freepbx16", (FIRST_16,), False),
        ("freepbx17", (FIRST_17,), False),
        ("freepbx17", (FIRST_16,), True),
        ("freepbx16", ("exten => s,1,Gosub(new,s,1)",), True),
        ("freepbx16", (), False),
        ("", (FIRST_17,), False),
    ],
)
def test_the_first_step_of_the_route_mail_must_be_one_that_we_repeat(
    flavour: str, lines: tuple[str, ...], *, is_found: bool
) -> None:
    expected = [("route-mail", Severity.WARNING)] if is_found else []
    assert found(flavour=flavour, mail=a_mail(*lines)) == expected
