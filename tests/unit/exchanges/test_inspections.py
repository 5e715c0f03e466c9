"""Inspections at each sign-in and on demand, and the alarms that follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rtbill.domain.errors import BadRecord, Unavailable
from rtbill.domain.finding import Finding, Severity, by_severity, note, problem, warning
from rtbill.exchanges.inspections import Inspections
from tests.fakes.builders import PBX
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

EXPOSED = warning("ami-exposed", "AMI listens on every address", "bind it")
WEAK = problem("default-secret", "the AMI user admin has a known secret", "change it")
POWERFUL = note("rights-excess", "admin can take it over")


@asynccontextmanager
async def inspected(*findings: Finding) -> AsyncIterator[tuple[Office, Inspections]]:
    """An office whose exchange has these findings, inspected at each sign-in."""
    async with an_office() as office, asyncio.TaskGroup() as group:
        office.pbx.findings = list(findings)
        inspections = Inspections(office.billing.lines, office.alarms, office.store, office.clock)
        task = group.create_task(inspections.serve(office.line), name="inspect")
        await settle()
        yield office, inspections
        task.cancel()


def checks(office: Office) -> dict[str, str]:
    return {each.subject: each.text for each in office.alarms.active() if each.kind == "check"}


async def test_findings_at_a_sign_in_become_alarms_but_notes_do_not() -> None:
    async with inspected(EXPOSED, WEAK, POWERFUL) as (office, _):
        assert checks(office) == {
            f"{PBX}/ami-exposed": "AMI listens on every address; bind it",
            f"{PBX}/default-secret": "the AMI user admin has a known secret; change it",
        }


async def test_what_is_no_longer_found_is_cleared_at_the_next_sign_in() -> None:
    async with inspected(EXPOSED, WEAK) as (office, _):
        office.pbx.findings = [WEAK]
        await office.hear("12:01:00 lost\n12:01:05 back")
        assert list(checks(office)) == [f"{PBX}/default-secret"]


async def test_several_findings_of_one_sort_are_one_alarm() -> None:
    other = problem("default-secret", "the AMI user cron has a short one", "change it")
    async with inspected(WEAK, other) as (office, _):
        [text] = checks(office).values()
        assert text.startswith("the AMI user admin")
        assert f"1 more: rtbill check-pbx {PBX}" in text


async def test_once_after_each_sign_in_and_not_by_itself() -> None:
    async with inspected() as (office, _):
        assert office.pbx.attempts.count("inspect") == 1
        await office.hear("12:00:01 snapshot")
        await office.clock.advance(600)
        assert office.pbx.attempts.count("inspect") == 1
        await office.hear("12:11:00 lost\n12:11:05 back")
        assert office.pbx.attempts.count("inspect") == 2


async def test_an_inspection_that_fails_leaves_the_alarms_and_is_tried_at_the_next_sign_in() -> (
    None
):
    async with inspected(EXPOSED) as (office, _):
        office.pbx.fail("inspect", Unavailable("cannot reach it"))
        office.pbx.findings = []
        await office.hear("12:01:00 lost\n12:01:05 back")
        assert list(checks(office)) == [f"{PBX}/ami-exposed"]
        await office.hear("12:02:00 lost\n12:02:05 back")
        assert checks(office) == {}


@pytest.mark.parametrize(
    "mistake", [OverflowError("s3cret"), ExceptionGroup("tasks", [KeyError("s3cret")])]
)
async def test_a_mistake_in_an_inspection_ends_nothing_and_is_told_until_one_succeeds(
    mistake: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with inspected(EXPOSED) as (office, _):
        office.pbx.fail("inspect", mistake)
        office.pbx.findings = []
        await office.hear("12:01:00 lost\n12:01:05 back")

        told = checks(office)
        assert list(told) == [f"{PBX}/ami-exposed", f"{PBX}/inspection-failed"]
        assert "in rtbill.exchanges.inspections, line" in told[f"{PBX}/inspection-failed"]
        [line] = [each for each in caplog.records if each.levelname == "ERROR"]
        assert "fake_pbx.py" in line.__dict__["exception"]
        assert "s3cret" not in str([told, line.__dict__]), "what it read may be a secret"

        await office.hear("12:02:00 lost\n12:02:05 back")
        assert checks(office) == {}


async def test_the_order_tells_a_mistake_at_one_exchange_as_its_finding() -> None:
    async with inspected(EXPOSED) as (office, inspections):
        office.pbx.fail("inspect", OverflowError("s3cret"))
        [report] = (await inspections.order({}))["pbxs"]
        [found] = report["findings"]
        assert (found["code"], found["severity"]) == ("inspection-failed", Severity.PROBLEM)
        assert "OverflowError in rtbill.exchanges.inspections, line" in found["text"]
        assert list(checks(office)) == [f"{PBX}/ami-exposed", f"{PBX}/inspection-failed"]


async def test_the_order_answers_the_findings_the_worst_first() -> None:
    async with inspected() as (office, inspections):
        office.pbx.findings = [POWERFUL, EXPOSED, WEAK]
        answer = await inspections.order({})
        [report] = answer["pbxs"]
        assert report["name"] == PBX
        assert [each["code"] for each in report["findings"]] == [
            "default-secret",
            "ami-exposed",
            "rights-excess",
        ]
        assert report["findings"][0] == {
            "code": "default-secret",
            "severity": "problem",
            "text": WEAK.text,
            "remedy": "change it",
        }
        assert f"{PBX}/default-secret" in checks(office)


async def test_an_exchange_that_cannot_be_asked_has_that_as_its_finding() -> None:
    async with inspected(EXPOSED) as (office, inspections):
        office.pbx.fail("inspect", Unavailable("cannot reach it"))
        [report] = (await inspections.order({"pbx": PBX}))["pbxs"]
        assert [(each["code"], each["text"]) for each in report["findings"]] == [
            ("unreachable", "cannot reach it")
        ]
        assert list(checks(office)) == [f"{PBX}/ami-exposed"], "what was found still stands"


async def test_an_unknown_exchange_is_refused_by_name() -> None:
    async with inspected() as (_, inspections):
        with pytest.raises(BadRecord, match=f"'hall'; known are {PBX}"):
            await inspections.order({"pbx": "hall"})


# ---- what the books add


async def test_a_leg_without_payer_is_found_with_the_way_it_took() -> None:
    async with inspected() as (office, inspections):
        await office.hear("12:00:01 start 7 payer=- trunk=enum\n12:00:05 answer 7 payer=-")
        await office.hear("12:01:05 end 7 payer=-")
        [report] = (await inspections.order({}))["pbxs"]
        [found] = report["findings"]
        assert (found["code"], found["severity"]) == ("legs-without-payer", Severity.PROBLEM)
        assert f"{PBX}/7" in found["text"]


async def test_a_leg_without_payer_is_forgotten_after_a_week() -> None:
    async with inspected() as (office, inspections):
        await office.hear("12:00:05 answer 7 payer=-\n12:01:05 end 7 payer=-")
        for days, codes in ((6, ["legs-without-payer"]), (2, [])):
            office.clock.step(days * 86_400)  # nobody wakes: a week of rounds takes a minute
            [report] = (await inspections.order({}))["pbxs"]
            assert [each["code"] for each in report["findings"]] == codes


async def test_a_leg_that_nobody_answered_is_no_loss() -> None:
    async with inspected() as (office, inspections):
        await office.hear("12:00:05 start 7 payer=-\n12:01:05 end 7 payer=-")
        [report] = (await inspections.order({}))["pbxs"]
        assert report["findings"] == []


def test_findings_of_one_severity_stay_in_their_order() -> None:
    first, second = warning("a", "", ""), warning("b", "", "")
    assert by_severity([POWERFUL, first, second, WEAK]) == [WEAK, first, second, POWERFUL]
