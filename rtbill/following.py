"""Waiting for what is becoming durable: it does so whether or not anybody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rtbill.domain.work import Committed


async def durable(
    future: asyncio.Future[Committed], follow_late: Callable[[Committed], object]
) -> Committed:
    """What became of it, for the caller to follow. Where the caller gives up waiting, as a page
    whose reader left or an order past its time, nothing is undone: `follow_late` follows instead.
    """
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:

        def follow(done: asyncio.Future[Committed]) -> None:
            if not done.cancelled() and done.exception() is None:
                follow_late(done.result())

        future.add_done_callback(follow)
        raise
