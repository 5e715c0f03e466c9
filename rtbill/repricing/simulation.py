"""What a dry run finds where bundles pay: each call rated after those before it, on a copy of what
is used of the pools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from rtbill.domain.account import Account
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.bundle import PoolKey
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import NumberKind, PricedCall, RatedCall, Repriced
from rtbill.ports import Reader
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place
from rtbill.pricing.bundling import Bundling, move
from rtbill.pricing.site_hook import Caller
from rtbill.repricing.dry_run import Tally, Unpriced

TURN = 8
"""Calls priced before others get their turn."""


class Simulation:
    """Pools as they stand in the books, and as what is simulated leaves them."""

    def __init__(self, assessor: Assessor, reader: Reader) -> None:
        self._assessor = assessor
        self._reader = reader
        self._used: dict[PoolKey, int] = {}

    async def reprice(
        self, terms: Account, page: Sequence[PricedCall], tally: Tally
    ) -> list[Repriced]:
        """Those of the page that become others; those without a rate are noted."""
        bundlings = await bundlings_of(self._assessor, terms, page, tally)
        await self._look_up(held_pools(page, bundlings.values()))
        found = []
        for count, call in enumerate(page, start=1):
            bundling = bundlings.get(call.key)
            if bundling is None:
                continue
            try:
                repriced = bundling.reprice(call, self._used)
            except NoRate as missing:
                note_unpriced(tally, terms, call, missing)
                continue
            if repriced is not None:
                found.append(repriced)
            if count % TURN == 0:
                await asyncio.sleep(0)
        return found

    async def bill(self, call: RatedCall) -> RatedCall:
        """A call that is billed now, at its price after those before it."""
        bundling = self._assessor.bundling_of(call)
        if bundling is None:
            return call
        await self._look_up(bundling.pools)
        billed = bundling.settle(call, self._used)
        move(self._used, billed.draws)
        return billed

    async def _look_up(self, pools: Iterable[PoolKey]) -> None:
        unknown = [pool for pool in pools if pool not in self._used]
        if unknown:
            self._used |= dict.fromkeys(unknown, 0) | dict(await self._reader.pools(unknown))


async def bundlings_of(
    assessor: Assessor, terms: Account, page: Sequence[PricedCall], tally: Tally | None = None
) -> dict[str, Bundling]:
    """How the price of each call of the page is made, by its key; without those that have no rate
    now.
    """
    found = {}
    for count, call in enumerate(page, start=1):
        called, place, adjustment = asked_again(assessor, terms, call)
        asked = (called, call.answered_at, call.talk_us, place, adjustment)
        kept = call.draws if call.invoiced else None
        try:
            bundling = assessor.bundling(terms, *asked, kept)
            bundling.offer.base(bundling.asked, 0)
        except NoRate as missing:
            if tally is not None:
                note_unpriced(tally, terms, call, missing)
            continue
        found[call.key] = bundling
        if count % TURN == 0:
            await asyncio.sleep(0)
    return found


def asked_again(
    assessor: Assessor, terms: Account, call: PricedCall
) -> tuple[CalledNumber, Place, Adjustment | None]:
    """How its number was read and where it left, then; and what the site's hook says of it now."""
    called = CalledNumber(NumberKind.CHARGEABLE, call.number, "as it was read then")
    place = Place(call.pbx, call.trunk)
    caller = Caller(call.payer or "", call.dialled or "", call.person or "")
    adjustment = assessor.adjustment(terms, called, call.answered_at, place, caller)
    return called, place, adjustment


def held_pools(calls: Iterable[PricedCall], bundlings: Iterable[Bundling]) -> tuple[PoolKey, ...]:
    """What these calls took from, or may take from."""
    taken = [draw.pool for call in calls for draw in call.draws]
    return tuple(dict.fromkeys([*taken, *(pool for each in bundlings for pool in each.pools)]))


def note_unpriced(tally: Tally, terms: Account, call: PricedCall, why: NoRate) -> None:
    """A call of the account has no rate now."""
    tally.unpriced(terms.id, terms.currency, Unpriced(call.key, call.number or "?", str(why)))
