"""Bundles: import, list, give, end, and what an account holds of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    family,
    instant,
    instant_text,
    load,
    place_order,
    read_books,
    read_text,
)
from rtbill.cli.paper import print_json, say
from rtbill.cli.values import instant_json

if TYPE_CHECKING:
    from rtbill.app.holdings import Holding
    from rtbill.config import Config
    from rtbill.domain.bundle import Bundle, GivenAllowance
    from rtbill.ports import Reader

app = family("Bundles: minutes or money that pay calls before the account's money does.")


def import_(
    file: Annotated[Path, typer.Argument(help="A TOML file; docs/bundles.md explains it.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, only tell what would be done.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Compare bundles with those in the books and make the next versions; all of it or nothing."""
    arguments = {"toml": read_text(file), "apply": apply}
    answer = place_order(load(config, opens_calendars=True), "bundle.import", arguments)
    if as_json:
        print_json(answer)
    else:
        _say_import(file, answer, applied=apply)
    if answer["problems"]:
        raise typer.Exit(EXIT_PROBLEM)


def _say_import(file: Path, answer: dict[str, Any], *, applied: bool) -> None:
    for problem in answer["problems"]:
        say(f"{file}: {problem}")
    if answer["problems"]:
        say("nothing was imported; correct the file and import it again")
        return
    for each in answer["bundles"]:
        _say_version(each)
    if all(each["is_same"] for each in answer["bundles"]):
        say("nothing to do")
    elif applied:
        say("imported; who holds an earlier version keeps it")
    else:
        say("this was a dry run, add --apply to do it")


def _say_version(each: dict[str, Any]) -> None:
    before, after = each["before"], each["after"]
    if each["is_same"]:
        say(f"{each['name']}: version {each['version']} says the same")
        return
    say(f"{each['name']} version {each['version']}:")
    for line in before:
        if line not in after:
            say(f"- {line}")
    for line in after:
        say(f"{' ' if line in before else '+'} {line}")


def list_(as_json: AsJson = False, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """List every version of every bundle in words, and how many allowances of it are in force."""
    from rtbill.clock import SystemClock
    from rtbill.formats.bundle_file import bundle_lines

    found, given = read_books(load(config), _bundles)
    now = SystemClock().now()
    in_force = Counter(
        (each.allowance.bundle, each.allowance.version)
        for each in given
        if each.allowance.until is None or each.allowance.until > now
    )
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "version": each.version,
                    "currency": each.currency,
                    "unit": str(each.unit),
                    "allowances": in_force[each.name, each.version],
                    "terms": bundle_lines(each),
                }
                for each in found
            ]
        )
        return
    for each in found:
        held = in_force[each.name, each.version]
        say(f"{each.name} version {each.version}, {held} in force")
        for line in bundle_lines(each):
            say(f"  {line}")
    if not found:
        say("there is no bundle; `rtbill bundle import` makes them")


async def _bundles(reader: Reader) -> tuple[Sequence[Bundle], Sequence[GivenAllowance]]:
    return await reader.bundles(), await reader.allowances()


