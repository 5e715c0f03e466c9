"""ports.Notifier into the log: what the outbox says when nothing else is configured."""

from __future__ import annotations

import structlog

from rtbill.domain.notice import SECRET_DETAILS, Notice
from rtbill.domain.told import CALL_KINDS

_LEFT_OUT = "(not shown)"
WARNINGS = ("alarm.raised", "call.unrated", "call.unconfirmed", "service.locked")


class LogNotifier:
    """One log line for each notice; never fails."""

    name = "log"

    def __init__(self) -> None:
        self._log = structlog.get_logger("rtbill.notice")

    async def send(self, notice: Notice) -> None:
        """Write the notice, as a warning where somebody should act; calls are in the books."""
        if notice.kind in CALL_KINDS:
            return
        level = "warning" if notice.kind in WARNINGS else "info"
        self._log.log(
            _LEVELS[level],
            notice.kind,
            subject=notice.subject,
            text=notice.text,
            at=notice.at.isoformat(),
            **{
                name: _LEFT_OUT if name in SECRET_DETAILS else text for name, text in notice.details
            },
        )

    async def rest(self) -> None:
        """It holds nothing."""


_LEVELS = {"info": 20, "warning": 30}
