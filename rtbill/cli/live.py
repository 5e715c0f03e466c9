"""Calls in progress: a screen that is drawn anew every second, plain lines, or JSON."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    ask_service,
    instant_text,
    load,
)
from rtbill.cli.paper import print_json, print_json_line, print_table, say
from rtbill.domain.errors import Unavailable

if TYPE_CHECKING:
    from rtbill.config import Config

REFRESH_S = 1.0
LIMIT = 100


def add_to(app: typer.Typer) -> None:
    """Put this command on the root."""
    add_command(app, "live", live, "rtbill live --account s1003")


def live(
    account: Annotated[str | None, typer.Option(help="Only calls that this account pays.")] = None,
    pbx: Annotated[str | None, typer.Option(help="Only calls of this exchange.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=20_000, help="At most so many calls; 100, or what fits a screen."),
    ] = None,
    follow: Annotated[
        bool | None,
        typer.Option("--follow/--once", help="Again every second; a screen does so by itself."),
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show the calls in progress: what each costs so far, what is held for it, when it ends.

    Those that end soonest come first. A plus behind the time that is left: more talk is granted
    before it is over. FINAL: there is no money for more. On a terminal it is a screen, drawn anew
    every second until Ctrl-C; elsewhere plain lines, once. With --json --follow each line is one
    JSON document.
    """
    loaded = load(config)
    wanted: dict[str, Any] = {"account": account, "pbx": pbx, "limit": limit or LIMIT}
    is_screen = sys.stdout.isatty() and not as_json
    is_followed = is_screen if follow is None else follow
    try:
        if is_screen and is_followed:
            _show_screen(loaded, wanted, limit)
        else:
            _print_all(loaded, wanted, as_json=as_json, is_followed=is_followed)
    except KeyboardInterrupt:
        return  # how one leaves


def _print_all(config: Config, wanted: dict[str, Any], *, as_json: bool, is_followed: bool) -> None:
    while True:
        answer = ask_service(config, "live", wanted)
        if as_json and is_followed:
            print_json_line(answer)
        elif as_json:
            print_json(answer)
        else:
            _print_calls(answer, config)
        sys.stdout.flush()
        if not is_followed:
            return
        _pause()


def _show_screen(config: Config, wanted: dict[str, Any], limit: int | None) -> None:
    from rtbill.cli.live_screen import LiveScreen

    def answers() -> Iterator[dict[str, Any] | None]:
        """One a second; None while the service does not answer, once it did."""
        is_known = False
        while True:
            rows = screen.rows_max if limit is None else min(limit, screen.rows_max)
            try:
                yield ask_service(config, "live", wanted | {"limit": rows})
                is_known = True
            except Unavailable:
                if not is_known:
                    raise
                yield None
            _pause()

    screen = LiveScreen(config.site.zone)
    screen.show(answers())


def _pause() -> None:
    threading.Event().wait(REFRESH_S)


def _print_calls(answer: dict[str, Any], config: Config) -> None:
    at = datetime.fromisoformat(answer["at"])
    say(f"{instant_text(at, config)} {totals_text(answer['totals'])}")
    print_table(
        (
            *("extension", "person", "account", "number", "destination", "since", "talk"),
            *("cost", "held", "granted", "left", "state", "balance", "grantable"),
        ),
        (_cells(call, config) for call in answer["calls"]),
        right="talk,cost,held,granted,left,balance,grantable",
    )
    if more := more_text(answer):
        say(more)


def _cells(call: dict[str, Any], config: Config) -> tuple[str, ...]:
    since = datetime.fromisoformat(call["since"]) if call["since"] else None
    return (
        f"{call['pbx']}/{call['payer'] or 'unknown'}",
        call["person"] or "",
        call["account"],
        call["number"] or "",
        call["destination"],
        instant_text(since.astimezone(UTC), config) if since else "",
        f"{call['talk_s']:.0f} s",
        "unknown" if call["cost"] is None else f"{call['cost']} {call['currency']}",
        call["held"] or "",
        "" if call["granted_s"] is None else f"{call['granted_s']} s",
        left_text(call, lambda seconds: f"{seconds:.0f} s"),
        state_text(call),
        f"{call['balance']} {call['currency']}",
        call["grantable"],
    )


def left_text(call: dict[str, Any], written: Callable[[float], str]) -> str:
    """Time until the limit, with a plus where more talk is granted before it comes."""
    if call["left_s"] is None:
        return ""
    return written(call["left_s"]) + ("+" if call["goes_on"] else "")


def totals_text(totals: dict[str, Any]) -> str:
    """`3 talking, 1 ringing; held 1.20 EUR by 4 holds`."""
    held = ", ".join(f"{amount} {currency}" for currency, amount in totals["held"].items())
    calls = f"{totals['talking']} talking, {totals['ringing']} ringing"
    holds = f"{totals['holds']} hold{'' if totals['holds'] == 1 else 's'}"
    return f"{calls}; held {held or 'nothing'}" + (f" by {holds}" if held else "")


def more_text(answer: dict[str, Any]) -> str:
    """How many calls are not shown; empty when all are."""
    totals = answer["totals"]
    more = totals["talking"] + totals["ringing"] - totals["shown"]
    return f"and {more} more that end later; --limit shows more of them" if more > 0 else ""


def state_text(call: dict[str, Any]) -> str:
    """In a word, what ends the call: FINAL when there was no money for more."""
    if call["state"] == "ringing":
        return "ringing"
    if not call["enforced"]:
        return "observed"
    if call["final"]:
        return "FINAL"
    if call["limit_s"] is None:
        return "no end"
    return "" if call["armed"] else "arming"
