"""The books, to write in."""

from __future__ import annotations

import asyncio
from typing import Protocol

from rtbill.domain.changes import Change
from rtbill.domain.events import LiveLeg
from rtbill.domain.work import Committed, Holding, Operation, Repricing, TopUpStep


class Store(Protocol):
    """The one writer. Many operations per commit, each account's in order; answers only what is
    durable.
    """

    def submit(self, operation: Operation) -> asyncio.Future[Committed]:
        """Queue one operation; the future resolves after its commit, or fails with Unavailable,
        UnknownAccount.
        """
        ...

    def hold(self, holding: Holding) -> asyncio.Future[Committed]:
        """Queue a step of a hold, in order with the operations; the future resolves after its
        commit, or fails with Unavailable, UnknownAccount.
        """
        ...

    def take_step(self, step: TopUpStep) -> asyncio.Future[Committed]:
        """Queue a step of a top-up, in order with the operations; row, event, credit and all that
        follows are one commit. The future fails with Unavailable, UnknownAccount, or with Conflict
        when the reference is another account's.
        """
        ...

    def reprice(self, repricing: Repricing) -> asyncio.Future[Committed]:
        """Queue a slice of a run, behind everything else that waits. The future fails with Conflict
        when the run is not under way, or a call has got another price since.
        """
        ...

    async def change(self, change: Change) -> None:
        """Make an administrative fact durable."""
        ...

    def note_live(self, leg: LiveLeg) -> None:
        """Remember an answered leg, so that a crash of both sides leaves evidence. Settling the
        call forgets it.
        """
        ...

    @property
    def queued(self) -> int:
        """Operations not yet durable; callers hold back when it grows."""
        ...

    @property
    def failing(self) -> str | None:
        """Why nothing can be made durable just now (disk full), or None. The writer retries by
        itself.
        """
        ...
