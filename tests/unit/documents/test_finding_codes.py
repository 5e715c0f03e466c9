"""Each thing an inspection can find has its row in the documents, and each row is real."""

from __future__ import annotations

import re
from pathlib import Path

from rtbill.exchanges.inspections import FAILED, UNREACHABLE

ROOT = Path(__file__).parents[3]
SOURCES = [
    *(ROOT / "adapters" / "asterisk").rglob("*.py"),
    ROOT / "rtbill" / "exchanges" / "inspections.py",
    ROOT / "rtbill" / "app" / "check.py",
]
NAMED = {"UNREACHABLE": UNREACHABLE, "FAILED": FAILED}
_MADE = re.compile(
    r'\b(?:problem|warning|note|make)\(\s*\n?\s*(?:"([a-z-]+)"|(UNREACHABLE|FAILED))'
)


def test_every_code_is_explained_and_every_row_is_a_code() -> None:
    made = {
        found[1] or NAMED[found[2]]
        for source in SOURCES
        for found in _MADE.finditer(source.read_text())
    }
    text = (ROOT / "docs" / "checking.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    explained = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    assert explained == made
