"""Any list of extensions that FreePBX can write comes out of the books as it went in."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cli.test_import_freepbx import Hall

QUOTED = frozenset(' ",\n\r\t\\')
"""PHP puts a field that holds one of these in quotes."""


@dataclass(frozen=True)
class Line:
    """One extension, as an operator has it on the exchange."""

    number: str
    name: str
    cents: int
    is_virtual: bool


names = st.text(
    st.characters(codec="utf-8", exclude_characters="\\"),  # PHP's \" is not CSV
    max_size=20,
)
lines = st.lists(
    st.builds(
        Line,
        number=st.integers(1000, 1099).map(str),
        name=names,
        cents=st.integers(0, 10_000),
        is_virtual=st.booleans(),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda line: line.number,
)
columns = st.permutations(["extension", "name", "tech", "secret", "rtbill_opening_balance", "dial"])


def php_csv(table: list[list[str]]) -> str:
    """As PHP's fputcsv writes it."""
    return "".join(
        ",".join(
            '"' + cell.replace('"', '""') + '"' if QUOTED & set(cell) else cell for cell in row
        )
        + "\n"
        for row in table
    )


def exported(lines: list[Line], columns: list[str]) -> str:
    rows = [
        {
            "extension": line.number,
            "name": line.name,
            "tech": "virtual" if line.is_virtual else "pjsip",
            "secret": f'example-only-{line.number},"x"',
            "rtbill_opening_balance": f"{line.cents // 100}.{line.cents % 100:02}",
            "dial": "" if line.is_virtual else f"PJSIP/{line.number}",
        }
        for line in lines
    ]
    return php_csv([columns, *([row[column] for column in columns] for row in rows)])


def shown(name: str, number: str) -> str:
    """What is left of a name on paper."""
    visible = "".join(each if each.isprintable() else " " for each in name)
    return " ".join(visible.split()) or number


@settings(max_examples=20)
@given(lines, columns)
def test_what_is_imported_is_listed_and_a_second_import_changes_nothing(
    lines: list[Line], columns: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hall = Hall(Path(folder))
        hall.run("migrate")
        hall.file.write_text(exported(lines, columns), encoding="utf-8", newline="")

        first = hall.imports("--apply")

        assert first["problems"] == []
        found = _listed(hall)
        assert found == {
            line.number: (shown(line.name, line.number), line.cents, f"hall/{line.number}")
            for line in lines
        }
        second = hall.imports("--apply")
        assert not any(second[word] for word in second if word != "warnings")
        assert _listed(hall) == found


def _listed(hall: Hall) -> dict[str, tuple[str, int, str]]:
    """Name, cents and extension of every account that is not the site's own."""
    accounts: list[dict[str, Any]] = json.loads(hall.run("accounts", "list", "--json").output)
    return {
        each["account"]: (
            each["name"],
            int(each["balance"].replace(".", "")),
            " ".join(member["extension"] for member in each["members"]),
        )
        for each in accounts
        if each["members"]
    }
