"""Credit that is bought: links, cards, when to buy, top-ups, refunds, and what is in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    family,
    load,
    place_order,
)
from rtbill.cli.paper import print_json, say
from rtbill.cli.pay_paper import say_account, say_all, say_reconciled, say_settings, top_up_line

app = family("Credit that is bought by card: who pays from what, when, and what became of it.")
method = family("What an account pays from.")

AccountId = Annotated[str, typer.Argument(help="The account's id.")]
Reference = Annotated[str, typer.Argument(help="The top-up's reference: 20 digits.")]
Reason = Annotated[str, typer.Option(help="Stays in the books.")]
Agreed = Annotated[
    str | None,
    typer.Option("--agreed", metavar="VERSION", help="Of the text that the holder agreed to."),
]
TakenBy = Annotated[str, typer.Option("--by", help="Who at the desk takes it down.")]
GatewayName = Annotated[
    str | None, typer.Option(help="Needed where there are several: see `rtbill pay status`.")
]


def link(
    account: AccountId,
    mail: Annotated[bool, typer.Option("--mail", help="Mail it to the holder too.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Make a link by which the holder sees to card and settings: used once, and soon.

    Whoever has the link may do so: give it to the holder alone.
    """
    answer = place_order(load(config), "pay.link", {"account": account, "mail": mail})
    if as_json:
        print_json(answer)
        return
    say(answer["url"])
    say(f"good once, until {answer['expires']}")


