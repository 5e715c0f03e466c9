"""The stream of changes: each is told, of many the latest, and nobody can make it grow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtbill.domain.errors import Refused
from rtbill.live import feed as live_feed
from rtbill.live.calls import LiveCalls
from rtbill.live.feed import Event, Listener, LiveFeed
from tests.fakes.builders import a_rate, a_tariff
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

SECOND = a_tariff(a_rate("1/1", "0.60"))


@asynccontextmanager
async def feeding(office: Office) -> AsyncIterator[LiveFeed]:
    feed = LiveFeed(office.billing, LiveCalls(office.billing, office.clock), office.clock)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(feed.serve())
        yield feed
        serving.cancel()


async def joined(feed: LiveFeed) -> Listener:
    async with asyncio.timeout(5):
        return await feed.join()


async def told(listener: Listener) -> list[Event]:
    async with asyncio.timeout(5):
        return await listener.take()


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def of_kind(events: list[Event], kind: str) -> dict[str, Any]:
    [found] = [event for event in events if event.kind == kind]
    content = json.loads(found.text)
    assert isinstance(content, dict)
    return content


async def test_a_call_is_told_as_it_comes_changes_and_ends() -> None:
    async with an_office("5.00", tariff=SECOND) as office, feeding(office) as feed:
        listener = await joined(feed)
        await office.hear("12:00:00 start 1")
        await office.clock.advance(1)
        events = await told(listener)
        assert of_kind(events, "up")["state"] == "ringing"
        assert of_kind(events, "balance")["held"] == "0.60"

        await office.hear("12:00:01 answer 1")
        await office.clock.advance(1)
        events = await told(listener)
        assert of_kind(events, "changed")["state"] == "talking"

        await office.hear("12:00:31 end 1")
        await office.clock.advance(1)
        events = await told(listener)
        ended = of_kind(events, "ended")
        assert (ended["call"], ended["cost"], ended["status"]) == ("hotel/1", "0.30", "rated")
        assert of_kind(events, "balance")["balance"] == "4.70"


async def test_numbers_rise_by_one() -> None:
    async with an_office("5.00", tariff=SECOND) as office, feeding(office) as feed:
        listener = await joined(feed)
        for leg in range(3):
            await office.hear(f"12:00:00 answer {leg}")
        await office.clock.advance(1)
        numbers = [event.number for event in await told(listener)]

    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_renewed_grant_is_a_change() -> None:
    async with an_office("5.00", tariff=SECOND) as office, feeding(office) as feed:
        await office.hear("12:00:00 answer 1")
        listener = await joined(feed)
        await office.clock.advance(46)
        await told(listener)
        await office.clock.advance(3)
        changed = of_kind(await told(listener), "changed")

    assert (changed["granted_s"], changed["held"]) == (120, "1.20")


async def test_money_of_an_account_without_calls_is_told() -> None:
    async with an_office("5.00") as office, feeding(office) as feed:
        listener = await joined(feed)
        await office.credit("2.50")
        await office.clock.advance(1)
        balance = of_kind(await told(listener), "balance")

    assert (balance["account"], balance["balance"], balance["currency"]) == (
        "room-1",
        "7.50",
        "EUR",
    )


async def test_who_joins_later_is_first_told_all_there_is_in_parts() -> None:
    async with an_office("500.00", tariff=SECOND) as office, feeding(office) as feed:
        calls = live_feed.PART_CALLS + 1
        await office.hear("\n".join(f"12:00:00 answer {leg}" for leg in range(calls)))
        await joined(feed)
        parts = [json.loads(event.text) async for event in feed.snapshot()]

    assert [(each["part"], each["parts"]) for each in parts] == [(1, 2), (2, 2)]
    assert len({call["call"] for each in parts for call in each["calls"]}) == calls
    assert parts[0]["totals"]["talking"] == calls


async def test_without_calls_there_is_a_snapshot_all_the_same() -> None:
    async with an_office() as office, feeding(office) as feed:
        await joined(feed)
        [part] = [json.loads(event.text) async for event in feed.snapshot()]

    assert (part["part"], part["parts"], part["calls"]) == (1, 1, [])


async def test_what_is_too_much_for_one_pass_is_told_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_feed, "TOLD_PER_PASS_MAX", 20)
    async with an_office("500.00", tariff=SECOND) as office, feeding(office) as feed:
        listener = await joined(feed)
        calls = 25
        await office.hear("\n".join(f"12:00:00 answer {leg}" for leg in range(calls)))
        await office.clock.advance(0.5)
        first = await told(listener)
        await office.clock.advance(0.5)
        then = await told(listener)

    assert len(first) == 20
    up = [json.loads(event.text)["call"] for event in [*first, *then] if event.kind == "up"]
    assert len(up) == len(set(up)) == calls


async def test_who_does_not_read_is_let_go_and_told_so() -> None:
    listener = Listener()
    for number in range(live_feed.WAITING_MAX + 1):
        listener.offer(Event("balance", "{}", number))
    [last] = await told(listener)

    assert last.kind == "dropped"
    assert "events behind" in json.loads(last.text)["reason"]


async def test_no_more_may_listen_than_there_is_room_for() -> None:
    async with an_office() as office, feeding(office) as feed:
        listeners = [await joined(feed) for _ in range(live_feed.LISTENERS_MAX)]
        with pytest.raises(Refused, match="listen already"):
            await feed.join()
        feed.leave(listeners[0])
        await joined(feed)


async def test_nothing_is_reckoned_while_nobody_looks_on() -> None:
    async with an_office("5.00", tariff=SECOND) as office, feeding(office) as feed:
        await office.hear("12:00:00 answer 1")
        await office.credit("1.00")
        await office.clock.advance(5)
        assert not feed._marks
        assert not feed._touched

        listener = await joined(feed)
        assert feed._marks
        feed.leave(listener)
        await office.clock.advance(1)
        assert not feed._marks


async def test_calls_from_before_are_no_news_to_who_comes_back() -> None:
    async with an_office("5.00", tariff=SECOND) as office, feeding(office) as feed:
        feed.leave(await joined(feed))
        await office.clock.advance(1)
        await office.hear("12:00:01 answer 1")
        listener = await joined(feed)
        await office.clock.advance(1)
        await office.credit("1.00")
        await office.clock.advance(1)

        assert kinds(await told(listener)) == ["balance"]


async def test_an_end_that_is_not_in_the_books_is_told_without_its_price() -> None:
    async with an_office("5.00", tariff=SECOND) as office, feeding(office) as feed:
        await office.hear("12:00:00 answer 1")
        listener = await joined(feed)
        office.store.is_stuck = True
        await office.hear("12:00:05 end 1")
        await office.clock.advance(2)
        assert not listener._waiting
        await office.clock.advance(3)
        ended = of_kind(await told(listener), "ended")
        assert (ended["call"], ended["cost"], ended["status"]) == ("hotel/1", None, None)
        office.store.is_stuck = False
        office.store.commit()


async def test_when_rtbill_stops_its_listeners_are_told() -> None:
    async with an_office() as office:
        async with feeding(office) as feed:
            listener = await joined(feed)
        await settle()
        [last] = await told(listener)

    assert json.loads(last.text) == {"reason": "rtbill stops; connect again"}
