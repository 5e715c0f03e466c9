"""`rtbill vat`: the tax that became due in a span, for the return, and what waits in balances."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    load,
    read_books,
)
from rtbill.cli.paper import print_csv, print_json, print_table, say
from rtbill.cli.spans import span
from rtbill.cli.values import money_json
from rtbill.domain.errors import Refused
from rtbill.domain.ledger import VAT_DEFERRED, VAT_OUTPUT
from rtbill.domain.money import Money
from rtbill.domain.price_plan import percent_text
from rtbill.domain.vat import VatPoint

if TYPE_CHECKING:
    from rtbill.domain.price_plan import PricePlan
    from rtbill.domain.vat import VatStanding, VatSum, VatTerms
    from rtbill.ports import Reader

HEADINGS = ("source", "rate", "what", "movements", "gross", "vat", "currency")


class Found(NamedTuple):
    """What the books say of a span."""

    terms: VatTerms
    sums: Sequence[VatSum]
    standings: Sequence[VatStanding]
    behind: int
    plans: Sequence[PricePlan]


def add_to(app: typer.Typer) -> None:
    """Put the command on the root."""
    add_command(app, "vat", vat, "rtbill vat --from 2026-10-01 --to 2026-11-01 --csv")


def vat(
    since: Annotated[
        str | None,
        typer.Option("--from", "--since", metavar="DATE", help="Posted from then; last month."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", "--until", metavar="DATE", help="Posted before then.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add up the tax that became due, by where it came from and its rate; days are the site's.

    How tax is booked stands in [payments]: with each top-up, or with each call. Without dates, the
    last whole month.
    """
    loaded = load(config)
    zone = ZoneInfo(loaded.site.zone)
    begin, end = _days(*span(since, until, loaded), zone)
    found = read_books(loaded, lambda reader: _found(reader, begin, end))
    if as_json:
        print_json(_json(found, begin, end, zone))
    elif as_csv:
        print_csv(HEADINGS, (_cells(each, found.plans) for each in _due(found.sums)), raw=False)
    else:
        _print(found, begin, end)


def _days(since: datetime, until: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """All that the span touches, whole: the second is the day after the last."""
    begin, end = since.astimezone(zone), until.astimezone(zone)
    is_midnight = end.time() == time()
    return begin.date(), end.date() if is_midnight else end.date() + timedelta(days=1)


async def _found(reader: Reader, begin: date, end: date) -> Found:
    terms = await reader.vat_terms()
    if not terms:
        raise Refused(
            'tax is not booked here: set vat_percent (or vat_point = "use"), vat_confirmed_by and '
            "vat_confirmed_on in [payments], and restart the service"
        )
    _, behind = await reader.vat_closed()
    return Found(
        terms=terms[-1],
        sums=await reader.vat_sums(begin, end),
        standings=await reader.vat_standings(),
        behind=behind,
        plans=await reader.price_plans(),
    )


def _due(sums: Sequence[VatSum]) -> list[VatSum]:
    """Those that change what is due."""
    return [each for each in sums if VAT_OUTPUT in (each.debit, each.credit)]


def _sign(each: VatSum) -> int:
    return 1 if each.credit == VAT_OUTPUT else -1


def _cells(each: VatSum, plans: Sequence[PricePlan]) -> tuple[str, ...]:
    sign, currency = _sign(each), each.currency
    return (
        each.source,
        _rate_text(each.rate, plans),
        "due" if sign > 0 else "taken back",
        str(each.movements),
        money_json(sign * each.gross_micros, currency),
        money_json(sign * each.micros, currency),
        currency,
    )


def _rate_text(rate: str, plans: Sequence[PricePlan]) -> str:
    """`19 %`, or `retail 3: VAT 19 %`."""
    for plan in plans:
        if rate == f"{plan.name} {plan.version}" and plan.tax is not None:
            return f"{rate}: {plan.tax.name} {percent_text(plan.tax.percent_ppm)}"
    return rate


def _totals(sums: Sequence[VatSum]) -> dict[str, int]:
    """What became due, in micros, by currency."""
    totals: dict[str, int] = {}
    for each in _due(sums):
        totals[each.currency] = totals.get(each.currency, 0) + _sign(each) * each.micros
    return totals


def _used(sums: Sequence[VatSum]) -> dict[str, int]:
    """Tax of credit that was used or lost, in micros, by currency."""
    used: dict[str, int] = {}
    for each in sums:
        if VAT_OUTPUT not in (each.debit, each.credit):
            sign = 1 if each.credit == VAT_DEFERRED else -1
            used[each.currency] = used.get(each.currency, 0) + sign * each.micros
    return used


def _terms_text(terms: VatTerms) -> str:
    when = "when credit is bought" if terms.point is VatPoint.TOP_UP else "when credit is used"
    rate = f", {percent_text(terms.percent_ppm)} of its net price" if terms.percent_ppm else ""
    by = f"confirmed by {terms.confirmed_by} on {terms.confirmed_on}"
    return f"Tax is due {when}{rate}; {by}, booked since {terms.since:%Y-%m-%d}"


def _print(found: Found, begin: date, end: date) -> None:
    rows = [_cells(each, found.plans) for each in _due(found.sums)]
    print_table(HEADINGS, rows, right="movements,gross,vat")
    for currency, micros in _totals(found.sums).items():
        say(f"VAT due from {begin} to {end}: {Money(micros, currency)}")
    if not rows:
        say(f"No VAT became due from {begin} to {end}")
    for currency, micros in _used(found.sums).items():
        say(f"VAT of credit that was used: {Money(micros, currency)}")
    for each in found.standings:
        taxed, tax = Money(each.taxed_micros, each.currency), Money(each.vat_micros, each.currency)
        untaxed = Money(each.untaxed_micros, each.currency)
        say(f"In balances now: {taxed} taxed when bought, {tax} of it tax; {untaxed} not taxed")
    say(_terms_text(found.terms))
    if found.behind:
        say(f"Not booked yet: {found.behind} of the latest movements; a running service does it")


def _json(found: Found, begin: date, end: date, zone: ZoneInfo) -> dict[str, Any]:
    terms = found.terms
    return {
        "from": begin.isoformat(),
        "until": end.isoformat(),
        "zone": str(zone),
        "point": terms.point.value,
        "percent": percent_text(terms.percent_ppm) if terms.percent_ppm else None,
        "confirmed_by": terms.confirmed_by,
        "confirmed_on": terms.confirmed_on.isoformat(),
        "due": [
            dict(zip(HEADINGS, _cells(each, found.plans), strict=True))
            | {"movements": each.movements}
            for each in _due(found.sums)
        ],
        "total": {c: money_json(micros, c) for c, micros in _totals(found.sums).items()},
        "used": {c: money_json(micros, c) for c, micros in _used(found.sums).items()},
        "balances": [
            {
                "currency": each.currency,
                "taxed": money_json(each.taxed_micros, each.currency),
                "tax": money_json(each.vat_micros, each.currency),
                "untaxed": money_json(each.untaxed_micros, each.currency),
            }
            for each in found.standings
        ],
        "not_booked_yet": found.behind,
    }
