"""An inspection of a FreePBX with rtbill finds each planted mistake, names it, and nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rtbill.domain.finding import Finding, Severity
from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.freepbx.with_rtbill import (
    CUSTOM,
    INCLUDE,
    OVERRIDE,
    TRUNKS,
    install_files,
)
from tests.integration.asterisk.generated import Generated
from tests.integration.asterisk.planting import AGE, FILE, OWN_MANAGER, Garden, the_text
from tests.integration.asterisk.planting import planted as all_planted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.asterisk.freepbx.lab import FreePbxLab

ROUTED = ("112", "911")
"""Emergency numbers that the laboratory's emergency route knows."""
GENERATED = "extensions_additional.conf"
BY_DEFAULT = {"trusts-identity": Severity.WARNING, "forward-prompt": Severity.WARNING}
"""What FreePBX's own defaults give: telephones are believed, and *93 forwards for others."""
ODDITIES = (
    ("exten => 118,1,", "exten => 110,1,"),
    ("Goto(ext-trunk,1,1)", "Goto(ext-group,600,1)"),
    ("Goto(ext-trunk,3,1)", "Goto(ext-group,601,1)"),
    ("dialout-enum,4", "dialout-trunk,1"),
    ("dialout-enum,s,1(4", "dialout-trunk,s,1(1"),
    ("AMP:Local/$OUTNUM$@gateway", "PJSIP"),
)
"""What the laboratory has and a usual FreePBX has not, and what stands there usually."""


@pytest.fixture
async def garden(lab: FreePbxLab) -> AsyncIterator[Garden]:
    """A usual FreePBX with rtbill installed as INSTALL.md says."""
    generated = Generated(
        flavour=f"freepbx{lab.freepbx.version}", dialplan="", trunks=TRUNKS, emergency=ROUTED
    )
    garden = Garden(lab.server, generated)
    text = garden.read(GENERATED)
    for odd, usual in ODDITIES:
        text = text.replace(odd, usual)
    garden.write(GENERATED, text)
    await install_files(lab, generated)
    try:
        yield garden
    finally:
        await asyncio.to_thread(garden.restore)


def planted(findings: list[Finding]) -> dict[str, Severity]:
    """Problems and warnings by code, without those that every FreePBX begins with."""
    found = all_planted(findings)
    return {code: found[code] for code in found if code not in BY_DEFAULT}


def the_other(garden: Garden) -> str:
    """The flavour of the other FreePBX."""
    return "freepbx17" if garden.server.version == 16 else "freepbx16"


async def test_a_clean_freepbx_has_no_problem(garden: Garden) -> None:
    findings = await garden.look()
    assert all_planted(findings) == BY_DEFAULT
    of_age = [each for each in findings if each.code in AGE]
    problems = [each for each in findings if each.severity is Severity.PROBLEM]
    assert [each for each in problems if each not in of_age] == []
    notes = Counter(each.code for each in findings if each.severity is Severity.NOTE)
    assert notes == {"rights-excess": 1}, "FreePBX's own AMI user may do everything"


async def test_telephones_that_freepbx_believes_are_counted(garden: Garden) -> None:
    said = the_text(await garden.look(), "trusts-identity")
    assert "11 telephones" in said


# ---- rtbill's files


async def test_a_file_changed_by_hand_is_found(garden: Garden) -> None:
    garden.change(FILE, "Set(DSTRING=Local/s@rtbill-busy/n)", "NoOp()")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-changed": Severity.PROBLEM}
    assert "Local/s@rtbill-busy" in the_text(findings, "files-changed")


async def test_a_file_that_is_not_included_is_found(garden: Garden) -> None:
    garden.write(OVERRIDE, "")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-not-loaded": Severity.PROBLEM}
    assert "does not include" in the_text(findings, "files-not-loaded")


async def test_a_file_that_is_not_there_is_found(garden: Garden) -> None:
    garden.write(OVERRIDE, "")
    garden.write(FILE, None)
    garden.reload()
    assert planted(await garden.look()) == {"files-missing": Severity.PROBLEM}


async def test_a_file_that_is_gone_is_found_before_and_after_the_reload(garden: Garden) -> None:
    garden.write(FILE, None)
    findings = await garden.look()
    assert planted(findings) == {
        "files-missing": Severity.PROBLEM,
        "broken-file": Severity.PROBLEM,
    }
    assert "after the next reload" in the_text(findings, "files-missing")
    garden.reload()
    assert planted(await garden.look()) == {"files-missing": Severity.PROBLEM}


async def test_a_file_that_is_included_too_late_is_found(garden: Garden) -> None:
    garden.write(OVERRIDE, "")
    garden.write(CUSTOM, INCLUDE)
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-too-late": Severity.PROBLEM}
    said = the_text(findings, "files-too-late")
    assert said.startswith("[sub-send-obroute-email] begins with another's step")
    [remedy] = [each.remedy for each in findings if each.code == "files-too-late"]
    assert "the first line of extensions_override_freepbx.conf, remove it where" in remedy


