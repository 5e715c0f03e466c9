"""What every command shares: the configuration, orders, reading, errors as one clear message."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer
from typer.core import TyperGroup

from rtbill.app.record_files import STANDARD_INPUT
from rtbill.domain.errors import BadRecord, ConfigError, RtbillError

if TYPE_CHECKING:
    from rtbill.config import Config
    from rtbill.domain.account import Extension
    from rtbill.ports import Reader

ConfigPath = Annotated[
    Path,
    typer.Option("--config", envvar="RTBILL_CONFIG", help="The configuration file."),
]
DEFAULT_CONFIG = Path("config.toml")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

EXIT_PROBLEM = 1
EXIT_USAGE = 2
_T = TypeVar("_T")


class Commands(TyperGroup):
    """The root of the command line: our errors become one message and an exit status."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # click's own Context
        """Run the command; an error of ours ends it without a traceback."""
        try:
            return super().invoke(ctx)
        except RtbillError as error:
            raise _said([error]) from error
        except typer.BadParameter as wrong:
            # Which library checks the words of a command line is nobody's business.
            wrong.message = wrong.message.removeprefix("Value error, ")
            raise
        except BaseExceptionGroup as group:
            ours = list(_leaves(group))
            if not all(isinstance(error, RtbillError) for error in ours):
                raise
            raise _said(ours) from group


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _said(errors: list[BaseException]) -> typer.Exit:
    for error in errors:
        for line in str(error).splitlines():
            typer.echo(f"rtbill: {line}", err=True)
    config = any(isinstance(error, ConfigError) for error in errors)
    return typer.Exit(EXIT_USAGE if config else EXIT_PROBLEM)


def add_command(
    app: typer.Typer,
    name: str,
    command: Callable[..., None],
    example: str,
    *,
    takes_negative: bool = False,
) -> None:
    """Put a command into its family, with the example that its help shows.

    `takes_negative` lets an argument such as -5.00 pass for a value and not for an option.
    """
    settings = {"ignore_unknown_options": True} if takes_negative else None
    app.command(name, epilog=f"Example: {example}", context_settings=settings)(command)


def family(help_text: str) -> typer.Typer:
    """A family of commands such as `rtbill accounts …`."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None)


def load(path: Path, *, opens_calendars: bool = False) -> Config:
    """The checked configuration; most commands do without the holidays of countries."""
    from rtbill.config import load_config

    return load_config(path, opens_calendars=opens_calendars)


def place_order(config: Config, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer to an order: of the running service, or of the same code in this process."""
    from rtbill.serving.control_client import ControlClient

    client = ControlClient(config.control.socket)
    if client.is_running():
        return client.order(verb, arguments)
    from rtbill.app import offline

    return offline.order(config, verb, arguments)


def ask_service(config: Config, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer of the running service; Unavailable names the command that starts it."""
    from rtbill.serving.control_client import ControlClient

    return ControlClient(config.control.socket).order(verb, arguments)


def read_books(config: Config, question: Callable[[Reader], Awaitable[_T]]) -> _T:
    """What the question finds in the books, on a read-only connection."""
    from rtbill.app import offline

    async def ask() -> _T:
        async with offline.open_reader(config) as reader:
            return await question(reader)

    return asyncio.run(ask())


def read_text(path: Path) -> str:
    """A file's text, or with `-` that of standard input; BadRecord names the file and what is wrong
    with it.
    """
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadRecord(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        text = f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise BadRecord(text) from error


def instant(text: str | None, config: Config, reach: timedelta = timedelta(0)) -> datetime | None:
    """An instant in UTC; a date alone is its midnight at the site, a time alone lacks its day.
    BadRecord when it is none, or when the calendar ends within `reach` of it.
    """
    if text is None:
        return None
    example = "write 2026-12-01 or 2026-12-01T14:30"
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRecord(f"{text!r} is not a date; {example}") from error
    local = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(config.site.zone))
    try:
        at = local.astimezone(UTC)
        _ = (at - reach, at + reach)
    except OverflowError as error:
        raise BadRecord(f"{text!r} is too near the end of the calendar; {example}") from error
    return at


def instant_text(at: datetime | None, config: Config) -> str:
    """The instant on the site's clock, to the second."""
    return f"{at.astimezone(ZoneInfo(config.site.zone)):%Y-%m-%d %H:%M:%S}" if at else ""


def extension(text: str, config: Config) -> Extension:
    """`hall/1001`, or `1001` where there is only one exchange."""
    from rtbill.domain.account import Extension

    pbx, slash, number = text.rpartition("/")
    names = [each.name for each in config.pbxs]
    if not slash and len(names) == 1:
        pbx = names[0]
    if pbx not in names or not number:
        known = ", ".join(names)
        raise BadRecord(f"{text!r} is no extension; write PBX/NUMBER, where PBX is one of: {known}")
    return Extension(pbx, number)
