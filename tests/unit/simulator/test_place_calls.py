"""The placer of test calls against a peer that speaks a few lines of AMI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from simulator import place_calls as module
from simulator.place_calls import CallOrder, PlacingFailed, place_calls

Lines = Callable[[dict[str, str]], str | None]
"""What the peer says to an action; None closes the connection."""


@asynccontextmanager
async def a_peer(answers: Lines) -> AsyncIterator[tuple[int, list[dict[str, str]]]]:
    actions: list[dict[str, str]] = []
    served: asyncio.Queue[None] = asyncio.Queue()
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                raw = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                action = dict(line.split(": ", 1) for line in raw if ": " in line)
                actions.append(action)
                text = answers(action)
                if text is None:
                    break
                writer.write(text.replace("\n", "\r\n").encode())
        except asyncio.IncompleteReadError:
            pass
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        served.put_nowait(None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], actions
        async with asyncio.timeout(5):
            for _ in connections:
                await served.get()


def an_order(port: int, **more: object) -> CallOrder:
    order = {"host": "127.0.0.1", "port": port, "user": "u", "secret": "s"}
    order |= {"caller": "1001", "called": "5551234", "talk_s": 0.05, "answer_within_s": 0.3}
    return CallOrder(**(order | more))  # type: ignore[arg-type]  # named one by one above


def success(action: dict[str, str]) -> str:
    return f"Response: Success\nActionID: {action['ActionID']}\nMessage: ok\n\n"


def event(name: str, stamp: str, uniqueid: str, *more: str) -> str:
    head = [f"Event: {name}", f"Timestamp: {stamp}", "Channel: PJSIP/carrier-00000001"]
    return "\n".join([*head, *more, f"Uniqueid: {uniqueid}", f"Linkedid: {uniqueid}", "", ""])


class AnsweringPbx:
    """Answers each originated call at once and hangs up when told to."""

    def __init__(self) -> None:
        self.uniqueid = ""

    def __call__(self, action: dict[str, str]) -> str:
        match action["Action"]:
            case "Originate":
                self.uniqueid = action["ChannelId"]
                up = event("Newstate", "1795356013.011803", self.uniqueid, "ChannelState: 6")
                return success(action) + up
            case "Hangup":
                cause = ("Cause: 16", "Cause-txt: Normal Clearing")
                return success(action) + event("Hangup", "1795356015.5", self.uniqueid, *cause)
            case _:
                return success(action)


async def test_answered_call_is_told_in_one_line_of_json() -> None:
    lines: list[str] = []
    async with a_peer(AnsweringPbx()) as (port, actions):
        assert await place_calls(an_order(port), lines.append) == 0
    (line,) = (json.loads(line) for line in lines)
    assert line["result"] == "answered"
    assert line["channel"] == "PJSIP/carrier-00000001"
    assert line["answered_at"] == "2026-11-22T14:00:13.011803+00:00"
    assert line["ended_at"] == "2026-11-22T14:00:15.500000+00:00"
    assert line["cause"] == 16
    assert [action["Action"] for action in actions] == ["Login", "Originate", "Hangup"]
    assert actions[1]["Channel"] == "PJSIP/5551234@carrier"


async def test_call_that_nobody_answers_is_unanswered_and_the_command_fails() -> None:
    lines: list[str] = []
    async with a_peer(success) as (port, _):
        assert await place_calls(an_order(port), lines.append) == 1
    assert json.loads(lines[0])["result"] == "unanswered"


async def test_refused_sign_in_is_one_clear_error() -> None:
    def refuse(action: dict[str, str]) -> str:
        return (
            f"Response: Error\nActionID: {action['ActionID']}\nMessage: Authentication failed\n\n"
        )

    async with a_peer(refuse) as (port, _):
        with pytest.raises(PlacingFailed, match="Login was refused: Authentication failed"):
            await place_calls(an_order(port), lambda _line: None)


async def test_silent_exchange_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_WITHIN_S", 0.1)
    async with a_peer(lambda _action: "") as (port, _):
        with pytest.raises(PlacingFailed, match="no answer to Login"):
            await place_calls(an_order(port), lambda _line: None)


async def test_lost_connection_ends_the_command_and_nothing_is_sent_again() -> None:
    def close_at_originate(action: dict[str, str]) -> str | None:
        return None if action["Action"] == "Originate" else success(action)

    async with a_peer(close_at_originate) as (port, actions):
        with pytest.raises(PlacingFailed, match="closed the connection"):
            await place_calls(an_order(port), lambda _line: None)
        assert [action["Action"] for action in actions] == ["Login", "Originate"]


async def test_line_break_in_a_number_is_refused_before_it_is_sent() -> None:
    async with a_peer(success) as (port, actions):
        order = an_order(port, called="5\r\n\r\nAction: Command")
        with pytest.raises(PlacingFailed, match="holds a line break"):
            await place_calls(order, lambda _line: None)
        assert [action["Action"] for action in actions] == ["Login"]


async def test_closed_port_is_one_clear_error() -> None:
    async with a_peer(success) as (port, _):
        pass
    with pytest.raises(PlacingFailed, match="no connection to"):
        await place_calls(an_order(port), lambda _line: None)
