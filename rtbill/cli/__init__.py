"""The command line: one module per family of commands. Heavy imports stand inside the commands, so
that asking for help is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rtbill import __version__
from rtbill.cli import (
    accounts,
    api,
    bundles,
    calls,
    checking,
    compare,
    exchange,
    group,
    imports,
    live,
    locks,
    mail,
    money,
    observed,
    pay,
    plans,
    rate,
    rerate,
    service,
    tariffs,
    trials,
    unrated,
    upkeep,
    usage,
    vat,
    what_if,
)
from rtbill.cli.frame import Commands

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: rtbill run --config config.toml",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rtbill {__version__}")
        raise typer.Exit


@app.callback()
def _rtbill(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Real-time call billing beside a telephone exchange.

    Exit status: 0 done, 1 refused or a problem found, 2 wrong usage or configuration.
    """


for family in (
    service,
    live,
    exchange,
    checking,
    upkeep,
    money,
    locks,
    rate,
    calls,
    rerate,
    usage,
    vat,
    observed,
    compare,
    trials,
):
    family.add_to(app)
app.add_typer(accounts.app, name="accounts")
app.add_typer(api.app, name="api")
app.add_typer(group.app, name="group")
app.add_typer(imports.app, name="import")
app.add_typer(mail.app, name="mail")
what_if.add_to(tariffs.app)
app.add_typer(tariffs.app, name="tariff")
app.add_typer(plans.app, name="plan")
app.add_typer(bundles.app, name="bundle")
app.add_typer(pay.app, name="pay")
app.add_typer(calls.unconfirmed, name="unconfirmed")
app.add_typer(unrated.app, name="unrated")


def main() -> None:
    """Run the command that the process was started with."""
    app()
