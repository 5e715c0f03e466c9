"""Judging manager.conf and http.conf."""

from __future__ import annotations

import pytest

from adapters.asterisk.inspection.config_file import read_text
from adapters.asterisk.inspection.manager_file import (
    exposure_findings,
    powerful_users,
    secret_findings,
    settings_findings,
)
from rtbill.domain.finding import Finding, Severity

PROBLEM, WARNING, NOTE = Severity.PROBLEM, Severity.WARNING, Severity.NOTE
SECRET = "0123456789abcdef-fedcba"
VARIABLES = "channelvars = RTB_PAYER,RTB_DEST,RTB_ANSWERED,RTB_ORIGIN,FORWARDERNAME"
OURS = f"""
[rtbill]
secret = {SECRET}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = call,cdr,user,system
write = system,call
"""


def exposure(
    general: str, users: str = OURS, http: str = "[general]\nenabled = no", *seen_at: str
) -> list[Finding]:
    manager = read_text(f"[general]\nenabled = yes\n{general}\n{users}")
    return exposure_findings(manager, read_text(http), "rtbill", seen_at)


def severities(findings: list[Finding]) -> list[Severity]:
    return [finding.severity for finding in findings]


@pytest.mark.parametrize(
    ("general", "found"),
    [
        ("bindaddr = 127.0.0.1", []),
        ("bindaddr = ::1", []),
        ("bindaddr = 127.0.0.9", []),
        ("", [WARNING]),
        ("bindaddr = 0.0.0.0", [WARNING]),
        ("bindaddr = ::", [WARNING]),
        ("bindaddr = 192.0.2.7", [WARNING]),
        ("enabled = no\nbindaddr = 0.0.0.0", []),
        ("bindaddr = 127.0.0.1\ntlsenable = yes\ntlsbindaddr = 0.0.0.0:5039", []),
        ("bindaddr = 127.0.0.1\ntlsenable = yes\ntlsbindaddr = 127.0.0.1:5039", []),
    ],
)
def test_where_ami_listens(general: str, found: list[Severity]) -> None:
    assert severities(exposure(general)) == found


@pytest.mark.parametrize(
    ("lines", "is_open"),
    [
        ("", True),
        ("permit = 0.0.0.0/0.0.0.0", True),
        ("deny = 0.0.0.0/0.0.0.0", False),
        ("deny = 0.0.0.0/0\npermit = 127.0.0.1", False),
        ("deny = 0.0.0.0/0\npermit = 10.0.0.0/8,127.0.0.1", False),
        ("permit = 127.0.0.1/255.255.255.0", True),
        ("permit = 127.0.0.1\ndeny = 0.0.0.0/0.0.0.0", False),
        ("deny = 0.0.0.0/0\npermit = 0.0.0.0/0", True),
        ("deny = 0.0.0.0/0\npermit = !198.51.100.0/24", False),
        ("acl = office", False),
    ],
)
def test_a_user_is_open_when_the_last_line_about_a_stranger_lets_him_in(
    lines: str, *, is_open: bool
) -> None:
    users = f"{OURS}\n[helpdesk]\nsecret = {SECRET}\n{lines}"
    [found] = exposure("bindaddr = 0.0.0.0", users)
    assert found.severity is (PROBLEM if is_open else WARNING)
    assert ("helpdesk" in found.text) is is_open


def test_an_open_user_makes_a_tls_listener_a_problem() -> None:
    general = "bindaddr = 127.0.0.1\ntlsenable = yes\ntlsbindaddr = 0.0.0.0:5039"
    [found] = exposure(general, f"[any]\nsecret = {SECRET}")
    assert found.severity is PROBLEM
    assert "with TLS" in found.text


def test_what_answered_counts_more_than_what_is_written() -> None:
    [found] = exposure("bindaddr = 127.0.0.1", OURS, "[general]", "192.0.2.7")
    assert "AMI answers at 192.0.2.7" in found.text


@pytest.mark.parametrize(
    ("http", "found"),
    [
        ("enabled = yes\nbindaddr = 127.0.0.1", [WARNING]),
        ("enabled = yes\nbindaddr = 0.0.0.0", [PROBLEM]),
        ("enabled = yes", [PROBLEM]),
        ("enabled = no\nbindaddr = 0.0.0.0", []),
    ],
)
def test_ami_over_http(http: str, found: list[Severity]) -> None:
    text = f"[general]\n{http}"
    assert severities(exposure("bindaddr = 127.0.0.1\nwebenabled = yes", OURS, text)) == found
    assert severities(exposure("bindaddr = 127.0.0.1\nwebenabled = no", OURS, text)) == []


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        (SECRET, []),
        ("amp111", [PROBLEM]),
        ("AMP111", [PROBLEM]),
        ("other", [PROBLEM]),
        ("fifteen-letters", [WARNING]),
        ("sixteen-letters!", []),
        ("", [NOTE]),
    ],
)
def test_secrets_of_any_user_are_looked_at(secret: str, found: list[Severity]) -> None:
    users = read_text(f"{OURS}[other]\nsecret = {secret}\nread = call")
    findings = secret_findings(users)
    assert severities(findings) == found
    assert not any(secret in finding.text for finding in findings if len(secret) > 8)


def test_a_template_is_no_user() -> None:
    [category] = read_text("[base]\nsecret = admin")
    template = type(category)(category.name, category.lines, is_template=True)
    assert secret_findings([template]) == []


@pytest.mark.parametrize(
    ("general", "codes"),
    [
        (f"{VARIABLES}\ntimestampevents = yes", []),
        (
            "channelvars = X,RTB_ANSWERED,FORWARDERNAME, RTB_DEST ,RTB_PAYER,RTB_ORIGIN\n"
            "timestampevents = on",
            [],
        ),
        ("channelvars = RTB_PAYER\ntimestampevents = yes", ["channelvars"]),
        ("", ["channelvars", "timestamps"]),
    ],
)
def test_events_carry_payer_and_time(general: str, codes: list[str]) -> None:
    manager = read_text(f"[general]\n{general}\n{OURS}")
    assert [each.code for each in settings_findings(manager, "rtbill")] == codes


def test_settings_added_at_the_end_count() -> None:
    added = f"[general](+)\n{VARIABLES}\ntimestampevents = yes"
    assert (
        settings_findings(read_text(f"[general]\nenabled = yes\n{OURS}\n{added}"), "rtbill") == []
    )


@pytest.mark.parametrize(
    ("read", "missing"),
    [("all", None), ("call,user,system", None), ("call", "system, user"), ("", "call, system")],
)
def test_our_user_must_hear_what_happens(read: str, missing: str | None) -> None:
    good = f"[general]\n{VARIABLES}\ntimestampevents = yes\n"
    findings = settings_findings(read_text(f"{good}[rtbill]\nread = {read}"), "rtbill")
    assert [each.code for each in findings] == ([] if missing is None else ["rights-missing"])
    assert all(missing is not None and missing in each.text for each in findings)


def test_users_who_could_take_the_exchange_over_are_noted_without_ours() -> None:
    users = read_text(
        f"{OURS}[cron]\nsecret = {SECRET}\nwrite = command\n"
        f"[wallboard]\nsecret = {SECRET}\nwrite = reporting\n[off]\nwrite = all"
    )
    [found] = powerful_users(users, "rtbill")
    assert found.severity is NOTE
    assert found.text.endswith(": cron")
