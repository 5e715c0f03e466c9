"""Calls in the books, and those that wait for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    extension,
    family,
    instant,
    instant_text,
    load,
    place_order,
    read_books,
)
from rtbill.cli.paper import print_csv, print_json, print_table, say
from rtbill.cli.values import call_json
from rtbill.domain.money import Money
from rtbill.domain.rated import CallStatus, RatedCall

if TYPE_CHECKING:
    from rtbill.config import Config
    from rtbill.ports import CallFilter, Reader

CSV_FIELDS = (
    *("call", "answered_at", "ended_at", "pbx", "payer", "person", "account", "dialled", "number"),
    *("destination", "talk_s", "billed_s", "price", "currency", "tariff", "tariff_version"),
    *("status", "kind", "cause", "cut_by", "note"),
    *("tax", "carrier", "plan", "plan_version", "trunk", "in_trunk", "account_code"),
    *("trunk_title", "in_trunk_title", "adjustment"),
)

unconfirmed = family("Calls in doubt and calls without a price: list, bill or drop them.")


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(app, "calls", calls, "rtbill calls --account s1001 --since 2026-12-01 --csv")


def calls(
    account: Annotated[str | None, typer.Option(help="Paid by this account.")] = None,
    extension_text: Annotated[
        str | None, typer.Option("--extension", help="PBX/NUMBER, or the number alone.")
    ] = None,
    status: Annotated[CallStatus | None, typer.Option(help="Only these.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Answered from then on.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Answered before then.")] = None,
    number: Annotated[str | None, typer.Option(help="Beginning of the number: +4930.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="CSV for machines: cells are not made safe for spreadsheets."),
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List calls, newest first, with their prices. Numbers are shown in full."""
    from rtbill.ports import CallFilter

    loaded = load(config)
    wanted = CallFilter(
        account=account,
        extension=extension(extension_text, loaded) if extension_text else None,
        status=status,
        since=instant(since, loaded),
        until=instant(until, loaded),
        number_prefix=number,
        limit=limit,
    )
    found = read_books(loaded, lambda reader: reader.calls(wanted))
    if as_json:
        print_json([call_json(call, loaded) for call in found])
    elif as_csv:
        rows = (call_json(call, loaded) for call in found)
        texts = (
            ["" if row[name] is None else str(row[name]) for name in CSV_FIELDS] for row in rows
        )
        print_csv(CSV_FIELDS, texts, raw=raw)
    else:
        _print_calls(found, loaded)


def _print_calls(found: Sequence[RatedCall], config: Config) -> None:
    print_table(
        (
            *("answered", "extension", "person", "account", "number", "destination"),
            *("talk", "price", "status", "trunk", "code", "call"),
        ),
        (
            (
                instant_text(call.record.answered_at, config) or "not answered",
                f"{call.record.id.pbx}/{call.record.payer or 'unknown'}",
                call.person or "",
                call.account,
                call.number or call.record.dialled or "unknown",
                call.price.destination if call.price else "",
                f"{call.record.talk_us / 1_000_000:.1f} s",
                _price_text(call),
                call.status,
                _trunks_text(call, config),
                call.record.origin.code,
                str(call.record.id),
            )
            for call in found
        ),
        right="talk,price",
    )


def _trunks_text(call: RatedCall, config: Config) -> str:
    """The trunk by which it left, and before it the one by which it had come in, if any."""
    pbx, came_by = call.record.id.pbx, call.record.origin.in_trunk
    left_by = config.trunk_text(pbx, call.record.trunk)
    return f"{config.trunk_text(pbx, came_by)} to {left_by}" if came_by else left_by


def _price_text(call: RatedCall) -> str:
    if call.price is not None:
        return str(Money(call.price.micros, call.price.currency))
    return "unknown" if call.status in (CallStatus.UNRATED, CallStatus.UNCONFIRMED) else "free"


def list_(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List calls in doubt with their evidence, and calls whose price is unknown."""
    loaded = load(config)
    found = read_books(loaded, lambda reader: _waiting(reader, limit))
    if as_json:
        print_json([call_json(call, loaded) for call in found])
        return
    print_table(
        ("call", "answered", "extension", "account", "number", "talk", "status", "why"),
        (
            (
                str(call.record.id),
                instant_text(call.record.answered_at, loaded),
                f"{call.record.id.pbx}/{call.record.payer or 'unknown'}",
                call.account,
                call.number or call.record.dialled or "unknown",
                f"{call.record.talk_us / 1_000_000:.1f} s",
                call.status,
                call.record.evidence or call.note,
            )
            for call in found
        ),
        right="talk",
    )


async def _waiting(reader: Reader, limit: int) -> list[RatedCall]:
    found: list[RatedCall] = []
    for status in (CallStatus.UNCONFIRMED, CallStatus.UNRATED):
        found += await reader.calls(_of_status(status, limit))
    return found


def _of_status(status: CallStatus, limit: int) -> CallFilter:
    from rtbill.ports import CallFilter

    return CallFilter(status=status, limit=limit)


def bill(
    call: Annotated[str, typer.Argument(help="Its id, as `unconfirmed list` shows it.")],
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Talk time, if another than the evidence says.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Bill a call that waits; a call without a rate needs its tariff first."""
    answer = place_order(load(config), "calls.bill", {"call": call, "seconds": seconds})
    if as_json:
        print_json(answer)
    else:
        money = f"{answer['price']} {answer['currency']}"
        say(f"{answer['call']} is billed to {answer['account']}: {money}")


def drop(
    call: Annotated[str, typer.Argument(help="Its id, as `unconfirmed list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why it is not billed; kept with the call.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Decide that a call is not billed."""
    place_order(load(config), "calls.drop", {"call": call, "reason": reason})
    say(f"{call} is dropped: {reason}")


add_command(unconfirmed, "list", list_, "rtbill unconfirmed list")
add_command(unconfirmed, "bill", bill, "rtbill unconfirmed bill hall/1782900000.12 --seconds 42")
add_command(
    unconfirmed, "drop", drop, "rtbill unconfirmed drop hall/1782900000.12 --reason 'test call'"
)
