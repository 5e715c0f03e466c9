"""The other record, from wherever it is: Master.csv, a CDR database, a carrier's bill."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from rtbill.app.record_files import RecordFile, record_file
from rtbill.comparison.trunk_legs import LegJoiner, Site, without_prefix
from rtbill.comparison.values import SECOND_US, TheirCall
from rtbill.domain.call import YEARS, epoch_us
from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.formats.asterisk_cdr import CdrReader, CdrRow
from rtbill.formats.bill_mapping import BillMapping
from rtbill.formats.itemised_bill import Bill, BilledCall
from rtbill.mediation.cdr_address import DatabaseAddress
from rtbill.mediation.cdr_database import CdrDatabase
from rtbill.mediation.cdr_sqlite import is_sqlite, sqlite_rows

PROBLEMS_KEPT = 20
_AHEAD = timedelta(hours=4)
"""Rows that began this long after the end may still belong to a call that began before it."""


class Problem(NamedTuple):
    """A row that could not be read."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(slots=True)
class TheirRecord:
    """Calls of the other record, and the rows that could not be read: the first of them, and how
    many there are.
    """

    calls: list[TheirCall] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    increment_us: int = 1
    tariff: str = ""

    @contextmanager
    def reading(self, place: str) -> Iterator[None]:
        """A row that cannot be read is remembered, and the next one is tried."""
        try:
            yield
        except BadRecord as bad:
            self.problem_count += 1
            if len(self.problems) < PROBLEMS_KEPT:
                self.problems.append(Problem(place, str(bad)))


class TheirSource(Protocol):
    """Somebody else's record."""

    @property
    def is_of_all_exchanges(self) -> bool:
        """A carrier's bill does not know exchanges."""
        ...

    def read(self, site: Site, since: datetime, until: datetime | None) -> TheirRecord:
        """Its calls, at least those of the span."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrFiles:
    """Files of cdr_csv or of cdr_sqlite3_custom."""

    paths: Sequence[Path]
    zone: str
    is_of_all_exchanges: bool = False

    def read(self, site: Site, since: datetime, until: datetime | None) -> TheirRecord:
        """The trunk legs of all files together."""
        record = TheirRecord()
        joiner = LegJoiner(site)
        begun = _begun(since, until)
        for path in self.paths:
            reader = CdrReader(self.zone)
            with record_file(path) as file:
                rows = _sqlite if is_sqlite(file.path) else _csv
                for row in rows(file, reader, record):
                    if begun[0] <= row.began_us < begun[1]:
                        record.calls.extend(joiner.feed(row))
            if problem := reader.zone_problem():
                raise BadRecord(f"{file.name}: {problem}")
        record.calls.extend(joiner.close())
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrTable:
    """The table of a database server."""

    address: DatabaseAddress
    password: str = field(repr=False)
    zone: str
    is_of_all_exchanges: bool = False

    def read(self, site: Site, since: datetime, until: datetime | None) -> TheirRecord:
        """The trunk legs of the span and of hours around it."""
        record = TheirRecord()
        joiner, reader = LegJoiner(site), CdrReader(self.zone)
        with CdrDatabase(self.address, self.password) as database:
            rows = self._rows(database, since, until)
            for number, cells in enumerate(rows, start=1):
                place = f"{self.address.table}, row {number} ({cells.get('uniqueid', '')})"
                with record.reading(place):
                    record.calls.extend(joiner.feed(reader.row(cells)))
        if problem := reader.zone_problem():
            raise BadRecord(f"{self.address}: {problem}")
        record.calls.extend(joiner.close())
        return record

    def _rows(
        self, database: CdrDatabase, since: datetime, until: datetime | None
    ) -> Iterator[dict[str, str]]:
        if ends := database.first_and_last():
            # One hour more, because wall clocks repeat one.
            begin = max(ends[0], _wall(since, self.zone) - timedelta(hours=1))
            end = ends[1] + timedelta(seconds=1)
            if until is not None:
                end = min(end, _wall(until, self.zone) + _AHEAD)
            yield from database.rows(begin, end)
        if until is None or until.year >= YEARS.stop:
            yield from database.rows_after_all_years()


@dataclass(frozen=True, slots=True, kw_only=True)
class BillFiles:
    """A carrier's bill in one or several files of the same form."""

    paths: Sequence[Path]
    mapping: BillMapping
    trunk: str = ""
    """The trunk group that the carrier bills, where the operator named one."""
    is_of_all_exchanges: bool = True

    def read(self, site: Site, since: datetime, until: datetime | None) -> TheirRecord:
        """Every call of the bill; the span is cut later."""
        del since, until
        mapping = self.mapping
        record = TheirRecord(increment_us=mapping.increment_s * SECOND_US, tariff=mapping.tariff)
        for path in self.paths:
            with record_file(path) as file:
                self._read_file(file, site, record)
        return record

    def _read_file(self, file: RecordFile, site: Site, record: TheirRecord) -> None:
        mapping = self.mapping
        rows = _lines(file, mapping.encoding, mapping.delimiter, mapping.skip_rows)
        _, header = next(rows, (0, [])) if mapping.header else (0, [])
        try:
            bill = Bill(mapping, header)
        except BadRecord as bad:
            raise ConfigError([f"{file.name}: {bad}"]) from bad
        for line, cells in rows:
            with record.reading(f"{file.name}, line {line}"):
                call = bill.read(cells)
                if call is not None:
                    source = f"{file.short_name}:{line}"
                    record.calls.append(_billed(call, source, self.trunk, site, mapping))


