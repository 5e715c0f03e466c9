"""Accounts and their extensions as people write them: CSV text to values or problems by line.

    account,name,kind,currency,credit_limit,class,tariff,pbx,extension,person,from,until,opening_balance
    s1001,Jo Miller,prepaid,EUR,,student,retail,hall,1001,Jo Miller,2026-10-01,,5.00
    office,Office,postpaid,EUR,50.00,office,retail,hall,2001,Kim Lee,,,
    office,,,,,,,hall,2002,Ash Roy,,,

A row is one extension of an account; further rows of the account repeat its own columns or leave
them empty. A row without pbx and extension is an account that holds none. Columns `code`, `pin` and
`trunk` may be added: what finds the account beside its extensions, of the row's person and days;
and `email` and `language`: where its holder is written to.
`from` and `until` are days at the site: held from the first minute of the one up to the first
minute of the other; empty is for ever. Instants such as 2026-10-01T14:30:00+02:00 are read too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import combinations
from zoneinfo import ZoneInfo

from rtbill.domain.account import Account, AccountKind, Extension, Membership
from rtbill.domain.call import EPOCH
from rtbill.domain.contact import Contact
from rtbill.domain.csv_rows import CsvRow, Problem, read_table
from rtbill.domain.errors import BadRecord
from rtbill.domain.ledger import CONTRA_ACCOUNTS
from rtbill.domain.money import decimal_text, known_currency, parse_micros
from rtbill.domain.payer_key import Binding
from rtbill.domain.pins import Pins
from rtbill.formats.accounts_csv_contacts import CONTACT_COLUMNS, contact_cells, read_contacts
from rtbill.formats.accounts_csv_keys import KEY_COLUMNS, bound_twice, key_cells, read_bindings

REQUIRED = ("account", "name", "kind", "currency", "pbx", "extension")
OPTIONAL = (
    *("credit_limit", "class", "tariff", "person", "from", "until", "opening_balance"),
    *KEY_COLUMNS,
    *CONTACT_COLUMNS,
)
COLUMNS = (
    "account",
    "name",
    "kind",
    "currency",
    "credit_limit",
    "class",
    "tariff",
    "pbx",
    "extension",
    "person",
    "from",
    "until",
    "opening_balance",
)
"""In the order of writing; KEY_COLUMNS and CONTACT_COLUMNS follow where there is anything to write
in them.
"""
_OF_ACCOUNT = (
    "name",
    "kind",
    "currency",
    "credit_limit",
    "class",
    "tariff",
    "opening_balance",
)
_ID = re.compile(r"[^\s:/\x00-\x1f\x7f]{1,64}")
_PBX = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EXTENSION = re.compile(r"[0-9A-Za-z*#+._-]{1,32}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class AccountsFile:
    """Either all that the file says, or everything that is wrong with it."""

    accounts: tuple[Account, ...] = ()
    """In order of their first rows; this and the rest are empty when there is any problem."""
    memberships: tuple[Membership, ...] = ()
    bindings: tuple[Binding, ...] = ()
    opening_micros: Mapping[str, int] = field(default_factory=dict)
    """Money that an account begins with, by account id; only those that say so."""
    contacts: tuple[Contact, ...] = ()
    """Of accounts that have one in the file."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of a file are to be understood."""

    zone: ZoneInfo
    """Days are those of this zone."""
    decimal_comma: bool = False
    pins: Pins = field(default_factory=Pins)
    called: Mapping[str, str] = field(default_factory=dict)
    """The columns that the file calls otherwise, for what is said about them."""

    def name(self, column: str) -> str:
        """What the file calls one of our columns."""
        return self.called.get(column, column)


@dataclass(frozen=True, slots=True)
class _Known:
    """An account as its first row says it, with the cells that later rows may leave empty."""

    line: int
    cells: Mapping[str, str]
    account: Account | None
    opening_micros: int | None


def read_accounts(text: str, zone: ZoneInfo, pins: Pins | None = None) -> AccountsFile:
    """What an accounts file says, or its problems, all of them, in order of lines. Days are those
    of the site's zone.
    """
    table = read_table(text, REQUIRED, OPTIONAL)
    reading = Reading(zone, table.decimal_comma, pins or Pins())
    return read_rows(table.rows, table.problems, reading)


