"""How to read one carrier's itemised bill, declared in a TOML file: every carrier's differs.

`docs/comparing.md` explains each key and `examples/bill-mapping.toml` is one to start from.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.domain.money import known_currency

Column = str | int
"""A name in the header row, or a number from 1."""
DurationForm = Literal["seconds", "minutes", "hh:mm:ss"]
DURATION_FORMS: tuple[DurationForm, ...] = ("seconds", "minutes", "hh:mm:ss")
_ANY_TEXT = "41315550100;22.11.2026\r\n"
_ANY_TIME = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
_KEYS = {
    "": (
        *("encoding", "delimiter", "skip_rows", "header", "leave_out"),
        *("number", "start", "duration", "price", "caller"),
    ),
    "number": ("column", "prefix", "strip"),
    "start": ("columns", "format", "zone"),
    "duration": ("column", "form", "decimal", "increment_s"),
    "price": ("column", "decimal", "currency", "tariff"),
    "caller": ("column", "extension_digits"),
    "leave_out": ("column", "values"),
}
"""Every key there is, by its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillMapping:
    """What stands where in a bill."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    skip_rows: int = 0
    """Lines before the header, or before the first call where there is no header."""
    header: bool = True
    leave_out: tuple[Column, tuple[str, ...]] | None = None
    """Rows with one of these values in this column are no calls."""
    number: Column
    number_prefix: str = ""
    """Put before the number as printed: + where it is international without a plus."""
    number_strip: tuple[str, ...] = ()
    start: tuple[Column, ...]
    """Columns of date and time, joined by a blank."""
    start_format: str
    zone: str
    duration: Column
    duration_form: DurationForm
    duration_decimal: str = "."
    increment_s: int = 0
    """The carrier rounds durations up to a multiple of this; 0 when it does not."""
    price: Column | None = None
    price_decimal: str = "."
    currency: str = ""
    tariff: str = ""
    """Our tariff that holds this carrier's price list."""
    caller: Column | None = None
    extension_digits: int = 0
    """How many of the caller's last digits are the extension; 0 for all."""


def read_mapping(document: Mapping[str, Any], zone: str) -> BillMapping:
    """The mapping of a TOML document; the zone is for bills that name none. ConfigError names every
    mistake by its place.
    """
    table = _Table(document)
    leave_out = table.section("leave_out")
    price = table.section("price")
    caller = table.section("caller")
    number, start, duration = (table.section(name) for name in ("number", "start", "duration"))
    form = duration.text("form", "seconds", one_of=DURATION_FORMS)
    fields: dict[str, Any] = {
        "encoding": table.text("encoding", "utf-8-sig", check=_encoding),
        "delimiter": table.text("delimiter", ",", check=_one_character),
        "skip_rows": table.whole("skip_rows"),
        "header": table.flag("header"),
        "number": number.column("column"),
        "number_prefix": number.text("prefix", ""),
        "number_strip": number.texts("strip"),
        "start": start.columns("columns"),
        "start_format": start.text("format", None, check=_time_format),
        "zone": start.text("zone", zone, check=_zone),
        "duration": duration.column("column"),
        "duration_form": next((each for each in DURATION_FORMS if each == form), "seconds"),
        "duration_decimal": duration.text("decimal", ".", one_of=(".", ",")),
        "increment_s": duration.whole("increment_s"),
    }
    if leave_out.is_there:
        fields["leave_out"] = (leave_out.column("column"), leave_out.texts("values"))
    if price.is_there:
        fields["price"] = price.column("column")
        fields["price_decimal"] = price.text("decimal", ".", one_of=(".", ","))
        fields["currency"] = price.text("currency", None, check=known_currency)
        fields["tariff"] = price.text("tariff", "")
    if caller.is_there:
        fields["caller"] = caller.column("column")
        fields["extension_digits"] = caller.whole("extension_digits")
    if table.problems:
        raise ConfigError(table.problems)
    mapping = BillMapping(**fields)
    if not mapping.header and (by_name := _by_name(mapping)):
        names = ", ".join(map(repr, by_name))
        raise ConfigError([f"header = false, but columns are named: {names}; give their numbers"])
    return mapping


