"""Money and locks at the desk: credit, statement, lock, unlock, what a number costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.accounts import find_account
from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    extension,
    instant,
    instant_text,
    load,
    place_order,
    read_books,
)
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.values import drawn_json, instant_json, money_json, transfer_json
from rtbill.domain.account import AccountKind
from rtbill.domain.money import Money

if TYPE_CHECKING:
    from datetime import datetime

    from balance.statement import Statement
    from rtbill.app.holdings import Drawn
    from rtbill.config import Config
    from rtbill.domain.account import Account
    from rtbill.domain.rated import RatedCall
    from rtbill.ports import PostedTransfer, Reader


_AT_DESK = ("credit:", "refunded:")
"""Keys of which the rest was chosen at the desk, and is asked for when money goes back."""


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(
        app, "credit", credit, "rtbill credit s1001 20.00 --key receipt-4711", takes_negative=True
    )
    add_command(
        app,
        "refund",
        refund,
        "rtbill refund receipt-4711 --key back-4711 --reason 'typed 100 for 10'",
    )
    add_command(
        app, "statement", statement, "rtbill statement s1001 --from 2026-11-01 --until 2026-12-01"
    )
    add_command(app, "lock", lock, "rtbill lock hall/1001 --reason 'room empty' --divert")
    add_command(app, "unlock", unlock, "rtbill unlock hall/1001 --reason 'has paid'")


def credit(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    amount: Annotated[
        str, typer.Argument(help="In the account's currency, such as 20.00; -5.00 takes back.")
    ],
    key: Annotated[
        str, typer.Option(help="Names this payment for ever: given twice, it counts once.")
    ],
    reason: Annotated[str, typer.Option(help="Stands on the statement.")] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add money to an account. An extension locked for want of money opens by itself."""
    arguments = {"account": account, "amount": amount, "key": key, "reason": reason}
    answer = place_order(load(config), "credit", arguments)
    if as_json:
        print_json(answer)
        return
    currency = answer["currency"]
    done = "was credited before with" if answer["repeated"] else "is credited with"
    say(f"{answer['account']} {done} {answer['amount']} {currency}")
    say(f"balance {answer['balance']} {currency}")