def method_add(
    account: AccountId,
    card: Annotated[str, typer.Argument(help="The provider's name for the cashless card.")],
    agreed: Annotated[
        str, typer.Option("--agreed", metavar="VERSION", help="Of the text agreed to.")
    ],
    gateway: GatewayName = None,
    label: Annotated[str, typer.Option(help="As people know it.")] = "",
    by: TakenBy = "desk",
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Let an account pay from a cashless card. Bank cards are given by the holder: `pay link`."""
    arguments = {"account": account, "card": card, "gateway": gateway, "label": label}
    arguments |= {"text_version": agreed, "address": by}
    kept = place_order(load(config), "pay.method.add", arguments)["method"]
    say(f"{account} may pay from {kept['label']} ({kept['gateway']})")


def method_remove(
    account: AccountId,
    name: Annotated[str, typer.Argument(metavar="METHOD", help="As `rtbill pay status` has it.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take a card away: from now on nothing is asked of it."""
    answer = place_order(load(config), "pay.method.remove", {"account": account, "method": name})
    say(f"{account} does not pay from {name} any more")
    if not answer["forgotten"]:
        say("its provider could not be told; remove it there too")


def threshold(
    account: AccountId,
    below: Annotated[str | None, typer.Option(help="Buy when less than this is left.")] = None,
    buy: Annotated[str | None, typer.Option(help="Buy whole numbers of this.")] = None,
    charge_max: Annotated[str | None, typer.Option(help="Of one purchase.")] = None,
    day_max: Annotated[str | None, typer.Option(help="Of a day.")] = None,
    month_max: Annotated[str | None, typer.Option(help="Of a month.")] = None,
    name: Annotated[str | None, typer.Option("--method", help="What to pay from.")] = None,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether it buys by itself.")
    ] = None,
    agreed: Agreed = None,
    by: TakenBy = "desk",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Set when an account buys by itself, how much, and up to what.

    More than the holder agreed to needs a new agreement: --agreed names the version of its text.
    """
    arguments = {
        "account": account,
        "threshold": below,
        "increment": buy,
        "charge_max": charge_max,
        "day_max": day_max,
        "month_max": month_max,
        "method": name,
        "on": on,
        "text_version": agreed,
        "address": by,
        "by": by,
    }
    answer = place_order(load(config), "pay.settings", arguments)
    if as_json:
        print_json(answer)
    else:
        say_settings(answer["settings"])


def topup(
    account: AccountId,
    amount: Annotated[str, typer.Argument(help="In the account's currency, such as 20.00.")],
    name: Annotated[
        str | None, typer.Option("--method", help="What pays; else that of the settings.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Charge the account's card now, for the holder, within what the holder agreed to."""
    arguments = {"account": account, "amount": amount, "method": name}
    _told(place_order(load(config), "pay.topup", arguments), as_json)


def refund(
    reference: Reference,
    reason: Reason,
    amount: Annotated[
        str | None, typer.Option(help="A part of it; else all that is left of it.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give money back to the card it came from, as far as the account has it unused."""
    arguments = {"reference": reference, "amount": amount, "reason": reason}
    answer = place_order(load(config), "pay.refund", arguments)
    if as_json:
        print_json(answer)
        return
    made = answer["refund"]
    say(f"refund {made['key']} of {made['amount']}: {made['stage']}")
    say(top_up_line(answer["top_up"]))


def resolve(
    reference: Reference,
    as_: Annotated[str, typer.Argument(metavar="paid|unpaid", help="What you have proof of.")],
    reason: Reason,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Settle a top-up of which nobody knows what became, by what the provider's own list says."""
    arguments = {"reference": reference, "as": as_, "reason": reason}
    _told(place_order(load(config), "pay.resolve", arguments), as_json)


def calloff(
    reference: Reference,
    reason: Reason,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Have the provider let a top-up be; it is credited all the same if it was paid already."""
    arguments = {"reference": reference, "reason": reason}
    _told(place_order(load(config), "pay.calloff", arguments), as_json)


def resume(
    account: Annotated[str | None, typer.Argument(help="The account that was stopped.")] = None,
    gateway: Annotated[str | None, typer.Option(help="Or the gateway that was.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Let an account, or all at a gateway, buy again, once its reason is mended."""
    if (account is None) == (gateway is None):
        raise typer.BadParameter("name an account, or --gateway")
    arguments = {"account": account} if account else {"gateway": gateway}
    place_order(load(config), "pay.resume", arguments)
    say(f"{account or gateway} buys again")


def status(
    account: Annotated[
        str | None, typer.Argument(help="One account; without it what is under way.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show an account's cards, settings and top-ups, or what is under way, in doubt and stopped."""
    answer = place_order(load(config), "pay.status", {"account": account} if account else {})
    if as_json:
        print_json(answer)
    elif account:
        say_account(answer)
    else:
        say_all(answer)


def reconcile(
    from_: Annotated[str, typer.Option("--from", metavar="DATE", help="A date is its midnight.")],
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Before this; now.")] = None,
    gateway: GatewayName = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Compare the provider's list with the books; what bears our reference and is missing here is
    credited. Exit status 1 when something else differs, or what it holds for us is not proven.
    """
    arguments = {"gateway": gateway, "from": from_, "until": until}
    answer = place_order(load(config), "pay.reconcile", arguments)
    if as_json:
        print_json(answer)
    else:
        say_reconciled(answer)
    if answer["open"] or answer["balance_problem"]:
        raise typer.Exit(1)


def _told(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(dict(answer))
    else:
        say(top_up_line(answer["top_up"]))


add_command(app, "link", link, "rtbill pay link s1001 --mail")
add_command(
    app,
    "threshold",
    threshold,
    "rtbill pay threshold s1001 --below 5.00 --buy 20.00 --on --agreed 2026-11",
)
add_command(app, "topup", topup, "rtbill pay topup s1001 20.00")
add_command(app, "refund", refund, "rtbill pay refund 17647812345678901234 --reason 'moved out'")
add_command(app, "status", status, "rtbill pay status s1001")
add_command(
    app, "resolve", resolve, "rtbill pay resolve 17647812345678901234 paid --reason 'in their list'"
)
add_command(
    app, "calloff", calloff, "rtbill pay calloff 17647812345678901234 --reason 'not wanted'"
)
add_command(app, "reconcile", reconcile, "rtbill pay reconcile --from 2026-11-01")
add_command(app, "resume", resume, "rtbill pay resume s1001")
add_command(method, "add", method_add, "rtbill pay method add s1001 C-4711 --agreed 2026-11")
add_command(method, "remove", method_remove, "rtbill pay method remove s1001 pm_1Abc")
app.add_typer(method, name="method")
