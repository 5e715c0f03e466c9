"""Tariffs to rows and back. Terms and bands are stored once, as what is not as by default."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypeVar

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.money import RoundingMode
from rtbill.domain.tariff import (
    Counting,
    OnHolidays,
    Rate,
    Rounding,
    Step,
    Tariff,
    Terms,
    TimeBand,
)
from rtbill.storage.bulk import Row, insert_rows

TARIFF_COLUMNS = (
    "name, version, currency, zone, valid_from, round_digits, round_mode, increment_digits,"
    " splits_increments, id"
)
RATE_COLUMNS = "tariff, position, prefix, destination, terms, band"
_INSERT_TARIFF = (
    f"INSERT INTO tariff ({TARIFF_COLUMNS})"  # noqa: S608 - constant
    " VALUES (" + "?, " * 9 + "NULL)"
)
_TERMS = (
    "INSERT INTO terms (body) VALUES (?) ON CONFLICT DO NOTHING",
    "SELECT id FROM terms WHERE body = ?",
)
_BANDS = (
    "INSERT INTO band (body) VALUES (?) ON CONFLICT DO NOTHING",
    "SELECT id FROM band WHERE body = ?",
)
_SETS = ("days", "months", "month_days", "years")

T = TypeVar("T", Terms, TimeBand)


def insert_tariff(connection: sqlite3.Connection, tariff: Tariff) -> None:
    """Write the tariff with its rates inside the open transaction."""
    rounding = tariff.rounding
    row = connection.execute(
        _INSERT_TARIFF,
        (
            tariff.name,
            tariff.version,
            tariff.currency,
            tariff.zone,
            epoch_us(tariff.valid_from),
            rounding.digits,
            rounding.mode.value,
            rounding.increment_digits,
            int(tariff.splits_increments),
        ),
    )
    assert row.lastrowid is not None
    terms = _ids(connection, _TERMS, (rate.terms for rate in tariff.rates))
    bands = _ids(connection, _BANDS, (rate.band for rate in tariff.rates if rate.band))
    rows = [
        (
            row.lastrowid,
            position,
            rate.prefix,
            rate.destination,
            terms[rate.terms],
            None if rate.band is None else bands[rate.band],
        )
        for position, rate in enumerate(tariff.rates)
    ]
    insert_rows(connection, f"INSERT INTO rate ({RATE_COLUMNS})", rows)


def tariffs_from(
    tariffs: Sequence[Row], rates: Iterable[Row], terms: Iterable[Row], bands: Iterable[Row]
) -> list[Tariff]:
    """From TARIFF_COLUMNS and RATE_COLUMNS, the rates by tariff, then position; and from the id and
    body of all terms and bands. Rates that cost the same share their terms.
    """
    terms_of = {row[0]: terms_from(row[1]) for row in terms}
    band_of = {row[0]: band_from(row[1]) for row in bands}
    names: dict[str, str] = {}
    rates_of: dict[int, list[Rate]] = {row[9]: [] for row in tariffs}
    for tariff, _, prefix, destination, term, band in rates:
        rates_of[tariff].append(
            Rate(
                prefix=prefix,
                destination=names.setdefault(destination, destination),
                terms=terms_of[term],
                band=None if band is None else band_of[band],
            )
        )
    return [
        Tariff(
            name=row[0],
            version=row[1],
            currency=row[2],
            zone=row[3],
            valid_from=from_epoch_us(row[4]),
            rounding=Rounding(RoundingMode(row[6]), row[5], row[7]),
            splits_increments=bool(row[8]),
            rates=tuple(rates_of[row[9]]),
        )
        for row in tariffs
    ]


def body_of(value: Terms | TimeBand) -> str:
    """One text for equal values: the fields that differ from their defaults, by name."""
    changed = {
        each.name: _plain(getattr(value, each.name))
        for each in fields(value)
        if getattr(value, each.name) != each.default
    }
    return json.dumps(changed, sort_keys=True, separators=(",", ":"))


def terms_from(body: str) -> Terms:
    """The terms of a body."""
    written: dict[str, Any] = json.loads(body)
    steps = tuple(Step(*each) for each in written.pop("steps"))
    if "counting" in written:
        written["counting"] = Counting(written["counting"])
    return Terms(steps=steps, **written)


def band_from(body: str) -> TimeBand:
    """The band of a body."""
    written: dict[str, Any] = json.loads(body)
    for name in _SETS:
        if name in written:
            written[name] = frozenset(written[name])
    if "on_holidays" in written:
        written["on_holidays"] = OnHolidays(written["on_holidays"])
    return TimeBand(**written)


def _ids(
    connection: sqlite3.Connection, statements: tuple[str, str], values: Iterable[T]
) -> Mapping[T, int]:
    """The id of each value's row, which is made where there is none."""
    found: dict[T, int] = {}
    for value in values:
        if value in found:
            continue
        body = (body_of(value),)
        insert, select = statements
        connection.execute(insert, body)
        found[value] = connection.execute(select, body).fetchone()[0]
    return found


def _plain(value: object) -> object:
    match value:
        case frozenset():
            return sorted(value)
        case StrEnum():
            return value.value
        case tuple():
            return [_of_step(each) for each in value]
        case _:
            return value


def _of_step(step: Step) -> list[int]:
    return [step.from_s, step.price_micros, step.unit_s, step.increment_s]
