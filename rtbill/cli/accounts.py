"""Accounts and their members: import, export, list, show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    family,
    instant_text,
    load,
    place_order,
    read_books,
    read_text,
)
from rtbill.cli.paper import print_json, print_table, say
from rtbill.domain.account import AccountState, Membership
from rtbill.domain.errors import UnknownAccount
from rtbill.domain.money import Money
from rtbill.domain.payer_key import KeyKind

if TYPE_CHECKING:
    from rtbill.app.holdings import Holding
    from rtbill.config import Config
    from rtbill.domain.contact import Contact
    from rtbill.domain.payer_key import Binding
    from rtbill.ports import PostedTransfer, Reader

LATEST = 10
"""Movements that `show` prints."""

app = family("Accounts, their members and their balances.")


def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file, one row for each extension.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, only tell what would be done.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Create and change accounts and assign extensions, codes, PINs and trunks from a CSV file; all
    of it or nothing.
    """
    answer = place_order(load(config), "accounts.import", {"csv": read_text(file), "apply": apply})
    tell_import(file, answer, applied=apply, as_json=as_json)


def tell_import(file: Path, answer: dict[str, Any], *, applied: bool, as_json: bool) -> None:
    """Print what an import does or has done; the exit status says whether there were problems."""
    if as_json:
        print_json(answer)
    else:
        _say_import(file, answer, applied=applied)
    if answer["problems"]:
        raise typer.Exit(EXIT_PROBLEM)


def _say_import(file: Path, answer: dict[str, Any], *, applied: bool) -> None:
    for problem in answer["problems"]:
        say(f"{file}: {problem}")
    words = ("created", "changed", "assigned", "renamed", "contacts", "credited")
    told = [f"{word:9} {text}" for word in words for text in answer[word]]
    for line in told:
        say(line)
    is_flawed = bool(answer["problems"])
    if not told:
        wrong = "nothing was imported; correct the file and import it again"
        say(wrong if is_flawed else "nothing to do: the books say the same")
    elif not applied:
        rest = "with --apply the rest is imported" if is_flawed else "add --apply to do it"
        say(f"this was a dry run; {rest}")
    elif is_flawed:
        say("the rest was imported")


