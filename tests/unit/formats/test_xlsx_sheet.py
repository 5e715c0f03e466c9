"""Workbooks: sheets, cells, and what would fill the memory."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from rtbill.domain.errors import BadRecord
from rtbill.formats.sheet_amounts import SheetNumber
from rtbill.formats.xlsx_sheet import cell_text, is_workbook, read_workbook
from tests.fakes.workbook import Cell, Day, a_workbook, packed, sheet_xml

ROWS: list[list[Cell]] = [
    ["Code", "Ziel", "Rate", "From"],
    [4930, "Berlin", 0.1 + 0.2, Day(46_357)],
    [None, "ü"],
]


def test_cells_are_texts_as_a_spreadsheet_shows_them() -> None:
    rows, name = read_workbook(a_workbook({"Rates": ROWS, "Notes": [["x"]]}))
    assert name == "Rates"
    assert rows == [
        ["Code", "Ziel", "Rate", "From"],
        ["4930", "Berlin", "0.3", "2026-12-01"],
        ["", "ü", "", ""],
    ]
    assert isinstance(rows[1][2], SheetNumber)


def test_a_sheet_is_found_by_its_name() -> None:
    book = a_workbook({"Rates": ROWS, "Notes": [["x"]]})
    assert read_workbook(book, "Notes") == ([["x"]], "Notes")
    with pytest.raises(BadRecord, match="no sheet 'Prices'; the workbook has: 'Rates', 'Notes'"):
        read_workbook(book, "Prices")


def test_empty_cells_above_and_before_keep_their_places() -> None:
    rows, _ = read_workbook(a_workbook({"a": [[], [None, "x"]]}))
    assert rows == [["", ""], ["", "x"]]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0125, "0.0125"),
        (1.005, "1.005"),
        (1e-7, "0.0000001"),
        (4.9e14, "490000000000000"),
        (1 / 3, "0.333333333333333"),
        (True, "TRUE"),
    ],
)
def test_numbers_have_fifteen_digits_and_no_exponent(number: float, text: str) -> None:
    assert cell_text(number) == text


def test_a_cell_far_away_does_not_fill_the_memory() -> None:
    far = '<row r="1048576"><c s="1" r="XFD1048576"><v>1</v></c></row>'
    sheet = sheet_xml([["Code"]]).replace("</sheetData>", f"{far}</sheetData>")
    with pytest.raises(BadRecord, match="1048576 rows and 16384 columns; at most"):
        read_workbook(packed({"xl/worksheets/sheet1.xml": sheet}, ["a"]))


def test_a_workbook_that_unpacks_to_very_much_is_not_unpacked() -> None:
    book = a_workbook({"a": [["x"]]})
    told = book.rindex(b"PK\x01\x02") + 24  # the size in the last entry of the directory
    with pytest.raises(BadRecord, match="unpacks to 4095 MiB"):
        read_workbook(book[:told] + struct.pack("<L", 0xFFF00000) + book[told + 4 :])


def test_a_size_that_is_a_lie_is_found_out() -> None:
    text = sheet_xml([["x" * 100_000]])
    book = packed({"xl/worksheets/sheet1.xml": text}, ["a"])
    size = struct.pack("<L", len(text))
    assert book.count(size) == 2
    with pytest.raises(BadRecord, match="cannot be read"):
        read_workbook(book.replace(size, struct.pack("<L", 1_000)))


@pytest.mark.parametrize("cut", [4, 100, 700])
def test_half_a_workbook_is_refused(cut: int) -> None:
    with pytest.raises(BadRecord, match=r"cannot be read: .*; save it anew as XLSX"):
        read_workbook(a_workbook({"a": ROWS})[:cut])


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    assert is_workbook(out.getvalue())
    with pytest.raises(BadRecord, match="cannot be read"):
        read_workbook(out.getvalue())
