"""The edge to what an outside billing package reads of the books, and to its events that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rtbill.domain.outside import PostedCall, WaitingEvent
from rtbill.ports import CallFilter, PostedTransfer


class Feed(Protocol):
    """Reading beside ports.Reader; committed rows only."""

    async def newest_transfer(self, account: str) -> PostedTransfer | None:
        """The account's latest movement; None when none was ever made."""
        ...

    async def calls_after(self, row: int, wanted: CallFilter) -> Sequence[PostedCall]:
        """Calls posted after that row, in the order of posting; what is posted later comes after
        all of them.
        """
        ...

    async def waiting_events(self, webhook: str, limit: int) -> Sequence[WaitingEvent]:
        """The oldest events that wait for this webhook."""
        ...
