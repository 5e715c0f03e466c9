"""Locks by hand: which there are, which were lifted, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
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
from rtbill.cli.values import instant_json

if TYPE_CHECKING:
    from rtbill.domain.account import DeskLock, LiftedLock
    from rtbill.ports import Reader


def add_to(app: typer.Typer) -> None:
    """Put this command on the root."""
    add_command(app, "locks", locks, "rtbill locks --limit 50")


def locks(
    limit: Annotated[
        int, typer.Option(min=0, help="Of those that were lifted, at most so many, the latest.")
    ] = 20,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell the locks by hand, and of those that were lifted who did so and why."""
    loaded = load(config)
    now, lifted = read_books(loaded, lambda reader: _find(reader, limit))
    if as_json:
        print_json(
            {
                "locks": [_lock_json(each) for each in now],
                "lifted": [_lifted_json(each) for each in lifted],
            }
        )
        return
    if not now:
        say("nothing is locked by hand")
    else:
        rows = [
            [str(each.extension), each.by, instant_text(each.since, loaded), each.reason]
            for each in now
        ]
        print_table(["extension", "locked by", "since", "reason"], rows)
    if lifted:
        say("")
        rows = [
            [
                str(each.lock.extension),
                f"{each.lock.by}: {each.lock.reason}",
                instant_text(each.at, loaded),
                each.by,
                each.reason,
            ]
            for each in lifted
        ]
        print_table(["extension", "was locked by", "lifted", "by", "reason"], rows)


async def _find(reader: Reader, limit: int) -> tuple[Sequence[DeskLock], Sequence[LiftedLock]]:
    return await reader.desk_locks(), await reader.lifted_locks(limit)


def _lock_json(lock: DeskLock) -> dict[str, Any]:
    return {
        "extension": str(lock.extension),
        "outgoing": str(lock.service.outgoing),
        "incoming": str(lock.service.incoming),
        "by": lock.by,
        "reason": lock.reason,
        "since": instant_json(lock.since),
    }


def _lifted_json(lifted: LiftedLock) -> dict[str, Any]:
    at = instant_json(lifted.at)
    return {**_lock_json(lifted.lock), "lifted": {"at": at, "by": lifted.by, "why": lifted.reason}}
