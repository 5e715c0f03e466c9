"""Versions and what is known against them. Expected values are from the advisories themselves."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.asterisk.inspection.advisories import ADVISORIES, AS_OF, known_weaknesses
from adapters.asterisk.inspection.asterisk_version import (
    SUPPORT_ENDS,
    parse_version,
    support_findings,
)
from rtbill.domain.finding import Severity


@pytest.mark.parametrize(
    ("text", "shown", "is_packaged"),
    [
        ("22.10.1", "22.10.1", False),
        ("Asterisk 20.5.2", "20.5.2", False),
        ("22.10.1+dfsg+~cs6.17.60671434-1", "22.10.1", True),
        ("16.28.0~dfsg-0+deb11u4", "16.28.0", True),
        ("certified/20.7-cert11", "20.7-cert11", False),
        ("18.9-cert4", "18.9-cert4", False),
        ("13.1", "13.1.0", False),
    ],
)
def test_a_version_is_read(text: str, shown: str, *, is_packaged: bool) -> None:
    version = parse_version(text)
    assert version is not None
    assert str(version) == shown
    assert version.is_packaged is is_packaged


@pytest.mark.parametrize("text", ["", "GIT-master-0123abc", "UNKNOWN__and_probably_unsupported"])
def test_what_is_no_release_is_noted_and_not_judged(text: str) -> None:
    assert parse_version(text) is None
    assert known_weaknesses(text) == []
    [found] = support_findings(text, date(2026, 9, 1))
    assert found.severity is Severity.NOTE


@pytest.mark.parametrize(
    ("name", "has", "has_not"),
    [
        ("CVE-2026-57191", "20.20.0 21.12.2 22.10.0 23.4.0 20.7-cert10 22.8-cert2",
         "20.20.1 21.12.3 22.10.1 23.4.1 20.7-cert11 22.8-cert3"),
        ("GHSA-wcvv-g26m-wx5c", "22.10.0 20.20.0 22.8-cert2", "22.10.1 20.20.1 22.8-cert3"),
        ("CVE-2026-23739", "20.18.1 22.8.1 20.7-cert8", "20.18.2 22.8.2 23.2.2 20.7-cert9"),
        ("CVE-2025-57767", "20.15.1 21.10.1 22.5.1", "20.15.2 21.10.2 22.5.2 23.0.0 18.26.3"),
        ("CVE-2025-54995", "18.26.3 18.9-cert16 16.30.0", "18.26.4 18.9-cert17 20.15.1 22.5.1"),
        ("CVE-2025-49832", "18.26.2 20.15.0 22.5.0 20.7-cert6", "18.26.3 20.15.1 20.7-cert7"),
        ("CVE-2025-47780", "18.26.1 20.14.0 21.9.0 22.4.0 20.7-cert4 18.9-cert13",
         "18.26.2 20.14.1 21.9.1 22.4.1 20.7-cert5 18.9-cert14 22.5.0"),
        ("CVE-2024-53566", "22.1.0 21.6.0 20.11.0 18.26.0", "22.1.1 21.6.1 20.11.1 18.26.1"),
        ("CVE-2024-42491", "18.24.2 19.8.1 20.9.2 21.4.2", "18.24.3 20.9.3 21.4.3 22.0.0"),
        ("CVE-2024-42365", "16.30.0 18.24.1 20.9.1 21.4.1", "18.24.2 20.9.2 21.4.2 22.0.0"),
        ("CVE-2024-35190", "18.23.0 20.8.0 21.3.0",
         "18.22.0 20.7.0 21.2.0 18.23.1 20.8.1 21.3.1 16.30.0 19.8.1"),
        ("CVE-2023-49294", "16.30.1 18.20.0 19.8.1 20.5.0 21.0.0 18.9-cert5",
         "18.20.1 20.5.1 21.0.1 18.9-cert6 22.0.0"),
        ("CVE-2022-42706", "16.28.0 18.14.0 19.6.0 18.9-cert1", "16.30.0 18.15.1 20.1.0"),
        ("CVE-2022-26651", "16.25.1 18.11.1 16.8-cert13", "16.25.2 18.11.2 16.8-cert14"),
        ("CVE-2021-32558", "13.38.0 16.19.0 17.9.3 18.5.0 16.8-cert9", "16.19.1 18.5.1 20.0.0"),
    ],
)  # fmt: skip
def test_a_weakness_is_found_in_releases_that_have_it_and_in_no_other(
    name: str, has: str, has_not: str
) -> None:
    def names(version: str) -> bool:
        return any(f"has {name}:" in finding.text for finding in known_weaknesses(version))

    assert [version for version in has.split() if not names(version)] == []
    assert [version for version in has_not.split() if names(version)] == []


@pytest.mark.parametrize("version", ["20.20.1", "21.12.3", "22.10.1", "23.4.1", "22.8-cert3"])
def test_the_newest_releases_have_nothing_known_against_them(version: str) -> None:
    assert known_weaknesses(version) == []


def test_what_a_stranger_can_use_is_a_problem_unless_a_distribution_may_have_mended_it() -> None:
    [own] = [each for each in known_weaknesses("22.5.1") if "CVE-2025-57767" in each.text]
    [packaged] = [
        each for each in known_weaknesses("22.5.1~dfsg-2") if "CVE-2025-57767" in each.text
    ]
    assert own.severity is Severity.PROBLEM
    assert "22.5.2" in own.remedy
    assert packaged.severity is Severity.WARNING
    assert "changelog.Debian.gz" in packaged.remedy


def test_a_series_that_got_no_fix_is_sent_to_another_one() -> None:
    [found] = [each for each in known_weaknesses("19.8.1") if "CVE-2023-49294" in each.text]
    assert "Asterisk 22: series 19 got no fix" in found.remedy


def test_every_finding_names_its_source_and_how_new_the_list_is() -> None:
    for finding in known_weaknesses("18.0.0"):
        assert f"list as of {AS_OF:%Y-%m-%d}" in finding.text
        assert any(word in finding.text for word in ("GHSA-", "AST-", "release notes"))


def test_no_weakness_is_listed_twice() -> None:
    names = [advisory.name for advisory in ADVISORIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("version", "today", "is_over"),
    [
        ("16.30.0", date(2023, 10, 9), False),
        ("16.30.0", date(2023, 10, 10), True),
        ("13.38.3", date(2026, 9, 1), True),
        ("22.10.1", date(2026, 9, 1), False),
        ("20.20.1", date(2027, 10, 20), True),
        ("30.0.0", date(2033, 1, 1), False),
    ],
)
def test_a_series_without_security_fixes_is_a_warning(
    version: str, today: date, *, is_over: bool
) -> None:
    found = support_findings(version, today)
    assert [(each.code, each.severity) for each in found] == (
        [("end-of-life", Severity.WARNING)] if is_over else []
    )


def test_the_end_of_each_series_is_known_that_rtbill_works_with() -> None:
    assert set(range(16, 24)) == set(SUPPORT_ENDS)
