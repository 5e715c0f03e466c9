"""An inspection of a real exchange finds each planted mistake, names it, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.asterisk.inspection.inquiry import ask
from rtbill.clock import SystemClock
from rtbill.domain.finding import Severity
from tests.fakes.talks import conversing
from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.generated import PLAIN
from tests.integration.asterisk.planting import (
    AGE,
    FILE,
    MANAGER,
    Garden,
    a_garden,
    planted,
    the_text,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.asterisk.inspection.inquiry import Inquiry
    from tests.integration.asterisk.lab import Lab

ELSEWHERE = "127.0.0.9"
"""Stands for an address of the machine that others can reach."""


@pytest.fixture
async def garden(lab: Lab) -> AsyncIterator[Garden]:
    async with a_garden(lab.server) as ready:
        yield ready


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
NARROW = "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/32\n"


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
        (MANAGER, "channelvars = RTB_PAYER,RTB_DEST,RTB_ANSWERED,RTB_ORIGIN,FORWARDERNAME",
         "channelvars = RTB_PAYER",
         "channelvars", Severity.PROBLEM, "FORWARDERNAME, RTB_ANSWERED, RTB_DEST, RTB_ORIGIN"),
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
        try:
            writer.write(await far.readline())
            await reader.read()
        finally:
            far_writer.transport.abort()
            await far_writer.wait_closed()

    assert planted(await garden.look(addresses=[ELSEWHERE])) == {}
    async with conversing(relay, port, host=ELSEWHERE):
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

INCLUDE = f"#include {FILE}"


async def test_a_file_changed_by_hand_is_found_and_the_line_named(garden: Garden) -> None:
    garden.change(FILE, "GotoIf($[${RTB_SINCE} < 0", "GotoIf($[${RTB_SINCE} < 60")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-changed": Severity.PROBLEM}
    text = the_text(findings, "files-changed")
    assert FILE in text
    assert "[rtbill-ring]" in text
    assert "RTB_SINCE} < 60" in text


async def test_a_line_taken_out_by_hand_is_found(garden: Garden) -> None:
    garden.change(FILE, "include => rtbill-freephone\n", "")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-changed": Severity.PROBLEM}
    assert "[rtbill-phones]" in the_text(findings, "files-changed")


async def test_a_file_that_is_not_there_is_found(garden: Garden) -> None:
    garden.change("extensions.conf", INCLUDE, "")
    garden.write(FILE, None)
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-missing": Severity.PROBLEM}


async def test_a_file_that_is_not_included_is_found(garden: Garden) -> None:
    garden.change("extensions.conf", INCLUDE, "")
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-not-loaded": Severity.PROBLEM}
    assert "does not include" in the_text(findings, "files-not-loaded")


async def test_a_file_that_is_not_loaded_yet_is_found(garden: Garden) -> None:
    newer = replace(garden.generated, dialplan=f"{PLAIN}ring_s = 31\n")
    garden.regenerate(newer)
    findings = await garden.look()
    assert planted(findings) == {"files-not-loaded": Severity.PROBLEM}
    assert "still runs an older one" in the_text(findings, "files-not-loaded")
    garden.reload()
    assert planted(await garden.look()) == {}


async def test_a_configuration_that_the_exchange_does_not_know_yet_is_found(
    garden: Garden,
) -> None:
    garden.generated = replace(garden.generated, dialplan=f"{PLAIN}ring_s = 31\n")
    findings = await garden.look()
    assert planted(findings) == {"files-outdated": Severity.PROBLEM}
    assert "[rtbill-ring]" in the_text(findings, "files-outdated")


async def test_a_file_that_was_never_generated_is_one_finding(garden: Garden) -> None:
    """As copied by hand from an earlier release: the same contexts, other steps, no stamp."""
    text = garden.read(FILE).partition("[rtbill-stamp]")[0]
    garden.write(FILE, text.replace("GotoIf($[${RTB_SINCE} < 0", "GotoIf($[${RTB_SINCE} < 9"))
    garden.reload()
    findings = await garden.look()
    assert planted(findings) == {"files-older": Severity.WARNING}
    assert FILE in the_text(findings, "files-older")


@pytest.mark.parametrize("flavour", ["freepbx16", "freepbx17"])
async def test_files_for_a_freepbx_are_found(garden: Garden, flavour: str) -> None:
    garden.regenerate(replace(garden.generated, flavour=flavour, dialplan=""))
    garden.reload()
    findings = await garden.look()
    assert planted(findings)["wrong-flavour"] is Severity.PROBLEM
    text = the_text(findings, "wrong-flavour")
    assert f"made for {flavour}, and the exchange is plain" in text


async def test_an_emergency_number_that_leads_nowhere_is_found(garden: Garden) -> None:
    findings = await garden.look(emergency=("112", "1530"))
    assert planted(findings) == {"emergency-route": Severity.PROBLEM}
    assert "who dials 1530" in the_text(findings, "emergency-route")


async def test_options_that_only_freepbx_has_are_not_looked_at(garden: Garden) -> None:
    async with AmiProbe(garden.server.ports.ami, garden.server.secret) as ami:
        await ami.action("Setvar", Variable="TRUNK_OPTIONS", Value="TU(mine)")
        findings = await garden.look()
        await ami.action("Setvar", Variable="TRUNK_OPTIONS", Value="")
    assert planted(findings) == {}


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