def give(
    name: Annotated[str, typer.Argument(help="The bundle; its newest version is given.")],
    to: Annotated[
        str, typer.Option(metavar="ACCOUNT[,ACCOUNT…]", help="Who has it; several share it.")
    ],
    key: Annotated[
        str | None, typer.Option(help="Names this allowance for ever: given twice, it counts once.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Calls answered from then on; now.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Calls answered before; without an end.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Instead: for so many days.")] = None,
    reason: Annotated[str, typer.Option(help="Kept with the allowance.")] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give a bundle to an account, or to several together. Extensions locked for want of money
    open where it pays.
    """
    loaded = load(config)
    since, end_at = instant(from_, loaded), instant(until, loaded)
    arguments = {
        "bundle": name,
        "accounts": [each.strip() for each in to.split(",") if each.strip()],
        "key": key,
        "since": since.isoformat() if since else None,
        "until": end_at.isoformat() if end_at else None,
        "days": days,
        "reason": reason,
    }
    answer = place_order(loaded, "bundle.give", arguments)
    if as_json:
        print_json(answer)
        return
    done = "had been given" if answer["repeated"] else "is given"
    say(f"{answer['holds']} of {name} {_spell(answer)} {done} to {', '.join(answer['accounts'])}")
    say(f"key {answer['key']}")


def end(
    key: Annotated[str, typer.Argument(help="The allowance, as `bundle show` names it.")],
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="Calls answered from then on; now.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """End an allowance early. What calls took of it stays theirs."""
    loaded = load(config)
    ends = instant(at, loaded)
    arguments = {"key": key, "at": ends.isoformat() if ends else None}
    answer = place_order(loaded, "bundle.end", arguments)
    if as_json:
        print_json(answer)
    else:
        say(f"{key} of {', '.join(answer['accounts'])} pays no calls from {answer['until']} on")


def _spell(answer: dict[str, Any]) -> str:
    return "each month" if answer["renewal"] == "monthly" else "once"


def show(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show what an account holds of bundles: what is left, until when, and with whom it shares."""
    from rtbill.cli.accounts import find_account
    from rtbill.clock import SystemClock

    loaded = load(config)
    now = SystemClock().now()

    async def held(reader: Reader) -> list[Holding]:
        from rtbill.app.holdings import holdings

        await find_account(reader, account)
        return await holdings(reader, account, now)

    found = read_books(loaded, held)
    if as_json:
        print_json([holding_json(each) for each in found])
        return
    for each in found:
        say(holding_text(each, account, loaded))
        say(f"  key {each.allowance.key}")
    if not found:
        say(f"account {account} holds no bundle")


def holding_text(holding: Holding, account: str, config: Config) -> str:
    """One line: `300 national minutes: 182:30 min of 300 min left until 2026-12-01 00:00:00`."""
    from rtbill.domain.bundle import Renewal, amount_text

    bundle, allowance = holding.bundle, holding.allowance
    left, whole = amount_text(bundle, holding.left), amount_text(bundle, bundle.amount)
    text = f"{bundle.title or bundle.name}: {left} of {whole} left"
    if holding.lost_at is not None:
        text += f" until {instant_text(holding.lost_at, config)}"
        if bundle.renewal is Renewal.MONTHLY and holding.lost_at != allowance.until:
            text += ", then full again"
    if others := sorted(allowance.accounts - {account}):
        text += f"; shared with {', '.join(others)}"
    return text


def holding_json(holding: Holding) -> dict[str, Any]:
    """Seconds as a number, money as decimal text."""
    from rtbill.domain.bundle import Unit
    from rtbill.domain.money import decimal_text

    bundle, allowance = holding.bundle, holding.allowance
    is_money = bundle.unit is Unit.MONEY
    return {
        "key": allowance.key,
        "bundle": bundle.name,
        "version": bundle.version,
        "title": bundle.title,
        "unit": str(bundle.unit),
        "currency": bundle.currency,
        "holds": decimal_text(bundle.amount) if is_money else bundle.amount,
        "left": decimal_text(holding.left) if is_money else holding.left,
        "lost_at": instant_json(holding.lost_at),
        "renewal": str(bundle.renewal),
        "since": instant_json(allowance.since),
        "until": instant_json(allowance.until),
        "accounts": sorted(allowance.accounts),
    }


add_command(app, "import", import_, "rtbill bundle import examples/bundles.toml --apply")
add_command(app, "list", list_, "rtbill bundle list")
add_command(app, "give", give, "rtbill bundle give national-300 --to s1001,s1002 --key room-1-2026")
add_command(app, "end", end, "rtbill bundle end room-1-2026 --at 2026-12-01")
add_command(app, "show", show, "rtbill bundle show s1001")
