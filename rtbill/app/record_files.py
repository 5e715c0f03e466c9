"""Files that an operator names, `-` among them, as files that can be read twice.

A record is looked at (is it SQLite?) before it is read. What comes by a pipe is gone once it was
looked at, so it is copied first, into a folder that nobody else can open and that goes away again.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from rtbill.domain.errors import BadRecord, ConfigError

STANDARD_INPUT = Path("-")


class RecordFile(NamedTuple):
    """A file of a record."""

    name: str
    """What the operator called it."""
    short_name: str
    path: Path
    """Where it can be read."""


def check_read_once(paths: Iterable[Path]) -> None:
    """ConfigError when standard input would have to be several files."""
    if sum(path == STANDARD_INPUT for path in paths) > 1:
        raise ConfigError(["standard input can be read once: give - for one file only"])


@contextmanager
def record_file(path: Path) -> Iterator[RecordFile]:
    """The file itself, or a copy of what comes by a pipe for as long as `with` lasts; BadRecord
    when there is nothing to read or no room for the copy.
    """
    name = "standard input" if path == STANDARD_INPUT else str(path)
    with ExitStack() as stack:
        try:
            if path != STANDARD_INPUT and path.is_file():
                path.open("rb").close()
                found = RecordFile(name, path.name, path)
            else:
                found = RecordFile(name, name, _copy(_opened(path, stack), name, stack))
        except PermissionError as error:  # the service's user sees little of the exchange's
            raise BadRecord(
                f"{name} cannot be read: {error.strerror}; pipe what this command's user cannot "
                "read: sudo cat FILE | sudo rtbill compare --cdr -"
            ) from error
        except OSError as error:
            raise BadRecord(f"{name} cannot be read: {error.strerror}") from error
        yield found


def _opened(path: Path, stack: ExitStack) -> IO[bytes]:
    if path != STANDARD_INPUT:
        return stack.enter_context(path.open("rb"))
    if sys.stdin is None:
        raise BadRecord("standard input cannot be read: it is closed")
    return sys.stdin.buffer


def _copy(source: IO[bytes], name: str, stack: ExitStack) -> Path:
    try:
        # A folder, because SQLite may put files of its own beside the copy.
        folder = tempfile.TemporaryDirectory(prefix="rtbill-compare-")
        copy = Path(stack.enter_context(folder)) / "record"
        with copy.open("wb") as file:
            shutil.copyfileobj(source, file)
    except OSError as error:
        raise BadRecord(
            f"{name} cannot be copied to {tempfile.gettempdir()}: {error.strerror}; "
            "TMPDIR may name a folder with more room"
        ) from error
    return copy
