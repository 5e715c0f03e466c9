"""Calls added up by account, person, destination and month of the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rtbill.domain.usage import Usage, UsageQuestion
from rtbill.ports import Reader

Span = tuple[str | None, datetime, datetime]
"""A month by name, or None, and from when until when."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sum, and its month where months were asked for: `2026-12`."""

    month: str | None
    usage: Usage


async def add_up(
    reader: Reader, question: UsageQuestion, zone: ZoneInfo | None
) -> tuple[list[Line], int]:
    """The sums, by month first when there is a zone to know them by; and how many calls wait for a
    price and are in none of them.
    """
    spans: Iterable[Span] = [(None, question.since, question.until)]
    if zone is not None:
        spans = months(question.since, question.until, zone)
    lines, waiting = [], 0
    for month, begin, end in spans:
        found = await reader.usage(replace(question, since=begin, until=end))
        lines += [Line(month, each) for each in found.sums]
        waiting += found.waiting
    return lines, waiting


def months(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[Span]:
    """The months of the span as `2026-12`, each from its midnight at the site to the next one's;
    the first and the last may be parts.
    """
    local = since.astimezone(zone)
    year, month = local.year, local.month
    begin = since
    while begin < until:
        following = (year + month // 12, month % 12 + 1)
        end = min(until, datetime(*following, 1, tzinfo=zone).astimezone(UTC))
        yield f"{year:04}-{month:02}", begin, end
        begin, (year, month) = end, following
