"""Tariffs: import, list, export; what a number costs."""

from __future__ import annotations

from enum import StrEnum
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
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.values import instant_json
from rtbill.domain.errors import Refused
from rtbill.domain.money import RoundingMode

if TYPE_CHECKING:
    from rtbill.domain.tariff import Tariff


class IncrementDigits(StrEnum):
    """Decimals that an increment's price is rounded to."""

    EXACT = "exact"
    ZERO = "0"
    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    FIVE = "5"
    SIX = "6"


RoundingOption = Annotated[
    RoundingMode | None, typer.Option(help="Which way the price of a call is rounded.")
]
DigitsOption = Annotated[
    int | None, typer.Option(min=0, max=6, help="To so many decimals of the main unit.")
]
IncrementDigitsOption = Annotated[
    IncrementDigits | None,
    typer.Option(help="Round each increment before, half up, to so many; or keep it exact."),
]
SplitOption = Annotated[
    bool | None,
    typer.Option(
        "--split-increments/--whole-increments",
        help="Whether a change of bands ends the increment in progress.",
        show_default=False,
    ),
]

app = family("Price lists and their versions.")


def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file, one row for each prefix and band.")],
    name: Annotated[str | None, typer.Option(help="The tariff; the configured default.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA name for its bands.")] = None,
    valid_from: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="In force from then; now.")
    ] = None,
    rounding: RoundingOption = None,
    digits: DigitsOption = None,
    increment_digits: IncrementDigitsOption = None,
    split_increments: SplitOption = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, only tell what would be done.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Compare a tariff file with the tariff and make it the next version; all of it or nothing.

    What no option says is as in the newest version; of a new tariff currency and zone are the
    site's, and calls are rounded half up to 4 decimals.
    """
    loaded = load(config)
    since = instant(valid_from, loaded)
    answer = place_order(
        loaded,
        "tariff.import",
        {
            "name": name or loaded.rating.default_tariff,
            "csv": read_text(file),
            "currency": currency,
            "zone": zone,
            "valid_from": since.isoformat() if since else None,
            "rounding": rounding,
            "digits": digits,
            "increment_digits": _digits(increment_digits),
            "split_increments": split_increments,
            "apply": apply,
        },
    )
    if as_json:
        print_json(answer)
    else:
        _say_import(file, answer, applied=apply)
    if answer["problems"]:
        raise typer.Exit(EXIT_PROBLEM)


def _digits(written: IncrementDigits | None) -> int | str | None:
    """As the order takes them: a number, or `exact`."""
    return int(written) if written is not None and written.isdecimal() else written


def _say_import(file: Path, answer: dict[str, Any], *, applied: bool) -> None:
    for problem in answer["problems"]:
        say(f"{file}: {problem}")
    if answer["problems"]:
        say("nothing was imported; correct the file and import it again")
        return
    words = ("new", "changed", "ended", "terms")
    for word in words:
        for text in answer[word]:
            say(f"{word:8} {text}")
    counts = ", ".join(f"{len(answer[word])} {word}" for word in words[:3])
    if answer["terms"]:
        counts += f", {len(answer['terms'])} terms of all"
    if not any(answer[word] for word in words):
        say(f"nothing to do: version {answer['version']} says the same")
    elif applied:
        say(f"{counts}; this is version {answer['version']} now")
    else:
        say(f"{counts}; this was a dry run, add --apply to do it")


def list_(as_json: AsJson = False, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """List every version of every tariff."""
    loaded = load(config)
    tariffs = read_books(loaded, lambda reader: reader.tariffs())
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "version": each.version,
                    "currency": each.currency,
                    "zone": each.zone,
                    "valid_from": instant_json(each.valid_from),
                    "rounding": str(each.rounding.mode),
                    "digits": each.rounding.digits,
                    "increment_digits": each.rounding.increment_digits,
                    "split_increments": each.splits_increments,
                    "rates": len(each.rates),
                }
                for each in tariffs
            ]
        )
        return
    print_table(
        ("tariff", "version", "currency", "zone", "in force from", "rounding", "rates"),
        (
            (
                each.name,
                str(each.version),
                each.currency,
                each.zone,
                instant_text(each.valid_from, loaded),
                _rounding_text(each),
                str(len(each.rates)),
            )
            for each in tariffs
        ),
        right="version,rates",
    )


def _rounding_text(tariff: Tariff) -> str:
    """`half_up to 4, split increments`."""
    rounding = tariff.rounding
    text = f"{rounding.mode} to {rounding.digits}"
    if rounding.increment_digits is not None:
        text += f", increments to {rounding.increment_digits}"
    return f"{text}, split increments" if tariff.splits_increments else text


def export(
    name: Annotated[str, typer.Argument(help="The tariff.")],
    version: Annotated[int | None, typer.Option(help="The newest, unless named.")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Print a tariff in the form that `import` reads."""
    from rtbill.rating.tariff_file import export as export_rates

    tariffs = read_books(load(config), lambda reader: reader.tariffs())
    found = [each for each in tariffs if each.name == name and version in (None, each.version)]
    if not found:
        raise Refused(f"there is no such tariff {name!r}; `rtbill tariff list` shows them")
    tariff = max(found, key=lambda each: each.version)
    text = export_rates(tariff.rates)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        say(f"{output}: {tariff.name} version {tariff.version}, {len(tariff.rates)} rates")


add_command(app, "import", import_, "rtbill tariff import examples/tariff-germany.csv --apply")
add_command(app, "list", list_, "rtbill tariff list")
add_command(app, "export", export, "rtbill tariff export germany --output germany.csv")
