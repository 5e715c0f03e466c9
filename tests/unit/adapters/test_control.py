"""Orders to an exchange: what is sent, and what is refused before it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.asterisk.wire import Message
from rtbill.domain.account import Incoming, Outgoing, Service
from rtbill.domain.call import CallId
from rtbill.domain.errors import Unavailable
from rtbill.domain.events import (
    CallAnswered,
    CallStarted,
    LinkLost,
    LinkRestored,
    LinkTrouble,
)
from tests.unit.adapters.ami_text import dial_begin, newstate, row, stamp, status
from tests.unit.adapters.exchange import (
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


async def test_a_leg_is_cut_by_the_exchange_so_many_seconds_after_its_answer(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        await clock.advance(4)
        exchange.say(f"{dial_begin(at=4)}\n\n{newstate(at=4)}")
        await listener.next(CallStarted)
        await listener.next(CallAnswered)
        await clock.advance(3)
        await pbx.limit(CALL, 10.0)
        [order] = exchange.asked("AbsoluteTimeout")
        assert order.get("Channel") == "PJSIP/carrier-00000001"
        assert float(order.get("Timeout")) == pytest.approx(7.0, abs=0.1)
        assert not exchange.asked("Hangup")
        await pbx.limit(CALL, 2.0)
        assert len(exchange.asked("Hangup")) == 1, "it has talked for longer already"


@pytest.mark.parametrize(("reply_after_s", "is_exact"), [(0.0, True), (0.09, True), (0.3, False)])
async def test_a_timer_whose_confirmation_took_long_may_be_late(
    exchange: FakeExchange,
    reply_after_s: float,
    is_exact: bool,  # noqa: FBT001 - a table
) -> None:
    clock = ManualClock()

    def late(action: Message) -> str:
        clock.slip(reply_after_s)
        return exchange.ok(action)

    exchange.replies["AbsoluteTimeout"] = late
    pbx = a_pbx(exchange, clock)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.say(f"{dial_begin(at=0)}\n\n{newstate(at=0)}")
        await listener.next(CallStarted)
        await listener.next(CallAnswered)
        assert await pbx.limit(CALL, 10.0) is is_exact
        assert await pbx.limit(CALL, 10.0) is is_exact
    set_s = [float(order.get("Timeout")) for order in exchange.asked("AbsoluteTimeout")]
    assert set_s == pytest.approx([10.0, 10.0 - reply_after_s], abs=0.01)


async def test_orders_about_a_call_that_has_ended_do_nothing(exchange: FakeExchange) -> None:
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        await pbx.hang_up(CALL)
        await pbx.limit(CALL, 10)
        exchange.say(f"{dial_begin()}\n\n{newstate()}")
        await listener.next(CallStarted)
        await listener.next(CallAnswered)
        exchange.replies["Hangup"] = lambda action: exchange.error(action, "No such channel")
        await pbx.hang_up(CALL)
    assert len(exchange.asked("Hangup")) == 1


async def test_orders_about_a_call_of_before_a_restart_do_not_meet_one_with_its_channel_name(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.say(f"{dial_begin()}\n\n{newstate()}")
        await listener.next(CallStarted)
        await listener.next(CallAnswered)
        exchange.replies["Status"] = lambda action: exchange.a_list(action, status("9.2"))
        exchange.drop()
        await listener.next(LinkLost)
        await clock.advance(5)
        restored = await listener.next(LinkRestored)
        assert [leg.id.leg for leg in restored.snapshot.live] == ["9.2"]

        await pbx.limit(CALL, 0.0)
        await pbx.hang_up(CALL)
        assert not exchange.asked("Hangup")
        await pbx.hang_up(CallId("lab", "9.2"))
        assert len(exchange.asked("Hangup")) == 1


async def test_a_call_that_goes_on_while_the_link_is_lost_is_ended_afterwards(
    exchange: FakeExchange,
) -> None:
    clock = ManualClock()
    pbx = a_pbx(exchange, clock)
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.say(f"{dial_begin()}\n\n{newstate()}")
        await listener.next(CallStarted)
        await listener.next(CallAnswered)
        exchange.replies["Status"] = lambda action: exchange.a_list(action, status("1.2"))
        exchange.drop()
        await listener.next(LinkLost)
        await clock.advance(5)
        await listener.next(LinkRestored)

        await pbx.hang_up(CALL)
        assert len(exchange.asked("Hangup")) == 1


async def test_a_channel_name_with_a_pattern_in_it_is_never_sent(exchange: FakeExchange) -> None:
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.say(dial_begin(channel="PJSIP/carrier-|.*$"))
        await listener.next(CallStarted)
        with pytest.raises(Unavailable, match="not sent"):
            await pbx.hang_up(CALL)
    assert not exchange.asked("Hangup")


@pytest.mark.parametrize(
    "number", ["", "1001/x", "10 01", "1001\r\nAction: Originate", "${X}", "é"]
)
async def test_an_extension_that_is_no_key_is_refused(exchange: FakeExchange, number: str) -> None:
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        with pytest.raises(Unavailable, match="not sent"):
            await pbx.set_service(number, LOCKED)


async def test_services_are_written_read_back_and_listed(exchange: FakeExchange) -> None:
    rows: dict[str, str] = {}
    keep_rows(exchange, rows)
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        await pbx.set_service("1001", LOCKED)
        await pbx.set_service("1002", Service(Outgoing.LOCKED))
        await pbx.set_service("1001", LOCKED)
        assert await pbx.services() == {"1001": LOCKED, "1002": Service(Outgoing.LOCKED)}
        await pbx.set_service("1001", Service())
        await pbx.set_service("1001", Service())
        assert await pbx.services() == {"1002": Service(Outgoing.LOCKED)}


async def test_a_lock_that_the_exchange_does_not_keep_is_an_error(exchange: FakeExchange) -> None:
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        with pytest.raises(Unavailable, match="did not keep"):
            await pbx.set_service("1001", LOCKED)


ROW = "home:europe:other/600:120:0"


async def test_rows_for_calls_without_an_answer_are_written_read_back_and_listed(
    exchange: FakeExchange,
) -> None:
    rows: dict[str, str] = {}
    keep_rows(exchange, rows)
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        await pbx.set_unaided("1001", ROW)
        await pbx.set_unaided("1002", "closed")
        await pbx.set_unaided("1003", "open")
        assert await pbx.unaided() == {"1001": ROW, "1002": "closed", "1003": "open"}
        await pbx.set_unaided("1002", None)
        await pbx.set_unaided("1002", None)
        await pbx.set_unaided("1001", "open")
        assert await pbx.unaided() == {"1001": "open", "1003": "open"}
    rows.pop("/rtbill/alive", None)
    assert rows == {"/rtbill/unaided/1001": "open", "/rtbill/unaided/1003": "open"}


@pytest.mark.parametrize(
    "row",
    [
        "",
        "Open",
        "home/",
        "home/60:",
        "home:/60:60",
        "home/60\nAction: Originate",
        "home/${X}",
        "home/-1",
        "home/1.5",
        "home/9999999",
        ":".join(["class"] * 90) + "/" + ":".join(["0"] * 90),
    ],
)
async def test_a_row_that_the_dialplan_could_read_as_anything_else_is_never_sent(
    exchange: FakeExchange, row: str
) -> None:
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        with pytest.raises(Unavailable, match="not sent"):
            await pbx.set_unaided("1001", row)
    assert not [each for each in exchange.asked("DBPut") if "unaided" in each.get("Family")]


async def test_a_row_that_the_exchange_keeps_otherwise_is_an_error(exchange: FakeExchange) -> None:
    rows: dict[str, str] = {}
    keep_rows(exchange, rows)
    exchange.replies["DBPut"] = exchange.ok
    rows["/rtbill/unaided/1001"] = "open"
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        with pytest.raises(Unavailable, match="did not keep rtbill/unaided/1001"):
            await pbx.set_unaided("1001", "closed")


async def test_a_denied_action_is_told_to_the_operator(exchange: FakeExchange) -> None:
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        await listener.next(LinkRestored)
        exchange.replies["DBPut"] = lambda action: exchange.error(action, "Permission denied")
        with pytest.raises(Unavailable, match="Permission denied"):
            await pbx.set_service("1001", LOCKED)
        trouble = await listener.next(LinkTrouble)
    assert trouble.kind == "rights"
    assert "add system" in trouble.text


async def test_an_acknowledged_call_is_deleted_from_the_outbox_without_waiting(
    exchange: FakeExchange,
) -> None:
    rows = row("/rtbill/live/7.7", f"1001,5551234,{stamp(1)}")
    exchange.replies["DBGetTree"] = lambda action: exchange.a_list(
        action, rows if action.get("Family") == "rtbill/live" else ""
    )
    pbx = a_pbx(exchange, ManualClock())
    async with running(pbx) as listener:
        restored = await listener.next(LinkRestored)
        assert [leg.id.leg for leg in restored.snapshot.vanished] == ["7.7"]
        pbx.acknowledge(CALL)
        pbx.acknowledge(CallId("lab", "7.7"))
        await until(lambda: len(exchange.asked("DBDel")) == 3)
    deleted = [(action.get("Family"), action.get("Key")) for action in exchange.asked("DBDel")]
    assert deleted == [("rtbill/done", "1.2"), ("rtbill/done", "7.7"), ("rtbill/live", "7.7")]


def value_row(value: str) -> str:
    """The item of a DBGet list."""
    return f"Event: DBGetResponse\nVal: {value}\nActionID: x"


def _path(action: Message) -> str:
    """The row or the family that a DBGetTree asks for; a row is all that begins with it and /."""
    parts = (action.get("Family"), action.get("Key"))
    return "".join(f"/{part}" for part in parts if part) + "/"


def keep_rows(exchange: FakeExchange, rows: dict[str, str]) -> None:
    """Give the exchange a database."""

    def put(action: Message) -> str:
        rows[f"/{action.get('Family')}/{action.get('Key')}"] = action.get("Val")
        return exchange.ok(action)

    exchange.replies["DBPut"] = put
    exchange.replies["DBDel"] = lambda action: (
        exchange.ok(action)
        if rows.pop(f"/{action.get('Family')}/{action.get('Key')}", None)
        else exchange.error(action, "Database entry could not be deleted")
    )
    exchange.replies["DBGet"] = lambda action: (
        exchange.a_list(action, value_row(rows[f"/{action.get('Family')}/{action.get('Key')}"]))
        if f"/{action.get('Family')}/{action.get('Key')}" in rows
        else exchange.error(action, "Database entry not found")
    )
    exchange.replies["DBGetTree"] = lambda action: exchange.a_list(
        action,
        "\n\n".join(
            row(key, value) for key, value in rows.items() if f"{key}/".startswith(_path(action))
        ),
    )
