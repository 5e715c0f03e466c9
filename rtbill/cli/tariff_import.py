"""Tariffs from files, and from other tariffs: always a dry run first."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    instant,
    load,
    place_order,
    read_books,
)
from rtbill.cli.paper import print_json, say
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.money import RoundingMode

if TYPE_CHECKING:
    from datetime import date, datetime

    from rtbill.app.rate_sheets import SheetOptions, TariffText
    from rtbill.config import Config


class IncrementDigits(StrEnum):
    """Decimals that an increment's price is rounded to."""

    EXACT = "exact"
    ZERO = "0"
    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    FIVE = "5"
    SIX = "6"


RoundingOption = Annotated[
    RoundingMode | None, typer.Option(help="Which way the price of a call is rounded.")
]
DigitsOption = Annotated[
    int | None, typer.Option(min=0, max=6, help="To so many decimals of the main unit.")
]
IncrementDigitsOption = Annotated[
    IncrementDigits | None,
    typer.Option(help="Round each increment before, half up, to so many; or keep it exact."),
]
SplitOption = Annotated[
    bool | None,
    typer.Option(
        "--split-increments/--whole-increments",
        help="Whether a change of bands ends the increment in progress.",
        show_default=False,
    ),
]

MappingPath = Annotated[
    Path | None,
    typer.Option(metavar="FILE", readable=False, help="TOML: which column of the sheet is what."),
]
ShowMapping = Annotated[
    bool, typer.Option("--show-mapping", help="Print a mapping of the sheet to start from.")
]
SheetName = Annotated[str | None, typer.Option(help="Of a workbook; the first.")]
Increments = Annotated[
    str | None, typer.Option(metavar="60/1", help="For a sheet that has no increments.")
]
JumpPercent = Annotated[
    int, typer.Option(min=0, max=1_000_000, help="Show prices that change by more per cent.")
]
TrafficOf = Annotated[
    str | None, typer.Option(metavar="TARIFF", help="Price the calls of this one; of its own.")
]
ValidFrom = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="In force from then; now.")
]
Apply = Annotated[
    bool, typer.Option("--apply", help="Do it; without, only tell what would be done.")
]
LISTED = 20
ALL = "all"


def add_to(app: typer.Typer) -> None:
    """Put the commands into their family."""
    add_command(app, "import", import_, "rtbill tariff import examples/tariff-germany.csv --apply")
    add_command(app, "copy", copy, "rtbill tariff copy retail hotel --markup 12.5")