def read_rows(rows: Sequence[CsvRow], known: Sequence[Problem], reading: Reading) -> AccountsFile:
    """What rows with our columns say, or their problems beside those known before."""
    problems = list(known)
    accounts: dict[str, _Known] = {}
    held: list[tuple[int, Membership]] = []
    bound: list[tuple[int, Binding]] = []
    for row in rows:
        texts: list[str] = []
        _read_account(row, accounts, texts, reading)
        dates = _dates(row.cells, texts, reading)
        membership = _read_membership(row, texts, reading, dates)
        if membership is not None:
            held.append((row.line, membership))
        bindings = read_bindings(row.cells, reading.pins, dates, texts)
        bound += [(row.line, binding) for binding in bindings]
        problems += [Problem(row.line, text) for text in texts]
    contacts, wrong = read_contacts(rows)
    problems += _held_twice(held) + bound_twice(bound) + wrong
    if problems:
        return AccountsFile(problems=tuple(sorted(problems)))
    return AccountsFile(
        tuple(entry.account for entry in accounts.values() if entry.account is not None),
        tuple(membership for _, membership in held),
        tuple(binding for _, binding in bound),
        {
            name: entry.opening_micros
            for name, entry in accounts.items()
            if entry.opening_micros is not None
        },
        tuple(contacts),
    )


def export_accounts(  # noqa: PLR0913 - each kind of thing that a file may hold
    accounts: Sequence[Account],
    memberships: Sequence[Membership],
    zone: ZoneInfo,
    opening_micros: Mapping[str, int] | None = None,
    bindings: Sequence[Binding] = (),
    contacts: Sequence[Contact] = (),
) -> str:
    """The text from which `read_accounts` makes the same values, except for PINs."""
    keys = [binding for binding in bindings if key_cells(binding)]
    columns = [*COLUMNS, *(KEY_COLUMNS if keys else ()), *(CONTACT_COLUMNS if contacts else ())]
    by_account = {contact.account: contact for contact in contacts}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for account in accounts:
        cells = {
            "account": account.id,
            "name": account.name,
            "kind": account.kind.value,
            "currency": account.currency,
            "credit_limit": decimal_text(account.credit_limit_micros),
            "class": account.account_class,
            "tariff": account.tariff,
        } | contact_cells(by_account.get(account.id))
        opening = (opening_micros or {}).get(account.id)
        if opening is not None:
            cells["opening_balance"] = decimal_text(opening)
        own = [entry for entry in memberships if entry.account == account.id]
        for entry in own:
            writer.writerow(
                cells
                | {
                    "pbx": entry.extension.pbx,
                    "extension": entry.extension.number,
                }
                | _span_cells(entry, zone)
            )
        own_keys = [binding for binding in keys if binding.account == account.id]
        for binding in own_keys:
            writer.writerow(cells | key_cells(binding) | _span_cells(binding, zone))
        if not own and not own_keys:
            writer.writerow(cells)
    return out.getvalue()


def _span_cells(held: Membership | Binding, zone: ZoneInfo) -> dict[str, str]:
    return {
        "person": held.person or "",
        "from": "" if held.valid_from == EPOCH else _day_text(held.valid_from, zone),
        "until": _day_text(held.valid_until, zone) if held.valid_until else "",
    }


def _read_account(
    row: CsvRow, known: dict[str, _Known], texts: list[str], reading: Reading
) -> None:
    """Remember the account of a first row; check that a later row says the same."""
    name = row.cells["account"]
    if not _ID.fullmatch(name) or name in CONTRA_ACCOUNTS:
        called = reading.name("account")
        texts.append(f"{called} {name!r} is not a usable name (no blanks, colons or slashes)")
        return
    first = known.get(name)
    if first is None:
        account, opening = _account(row.cells, texts, reading)
        known[name] = _Known(row.line, row.cells, account, opening)
        return
    given = {column: row.cells[column] for column in _OF_ACCOUNT if row.cells[column]}
    wrong: list[str] = []
    again = _account({**first.cells, **given}, wrong, reading)
    if wrong and first.account is not None:
        texts += wrong
    elif first.account is not None and again != (first.account, first.opening_micros):
        differing = [
            reading.name(column) for column, cell in given.items() if cell != first.cells[column]
        ]
        texts.append(
            f"account {name!r} has another {', '.join(differing)} than in line {first.line}"
        )


