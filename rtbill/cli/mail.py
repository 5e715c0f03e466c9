"""Mail: try whether it gets out."""

from __future__ import annotations

from typing import Annotated

import typer

from rtbill.cli.frame import DEFAULT_CONFIG, ConfigPath, add_command, family, load
from rtbill.cli.paper import say

app = family("Mail to holders of accounts and to the operator.")


def send_test(
    address: Annotated[str, typer.Argument(help="Whom to write to.")],
    language: Annotated[
        str | None, typer.Option(help="en or de; without, as mail.language says.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Send a test mail by the server of [mail], and say what became of it or how to mend it."""
    import asyncio

    from rtbill.app import mailing
    from rtbill.clock import SystemClock
    from rtbill.domain.contact import checked_language

    loaded = load(config)
    spoken = checked_language(language) if language is not None else None
    say(asyncio.run(mailing.send_test(loaded, address, spoken, SystemClock())))


add_command(app, "test", send_test, "rtbill mail test lena@example.org")
