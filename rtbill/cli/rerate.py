"""Rating calls again: `rtbill rerate` for rated ones, `rtbill recycle` for those that wait."""

from __future__ import annotations

import getpass
import itertools
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    instant,
    load,
    place_order,
)
from rtbill.cli.paper import print_json, print_table, say
from rtbill.domain.errors import BadRecord, Refused

if TYPE_CHECKING:
    from rtbill.config import Config

POLL_S = 0.5
POLLS_TOLD = 10
APPLY_HELP = "Carry out this run, or go on with it, exactly as its dry run showed."

Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="Answered from then on; needed for a dry run.")
]
Until = Annotated[
    str | None, typer.Option(metavar="DATE", help="Answered before then; needed for a dry run.")
]
InTrunk = Annotated[str | None, typer.Option("--in-trunk", help="That had come in by this trunk.")]
TrunkName = Annotated[str | None, typer.Option("--trunk", help="That left by this trunk.")]
PbxName = Annotated[str | None, typer.Option("--pbx", help="Of this exchange.")]
ApplyRun = Annotated[int | None, typer.Option("--apply", metavar="RUN", help=APPLY_HELP)]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(app, "rerate", rerate, "rtbill rerate --since 2026-11-01 --until 2026-12-01")
    add_command(app, "recycle", recycle, "rtbill recycle --since 2026-11-01 --until 2026-12-01")