async def test_too_late_matters_less_while_no_route_mails_at_the_answer(
    lab: FreePbxLab, garden: Garden
) -> None:
    text = garden.read(GENERATED)
    start, end = "U(sub-send-obroute-email", "CALLERID(number)}"
    while start in text:
        before, _, rest = text.partition(start)
        option, _, after = rest.partition(end)
        assert "\n" not in option
        text = before + after.partition(")")[2]
    garden.write(GENERATED, text)
    garden.write(OVERRIDE, "")
    garden.write(CUSTOM, INCLUDE)
    await lab.freepbx.reload()
    assert planted(await garden.look()) == {"files-too-late": Severity.WARNING}


HOOK = "[macro-dialout-trunk-predial-hook]\nexten => s,1,NoOp(of the site)\n same => n,Return()\n"


async def test_a_hook_of_the_site_that_is_read_before_ours_is_found(garden: Garden) -> None:
    garden.write(OVERRIDE, HOOK + INCLUDE)
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-too-late": Severity.PROBLEM}
    said = the_text(findings, "files-too-late")
    assert "[macro-dialout-trunk-predial-hook]" in said
    assert "outside calls have no payer" in said


async def test_a_hook_of_the_site_that_ours_displaced_is_found(garden: Garden) -> None:
    garden.write(CUSTOM, HOOK)
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"hook-not-run": Severity.WARNING}
    assert CUSTOM in the_text(findings, "hook-not-run")


async def test_the_files_of_the_other_freepbx_are_found(garden: Garden) -> None:
    """As after an upgrade: configuration and files are still those of before."""
    garden.regenerate(replace(garden.generated, flavour=the_other(garden)))
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"wrong-flavour": Severity.PROBLEM}
    is_made, is_there = the_other(garden), f"freepbx{16 if garden.server.version == 16 else 17}"
    assert f"made for {is_made}, and the exchange is {is_there}" in the_text(
        findings, "wrong-flavour"
    )


async def test_the_files_of_a_plain_asterisk_are_found(garden: Garden) -> None:
    garden.regenerate(replace(garden.generated, flavour="plain"))
    garden.reload()
    found = planted(await garden.look())
    assert found["wrong-flavour"] is Severity.PROBLEM


async def test_a_file_that_is_not_loaded_yet_is_found(garden: Garden) -> None:
    garden.regenerate(replace(garden.generated, dialplan='incoming = "1009"'))
    findings = await garden.look()
    assert planted(findings) == {"files-not-loaded": Severity.PROBLEM}
    assert "still runs an older one" in the_text(findings, "files-not-loaded")
    garden.reload()
    assert planted(await garden.look()) == {}


async def test_a_route_mail_that_freepbx_begins_in_another_way_is_found(garden: Garden) -> None:
    context = garden.read(GENERATED).partition("\n[sub-send-obroute-email]")[2]
    first = context.partition("exten => s,1,")[2].partition("\n")[0]
    garden.change(GENERATED, f"s,1,{first}", "s,1,Gosub(sub-of-a-new-release,s,1)")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"route-mail": Severity.WARNING}
    assert "sub-of-a-new-release" in the_text(findings, "route-mail")


# ---- trunks and routes


@pytest.mark.parametrize(
    ("options", "severity", "said"),
    [
        ("TU(of-the-site)", Severity.WARNING, "holds U()"),
        ("TM(confirm)", Severity.WARNING, "holds M()"),
        ("TG(of-the-site^s^1)", Severity.PROBLEM, "holds G()"),
    ],
)
@pytest.mark.parametrize("where", ["TRUNK_OPTIONS", "the trunk 1"])
async def test_options_that_want_the_answer_are_found(
    garden: Garden, where: str, options: str, severity: Severity, said: str
) -> None:
    async with AmiProbe(garden.server.ports.ami, garden.server.secret, "admin") as ami:
        if where == "TRUNK_OPTIONS":
            garden.write("globals_custom.conf", f"TRUNK_OPTIONS = {options}\n")
            garden.reload()
        else:
            await ami.put("TRUNK/1", "dialopts", options)
        findings = await garden.look()
        await ami.delete_family("TRUNK")
    assert planted(findings) == {"route-options": severity}
    assert f"{where} {said}" in the_text(findings, "route-options")


async def test_a_subroutine_that_freepbx_appends_after_ours_is_found(garden: Garden) -> None:
    garden.change(GENERATED, "U(sub-send-obroute-email^", "U(sub-of-a-module^")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"route-options": Severity.PROBLEM}
    assert "appends U(sub-of-a-module)" in the_text(findings, "route-options")


@pytest.mark.parametrize(("goto", "trunk"), [("ext-trunk,1,1", "1"), ("ext-trunk,3,1", "3")])
async def test_a_trunk_as_destination_is_found(garden: Garden, goto: str, trunk: str) -> None:
    garden.change(GENERATED, "Goto(ext-miscdests,1,1)", f"Goto({goto})")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"unpaid-route": Severity.WARNING}
    assert f"inbound route 0311000900 to trunk {trunk}." in the_text(findings, "unpaid-route")


