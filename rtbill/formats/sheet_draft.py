"""What a rate sheet looks like: which of its columns may hold what. No decision yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rtbill.domain.errors import BadRecord
from rtbill.formats.sheet_amounts import SheetNumber
from rtbill.formats.sheet_dates import form_of
from rtbill.formats.sheet_words import field_of

_HEADER_ROWS_MAX = 50
"""Titles, addresses and terms may stand above the header."""
_LOOKED_AT = 2_000
"""Rows of which the content is looked at."""
_DIGITS = re.compile(r"\+?[0-9][0-9 ]{0,20}")
_NUMBER = re.compile(r"-?[0-9]*[.,]?[0-9]+")
_DASH = re.compile("[-\u2010-\u2015]")
_STANDS_FOR = {"destination": ("description", "country"), "prefix": ("country code",)}
"""Which other columns do where there is none of the field."""


@dataclass(slots=True)
class Draft:
    """What was found in a sheet."""

    skip_rows: int = 0
    header: list[str] = field(default_factory=list)
    """Empty when no row names the columns."""
    candidates: dict[str, list[int]] = field(default_factory=dict)
    """Columns from 0 that may hold a field."""
    decimal: str = "."
    dash_is_range: bool = True
    date_form: str = ""
    doubts: list[str] = field(default_factory=list)
    """Why something cannot be decided."""

    def name(self, place: int) -> str:
        """The column for people: `4 "Sell rate"`."""
        named = self.header[place : place + 1]
        return f'{place + 1} "{named[0]}"' if named and named[0] else str(place + 1)


def draft_of(rows: Sequence[Sequence[str]]) -> Draft:
    """The draft of a sheet with these rows."""
    draft = Draft()
    fields = _find_header(draft, rows)
    below = rows[draft.skip_rows + (1 if draft.header else 0) :][:_LOOKED_AT]
    if draft.header:
        for place, each in enumerate(fields):
            if each is not None:
                draft.candidates.setdefault(each, []).append(place)
        for wanted, others in _STANDS_FOR.items():
            for other in others:
                found = (
                    draft.candidates.pop(other, None) if _is_free(draft, wanted, other) else None
                )
                if found and wanted not in draft.candidates:
                    draft.candidates[wanted] = found
        _look_at_country_code(draft, below)
    else:
        _guess_columns(draft, below)
    _look_at_cells(draft, below)
    return draft


def _is_free(draft: Draft, wanted: str, other: str) -> bool:
    """A country code beside a prefix is no prefix."""
    return other != "country code" or wanted not in draft.candidates


def _find_header(draft: Draft, rows: Sequence[Sequence[str]]) -> list[str | None]:
    """The fields of the row that names most of them, if any names two."""
    best: list[str | None] = []
    most = 1
    for index, row in enumerate(rows[:_HEADER_ROWS_MAX]):
        fields = [field_of(cell) for cell in row]
        found = len(set(fields) - {None})
        if found > most:
            most, best = found, fields
            draft.skip_rows, draft.header = index, [cell.strip() for cell in row]
    return best


def _look_at_country_code(draft: Draft, rows: Sequence[Sequence[str]]) -> None:
    """Whether prefixes begin with the country code already; then its column is not needed."""
    codes, places = draft.candidates.get("country code"), draft.candidates.get("prefix")
    if not codes or not places:
        return
    code, place = codes[0], places[0]
    pairs = [
        (row[place].strip().lstrip("+"), row[code].strip().lstrip("+"))
        for row in rows
        if max(place, code) < len(row) and row[place].strip()
    ]
    begun = sum(prefix.startswith(country) for prefix, country in pairs)
    if begun == len(pairs):
        del draft.candidates["country code"]
    elif begun:
        draft.doubts.append(
            f"some prefixes of column {draft.name(place)} begin with the country code of column "
            f"{draft.name(code)}, some do not"
        )


def _guess_columns(draft: Draft, rows: Sequence[Sequence[str]]) -> None:
    """What columns without names may hold, by their content."""
    width = min((len(row) for row in rows if any(row)), default=0)
    for place in range(width):
        cells = [row[place].strip() for row in rows if any(row)]
        different = len(set(cells))
        if different == 1 < len(cells):
            continue
        if "prefix" not in draft.candidates and all(map(_DIGITS.fullmatch, cells)):
            draft.candidates["prefix"] = [place]
        elif all(map(_NUMBER.fullmatch, cells)):
            draft.candidates.setdefault("price", []).append(place)
        elif "destination" not in draft.candidates and not any(map(_NUMBER.fullmatch, cells)):
            draft.candidates["destination"] = [place]


def _look_at_cells(draft: Draft, rows: Sequence[Sequence[str]]) -> None:
    """Decimal mark, dashes and dates of the columns found."""
    marks = {mark for cell in _cells(draft, "price", rows) if (mark := _mark(cell))}
    if len(marks) > 1:
        draft.doubts.append("some prices have a decimal point, some a comma")
    draft.decimal = "," if marks == {","} else "."
    dashed = [_DASH.split(cell) for cell in _cells(draft, "prefix", rows) if _DASH.search(cell)]
    uneven = [ends for ends in dashed if len(ends) > 2 or len(ends[0]) != len(ends[-1])]
    draft.dash_is_range = not uneven
    if uneven:
        draft.doubts.append(
            f'a dash as in {"-".join(uneven[0])} is no range of prefixes; dash = "blank" in '
            "[prefix] makes it part digits only"
        )
    try:
        draft.date_form = form_of(_cells(draft, "valid from", rows))
    except BadRecord as error:
        draft.doubts.append(f"valid from: {error}")


def _cells(draft: Draft, field_name: str, rows: Sequence[Sequence[str]]) -> list[str]:
    places = draft.candidates.get(field_name, [])[:1]
    return [row[place].strip() for place in places for row in rows if place < len(row)]


def _mark(cell: str) -> str:
    """The decimal mark of an amount: the last of two kinds; empty when it has none."""
    if isinstance(cell, SheetNumber):
        return ""
    return max((".", ","), key=cell.rfind) if "." in cell or "," in cell else ""
