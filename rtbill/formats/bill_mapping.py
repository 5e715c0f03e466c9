"""How to read one carrier's itemised bill, declared in a TOML file: every carrier's differs.

`docs/comparing.md` explains each key and `examples/bill-mapping.toml` is one to start from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rtbill.domain.errors import ConfigError
from rtbill.domain.money import known_currency
from rtbill.formats.mapping_table import (
    Column,
    MappingTable,
    check_delimiter,
    check_encoding,
)

DurationForm = Literal["seconds", "minutes", "hh:mm:ss"]
DURATION_FORMS: tuple[DurationForm, ...] = ("seconds", "minutes", "hh:mm:ss")
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
    table = MappingTable(document, _KEYS)
    leave_out = table.section("leave_out")
    price = table.section("price")
    caller = table.section("caller")
    number, start, duration = (table.section(name) for name in ("number", "start", "duration"))
    form = duration.text("form", "seconds", one_of=DURATION_FORMS)
    fields: dict[str, Any] = {
        "encoding": table.text("encoding", "utf-8-sig", check=check_encoding),
        "delimiter": table.text("delimiter", ",", check=check_delimiter),
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
