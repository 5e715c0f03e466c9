"""Lists that other programs wrote: an exchange's extensions."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from rtbill.app.record_files import STANDARD_INPUT
from rtbill.cli.accounts import tell_import
from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    family,
    instant,
    load,
    place_order,
    read_books,
    read_text,
)
from rtbill.cli.paper import say
from rtbill.domain.account import AccountKind
from rtbill.domain.errors import BadRecord

if TYPE_CHECKING:
    from rtbill.config import Config
    from rtbill.formats.freepbx_accounts import Defaults, Standing
    from rtbill.formats.freepbx_csv import Export
    from rtbill.ports import Reader

app = family("Lists that other programs wrote.")


def freepbx(
    file: Annotated[
        Path, typer.Argument(help="Bulk Handler's export of extensions; - is standard input.")
    ],
    pbx: Annotated[
        str | None, typer.Option(help="Their exchange; needed where there are several.")
    ] = None,
    kind: Annotated[
        AccountKind, typer.Option(help="Of new accounts, where rtbill_kind is empty.")
    ] = AccountKind.PREPAID,
    account_class: Annotated[
        str, typer.Option("--class", help="Of new accounts, where rtbill_class is empty.")
    ] = "standard",
    tariff: Annotated[
        str, typer.Option(help="Of new accounts, where rtbill_tariff is empty.")
    ] = "",
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DATE", help="New accounts hold their extensions from then."
        ),
    ] = None,
    account_prefix: Annotated[
        str, typer.Option(help="Before the extension, this makes a new account's id.")
    ] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only these extensions: 1xxx; may be repeated."),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, only tell what would be done.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Create accounts from FreePBX's list of extensions, and follow changed names.

    Columns rtbill_account, rtbill_kind, rtbill_class, rtbill_tariff, rtbill_credit_limit,
    rtbill_opening_balance, rtbill_from and rtbill_person may be added to the file. Passwords in it
    are neither kept nor shown. Import the file again after it has grown: what the books hold stays.
    """
    loaded = load(config)
    _check_options(loaded, account_class, account_prefix)
    terms = (kind, account_class, tariff, from_, account_prefix)
    export, warnings = _read(file, loaded, _defaults(loaded, pbx, *terms), only or [])
    answer = _order(loaded, export, apply=apply)
    if as_json:
        answer["warnings"] = warnings
    else:
        for warning in warnings:
            say(f"{file}: warning: {warning}")
    tell_import(file, answer, applied=apply, as_json=as_json)


def _order(config: Config, export: Export, *, apply: bool) -> dict[str, Any]:
    """What became of the accounts, as `accounts.import` answers. Nothing else leaves this process:
    the passwords in the file are not in the order.
    """
    from rtbill.formats.accounts_csv import export_accounts

    accounts = export.accounts
    if accounts.problems:
        nothing: list[str] = []
        words = ("created", "changed", "assigned", "renamed", "contacts", "credited")
        return dict.fromkeys(words, nothing) | {
            "problems": [str(each) for each in accounts.problems]
        }
    zone = ZoneInfo(config.site.zone)
    text = export_accounts(accounts.accounts, accounts.memberships, zone, accounts.opening_micros)
    arguments = {"csv": text, "apply": apply, "renames": True}
    return place_order(config, "accounts.import", arguments)


def _defaults(
    config: Config,
    pbx: str | None,
    kind: AccountKind,
    account_class: str,
    tariff: str,
    from_: str | None,
    account_prefix: str,
) -> Defaults:
    from rtbill.formats.freepbx_accounts import Defaults

    begins = instant(from_, config)
    return Defaults(
        pbx=_exchange(pbx, config),
        currency=config.site.currency,
        kind=kind,
        account_class=account_class,
        tariff=tariff,
        valid_from=begins.isoformat() if begins else "",
        account_prefix=account_prefix,
    )


def _read(
    file: Path, config: Config, defaults: Defaults, only: list[str]
) -> tuple[Export, list[str]]:
    """The file beside the books, and what is to be said about both."""
    from rtbill.clock import SystemClock
    from rtbill.formats.freepbx_accounts import Standing
    from rtbill.formats.freepbx_csv import Choice, read_export

    async def look(reader: Reader) -> Standing:
        accounts = {each.account.id: each.account for each in await reader.accounts()}
        return Standing(
            at=SystemClock().now(), accounts=accounts, memberships=await reader.memberships()
        )

    choice = Choice(only=_patterns(only), internal=config.site.internal)
    standing = read_books(config, look)
    export = read_export(read_text(file), ZoneInfo(config.site.zone), defaults, standing, choice)
    warnings = list(export.warnings)
    if export.has_secrets and _is_open_to_others(file):
        mend = f"run: chmod 0600 {file}"
        if file == STANDARD_INPUT:
            mend = "make it readable for you alone"  # nobody knows the name of the file behind it
        warnings.insert(
            0,
            f"it holds passwords of telephones and others can read it; {mend}, and delete it when "
            "it has served",
        )
    return export, warnings


def _is_open_to_others(file: Path) -> bool:
    try:
        status = os.fstat(sys.stdin.fileno()) if file == STANDARD_INPUT else file.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & 0o077)


def _check_options(config: Config, account_class: str, account_prefix: str) -> None:
    """BadRecord for what would be wrong in every row alike."""
    if account_class not in config.account_classes:
        known = ", ".join(config.account_classes)
        text = f"--class: {account_class!r} is not in the configuration; known are {known}"
        raise BadRecord(text)
    if not re.fullmatch(r"[^\s:/\x00-\x1f\x7f]{0,32}", account_prefix):
        text = f"--account-prefix: {account_prefix!r} holds a blank, a colon or a slash, or is long"
        raise BadRecord(text)


def _exchange(named: str | None, config: Config) -> str:
    names = [each.name for each in config.pbxs]
    if named is None and len(names) == 1:
        return names[0]
    if named not in names:
        said = f"there is no exchange {named!r}" if named else "there are several exchanges"
        raise BadRecord(f"--pbx: {said}; give one of: {', '.join(names)}")
    return named


def _patterns(written: list[str]) -> list[str]:
    for pattern in written:
        if not re.fullmatch("[0-9x*#]+", pattern):
            text = f"--only: {pattern!r} is not a pattern of digits and x (any digit), such as 1xxx"
            raise BadRecord(text)
    return written


add_command(
    app, "freepbx", freepbx, "rtbill import freepbx extensions.csv --class student --only 1xxx"
)
