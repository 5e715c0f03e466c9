"""Care of the books for the command line: the store's tools, given the configuration."""

from __future__ import annotations

import contextlib
from pathlib import Path

from rtbill.config import Config
from rtbill.domain.errors import Refused
from rtbill.storage.backup import backup, restore
from rtbill.storage.migrate import check_usable, migrate
from rtbill.storage.sqlite import open_reader, open_writer, process_lock
from rtbill.storage.verify import verify


def migrate_books(config: Config) -> tuple[int, int]:
    """Schema version before and after; 0 before when there was no database.

    Unavailable while another process writes; Refused for a foreign or newer database.
    """
    path = config.store.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with process_lock(path):
        before = 0
        if path.exists():
            with contextlib.closing(open_reader(path)) as connection:
                before = check_usable(connection, str(path))
        with contextlib.closing(open_writer(path)) as connection:
            return before, migrate(connection, str(path))


def back_up_books(config: Config, file: Path) -> None:
    """A proven copy in a new file; Refused when it exists or there is nothing to copy."""
    backup(_existing(config), file)


def restore_books(config: Config, file: Path, *, force: bool) -> Path | None:
    """The backup becomes the books; where those before are kept, if there were any."""
    if not file.exists():
        raise Refused(f"there is no backup {file}")
    config.store.path.parent.mkdir(parents=True, exist_ok=True)
    return restore(file, config.store.path, force=force)


def problems_of_books(config: Config) -> list[str]:
    """Every problem in a sentence; empty when the books are proven."""
    return verify(_existing(config))


def _existing(config: Config) -> Path:
    path = config.store.path
    if not path.exists():
        raise Refused(f"there is no database {path}; `rtbill migrate` makes it")
    return path
