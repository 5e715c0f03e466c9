"""Tariffs: list and export; what a number costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtbill.cli import tariff_checks, tariff_import
from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    family,
    instant_text,
    load,
    read_books,
)
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.values import instant_json
from rtbill.domain.errors import Refused

if TYPE_CHECKING:
    from rtbill.domain.tariff import Tariff


app = family("Price lists and their versions.")


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


tariff_import.add_to(app)
add_command(app, "list", list_, "rtbill tariff list")
add_command(app, "export", export, "rtbill tariff export germany --output germany.csv")
tariff_checks.add_to(app)
