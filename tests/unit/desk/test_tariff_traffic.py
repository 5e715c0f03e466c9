"""Last month's calls by another list of rates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from rtbill.desk import tariff_traffic
from rtbill.desk.tariff_traffic import add_last_month
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.ports import CallFilter
from rtbill.rating.lookup import RateTable
from rtbill.rating.tariff_report import traffic_json
from rtbill.rating.traffic import Traffic
from tests.fakes.books import a_call, a_price, a_record
from tests.fakes.memory_store import MemoryStore
from tests.unit.rating.builders import a_rate, a_tariff

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Shelf(MemoryStore):
    """A reader of these calls that remembers how many it was asked for at once."""

    def __init__(self, calls: Sequence[RatedCall]) -> None:
        self._kept = calls
        self.largest = 0

    async def calls(self, wanted: CallFilter) -> Sequence[RatedCall]:
        """Newest first, answered from `since` up to, not including, `until`."""
        assert wanted.since is not None
        assert wanted.until is not None
        found = [
            call
            for call in self._kept
            if call.status is wanted.status
            and wanted.since <= (call.record.answered_at or NOW) < wanted.until
        ]
        found.sort(key=lambda call: call.record.answered_at or NOW, reverse=True)
        self.largest = max(self.largest, min(wanted.limit, len(found)))
        return found[: wanted.limit]


def made(
    leg: int, ago: timedelta, number: str = "+41315550100", minutes: int = 1, tariff: str = "retail"
) -> RatedCall:
    """A call of so many whole minutes."""
    at = NOW - ago
    record = a_record(
        str(leg),
        answered_at=at,
        ended_at=at + timedelta(minutes=minutes),
    )
    price = a_price()._replace(tariff=tariff)
    return a_call(record=record, number=number, price=price)


def traffic() -> Traffic:
    """From 0.10 a minute to Switzerland to 0.15, and from 0.20 to Austria to no rate."""
    old = a_tariff(a_rate(per_minute="0.10", prefix="41"), a_rate(per_minute="0.20", prefix="43"))
    return Traffic(
        RateTable(old), RateTable(a_tariff(a_rate(per_minute="0.15", prefix="41"))), "retail"
    )


async def test_calls_of_the_last_thirty_days_are_priced_by_both_lists() -> None:
    day = timedelta(days=1)
    calls = [
        made(1, day, minutes=3),
        made(2, 29 * day, minutes=2),
        made(3, 31 * day),
        made(4, day, "+4315550100"),
        made(5, day, tariff="hotel"),
        made(6, day, "+4955550100"),
        a_call("7", CallStatus.UNRATED),
    ]
    found = traffic()
    assert await add_last_month(found, Shelf(calls), NOW)
    answer = traffic_json(found, 20, is_whole=True)
    assert answer == {
        "tariff": "retail",
        "currency": "EUR",
        "whole": True,
        "calls": 2,
        "talk_s": 300,
        "before": "0.50",
        "after": "0.75",
        "difference": "0.25",
        "without_rate": 1,
        "destinations": [
            {
                "destination": "Destination 41",
                "calls": 2,
                "talk_s": 300,
                "before": "0.50",
                "after": "0.75",
                "difference": "0.25",
                "without_rate": 0,
            },
            {
                "destination": "Destination 43",
                "calls": 0,
                "talk_s": 0,
                "before": "0.00",
                "after": "0.00",
                "difference": "0.00",
                "without_rate": 1,
            },
        ],
        "destination_count": 2,
    }


async def test_slices_count_every_call_once_also_those_of_one_instant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tariff_traffic, "_SLICE", 4)
    instants = [timedelta(hours=hours) for hours in (1, 1, 2, 2, 2, 3, 4, 4, 5, 6, 6)]
    shelf = Shelf([made(leg, ago) for leg, ago in enumerate(instants)])
    found = traffic()
    assert await add_last_month(found, shelf, NOW)
    assert found.total().calls == len(instants)
    assert shelf.largest == 4


async def test_more_calls_than_are_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tariff_traffic, "_SLICE", 4)
    monkeypatch.setattr(tariff_traffic, "CALLS_MAX", 6)
    calls = [made(leg, timedelta(hours=leg + 1)) for leg in range(10)]
    found = traffic()
    assert not await add_last_month(found, Shelf(calls), NOW)
    assert found.total().calls == 6
