"""Calls of the store in memory, added up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.domain.usage import Usage, UsageFound, UsageQuestion
from tests.fakes.memory_runs import MemoryRuns


class UsageReader:
    """The part of ports.Reader about spans and sums of calls."""

    _calls: dict[str, RatedCall]
    _runs: MemoryRuns

    async def first_and_last_call(self) -> tuple[datetime, datetime] | None:
        """The instants of the oldest and the newest call."""
        instants = [_began_at(call) for call in self._calls.values()]
        return (min(instants), max(instants)) if instants else None

    async def usage(self, asked: UsageQuestion) -> UsageFound:
        """Rated calls added up one by one."""
        chosen = [
            self._runs.newest(call)
            for call in self._calls.values()
            if asked.since <= _began_at(call) < asked.until
            and asked.account in (None, call.account)
        ]
        waits = (CallStatus.UNRATED, CallStatus.UNCONFIRMED)
        waiting = sum(call.status in waits for call in chosen)
        return UsageFound(_sums(chosen, asked), waiting)


def _began_at(call: RatedCall) -> datetime:
    return call.record.answered_at or call.record.ended_at


def _sums(calls: Iterable[RatedCall], asked: UsageQuestion) -> list[Usage]:
    sums: dict[tuple[str, str, str, str], Usage] = {}
    for call in calls:
        if call.status is not CallStatus.RATED:
            continue
        one = _one(call, asked)
        key = (one.account or "", one.person or "", one.destination or "", one.currency)
        sums[key] = _added(sums[key], one) if key in sums else one
    return [sums[key] for key in sorted(sums)]


def _one(call: RatedCall, asked: UsageQuestion) -> Usage:
    price = call.price
    assert price is not None
    is_costed = price.cost_micros is not None
    return Usage(
        account=call.account if asked.by_account else None,
        person=call.person if asked.by_person else None,
        destination=price.destination if asked.by_destination else None,
        currency=price.currency,
        calls=1,
        talk_us=call.record.talk_us,
        billed_s=price.billed_s,
        micros=price.micros,
        tax_micros=price.tax_micros,
        cost_micros=price.cost_micros or 0,
        costed=int(is_costed),
        costed_net_micros=price.net_micros if is_costed else 0,
    )


def _added(one: Usage, other: Usage) -> Usage:
    return replace(
        one,
        calls=one.calls + other.calls,
        talk_us=one.talk_us + other.talk_us,
        billed_s=one.billed_s + other.billed_s,
        micros=one.micros + other.micros,
        tax_micros=one.tax_micros + other.tax_micros,
        cost_micros=one.cost_micros + other.cost_micros,
        costed=one.costed + other.costed,
        costed_net_micros=one.costed_net_micros + other.costed_net_micros,
    )