def _billed(
    call: BilledCall, source: str, trunk: str, site: Site, mapping: BillMapping
) -> TheirCall:
    return TheirCall(
        source=source,
        number=site.read_number(without_prefix(call.number, site.strip)),
        other_number=None,
        payer=call.caller if call.caller and site.is_extension(call.caller) else None,
        trunk=trunk,
        at_us=call.began_us,
        talk_us=call.talk_us,
        is_answered=call.talk_us > 0 or bool(call.price_micros),
        price_micros=call.price_micros,
        currency=mapping.currency if call.price_micros is not None else "",
    )


def _csv(file: RecordFile, reader: CdrReader, record: TheirRecord) -> Iterator[CdrRow]:
    for line, cells in _lines(file, "utf-8", ","):
        if cells:
            with record.reading(f"{file.name}, line {line}"):
                yield reader.master_row(cells)


def _sqlite(file: RecordFile, reader: CdrReader, record: TheirRecord) -> Iterator[CdrRow]:
    for number, cells in enumerate(sqlite_rows(file.path, file.name), start=1):
        with record.reading(f"{file.name}, row {number}"):
            yield reader.row(cells)


def _lines(
    source: RecordFile, encoding: str, delimiter: str, skip: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each begins on. Letters that are wrong in the encoding do not matter:
    what is compared are digits.
    """
    line = skip + 1
    try:
        with source.path.open(encoding=encoding, errors="replace", newline="") as file:
            for _ in range(skip):
                if not file.readline():
                    return
            rows = csv.reader(file, delimiter=delimiter)
            for cells in rows:
                yield line, cells
                line = skip + rows.line_num + 1
    except OSError as error:
        raise BadRecord(f"{source.name} cannot be read: {error.strerror}") from error
    except UnicodeError as error:  # no wrong letter, those are replaced: a mark is missing
        raise BadRecord(
            f"{source.name} is not {encoding} text: {error}; name its own encoding in the mapping, "
            "such as cp1252 or, without a byte order mark, utf-16-le"
        ) from error
    except csv.Error as error:
        raise BadRecord(
            f"{source.name}, line {line}: this and what follows is not CSV: {error}; look for a "
            "quotation mark that is not closed"
        ) from error


def _begun(since: datetime, until: datetime | None) -> tuple[int, int]:
    """When rows of calls in the span may have begun, in microseconds since 1970."""
    return epoch_us(since), epoch_us(until + _AHEAD) if until else 1 << 62


def _wall(at: datetime, zone: str) -> datetime:
    """What the exchange's clock showed, as its database keeps it: without a zone."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
