"""Our calls against the exchange's own records or a carrier's bill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    instant,
    load,
    read_books,
)

if TYPE_CHECKING:
    from rtbill.app.their_calls import TheirSource
    from rtbill.comparison.values import Terms

# `readable=False`: whether a file can be read is said where it is read, with what to do about it.
Cdr = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE|DSN",
        help="Master.csv (may be given again), - for standard input, or mysql://…",
    ),
]
BillPaths = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        readable=False,
        help="A carrier's bill, - is standard input; needs --mapping.",
    ),
]
MappingPath = Annotated[
    Path | None,
    typer.Option(metavar="FILE", readable=False, help="TOML: where what stands in the bill."),
]
Since = Annotated[str | None, typer.Option(metavar="DATE", help="Answered from then on.")]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="Answered before then.")]
CdrZone = Annotated[
    str | None, typer.Option(metavar="ZONE", help="Zone of the CDR's times; the site's.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", readable=False, help="Of the database; or set RTBILL_CDR_PASSWORD."
    ),
]
Strip = Annotated[
    list[str] | None,
    typer.Option(metavar="DIGITS", help="Before their numbers: outside prefix, prepends."),
]
Tolerance = Annotated[
    float, typer.Option(min=1, max=3600, help="Seconds between two beginnings of one call.")
]
DurationSeconds = Annotated[
    float, typer.Option(min=0, max=86_400, help="Durations may differ by this, …")
]
DurationPercent = Annotated[
    float, typer.Option(min=0, max=100, help="… or by this much, whichever is more.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the list as CSV.")]
Raw = Annotated[
    bool,
    typer.Option("--raw", help="CSV for machines: cells are not made safe for spreadsheets."),
]


def add_to(app: typer.Typer) -> None:
    """Put the command on the root."""
    add_command(
        app, "compare", compare, "rtbill compare --cdr /var/log/asterisk/cdr-csv/Master.csv"
    )


def compare(
    cdr: Cdr = None,
    bill: BillPaths = None,
    mapping: MappingPath = None,
    pbx: Annotated[str | None, typer.Option(help="The exchange, where there are several.")] = None,
    trunk: Annotated[str | None, typer.Option(help="Only calls by this trunk.")] = None,
    since: Since = None,
    until: Until = None,
    cdr_zone: CdrZone = None,
    password_file: PasswordFile = None,
    strip: Strip = None,
    tolerance: Tolerance = 60,
    duration_seconds: DurationSeconds = 2,
    duration_percent: DurationPercent = 1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    raw: Raw = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Set our calls against the exchange's CDR or a carrier's bill, in money.

    Exit status: 0 nothing differs, 1 something does or could not be read, 2 wrong usage.
    """
    from rtbill.app.comparing import REACH, Request
    from rtbill.app.comparing import compare as compare_records
    from rtbill.app.record_sources import bill_source, cdr_source
    from rtbill.cli import comparison_paper

    _check_usage(cdr, bill, mapping)
    loaded = load(config)
    source: TheirSource
    if mapping is not None:
        source = bill_source(bill or [], mapping, loaded.site.zone, trunk)
    else:
        source = cdr_source(cdr or [], cdr_zone or loaded.site.zone, password_file, os.environ)
    request = Request(
        source=source,
        pbx=pbx,
        trunk=trunk,
        since=instant(since, loaded, REACH),
        until=instant(until, loaded, REACH),
        terms=_terms(tolerance, duration_seconds, duration_percent),
        strip=tuple(strip or ()),
    )
    done = read_books(loaded, lambda reader: compare_records(loaded, reader, request))
    if as_json:
        comparison_paper.print_as_json(done, loaded)
    elif as_csv:
        comparison_paper.print_as_csv(done, raw=raw)
    else:
        comparison_paper.print_as_text(done, loaded)
    if done.comparison.findings or done.problem_count or done.comparison.unclear:
        raise typer.Exit(EXIT_PROBLEM)


def _check_usage(cdr: list[str] | None, bill: list[Path] | None, mapping: Path | None) -> None:
    if bool(cdr) == bool(bill):
        raise typer.BadParameter("give either --cdr or --bill")
    if bill and mapping is None:
        raise typer.BadParameter("--bill needs --mapping; examples/bill-mapping.toml is one")
    if mapping is not None and not bill:
        raise typer.BadParameter("--mapping is for --bill")


def _terms(tolerance_s: float, duration_s: float, duration_percent: float) -> Terms:
    from rtbill.comparison.values import SECOND_US, Terms

    return Terms(
        since_us=0,
        until_us=0,
        tolerance_us=round(tolerance_s * SECOND_US),
        duration_apart_us=round(duration_s * SECOND_US),
        duration_apart_permille=round(duration_percent * 10),
    )
