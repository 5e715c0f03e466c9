"""From the file that an operator names to the text of a tariff file: our own form as it stands,
anything else by a mapping that is declared or detected.
"""

from __future__ import annotations

import csv
import io
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

from rtbill.app.record_files import STANDARD_INPUT
from rtbill.domain.csv_rows import read_table
from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.formats.rate_sheet import read_rate_sheet
from rtbill.formats.sheet_detection import detected, mapping_text, read_as
from rtbill.formats.sheet_draft import draft_of
from rtbill.formats.sheet_mapping import SheetMapping, read_sheet_mapping
from rtbill.formats.sheet_prefixes import prefixes
from rtbill.formats.sheet_text import read_rows
from rtbill.formats.xlsx_sheet import is_workbook, read_workbook
from rtbill.rating.tariff_file import OPTIONAL, read_tariff
from rtbill.rating.terms_columns import PRICE_COLUMNS

FILE_BYTES_MAX = 64 * 1024 * 1024
_OWN_COLUMNS_LEAST = 2
"""A header that names so many of our own columns of prices is meant to be ours."""
_PROBLEMS_MAX = 1_000
_HEADER_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class TariffText:
    """A tariff file of our own form."""

    text: str
    lines: tuple[int, ...] | None = None
    """Where each of its lines below the header stood in a sheet; None when it is the file."""
    problems: tuple[str, ...] = ()
    """Why it cannot be imported, by line."""
    read_as: tuple[str, ...] = ()
    """How a sheet was read, and what of it was left out."""
    currency: str = ""
    valid_from: date | None = None


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """How a sheet is to be read."""

    mapping: SheetMapping | None = None
    """None: it is detected."""
    lists: Mapping[str, Sequence[str]] | None = None
    """Prefixes by destination."""
    sheet: str = ""
    """Of a workbook."""
    increments: str = ""
    """For all lines of a sheet that has none."""
    today: date = date.max
    wanted: date | None = None
    """The day from which the version is to hold."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a file, and how they were read."""

    rows: list[list[str]]
    form: dict[str, str]
    """Encoding and delimiter, or sheet, as a mapping names them."""


def tariff_text(path: Path, options: SheetOptions) -> TariffText:
    """The file as a tariff file of our own form. BadRecord says what is unclear or unreadable."""
    content = _content(path)
    if options.mapping is None and _is_text_of_ours(content):
        return TariffText(_utf8(path, content))
    found = _rows(path, content, options)
    if options.mapping is None and _is_ours(found.rows):
        return _own_workbook(found)
    mapping = options.mapping
    if mapping is None:
        mapping = detected(draft_of(found.rows), options.increments)
    elif options.increments:
        raise BadRecord("--increments is for sheets without a mapping; write it into the mapping")
    sheet = read_rate_sheet(
        found.rows, mapping, today=options.today, wanted=options.wanted, lists=options.lists
    )
    problems = list(sheet.problems)
    if problems:
        problems += read_tariff(sheet.text, line_numbers=sheet.lines).problems
    header = found.rows[mapping.skip_rows] if mapping.header else []
    how = [_form_text(found.form), *read_as(mapping, [cell.strip() for cell in header])]
    return TariffText(
        text=sheet.text,
        lines=sheet.lines,
        problems=tuple(map(str, sorted(set(problems))[:_PROBLEMS_MAX])),
        read_as=(*how, *sheet.notes),
        currency=sheet.currency,
        valid_from=sheet.valid_from,
    )


def mapping_to_start_from(path: Path, sheet: str = "") -> str:
    """A mapping file for the sheet, with what is not clear in comments."""
    found = _rows(path, _content(path), SheetOptions(sheet=sheet))
    return mapping_text(draft_of(found.rows), found.form)


