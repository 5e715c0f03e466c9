"""Judging the dialplan of an exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.asterisk.inspection.asterisk_version import parse_version
from adapters.asterisk.inspection.config_file import Category, read_text
from adapters.asterisk.inspection.dialplan_file import (
    LoadedDialplan,
    emergency_findings,
    feature_findings,
    file_findings,
    flavour_findings,
    flavour_of,
)
from adapters.asterisk.inspection.expected_files import Expected
from rtbill.domain.finding import Finding, Severity

FILE = "extensions_rtbill.conf"
TEXT = "[rtbill-stamp]\nexten => files-00ff00ff00ff,1,NoOp()\n"
EXPECTED = Expected(stamp="00ff00ff00ff", files={FILE: TEXT, "INSTALL": "read me"})
SAME = {FILE: read_text(TEXT)}
OUTDATED = {FILE: read_text(TEXT.replace("00ff", "11ee"))}
CHANGED = {FILE: read_text(TEXT.replace("NoOp", "Answer"))}
OLDER = {FILE: read_text("[rtbill-up]\nexten => s,1,Return()\n")}
MISSING: Mapping[str, list[Category]] = {FILE: []}


def loaded(**facts: Any) -> LoadedDialplan:
    good: dict[str, Any] = {
        "has_stamp": True,
        "stamped_flavour": "plain",
        "exchange_flavour": "plain",
    }
    return LoadedDialplan(**(good | facts))


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("has_stamp", "on_disk", "is_included", "expected"),
    [
        (True, SAME, True, []),
        (True, {}, None, []),
        (None, {}, None, []),
        (False, SAME, False, ["files-not-loaded"]),
        (False, SAME, True, ["files-not-loaded"]),
        (False, MISSING, False, ["files-missing"]),
        (True, MISSING, False, ["files-missing"]),
        (True, MISSING, True, []),
        (True, CHANGED, True, ["files-changed"]),
        (False, CHANGED, True, ["files-changed"]),
        (False, OUTDATED, True, ["files-outdated"]),
    ],
)
def test_files_are_there_unchanged_and_loaded(
    *,
    has_stamp: bool | None,
    on_disk: Mapping[str, list[Category]],
    is_included: bool | None,
    expected: list[str],
) -> None:
    facts = loaded(has_stamp=has_stamp, on_disk=on_disk, is_included=is_included)
    assert codes(file_findings(EXPECTED, facts)) == expected


@pytest.mark.parametrize(
    ("has_hook", "expected"),
    [(True, ["files-older"]), (False, ["files-outdated"]), (None, ["files-outdated"])],
)
def test_files_without_a_stamp_are_of_an_earlier_release_if_they_work(
    *, has_hook: bool | None, expected: list[str]
) -> None:
    facts = loaded(
        has_stamp=False, stamped_flavour="", on_disk=OLDER, is_included=False,
        has_answer_hook=has_hook,
    )  # fmt: skip
    assert codes(file_findings(EXPECTED, facts)) == expected


@pytest.mark.parametrize(
    ("has_hook", "expected"), [(True, []), (None, []), (False, ["files-missing"])]
)
def test_a_dialplan_written_by_hand_must_have_the_answer_hook(
    *, has_hook: bool | None, expected: list[str]
) -> None:
    assert codes(file_findings(Expected(), loaded(has_answer_hook=has_hook))) == expected


@pytest.mark.parametrize(
    ("has_sub", "has_macro", "flavour"),
    [
        (True, True, "freepbx17"),
        (False, True, "freepbx16"),
        (False, False, "plain"),
        (None, None, None),
        (None, True, "freepbx16"),
    ],
)
def test_what_an_exchange_is(
    *, has_sub: bool | None, has_macro: bool | None, flavour: str | None
) -> None:
    assert flavour_of(has_sub=has_sub, has_macro=has_macro) == flavour


@pytest.mark.parametrize(
    ("configured", "stamped", "exchange", "version", "is_wrong"),
    [
        ("plain", "plain", "plain", "22.10.1", False),
        ("freepbx17", "freepbx17", "freepbx17", "22.10.1", False),
        ("freepbx16", "freepbx16", "freepbx16", "18.9.0", False),
        ("freepbx17", "freepbx16", "freepbx17", "20.5.0", True),
        ("freepbx16", "freepbx16", "freepbx17", "20.5.0", True),
        ("plain", "", "freepbx17", "20.5.0", True),
        ("freepbx16", "freepbx16", "freepbx16", "21.0.0", True),
        ("freepbx17", None, None, "22.0.0", False),
    ],
)
def test_files_and_exchange_are_of_one_kind(
    configured: str, stamped: str | None, exchange: str | None, version: str, *, is_wrong: bool
) -> None:
    facts = loaded(stamped_flavour=stamped, exchange_flavour=exchange)
    found = flavour_findings(Expected(flavour=configured), facts, parse_version(version))
    assert codes(found) == (["wrong-flavour"] if is_wrong else [])


def test_emergency_numbers_that_lead_nowhere_are_named_together() -> None:
    [found] = emergency_findings({"112": True, "15": False, "17": False, "18": None}, "freepbx")
    assert "dials 15, 17 gets help" in found.text
    assert found.severity is Severity.PROBLEM


def test_a_telephone_that_names_others_is_counted_and_the_first_are_named() -> None:
    names = [str(number) for number in range(1001, 1009)]
    [found] = feature_findings(names, [])
    assert "8 telephones" in found.text
    assert "1001, 1002, 1003, 1004, 1005 …" in found.text
