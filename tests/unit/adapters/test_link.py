"""The link to an exchange: gaps, deadlines, overflow, and that nothing is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import datetime, timedelta

import pytest

from rtbill.domain.account import Incoming, Outgoing, Service
from rtbill.domain.call import CallId
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.events import (
    CallAnswered,
    CallEnded,
    CallStarted,
    LinkLost,
    LinkRestored,
    LinkTrouble,
    Snapshot,
)
from tests.unit.adapters.ami_text import dial_begin, hangup, newstate, stamp, status
from tests.unit.adapters.exchange import (
    FULLY_BOOTED,
    PATIENCE_S,
    FakeExchange,
    ManualClock,
    a_pbx,
    running,
    until,
)

LOCKED = Service(Outgoing.LOCKED, Incoming.DIVERT)
CALL = CallId("lab", "1.2")


@pytest.fixture
async def exchange() -> AsyncIterator[FakeExchange]:
    async with FakeExchange() as fake:
        yield fake


async def test_the_first_event_is_the_restored_link_with_the_start_of_the_exchange(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    async with running(a_pbx(exchange, clock)) as listener:
        restored = await listener.next(LinkRestored)
    assert restored.snapshot == Snapshot("lab", clock.now(), (), (), (), made_s=clock.monotonic())
    assert restored.started_at is not None
    assert (clock.now() - restored.started_at).total_seconds() == 30


async def test_the_snapshot_reads_live_rows_then_channels_then_done_rows(
    exchange: FakeExchange,
) -> None:
    async with running(a_pbx(exchange, ManualClock())) as listener:
        await listener.next(LinkRestored)
    order = [
        action.get("Family") or action.event
        for action in exchange.heard
        if action.event in ("DBGetTree", "Status")
    ]
    assert order == ["rtbill/live", "Status", "rtbill/done"]


async def test_calls_heard_while_the_snapshot_comes_follow_the_restored_link(
    exchange: FakeExchange,
) -> None:
    exchange.silent.add("Status")
    async with running(a_pbx(exchange, ManualClock())) as listener:
        await until(lambda: bool(exchange.asked("Status")))
        exchange.say(f"{dial_begin()}\n\n{newstate()}\n\n{hangup()}")
        exchange.say_bytes(exchange.a_list(exchange.asked("Status")[0], "").encode())
        await listener.next(LinkRestored)
        await listener.next(CallStarted)
        await listener.next(CallAnswered)
        await listener.next(CallEnded)


async def test_a_lost_link_is_told_with_the_last_byte_on_the_exchanges_clock_and_comes_back(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    async with running(a_pbx(exchange, clock)) as listener:
        await listener.next(LinkRestored)
        await clock.advance(2)
        exchange.say(dial_begin(at=1.9))
        await listener.next(CallStarted)
        last_byte = clock.now()
        await clock.advance(1)
        exchange.drop()
        lost = await listener.next(LinkLost)
        ours_ahead = timedelta(seconds=0.1)  # by the stamp of the only message
        assert lost.at == last_byte - ours_ahead
        assert exchange.connections == 1
        await clock.advance(1)
        await listener.next(LinkRestored)
        assert exchange.connections == 2


async def test_a_closed_port_is_told_once_and_tried_again_ever_more_slowly(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    await exchange.stop()
    async with running(a_pbx(exchange, clock)) as listener:
        trouble = await listener.next(LinkTrouble)
        assert trouble.kind == "unreachable"
        assert "check the address" in trouble.text
        await clock.advance(40)
        assert listener.is_quiet
        await exchange.listen()
        await clock.advance(30)
        await listener.next(LinkRestored)


async def test_a_name_that_no_host_can_have_is_told_and_tried_again(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    async with running(a_pbx(exchange, clock, "pbx..example")) as listener:
        trouble = await listener.next(LinkTrouble)
        assert trouble.kind == "unreachable"
        assert f"cannot reach lab at pbx..example:{exchange.port}: its name" in trouble.text
        await clock.advance(40)
        assert listener.is_quiet, "it is told once"


async def test_a_refused_secret_is_one_clear_sentence_and_a_slow_retry(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    exchange.replies["Login"] = lambda action: exchange.error(action, "Authentication failed")
    async with running(a_pbx(exchange, clock)) as listener:
        trouble = await listener.next(LinkTrouble)
        assert trouble.kind == "login"
        assert "s3cret" not in trouble.text
        assert "manager.conf" in trouble.text
        await until(lambda: clock.longest_sleep_s > 25)
        await clock.advance(25)
        assert exchange.connections == 1
        await clock.advance(40)
        await until(lambda: exchange.connections == 2)
        assert listener.is_quiet, "it is told once"


async def test_an_exchange_that_never_says_it_is_booted_is_a_failed_sign_in_that_names_rights(
    exchange: FakeExchange,
) -> None:
    exchange.replies["Login"] = exchange.ok
    async with running(a_pbx(exchange, ManualClock())) as listener:
        trouble = await listener.next(LinkTrouble)
    assert trouble.kind == "login", "it clears with the next link that comes up"
    assert "read=call,user,system" in trouble.text


async def test_an_exchange_that_is_still_starting_is_waited_for(exchange: FakeExchange) -> None:
    exchange.replies["Login"] = exchange.ok
    async with running(a_pbx(exchange, ManualClock())) as listener:
        await until(lambda: bool(exchange.asked("Login")))
        exchange.say_bytes(FULLY_BOOTED[2:].encode())
        await listener.next(LinkRestored)


async def test_missing_and_excessive_rights_are_told(exchange: FakeExchange) -> None:
    exchange.replies["ListCommands"] = lambda action: exchange.ok(
        action, "Ping: x", "Originate: x", "Hangup: x", "AbsoluteTimeout: x", "Status: x"
    )
    async with running(a_pbx(exchange, ManualClock())) as listener:
        missing = await listener.next(LinkTrouble)
        excess = await listener.next(LinkTrouble)
        await listener.next(LinkRestored)
    assert missing.kind == excess.kind == "rights"
    assert "DBPut" in missing.text
    assert "originate" in excess.text


async def test_two_missed_pings_end_the_line_even_if_the_socket_stays_open(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    async with running(a_pbx(exchange, clock)) as listener:
        await listener.next(LinkRestored)
        await clock.advance(1)
        heard = clock.now()
        exchange.mute = True
        await clock.advance(8)
        assert listener.is_quiet
        await clock.advance(6.1)
        lost = await listener.next(LinkLost)
        assert lost.reason == "no answer to 2 pings"
        assert lost.at <= heard, "the last byte is what proves calls alive"
        exchange.mute = False
        await clock.advance(2)
        await listener.next(LinkRestored)


async def test_answered_pings_keep_the_line(exchange: FakeExchange) -> None:
    clock = ManualClock()
    async with running(a_pbx(exchange, clock)) as listener:
        await listener.next(LinkRestored)
        await clock.advance(58)
        assert listener.is_quiet
        assert exchange.connections == 1
        assert len(exchange.asked("Ping")) > 10


async def test_an_action_without_an_answer_is_unknown_and_never_sent_again(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.say(f"{dial_begin()}\n\n{newstate()}")
        await listener.next(CallStarted)
        await listener.next(CallAnswered)
        exchange.silent.add("Hangup")
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(ended_how(pbx.hang_up(CALL)))
            await until(lambda: bool(exchange.asked("Hangup")))
            exchange.drop()
        assert ending.result() is OutcomeUnknown
        await listener.next(LinkLost)
        await clock.advance(5)
        await listener.next(LinkRestored)
        assert len(exchange.asked("Hangup")) == 1


async def test_an_action_has_a_deadline_of_its_own(exchange: FakeExchange) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.silent.add("DBPut")
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(ended_how(pbx.set_service("1001", LOCKED)))
            await until(lambda: any(a.get("Key") == "1001" for a in exchange.asked("DBPut")))
            await clock.advance(6)
        assert ending.result() is OutcomeUnknown
        assert exchange.connections == 1, "the line itself is well"


async def test_without_a_link_nothing_is_done_and_nothing_is_kept_for_later(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock)
    with pytest.raises(Unavailable):
        await pbx.set_service("1001", LOCKED)
    pbx.acknowledge(CALL)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
    assert not any(action.get("Key") == "1001" for action in exchange.heard)
    assert not exchange.asked("DBDel")


async def test_more_events_than_the_buffer_holds_become_a_lost_link_never_a_silent_loss(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock, events_max=20, events_high=20)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.say("\n\n".join(dial_begin(f"1.{number}") for number in range(30)))
        await until(lambda: pbx._link.line is None)
        for _ in range(20):
            await listener.next(CallStarted)
        lost = await listener.next(LinkLost)
        assert "20 events" in lost.reason


async def test_a_slow_reader_makes_us_stop_reading_and_go_on_later(exchange: FakeExchange) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock, events_max=100_000, events_high=4)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.say("\n\n".join(dial_begin(f"1.{number}") for number in range(6)))
        await until(lambda: len(pbx._buffer) >= 6)
        exchange.say(dial_begin("1.99"))
        await clock.advance(30)
        assert len(pbx._buffer) == 6, "what came later stays in the socket"
        for _ in range(6):
            await listener.next(CallStarted)
        assert (await listener.next(CallStarted)).id.leg == "1.99"
        assert exchange.connections == 1


async def test_bytes_that_are_not_ami_end_the_line_and_are_told(exchange: FakeExchange) -> None:
    clock = ManualClock()
    async with running(a_pbx(exchange, clock)) as listener:
        await listener.next(LinkRestored)
        exchange.say_bytes(b"Event: Hangup\r\nA: " + b"b" * 9000 + b"\r\n\r\n")
        trouble = await listener.next(LinkTrouble)
        assert (trouble.kind, "8192" in trouble.text) == ("frame", True)
        await listener.next(LinkLost)
        await clock.advance(2)
        await listener.next(LinkRestored)


async def test_one_odd_message_is_told_and_left_aside(exchange: FakeExchange) -> None:
    async with running(a_pbx(exchange, ManualClock())) as listener:
        await listener.next(LinkRestored)
        exchange.say(dial_begin().replace("Timestamp: ", "Timestamp: soon"))
        assert (await listener.next(LinkTrouble)).kind == "frame"
        exchange.say(dial_begin("1.3"))
        await listener.next(CallStarted)


async def test_an_exchange_suddenly_empty_is_asked_twice_more(exchange: FakeExchange) -> None:
    clock = ManualClock()
    legs = "\n\n".join(status(f"1.{number}", answered=stamp(1)) for number in range(3))
    exchange.replies["Status"] = lambda action: exchange.a_list(action, legs)
    async with running(a_pbx(exchange, clock)) as listener:
        assert len((await listener.next(LinkRestored)).snapshot.live) == 3
        exchange.heard.clear()
        answers = iter(["", legs])
        exchange.replies["Status"] = lambda action: exchange.a_list(action, next(answers))
        await clock.advance(60)
        assert len((await listener.next(Snapshot)).live) == 3
        assert len(exchange.asked("Status")) == 2
        exchange.replies["Status"] = lambda action: exchange.a_list(action, "")
        await clock.advance(60)
        assert (await listener.next(Snapshot)).live == ()
        assert len(exchange.asked("Status")) == 5, "empty three times is believed"


async def test_the_dead_man_key_is_written_every_ten_seconds(exchange: FakeExchange) -> None:
    clock = ManualClock()
    async with running(a_pbx(exchange, clock)) as listener:
        await listener.next(LinkRestored)
        await clock.advance(31)
    values = [action.get("Val") for action in exchange.asked("DBPut")]
    assert len(values) == 4
    assert [int(value) - int(values[0]) for value in values] == [0, 10, 20, 30]


async def test_the_raw_stream_is_recorded_with_the_secret_starred_out(
    exchange: FakeExchange,
) -> None:
    recorded: list[tuple[str, bytes, datetime]] = []
    pbx = a_pbx(exchange, ManualClock())
    pbx.record(lambda direction, data, at: recorded.append((direction, data, at)))
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
    sent = b"".join(data for direction, data, _ in recorded if direction == "tx")
    heard = b"".join(data for direction, data, _ in recorded if direction == "rx")
    assert b"Secret: ***\r\n" in sent
    assert b"s3cret" not in sent
    assert heard.startswith(b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n")
    assert recorded[-1][0] == "close"


async def ended_how(action: Awaitable[None]) -> type[Exception] | None:
    """The kind of failure of an awaited action."""
    try:
        await action
    except (OutcomeUnknown, Unavailable) as failed:
        return type(failed)
    return None


@pytest.mark.parametrize("turns", range(4))
async def test_a_link_that_breaks_as_it_is_stopped_still_stops(
    exchange: FakeExchange, turns: int
) -> None:
    pbx = a_pbx(exchange, ManualClock())
    async with asyncio.timeout(PATIENCE_S), running(pbx) as listener:
        await listener.next(LinkRestored)
        pbx._link.require_line().fail("cut")
        for _ in range(turns):
            await asyncio.sleep(0)
