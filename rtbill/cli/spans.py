"""The span that a report is about: two dates, or the last whole month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rtbill.cli.frame import instant
from rtbill.domain.errors import BadRecord

if TYPE_CHECKING:
    from rtbill.config import Config


def span(
    since: str | None,
    until: str | None,
    config: Config,
    options: tuple[str, str] = ("--from", "--to"),
) -> tuple[datetime, datetime]:
    """From when until when, in UTC. Without a beginning it is the last month at the site; with one
    alone it lasts until now. BadRecord, which names the options, when it ends before it begins.
    """
    from rtbill.clock import SystemClock

    now = SystemClock().now()
    month = last_month(config.site.zone, now)
    begin = instant(since, config) or month[0]
    end = instant(until, config) or (now if since else month[1])
    if begin >= end:
        first, last = options
        raise BadRecord(f"{last} is not later than {first}, so nothing is between them")
    return begin, end


def last_month(zone: str, now: datetime) -> tuple[datetime, datetime]:
    """The whole calendar month before this one, on the zone's clock; in UTC."""
    local = now.astimezone(ZoneInfo(zone))
    ends = datetime(local.year, local.month, 1, tzinfo=local.tzinfo)
    begins = (ends - timedelta(days=1)).replace(day=1)
    return begins.astimezone(UTC), ends.astimezone(UTC)