def load_sheet_mapping(path: Path) -> tuple[SheetMapping, dict[str, list[str]] | None]:
    """The mapping of a TOML file, and the list of destinations that it names, which stands beside
    it; ConfigError names every mistake.
    """
    try:
        document = tomllib.loads(_content(path).decode())
        mapping = read_sheet_mapping(document, _ours_besides())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: {error}"]) from error
    except ConfigError as wrong:
        raise ConfigError([f"{path}: {problem}" for problem in wrong.problems]) from wrong
    if not mapping.destinations:
        return mapping, None
    return mapping, _destinations(path.parent / mapping.destinations, mapping)


def _destinations(path: Path, mapping: SheetMapping) -> dict[str, list[str]]:
    """Prefixes by the name of their destination, in small letters."""
    text = read_rows(_content(path)).rows
    table = read_table(_csv(text), ("destination", "prefix"), (), others_left_out=True)
    problems = list(map(str, table.problems))
    found: dict[str, list[str]] = {}
    for row in table.rows:
        try:
            found.setdefault(row.cells["destination"].lower(), []).extend(
                prefixes(
                    row.cells["prefix"],
                    before=mapping.prefix_before,
                    strip=mapping.prefix_strip,
                    dash_is_range=mapping.dash_is_range,
                )
            )
        except BadRecord as error:
            problems.append(f"line {row.line}: {error}")
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems[:_PROBLEMS_MAX]])
    return found


def _ours_besides() -> tuple[str, ...]:
    """The columns that [columns] and [constants] may fill."""
    return tuple(name for name in OPTIONAL if name != "unit")


def _rows(path: Path, content: bytes, options: SheetOptions) -> _Rows:
    mapping = options.mapping
    try:
        if is_workbook(content):
            rows, sheet = read_workbook(
                content, options.sheet or (mapping.sheet if mapping else "")
            )
            return _Rows(rows, {"sheet": sheet})
        encoding, delimiter = (mapping.encoding, mapping.delimiter) if mapping else ("", "")
        read = read_rows(content, encoding, delimiter)
    except BadRecord as error:
        raise BadRecord(f"{path}: {error}") from error
    if options.sheet:
        raise BadRecord(f"--sheet names a sheet of a workbook, but {path} is none")
    return _Rows(read.rows, {"encoding": read.encoding, "delimiter": read.delimiter})


def _is_text_of_ours(content: bytes) -> bool:
    """Whether it is text with the header of our own files."""
    text = content[:_HEADER_BYTES_MAX].decode("utf-8-sig", errors="replace")
    header = next((line for line in text.splitlines() if line.strip()), "")
    return any(_is_ours([header.replace('"', "").split(mark)]) for mark in ",;")


def _is_ours(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row that says anything is the header of our own files."""
    header = next((row for row in rows if any(cell.strip() for cell in row)), [])
    names = {cell.strip().lower() for cell in header}
    return len(names.intersection(PRICE_COLUMNS)) >= _OWN_COLUMNS_LEAST


def _utf8(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise BadRecord(text) from error


def _own_workbook(found: _Rows) -> TariffText:
    above = next(index for index, row in enumerate(found.rows) if any(row))
    rows = [[cell.replace("\n", " ") for cell in row] for row in found.rows[above:]]
    lines = tuple(range(above + 2, above + 1 + len(rows)))
    return TariffText(_csv(rows), lines, read_as=(_form_text(found.form),))


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _form_text(form: Mapping[str, Any]) -> str:
    names = {";": "semicolons", ",": "commas", "\t": "tabs", "|": "bars"}
    if "sheet" in form:
        return f"sheet {form['sheet']!r} of the workbook"
    delimiter = form["delimiter"]
    return f"text in {form['encoding']}, parted by {names.get(delimiter, repr(delimiter))}"


def _content(path: Path) -> bytes:
    """A file, or standard input; BadRecord when it is too large or cannot be read."""
    try:
        if path == STANDARD_INPUT:
            content = _bounded(sys.stdin.buffer)
        else:
            with path.open("rb") as file:
                content = _bounded(file)
    except OSError as error:
        raise BadRecord(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise BadRecord(f"{path} is larger than {FILE_BYTES_MAX // 1024 // 1024} MiB")
    return content


def _bounded(file: IO[bytes]) -> bytes:
    return file.read(FILE_BYTES_MAX + 1)
