"""What stands where in a rate sheet of somebody else, declared in a TOML file or detected.

`docs/tariffs.md` explains each key and `examples/rate-sheet.toml` is one to start from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rtbill.domain.errors import ConfigError
from rtbill.domain.money import known_currency
from rtbill.domain.tariff import DAY_S, MINUTE_S
from rtbill.formats.mapping_table import Column, MappingTable, check_delimiter, check_encoding

_ANY_DATE = datetime(2026, 11, 22, tzinfo=UTC)
_INCREMENTS = re.compile(r"[0-9]{1,6}/[0-9]{1,6}")
_DECIMALS = (".", ",")
KEYS: dict[str, Sequence[str]] = {
    "": (
        *("encoding", "delimiter", "sheet", "skip_rows", "header", "decimal"),
        *("prefix", "destination", "price", "connect_fee", "increments", "valid_from"),
        *("currency", "leave_out", "columns", "constants"),
    ),
    "prefix": ("column", "country_code", "before", "strip", "dash", "destinations"),
    "destination": ("columns",),
    "price": ("column", "unit_s", "divide_by"),
    "connect_fee": ("column", "value"),
    "increments": ("column", "first", "next", "value"),
    "valid_from": ("column", "format"),
    "currency": ("column", "value"),
    "leave_out": ("column", "values"),
}
"""Every key there is, by its table; [columns] and [constants] take the columns of our own files."""


class Source(NamedTuple):
    """Where the cells of one of our columns come from: a column of theirs, or one text for all."""

    column: Column | None
    value: str = ""


NO_SOURCE = Source(None)
NO_FEE = Source(None, "0")


class ValidFrom(NamedTuple):
    """The column of the date from which a row holds."""

    column: Column
    form: str
    """Of strptime. Dates as ISO 8601 writes them, and those of spreadsheets, need none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetMapping:
    """What stands where in a rate sheet."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    sheet: str = ""
    """Of a workbook; empty is the first."""
    skip_rows: int = 0
    """Lines before the header, or before the first rate where there is no header."""
    header: bool = True
    decimal: str = "."
    prefix: Column | None
    """None: the prefixes of a destination are those of `destinations`."""
    country_code: Column | None = None
    """Put before the prefix."""
    prefix_before: str = ""
    """Put before every prefix."""
    prefix_strip: tuple[str, ...] = ()
    """Leading characters that are no part of the number: the first of these that fits."""
    dash_is_range: bool = True
    """4930-4939 is ten prefixes; else a dash only parts digits, as in 1-684."""
    destinations: str = ""
    """A file of destinations and their prefixes."""
    destination: tuple[Column, ...]
    """Joined by a blank."""
    price: Column
    unit_s: int = MINUTE_S
    """Seconds that the price is for."""
    divide_by: int = 1
    """Amounts are in so small parts of the main unit: 100 where they are cents."""
    connect_fee: Source = NO_FEE
    increments: Source | tuple[Source, Source]
    """`60/1` in one cell, or the first and the next apart."""
    valid_from: ValidFrom | None = None
    currency: Source = NO_SOURCE
    leave_out: tuple[Column, tuple[str, ...]] | None = None
    """Rows with one of these values in this column are no rates."""
    others: Mapping[str, Source] = field(default_factory=dict)
    """More columns of our own files."""


def read_sheet_mapping(document: Mapping[str, Any], ours: Sequence[str]) -> SheetMapping:
    """The mapping of a TOML document; `ours` are the columns of our files that [columns] and
    [constants] may fill. ConfigError names every mistake by its place.
    """
    table = MappingTable(document, KEYS | {"columns": ours, "constants": ours})
    prefix = table.section("prefix")
    price = table.section("price")
    leave_out = table.section("leave_out")
    fields: dict[str, Any] = {
        "encoding": table.text("encoding", "utf-8-sig", check=check_encoding),
        "delimiter": table.text("delimiter", ",", check=check_delimiter),
        "sheet": table.text("sheet", ""),
        "skip_rows": table.whole("skip_rows"),
        "header": table.flag("header"),
        "decimal": table.text("decimal", ".", one_of=_DECIMALS),
        "prefix": None if "destinations" in prefix.values else prefix.column("column"),
        "country_code": prefix.column_if_there("country_code"),
        "prefix_before": prefix.text("before", "", check=_check_digits),
        "prefix_strip": prefix.texts("strip"),
        "dash_is_range": prefix.text("dash", "range", one_of=("range", "blank")) == "range",
        "destinations": prefix.text("destinations", ""),
        "destination": table.section("destination").columns("columns"),
        "price": price.column("column"),
        "unit_s": price.whole("unit_s", MINUTE_S, least=1),
        "divide_by": price.whole("divide_by", 1, least=1),
        "connect_fee": _source(table.section("connect_fee"), "0"),
        "increments": _increments(table.section("increments")),
        "valid_from": _valid_from(table.section("valid_from")),
        "currency": _source(table.section("currency"), ""),
        "others": _others(table),
    }
    if leave_out.is_there:
        fields["leave_out"] = (leave_out.column("column"), leave_out.texts("values"))
    _check(table, prefix, price, fields)
    if table.problems:
        raise ConfigError(table.problems)
    return SheetMapping(**fields)


def columns_of(mapping: SheetMapping) -> dict[str, Column]:
    """Which of their columns each of ours is read from."""
    found: dict[str, Column | None] = {
        "prefix": mapping.prefix,
        "country code": mapping.country_code,
        "price": mapping.price,
        "connect fee": mapping.connect_fee.column,
        "currency": mapping.currency.column,
        "valid from": mapping.valid_from.column if mapping.valid_from else None,
        "leave out": mapping.leave_out[0] if mapping.leave_out else None,
    }
    if isinstance(mapping.increments, Source):
        found["increments"] = mapping.increments.column
    else:
        found["first increment"], found["next increment"] = (
            each.column for each in mapping.increments
        )
    numbered = len(mapping.destination) > 1
    for index, column in enumerate(mapping.destination, 1):
        found[f"destination {index}" if numbered else "destination"] = column
    found |= {name: source.column for name, source in mapping.others.items()}
    return {name: column for name, column in found.items() if column is not None}


def _source(section: MappingTable, otherwise: str) -> Source:
    column = section.column_if_there("column")
    if column is not None and "value" in section.values:
        section.wrong("value", "stands beside column; give one of the two")
    value = section.text("value", otherwise if column is None else "")
    return Source(column, value)


def _increments(section: MappingTable) -> Source | tuple[Source, Source]:
    given = [key for key in ("column", "value", "first", "next") if key in section.values]
    if given in (["first"], ["next"], ["first", "next"]):
        return Source(section.column("first")), Source(section.column("next"))
    if given == ["column"]:
        return Source(section.column("column"))
    if given != ["value"]:
        section.wrong(
            "value",
            'give one of: value = "60/1" for every row, column for cells such as 60/1, or the '
            "columns first and next",
        )
        return Source(None, "1/1")
    return Source(None, section.text("value", None, check=check_increments))


def check_increments(text: str) -> None:
    """ValueError unless it is like 60/1."""
    if not _INCREMENTS.fullmatch(text):
        raise ValueError(f"{text!r} is not like 60/1: the first increment and the next, in seconds")


def _valid_from(section: MappingTable) -> ValidFrom | None:
    if not section.is_there:
        return None
    return ValidFrom(section.column("column"), section.text("format", "", check=_check_date_form))


def _others(table: MappingTable) -> dict[str, Source]:
    columns, constants = table.section("columns"), table.section("constants")
    found: dict[str, Source] = {}
    for key in columns.values:
        found[key] = Source(columns.column(key))
    for key in constants.values:
        if key in found:
            constants.wrong(key, "stands in [columns] as well; give one of the two")
        found[key] = Source(None, constants.text(key, None))
    return found


def _check(
    table: MappingTable, prefix: MappingTable, price: MappingTable, fields: Mapping[str, Any]
) -> None:
    """What is wrong with keys of which each could be read."""
    if fields["destinations"] and "column" in prefix.values:
        prefix.wrong("destinations", "stands beside column; give one of the two")
    if DAY_S % fields["unit_s"]:
        price.wrong("unit_s", f"{fields['unit_s']} s does not divide a day; 60 is a minute")
    currency: Source = fields["currency"]
    if currency.value:
        table.section("currency").text("value", "", check=known_currency)
    if table.problems or fields["header"]:
        return
    by_name = [
        each for each in columns_of(SheetMapping(**fields)).values() if isinstance(each, str)
    ]
    if by_name:
        names = ", ".join(map(repr, by_name))
        table.wrong("header", f"is false, but columns are named: {names}; give their numbers")


def _check_digits(text: str) -> None:
    if text and not re.fullmatch(r"[0-9]{1,15}", text):
        raise ValueError(f"{text!r} is not digits, such as 49")


def _check_date_form(text: str) -> None:
    if not text:
        return
    try:
        found = datetime.strptime(_ANY_DATE.strftime(text), text)  # noqa: DTZ007 - only its digits
    except (ValueError, re.error) as error:  # strptime makes an expression of it: %d may not repeat
        raise ValueError(f"{text!r} is no format of strptime: {error}") from None
    if found.date() != _ANY_DATE.date():
        raise ValueError(f"{text!r} lacks the year, the month or the day: %d.%m.%Y has all")
