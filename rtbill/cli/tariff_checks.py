"""What differs between two versions of a tariff, and what is odd about one list of rates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    load,
    read_books,
)
from rtbill.cli.paper import print_json, say
from rtbill.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtbill.config import Config
    from rtbill.domain.tariff import Rate, Tariff

LISTED = 20
CHECKED_JUMP_PERCENT = 1000
MappingPath = Annotated[
    Path | None,
    typer.Option(metavar="FILE", readable=False, help="Of a rate sheet, as for tariff import."),
]


def add_to(app: typer.Typer) -> None:
    """Put the commands into their family."""
    add_command(app, "diff", diff, "rtbill tariff diff retail --from 3 --to 4")
    add_command(app, "check", check, "rtbill tariff check retail")


def diff(
    name: Annotated[str, typer.Argument(help="The tariff.")],
    from_version: Annotated[
        int | None, typer.Option("--from", metavar="VERSION", help="The one before --to.")
    ] = None,
    to_version: Annotated[
        int | None, typer.Option("--to", metavar="VERSION", help="The newest.")
    ] = None,
    jump: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Show prices that change by more per cent.")
    ] = 20,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell what differs between two versions of a tariff.

    Exit status: 0 nothing differs, 1 something does.
    """
    from rtbill.cli.tariff_paper import counts_text, say_comparison
    from rtbill.config import holiday_calendars
    from rtbill.rating.lookup import RateTable
    from rtbill.rating.tariff_comparison import compare
    from rtbill.rating.tariff_report import comparison_json

    loaded = load(config, opens_calendars=True)
    tariffs = read_books(loaded, lambda reader: reader.tariffs())
    old, new = _two_versions(
        [each for each in tariffs if each.name == name], name, from_version, to_version
    )
    calendars = holiday_calendars(loaded.holidays)
    compared = compare(RateTable(old, calendars), RateTable(new, calendars), jump)
    answer = comparison_json(compared, None if as_json else LISTED)
    answer |= {"tariff": name, "from": old.version, "to": new.version}
    if as_json:
        print_json(answer)
    else:
        say_comparison(answer)
        say(f"version {old.version} to {new.version}: {counts_text(answer)}")
    if any(answer["counts"][kind] for kind in ("new", "changed", "ended")):
        raise typer.Exit(EXIT_PROBLEM)


def check(
    name: Annotated[str, typer.Argument(metavar="TARIFF|FILE", help="A tariff, or a file of one.")],
    version: Annotated[int | None, typer.Option(help="Of a tariff; the newest.")] = None,
    mapping: MappingPath = None,
    increments: Annotated[
        str | None, typer.Option(metavar="60/1", help="For a sheet that has no increments.")
    ] = None,
    jump: Annotated[
        int,
        typer.Option(min=0, max=1_000_000, help="Show prefixes dearer by more than those above."),
    ] = CHECKED_JUMP_PERCENT,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell what is odd about a tariff: lines that no call comes to, numbers without a rate, jumps.

    Exit status: 0 nothing is odd, 1 something is, or the file cannot be used.
    """
    from rtbill.clock import SystemClock
    from rtbill.config import holiday_calendars
    from rtbill.rating.lookup import RateTable
    from rtbill.rating.tariff_check import check as check_table
    from rtbill.rating.tariff_report import check_json

    loaded = load(config, opens_calendars=True)
    calendars = holiday_calendars(loaded.holidays)
    if Path(name).is_file() or mapping is not None:
        tariff, problems = _of_file(loaded, Path(name), mapping, increments, frozenset(calendars))
    else:
        tariff, problems = _of_books(loaded, name, version), []
    year = SystemClock().now().year
    found = check_table(RateTable(tariff, calendars), year, jump)
    answer: dict[str, Any] = {"problems": problems, "rates": len(tariff.rates)}
    if not problems:
        answer |= check_json(found, None if as_json else LISTED)
    if as_json:
        print_json(answer)
    else:
        _say_check(name, answer)
    if problems or any(answer["counts"][kind] for kind in _ODD):
        raise typer.Exit(EXIT_PROBLEM)


_ODD = ("never_used", "over", "no_country", "jumps", "in_part")


def _say_check(name: str, answer: dict[str, Any]) -> None:
    from rtbill.cli.tariff_paper import jump_text, say_more, say_never_used, say_problems

    say_problems(name, answer["problems"])
    if answer["problems"]:
        return
    say_never_used(answer)
    counts = answer["counts"]
    for kind, text in (
        ("over", "the years in which it holds have gone by"),
        ("no_country", "no country code begins like this"),
    ):
        for rate in answer[kind]:
            say(f"odd      {rate}: {text}")
        say_more(counts[kind], len(answer[kind]), "of these")
    for jump in answer["jumps"]:
        say(f"jump     from the prefix above to {jump_text(jump)}")
    say_more(counts["jumps"], len(answer["jumps"]), "jumps")
    if answer["in_part"]:
        say(f"gaps     some numbers have no rate in: {' '.join(answer['in_part'])}")
    if answer["without"]:
        say(f"         {counts['without']} country codes have no rate at all; --json lists them")
    found = sum(counts[kind] for kind in _ODD)
    say(
        f"{answer['rates']} rates, {found} odd"
        if found
        else f"{answer['rates']} rates, nothing odd"
    )


def _two_versions(
    versions: Sequence[Tariff], name: str, from_version: int | None, to_version: int | None
) -> tuple[Tariff, Tariff]:
    """Those of these numbers; the newest, and the one before it, where none is named."""
    known = {each.version: each for each in versions}
    if not known:
        raise Refused(f"there is no such tariff {name!r}; `rtbill tariff list` shows them")
    last = max(known) if to_version is None else to_version
    first = from_version
    if first is None:
        first = max((number for number in known if number < last), default=None)
        if first is None:
            raise Refused(f"tariff {name} has no version before {last} to compare it with")
    for number in (first, last):
        if number not in known:
            numbers = ", ".join(map(str, sorted(known)))
            raise Refused(f"tariff {name} has no version {number}; it has: {numbers}")
    return known[first], known[last]


def _of_books(config: Config, name: str, version: int | None) -> Tariff:
    tariffs = read_books(config, lambda reader: reader.tariffs())
    found = [each for each in tariffs if each.name == name and version in (None, each.version)]
    if not found:
        raise Refused(
            f"{name!r} is neither a file nor such a tariff; `rtbill tariff list` shows them"
        )
    return max(found, key=lambda each: each.version)


def _of_file(
    config: Config,
    path: Path,
    mapping: Path | None,
    increments: str | None,
    calendars: frozenset[str],
) -> tuple[Tariff, list[str]]:
    """The file as a version that is in no books, and what is wrong with it."""
    from rtbill.app.rate_sheets import SheetOptions, load_sheet_mapping, tariff_text
    from rtbill.clock import SystemClock
    from rtbill.domain.tariff import Tariff
    from rtbill.rating.tariff_file import read_tariff

    declared, lists = (None, None) if mapping is None else load_sheet_mapping(mapping)
    now = SystemClock().now()
    text = tariff_text(
        path,
        SheetOptions(mapping=declared, lists=lists, increments=increments or "", today=now.date()),
    )
    problems = list(text.problems)
    rates: tuple[Rate, ...] = ()
    if not problems:
        read = read_tariff(text.text, calendars, text.lines)
        problems, rates = list(map(str, read.problems)), read.rates
    tariff = Tariff(
        name=str(path),
        version=0,
        currency=text.currency or config.site.currency,
        zone=config.site.zone,
        valid_from=now,
        rates=rates,
    )
    return tariff, problems
