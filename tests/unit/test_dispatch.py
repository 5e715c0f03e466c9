"""The outbox at work: order, repetition, and ways that do not wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rtbill import dispatch
from rtbill.alarms import Alarms
from rtbill.domain.changes import Change, NoticesSent, PostNotices
from rtbill.domain.errors import Deferred, Unavailable
from rtbill.domain.notice import Notice
from tests.fakes.builders import at
from tests.fakes.environment import CountingMeter
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_clock import VirtualClock, settle


class FakeNotifier:
    """ports.Notifier that fails when told."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.deferred: dict[str, float] = {}
        """By subject, for how many seconds each is put off."""
        self.rests = 0
        self.sent: list[str] = []
        self.failures = 0
        self.refuses = ""

    async def send(self, notice: Notice) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("the broker does not answer")
        if notice.subject == self.refuses:
            raise Unavailable("not this one")
        if pause_s := self.deferred.pop(notice.subject, 0.0):
            raise Deferred("not just now", pause_s)
        self.sent.append(notice.subject)

    async def rest(self) -> None:
        self.rests += 1


class Post:
    """An outbox with notices, and two ways out."""

    def __init__(self, store: type[MemoryStore]) -> None:
        self.clock = VirtualClock()
        self.store = store(self.clock)
        self.alarms = Alarms(self.clock)
        self.notifier = FakeNotifier()
        self.other = FakeNotifier("other")

    async def write(self, *subjects: str) -> None:
        notices = tuple(Notice("call.unrated", each, "", at("12:00:00")) for each in subjects)
        await self.store.change(PostNotices(notices))

    async def left(self) -> list[str]:
        return [each.notice.subject for each in await self.store.waiting_notices(100)]


@asynccontextmanager
async def a_post(store: type[MemoryStore] = MemoryStore) -> AsyncIterator[Post]:
    post = Post(store)
    async with asyncio.TaskGroup() as group:
        pump = dispatch.pump_outbox(
            [post.notifier, post.other],
            post.store,
            post.store,
            post.alarms,
            post.clock,
            CountingMeter(),
        )
        task = group.create_task(pump, name="outbox")
        await settle()
        try:
            yield post
        finally:
            task.cancel()


async def test_notices_are_sent_in_order_and_forgotten() -> None:
    async with a_post() as post:
        await post.write("one", "two")
        await post.clock.advance(1)

        assert post.notifier.sent == ["one", "two"]
        assert await post.left() == []


async def test_a_notice_is_repeated_until_it_is_out() -> None:
    async with a_post() as post:
        await post.write("one")
        post.notifier.failures = 5
        await post.clock.advance(5)
        assert (await post.left())[0] == "one"
        assert [alarm.kind for alarm in post.alarms.active()] == ["outbox"]

        await post.clock.advance(600)

        assert "one" in post.notifier.sent
        assert await post.left() == []
        assert post.alarms.active() == []


async def test_what_went_out_before_a_failure_is_not_sent_again() -> None:
    async with a_post() as post:
        post.notifier.refuses = "two"
        await post.write("one", "two", "three")
        await post.clock.advance(30)

        assert post.notifier.sent == ["one"]
        assert (await post.left())[:2] == ["two", "three"]


async def test_alarms_reach_the_outbox() -> None:
    async with a_post() as post:
        post.alarms.raise_("link", "hotel", "lost")
        await post.clock.advance(1)

        assert post.notifier.sent == ["link hotel"]


async def test_a_way_that_fails_holds_up_no_other_and_repeats_nothing_there() -> None:
    async with a_post() as post:
        post.notifier.refuses = "two"
        await post.write("one", "two", "three")
        await post.clock.advance(60)
        assert post.other.sent == ["one", "two", "three", "outbox fake"]

        post.notifier.refuses = ""
        await post.clock.advance(600)
        assert post.notifier.sent[:3] == ["one", "two", "three"]
        assert post.other.sent[:3] == ["one", "two", "three"]
        assert post.other.sent.count("two") == 1
        assert await post.left() == []


async def test_a_notice_that_is_put_off_lets_the_others_go_and_is_tried_again_in_time() -> None:
    async with a_post() as post:
        post.notifier.deferred["two"] = 90.0
        await post.write("one", "two", "three")
        await post.clock.advance(89)
        assert post.notifier.sent == ["one", "three"]
        assert await post.left() == ["two"]
        assert post.alarms.active() == []

        await post.clock.advance(3)
        assert post.notifier.sent == ["one", "three", "two"]
        assert await post.left() == []


async def test_a_way_rests_once_for_all_that_was_there() -> None:
    async with a_post() as post:
        await post.write("one", "two", "three")
        await post.clock.advance(10)
        assert post.notifier.rests == 1


class ForgetfulStore(MemoryStore):
    """Fails to forget what was sent, a number of times."""

    failures = 2

    async def change(self, change: Change) -> None:
        if isinstance(change, NoticesSent) and self.failures:
            self.failures -= 1
            raise Unavailable("disk full")
        await super().change(change)


async def test_what_cannot_be_forgotten_yet_is_not_sent_again() -> None:
    async with a_post(ForgetfulStore) as post:
        await post.write("one")
        await post.clock.advance(30)
        assert post.notifier.sent[0] == "one"
        assert post.notifier.sent.count("one") == post.other.sent.count("one") == 1
        assert await post.left() == []


async def test_more_than_a_batch_leaves_in_order() -> None:
    async with a_post() as post:
        subjects = [str(number) for number in range(2 * dispatch.BATCH + 1)]
        await post.write(*subjects)
        await post.clock.advance(5)
        assert post.notifier.sent == post.other.sent == subjects
        assert await post.left() == []
