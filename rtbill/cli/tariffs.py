"""Tariffs: list and export; what a number costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli import tariff_checks, tariff_import
from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    family,
    instant,
    instant_text,
    load,
    read_books,
)
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.values import instant_json, money_json
from rtbill.domain.errors import Refused
from rtbill.domain.money import decimal_text
from rtbill.domain.rated import NumberKind
from rtbill.rating.band_columns import band_text

if TYPE_CHECKING:
    from datetime import datetime

    from rtbill.config import Config
    from rtbill.domain.tariff import Tariff
    from rtbill.ports import Reader
    from rtbill.rating.explain import ExplainedLine


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


def rate(
    number: Annotated[str, typer.Argument(help="As dialled at the site, or +49….")],
    at: Annotated[str | None, typer.Option(metavar="DATE", help="Answered then; now.")] = None,
    seconds: Annotated[float, typer.Option(min=0, max=1_000_000, help="Talk time.")] = 60.0,
    tariff: Annotated[str | None, typer.Option(help="The configured default.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell what a call to a number costs, and why."""
    from rtbill.clock import SystemClock

    loaded = load(config)
    answered_at = instant(at, loaded) or SystemClock().now()
    name = tariff or loaded.rating.default_tariff
    tariffs = read_books(loaded, _tariffs)
    answer = _rated(loaded, tariffs, name, number, answered_at, seconds)
    if as_json:
        print_json(answer)
    else:
        _say_rate(answer)


async def _tariffs(reader: Reader) -> list[Tariff]:
    return list(await reader.tariffs())


def _rated(
    config: Config,
    tariffs: list[Tariff],
    name: str,
    dialled: str,
    answered_at: datetime,
    seconds: float,
) -> dict[str, Any]:
    from rtbill.app.books import number_plan
    from rtbill.config import holiday_calendars
    from rtbill.rating.explain import explain
    from rtbill.rating.lookup import TariffBook

    called = number_plan(config.site).classify(dialled)
    answer: dict[str, Any] = {
        "dialled": dialled,
        "number": called.number,
        "kind": str(called.kind),
        "read_as": called.reason,
        "answered_at": instant_json(answered_at),
        "talk_s": seconds,
    }
    if called.kind is not NumberKind.CHARGEABLE:
        return answer | {"price": "0.00", "currency": config.site.currency}
    if called.number is None:
        raise Refused(f"{dialled!r} cannot be priced: {called.reason}")
    book = TariffBook(tariffs, holiday_calendars(config.holidays))
    table = book.in_force(name, answered_at)
    explained = explain(table, called.number, answered_at, round(seconds * 1_000_000))
    cost = explained.price
    return answer | {
        "price": money_json(cost.micros, cost.currency),
        "currency": cost.currency,
        "tariff": cost.tariff,
        "tariff_version": cost.tariff_version,
        "prefix": cost.prefix,
        "destination": cost.destination,
        "billed_s": cost.billed_s,
        "explanation": [_line_json(line) for line in explained.lines],
    }


def _line_json(line: ExplainedLine) -> dict[str, Any]:
    """`exact` is a fraction of the main unit: the sum of all of them is the price."""
    from rtbill.rating.explain import amount_text

    answer: dict[str, Any] = {
        "kind": line.kind,
        "text": line.text,
        "amount": amount_text(line.amount),
        "exact": str(line.amount),
    }
    if (part := line.increments) is not None:
        answer |= {
            "from_s": part.from_s,
            "begins_at": part.begins_at.isoformat(),
            "increments": part.count,
            "increment_s": part.length_s,
            "price": decimal_text(part.step.price_micros),
            "price_per_s": part.step.unit_s,
            "band": band_text(part.rate.band),
        }
    return answer


def _say_rate(answer: dict[str, Any]) -> None:
    say(f"{answer['dialled']}: {answer['number']}, {answer['kind']} ({answer['read_as']})")
    if "tariff" in answer:
        say(
            f"{answer['destination']}: prefix {answer['prefix']} of tariff {answer['tariff']} "
            f"version {answer['tariff_version']}"
        )
        say(f"{answer['talk_s']:g} s of talk are billed as {answer['billed_s']} s")
        width = max((len(line["text"]) for line in answer["explanation"]), default=0)
        for line in answer["explanation"]:
            say(f"  {line['text']:{width}}  {line['amount']:>12}")
    say(f"price {answer['price']} {answer['currency']}")


tariff_import.add_to(app)
add_command(app, "list", list_, "rtbill tariff list")
add_command(app, "export", export, "rtbill tariff export germany --output germany.csv")
tariff_checks.add_to(app)
