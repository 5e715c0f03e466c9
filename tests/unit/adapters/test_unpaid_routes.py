"""Judging the ways out of a FreePBX on which no hook names a payer."""

from __future__ import annotations

import pytest

from adapters.asterisk.inspection.config_file import Category, read_text
from adapters.asterisk.inspection.unpaid_routes import (
    disabled_trunks,
    local_contexts,
    local_findings,
    unmarked_findings,
    unpaid_findings,
)
from rtbill.domain.finding import Finding, Severity


def contexts(text: str) -> list[Category]:
    return read_text(text)


def texts(findings: list[Finding]) -> list[str]:
    return [each.text for each in findings]


DID = """[ext-did-0002]
exten => 0311,1,Set(__FROM_DID=${EXTEN})
exten => 0311,n(dest-ext),Goto(ext-trunk,1,1)
exten => 0312,1,Goto(from-did-direct,1002,1)
[ivr-1]
exten => 5,1,Goto(ext-trunk,3,1)
[ext-trunk]
exten => 1,1,Goto(ext-trunk,tdial,1)
exten => 2,1,GotoIf($[1]?ext-trunk,2,1)
"""


def test_trunks_as_destinations_are_named_by_what_leads_there() -> None:
    [said] = texts(unpaid_findings(contexts(DID), (), set()))
    assert "inbound route 0311 to trunk 1, [ivr-1] 5 to trunk 3." in said
    assert "0312" not in said


def test_a_trunk_that_is_turned_off_is_no_way_out() -> None:
    [said] = texts(unpaid_findings(contexts(DID), (), {"3"}))
    assert "ivr" not in said


def test_many_places_are_not_all_named() -> None:
    lines = "".join(f"exten => 03{n},1,Goto(ext-trunk,1,1)\n" for n in range(10, 30))
    [said] = texts(unpaid_findings(contexts(f"[ext-did-0002]\n{lines}"), (), set()))
    assert "inbound route 0314 to trunk 1 …." in said


@pytest.mark.parametrize(
    "step", ["Macro(dialout-enum,4,${EXTEN},,)", "Gosub(macro-dialout-enum,s,1(4,${EXTEN},,))"]
)
def test_a_route_with_a_trunk_without_a_hook_is_named(step: str) -> None:
    route = f"[outrt-7]\nexten => _X.,1,Set(_ROUTENAME=by name)\nexten => _X.,n,{step}\n"
    [said] = texts(unpaid_findings((), contexts(route), set()))
    assert said.startswith("the outbound routes by name use a trunk of the kind ENUM")
    assert unpaid_findings((), contexts(route), {"4"}) == []


def test_each_kind_without_a_hook_is_told_apart() -> None:
    route = "[outrt-{0}]\nexten => _X.,1,Macro(dialout-{1},{0},x)\n"
    text = route.format(1, "enum") + route.format(2, "dundi") + route.format(3, "enum")
    said = texts(unpaid_findings((), contexts(text), set()))
    assert [each.partition(" use")[0] for each in said] == [
        "the outbound routes outrt-2",
        "the outbound routes outrt-1, outrt-3",
    ]


def test_freepbx_own_macro_for_such_trunks_is_no_route() -> None:
    macro = "[macro-dialout-dundi]\nexten => s,1,Macro(dialout-dundi,1)\n"
    assert unpaid_findings((), contexts(macro), set()) == []


# ---- custom trunks

SETTINGS = {
    "OUT_1": "PJSIP",
    "OUT_1_SUFFIX": "@carrier",
    "OUT_2": "AMP:Local/$OUTNUM$@gateway",
    "OUT_3": "AMP:Local/$OUTNUM$@far/n",
    "OUT_4": "AMP:DAHDI/g0/$OUTNUM$",
    "OUT_5": "AMP:Local/$OUTNUM$@off",
    "OUTDISABLE_2": "off",
    "OUTDISABLE_5": "on",
}


def test_custom_trunks_through_local_are_found_unless_turned_off() -> None:
    assert disabled_trunks(SETTINGS) == {"5"}
    assert local_contexts(SETTINGS) == {"OUT_2": "gateway", "OUT_3": "far"}


@pytest.mark.parametrize(
    ("lines", "severity"),
    [
        (("exten => _X.,1,Dial(SIP/a/${EXTEN},,U(rtbill-up))",), None),
        (("exten => _X.,1,Dial(SIP/a/${EXTEN})",), Severity.WARNING),
        (
            ("exten => _X.,1,Dial(SIP/a/1,,U(rtbill-up))", "same => n,Dial(SIP/b/1)"),
            Severity.WARNING,
        ),
        (("exten => _X.,1,Goto(elsewhere,1,1)",), Severity.NOTE),
        ((), Severity.NOTE),
    ],
)
def test_a_leg_behind_a_custom_trunk_must_stamp_itself(
    lines: tuple[str, ...], severity: Severity | None
) -> None:
    there = {"gateway": contexts("\n".join(("[gateway]", *lines)))}
    found = local_findings({"OUT_2": "gateway"}, there)
    assert [each.severity for each in found] == ([] if severity is None else [severity])


def test_emergency_numbers_in_usual_routes_are_named_together() -> None:
    assert unmarked_findings([]) == []
    [found] = unmarked_findings(["15", "112"])
    assert found.severity is Severity.WARNING
    assert found.text.startswith("112, 15 take an outbound route")
