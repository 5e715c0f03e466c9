"""An inspection of a real exchange finds each planted mistake, names it, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.asterisk.inquiry import ask
from rtbill.clock import SystemClock
from rtbill.domain.finding import Finding, Severity
from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.planting import (
    DIALPLAN,
    GENERATED,
    MANAGER,
    STAMP,
    Garden,
    a_garden,
    an_expectation,
    as_freepbx17,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.asterisk.inquiry import Inquiry
    from tests.integration.asterisk.server import AsteriskServer

AGE = {"end-of-life", "cve"}
"""What is true of Asterisk 16 whatever its operator does."""
ELSEWHERE = "127.0.0.9"
"""Stands for an address of the machine that others can reach."""


@pytest.fixture
async def garden(asterisk: AsteriskServer) -> AsyncIterator[Garden]:
    async with a_garden(asterisk) as ready:
        yield ready


def planted(findings: list[Finding]) -> dict[str, Severity]:
    """Problems and warnings by code, without the age of the exchange."""
    return {
        finding.code: finding.severity
        for finding in findings
        if finding.severity is not Severity.NOTE and finding.code not in AGE
    }


def the_text(findings: list[Finding], code: str) -> str:
    [found] = [finding for finding in findings if finding.code == code]
    assert found.remedy, "it says what to do"
    return found.text


async def test_a_clean_exchange_has_no_problem(garden: Garden) -> None:
    findings = await garden.look()
    assert planted(findings) == {}
    assert [finding for finding in findings if finding.severity is Severity.PROBLEM] == []
    assert not any(finding.code == "not-checked" for finding in findings)


async def test_an_exchange_of_yesterday_is_told_its_age(garden: Garden) -> None:
    ages = {finding.code for finding in await garden.look()} & AGE
    assert ages == (AGE if garden.server.version == 16 else set())


END = "at the end of the file"
OTHER_USER = "[other]\nread = call\nwrite = call\ndeny = 0.0.0.0/0\npermit = 127.0.0.1\n"
NARROW = "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "severity", "said"),
    [
        (MANAGER, END, f"{OTHER_USER}secret = Admin\n", "default-secret",
         Severity.PROBLEM, "the AMI user other has a secret that every scanner"),
        (MANAGER, END, f"{OTHER_USER}secret = fifteen-letters\n",
         "default-secret", Severity.WARNING, "other has a secret of 15 characters"),
        (MANAGER, "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0", "ami-exposed",
         Severity.WARNING, "AMI listens on every address"),
        (MANAGER, NARROW, "", "ami-exposed",
         Severity.WARNING, "the AMI user rtbill may sign in from any address"),
        (MANAGER, "channelvars = RTB_PAYER,RTB_DEST,RTB_ANSWERED", "channelvars = RTB_PAYER",
         "channelvars", Severity.PROBLEM, "RTB_ANSWERED, RTB_DEST"),
        (MANAGER, "timestampevents = yes", "timestampevents = no", "timestamps",
         Severity.WARNING, "without the exchange's own time"),
        (MANAGER, END, "#include gone.conf", "broken-file",
         Severity.PROBLEM, "cannot read its own manager.conf"),
    ],
)  # fmt: skip
async def test_a_mistake_in_a_file_is_found_before_it_is_loaded(
    garden: Garden, file: str, old: str, new: str, code: str, severity: Severity, said: str
) -> None:
    if old == END:
        garden.append(file, new)
    else:
        garden.change(file, old, new)
    findings = await garden.look()
    assert planted(findings) == {code: severity}
    assert said in the_text(findings, code)


async def test_a_listener_for_everybody_is_worse_when_a_user_admits_everybody(
    garden: Garden,
) -> None:
    garden.change(MANAGER, "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0")
    garden.change(MANAGER, NARROW, "")
    assert planted(await garden.look()) == {"ami-exposed": Severity.PROBLEM}


async def test_ami_over_http_is_found(garden: Garden) -> None:
    garden.change(MANAGER, "webenabled = no", "webenabled = yes")
    garden.write("http.conf", "[general]\nenabled = yes\nbindaddr = 127.0.0.1\n")
    findings = await garden.look()
    assert planted(findings) == {"ami-exposed": Severity.WARNING}
    garden.write("http.conf", "[general]\nenabled = yes\nbindaddr = 0.0.0.0\n")
    assert planted(await garden.look()) == {"ami-exposed": Severity.PROBLEM}


async def test_ami_that_answers_elsewhere_is_found_whatever_the_file_says(garden: Garden) -> None:
    port = garden.server.ports.ami

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(await far.readline())
        await reader.read()
        far_writer.close()
        writer.close()

    assert planted(await garden.look(addresses=[ELSEWHERE])) == {}
    async with await asyncio.start_server(relay, ELSEWHERE, port):
        findings = await garden.look(addresses=[ELSEWHERE])
    assert planted(findings) == {"ami-exposed": Severity.WARNING}
    assert f"AMI answers at {ELSEWHERE}" in the_text(findings, "ami-exposed")


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("read = call,cdr,user,system", "read = call,cdr,system", {"rights-missing"}),
        ("write = system,call", "write = call", {"rights-missing", "filters"}),
        ("write = system,call", "write = system,call,originate,command", {"rights-excess"}),
    ],
)
async def test_rights_too_few_and_too_many_are_found(
    garden: Garden, old: str, new: str, codes: set[str]
) -> None:
    garden.change(MANAGER, old, new)
    garden.reload()
    assert planted(await garden.look()).keys() == codes


async def test_without_the_right_to_look_it_says_so(garden: Garden) -> None:
    garden.change(MANAGER, "write = system,call", "write = call")
    garden.reload()
    [said] = [each.text for each in await garden.look() if each.code == "not-checked"]
    assert "GetConfig" in said


# ---- the dialplan


async def test_a_file_changed_by_hand_is_found_and_the_line_named(garden: Garden) -> None:
    garden.change(GENERATED, '= ""]?end)', '!= ""]?end)')
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-changed": Severity.PROBLEM}
    text = the_text(findings, "files-changed")
    assert GENERATED in text
    assert "[rtbill-sample]" in text
    assert '!= ""]?end)' in text


async def test_a_file_that_is_not_there_is_found(garden: Garden) -> None:
    garden.change("extensions.conf", f"#include {GENERATED}", "")
    garden.write(GENERATED, None)
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-missing": Severity.PROBLEM}


async def test_a_file_that_is_not_included_is_found(garden: Garden) -> None:
    garden.change("extensions.conf", f"#include {GENERATED}", "")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-not-loaded": Severity.PROBLEM}
    assert "does not include" in the_text(findings, "files-not-loaded")


async def test_a_file_that_is_not_loaded_yet_is_found(garden: Garden) -> None:
    newer = DIALPLAN.replace(STAMP, "ba9876543210")
    garden.write(GENERATED, newer)
    findings = await garden.look(an_expectation(dialplan=newer))
    assert planted(findings) == {"files-not-loaded": Severity.PROBLEM}
    assert "still runs an older one" in the_text(findings, "files-not-loaded")
    garden.reload()
    assert planted(await garden.look(an_expectation(dialplan=newer))) == {}


async def test_files_of_another_kind_of_exchange_are_found(garden: Garden) -> None:
    expected = as_freepbx17(garden, "Dial(PJSIP/x@carrier,,${DIAL_TRUNK_OPTIONS})")
    garden.write(GENERATED, DIALPLAN)
    garden.reload()
    before_upgrade = an_expectation()
    findings = await garden.look(before_upgrade)
    assert planted(findings) == {"wrong-flavour": Severity.PROBLEM}
    assert "made for plain, and the exchange is freepbx17" in the_text(findings, "wrong-flavour")
    assert expected.flavour == "freepbx17"


async def test_the_files_of_the_right_kind_are_no_finding(garden: Garden) -> None:
    expected = as_freepbx17(garden, "Dial(PJSIP/x@carrier,,${DIAL_TRUNK_OPTIONS})")
    garden.reload()
    assert planted(await garden.look(expected)) == {}


async def test_an_email_for_each_call_of_a_route_is_found(garden: Garden) -> None:
    dial = (
        "Dial(PJSIP/x@carrier,300,${DIAL_TRUNK_OPTIONS}b(func-apply-sipheaders^s^1,(1))"
        "U(sub-send-obroute-email^${DIAL_NUMBER}^1^${NOW}))"
    )
    expected = as_freepbx17(garden, dial)
    garden.reload()
    findings = await garden.look(expected)
    assert planted(findings) == {"route-options": Severity.PROBLEM}
    assert "sends an e-mail for each call" in the_text(findings, "route-options")


async def test_options_of_a_trunk_that_want_the_answer_are_found(garden: Garden) -> None:
    async with AmiProbe(garden.server.ports.ami, garden.server.secret) as ami:
        await ami.action("Setvar", Variable="TRUNK_OPTIONS", Value="TU(mine)")
        findings = await garden.look()
        await ami.action("Setvar", Variable="TRUNK_OPTIONS", Value="T")
    assert planted(findings) == {"route-options": Severity.WARNING}
    assert "TRUNK_OPTIONS holds U()" in the_text(findings, "route-options")


async def test_options_of_one_trunk_of_freepbx_are_found(garden: Garden) -> None:
    expected = as_freepbx17(garden, "Dial(PJSIP/x@carrier,,${DIAL_TRUNK_OPTIONS})")
    garden.reload()
    async with AmiProbe(garden.server.ports.ami, garden.server.secret) as ami:
        await ami.put("TRUNK/3", "dialopts", "TM(confirm)")
        findings = await garden.look(expected)
        await ami.delete_family("TRUNK")
    assert planted(findings) == {"route-options": Severity.WARNING}
    assert "the trunk 3 holds M()" in the_text(findings, "route-options")


async def test_a_trunk_through_local_without_n_is_found(garden: Garden) -> None:
    expected = as_freepbx17(garden, "Dial(PJSIP/x@carrier,,${DIAL_TRUNK_OPTIONS})")
    garden.append("extensions_additional.conf", "[globals]\nOUT_4 = AMP:Local/$OUTNUM$@elsewhere\n")
    garden.reload()
    findings = await garden.look(expected)
    assert planted(findings) == {"route-options": Severity.WARNING}
    assert "the trunk OUT_4" in the_text(findings, "route-options")


async def test_an_emergency_number_without_a_route_is_found(garden: Garden) -> None:
    findings = await garden.look(an_expectation(emergency=("112", "1530")))
    assert planted(findings) == {"emergency-route": Severity.PROBLEM}
    assert "1530" in the_text(findings, "emergency-route")
    expected = as_freepbx17(garden, "Dial(PJSIP/x@carrier,,${DIAL_TRUNK_OPTIONS})")
    garden.change("extensions_additional.conf", "exten => 112,1", "exten => 110,1")
    garden.reload()
    assert planted(await garden.look(expected)) == {"emergency-route": Severity.PROBLEM}


async def test_telephones_that_speak_for_others_are_found(garden: Garden) -> None:
    expected = as_freepbx17(garden, "Dial(PJSIP/x@carrier,,${DIAL_TRUNK_OPTIONS})")
    garden.append("extensions_additional.conf", "[app-cf-prompting-on]\nexten => *93,1,NoOp()\n")
    garden.write(
        "pjsip.endpoint.conf",
        "[1001]\ntype=endpoint\ncontext=from-internal\ntrust_id_inbound=yes\n"
        "[1002]\ntype=endpoint\ncontext=from-internal\ntrust_id_inbound=no\n"
        "[carrier]\ntype=endpoint\ncontext=from-pstn\ntrust_id_inbound=yes\n",
    )
    garden.reload()
    findings = await garden.look(expected)
    assert planted(findings) == {
        "trusts-identity": Severity.WARNING,
        "forward-prompt": Severity.WARNING,
    }
    assert "1 telephones may name another caller themselves (1001)" in the_text(
        findings, "trusts-identity"
    )


# ---- what an inspection leaves behind, and what it withstands


async def test_an_inspection_leaves_nothing_in_the_exchange(garden: Garden) -> None:
    async with AmiProbe(garden.server.ports.ami, garden.server.secret) as ami:
        before = await ami.listing("DBGetTree", "DBGetTreeComplete", Family="rtbill")
        await garden.look()
        after = await ami.listing("DBGetTree", "DBGetTreeComplete", Family="rtbill")
    assert [row["Key"] for row in after] == [row["Key"] for row in before]


async def test_no_finding_repeats_a_secret(garden: Garden) -> None:
    garden.append(MANAGER, f"{OTHER_USER}secret = guessable-7\n")
    said = repr(await garden.look())
    assert "other has a secret of 11 characters" in said
    assert "guessable-7" not in said
    assert garden.server.secret not in said


async def test_a_file_of_ten_thousand_lines_is_read_whole(garden: Garden) -> None:
    lines = "".join(f"[{10_000 + n}]\ncontext=from-internal\n" for n in range(5_000))
    garden.write("pjsip.endpoint.conf", lines)

    async def work(inquiry: Inquiry) -> int:
        return len(await inquiry.config("pjsip.endpoint.conf") or ())

    assert await ask(garden.settings(), SystemClock(), work) == 5_000
