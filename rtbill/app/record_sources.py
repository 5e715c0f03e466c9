"""What stands behind --cdr and --bill: files, a database with its password, a mapping."""

from __future__ import annotations

import os
import pwd
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from rtbill.app.record_files import check_read_once, record_file
from rtbill.app.their_calls import BillFiles, CdrFiles, CdrTable, TheirSource
from rtbill.config.private_file import read_private
from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.domain.hosts import is_loopback
from rtbill.formats.bill_mapping import BillMapping, read_mapping
from rtbill.mediation.cdr_address import SCHEME, is_address, parse_address

PASSWORD_VARIABLE = "RTBILL_CDR_PASSWORD"  # noqa: S105 - the name of a variable


def cdr_source(
    places: Sequence[str], zone: str, password_file: Path | None, environ: Mapping[str, str]
) -> TheirSource:
    """Files, or the table of one database; ConfigError says what is wrong with them."""
    _check_zone(zone)
    if not any(map(is_address, places)):
        paths = [Path(each) for each in places]
        check_read_once(paths)
        return CdrFiles(paths=paths, zone=zone)
    if len(places) > 1:
        raise ConfigError(["--cdr: a database is given alone, without files beside it"])
    [place] = places
    if not place.startswith(SCHEME):
        raise ConfigError([f"--cdr: of databases only {SCHEME} can be read"])
    address = parse_address(place)
    if not (is_loopback(address.host) or address.tls_ca or address.plain_text_accepted):
        raise ConfigError(
            [
                f"--cdr: {address.host} is not this machine, and without TLS the network sees "
                "every call; add tls_ca=FILE, or plain_text_accepted=true inside a VPN or tunnel"
            ]
        )
    return CdrTable(address=address, password=_password(password_file, environ), zone=zone)


def bill_source(paths: Sequence[Path], mapping: Path, zone: str, trunk: str | None) -> TheirSource:
    """Bills of one form; ConfigError names every mistake in the mapping."""
    check_read_once([*paths, mapping])
    return BillFiles(paths=paths, mapping=load_mapping(mapping, zone), trunk=trunk or "")


def load_mapping(path: Path, zone: str) -> BillMapping:
    """The mapping of a TOML file; the zone is for one that names none."""
    with record_file(path) as file:
        try:
            return read_mapping(tomllib.loads(file.path.read_text(encoding="utf-8")), zone)
        except OSError as error:
            raise BadRecord(f"{file.name} cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError([f"{file.name}: {error}"]) from error
        except ConfigError as wrong:
            problems = [f"{file.name}: {problem}" for problem in wrong.problems]
            raise ConfigError(problems) from wrong


def _password(path: Path | None, environ: Mapping[str, str]) -> str:
    if path is not None:
        password, problem = read_private(path)
        if problem:
            raise ConfigError(
                [
                    f"--password-file: {problem}; it has to be a file of mode 0400 that belongs to "
                    f"{_own_user()}, who runs this command"
                ]
            )
        return password
    if PASSWORD_VARIABLE not in environ:
        raise ConfigError(
            [
                "--cdr: no password for the database; name a file of mode 0400 with "
                f"--password-file, or set {PASSWORD_VARIABLE} (empty for none)"
            ]
        )
    return environ[PASSWORD_VARIABLE]


def _own_user() -> str:
    own = os.geteuid()
    try:
        return pwd.getpwuid(own).pw_name
    except KeyError:  # in a container
        return f"user {own}"


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ConfigError([f"--cdr-zone: unknown time zone {name!r}; use an IANA name"]) from None
