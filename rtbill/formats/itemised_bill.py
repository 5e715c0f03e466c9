"""A carrier's itemised bill: CSV whose columns a mapping names, one call a row.

A row that cannot be read is refused by itself; empty rows and those that the mapping leaves out are
no calls.

>>> from rtbill.formats.bill_mapping import BillMapping
>>> mapping = BillMapping(
...     delimiter=";", number="Ziel", number_prefix="+", start=("Datum", "Zeit"),
...     start_format="%d.%m.%Y %H:%M:%S", zone="Europe/Berlin", duration="Dauer",
...     duration_form="hh:mm:ss", price="Netto", price_decimal=",", currency="EUR")
>>> bill = Bill(mapping, ["Datum", "Zeit", "Ziel", "Dauer", "Netto"])
>>> call = bill.read(["22.11.2026", "15:00:13", "41315550100", "0:01:30", "0,0450"])
>>> call.number, call.began_us, call.talk_us, call.price_micros
('+41315550100', 1795356013000000, 90000000, 45000)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.call import DURATION_MAX_S, YEARS, epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import MICROS, parse_micros
from rtbill.formats.bill_mapping import BillMapping
from rtbill.formats.mapping_table import Column

_MARKS = re.compile(r"[\s\u00a0\u202f'€$£]|\b[A-Z]{3}\b")
"""Blanks, marks of thousands and names of the currency around an amount."""
_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-5]?[0-9])")
_SEPARATORS = str.maketrans("", "", " -./()\u00a0")


class BilledCall(NamedTuple):
    """One row of a bill."""

    number: str
    """As the number plan can read it: with the mapping's prefix, without what it strips."""
    began_us: int
    talk_us: int
    price_micros: int | None
    caller: str | None
    """The extension that called, where the bill tells."""


class Bill:
    """Reads the rows of one bill."""

    def __init__(self, mapping: BillMapping, header: Sequence[str] = ()) -> None:
        """BadRecord names the columns that the header lacks."""
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.zone)
        self._header = [name.strip() for name in header]
        self._number = self._place(mapping.number)
        self._start = [self._place(each) for each in mapping.start]
        self._duration = self._place(mapping.duration)
        self._price = None if mapping.price is None else self._place(mapping.price)
        self._caller = None if mapping.caller is None else self._place(mapping.caller)
        column, values = mapping.leave_out or (None, ())
        self._left_out: tuple[str, ...] = values
        self._sort = None if column is None else self._place(column)
        self._last_us: int | None = None

    def read(self, cells: Sequence[str]) -> BilledCall | None:
        """The call of a row; None for a row that is none (empty, or left out by the mapping);
        BadRecord says what cannot be read.
        """
        if not any(cell.strip() for cell in cells):
            return None
        if self._sort is not None and self._cell(cells, self._sort) in self._left_out:
            return None
        began_us = self._began_us(" ".join(self._cell(cells, each) for each in self._start))
        price = None if self._price is None else self._micros(self._cell(cells, self._price))
        caller = None if self._caller is None else self._extension(self._cell(cells, self._caller))
        return BilledCall(
            self._read_number(self._cell(cells, self._number)),
            began_us,
            self._talk_us(self._cell(cells, self._duration)),
            price,
            caller,
        )

    def _place(self, column: Column) -> int:
        if isinstance(column, int):
            return column - 1
        if column not in self._header:
            known = ", ".join(filter(None, self._header)) or "none; is skip_rows right?"
            raise BadRecord(f"has no column {column!r}; its columns are {known}")
        return self._header.index(column)

    def _cell(self, cells: Sequence[str], place: int) -> str:
        if place >= len(cells):
            raise BadRecord(f"has {len(cells)} fields, the mapping wants field {place + 1}")
        return cells[place].strip()

    def _read_number(self, text: str) -> str:
        digits = text.translate(_SEPARATORS)
        if not digits.removeprefix("+").isalnum():
            raise BadRecord(f"{text!r} is not a telephone number")
        strip = (each for each in self._mapping.number_strip if digits.startswith(each))
        digits = digits.removeprefix(next(strip, ""))
        return digits if digits.startswith("+") else self._mapping.number_prefix + digits

    def _began_us(self, text: str) -> int:
        try:
            found = datetime.strptime(text, self._mapping.start_format)  # noqa: DTZ007 - see below
        except ValueError:
            form = self._mapping.start_format
            raise BadRecord(f"{text!r} is not a time of the form {form}") from None
        if found.year not in YEARS:
            raise BadRecord(f"{text!r}: the year is not within {YEARS[0]} to {YEARS[-1]}")
        if found.tzinfo is None:
            found = found.replace(tzinfo=self._zone)
            second = epoch_us(found.replace(fold=1).astimezone(UTC))
            first = epoch_us(found.astimezone(UTC))
            # The hour that comes twice: bills run forward in time, so the row before decides.
            if second > first and self._last_us is not None:
                near_us = self._last_us
                first = min(first, second, key=lambda each: abs(each - near_us))
        else:
            first = epoch_us(found.astimezone(UTC))
        self._last_us = first
        return first

    def _talk_us(self, text: str) -> int:
        talk_us = self._duration_us(text)
        if talk_us > DURATION_MAX_S * MICROS:
            raise BadRecord(f"duration {text!r} is longer than ten years")
        return talk_us

    def _duration_us(self, text: str) -> int:
        form = self._mapping.duration_form
        if form == "hh:mm:ss":
            clock = _CLOCK.fullmatch(text)
            if clock is None:
                raise BadRecord(f"duration {text!r} is not of the form hh:mm:ss")
            hours, minutes, seconds = (int(each or 0) for each in clock.groups())
            return ((hours * 60 + minutes) * 60 + seconds) * MICROS
        amount = _decimal_micros(text, self._mapping.duration_decimal, "duration")
        if amount < 0:
            raise BadRecord(f"duration {text!r} is below zero")
        return amount * (60 if form == "minutes" else 1)

    def _micros(self, text: str) -> int | None:
        if not text:
            return None
        return _decimal_micros(_MARKS.sub("", text), self._mapping.price_decimal, "price")

    def _extension(self, text: str) -> str | None:
        digits = text.translate(_SEPARATORS)
        return digits[-self._mapping.extension_digits :] or None


def _decimal_micros(text: str, point: str, what: str) -> int:
    """Millionths of a number with a decimal point or comma; the other mark parts thousands."""
    thousands = "," if point == "." else "."
    plain = text.replace(thousands, "").replace(point, ".")
    plain = f"0{plain}" if plain.startswith(".") else plain.replace("-.", "-0.")
    try:
        return parse_micros(plain.rstrip("."))
    except BadRecord:
        raise BadRecord(f"{what} {text!r} is not a number with decimal {point!r}") from None
