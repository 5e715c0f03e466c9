"""Steps of holds, handed to the store: what it commits is followed before anybody acts on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from balance import holds
from rtbill.credit.orphans import Orphans
from rtbill.domain.account import AccountState
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Unavailable
from rtbill.domain.hold import HoldStep
from rtbill.domain.rated import Facts
from rtbill.domain.work import Committed, Holding
from rtbill.ports import Clock, Store

Then = Callable[[asyncio.Future[Committed]], None]


class HoldBook:
    """The one way in which holds are made, extended and given back."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        orphans: Orphans,
        clock: Clock,
        follow: Callable[[Committed], None],
    ) -> None:
        """`follow` is told of each commit, in order."""
        self._store = store
        self._directory = directory
        self._orphans = orphans
        self._clock = clock
        self._follow = follow

    def ask(
        self, account: str, decide: Callable[[AccountState], Facts], then: Then | None = None
    ) -> asyncio.Future[Committed]:
        """Hand a step to the store; `then` is called when all have followed it, or it failed.
        Unavailable: the store has no room for it.
        """
        future = self._store.hold(Holding(account, decide))
        future.add_done_callback(partial(self._committed, then=then))
        return future

    def _committed(self, future: asyncio.Future[Committed], then: Then | None) -> None:
        try:
            if not future.cancelled() and future.exception() is None:
                self._follow(future.result())
        finally:
            if then is not None:
                then(future)

    def resolve(self, account: str, key: str, step: HoldStep = HoldStep.RELEASE) -> None:
        """Nothing shall be held any more, also of what is asked for and not yet durable: steps of
        an account are taken in order. Unavailable as for `ask`.
        """
        self.ask(account, partial(holds.resolve, key=key, step=step, at=self._clock.now()))

    def give_back(self, account: str, key: str, step: HoldStep = HoldStep.RELEASE) -> None:
        """As `resolve`; by the next look at holds without a call where the store has no room."""
        try:
            self.resolve(account, key, step)
        except Unavailable:
            self._orphans.give_up(key)

    def let_go(self, account: str, key: str, step: HoldStep = HoldStep.RELEASE) -> None:
        """The same of a hold that is open; nothing where none is."""
        if key and self._directory.state(account).hold(key) is not None:
            self.give_back(account, key, step)