def _account(
    cells: Mapping[str, str], texts: list[str], reading: Reading
) -> tuple[Account | None, int | None]:
    """The account and its opening balance; None with texts added when a cell cannot be used."""
    before = len(texts)
    kind = cells["kind"].lower()
    if kind not in set(AccountKind):
        texts.append(f"{reading.name('kind')} {cells['kind']!r} is neither prepaid nor postpaid")
    if not cells["name"] or not cells["name"].isprintable():
        texts.append(f"{reading.name('name')} is empty or holds control characters")
    try:
        known_currency(cells["currency"])
    except BadRecord as error:
        texts.append(str(error))
    limit = _amount(cells, "credit_limit", texts, reading)
    opening = _amount(cells, "opening_balance", texts, reading)
    if kind == AccountKind.PREPAID and limit:
        texts.append(f"a prepaid account has no {reading.name('credit_limit')}; leave it empty")
    if len(texts) > before:
        return None, None
    account = Account(
        id=cells["account"],
        name=cells["name"],
        kind=AccountKind(kind),
        currency=cells["currency"],
        credit_limit_micros=limit or 0,
        account_class=cells["class"] or "standard",
        tariff=cells["tariff"],
    )
    return account, opening


def _amount(
    cells: Mapping[str, str], column: str, texts: list[str], reading: Reading
) -> int | None:
    """Micro-units of a cell; None when it is empty, or with a text added when it is wrong."""
    cell = cells[column]
    if not cell:
        return None
    try:
        micros = parse_micros(cell.replace(",", ".") if reading.decimal_comma else cell)
    except BadRecord as error:
        texts.append(f"{reading.name(column)} {error}")
        return None
    if micros < 0:
        texts.append(f"{reading.name(column)} {cell} is negative")
        return None
    return micros


def _dates(
    cells: Mapping[str, str], texts: list[str], reading: Reading
) -> tuple[datetime, datetime | None]:
    """From when and until when a row holds; texts are added when that is wrong."""
    valid_from = _instant(cells, "from", texts, reading) or EPOCH
    valid_until = _instant(cells, "until", texts, reading)
    if valid_until is not None and valid_until <= valid_from:
        texts.append(f"until {cells['until']} is not after from {cells['from']}")
    return valid_from, valid_until


def _read_membership(
    row: CsvRow, texts: list[str], reading: Reading, dates: tuple[datetime, datetime | None]
) -> Membership | None:
    """The extension of a row; None when it names none, or with texts added when it is wrong."""
    cells = row.cells
    has_keys = any(cells.get(column) for column in KEY_COLUMNS)
    if not cells["extension"] and (has_keys or not cells["pbx"]):
        texts += [
            f"{reading.name(column)} is given, but no pbx and extension"
            for column in ("person", "from", "until")
            if cells[column] and not has_keys
        ]
        return None
    before = len(texts)
    if not _PBX.fullmatch(cells["pbx"]):
        texts.append(f"{reading.name('pbx')} {cells['pbx']!r} is not the name of an exchange")
    if not _EXTENSION.fullmatch(cells["extension"]):
        texts.append(f"extension {cells['extension']!r} is not a number inside an exchange")
    if not cells["person"].isprintable():
        texts.append(f"{reading.name('person')} holds control characters")
    if len(texts) > before:
        return None
    valid_from, valid_until = dates
    return Membership(
        account=cells["account"],
        extension=Extension(cells["pbx"], cells["extension"]),
        valid_from=valid_from,
        valid_until=valid_until,
        person=cells["person"] or None,
    )


def _instant(
    cells: Mapping[str, str], column: str, texts: list[str], reading: Reading
) -> datetime | None:
    """The UTC instant of a day's first minute at the site, or of an instant with its offset."""
    cell = cells[column]
    if not cell:
        return None
    try:
        if _DAY.fullmatch(cell):
            return _midnight(date.fromisoformat(cell), reading.zone)
        instant = datetime.fromisoformat(cell)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    texts.append(f"{reading.name(column)} {cell!r} is not a day like 2026-10-01")
    return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _day_text(instant: datetime, zone: ZoneInfo) -> str:
    """The day that begins at this instant at the site, or else the instant itself."""
    day = instant.astimezone(zone).date()
    return day.isoformat() if _midnight(day, zone) == instant else instant.isoformat()


def _held_twice(held: Sequence[tuple[int, Membership]]) -> list[Problem]:
    """Rows that claim the same extension at the same time; each problem names both lines."""
    by_extension: dict[Extension, list[tuple[int, Membership]]] = {}
    for line, membership in held:
        by_extension.setdefault(membership.extension, []).append((line, membership))
    return [
        Problem(line, f"extension {extension} is already held at that time in line {earlier}")
        for extension, rows in by_extension.items()
        for (earlier, one), (line, other) in combinations(rows, 2)
        if one.overlaps(other)
    ]
