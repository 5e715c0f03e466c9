"""Printing: aligned text for people, JSON and CSV for machines. Control characters never reach the
terminal: a caller's name comes from outside.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Sequence

import typer

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\x00")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def say(text: str) -> None:
    """One line for people."""
    typer.echo(_visible(text))


def print_json(value: object) -> None:
    """A JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_json_line(value: object) -> None:
    """One JSON object on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: str = "") -> None:
    """Aligned columns; those whose heading is named in `right` are flush right."""
    cells = [[_visible(cell) for cell in row] for row in rows]
    if not cells:
        typer.echo("none")
        return
    widths = [
        max(len(heading), *(len(row[column]) for row in cells))
        for column, heading in enumerate(headings)
    ]
    flush = {heading for heading in headings if heading in right.split(",")}
    for row in [list(headings), *cells]:
        padded = [
            cell.rjust(width) if heading in flush else cell.ljust(width)
            for heading, width, cell in zip(headings, widths, row, strict=True)
        ]
        typer.echo("  ".join(padded).rstrip())


def print_csv(headings: Sequence[str], rows: Iterable[Sequence[str]], *, raw: bool) -> None:
    """RFC 4180. Unless raw, a cell that a spreadsheet would run as a formula gets a leading '."""
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow(row if raw else [safe_cell(cell) for cell in row])


def safe_cell(cell: str) -> str:
    """The cell as a spreadsheet shows it without running it (SE-40); numbers stay numbers."""
    if cell.startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def _visible(text: str) -> str:
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
