"""What a call to a number costs, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    instant,
    load,
    read_books,
)
from rtbill.cli.paper import print_json, say
from rtbill.cli.values import adjustment_json, instant_json, money_json
from rtbill.domain.money import decimal_text

if TYPE_CHECKING:
    from datetime import datetime

    from rtbill.app.quoting import Quote
    from rtbill.config import Config
    from rtbill.rating.explain import ExplainedLine


def add_to(app: typer.Typer) -> None:
    """Put this command on the root."""
    add_command(app, "rate", rate, "rtbill rate 0041791234567 --seconds 125 --account s1001")


def rate(
    number: Annotated[str, typer.Argument(help="As dialled at the site, or +49….")],
    at: Annotated[str | None, typer.Option(metavar="DATE", help="Answered then; now.")] = None,
    seconds: Annotated[float, typer.Option(min=0, max=1_000_000, help="Talk time.")] = 60.0,
    account: Annotated[str, typer.Option(help="By the prices and discounts of this one.")] = "",
    trunk: Annotated[
        str,
        typer.Option(metavar="PBX[/TRUNK]", help="Leaving there; the only trunk there is."),
    ] = "",
    tariff: Annotated[str, typer.Option(help="By this tariff or price plan.")] = "",
    extension: Annotated[
        str, typer.Option(metavar="NUMBER", help="That dials, where the site's hook looks at it.")
    ] = "",
    no_bundles: Annotated[
        bool, typer.Option("--no-bundles", help="As if the account held no bundle.")
    ] = False,
    no_hook: Annotated[
        bool, typer.Option("--no-hook", help="Without asking the site's rating hook.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell what a call to a number costs, and why: every line, with its exact amount."""
    from rtbill.app.quoting import Question, quote
    from rtbill.clock import SystemClock
    from rtbill.pricing.assignment import Place

    loaded = load(config)
    question = Question(
        dialled=number,
        answered_at=instant(at, loaded) or SystemClock().now(),
        talk_us=round(seconds * 1_000_000),
        account=account,
        place=Place(*trunk.partition("/")[::2]),
        price_list=tariff,
        extension=extension,
        with_bundles=not no_bundles,
        asks_hook=not no_hook,
    )
    found = read_books(loaded, lambda reader: quote(loaded, reader, question))
    answer = _answer(loaded, number, question.answered_at, seconds, found)
    if as_json:
        print_json(answer)
    else:
        _say(answer)


def _answer(
    config: Config, dialled: str, answered_at: datetime, seconds: float, quote: Quote
) -> dict[str, Any]:
    called, explanation = quote.called, quote.explanation
    answer: dict[str, Any] = {
        "dialled": dialled,
        "number": called.number,
        "kind": str(called.kind),
        "read_as": called.reason,
        "answered_at": instant_json(answered_at),
        "talk_s": seconds,
        "pbx": quote.place.pbx or None,
        "trunk": quote.place.trunk or None,
        "trunk_title": config.trunk_title(quote.place.pbx, quote.place.trunk),
    }
    if explanation is None:
        return answer | {"price": "0.00", "currency": config.site.currency}
    cost = explanation.price
    carrier, margin = cost.cost_micros, cost.margin_micros
    return answer | {
        "price": money_json(cost.micros, cost.currency),
        "currency": cost.currency,
        "tax": money_json(cost.tax_micros, cost.currency),
        "carrier": None if carrier is None else money_json(carrier, cost.currency),
        "margin": None if margin is None else money_json(margin, cost.currency),
        "carrier_note": quote.why_no_cost,
        "plan": cost.plan or None,
        "plan_version": cost.plan_version,
        "tariff": cost.tariff,
        "tariff_version": cost.tariff_version,
        "prefix": cost.prefix,
        "destination": cost.destination,
        "billed_s": cost.billed_s,
        "debit": money_json(explanation.debit_micros, cost.currency),
        "paid_by": [
            {
                "bundle": each.bundle.name,
                "amount": money_json(each.micros, cost.currency),
                "left": money_json(each.left_micros, cost.currency),
            }
            for each in explanation.payments
        ],
        "adjustment": adjustment_json(cost.adjustment),
        "hook_failures": list(quote.hook_failures),
        "explanation": [_line_json(line) for line in explanation.lines],
    }


def _line_json(line: ExplainedLine) -> dict[str, Any]:
    """`exact` is a fraction of the main unit: the sum of all of them is the price."""
    from rtbill.rating.band_columns import band_text
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


def _say(answer: dict[str, Any]) -> None:
    say(f"{answer['dialled']}: {answer['number']}, {answer['kind']} ({answer['read_as']})")
    if "tariff" in answer:
        where = f"prefix {answer['prefix']} of tariff {answer['tariff']}"
        plan = f", plan {answer['plan']} version {answer['plan_version']}" if answer["plan"] else ""
        say(f"{answer['destination']}: {where} version {answer['tariff_version']}{plan}")
        if answer["trunk_title"]:
            say(f"by trunk {answer['pbx']}/{answer['trunk']} ({answer['trunk_title']})")
        say(f"{answer['talk_s']:g} s of talk are billed as {answer['billed_s']} s")
        width = max((len(line["text"]) for line in answer["explanation"]), default=0)
        for line in answer["explanation"]:
            say(f"  {line['text']:{width}}  {line['amount']:>14}")
    for failure in answer.get("hook_failures", ()):
        say(failure)
    say(f"price {answer['price']} {answer['currency']}")
    _say_paid(answer)
    if answer.get("carrier") is not None:
        carrier, margin, currency = (answer[key] for key in ("carrier", "margin", "currency"))
        say(f"the carrier takes {carrier} {currency}, margin {margin} {currency}")
    elif answer.get("carrier_note"):
        say(f"what the carrier takes is not known: {answer['carrier_note']}")


def _say_paid(answer: dict[str, Any]) -> None:
    """What bundles of money pay of the price."""
    paid_by = answer.get("paid_by", ())
    for each in paid_by:
        say(f"{each['bundle']} pays {each['amount']} and has {each['left']} left")
    if paid_by:
        say(f"the account owes {answer['debit']} {answer['currency']}")
