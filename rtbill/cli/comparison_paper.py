"""A comparison on paper: text for people, JSON and CSV for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from rtbill.app.comparing import Compared
from rtbill.cli.frame import instant_text
from rtbill.cli.paper import print_csv, print_json, print_table, say
from rtbill.cli.values import instant_json, money_json
from rtbill.comparison import totals
from rtbill.comparison.values import SECOND_US, Comparison, Finding, OurCall, Sum, TheirCall
from rtbill.config import Config
from rtbill.domain.call import from_epoch_us
from rtbill.domain.money import Money

CSV_FIELDS = (
    *("kind", "at", "number", "account", "trunk", "our_call", "our_talk_s", "our_price"),
    *("their_call", "their_talk_s", "their_price", "money", "currency", "note"),
)
_HEADINGS = (
    *("kind", "answered", "number", "account", "trunk", "our talk", "their talk", "money"),
    *("our call", "their call", "note"),
)


def print_as_text(done: Compared, config: Config) -> None:
    """Totals first, then every difference by time."""
    found = done.comparison
    terms = found.terms
    since, until = (
        instant_text(from_epoch_us(each), config) for each in (terms.since_us, terms.until_us)
    )
    say(f"Compared from {since} to {until}, {config.site.zone}; exchange {done.pbx or 'any'}")
    say(f"Matched: {_sum_text(found.matched)} at our prices")
    if found.charged.calls:
        say(f"The carrier charges {_money_text(found.charged)} for them; {_margin_text(found)}")
    say("")
    print_table(
        ("difference", "calls", "our talk", "their talk", "money"),
        (_total_row(kind, total) for kind, total in totals.by_kind(found.findings).items()),
        right="calls,our talk,their talk,money",
    )
    if found.findings:
        for heading, sums in (
            ("account", totals.by_account(found.findings)),
            ("trunk", totals.by_trunk(found.findings)),
        ):
            say("")
            named = heading == "trunk"
            print_table(
                ("difference", heading, "calls", "money"),
                (
                    (
                        kind,
                        (config.trunk_text(done.pbx, name) if named else name) or "-",
                        str(total.calls),
                        _money_text(total),
                    )
                    for (kind, name), total in sums.items()
                ),
                right="calls,money",
            )
        say("")
        print_table(
            _HEADINGS,
            (_text_row(each, done.pbx, config) for each in found.findings),
            right="our talk,their talk,money",
        )
    for line in _unread(done):
        say(line)


def _unread(done: Compared) -> Iterator[str]:
    """What could not be read, or not be understood."""
    if done.comparison.unclear:
        yield "Calls in their record that name no number and fit none of ours (look at each):"
    for call in done.comparison.unclear:
        at = instant_json(from_epoch_us(call.at_us))
        yield f"  {call.source}: {call.trunk}, {at}, {_talk(call)}"
    if done.problem_count:
        yield f"Rows that could not be read: {done.problem_count}; the first of them:"
    for problem in done.problems:
        yield f"  {problem}"


def print_as_json(done: Compared, config: Config) -> None:
    """Everything, amounts as exact decimal text."""
    found = done.comparison
    print_json(
        {
            "pbx": done.pbx,
            "since": instant_json(from_epoch_us(found.terms.since_us)),
            "until": instant_json(from_epoch_us(found.terms.until_us)),
            "matched": _sum_json(found.matched),
            "charged": _sum_json(found.charged),
            "margin": {
                currency: money_json(micros, currency)
                for currency, micros in found.margin_micros.items()
            },
            "below_cost": found.below_cost,
            "totals": {
                str(kind): _sum_json(total)
                for kind, total in totals.by_kind(found.findings).items()
            },
            "by_account": [
                {"kind": str(kind), "account": name, **_sum_json(total)}
                for (kind, name), total in totals.by_account(found.findings).items()
            ],
            "by_trunk": [
                {
                    "kind": str(kind),
                    "trunk": name,
                    "trunk_title": config.trunk_title(done.pbx, name),
                    **_sum_json(total),
                }
                for (kind, name), total in totals.by_trunk(found.findings).items()
            ],
            "findings": [_finding_json(each) for each in found.findings],
            "unclear": [
                {"their_call": call.source, "trunk": call.trunk, "talk_s": _seconds(call)}
                for call in found.unclear
            ],
            "unread": done.problem_count,
            "problems": [str(problem) for problem in done.problems],
        }
    )


def print_as_csv(done: Compared, *, raw: bool) -> None:
    """The list of differences alone; what is no difference but must be looked at goes to stderr."""
    print_csv(CSV_FIELDS, (_csv_row(each) for each in done.comparison.findings), raw=raw)
    for line in _unread(done):
        typer.echo(f"rtbill: {line}", err=True)


def _csv_row(finding: Finding) -> list[str]:
    values = _finding_json(finding)
    return ["" if values[name] is None else str(values[name]) for name in CSV_FIELDS]


def _finding_json(finding: Finding) -> dict[str, Any]:
    ours, theirs = finding.ours, finding.theirs
    return {
        "kind": str(finding.kind),
        "at": instant_json(from_epoch_us(finding.at_us)),
        "number": finding.number,
        "account": finding.account,
        "trunk": finding.trunk,
        "our_call": ours.key if ours else None,
        "our_talk_s": _seconds(ours),
        "our_payer": ours.payer if ours else None,
        "our_price": _amount(ours.price_micros, ours.currency) if ours else None,
        "their_call": theirs.source if theirs else None,
        "their_talk_s": _seconds(theirs),
        "their_payer": theirs.payer if theirs else None,
        "their_price": _amount(theirs.price_micros, theirs.currency) if theirs else None,
        "money": _amount(finding.money_micros, finding.currency),
        "currency": finding.currency or None,
        "note": finding.note,
    }


def _text_row(finding: Finding, pbx: str | None, config: Config) -> tuple[str, ...]:
    money = finding.money_micros
    return (
        finding.kind,
        instant_text(from_epoch_us(finding.at_us), config),
        finding.number,
        finding.account,
        config.trunk_text(pbx, finding.trunk) or "-",
        _talk(finding.ours),
        _talk(finding.theirs),
        "unknown" if money is None else _signed(money, finding.currency),
        finding.ours.key if finding.ours else "",
        finding.theirs.source if finding.theirs else "",
        finding.note,
    )


def _total_row(kind: str, total: Sum) -> tuple[str, ...]:
    return (
        kind,
        str(total.calls),
        f"{total.our_talk_us / SECOND_US:.0f} s",
        f"{total.their_talk_us / SECOND_US:.0f} s",
        _money_text(total),
    )


def _sum_text(total: Sum) -> str:
    seconds = f"{total.our_talk_us / SECOND_US:.0f} s by ours, "
    seconds += f"{total.their_talk_us / SECOND_US:.0f} s by theirs"
    return f"{total.calls} calls, {seconds}, {_money_text(total)}"


def _sum_json(total: Sum) -> dict[str, Any]:
    return {
        "calls": total.calls,
        "our_talk_s": total.our_talk_us / SECOND_US,
        "their_talk_s": total.their_talk_us / SECOND_US,
        "money": {
            currency: money_json(micros, currency)
            for currency, micros in total.micros.items()
            if currency
        },
        "without_price": total.without_price,
    }


def _money_text(total: Sum) -> str:
    texts = [_signed(micros, name) for name, micros in sorted(total.micros.items()) if name]
    if total.without_price:
        texts.append(f"{total.without_price} of unknown price")
    return " + ".join(texts) or "0"


def _margin_text(found: Comparison) -> str:
    margins = [str(Money(micros, name)) for name, micros in sorted(found.margin_micros.items())]
    loss = f", {found.below_cost} of them below its price" if found.below_cost else ""
    return f"margin {' + '.join(margins) or 'unknown: no price in one currency'}{loss}"


def _signed(micros: int, currency: str) -> str:
    return str(Money(micros, currency)) if currency else "0"


def _amount(micros: int | None, currency: str) -> str | None:
    return None if micros is None else money_json(micros, currency)


def _seconds(call: OurCall | TheirCall | None) -> float | None:
    return call.talk_us / SECOND_US if call else None


def _talk(call: OurCall | TheirCall | None) -> str:
    if call is None:
        return ""
    return f"{call.talk_us / SECOND_US:.1f} s" if call.is_answered else "none"
