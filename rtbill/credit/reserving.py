"""What is held for a call before anybody answers: asked for beforehand, or as it is dialled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from balance import holds
from rtbill.credit.call_bounds import Priced
from rtbill.credit.grants import Grant
from rtbill.credit.hold_book import HoldBook
from rtbill.credit.hold_keys import HoldKeys
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.wishes import Wishes
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Unavailable
from rtbill.domain.events import CallStarted
from rtbill.domain.hold import Hold
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.work import Committed
from rtbill.pricing.allowances import Allowances
from rtbill.pricing.assignment import Place
from rtbill.pricing.site_hook import NOBODY, Caller


class Reserving:
    """First holds of calls, all or nothing: with less than it needs a call is not let out."""

    def __init__(  # noqa: PLR0913 - Holdings hands over each collaborator once
        self,
        book: HoldBook,
        keys: HoldKeys,
        directory: Directory,
        wishes: Wishes,
        terms: HoldTerms,
        allowances: Allowances,
    ) -> None:
        self._book = book
        self._keys = keys
        self._directory = directory
        self._wishes = wishes
        self._terms = terms
        self._allowances = allowances

    async def reserve(  # noqa: PLR0913 - the facts of one call
        self,
        account: str,
        pbx: str,
        channel: str,
        called: CalledNumber,
        at: datetime,
        caller: Caller = NOBODY,
        priced: Priced | None = None,
    ) -> Hold | None:
        """The committed hold with which the channel's call may be dialled; None when there is not
        enough, or too many calls are out. Unavailable: nothing can be held. `priced`: see Wishes.
        """
        state = self._directory.state(account)
        channel = f"{pbx}/{channel}"
        key = self._keys.of_channel(state, channel)
        other, others_key = self._keys.on_another(account, channel)
        if other:  # who pays has changed since it asked before
            self._book.resolve(other, others_key)
        wish = self._wishes.of_new(state, key, None, called, at, Place(pbx), caller, priced)
        future = self._reserve(state, wish)
        self._keys.reserving(channel, account, key, future)
        committed = await asyncio.shield(future)
        assert committed.facts is not None
        # Without a step nothing was held for this: what the channel may have held for another
        # number, which nobody answered, lets no dearer one out.
        return committed.facts.state.hold(key) if committed.facts.holds else None

    def take_up(self, event: CallStarted, account: str) -> bool:
        """Whether a hold of the account was asked for before this call was dialled; it is the
        call's then, as is what another account was asked for.
        """
        return self._keys.take_up(event, account)

    def dialled(self, event: CallStarted, grant: Grant, refuse: Callable[[], None]) -> None:
        """Ask for a hold, as nobody did before; `refuse` is called when there is not enough."""
        key = str(event.id)
        self._keys.put(event.id, grant.account, key)
        state, place = self._directory.state(grant.account), Place(event.id.pbx, event.trunk)
        wish = self._wishes.of_new(
            state, key, event.id, grant.called, event.at, place, grant.caller, grant.priced
        )
        with suppress(Unavailable):  # its answer decides
            self._reserve(state, wish, refuse)

    def key_of(self, call: CallId, account: str) -> str:
        """The key of what the account holds for a leg that rings; empty when it was not asked."""
        return self._keys.of_leg(call, account)

    def _reserve(
        self, state: AccountState, wish: holds.Wish, refuse: Callable[[], None] | None = None
    ) -> asyncio.Future[Committed]:
        decide = partial(holds.reserve, wish=wish, calls_max=self._terms.calls_max(state))
        then = partial(self._reserved_or_not, key=wish.key, refuse=refuse)
        self._allowances.reserve(state, wish)
        try:
            return self._book.ask(state.account.id, decide, then)
        except Unavailable:
            self._allowances.reserved.drop(wish.key)
            raise

    def _reserved_or_not(
        self, future: asyncio.Future[Committed], key: str, refuse: Callable[[], None] | None
    ) -> None:
        """Without a hold the call counts on no bundle either."""
        facts = None if future.cancelled() or future.exception() else future.result().facts
        if facts is None or facts.state.hold(key) is None:
            self._allowances.reserved.drop(key)
            if facts is not None and refuse is not None:
                refuse()
