"""`mysql://USER@HOST/DATABASE`: which database holds an exchange's call records.

People put passwords into such addresses, with signs in them that part an address. So a password is
looked for first, and no message repeats what may be a piece of one.

    >>> address = parse_address("mysql://rtbill@[::1]:3307/asteriskcdrdb?table=cdr_old")
    >>> address.host, address.port, address.table
    ('::1', 3307, 'cdr_old')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from rtbill.domain.errors import ConfigError

SCHEME = "mysql://"
FORM = "mysql://USER@HOST[:PORT]/DATABASE[?table=cdr][&tls_ca=FILE][&plain_text_accepted=true]"
_PORT = 3306
_PORTS = range(1, 65_536)
_NAME = re.compile(r"[0-9A-Za-z_$]{1,64}")
_OPTIONS = frozenset({"table", "tls_ca", "plain_text_accepted"})
_NOT_HERE = (
    "--cdr: a password does not belong on the command line, where every user of the machine can "
    "see it; take it out and use --password-file FILE (mode 0400) or the environment variable "
    "RTBILL_CDR_PASSWORD"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAddress:
    """Where the table is, and as whom it is read."""

    host: str
    port: int
    user: str
    database: str
    table: str
    tls_ca: Path | None
    plain_text_accepted: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}{self.user}@{host}:{self.port}/{self.database}?table={self.table}"


def is_address(place: str) -> bool:
    """Whether somebody means a database and not a file, however it is written."""
    return "://" in place or place.lower().startswith("mysql:")


def parse_address(text: str) -> DatabaseAddress:
    """The parts of `mysql://…`; ConfigError says what is wrong, never repeating a password."""
    user, at, rest = text.removeprefix(SCHEME).partition("@")
    if at and ":" in unquote(user):
        raise ConfigError([_NOT_HERE])
    if not user or not at:
        raise _wrong("no username")
    place = _place(rest)
    if any("pass" in name.lower() for name in place.options):
        raise ConfigError([_NOT_HERE])
    problems = [*_problems_of_place(unquote(user), place), *_problems_of_options(place.options)]
    if problems:
        raise _wrong(*problems)
    tls_ca = place.options.get("tls_ca")
    return DatabaseAddress(
        host=place.host,
        port=place.port,
        user=unquote(user),
        database=place.database,
        table=place.options.get("table", "cdr"),
        tls_ca=Path(tls_ca) if tls_ca else None,
        plain_text_accepted=place.options.get("plain_text_accepted") == "true",
    )


class _Place(NamedTuple):
    """What stands behind the user."""

    host: str
    port: int
    """0 when it is none."""
    database: str
    options: Mapping[str, str]


def _place(rest: str) -> _Place:
    try:
        parts = urlsplit(f"//{rest}")
        host = parts.hostname or ""
        host.encode("idna")
    except ValueError:  # its text repeats what it was given
        raise _wrong(
            "the host is no name and no address; an address of IPv6 stands in brackets, [::1]"
        ) from None
    if "@" in parts.netloc or "#" in rest:
        raise _wrong("there is an @ or a # too much; in a name write %40 or %23")
    try:
        port = _PORT if parts.port is None else parts.port
    except ValueError:
        port = 0
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    return _Place(host, port, parts.path.removeprefix("/"), options)


def _problems_of_place(user: str, place: _Place) -> Iterator[str]:
    if not user.isprintable():
        yield "the username is not text"
    if not place.host:
        yield "no hostname"
    if place.port not in _PORTS:
        yield f"the port is not a number from 1 to {_PORTS[-1]}"
    if not place.database:
        yield "no database is named"
    elif not _NAME.fullmatch(place.database):
        yield "the name of the database is not of letters, digits, _ and $ alone"


def _problems_of_options(options: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(options.keys() - _OPTIONS):
        yield f"unknown option {name!r}"
    table = options.get("table", "cdr")
    if not _NAME.fullmatch(table):
        yield f"table {table!r} is not a name" if table else "no table is named"
    if "\0" in options.get("tls_ca", ""):
        yield "tls_ca is no name of a file"
    if options.get("plain_text_accepted", "true") not in ("true", "false"):
        yield "plain_text_accepted is true or false"


def _wrong(*problems: str) -> ConfigError:
    return ConfigError([f"--cdr: {problem}; write {FORM}" for problem in problems])
