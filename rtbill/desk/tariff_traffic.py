"""Last month's calls priced anew, read in slices so that nothing else has to wait for them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.ports import CallFilter, Reader
from rtbill.rating.traffic import Traffic

TRAFFIC_DAYS = 30
CALLS_MAX = 200_000
"""Of the newest calls; more are not read."""
_SLICE = 2_000
_MICROSECOND = timedelta(microseconds=1)


async def add_last_month(traffic: Traffic, reader: Reader, now: datetime) -> bool:
    """Count the calls of the last thirty days, the newest first; False when there were more than
    CALLS_MAX and the older ones were left out. Only reading.
    """
    since, until = now - timedelta(days=TRAFFIC_DAYS), now
    left = CALLS_MAX
    at_until: set[str] = set()
    """Calls of the instant at which the slice before ended, which the next one meets again."""
    while left > 0:
        wanted = CallFilter(status=CallStatus.RATED, since=since, until=until, limit=_SLICE)
        calls = await reader.calls(wanted)
        fresh = [call for call in calls if str(call.record.id) not in at_until]
        await asyncio.to_thread(traffic.add, fresh[:left])
        left -= len(fresh)
        if len(calls) < _SLICE or not fresh:
            return True
        last = _began_at(calls[-1])
        at_until = {str(call.record.id) for call in calls if _began_at(call) == last}
        until = last + _MICROSECOND
    return False


def _began_at(call: RatedCall) -> datetime:
    """As CallFilter counts it."""
    return call.record.answered_at or call.record.ended_at
