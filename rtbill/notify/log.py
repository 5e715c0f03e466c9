"""ports.Notifier into the log: what the outbox says when nothing else is configured."""

from __future__ import annotations

import structlog

from rtbill.domain.notice import Notice

WARNINGS = ("alarm.raised", "call.unrated", "call.unconfirmed", "service.locked")


class LogNotifier:
    """One log line for each notice; never fails."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("rtbill.notice")

    async def send(self, notice: Notice) -> None:
        """Write the notice, as a warning where somebody should act."""
        level = "warning" if notice.kind in WARNINGS else "info"
        self._log.log(
            _LEVELS[level],
            notice.kind,
            subject=notice.subject,
            text=notice.text,
            at=notice.at.isoformat(),
            **dict(notice.details),
        )


_LEVELS = {"info": 20, "warning": 30}
