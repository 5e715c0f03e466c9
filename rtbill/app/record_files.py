"""Files that an operator names, as files that can be read twice.

A record is looked at (is it SQLite?) before it is read. What comes by a pipe is gone once it was
looked at, so it is copied first, into a folder that nobody else can open and that goes away again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rtbill.domain.errors import BadRecord


class RecordFile(NamedTuple):
    """A file of a record."""

    name: str
    """What the operator called it."""
    short_name: str
    path: Path
    """Where it can be read."""


@contextmanager
def record_file(path: Path) -> Iterator[RecordFile]:
    """The file itself, or a copy of a pipe's content for as long as `with` lasts; BadRecord when
    there is nothing to read or no room for the copy.
    """
    with ExitStack() as stack:
        try:
            if path.is_file():
                found = RecordFile(str(path), path.name, path)
            else:
                found = RecordFile(str(path), str(path), _copy(path, stack))
        except OSError as error:
            raise BadRecord(f"{path} cannot be read: {error.strerror}") from error
        yield found


def _copy(path: Path, stack: ExitStack) -> Path:
    source = stack.enter_context(path.open("rb"))
    try:
        # A folder, because SQLite may put files of its own beside the copy.
        folder = tempfile.TemporaryDirectory(prefix="rtbill-compare-")
        copy = Path(stack.enter_context(folder)) / "record"
        _write(source, copy)
    except OSError as error:
        raise BadRecord(
            f"{path} cannot be copied to {tempfile.gettempdir()}: {error.strerror}; "
            "TMPDIR may name a folder with more room"
        ) from error
    return copy


def _write(source: BinaryIO, copy: Path) -> None:
    with copy.open("wb") as file:
        shutil.copyfileobj(source, file)
