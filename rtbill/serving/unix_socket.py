"""The Unix socket on which a service takes orders: bound for one user, and looked for by another
process.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from rtbill.domain.errors import Refused


@contextlib.contextmanager
def unix_listener(path: Path) -> Iterator[socket.socket]:
    """A Unix socket of mode 0600, bound; Refused when another service answers there."""
    _remove_stale(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Between bind and chmod anybody could connect; the mask closes that gap.
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        text = f"cannot listen on {path}: {error.strerror or error}; change control.socket"
        raise Refused(text) from error
    finally:
        os.umask(mask)
    made = path.stat().st_ino
    try:
        yield listener
    finally:
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == made:
                path.unlink()


def _remove_stale(path: Path) -> None:
    """Take away a socket that a killed service left behind; Refused when somebody answers there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Refused(f"{path} is not a socket; change control.socket or remove that file")
    if is_answered(path):
        raise Refused(f"another rtbill is running: it answers on {path}")
    path.unlink()


def is_answered(path: Path) -> bool:
    """Whether somebody listens on this Unix socket; Refused when we may not ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except PermissionError as error:
            text = f"{path} belongs to another user; run this as the user of the service"
            raise Refused(text) from error
        except OSError as error:
            # A full backlog is a sign of life.
            return isinstance(error, BlockingIOError | TimeoutError)
        return True
