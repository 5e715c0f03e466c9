"""Which extensions belong to which account, from when."""

from __future__ import annotations

from typing import Annotated

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
from rtbill.cli.values import membership_json

app = family("Which extensions belong to which account; accounts with several are billed together.")

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


def list_(
    account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List memberships, past and future."""
    loaded = load(config)
    found = read_books(loaded, lambda reader: reader.memberships())
    wanted = [each for each in found if account in (None, each.account)]
    if as_json:
        print_json([membership_json(each) for each in wanted])
        return
    print_table(
        ("account", "extension", "person", "from", "until"),
        (
            (
                each.account,
                str(each.extension),
                each.person or "",
                instant_text(each.valid_from, loaded),
                instant_text(each.valid_until, loaded),
            )
            for each in wanted
        ),
    )


add_command(app, "add", add, "rtbill group add s1001 hall/1001 --person 'Lena' --from 2026-12-01")
add_command(app, "remove", remove, "rtbill group remove s1001 hall/1001 --from 2026-12-31")
add_command(app, "list", list_, "rtbill group list s1001")
