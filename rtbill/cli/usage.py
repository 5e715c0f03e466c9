"""`rtbill usage`: what was telephoned and what it cost, added up for invoices and discounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    instant_text,
    load,
    read_books,
)
from rtbill.cli.paper import print_csv, print_json, print_table, say
from rtbill.cli.spans import span
from rtbill.cli.values import instant_json, money_json
from rtbill.domain.usage import UsageBy, UsageQuestion

if TYPE_CHECKING:
    from rtbill.app.usage import Line

ORDER = (UsageBy.MONTH, UsageBy.ACCOUNT, UsageBy.PERSON, UsageBy.DESTINATION)
SUMS = ("calls", "talk_s", "billed_s", "price", "tax", "cost", "calls_with_cost", "margin")


def add_to(app: typer.Typer) -> None:
    """Put the command on the root."""
    add_command(app, "usage", usage, "rtbill usage --by account --by month --from 2026-01-01 --csv")


def usage(
    by: Annotated[
        list[UsageBy] | None, typer.Option("--by", help="Add up by this; may be repeated; account.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Only what this account pays.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", "--since", metavar="DATE", help="Answered from then; last month."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", "--until", metavar="DATE", help="Answered before then.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add up rated calls by the prices that hold now: calls, talk, money, margin.

    Months and days are the site's; a call belongs to the month of its answer. Without dates, the
    last whole month. Calls without a price are in no sum; how many there are is told.
    """
    from rtbill.app.usage import add_up

    loaded = load(config)
    begin, end = span(since, until, loaded)
    wanted = [each for each in ORDER if each in (by or [UsageBy.ACCOUNT])]
    zone = ZoneInfo(loaded.site.zone)
    question = UsageQuestion(
        since=begin,
        until=end,
        account=account,
        by_account=UsageBy.ACCOUNT in wanted,
        by_person=UsageBy.PERSON in wanted,
        by_destination=UsageBy.DESTINATION in wanted,
    )
    months_of = zone if UsageBy.MONTH in wanted else None
    lines, waiting = read_books(loaded, lambda reader: add_up(reader, question, months_of))
    if as_json:
        rows = [_row(line, wanted) for line in lines]
        between = {"since": instant_json(begin), "until": instant_json(end), "zone": str(zone)}
        print_json(between | {"waiting": waiting, "usage": rows})
    elif as_csv:
        _print_csv(lines, wanted)
    else:
        _print(lines, wanted)
        say(f"from {instant_text(begin, loaded)} to {instant_text(end, loaded)}")
        if waiting:
            say(f"{waiting} calls wait for a price and are in no sum: rtbill unconfirmed list")


def _row(line: Line, by: Sequence[UsageBy]) -> dict[str, Any]:
    """One sum as JSON values: what it is of, then figures; money is exact decimal text."""
    found, currency = line.usage, line.usage.currency
    margin = found.margin_micros
    return {each.value: _kind(line, each) for each in by} | {
        "currency": currency,
        "calls": found.calls,
        "talk_s": found.talk_us / 1_000_000,
        "billed_s": found.billed_s,
        "price": money_json(found.micros, currency),
        "tax": money_json(found.tax_micros, currency),
        "cost": money_json(found.cost_micros, currency) if found.costed else None,
        "calls_with_cost": found.costed,
        "margin": None if margin is None else money_json(margin, currency),
    }


def _kind(line: Line, by: UsageBy) -> str | None:
    return line.month if by is UsageBy.MONTH else getattr(line.usage, by.value)


def _print_csv(lines: Sequence[Line], by: Sequence[UsageBy]) -> None:
    headings = [*(each.value for each in by), "currency", *SUMS]
    rows = (_row(line, by) for line in lines)
    texts = (["" if row[name] is None else str(row[name]) for name in headings] for row in rows)
    print_csv(headings, texts, raw=False)


def _print(lines: Sequence[Line], by: Sequence[UsageBy]) -> None:
    figures = ("calls", "minutes", "billed min", "price", "tax", "margin")
    print_table(
        (*(each.value for each in by), *figures, "currency"),
        (
            (
                *(_kind(line, each) or "" for each in by),
                str(line.usage.calls),
                f"{line.usage.talk_us / 60_000_000:.1f}",
                f"{line.usage.billed_s / 60:.1f}",
                row["price"],
                row["tax"],
                row["margin"] or "",
                line.usage.currency,
            )
            for line in lines
            for row in (_row(line, by),)
        ),
        right=",".join(figures),
    )
