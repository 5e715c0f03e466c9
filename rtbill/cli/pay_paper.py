"""Payments on paper: one top-up in a line, an account, all that is under way, a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtbill.cli.paper import print_table, say

Json = Mapping[str, Any]
_BALANCE = (
    *("payments", "refunds", "disputes", "fees", "payouts", "others", "change", "unexplained"),
)


def top_up_line(row: Json) -> str:
    """`top-up 176… of s1001: 20.00 EUR by card-1 (stripe), approved`."""
    line = (
        f"top-up {row['reference']} of {row['account']}: {row['amount']} {row['currency']} by "
        f"{row['method']} ({row['gateway']}), {row['state']}"
    )
    if row["decline"]:
        line += f" as {row['decline']}"
    if row["needs_person"]:
        line += "; a person has to settle it: rtbill pay resolve"
    return line


def say_settings(settings: Json) -> None:
    """When and how an account buys by itself."""
    currency = settings["currency"]
    state = "on" if settings["on"] else "off"
    if settings["stopped"]:
        state = f"stopped: {settings['stopped']}"
    say(f"buys by itself: {state}")
    say(
        f"below {settings['threshold']} {currency} it buys {settings['increment']} {currency}, up "
        f"to {settings['charge_max']} at a time, {settings['day_max']} a day, "
        f"{settings['month_max']} a month"
    )
    if settings["method"]:
        say(f"from {settings['method']} ({settings['gateway']})")
    agreed = settings["agreed"]
    if agreed:
        say(f"agreed to text {agreed['text_version']} at {agreed['at']} from {agreed['address']}")


def say_account(answer: Json) -> None:
    """Everything about one account's payments."""
    say(f"{answer['account']}: balance {answer['balance']} {answer['currency']}")
    if answer["settings"]:
        say_settings(answer["settings"])
    else:
        say("does not buy by itself")
    if answer["methods"]:
        print_table(
            ("method", "gateway", "label", "good until", "barred"),
            (
                (
                    each["method"],
                    each["gateway"],
                    each["label"],
                    each["expires"] or "",
                    each["barred"] or "",
                )
                for each in answer["methods"]
            ),
        )
    _top_ups(answer["top_ups"])


def say_all(answer: Json) -> None:
    """What is under way, in doubt and stopped."""
    for gateway in answer["gateways"]:
        stopped = f"stopped since {gateway['since']}: {gateway['stopped']}"
        say(f"gateway {gateway['name']}: {stopped if gateway['stopped'] else 'in use'}")
    if not answer["gateways"]:
        say("no gateway is configured")
    say(f"{answer['accounts_on']} accounts buy by themselves, {answer['queued']} wait their turn")
    for account in answer["accounts_stopped"]:
        say(f"{account} is stopped: rtbill pay status {account}")
    under_way = ", ".join(f"{count} {state}" for state, count in answer["in_flight"].items())
    say(f"under way: {under_way or 'nothing'}")
    _top_ups(answer["in_doubt"])


def _top_ups(rows: list[Json]) -> None:
    if rows:
        print_table(
            ("reference", "account", "amount", "state", "wanted at", "note"),
            (
                (
                    each["reference"],
                    each["account"],
                    f"{each['amount']} {each['currency']}",
                    each["state"],
                    each["wanted_at"],
                    _note(each),
                )
                for each in rows
            ),
            right="amount",
        )


def _note(row: Json) -> str:
    if row["needs_person"]:
        return "settle it by hand"
    return row["alarm"] or (f"declined as {row['decline']}" if row["decline"] else "")


def say_reconciled(answer: Json) -> None:
    """What agrees, and line by line what does not."""
    say(f"{answer['gateway']} from {answer['from']} until {answer['until']}")
    say(f"{answer['agreeing']} payments agree, {answer['open']} have to be looked at")
    if answer["differences"]:
        print_table(
            ("what", "at", "reference", "provider's id", "account", "ours", "theirs", "note"),
            (
                (
                    each["kind"],
                    each["at"],
                    each["reference"] or "",
                    each["provider_id"] or "",
                    each["account"] or "",
                    _money(each["ours"]),
                    _money(each["theirs"]),
                    each["note"] or "",
                )
                for each in answer["differences"]
            ),
            right="ours,theirs",
        )
    if answer["balance_problem"]:
        say(f"its balance is not proven: {answer['balance_problem']}")
    if answer["balance"]:
        say("what it holds for us:")
        fields = ("currency", *_BALANCE)
        rows = (tuple(each[name] for name in fields) for each in answer["balance"])
        print_table(fields, rows, right=",".join(_BALANCE))


def _money(money: Json | None) -> str:
    return f"{money['amount']} {money['currency']}" if money else ""
