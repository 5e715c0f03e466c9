"""The load generator: what it says is what an Asterisk says, and it counts only what is true."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from simulator.load_calls import Call, CallPlan
from simulator.load_command import _rate, _span

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SECRET = "only-on-loopback"
END = b"\r\n\r\n"
READY = b"Action: DBPut\r\nActionID: r\r\nFamily: rtbill\r\nKey: alive\r\nVal: 1\r\n\r\n"


def some_calls(count: int, seed: int = 1) -> list[Call]:
    plan = CallPlan(
        extensions=["1001", "1002"],
        prefixes=["4930", "41"],
        talk_s=(5.0, 60.0),
        epoch=1795356012,
        seed=seed,
    )
    now_us = iter([1795356015145294] * count)
    return [call for call, _ in zip(plan.calls(now_us), range(count), strict=False)]


def header_names(block: str) -> list[str]:
    return [line.partition(":")[0] for line in block.splitlines() if line]


def values(block: bytes) -> dict[str, str]:
    pairs = (line.partition(": ") for line in block.decode().split("\r\n") if line)
    return {name: value for name, _, value in pairs}


def real_trunk_messages() -> list[str]:
    blocks = (HERE / "out_answered.txt").read_text(encoding="utf-8").split("\n\n")
    names = ("Event: DialBegin", "Event: Newstate", "Event: Hangup\n")
    return [
        block for block in blocks if block.lstrip().startswith(names) and "PJSIP/carrier-" in block
    ]


def test_each_message_has_the_headers_of_a_recorded_one_in_their_order() -> None:
    [call] = some_calls(1)
    made = [call.dial_begin, call.ringing(), call.up(), call.hangup()]
    real = real_trunk_messages()
    assert len(real) == 4
    assert [header_names(each.decode()) for each in made] == [header_names(each) for each in real]


def test_the_stamps_of_a_call_make_its_talk_time() -> None:
    for call in some_calls(50):
        up, hangup = values(call.up()), values(call.hangup())
        whole, _, fraction = up["Timestamp"].partition(".")
        ended_whole, _, ended_fraction = hangup["Timestamp"].partition(".")
        talk_us = (int(ended_whole) - int(whole)) * 10**6 + int(ended_fraction) - int(fraction)
        assert talk_us == call.ended_us - call.answered_us
        assert 5_000_000 <= talk_us <= 60_000_000


def test_the_same_seed_makes_the_same_calls() -> None:
    first, again, other = some_calls(20), some_calls(20), some_calls(20, seed=2)
    assert [call.hangup() for call in first] == [call.hangup() for call in again]
    assert [call.hangup() for call in first] != [call.hangup() for call in other]


def test_no_two_calls_share_an_id() -> None:
    assert len({call.leg for call in some_calls(500)}) == 500


@pytest.mark.parametrize("text", ["0", "-1", "2000000"])
def test_a_rate_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="give calls per second, or max"):
        _rate(text)


def test_a_span_of_talk_is_read_and_a_reversed_one_refused() -> None:
    assert _span("5..180") == (5.0, 180.0)
    assert _span("30") == (30.0, 30.0)
    with pytest.raises(argparse.ArgumentTypeError, match=r"MIN\.\.MAX"):
        _span("180..5")


@dataclass
class Biller:
    """The least that a biller does: sign in, give a sign of life, acknowledge what ended."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    on_message: Callable[[int], None]
    """Called with the number of messages so far."""
    seen: dict[str, list[str]] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)

    async def serve(self) -> None:
        login = f"Action: Login\r\nActionID: l\r\nUsername: rtbill\r\nSecret: {SECRET}\r\n\r\n"
        self.writer.write(login.encode() + READY)
        await self.reader.readline()
        while True:
            try:
                block = await self.reader.readuntil(END)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            self.take(values(block))

    def take(self, message: dict[str, str]) -> None:
        event = message.get("Event", "")
        if event not in ("DialBegin", "Newstate", "Hangup"):
            return
        leg = message.get("DestUniqueid", message["Uniqueid"])
        event += message.get("ChannelState", "")
        self.seen.setdefault(leg, []).append(event)
        self.order.append((leg, event))
        if event == "Hangup6":
            key = f"Key: {leg}"
            self.writer.write(f"Action: DBDel\r\nFamily: rtbill/done\r\n{key}\r\n\r\n".encode())
        self.on_message(len(self.order))


async def play(
    tmp_path: Path, *options: str, closes_input_after: int | None = None
) -> tuple[dict[str, object], Biller]:
    """What the generator, in a process of its own, counted, and what its biller saw."""
    port_file = tmp_path / "port"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "load", "--secret", SECRET),
        *("--port-file", str(port_file), *options),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    stdin = process.stdin

    def on_message(count: int) -> None:
        if count == closes_input_after:
            stdin.close()

    try:
        async with asyncio.timeout(30):
            while not port_file.exists():  # noqa: ASYNC110 - a file gives no other sign
                await asyncio.sleep(0.01)
            port = int(port_file.read_text(encoding="ascii"))
            biller = Biller(*await asyncio.open_connection("127.0.0.1", port), on_message)
            await biller.serve()
            out, _ = await process.communicate()
        biller.writer.close()
        counted: dict[str, object] = json.loads(out)
        return counted, biller
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("rate", ["max", "300"])
async def test_every_call_is_told_in_four_messages_and_counted_once(
    tmp_path: Path, rate: str
) -> None:
    options = ("--calls-per-s", rate, "--seconds", "0.5", "--overlap", "20", "--window", "50")
    counted, biller = await play(tmp_path, *options)
    assert counted["calls"] == counted["acknowledged"] == len(biller.seen)
    assert len(biller.seen) > 20
    for told in biller.seen.values():
        assert told == ["DialBegin4", "Newstate5", "Newstate6", "Hangup6"]


async def test_messages_of_many_calls_alternate(tmp_path: Path) -> None:
    options = ("--calls-per-s", "300", "--seconds", "0.5", "--overlap", "40")
    _, biller = await play(tmp_path, *options)
    first_leg = next(iter(biller.seen))
    begun_meanwhile = biller.order[: biller.order.index((first_leg, "Hangup6"))]
    assert len({leg for leg, _ in begun_meanwhile}) >= 40


async def test_held_calls_stay_up_until_the_input_closes(tmp_path: Path) -> None:
    counted, biller = await play(tmp_path, "--hold", "30", closes_input_after=90)
    assert counted["calls"] == counted["acknowledged"] == 30
    told = [event for _, event in biller.order]
    assert "Hangup6" not in told[:90]
    assert told[90:] == ["Hangup6"] * 30
