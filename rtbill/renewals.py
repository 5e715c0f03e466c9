"""Bundles that begin, end or renew at some instant: locks and limits follow as it passes."""

from __future__ import annotations

import asyncio
from datetime import datetime

from rtbill.billing import Billing
from rtbill.domain.errors import PortFailed
from rtbill.ports import Clock
from rtbill.pricing.allowances import PERIODS_KEPT

LOOK_S = 5.0
"""So late at most a bundle's month begins for locks; a call itself is always paid by its own."""
AT_ONCE_MAX = 25
"""Accounts that are decided anew before others get their turn."""
RETRY_S = 1.0


async def watch_turns(billing: Billing, clock: Clock) -> None:
    """Note for ever whose bundles begin, end or renew."""
    looked_at = clock.now()
    while True:
        await clock.sleep(LOOK_S)
        now = clock.now()
        if now > looked_at:
            _note(billing, looked_at, now)
            looked_at = now


def _note(billing: Billing, after: datetime, until: datetime) -> None:
    found = billing.allowances.turning(after, until)
    if found:
        billing.turned.add(sorted(found))
        billing.allowances.forget(until - PERIODS_KEPT)


async def follow_turns(billing: Billing, clock: Clock) -> None:
    """Decide for ever what service those accounts shall have, and how long they may talk."""
    while True:
        await billing.turned.arrived.wait()
        accounts = billing.turned.take(AT_ONCE_MAX)
        try:
            await billing.reassess(accounts)
        except PortFailed:
            billing.turned.add(accounts)
            await clock.sleep(RETRY_S)
        await asyncio.sleep(0)
