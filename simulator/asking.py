"""Questions before dialling, as an Asterisk puts them: the command `python -m simulator ask`.

An open loop: questions come at their own times, with the gaps of a Poisson process, whatever the
biller does. Each has a connection of its own, as CURL() opens one for each call. Its time runs from
the instant it was due until its answer is whole, so a wait of ours counts as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import time
from array import array
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from simulator.percentiles import percentiles

ANSWER_WITHIN_S = 2.0
"""The dialplan waits no longer."""
IN_PROGRESS_MAX = 500
EXAMPLES = """example:
  python -m simulator ask --port 9465 --pbx hall --token TOKEN --calls-per-s 200 --seconds 30

At the end one line of JSON tells what was answered, and after how long.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSettings:
    """What the command line says."""

    port: int
    pbx: str
    token: str
    calls_per_s: float = 200.0
    seconds: float = 30.0
    extensions: int = 1000
    first_extension: int = 20_000
    prefixes: tuple[str, ...] = ("3",)
    seed: int = 1


def question(settings: AskSettings, channel: str, payer: str, number: str) -> bytes:
    """The bytes of one question, as libcurl puts it."""
    fields = {
        "token": settings.token,
        "call": channel,
        "payer": payer,
        "number": number,
        "kind": "direct",
    }
    body = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
    head = (
        f"POST /v1/authorise/{settings.pbx} HTTP/1.1\r\nHost: 127.0.0.1:{settings.port}\r\n"
        "User-Agent: asterisk-libcurl-agent/1.0\r\nAccept: */*\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    return (head + body).encode()


async def answer_to(request: bytes, port: int) -> str:
    """What the dialplan reads, on a new connection: nothing when it hears nothing in time."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                return (await reader.readexactly(length)).decode()
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return ""


class Questions:
    """What was asked and answered so far."""

    def __init__(self, settings: AskSettings) -> None:
        self._settings = settings
        self._draw = random.Random(settings.seed)
        self.latencies_s: array[float] = array("d")
        self.answers: Counter[str] = Counter()

    def next_request(self, number: int) -> bytes:
        """The bytes of one question; somebody calls somewhere."""
        settings, draw = self._settings, self._draw
        payer = settings.first_extension + draw.randrange(settings.extensions)
        called = f"00{draw.choice(settings.prefixes)}{draw.randrange(10**7):07}"
        return question(settings, f"1795356012.{number}", str(payer), called[:20])

    async def ask(self, request: bytes, due: float) -> str:
        """The answer to one question, which was due then."""
        answer = await answer_to(request, self._settings.port)
        self.latencies_s.append(time.monotonic() - due)
        # Seconds differ from call to call; that there is a limit is what counts.
        self.answers[re.sub("[0-9]+", "N", answer) or "none"] += 1
        return answer

    def report(self) -> dict[str, Any]:
        """What was counted."""
        return {
            "asked": len(self.latencies_s),
            "answers": dict(self.answers),
            "latency_ms": percentiles(self.latencies_s),
        }


async def run_questions(settings: AskSettings) -> dict[str, Any]:
    """Ask for so long; what was counted."""
    questions = Questions(settings)
    draw = random.Random(settings.seed)
    places = asyncio.Semaphore(IN_PROGRESS_MAX)
    asked = 0
    began = due = time.monotonic()

    async def ask(request: bytes, due: float) -> None:
        try:
            await questions.ask(request, due)
        finally:
            places.release()

    async with asyncio.TaskGroup() as group:
        while due - began < settings.seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await places.acquire()
            group.create_task(ask(questions.next_request(asked), due), name=f"question {asked}")
            asked += 1
            due += draw.expovariate(settings.calls_per_s)
    return {**questions.report(), "seconds": round(time.monotonic() - began, 3)}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put the command on the parser."""
    ask = commands.add_parser(
        "ask",
        help="questions before dialling, at a steady rate",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = ask.add_argument
    add("--port", type=int, required=True, help="where the biller answers on 127.0.0.1")
    add("--pbx", required=True, help="the exchange that asks")
    add("--token", required=True, help="its token")
    add("--calls-per-s", type=float, default=200.0, help="questions a second (200)")
    add("--seconds", type=float, default=30.0, help="how long (30)")
    add("--prefixes", type=Path, help="file with one beginning of an international number a line")
    add("--seed", type=int, default=1, help="draws who calls whom (1)")


def run(options: argparse.Namespace) -> int:
    """Ask and print; 1 when a question was left without an answer."""
    prefixes: tuple[str, ...] = ("3",)
    if options.prefixes is not None:
        prefixes = tuple(options.prefixes.read_text(encoding="ascii").split())
    settings = AskSettings(
        port=options.port,
        pbx=options.pbx,
        token=options.token,
        calls_per_s=options.calls_per_s,
        seconds=options.seconds,
        prefixes=prefixes,
        seed=options.seed,
    )
    counted = asyncio.run(run_questions(settings))
    print(json.dumps(counted))  # noqa: T201 - a command's output
    return 1 if "none" in counted["answers"] else 0