def _by_name(mapping: BillMapping) -> list[str]:
    columns = (mapping.number, *mapping.start, mapping.duration, mapping.price, mapping.caller)
    left_out = mapping.leave_out[0] if mapping.leave_out else None
    return [each for each in (*columns, left_out) if isinstance(each, str)]


class _Table:
    """One table of the document; mistakes are collected, not raised."""

    def __init__(
        self, values: Mapping[str, Any], name: str = "", problems: list[str] | None = None
    ) -> None:
        self._values = values
        self._name = name
        self.problems: list[str] = [] if problems is None else problems
        self.is_there = bool(values)
        known = _KEYS[name]
        for key in values:
            if key not in known:
                self._wrong(key, f"is no key here; the keys are {', '.join(known)}")

    def section(self, name: str) -> _Table:
        values = self._values.get(name, {})
        if not isinstance(values, Mapping):
            self._wrong(name, "is a table: write [" + name + "]")
            values = {}
        return _Table(values, name, self.problems)

    def column(self, key: str) -> Column:
        value = self._values.get(key)
        if value is None:
            self._wrong(key, "is missing: a name of the header row, or a number from 1")
        elif not _is_column(value):
            self._wrong(key, f"{value!r} is neither a name of the header row nor a number from 1")
        else:
            found: Column = value
            return found
        return 1

    def columns(self, key: str) -> tuple[Column, ...]:
        value = self._values.get(key)
        if not (isinstance(value, list) and value and all(map(_is_column, value))):
            self._wrong(key, 'is a list of columns, such as ["Date", "Time"] or [1]')
            return ()
        return tuple(value)

    def text(
        self,
        key: str,
        default: str | None,
        *,
        check: Callable[[str], object] | None = None,
        one_of: tuple[str, ...] = (),
    ) -> str:
        value = self._values.get(key, default)
        if value is None:
            self._wrong(key, "is missing")
            return ""
        if not isinstance(value, str) or (one_of and value not in one_of):
            words = " or ".join(map(repr, one_of)) or "a text"
            self._wrong(key, f"{value!r} is not {words}")
            return ""
        if check is not None:
            try:
                check(value)
            except (BadRecord, ValueError, LookupError, OSError) as error:
                self._wrong(key, str(error) or f"{value!r} is not known")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key, [])
        if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            self._wrong(key, 'is a list of texts, such as ["0", "9"]')
            return ()
        return tuple(value)

    def whole(self, key: str) -> int:
        value = self._values.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._wrong(key, f"{value!r} is not a whole number from 0")
            return 0
        return value

    def flag(self, key: str) -> bool:
        value = self._values.get(key, True)
        if not isinstance(value, bool):
            self._wrong(key, "is true or false")
        return bool(value)

    def _wrong(self, key: str, text: str) -> None:
        place = f"{self._name}.{key}" if self._name else key
        self.problems.append(f"{place}: {text}")


def _is_column(value: object) -> bool:
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _encoding(text: str) -> None:
    """Python has encodings of other things as well: hex, rot13, names of hosts."""
    codecs.lookup(text)
    try:
        written = io.BytesIO(_ANY_TEXT.encode(text))
        found = io.TextIOWrapper(written, encoding=text, errors="replace", newline="").read()
    except (LookupError, UnicodeError):
        found = ""
    if found != _ANY_TEXT:
        raise ValueError(f"{text!r} is not a text encoding")


def _one_character(text: str) -> None:
    if len(text) != 1 or text in '"\r\n':
        raise ValueError(f"{text!r} is not one character that may part cells")


def _time_format(text: str) -> None:
    written = _ANY_TIME.strftime(text)
    try:
        found = datetime.strptime(written, text)  # noqa: DTZ007 - only its digits are compared
    except (ValueError, re.error) as error:  # strptime makes an expression of it: %d may not repeat
        raise ValueError(f"{text!r} is no format of strptime: {error}") from None
    if found.replace(second=0, tzinfo=UTC) != _ANY_TIME:
        raise ValueError(f"{text!r} lacks the year, the day or the time: %d.%m.%Y %H:%M:%S has all")


def _zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"unknown time zone {text!r}; use an IANA name") from None