def rerate(
    since: Since = None,
    until: Until = None,
    trunk: TrunkName = None,
    in_trunk: InTrunk = None,
    account: Annotated[str | None, typer.Option(help="Paid by this account.")] = None,
    pbx: PbxName = None,
    destination: Annotated[
        str | None, typer.Option(metavar="PREFIX|NAME", help="To +41…, or to this destination.")
    ] = None,
    tariff: Annotated[
        str | None, typer.Option(help="Priced by this tariff or price plan until now.")
    ] = None,
    apply: ApplyRun = None,
    drop: Annotated[
        int | None, typer.Option("--drop", metavar="RUN", help="Leave this run as it is, for good.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the runs.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Rate calls again by the tariffs that are in the books now: a dry run, kept by its number.

    `--apply RUN` then posts what the dry run showed: each old debit is reversed, the new one
    posted. It can be stopped (Ctrl-C) and gone on with. A call without a rate now keeps its price.
    """
    loaded = load(config)
    chosen: dict[str, str | None] = {
        "trunk": trunk,
        "in_trunk": in_trunk,
        "account": account,
        "pbx": pbx,
        "destination": destination,
        "tariff": tariff,
    }
    wants = [drop is not None, list_, apply is not None]
    if sum(wants) > 1 or (any(wants) and (since or until or any(chosen.values()))):
        raise BadRecord("--apply, --drop and --list stand alone: a run knows what was chosen")
    if list_:
        _say_runs(place_order(loaded, "run.list", {}), loaded, as_json=as_json)
    elif drop is not None:
        answer = place_order(loaded, "run.drop", {"run": drop})
        say(f"run {drop} is dropped; {answer['done']} calls were carried out and stay so")
    elif apply is not None:
        carry_out(loaded, apply, "rerate", as_json=as_json)
    else:
        order = chosen | _span(since, until, loaded) | {"kind": "rerate"}
        _dry_run(loaded, order, as_json=as_json)


def recycle(
    since: Since = None,
    until: Until = None,
    trunk: TrunkName = None,
    in_trunk: InTrunk = None,
    pbx: PbxName = None,
    cause: Annotated[
        str | None,
        typer.Option(help="That ended for this cause of Q.850: 17 or user-busy."),
    ] = None,
    account: Annotated[str | None, typer.Option(help="To be paid by this account.")] = None,
    reason: Annotated[
        str, typer.Option(help="Why they wait: unrated; or unconfirmed, up to their evidence.")
    ] = "unrated",
    apply: ApplyRun = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Try again to rate calls that wait, by the tariffs now in the books: a dry run, kept by its
    number.

    `--apply RUN` then bills what the dry run showed. What still has no rate goes on waiting.
    """
    loaded = load(config)
    chosen: dict[str, str | None] = {
        "trunk": trunk,
        "in_trunk": in_trunk,
        "pbx": pbx,
        "cause": cause,
        "account": account,
    }
    if apply is not None:
        if since or until or any(chosen.values()):
            raise BadRecord("--apply stands alone: a run knows what was chosen")
        carry_out(loaded, apply, "recycle", as_json=as_json)
        return
    order = chosen | _span(since, until, loaded) | {"kind": "recycle", "reason": reason}
    _dry_run(loaded, order, as_json=as_json)


def _span(since: str | None, until: str | None, config: Config) -> dict[str, str | None]:
    """Both ends: prices of long ago are never changed by an oversight."""
    begin, end = instant(since, config), instant(until, config)
    if begin is None or end is None:
        raise BadRecord("--since and --until are needed: say which calls are to be rated again")
    return {"since": begin.isoformat(), "until": end.isoformat()}


def _dry_run(config: Config, order: dict[str, Any], *, as_json: bool) -> None:
    answer = drive(config, "run.plan", order | {"by": getpass.getuser()})
    if as_json:
        print_json(answer)
        return
    say_found(answer)
    if answer["changed"]:
        say(f"this was a dry run; do it with: rtbill {order['kind']} --apply {answer['run']}")


def carry_out(config: Config, run: int, command: str, *, as_json: bool) -> None:
    """Have a run carried out, and tell what became of it."""
    answer = drive(config, "run.apply", {"run": run})
    if as_json:
        print_json(answer)
    else:
        say_done(answer, command)
    if answer["state"] != "done":
        raise typer.Exit(EXIT_PROBLEM)


def say_done(answer: dict[str, Any], command: str) -> None:
    """What became of a run, for people."""
    counts = f"run {answer['run']}: {answer['done']} of {answer['of']} calls are done"
    if answer["state"] == "done":
        say(counts)
    else:
        say(f"{counts}; go on with: rtbill {command} --apply {answer['run']}")


def drive(config: Config, verb: str, order: dict[str, Any]) -> dict[str, Any]:
    """The answer to an order that may take long. Ctrl-C has it stop after the slice at hand."""
    answer = place_order(config, verb, order)
    if not answer.get("begun"):
        return answer
    progress = _awaited(config)
    if progress["error"]:
        raise Refused(progress["error"])
    found: dict[str, Any] = progress["answer"]
    return found


def _awaited(config: Config) -> dict[str, Any]:
    """What came of it, once it is over."""
    is_asked = False
    for poll in itertools.count(1):
        try:
            progress = place_order(config, "run.progress", {})
            if progress["over"]:
                return progress
            if poll % POLLS_TOLD == 0:
                typer.echo(_progress_text(progress), err=True)
            time.sleep(POLL_S)
        except KeyboardInterrupt:
            if is_asked:
                raise
            is_asked = True
            typer.echo("stopping; once more leaves it running in the service", err=True)
            place_order(config, "run.stop", {})
    raise AssertionError("counting never ends")


def _progress_text(progress: dict[str, Any]) -> str:
    if progress["of"]:
        return f"{progress['done']} of {progress['of']} calls"
    return f"{progress['looked_at']} calls looked at"


def say_found(answer: dict[str, Any]) -> None:
    """What a dry run found, for people: by account, in all, and some calls without a rate."""
    columns = ("changed", "before", "after", "difference")
    if answer["changed"]:
        rows = [each for each in answer["accounts"] if each["changed"]]
        totals = [each | {"account": "all"} for each in answer["totals"] if each["changed"]]
        print_table(
            ("account", *columns, "currency"),
            (
                (each["account"], *(str(each[name]) for name in columns), each["currency"])
                for each in (*rows, *totals)
            ),
            right="changed,before,after,difference",
        )
    for each in answer["samples"]:
        say(f"no rate now: {each['call']} to {each['number']}: {each['why']}")
    say(
        f"{answer['looked_at']} calls looked at, {answer['changed']} change, "
        f"{answer['unpriced']} have no rate now and stay as they are"
    )


def _chosen_text(selection: dict[str, str], config: Config) -> str:
    """What was chosen, trunks with their titles."""
    pbx = selection.get("pbx")
    told = {
        name: config.trunk_text(pbx, value) if name in ("trunk", "in_trunk") else value
        for name, value in selection.items()
    }
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _say_runs(answer: dict[str, Any], config: Config, *, as_json: bool) -> None:
    if as_json:
        print_json(answer["runs"])
        return
    print_table(
        ("run", "kind", "state", "made at", "by", "looked at", "done", "chosen"),
        (
            (
                str(each["run"]),
                each["kind"],
                each["state"],
                each["made_at"][:19],
                each["made_by"],
                str(each["looked_at"]),
                str(each["done"]),
                _chosen_text(each["selection"], config),
            )
            for each in answer["runs"]
        ),
        right="run,looked at,done",
    )
