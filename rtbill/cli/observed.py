"""What would have been done where rtbill only observes, and what switching to enforce would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    instant,
    instant_text,
    load,
    read_books,
)
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.values import money_json, observation_json
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import Money

if TYPE_CHECKING:
    from rtbill.config import Config
    from rtbill.domain.account import Extension, Service
    from rtbill.domain.observation import ObservationFilter, ObservedTotals, PostedObservation
    from rtbill.ports import Reader

NAMED_MAX = 20
"""Extensions named in one line of text; JSON has them all."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the books answer."""

    totals: ObservedTotals
    observations: Sequence[PostedObservation]
    switching: Mapping[Extension, Service]
    """What enforcing would take away at once."""


def add_to(app: typer.Typer) -> None:
    """Put this command on the root."""
    add_command(app, "observed", observed, "rtbill observed --since 2026-12-01 --pbx hall")


def observed(
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what would have been from then on.")
    ] = None,
    pbx: Annotated[str | None, typer.Option(help="Only at this exchange.")] = None,
    account: Annotated[str | None, typer.Option(help="Only about this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many, the newest.")] = 100,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell what would have been locked, refused and cut, and what switching to enforce would do."""
    from rtbill.domain.observation import ObservationFilter

    loaded = load(config)
    names = [each.name for each in loaded.pbxs]
    if pbx is not None and pbx not in names:
        raise BadRecord(f"there is no exchange {pbx!r}; known are {', '.join(names)}")
    wanted = ObservationFilter(since=instant(since, loaded), pbx=pbx, account=account, limit=limit)
    found = read_books(loaded, lambda reader: _find(reader, loaded, wanted))
    if as_json:
        print_json(_as_json(found, loaded))
    else:
        _say(found, loaded)


async def _find(reader: Reader, config: Config, wanted: ObservationFilter) -> Found:
    return Found(
        await reader.observed_totals(wanted),
        await reader.observations(wanted),
        await _switching(reader, config, wanted),
    )


async def _switching(
    reader: Reader, config: Config, wanted: ObservationFilter
) -> dict[Extension, Service]:
    from rtbill.clock import SystemClock
    from rtbill.credit.stances import left_undone, stances_of
    from rtbill.domain.account import OPEN_SERVICE, Extension
    from rtbill.domain.directory import Directory
    from rtbill.exchanges.enforcement import combine

    at: datetime = SystemClock().now()
    directory = Directory(await reader.accounts(), await reader.memberships())
    by_hand = {lock.extension: lock.service for lock in await reader.desk_locks()}
    taken = {}
    for pbx in [each.name for each in config.pbxs if wanted.pbx in (None, each.name)]:
        for number, service in sorted(left_undone(directory, stances_of(config), pbx, at).items()):
            extension = Extension(pbx, number)
            holder = directory.holder(extension, at)
            assert holder is not None, "only held extensions lose service for money"
            now = by_hand.get(extension, OPEN_SERVICE)
            then = combine([now, service])
            if then != now and wanted.account in (None, holder.account):
                taken[extension] = then
    return taken


def _as_json(found: Found, config: Config) -> dict[str, Any]:
    totals = found.totals
    return {
        "stances": {pbx.name: str(pbx.enforcement) for pbx in config.pbxs},
        "classes": {
            name: str(each.enforcement) for name, each in sorted(config.account_classes.items())
        },
        "switching": {
            str(extension): {"outgoing": str(service.outgoing), "incoming": str(service.incoming)}
            for extension, service in found.switching.items()
        },
        "totals": {
            "locks": totals.locks,
            "opens": totals.opens,
            "refused": totals.refused,
            "cut": totals.cut,
            "beyond_s": totals.beyond_us / 1_000_000,
            "beyond": {
                currency: money_json(micros, currency)
                for currency, micros in totals.beyond_micros.items()
            },
        },
        "observations": [observation_json(posted) for posted in found.observations],
    }


def _say(found: Found, config: Config) -> None:
    totals = found.totals
    stances = ", ".join(f"{pbx.name} {pbx.enforcement}" for pbx in config.pbxs)
    say(f"stances: {stances}")
    say(_switching_text(found.switching))
    money = " and ".join(
        str(Money(micros, currency)) for currency, micros in totals.beyond_micros.items()
    )
    say(
        f"observed: accounts locked {totals.locks} times and opened {totals.opens} times, "
        f"{totals.refused} calls refused, {totals.cut} calls cut"
    )
    say(
        f"beyond the money: {totals.beyond_us / 60_000_000:.1f} minutes of talk"
        + (f" for {money}" if money else "")
    )
    print_table(
        ("when", "would", "extension", "account", "what"),
        (
            (
                instant_text(posted.observation.at, config),
                str(posted.observation.kind),
                f"{posted.observation.pbx}/{posted.observation.extension or 'several'}",
                posted.observation.account,
                posted.observation.text,
            )
            for posted in found.observations
        ),
    )


def _switching_text(switching: Mapping[Extension, Service]) -> str:
    if not switching:
        return "switching now would lock nothing"
    named = ", ".join(str(extension) for extension in list(switching)[:NAMED_MAX])
    rest = len(switching) - NAMED_MAX
    more = f" and {rest} more" if rest > 0 else ""
    noun = "extension" if len(switching) == 1 else "extensions"
    return f"switching now would lock {len(switching)} {noun}: {named}{more}"
