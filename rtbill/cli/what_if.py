"""`rtbill tariff what-if`: stored calls under another price list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.spans import span
from rtbill.cli.values import instant_json, money_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtbill.app.what_if import Answer, Difference, Lone, Question
    from rtbill.config import Config
    from rtbill.ports import Reader


def add_to(app: typer.Typer) -> None:
    """Put the command into the family of tariffs."""
    add_command(app, "what-if", what_if, "rtbill tariff what-if new-list --instead-of germany")


def what_if(
    name: Annotated[str, typer.Argument(help="A tariff or a price plan.")],
    instead_of: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only calls priced by this one.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Answered from then on; the last month.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Answered before then.")] = None,
    trunk: Annotated[str | None, typer.Option(help="Only calls by this trunk.")] = None,
    carrier: Annotated[
        bool, typer.Option("--carrier", help="Compare what carriers take, not what accounts pay.")
    ] = False,
    no_hook: Annotated[
        bool, typer.Option("--no-hook", help="Without asking the site's rating hook.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Price stored calls by another list: the difference by account and destination.

    Nothing is changed. Without dates, the calls of the last whole month of the site.
    """
    from rtbill.app.what_if import Question

    if carrier and instead_of:
        raise typer.BadParameter("--instead-of is of what accounts pay; with --carrier use --trunk")
    loaded = load(config, opens_calendars=True)
    begin, end = span(since, until, loaded, ("--since", "--until"))
    question = Question(
        name=name,
        since=begin,
        until=end,
        instead_of=instead_of,
        trunk=trunk,
        is_carrier=carrier,
    )
    failures: list[str] = []
    told = None if no_hook else failures
    answer = read_books(loaded, lambda reader: _ask(loaded, reader, question, told))
    for failure in failures:
        typer.echo(f"rtbill: {failure}", err=True)
    if as_json:
        print_json(_as_json(question, answer))
    else:
        _say(question, answer, loaded)


async def _ask(
    config: Config, reader: Reader, question: Question, failures: list[str] | None
) -> Answer:
    """With the site's hook, whose failures are put there; without it where that is None."""
    from rtbill.app.hook_file import Complaints, site_hook
    from rtbill.app.what_if import AskedOfCalls, ask
    from rtbill.clock import SystemClock
    from rtbill.config import holiday_calendars
    from rtbill.rating.price_book import PriceBook

    tariffs, plans = await reader.tariffs(), await reader.price_plans()
    book = PriceBook(tariffs, holiday_calendars(config.holidays), plans)
    if failures is None:
        return await ask(reader, book, question)
    complaints = Complaints(failures)
    hook = site_hook(config, SystemClock(), complaints)
    if hook is None:
        return await ask(reader, book, question)
    accounts = [state.account for state in await reader.accounts()]
    return await ask(reader, book, question, hook=AskedOfCalls(hook, accounts, book))


def _as_json(question: Question, answer: Answer) -> dict[str, Any]:
    return {
        "name": question.name,
        "instead_of": question.instead_of,
        "trunk": question.trunk,
        "carrier": question.is_carrier,
        "since": instant_json(question.since),
        "until": instant_json(question.until),
        "currency": answer.currency,
        "total": _difference_json(answer.total, answer.currency),
        "accounts": _group_json(answer.by_account, answer.currency, "account"),
        "destinations": _group_json(answer.by_destination, answer.currency, "destination"),
        "unrated_then": _lone_json(answer.unrated_then, answer.currency),
        "unrated_now": _lone_json(answer.unrated_now, answer.currency),
        "never_rated": answer.never_rated,
        "other_currency": answer.other_currency,
        "priced_one_by_one": answer.one_by_one,
    }


def _group_json(group: Mapping[str, Difference], currency: str, key: str) -> list[dict[str, Any]]:
    return [{key: name} | _difference_json(each, currency) for name, each in _largest(group)]


def _difference_json(each: Difference, currency: str) -> dict[str, Any]:
    return {
        "calls": each.calls,
        "before": money_json(each.before_micros, currency),
        "after": money_json(each.after_micros, currency),
        "difference": money_json(each.after_micros - each.before_micros, currency),
    }


def _lone_json(each: Lone, currency: str) -> dict[str, Any]:
    return {"calls": each.calls, "amount": money_json(each.micros, currency)}


def _say(question: Question, answer: Answer, config: Config) -> None:
    since, until = instant_text(question.since, config), instant_text(question.until, config)
    say(f"calls from {since} to {until} by {question.name}, in {answer.currency}")
    _say_group("account", answer.by_account, answer)
    _say_group("destination", answer.by_destination, answer)
    total = _cells("", answer.total, answer.currency)
    say(f"in all {total[1]}: {total[2]} would be {total[3]}, a difference of {total[4]}")
    if answer.unrated_then.calls:
        amount = money_json(answer.unrated_then.micros, answer.currency)
        say(f"{answer.unrated_then.calls} calls would have no rate; they cost {amount} now")
    if answer.unrated_now.calls:
        amount = money_json(answer.unrated_now.micros, answer.currency)
        say(f"{answer.unrated_now.calls} calls have no price now; they would cost {amount}")
    if answer.never_rated:
        say(f"{answer.never_rated} calls have no price either way")
    if answer.other_currency:
        say(f"{answer.other_currency} calls in another currency than {answer.currency} left out")


def _say_group(heading: str, group: Mapping[str, Difference], answer: Answer) -> None:
    if group:
        print_table(
            (heading, "calls", "before", "after", "difference"),
            (_cells(name, each, answer.currency) for name, each in _largest(group)),
            right="calls,before,after,difference",
        )


def _cells(name: str, each: Difference, currency: str) -> tuple[str, str, str, str, str]:
    difference = each.after_micros - each.before_micros
    return (
        name,
        str(each.calls),
        money_json(each.before_micros, currency),
        money_json(each.after_micros, currency),
        ("+" if difference > 0 else "") + money_json(difference, currency),
    )


def _largest(group: Mapping[str, Difference]) -> list[tuple[str, Difference]]:
    """The largest difference first, whichever way it goes."""
    return sorted(
        group.items(),
        key=lambda each: (-abs(each[1].after_micros - each[1].before_micros), each[0]),
    )
