"""Events that wait for a receiver, and what becomes of them when it is slow, broken or gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from rtbill.alarms import Alarms
from rtbill.domain.errors import Unavailable
from rtbill.domain.notice import Notice
from rtbill.notify.webhook import WebhookQueue, event_id
from rtbill.notify.webhook_sender import WebhookSender
from tests.fakes.builders import at
from tests.fakes.environment import CountingMeter
from tests.fakes.memory_store import MemoryStore
from tests.fakes.office import an_office
from tests.fakes.virtual_clock import VirtualClock

LOW = (("available", "0.80"), ("currency", "EUR"))


def a_notice(subject: str = "room-1", kind: str = "balance.low", **words: str) -> Notice:
    return Notice(kind, subject, "0.80 EUR left", at("12:00:00"), (*LOW, *words.items()))


class FakePost:
    """A receiver that answers what it is told to: a status, or nothing at all."""

    def __init__(self) -> None:
        self.answers: list[int | str] = []
        """Of the next events; then 204."""
        self.by_account: dict[str, int] = {}
        self.tried: list[str] = []
        self.taken: list[str] = []

    async def send(self, identity: str, body: bytes, at_s: int) -> int:
        event = json.loads(body)
        assert event["id"] == identity
        assert at_s > 0
        self.tried.append(event["account"])
        answer: int | str = 204
        if event["account"] in self.by_account:
            answer = self.by_account[event["account"]]
        elif self.answers:
            answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise Unavailable(answer)
        if answer < 300:
            self.taken.append(event["account"])
        return answer


class Line:
    """A webhook over books in memory."""

    def __init__(self, events: Sequence[str] = ("account.low",), give_up_h: int = 72) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        self.alarms = Alarms(self.clock)
        self.post = FakePost()
        self.meter = CountingMeter()
        self.queue = WebhookQueue("billing", frozenset(events), self.store)
        self.give_up = timedelta(hours=give_up_h)
        self.sender = self.a_sender()

    def a_sender(self) -> WebhookSender:
        return WebhookSender(
            name="billing",
            queue=self.queue,
            post=self.post,
            give_up=self.give_up,
            feed=self.store,
            store=self.store,
            alarms=self.alarms,
            clock=self.clock,
            meter=self.meter,
        )

    async def tell(self, *accounts: str) -> None:
        for account in accounts:
            await self.queue.send(a_notice(account))

    async def left(self) -> list[str]:
        waiting = await self.store.waiting_events("billing", 1000)
        return [json.loads(each.event.body)["account"] for each in waiting]

    def said(self) -> list[str]:
        return [f"{each.subject}: {each.text}" for each in self.alarms.active()]


async def test_what_is_wanted_waits_as_an_event_and_what_is_not_does_not() -> None:
    line = Line()
    await line.queue.send(a_notice())
    await line.queue.send(a_notice(kind="service.locked"))
    await line.queue.send(a_notice(kind="pay.link", link="https://secret"))
    (waiting,) = await line.store.waiting_events("billing", 9)
    assert json.loads(waiting.event.body) == {
        "id": waiting.event.event,
        "type": "account.low",
        "created": "2026-10-05T12:00:00.000000Z",
        "account": "room-1",
        "data": {"available": "0.80", "currency": "EUR", "text": "0.80 EUR left"},
    }


async def test_a_top_up_is_told_as_a_credit_and_no_link_is_ever_told() -> None:
    line = Line(events=["account.credited", "topup.failed"])
    await line.queue.send(a_notice(kind="topup.done", amount="20.00"))
    await line.queue.send(a_notice(kind="topup.failed", link="https://secret"))
    bodies = [each.event.body for each in await line.store.waiting_events("billing", 9)]
    assert [json.loads(each)["type"] for each in bodies] == ["account.credited", "topup.failed"]
    assert "secret" not in "".join(bodies)


async def test_a_notice_that_comes_twice_is_one_event() -> None:
    line = Line()
    await line.tell("room-1", "room-1")
    assert await line.left() == ["room-1"]
    assert event_id(a_notice("room-1")) != event_id(a_notice("room-2"))


async def test_events_leave_in_order_and_are_forgotten() -> None:
    line = Line()
    await line.tell("a", "b", "c")
    await line.sender.round()
    assert line.post.taken == ["a", "b", "c"]
    assert await line.left() == []
    assert line.said() == []


async def test_an_event_that_is_not_taken_holds_up_no_other_and_is_tried_again() -> None:
    line = Line()
    line.post.by_account["b"] = 500
    await line.tell("a", "b", "c")
    await line.sender.round()
    assert line.post.taken == ["a", "c"]
    assert await line.left() == ["b"]
    await line.sender.round()
    assert line.post.tried == ["a", "b", "c"]

    line.post.by_account.clear()
    await line.clock.advance(5)
    await line.sender.round()
    assert await line.left() == []


async def test_a_receiver_that_cannot_be_reached_is_left_alone_and_alarmed_the_second_time() -> (
    None
):
    line = Line()
    line.post.answers = ["no answer within 10 s", "no answer within 10 s"]
    await line.tell("a", "b")
    await line.sender.round()
    assert line.post.tried == ["a"]
    assert line.said() == []
    await line.clock.advance(60)
    await line.sender.round()
    assert line.said() == [
        "billing: events wait: no answer within 10 s; they are sent again for up to 3 days, 0:00:00"
    ]
    await line.clock.advance(60)
    await line.sender.round()
    assert await line.left() == []
    assert line.said() == []


async def test_a_receiver_that_takes_nothing_is_asked_three_times_a_round_at_most() -> None:
    line = Line()
    line.post.answers = [500] * 99
    await line.tell(*"abcdefgh")
    await line.sender.round()
    assert line.post.tried == ["a", "b", "c"]


async def test_pauses_grow_up_to_an_hour() -> None:
    line = Line(give_up_h=336)
    line.post.answers = [500] * 10_000
    await line.tell("a")
    tries = []
    for _ in range(24 * 60):
        before = len(line.post.tried)
        await line.sender.round()
        tries.append(len(line.post.tried) - before)
        await line.clock.advance(60)
    assert sum(tries[:10]) >= 4
    assert 24 <= sum(tries) <= 70


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_taken_and_the_alarm_says_so(status: int) -> None:
    line = Line()
    line.post.answers = [status] * 99
    await line.tell("a", "b", "c")
    for _ in range(2):
        await line.sender.round()
        await line.clock.advance(60)
    assert line.said()[0].startswith(
        f"billing: events wait: it answered {status}, a redirect, which is not followed: mend url"
    )


async def test_gone_switches_the_webhook_off_and_alarms() -> None:
    line = Line()
    line.post.answers = [410]
    await line.tell("a", "b")
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(line.sender.serve())
        await line.clock.advance(1)
    assert serving.done()
    await line.tell("c")
    assert line.post.tried == ["a"]
    assert await line.left() == []
    assert "billing: the receiver answered 410 Gone" in line.said()[0]


async def test_an_event_that_waited_too_long_is_given_up_and_that_is_told() -> None:
    line = Line(give_up_h=1)
    line.post.answers = [500] * 99
    await line.tell("a")
    await line.sender.round()
    await line.clock.advance(3601)
    await line.sender.round()
    assert await line.left() == []
    assert (
        "billing lost: 1 events were given up after 1 h, the last because it answered 500"
        in (line.said()[0])
    )
    await line.tell("b")
    line.post.answers.clear()
    await line.clock.advance(60)
    await line.sender.round()
    assert [each.partition(":")[0] for each in line.said()] == ["billing lost"]


async def test_what_was_not_out_before_a_restart_is_sent_after_it() -> None:
    line = Line()
    line.post.answers = ["connection refused"]
    await line.tell("a", "b")
    await line.sender.round()
    line.sender = line.a_sender()
    await line.sender.round()
    assert line.post.taken == ["a", "b"]


async def test_calls_are_told_only_where_somebody_wants_them() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        assert await office.waiting() == []


async def test_a_call_is_told_with_its_price_and_an_unanswered_one_without() -> None:
    async with an_office() as office:
        office.billing.policies.told = frozenset({"call.ended", "call.rated"})
        await office.hear("12:00:05 answer 1\n12:01:35 end 1\n12:02:00 start 2\n12:02:09 end 2")
        notices = await office.waiting()
        assert [(each.kind, each.subject) for each in notices] == [
            ("call.ended", "hotel/1"),
            ("call.rated", "hotel/1"),
            ("call.ended", "hotel/2"),
        ]
        line = Line(events=["call.rated"])
        for notice in notices:
            await line.queue.send(notice)
        (waiting,) = await line.store.waiting_events("billing", 9)
        event = json.loads(waiting.event.body)
        assert event["account"] == "room-1"
        told = {name: event["data"][name] for name in ("call", "price", "currency", "balance")}
        assert told == {"call": "hotel/1", "price": "0.90", "currency": "EUR", "balance": "9.10"}
