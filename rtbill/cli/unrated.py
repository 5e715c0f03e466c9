"""Numbers without a rate: what waits for which range, and adding a range."""

from __future__ import annotations

import getpass
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
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.rerate import drive, say_done, say_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtbill.domain.rated import RatedCall
    from rtbill.domain.tariff import Rate, Tariff
    from rtbill.ports import Reader
    from rtbill.repricing.unrated_groups import UnratedGroup

PAGE = 500

app = typer.Typer(
    help="Numbers without a rate, by probable range; add a range and bill what waits for it.",
    rich_markup_mode=None,
    invoke_without_command=True,
    epilog="Example: rtbill unrated",
)


@app.callback()
def groups(
    context: typer.Context,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Group the waiting calls without a rate by the range they probably belong to.

    Prefix, country and kind are libphonenumber's and only a suggestion, as is the nearest rated
    prefix.
    """
    if context.invoked_subcommand is not None:
        return
    from rtbill.repricing.unrated_groups import grouped

    loaded = load(config)
    calls, tariffs, accounts = read_books(loaded, _waiting)
    default = loaded.rating.default_tariff
    newest = {each.name: each for each in sorted(tariffs, key=lambda each: each.version)}
    found = grouped(calls, lambda call: accounts.get(call.account) or default, newest.get)
    if as_json:
        print_json([_json(each) for each in found])
        return
    print_table(
        ("prefix", "country", "kind", "tariff", "calls", "seconds", "sample", "nearest rate"),
        (
            (
                each.prefix or "-",
                each.country,
                each.kind,
                each.tariff,
                str(each.calls),
                str(round(each.talk_us / 1_000_000)),
                each.sample,
                _rate_text(each.nearest) if each.nearest else "",
            )
            for each in found
        ),
        right="calls,seconds",
    )
    if any(each.prefix for each in found):
        say("add a range with: rtbill unrated add PREFIX --destination NAME --price PRICE")


async def _waiting(reader: Reader) -> tuple[list[RatedCall], Sequence[Tariff], dict[str, str]]:
    from rtbill.domain.rated import START, CallStatus
    from rtbill.domain.rerating import Selection

    calls: list[RatedCall] = []
    after, wanted = START, Selection(reason=CallStatus.UNRATED)
    while page := await reader.waiting_calls(wanted, after, PAGE):
        calls += [each.call for each in page]
        after = page[-1].position
    accounts = {state.account.id: state.account.tariff for state in await reader.accounts()}
    return calls, await reader.tariffs(), accounts


def _json(group: UnratedGroup) -> dict[str, Any]:
    nearest = group.nearest
    return {
        "prefix": group.prefix or None,
        "country": group.country,
        "kind": group.kind,
        "tariff": group.tariff,
        "calls": group.calls,
        "talk_s": group.talk_us / 1_000_000,
        "sample": group.sample,
        "nearest_prefix": nearest.prefix if nearest else None,
        "nearest_rate": _rate_text(nearest) if nearest else None,
    }


def _rate_text(rate: Rate) -> str:
    from rtbill.rating.tariff_file import rate_text

    return rate_text(rate)


def add(
    prefix: Annotated[str, typer.Argument(help="Its leading digits: +4176.")],
    destination: Annotated[str, typer.Option(help="What calls of it are listed as.")],
    price: Annotated[str, typer.Option(help="A minute, in the tariff's currency.")],
    connect_fee: Annotated[str, typer.Option(help="For being answered.")] = "0",
    increments: Annotated[str, typer.Option(help="Seconds of the first and the next.")] = "60/1",
    tariff: Annotated[str | None, typer.Option(help="The configured default.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, only tell what would be billed.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add a range to a tariff, from the earliest call that waits for it on, and bill all waiting
    calls that have a rate then.
    """
    order = {
        "prefix": prefix,
        "destination": destination,
        "price": price,
        "connect_fee": connect_fee,
        "increments": increments,
        "tariff": tariff,
        "apply": apply,
        "by": getpass.getuser(),
    }
    answer = drive(load(config), "unrated.add", order)
    if as_json:
        print_json(answer)
    else:
        _say_added(answer, is_applied=apply)
    if apply and answer["state"] != "done":
        raise typer.Exit(EXIT_PROBLEM)


def _say_added(answer: dict[str, Any], *, is_applied: bool) -> None:
    say_found(answer)
    for each in answer["versions"]:
        verb = "is" if is_applied else "would be"
        say(f"version {each['version']} of {answer['tariff']} {verb} in force from {each['from']}")
    if is_applied:
        say_done(answer, "recycle")
    else:
        say("this was a dry run, add --apply to do it")


add_command(
    app,
    "add",
    add,
    "rtbill unrated add +4176 --destination 'Switzerland mobile' --price 0.25 --apply",
)
