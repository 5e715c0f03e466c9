"""Putting an exchange's files into a folder: privately, with the files from before kept, and with a
difference that shows what changed but no secret.
"""

from __future__ import annotations

import difflib
import errno
import itertools
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rtbill.domain.errors import Refused

_SECRET = re.compile(
    r"""(^[^\S\n;]*;*[^\S\n]*\w*secret[^\S\n]*=)(.*) | (\btoken=)([^&"'\n]*)""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
"""The rest of a line `secret = ...` and, in a question, `token=...` as far as the next field. What
it is does not matter: the file on disk may hold one that was replaced, or one with an escape."""
_STARS = "********"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one file."""

    path: Path
    difference: str
    """Unified, secrets starred out; empty when the file was like this before."""
    is_new: bool


def write_files(files: Mapping[str, str], folder: Path) -> list[Written]:
    """Put the files into the folder, for nobody else to read; a file that was there and differs is
    kept as `NAME.old`. Refused when the folder cannot be written, or holds something else by the
    name of a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, text) for name, text in files.items()]
    except OSError as error:
        text = f"{error.filename or folder}: {error.strerror}; name another folder with --out"
        raise Refused(text) from error
    except UnicodeDecodeError as error:
        raise Refused(f"{folder} holds a file of that name that is no text: {error}") from error


def difference(name: str, before: str, now: str) -> str:
    """The unified difference of two versions of a file, without any secret; one that is another
    than before is marked as changed.
    """
    known = [_value(found) for found in _SECRET.finditer(before)]
    lines = difflib.unified_diff(
        _starred(before, known).splitlines(keepends=True),
        _starred(now, known).splitlines(keepends=True),
        f"{name} (before)",
        f"{name} (now)",
        n=2,
    )
    return "".join(lines)


def _starred(text: str, known: list[str]) -> str:
    numbers = itertools.count()

    def star(found: re.Match[str]) -> str:
        before = known[number] if (number := next(numbers)) < len(known) else None
        mark = " (changed)" if before not in (None, _value(found)) else ""
        return f"{found[1]} {_STARS}{mark}" if found[1] else f"{found[3]}{_STARS}{mark}"

    return _SECRET.sub(star, text)


def _value(found: re.Match[str]) -> str:
    return found[2] if found[1] else found[4]


def _write(path: Path, text: str) -> Written:
    before = _content(path)
    if before == text:
        return Written(path, "", is_new=False)
    if before:
        _put(path.with_name(f"{path.name}.old"), before)
    _put(path, text)
    return Written(path, difference(path.name, before, text) if before else "", is_new=not before)


def _content(path: Path) -> str:
    """What stands there; empty when nothing does."""
    try:
        # Where others may write too, a name can be a link to any file, or a pipe without an end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        text = f"{path} is a symbolic link; remove it, or name another folder with --out"
        raise Refused(text) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(f"{path} is no ordinary file; remove it, or name another folder with --out")
    with os.fdopen(descriptor, "rb") as file:
        return file.read().decode()


def _put(path: Path, text: str) -> None:
    """Write the whole file, or leave the one that was there."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    # It holds secrets: nobody else may read it, not even while it is written, and what another user
    # has put there by that name, such as a link, is not written through.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(text.encode())
    temporary.replace(path)