def import_(
    file: Annotated[
        Path, typer.Argument(help="A tariff file, or a rate sheet of others: CSV or XLSX.")
    ],
    name: Annotated[str | None, typer.Option(help="The tariff; the configured default.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA name for its bands.")] = None,
    valid_from: ValidFrom = None,
    rounding: RoundingOption = None,
    digits: DigitsOption = None,
    increment_digits: IncrementDigitsOption = None,
    split_increments: SplitOption = None,
    mapping: MappingPath = None,
    show_mapping: ShowMapping = False,
    sheet: SheetName = None,
    increments: Increments = None,
    jump: JumpPercent = 20,
    traffic_of: TrafficOf = None,
    apply: Apply = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Compare a tariff file with the tariff and make it the next version; all of it or nothing.

    What no option says is as in the newest version; of a new tariff currency and zone are the
    site's, and calls are rounded half up to 4 decimals. The columns of a sheet of others are
    found by their names, or declared by --mapping.
    """
    from rtbill.app.rate_sheets import mapping_to_start_from

    if show_mapping:
        typer.echo(mapping_to_start_from(file, sheet or ""), nl=False)
        return
    loaded = load(config)
    since = instant(valid_from, loaded)
    options = _sheet_options(loaded, mapping, sheet, increments, since)
    arguments = {
        "name": name or loaded.rating.default_tariff,
        "zone": zone,
        "rounding": rounding,
        "digits": digits,
        "increment_digits": _digits(increment_digits),
        "split_increments": split_increments,
        "jump": jump,
        "traffic_of": traffic_of,
        "listed": ALL if as_json else LISTED,
        "apply": apply,
    }
    answer = _order(loaded, file, options, since, currency, arguments)
    _tell(str(file), answer, applied=apply, as_json=as_json)


def copy(
    source: Annotated[str, typer.Argument(metavar="TARIFF", help="The tariff to copy.")],
    name: Annotated[str, typer.Argument(metavar="NEW", help="The tariff that gets its rates.")],
    markup: Annotated[
        str, typer.Option(metavar="PERCENT", help="Added to every price and fee; -5 lowers them.")
    ] = "0",
    version: Annotated[int | None, typer.Option(help="To copy; the newest.")] = None,
    valid_from: ValidFrom = None,
    jump: JumpPercent = 20,
    apply: Apply = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Make a tariff, or its next version, of another one, all prices by so many per cent dearer.

    Prices are rounded to the millionth, halves up. The dry run prices the calls of the copied one.
    """
    from rtbill.rating.markup import marked_up, read_percent
    from rtbill.rating.tariff_file import export

    loaded = load(config)
    since = instant(valid_from, loaded)
    percent = read_percent(markup)
    tariffs = read_books(loaded, lambda reader: reader.tariffs())
    found = [each for each in tariffs if each.name == source and version in (None, each.version)]
    if not found:
        raise Refused(f"there is no such tariff {source!r}; `rtbill tariff list` shows them")
    tariff = max(found, key=lambda each: each.version)
    exact = tariff.rounding.increment_digits is None
    answer = place_order(
        loaded,
        "tariff.import",
        {
            "name": name,
            "csv": export(marked_up(tariff.rates, percent)),
            "currency": tariff.currency,
            "zone": tariff.zone,
            "valid_from": since.isoformat() if since else None,
            "rounding": tariff.rounding.mode,
            "digits": tariff.rounding.digits,
            "increment_digits": "exact" if exact else tariff.rounding.increment_digits,
            "split_increments": tariff.splits_increments,
            "jump": jump,
            "traffic_of": source,
            "listed": ALL if as_json else LISTED,
            "apply": apply,
        },
    )
    _tell(f"{source} version {tariff.version}", answer, applied=apply, as_json=as_json)


def _order(
    config: Config,
    file: Path,
    options: SheetOptions,
    since: datetime | None,
    currency: str | None,
    arguments: dict[str, Any],
) -> dict[str, Any]:
    """The answer to the order with the file's text; of a sheet with problems nothing but these."""
    from rtbill.app.rate_sheets import tariff_text
    from rtbill.collector import paused_collector
    from rtbill.desk.tariff_arguments import runs_of

    with paused_collector():
        text = tariff_text(file, options)
    answer: dict[str, Any] = {"problems": list(text.problems)}
    if not text.problems:
        of_file = {
            "csv": text.text,
            "lines": None if text.lines is None else runs_of(text.lines),
            "currency": _currency(currency, text.currency),
            "valid_from": _valid_from(config, since, text),
        }
        answer = place_order(config, "tariff.import", arguments | of_file)
    return {"read_as": list(text.read_as)} | answer


def _sheet_options(
    config: Config,
    mapping: Path | None,
    sheet: str | None,
    increments: str | None,
    since: datetime | None,
) -> SheetOptions:
    from zoneinfo import ZoneInfo

    from rtbill.app.rate_sheets import SheetOptions, load_sheet_mapping
    from rtbill.clock import SystemClock
    from rtbill.formats.sheet_mapping import check_increments

    if increments is not None:
        try:
            check_increments(increments)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--increments") from error
    declared, lists = (None, None) if mapping is None else load_sheet_mapping(mapping)
    zone = ZoneInfo(config.site.zone)
    return SheetOptions(
        mapping=declared,
        lists=lists,
        sheet=sheet or "",
        increments=increments or "",
        today=SystemClock().now().astimezone(zone).date(),
        wanted=since.astimezone(zone).date() if since else None,
    )


def _currency(said: str | None, of_sheet: str) -> str | None:
    if said and of_sheet and said != of_sheet:
        raise BadRecord(f"--currency says {said}, the sheet {of_sheet}; nothing is converted")
    return said or of_sheet or None


def _valid_from(config: Config, since: datetime | None, text: TariffText) -> str | None:
    """When the version begins: as said, else when all of the sheet does."""
    if since is None and text.valid_from is not None:
        since = instant(_day(text.valid_from), config)
    return since.isoformat() if since else None


def _day(day: date) -> str:
    return day.isoformat()


def _digits(written: IncrementDigits | None) -> int | str | None:
    """As the order takes them: a number, or `exact`."""
    return int(written) if written is not None and written.isdecimal() else written


def _tell(name: str, answer: dict[str, Any], *, applied: bool, as_json: bool) -> None:
    from rtbill.cli.tariff_paper import say_import

    if as_json:
        print_json(answer)
    else:
        for text in answer.get("read_as", []):
            say(f"read     {text}")
        say_import(name, answer, applied=applied)
    if answer["problems"]:
        raise typer.Exit(EXIT_PROBLEM)