@pytest.mark.parametrize("is_disabled", [False, True])
async def test_a_route_with_an_enum_trunk_is_found(garden: Garden, *, is_disabled: bool) -> None:
    new = "dialout-enum,4" if garden.server.version == 16 else "dialout-enum,s,1(4"
    old = new.replace("enum", "trunk").replace("4", "1")
    head, context, rest = garden.read(GENERATED).partition("[outrt-5]")
    assert old in rest
    text = head + context + rest.replace(old, new, 1)
    if is_disabled:
        text = text.replace("OUTDISABLE_4 = off", "OUTDISABLE_4 = on")
    garden.write(GENERATED, text)
    garden.reload()
    findings = await garden.look()
    if is_disabled:
        assert planted(findings) == {}
    else:
        assert planted(findings) == {"unpaid-route": Severity.WARNING}
        assert "outbound routes enum use a trunk of the kind ENUM" in the_text(
            findings, "unpaid-route"
        )


@pytest.mark.parametrize(
    ("dial", "severity"),
    [
        ("Dial(PJSIP/${EXTEN}@carrier)", Severity.WARNING),
        ("Dial(PJSIP/${EXTEN}@carrier,60,U(rtbill-up))", None),
        ("Goto(elsewhere,${EXTEN},1)", Severity.NOTE),
    ],
)
async def test_a_custom_trunk_whose_leg_is_not_stamped_is_found(
    garden: Garden, dial: str, severity: Severity | None
) -> None:
    garden.change(GENERATED, "OUT_3 = PJSIP", "OUT_3 = AMP:Local/$OUTNUM$@gateway")
    garden.change("extensions.conf", "exten => _X.,1,Dial(PJSIP/${EXTEN}@carrier)",
                  f"exten => _X.,1,{dial}")  # fmt: skip
    garden.reload()
    findings = await garden.look()
    found = {each.severity for each in findings if each.code == "local-trunk"}
    assert found == ({severity} if severity else set())
    assert planted(findings).keys() <= {"local-trunk"}


# ---- emergency


async def test_an_emergency_number_without_a_route_is_found(garden: Garden) -> None:
    garden.change(GENERATED, "exten => 112,1,", "exten => 113,1,")
    garden.change(GENERATED, "exten => _X.,1,", "exten => _0X.,1,")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"emergency-route": Severity.PROBLEM}
    assert "who dials 112 gets help" in the_text(findings, "emergency-route")


async def test_an_emergency_number_in_a_usual_route_is_found(garden: Garden) -> None:
    garden.change(GENERATED, "exten => 112,1,", "exten => 113,1,")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"emergency-route": Severity.WARNING}
    said = the_text(findings, "emergency-route")
    assert said.startswith("112 takes an outbound route that is not marked")


async def test_a_route_above_the_emergency_route_that_takes_its_number_is_found(
    garden: Garden,
) -> None:
    garden.change(GENERATED, "[outrt-1]", "[outrt-x]")
    garden.change(GENERATED, "[outrt-10]" if garden.server.version == 16 else "[outrt-9]",
                  "[outrt-1]")  # fmt: skip
    garden.change(GENERATED, "include => outrt-2\n", "include => outrt-x\ninclude => outrt-2\n")
    garden.change(GENERATED, "[outrt-x]", "[outrt-0]")
    garden.change(GENERATED, "include => outrt-x\n", "include => outrt-0\n")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"emergency-route": Severity.WARNING}
    assert "112, 911 take an outbound route" in the_text(findings, "emergency-route")


async def test_an_emergency_route_of_the_site_itself_counts(garden: Garden) -> None:
    garden.change(GENERATED, "exten => 112,1,", "exten => 113,1,")
    garden.write(CUSTOM, "[from-internal-custom]\nexten => 112,1,Dial(PJSIP/112@carrier)\n")
    garden.reload()
    assert planted(await garden.look()) == {}


# ---- AMI


async def test_the_secret_that_freepbx_is_shipped_with_is_found(garden: Garden) -> None:
    garden.change("manager.conf", f"[admin]\nsecret = {garden.server.secret}",
                  "[admin]\nsecret = amp111")  # fmt: skip
    findings = await garden.look()
    assert planted(findings) == {"default-secret": Severity.PROBLEM}
    assert "the AMI user admin" in the_text(findings, "default-secret")


async def test_an_ami_user_without_a_narrow_permit_is_found(garden: Garden) -> None:
    garden.change(OWN_MANAGER, "permit = 127.0.0.1/32", "permit = 0.0.0.0/0.0.0.0")
    findings = await garden.look()
    assert planted(findings) == {"ami-exposed": Severity.WARNING}
    garden.change("manager.conf", "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0")
    assert planted(await garden.look()) == {"ami-exposed": Severity.PROBLEM}


async def test_what_the_laboratory_has_of_its_own_is_found_together(
    lab: FreePbxLab, garden: Garden
) -> None:
    await asyncio.to_thread(garden.restore)
    await install_files(lab, garden.generated)
    findings = await garden.look(emergency=ROUTED)
    assert planted(findings) == {
        "unpaid-route": Severity.WARNING,
        "local-trunk": Severity.WARNING,
    }
    assert Counter(each.code for each in findings)["unpaid-route"] == 2
