"""Care of the books: migrate, back up, restore, prove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    load,
)
from rtbill.cli.paper import print_json, say


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(app, "migrate", migrate, "rtbill migrate")
    add_command(app, "backup", backup, "rtbill backup /var/backups/rtbill-2026-12-01.sqlite")
    add_command(app, "restore", restore, "rtbill restore rtbill-2026-12-01.sqlite --force")
    add_command(app, "verify", verify, "rtbill verify --json")


def migrate(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Make the database, or bring it to the newest form. The service must not run."""
    from rtbill.app import upkeep

    loaded = load(config)
    before, after = upkeep.migrate_books(loaded)
    if before == after:
        say(f"{loaded.store.path} is at schema version {after} already")
    else:
        say(f"{loaded.store.path} is at schema version {after} now (was {before or 'empty'})")


def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Copy the books to a file and prove the copy. The service may run meanwhile."""
    from rtbill.app import upkeep

    upkeep.back_up_books(load(config), file)
    say(f"{file}: written and proven")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace books that exist; they are kept aside.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Prove a backup and put it in the place of the books. The service must not run."""
    from rtbill.app import upkeep

    loaded = load(config)
    aside = upkeep.restore_books(loaded, file, force=force)
    say(f"{loaded.store.path}: restored from {file} and proven")
    if aside is not None:
        say(f"the books before are kept in {aside}")


def verify(as_json: AsJson = False, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Recompute every balance from its entries and prove the books. The service may run."""
    from rtbill.app import upkeep

    problems = upkeep.problems_of_books(load(config))
    if as_json:
        print_json({"proven": not problems, "problems": problems})
    else:
        for problem in problems:
            say(problem)
        say("the books are proven" if not problems else f"{len(problems)} problems")
    if problems:
        raise typer.Exit(EXIT_PROBLEM)
