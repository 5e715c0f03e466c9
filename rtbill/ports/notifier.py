"""Ways out for notices."""

from __future__ import annotations

from typing import Protocol

from rtbill.domain.notice import Notice


class Notifier(Protocol):
    """A way out for notices. The outbox repeats until `send` returns: at least once."""

    @property
    def name(self) -> str:
        """As alarms name it."""
        ...

    async def send(self, notice: Notice) -> None:
        """Deliver. Deferred: not this one, but others may go; another PortFailed: none just now."""
        ...

    async def rest(self) -> None:
        """There is nothing more for the moment: let go of connections. Never raises."""
        ...