def export(
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Print every account, extension, code and trunk in the form that `import` reads. Balances and
    PINs stay behind.
    """
    from rtbill.domain.account import HOUSE, SUSPENSE
    from rtbill.formats.accounts_csv import export_accounts

    loaded = load(config)
    states, memberships, bindings, contacts = read_books(loaded, _everything)
    own = [state.account for state in states if state.account.id not in (HOUSE, SUSPENSE)]
    zone = ZoneInfo(loaded.site.zone)
    text = export_accounts(own, memberships, zone, bindings=bindings, contacts=contacts)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        say(f"{output}: {len(own)} accounts")


async def _everything(
    reader: Reader,
) -> tuple[Sequence[AccountState], Sequence[Membership], Sequence[Binding], Sequence[Contact]]:
    return (
        await reader.accounts(),
        await reader.memberships(),
        await reader.bindings(),
        await reader.contacts(),
    )


def list_(as_json: AsJson = False, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """List every account with its balance."""
    states, memberships, *_ = read_books(load(config), _everything)
    if as_json:
        print_json([_state_json(state, memberships) for state in states])
        return
    print_table(
        ("account", "name", "kind", "class", "tariff", "balance", "available", "service"),
        (
            (
                state.account.id,
                state.account.name,
                state.account.kind,
                state.account.account_class,
                state.account.tariff or "(default)",
                str(Money(state.balance_micros, state.account.currency)),
                str(Money(state.available_micros, state.account.currency)),
                f"{state.service.outgoing}, {state.service.incoming}",
            )
            for state in states
        ),
        right="balance,available",
    )


def show(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show one account: terms, balance, members, latest movements."""
    from rtbill.cli.bundles import holding_json, holding_text

    loaded = load(config)
    state, members, keys, posted, held = read_books(loaded, lambda reader: _one(reader, account))
    contact = read_books(loaded, lambda reader: reader.contact(account))
    if as_json:
        content = _state_json(state, members)
        content["contact"] = _contact_json(contact)
        content["keys"] = [_binding_json(each) for each in keys]
        content["bundles"] = [holding_json(each) for each in held]
        content["movements"] = [_posted_json(each) for each in posted]
        print_json(content)
        return
    terms = state.account
    limit = Money(terms.credit_limit_micros, terms.currency)
    say(f"account   {terms.id}: {terms.name}")
    say(f"terms     {terms.kind}, class {terms.account_class}, credit limit {limit}")
    say(f"tariff    {terms.tariff or loaded.rating.default_tariff}")
    say(f"balance   {Money(state.balance_micros, terms.currency)}")
    say(f"available {Money(state.available_micros, terms.currency)}")
    for each in held:
        say(f"bundle    {holding_text(each, account, loaded)}")
    say(f"service   outgoing {state.service.outgoing}, incoming {state.service.incoming}")
    say(f"mail      {_contact_text(contact, loaded)}")
    for member in members:
        say(f"member    {member.extension} {_who_and_when(member, loaded)}")
    for key in keys:
        named = "a PIN" if key.key.kind is KeyKind.PIN else key.subject
        say(f"found by  {named} {_who_and_when(key, loaded)}")
    _say_movements(posted, loaded)


def _who_and_when(held: Membership | Binding, config: Config) -> str:
    until = instant_text(held.valid_until, config) or "open end"
    return f"{held.person or ''} from {instant_text(held.valid_from, config)} to {until}"


def _contact_text(contact: Contact | None, config: Config) -> str:
    if contact is None:
        return "no address; give one with `rtbill accounts contact`"
    text = f"{contact.email}, {contact.language or 'language of the site'}"
    if contact.bounce is None:
        return text
    return f"{text}; bounced {instant_text(contact.bounce.at, config)}: {contact.bounce.reason}"


def _say_movements(posted: Sequence[PostedTransfer], config: Config) -> None:
    for each in posted:
        transfer = each.transfer
        amount = Money(transfer.change_micros, transfer.currency)
        left = Money(transfer.balance_after_micros, transfer.currency)
        what = transfer.reason or transfer.call or transfer.key
        say(
            f"{instant_text(each.posted_at, config)}  {amount}  left {left}  {transfer.kind} {what}"
        )


async def _one(
    reader: Reader, account: str
) -> tuple[AccountState, list[Membership], list[Binding], Sequence[PostedTransfer], list[Holding]]:
    from rtbill.app.holdings import holdings
    from rtbill.clock import SystemClock

    state = await find_account(reader, account)
    held = await holdings(reader, account, SystemClock().now())
    members = [each for each in await reader.memberships() if each.account == account]
    keys = [each for each in await reader.bindings() if each.account == account]
    return state, members, keys, (await reader.transfers(account, None, None))[-LATEST:], held


async def find_account(reader: Reader, account: str) -> AccountState:
    """The account's state; UnknownAccount names the command that lists them."""
    for state in await reader.accounts():
        if state.account.id == account:
            return state
    raise UnknownAccount(f"there is no account {account!r}; `rtbill accounts list` shows them")


def contact(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    email: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Write to this address from now on.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="en or de; without, as the site's mails are written.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Write to nobody from now on.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Set, change or show where the holder of an account is written to."""
    from rtbill.domain.errors import BadRecord

    if clear and (email is not None or language is not None):
        raise BadRecord("--clear takes the address away; leave --email and --language out")
    if email is not None and not email.strip():
        raise BadRecord("--email is empty; --clear takes the address away")
    order = {"account": account, "email": "" if clear else email, "language": language}
    answer = place_order(load(config), "accounts.contact", order)
    if answer["email"] is None:
        say(f"{account} is written to nowhere")
        return
    say(f"{account} is written to at {answer['email']}, {answer['language'] or 'as the site is'}")


def _state_json(state: AccountState, memberships: Sequence[Membership]) -> dict[str, Any]:
    from rtbill.cli.values import membership_json, money_json

    account = state.account
    return {
        "account": account.id,
        "name": account.name,
        "kind": str(account.kind),
        "class": account.account_class,
        "tariff": account.tariff,
        "currency": account.currency,
        "balance": money_json(state.balance_micros, account.currency),
        "available": money_json(state.available_micros, account.currency),
        "credit_limit": money_json(account.credit_limit_micros, account.currency),
        "service": {
            "outgoing": str(state.service.outgoing),
            "incoming": str(state.service.incoming),
        },
        "members": [membership_json(each) for each in memberships if each.account == account.id],
    }


def _contact_json(contact: Contact | None) -> dict[str, Any] | None:
    from rtbill.cli.values import instant_json

    if contact is None:
        return None
    bounce = contact.bounce
    return {
        "email": contact.email,
        "language": contact.language,
        "state": "bounced" if bounce else "usable",
        "bounced_at": instant_json(bounce.at) if bounce else None,
        "bounce_reason": bounce.reason if bounce else None,
    }


def _binding_json(binding: Binding) -> dict[str, Any]:
    from rtbill.cli.values import binding_json

    return binding_json(binding)


def _posted_json(posted: PostedTransfer) -> dict[str, Any]:
    from rtbill.cli.values import transfer_json

    return transfer_json(posted)


add_command(app, "import", import_, "rtbill accounts import examples/accounts-hall.csv --apply")
add_command(app, "export", export, "rtbill accounts export --output accounts.csv")
add_command(app, "list", list_, "rtbill accounts list --json")
add_command(app, "show", show, "rtbill accounts show s1001")
add_command(
    app,
    "contact",
    contact,
    "rtbill accounts contact s1001 --email lena@example.org --language de",
)
