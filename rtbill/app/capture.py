"""Recording what an exchange says, byte for byte, for a later replay.

The file holds telephone numbers: it is readable by its owner only, and recording ends by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from rtbill.app.exchanges import RecordedPbx
from rtbill.domain.call import epoch_us
from rtbill.domain.errors import BadRecord, Refused
from rtbill.ports import Clock

SECONDS_MAX = 24 * 3600
BYTES_MAX = 1 << 30


@dataclass(slots=True)
class Recording:
    """One file being written."""

    file: TextIO
    path: Path
    until: datetime
    bytes_left: int = BYTES_MAX


class Captures:
    """At most one recording for each exchange."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._recordings: dict[str, Recording] = {}
        self._pbxs: dict[str, RecordedPbx] = {}

    def add(self, pbx: RecordedPbx) -> None:
        """An exchange that may be recorded."""
        self._pbxs[pbx.name] = pbx

    async def start(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Begin recording one exchange into a new file."""
        pbx = str(arguments["pbx"])
        if pbx not in self._pbxs:
            raise BadRecord(f"there is no exchange {pbx!r}; known are {', '.join(self._pbxs)}")
        if pbx in self._recordings:
            raise Refused(f"{pbx} is being recorded into {self._recordings[pbx].path}")
        seconds = float(arguments.get("seconds") or 600)
        if not 0 < seconds <= SECONDS_MAX:
            raise BadRecord(f"a capture lasts up to {SECONDS_MAX} seconds, not {seconds:g}")
        path = _absolute(str(arguments["file"]))
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise Refused(f"{path} cannot be made: {error.strerror}") from error
        until = self._clock.now() + timedelta(seconds=seconds)
        self._recordings[pbx] = Recording(os.fdopen(descriptor, "w"), path, until)
        self._pbxs[pbx].record(partial(self._take, pbx))
        return {"pbx": pbx, "file": str(path), "until": until.isoformat()}

    async def stop(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """End a recording."""
        pbx = str(arguments["pbx"])
        recording = self._recordings.get(pbx)
        if recording is None:
            raise Refused(f"{pbx} is not being recorded")
        self._end(pbx)
        return {"pbx": pbx, "file": str(recording.path)}

    def _take(self, pbx: str, direction: str, data: bytes, at: datetime) -> None:
        """One chunk; a full disk or the end of the time ends the recording, never the service."""
        recording = self._recordings.get(pbx)
        if recording is None:
            return
        recording.bytes_left -= len(data)
        if at >= recording.until or recording.bytes_left < 0:
            self._end(pbx)
            return
        line = {
            "t": epoch_us(at) / 1_000_000,
            "dir": direction,
            "raw": data.decode("utf-8", "surrogateescape"),
        }
        try:
            recording.file.write(json.dumps(line) + "\n")
            recording.file.flush()
        except OSError:
            self._end(pbx)

    def _end(self, pbx: str) -> None:
        recording = self._recordings.pop(pbx)
        self._pbxs[pbx].record(None)
        try:
            recording.file.close()
        except OSError:
            return


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise BadRecord(f"{text!r} must be a full path: the service runs in a folder of its own")
    return path
