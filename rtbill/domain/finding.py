"""What an inspection of an exchange found, in words that an operator can act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is; an operator reads problems first."""

    PROBLEM = "problem"
    """Calls go unbilled or wrongly billed, or the exchange is open to strangers."""
    WARNING = "warning"
    """Nothing is lost today; it should be put right."""
    NOTE = "note"
    """Worth knowing; nothing has to be done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found at an exchange."""

    code: str
    """A stable word such as `rights-missing`: docs/checking.md has a row for each."""
    severity: Severity
    text: str
    remedy: str
    """What to do; empty for a note that asks for nothing."""


def problem(code: str, text: str, remedy: str) -> Finding:
    """A finding that must be put right."""
    return Finding(code, Severity.PROBLEM, text, remedy)


def warning(code: str, text: str, remedy: str) -> Finding:
    """A finding that should be put right."""
    return Finding(code, Severity.WARNING, text, remedy)


def note(code: str, text: str, remedy: str = "") -> Finding:
    """A finding that is worth knowing."""
    return Finding(code, Severity.NOTE, text, remedy)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, else in the order found."""
    order = tuple(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))
