"""The AMI server on loopback, driven by an independent client."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from simulator.ami_server import AmiServer
from simulator.calls import CallState
from simulator.clock import ManualClock
from simulator.exchange import Exchange
from simulator.faults import FaultPlan
from simulator.replies import Rights
from tests.unit.simulator.client import connected, signed_in

HERE = Path(__file__).parent
TRUNK_ONLY = "Event: (DialBegin|Newstate|Hangup).*Channel: PJSIP/carrier-"


def a_server(
    version: int = 22, faults: FaultPlan | None = None, backlog_max: int = 4 << 20
) -> AmiServer:
    clock = ManualClock()
    exchange = Exchange(clock.now_us, version=version, extensions=("1001", "1002", "1003"))
    return AmiServer(exchange, clock, faults=faults, backlog_max=backlog_max)


@pytest.mark.parametrize(("version", "ami"), [(16, "5.0.4"), (22, "11.0.0")])
async def test_greets_as_its_version_does(version: int, ami: str) -> None:
    async with a_server(version) as server, connected(server.port) as client:
        assert await client.line() == f"Asterisk Call Manager/{ami}\r\n"


async def test_wrong_secret_is_answered_with_an_error_and_a_closed_connection() -> None:
    async with a_server() as server, connected(server.port) as client:
        await client.line()
        answer = await client.act("Login", Username="rtbill", Secret="wrong")
        assert (answer["Response"], answer["Message"]) == ("Error", "Authentication failed")
        assert await client.reader.read() == b""


async def test_nothing_but_login_is_allowed_before_login() -> None:
    async with a_server() as server, connected(server.port) as client:
        await client.line()
        assert (await client.act("Ping"))["Message"] == "Permission denied"


@pytest.mark.parametrize(
    ("action", "headers", "message"),
    [
        ("DBGet", {"Family": "x", "Key": "y"}, "Database entry not found"),
        ("DBDel", {"Family": "x", "Key": "y"}, "Database entry could not be deleted"),
        ("DBPut", {"Family": "x"}, "No key specified"),
        ("DBGet", {"Key": "y"}, "No family specified."),
        ("DBDelTree", {"Family": "x"}, "Database entry not found"),
        ("AbsoluteTimeout", {"Channel": "none", "Timeout": "5"}, "No such channel"),
        ("AbsoluteTimeout", {"Channel": "none", "Timeout": "0"}, "No timeout specified"),
        ("Hangup", {"Channel": "/^PJSIP/.*$/"}, "No such channel"),
        ("Setvar", {"Value": "x"}, "No variable specified"),
        ("Originate", {"Channel": "Local/1@x"}, "Permission denied"),
        ("Command", {"Command": "core stop now"}, "Permission denied"),
        ("Filter", {"Filter": "x"}, "Unknown operation"),
        (
            "Foo",
            {},
            "Invalid/unknown command: Foo. Use Action: ListCommands to show available commands.",
        ),
    ],
)
async def test_refusals_are_worded_as_on_asterisk_22(
    action: str, headers: dict[str, str], message: str
) -> None:
    async with a_server() as server, signed_in(server.port) as client:
        answer = await client.act(action, **headers)
        assert (answer["Response"], answer["Message"]) == ("Error", message)


async def test_unfiltered_client_hears_the_noise_and_a_filtered_one_four_events() -> None:
    async with (
        a_server() as server,
        signed_in(server.port) as loud,
        signed_in(server.port) as quiet,
    ):
        await quiet.act("Filter", Operation="Add", Filter=TRUNK_ONLY)
        await loud.barrier()
        await quiet.barrier()
        for called in ("0301234567", "1002"):
            call = server.start_call("1001", called)
            server.ring(call)
            server.answer(call)
            server.hang_up(call)
        heard = [message["Event"] for message in await quiet.barrier()]
        assert heard == ["DialBegin", "Newstate", "Newstate", "Hangup"]
        assert len(await loud.barrier()) > 40


async def test_advanced_filters_work_on_22_and_are_ignored_on_16() -> None:
    for version, names in ((22, {"Hangup"}), (16, None)):
        async with a_server(version) as server, signed_in(server.port) as client:
            await client.act(
                "Filter",
                Operation="Add",
                MatchCriteria="name(Hangup),header(Channel),method(starts_with)",
                Filter="PJSIP/carrier-",
            )
            await client.barrier()
            call = server.start_call("1001", "0301234567")
            server.answer(call)
            server.hang_up(call)
            heard = {message["Event"] for message in await client.barrier()}
            assert heard == names if names else "Newstate" in heard


async def test_status_shows_the_variables_and_reads_as_on_a_real_asterisk() -> None:
    async with a_server() as server, signed_in(server.port) as client:
        call = server.start_call("1003", "5553333")
        server.answer(call)
        items = await client.items(
            "Status", "StatusComplete", Variables="RTB_PAYER,RTB_DEST,RTB_ANSWERED"
        )
        real = [
            [line.split(": ")[0].rstrip(":") for line in message.split("\n")]
            for message in (HERE / "status.txt").read_text().strip().split("\n\n")
        ]
        assert [list(item)[:-1] for item in items[:2]] == [
            list(dict.fromkeys(names)) for names in real[:2]
        ]
        assert re.fullmatch(
            r"RTB_PAYER=1003\nRTB_DEST=5553333\nRTB_ANSWERED=\d{10}\.\d{3}", items[1]["Variable"]
        )
        assert (items[0]["Variable"].split("\n")[0], items[2]["Items"]) == ("RTB_PAYER=(null)", "2")


async def test_database_tree_lists_rows_and_a_deleted_row_is_gone() -> None:
    async with a_server() as server, signed_in(server.port) as client:
        await client.act("DBPut", Family="rtbill/lock", Key="1001", Val="1")
        await client.act("DBPut", Family="rtbill/done", Key="1.2", Val="a,b")
        *rows, end = await client.items("DBGetTree", "DBGetTreeComplete", Family="rtbill")
        assert [(row["Key"], row["Val"]) for row in rows] == [
            ("/rtbill/done/1.2", "a,b"),
            ("/rtbill/lock/1001", "1"),
        ]
        assert end["ListItems"] == "2"
        await client.act("DBDel", Family="rtbill/done", Key="1.2")
        assert server.database.dump() == {"/rtbill/lock/1001": "1"}
        assert [action["action"] for action in server.actions][-1] == "DBDel"


async def test_absolute_timeout_cuts_the_call_on_the_simulated_clock() -> None:
    async with a_server() as server, signed_in(server.port) as client:
        assert isinstance(server.clock, ManualClock)
        call = server.start_call("1001", "0301234567")
        server.answer(call)
        assert call.b is not None
        set_ = await client.act("AbsoluteTimeout", Channel=call.b.name, Timeout="20")
        assert set_["Message"] == "Timeout Set"
        await server.clock.advance(19)
        assert call.state is CallState.TALKING
        await server.clock.advance(2)
        assert call.state.value == "ended"
        assert (await client.until("Hangup"))["Cause"] == "16"


async def test_hangup_ends_exactly_the_named_channel_of_two_calls() -> None:
    async with a_server() as server, signed_in(server.port) as client:
        first, second = (server.start_call("1001", "0301234567") for _ in range(2))
        server.answer(first)
        server.answer(second)
        assert first.b is not None
        await client.act("Hangup", Channel=first.b.name, Cause="16")
        assert (first.is_over, second.is_over) == (True, False)


async def test_rights_decide_which_events_are_heard() -> None:
    async with a_server() as server:
        server.rights = Rights(read=frozenset({"system", "user"}))
        async with signed_in(server.port) as client:
            await client.barrier()
            server.database.put("rtbill/lock", "1001", "1")
            server.start_call("1001", "0301234567")
            heard = [message["Event"] for message in await client.barrier()]
            assert heard == ["UserEvent"]


async def test_slow_reader_is_disconnected_and_others_are_served_on() -> None:
    async with (
        a_server(backlog_max=200_000) as server,
        signed_in(server.port) as slow,
        signed_in(server.port) as quick,
    ):
        slow_session = server.sessions[0]
        for _ in range(3000):
            server.start_call("1001", "1002")
            if slow_session.was_too_slow:
                break
            if len(server.exchange.calls) % 3 == 0:
                await quick.barrier()
        assert slow_session.was_too_slow
        assert (await quick.act("Ping"))["Ping"] == "Pong"
        assert slow.reader is not quick.reader


async def test_dropped_and_restarted_connections_end_and_new_ones_tell_a_small_uptime() -> None:
    async with a_server() as server:
        assert isinstance(server.clock, ManualClock)
        await server.clock.advance(500)
        async with connected(server.port) as before:
            await before.line()
            await server.restart()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await before.next()
        async with signed_in(server.port) as after:
            assert after.received[-1]["Uptime"] == "0"


async def test_half_open_connection_stays_and_says_nothing_while_new_ones_are_served() -> None:
    async with a_server() as server, signed_in(server.port) as deaf:
        server.stop_answering()
        deaf.writer.write(b"Action: Ping\r\n\r\n")
        async with signed_in(server.port) as fresh:
            assert (await fresh.act("Ping"))["Ping"] == "Pong"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await deaf.reader.read(1)


async def test_packets_split_at_any_byte_are_still_whole_messages() -> None:
    split = FaultPlan(3, {"split": 1.0})
    clock = ManualClock()
    async with (
        AmiServer(Exchange(clock.now_us), clock, faults=split) as server,
        asyncio.TaskGroup() as tasks,
    ):
        moving = tasks.create_task(_keep_moving(clock))
        async with signed_in(server.port) as client:
            server.start_call("1001", "0301234567")
            assert (await client.until("DialBegin"))["DialString"] == "0301234567@carrier"
        moving.cancel()


async def _keep_moving(clock: ManualClock) -> None:
    while True:
        await clock.advance(0.01)
        await asyncio.sleep(0)


async def test_logoff_says_thanks_and_closes() -> None:
    async with a_server() as server, signed_in(server.port) as client:
        goodbye = await client.act("Logoff")
        assert (goodbye["Response"], goodbye["Message"]) == ("Goodbye", "Thanks for all the fish.")
        assert await client.reader.read() == b""