def refund(
    of: Annotated[
        str, typer.Argument(metavar="CREDIT", help="The key that the credit was given with.")
    ],
    key: Annotated[
        str, typer.Option(help="Names this refund for ever: given twice, it counts once.")
    ],
    reason: Annotated[str, typer.Option(help="Stands on the statement.")],
    amount: Annotated[
        str | None, typer.Option(help="A part of it; else all that is left of it.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give back money that was credited at the desk, as far as the account has it unused.

    Its tax goes back with it. What came from a card goes back with `rtbill pay refund`.
    """
    arguments = {"of": of, "key": key, "amount": amount, "reason": reason}
    answer = place_order(load(config), "refund", arguments)
    if as_json:
        print_json(answer)
        return
    currency = answer["currency"]
    given = str(answer["amount"]).removeprefix("-")
    done = "were given back before" if answer["repeated"] else "go back"
    say(f"{given} {currency} of {of} {done} from {answer['account']}")
    say(f"balance {answer['balance']} {currency}")


def lock(
    extension_text: Annotated[
        str, typer.Argument(metavar="EXTENSION", help="PBX/NUMBER, or the number alone.")
    ],
    reason: Annotated[str, typer.Option(help="Kept with the lock.")] = "locked at the desk",
    divert: Annotated[
        bool, typer.Option("--divert", help="Incoming calls go to voicemail as well.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Lock an extension by hand; emergency calls pass. Paying does not open it, `unlock` does."""
    loaded = load(config)
    locked = extension(extension_text, loaded)
    incoming = "divert" if divert else "ring"
    arguments = {"extension": str(locked), "reason": reason, "incoming": incoming}
    place_order(loaded, "lock", arguments)
    say(f"{locked} is to be locked, incoming calls {'diverted' if divert else 'ring'}")


def unlock(
    extension_text: Annotated[
        str, typer.Argument(metavar="EXTENSION", help="PBX/NUMBER, or the number alone.")
    ],
    reason: Annotated[
        str, typer.Option(help="Kept with the lock that is lifted.")
    ] = "unlocked at the desk",
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take a lock by hand away; one for want of money stays until there is money."""
    loaded = load(config)
    unlocked = extension(extension_text, loaded)
    answer = place_order(loaded, "unlock", {"extension": str(unlocked), "reason": reason})
    say(f"{unlocked}: the lock by hand is taken away")
    if answer.get("note"):
        say(str(answer["note"]))


def statement(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Posted from here on.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Posted before this; a past one never changes."),
    ] = None,
    full_numbers: Annotated[
        bool, typer.Option("--full-numbers", help="Do not hide the last digits.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Print every movement of an account with opening and closing balance and each member's share.

    Called numbers lose their last digits (`mask_digits`) unless full numbers are asked for.
    """
    loaded = load(config)
    since, end = instant(from_, loaded), instant(until, loaded)
    made, drawn, taxed = read_books(loaded, lambda reader: _made(reader, account, since, end))
    hidden = 0 if full_numbers else loaded.log.mask_digits
    if as_json:
        content = _statement_json(made, drawn, since, end, hidden)
        print_json(content | {"vat_paid_with_credit": taxed})
    else:
        _print_statement(made, loaded, hidden)
        _print_drawn(drawn)
        if taxed:
            say(f"VAT ({taxed}) is paid with credit when it is bought; calls carry no second VAT")


async def _made(
    reader: Reader, account: str, since: datetime | None, until: datetime | None
) -> tuple[Statement, list[Drawn], str | None]:
    from balance.statement import build
    from rtbill.app.holdings import drawn

    state = await find_account(reader, account)
    posted = list(await reader.transfers(account, None, until))
    first = next(
        (index for index, each in enumerate(posted) if since is None or each.posted_at >= since),
        len(posted),
    )
    opening = posted[first - 1].transfer.balance_after_micros if first else 0
    calls = await _calls_of(reader, account, posted[first:])
    made = build(account, state.account.currency, posted[first:], calls, opening)
    taxed = await _taxed_rate(reader, state.account, until)
    return made, await drawn(reader, account, since, until), taxed


async def _taxed_rate(reader: Reader, account: Account, at: datetime | None) -> str | None:
    """`19 %`, where the account's credit was taxed at that instant when it was bought (LG-22)."""
    from rtbill.domain.price_plan import percent_text
    from rtbill.domain.vat import VatPoint

    held = [each for each in await reader.vat_terms() if at is None or each.since <= at]
    terms = held[-1] if held else None
    if (
        terms is None
        or terms.point is not VatPoint.TOP_UP
        or account.kind is not AccountKind.PREPAID
    ):
        return None
    return percent_text(terms.percent_ppm)


async def _calls_of(
    reader: Reader, account: str, posted: Sequence[PostedTransfer]
) -> Mapping[str, RatedCall]:
    """The calls that these transfers paid for, by key."""
    from rtbill.ports import CallFilter

    keys = {each.transfer.call for each in posted if each.transfer.call}
    if not keys:
        return {}
    every = await reader.calls(CallFilter(account=account, limit=2**62))
    return {str(call.record.id): call for call in every if str(call.record.id) in keys}


def _print_statement(made: Statement, config: Config, hidden: int) -> None:
    currency = made.currency
    say(f"Statement of {made.account}, {config.site.name}")
    say(f"Opening balance {Money(made.opening_micros, currency)}")
    print_table(
        ("posted", "member", "what", "talk", "amount", "balance"),
        (
            (
                instant_text(line.posted.posted_at, config),
                _member(line.call),
                _what(line.posted, line.call, hidden),
                f"{line.call.record.talk_us // 1_000_000} s" if line.call else "",
                str(Money(line.amount_micros, currency)),
                str(Money(line.balance_micros, currency)),
            )
            for line in made.lines
        ),
        right="talk,amount,balance",
    )
    for member, calls, micros in made.by_member:
        say(f"Member {member}: {calls} calls, {Money(micros, currency)}")
    total = sum(micros for _, _, micros in made.by_member)
    say(f"Calls of all members {Money(total, currency)}")
    say(f"Closing balance {Money(made.closing_micros, currency)}")


def _print_drawn(found: Sequence[Drawn]) -> None:
    """What bundles paid: calls that cost no money are on no line above."""
    from rtbill.domain.bundle import amount_text

    for each in found:
        amount = amount_text(each.bundle, each.amount)
        say(f"Bundle {each.bundle.title or each.bundle.name}: {amount} for {each.calls} calls")


def _member(call: RatedCall | None) -> str:
    if call is None:
        return ""
    return f"{call.record.payer or 'unknown'} {call.person or ''}".rstrip()


def _what(posted: PostedTransfer, call: RatedCall | None, hidden: int) -> str:
    if call is None:
        transfer = posted.transfer
        chosen = transfer.key.partition(":")[2] if transfer.key.startswith(_AT_DESK) else ""
        key = f" ({chosen})" if chosen else ""
        return f"{transfer.kind}: {transfer.reason or transfer.key}{key}"
    destination = call.price.destination if call.price else ""
    reason = f", {reason}" if (reason := _reason(call)) else ""
    return f"{_masked(call, hidden)} {destination}{reason}".strip()


def _reason(call: RatedCall) -> str | None:
    """Why the site's hook changed the price."""
    adjustment = call.price.adjustment if call.price else None
    return adjustment.reason if adjustment else None


def _masked(call: RatedCall, hidden: int) -> str:
    from rtbill.observability import mask_number

    return mask_number(call.number or call.record.dialled or "unknown", hidden)


def _statement_json(
    made: Statement,
    drawn: Sequence[Drawn],
    since: datetime | None,
    until: datetime | None,
    hidden: int,
) -> dict[str, Any]:
    currency = made.currency
    lines = []
    for line in made.lines:
        content = transfer_json(line.posted)
        if line.call is not None:
            content |= {
                "extension": line.call.record.payer,
                "person": line.call.person,
                "number": _masked(line.call, hidden),
                "destination": line.call.price.destination if line.call.price else None,
                "answered_at": instant_json(line.call.record.answered_at),
                "talk_s": line.call.record.talk_us / 1_000_000,
                "tax": money_json(line.call.price.tax_micros, currency)
                if line.call.price
                else None,
                "adjustment": _reason(line.call),
            }
        lines.append(content)
    return {
        "account": made.account,
        "currency": currency,
        "from": instant_json(since),
        "until": instant_json(until),
        "opening": money_json(made.opening_micros, currency),
        "entries": lines,
        "members": [
            {"member": member, "calls": calls, "charged": money_json(micros, currency)}
            for member, calls, micros in made.by_member
        ],
        "total": money_json(sum(micros for _, _, micros in made.by_member), currency),
        "closing": money_json(made.closing_micros, currency),
        "bundles": [drawn_json(each) for each in drawn],
    }
