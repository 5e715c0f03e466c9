"""Price plans: import and list."""

from __future__ import annotations

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
    from collections.abc import Sequence

    from rtbill.domain.price_plan import PricePlan
    from rtbill.ports import Reader

app = family("Price plans: markup, discounts, rounding and tax over tariffs.")


def import_(
    file: Annotated[Path, typer.Argument(help="A TOML file; docs/price-plans.md explains it.")],
    name: Annotated[str, typer.Option(help="The plan, as accounts name it.")],
    currency: Annotated[
        str | None, typer.Option(help="ISO 4217; as before, or the site's.")
    ] = None,
    valid_from: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="In force from then; now.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, only tell what would be done.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Compare a plan's file with the plan and make it the next version; all of it or nothing."""
    loaded = load(config)
    since = instant(valid_from, loaded)
    answer = place_order(
        loaded,
        "plan.import",
        {
            "name": name,
            "toml": read_text(file),
            "currency": currency,
            "valid_from": since.isoformat() if since else None,
            "apply": apply,
        },
    )
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
    before, after = answer["before"], answer["after"]
    for line in before:
        if line not in after:
            say(f"- {line}")
    for line in after:
        say(f"{' ' if line in before else '+'} {line}")
    if answer["is_same"]:
        say(f"nothing to do: version {answer['version']} says the same")
    elif applied:
        say(f"this is version {answer['version']} now")
    else:
        say("this was a dry run, add --apply to do it")


def list_(as_json: AsJson = False, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """List every version of every price plan, in words."""
    from zoneinfo import ZoneInfo

    from rtbill.formats.price_plan_file import plan_lines

    loaded = load(config)
    zone = ZoneInfo(loaded.site.zone)
    plans = read_books(loaded, _plans)
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "version": each.version,
                    "currency": each.currency,
                    "valid_from": instant_json(each.valid_from),
                    "terms": plan_lines(each, zone),
                }
                for each in plans
            ]
        )
        return
    for each in plans:
        since = instant_text(each.valid_from, loaded)
        say(f"{each.name} version {each.version}, {each.currency}, in force from {since}")
        for line in plan_lines(each, zone):
            say(f"  {line}")
    if not plans:
        say("there is no price plan; calls cost what their tariff says")


async def _plans(reader: Reader) -> Sequence[PricePlan]:
    return await reader.price_plans()


add_command(
    app, "import", import_, "rtbill plan import examples/price-plan.toml --name retail-plan"
)
add_command(app, "list", list_, "rtbill plan list")
