"""What leaves by the terminal or by CSV cannot do harm there."""

from __future__ import annotations

import csv
import io

import pytest

from rtbill.cli.paper import print_csv, print_table, safe_cell


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49301234567", "-cmd|' /C calc'!A0", "@SUM(A1)", "\tx", "\rx", "\x00x"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Lena", "0.12", "-0.12", "12"])
def test_other_cells_and_numbers_stay_as_they_are(cell: str) -> None:
    assert safe_cell(cell) == cell


def test_csv_for_machines_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["+4930", 'a "b", c\nd'], ["-1.20", ""]]
    print_csv(("number", "name"), rows, raw=True)
    assert list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))[1:] == rows


def test_a_table_shows_control_characters_and_keeps_its_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("name", "cost"), [("\x1b[2J", "1.00 EUR"), ("Lena", "10.00 EUR")], right="cost")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name          cost", "\\x1b[2J   1.00 EUR", "Lena     10.00 EUR"]


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [])
    assert capsys.readouterr().out == "none\n"
