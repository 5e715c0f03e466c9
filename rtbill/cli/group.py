"""Which extensions, codes, PINs and trunks belong to which account, from when."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    add_command,
    extension,
    family,
    instant,
    instant_text,
    load,
    place_order,
    read_books,
)
from rtbill.cli.paper import print_json, print_table, say
from rtbill.cli.values import binding_json, membership_json
from rtbill.domain.account import Membership
from rtbill.domain.payer_key import Binding

if TYPE_CHECKING:
    from rtbill.ports import Reader

app = family(
    "Which extensions, codes, PINs and trunks belong to which account; accounts with several are "
    "billed together."
)

AccountId = Annotated[str, typer.Argument(help="The account's id.")]
ExtensionText = Annotated[
    str,
    typer.Argument(
        metavar="EXTENSION", help="PBX/NUMBER; the number alone where there is one exchange."
    ),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="A date is its midnight at the site; now."),
]

PersonName = Annotated[
    str | None, typer.Option("--person", help="Who has it, as statements show it.")
]
Move = Annotated[bool, typer.Option("--move", help="Take it from the account that has it then.")]
TrunkText = Annotated[
    str,
    typer.Argument(metavar="TRUNK", help="PBX/TRUNK; the name alone where there is one exchange."),
]


def add(
    account: AccountId,
    extension_text: ExtensionText,
    person: Annotated[str | None, typer.Option(help="Who uses it, as statements show it.")] = None,
    from_: From = None,
    move: Annotated[
        bool, typer.Option("--move", help="Take it from the account that holds it then.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give an extension to an account. A call is paid by who holds it at the answer."""
    loaded = load(config)
    given = extension(extension_text, loaded)
    since = instant(from_, loaded)
    place_order(
        loaded,
        "group.add",
        {
            "account": account,
            "extension": str(given),
            "person": person,
            "from": since.isoformat() if since else None,
            "move": move,
        },
    )
    say(f"{given} belongs to {account} from {instant_text(since, loaded) or 'now'}")


def remove(
    account: AccountId,
    extension_text: ExtensionText,
    from_: From = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take an extension from an account; the house pays its later calls."""
    loaded = load(config)
    taken = extension(extension_text, loaded)
    since = instant(from_, loaded)
    place_order(
        loaded,
        "group.remove",
        {
            "account": account,
            "extension": str(taken),
            "from": since.isoformat() if since else None,
        },
    )
    say(f"{taken} no longer belongs to {account} from {instant_text(since, loaded) or 'now'}")


def add_code(
    account: AccountId,
    code: Annotated[str, typer.Argument(help="1 to 24 digits, letters, * and #.")],
    person: PersonName = None,
    from_: From = None,
    move: Move = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give an account code to an account: calls with it are paid by it, from any telephone."""
    _bind(account, ("code", code), person, from_, config, move=move)


def add_pin(
    account: AccountId,
    person: PersonName = None,
    from_: From = None,
    move: Move = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give a PIN to an account, or to one person of it; asked for, or read from standard input.

    It is nowhere kept: the books have a digest of it. The configuration needs
    payers.pin_secret_file, and the exchange files of `rtbill pbx-config` from after that.
    """
    _bind(account, ("pin", _asked_pin()), person, from_, config, move=move)


def add_trunk(
    account: AccountId,
    trunk: TrunkText,
    from_: From = None,
    move: Move = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Let an account pay what comes in by a trunk and no code or extension pays."""
    _bind(account, ("trunk", trunk), None, from_, config, move=move)


def remove_code(
    account: AccountId,
    code: Annotated[str, typer.Argument(help="The account code.")],
    from_: From = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take an account code from an account; from then on it is wrong."""
    _unbind({"account": account, "kind": "code", "value": code}, from_, config)


def remove_pin(
    account: AccountId,
    person: Annotated[str | None, typer.Option(help="Only this person's.")] = None,
    from_: From = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take every PIN from an account, or those of one person of it."""
    _unbind({"account": account, "kind": "pin", "person": person}, from_, config)


def remove_trunk(
    account: AccountId, trunk: TrunkText, from_: From = None, config: ConfigPath = DEFAULT_CONFIG
) -> None:
    """Take a trunk from an account."""
    _unbind({"account": account, "kind": "trunk", "value": trunk}, from_, config)


def _bind(
    account: str,
    key: tuple[str, str],
    person: str | None,
    from_: str | None,
    config: Path,
    *,
    move: bool,
) -> None:
    loaded = load(config)
    since = instant(from_, loaded)
    kind, value = key
    answer = place_order(
        loaded,
        "group.bind",
        {
            "account": account,
            "kind": kind,
            "value": value,
            "person": person,
            "from": since.isoformat() if since else None,
            "move": move,
        },
    )
    say(f"{answer['key']} stands for {account} from {instant_text(since, loaded) or 'now'}")


def _unbind(order: dict[str, str | None], from_: str | None, config: Path) -> None:
    loaded = load(config)
    since = instant(from_, loaded)
    start = since.isoformat() if since else None
    answer = place_order(loaded, "group.unbind", {**order, "from": start})
    what = f"{answer['ended']} PINs no longer stand"
    if order["kind"] != "pin":
        what = f"{order['kind']} {order['value']} no longer stands"
    say(f"{what} for {order['account']} from {instant_text(since, loaded) or 'now'}")


def _asked_pin() -> str:
    """Never from the command line, which others see in the list of processes."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    pin: str = typer.prompt("PIN", hide_input=True, confirmation_prompt=True)
    return pin


def list_(
    account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List extensions, codes, PINs and trunks of accounts, past and future. PINs are not shown."""
    loaded = load(config)
    members, keys = read_books(loaded, _held)
    everything: list[Membership | Binding] = [*members, *keys]
    wanted = [each for each in everything if account in (None, each.account)]
    if as_json:
        print_json(
            [
                binding_json(each) if isinstance(each, Binding) else membership_json(each)
                for each in wanted
            ]
        )
        return
    print_table(
        ("account", "found by", "person", "from", "until"),
        (
            (
                each.account,
                "a PIN" if each.subject == "this PIN" else each.subject,
                each.person or "",
                instant_text(each.valid_from, loaded),
                instant_text(each.valid_until, loaded),
            )
            for each in wanted
        ),
    )


async def _held(reader: Reader) -> tuple[Sequence[Membership], Sequence[Binding]]:
    return await reader.memberships(), await reader.bindings()


add_command(app, "add", add, "rtbill group add s1001 hall/1001 --person 'Lena' --from 2026-12-01")
add_command(app, "remove", remove, "rtbill group remove s1001 hall/1001 --from 2026-12-31")
add_command(app, "add-code", add_code, "rtbill group add-code project-7 4711")
add_command(app, "add-pin", add_pin, "rtbill group add-pin s1001 --person 'Lena'")
add_command(app, "add-trunk", add_trunk, "rtbill group add-trunk branch hall/branch")
add_command(app, "remove-code", remove_code, "rtbill group remove-code project-7 4711")
add_command(app, "remove-pin", remove_pin, "rtbill group remove-pin s1001 --person 'Lena'")
add_command(app, "remove-trunk", remove_trunk, "rtbill group remove-trunk branch hall/branch")
add_command(app, "list", list_, "rtbill group list s1001")
