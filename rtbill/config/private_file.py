"""Secrets in files: read only when nobody else on the machine can."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_private(path: Path) -> tuple[str, str]:
    """Content of a file that only we may read, or the reason why it is not used."""
    try:
        with path.open(encoding="utf-8") as file:
            # The opened file is judged, not the name: it cannot be exchanged in between.
            status = os.fstat(file.fileno())
            mode = stat.S_IMODE(status.st_mode)
            if mode not in (0o400, 0o600):
                return "", f"{path} has mode {mode:04o}; run: chmod 0400 {path}"
            if status.st_uid != os.geteuid():
                return "", f"{path} belongs to user {status.st_uid}, not to the service"
            return file.read(4096).strip(), ""
    except OSError as error:
        return "", f"{path} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return "", f"{path} is not UTF-8 text"
