"""Trying things out: replay a recording, measure the speed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rtbill.cli.frame import AsJson, add_command
from rtbill.cli.paper import print_json_line, print_table
from rtbill.domain.errors import BadRecord


class Kind(StrEnum):
    """Exchanges whose recordings can be read."""

    ASTERISK = "asterisk"


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(
        app, "replay", replay, "rtbill replay asterisk hall.jsonl --trunk 'PJSIP/carrier-*' --json"
    )
    add_command(app, "bench", bench, "rtbill bench --json")


def replay(
    kind: Annotated[Kind, typer.Argument(help="What kind of exchange was recorded.")],
    file: Annotated[Path, typer.Argument(help="A recording of `rtbill capture`.")],
    trunk: Annotated[
        list[str], typer.Option(help="Channels that are billed, such as 'PJSIP/carrier-*'.")
    ],
    pbx: Annotated[str, typer.Option(help="The name the exchange gets.")] = "replay",
    as_json: AsJson = False,
) -> None:
    """Read a recording without an exchange and tell each trunk leg, ordered by its end."""
    assert kind is Kind.ASTERISK
    from rtbill.app.replay import replay_asterisk

    if not file.is_file():
        raise BadRecord(f"there is no recording {file}")
    legs = replay_asterisk(file, tuple(trunk), pbx)
    if as_json:
        for leg in legs:
            print_json_line(leg)
        return
    fields = ("leg", "payer", "dialled", "answered_at", "talk_s", "cause", "state", "source")
    print_table(
        fields,
        (["" if leg[name] is None else str(leg[name]) for name in fields] for leg in legs),
        right="talk_s,cause",
    )


def bench(
    as_json: AsJson = False,
    seconds: Annotated[float, typer.Option(min=5, help="Length of each load.")] = 60.0,
    only: Annotated[str, typer.Option(help="Part of the names of the wanted figures.")] = "",
    profile: Annotated[Path | None, typer.Option(help="Write a profile of the throughput.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Where the big books are kept.")] = None,
) -> None:
    """Measure calls per second, latency and memory on this machine; takes some minutes."""
    from rtbill.app import bench as benchmark

    raise typer.Exit(
        benchmark.main(as_json=as_json, seconds=seconds, only=only, profile=profile, cache=cache)
    )
