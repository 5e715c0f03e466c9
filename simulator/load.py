"""Load: an AMI server that plays as many calls as asked for, to the one biller that connects.

Either at a steady rate, whatever the biller does (an open loop, with the gaps of a Poisson
process), or as fast as the biller acknowledges (a closed loop with a window). Each step sends the
next message of four different calls, so that messages of many calls alternate. A call counts when
the biller has deleted its row under `rtbill/done`, which it does after its commit.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.asking import IN_PROGRESS_MAX, AskSettings, Questions, question
from simulator.load_calls import Call, CallPlan
from simulator.load_session import LoadSession, wall_us
from simulator.percentiles import percentiles

CONNECT_WITHIN_S = 120.0
DRAIN_WITHIN_S = 60.0
_BURST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """What the command line says."""

    port: int = 0
    port_file: Path | None = None
    user: str = "rtbill"
    secret: str = "rtbill"  # noqa: S105 - the public one of the simulator
    calls_per_s: float | None = None
    """None: as fast as calls are acknowledged."""
    seconds: float = 60.0
    hold: int | None = None
    """Instead: so many answered calls, kept up until standard input is closed."""
    extensions: int = 1000
    first_extension: int = 20_000
    extension_step: int = 1
    talk_s: tuple[float, float] = (5.0, 180.0)
    prefixes: tuple[str, ...] = ("3",)
    window: int = 2000
    """Calls hung up and not acknowledged, at most, in the closed loop."""
    overlap: int = 400
    """Calls in progress at a time."""
    seed: int = 1
    asking: AskSettings | None = None
    """Ask before each call, which is dialled only when it is allowed; at a rate only."""


class Load:
    """The calls in progress, from dialling to hanging up, and what was counted."""

    def __init__(self, settings: LoadSettings, session: LoadSession) -> None:
        self._session = session
        first, step = settings.first_extension, settings.extension_step
        plan = CallPlan(
            extensions=[str(first + number * step) for number in range(settings.extensions)],
            prefixes=settings.prefixes,
            talk_s=settings.talk_s,
            epoch=wall_us() // 1_000_000,
            seed=settings.seed,
        )
        self._calls = plan.calls(iter(wall_us, None))
        # Held calls only begin here; `answer_all` does the rest.
        overlap = settings.overlap if settings.hold is None else 4 * settings.hold
        step = max(1, overlap // 4)
        self._dialled: deque[Call] = deque()
        self._rung: deque[Call] = deque()
        self._talking: deque[Call] = deque()
        self._ring_after, self._answer_after = step, step
        self._end_after = max(1, overlap - 2 * step)
        self.begun = self.ended = 0
        self.talk_us = 0
        """Of all calls that ended, in microseconds."""

    @property
    def in_progress(self) -> int:
        """Calls dialled and not over."""
        return self.begun - self.ended

    def next_call(self) -> Call:
        """One that nobody has begun."""
        return next(self._calls)

    def advance(self, calls: int) -> None:
        """So many calls begin; as many ring, are answered and end, once there are enough."""
        self.begin([self.next_call() for _ in range(calls)])

    def begin(self, calls: Iterable[Call]) -> None:
        """These begin, and as many go on."""
        messages: list[bytes] = []
        ended: list[Call] = []
        for call in calls:
            messages.append(self._begin(call))
            if len(self._dialled) > self._ring_after:
                messages.append(self._ring())
            if len(self._rung) > self._answer_after:
                messages.append(self._answer())
            if len(self._talking) > self._end_after:
                messages.append(self._end(ended))
        self._session.send(messages, ended)

    def answer_all(self) -> None:
        """Every call in progress goes up."""
        messages = [self._ring() for _ in range(len(self._dialled))]
        messages += [self._answer() for _ in range(len(self._rung))]
        self._session.send(messages)

    def end_some(self, calls_max: int = _BURST) -> bool:
        """A few calls in progress are hung up; False when there was none left."""
        ended: list[Call] = []
        messages = [self._end(ended) for _ in range(min(calls_max, len(self._talking)))]
        self._session.send(messages, ended)
        return bool(ended)

    def _begin(self, call: Call) -> bytes:
        self.begun += 1
        self._dialled.append(call)
        self._session.ringing[call.leg] = call
        return call.dial_begin

    def _ring(self) -> bytes:
        call = self._dialled.popleft()
        self._rung.append(call)
        return call.ringing()

    def _answer(self) -> bytes:
        call = self._rung.popleft()
        self._talking.append(call)
        del self._session.ringing[call.leg]
        self._session.talking[call.leg] = call
        return call.up()

    def _end(self, ended: list[Call]) -> bytes:
        call = self._talking.popleft()
        del self._session.talking[call.leg]
        ended.append(call)
        self.ended += 1
        self.talk_us += call.ended_us - call.answered_us
        return call.hangup()


async def run_load(settings: LoadSettings) -> dict[str, Any]:
    """Wait for the biller, play the load, wait for the last acknowledgement; what was counted."""
    loop = asyncio.get_running_loop()
    sessions: asyncio.Queue[LoadSession] = asyncio.Queue()

    def accept() -> LoadSession:
        session = LoadSession(settings.user, settings.secret)
        sessions.put_nowait(session)
        return session

    server = await loop.create_server(accept, "127.0.0.1", settings.port)
    async with server:
        if settings.port_file is not None:
            _write_whole(settings.port_file, str(server.sockets[0].getsockname()[1]))
        async with asyncio.timeout(CONNECT_WITHIN_S):
            session = await sessions.get()
            await session.ready.wait()
        try:
            return await _play(settings, session)
        finally:
            session.close()


async def _play(settings: LoadSettings, session: LoadSession) -> dict[str, Any]:
    load = Load(settings, session)
    questions = None if settings.asking is None else Questions(settings.asking)
    started = time.monotonic()
    if settings.hold is not None:
        await _hold(settings.hold, load, session)
    elif settings.calls_per_s is None:
        await _closed_loop(settings, load, session)
    elif questions is None:
        await _open_loop(settings, settings.calls_per_s, load, session)
    else:
        await _asking_loop(settings, settings.calls_per_s, load, session, questions)
    sent_until = time.monotonic()
    load.answer_all()
    async with asyncio.timeout(DRAIN_WITHIN_S):
        if settings.calls_per_s is not None:
            # At the same rate: a burst at the end would be measured as if it were the load.
            while load.end_some(1):  # noqa: ASYNC110 - the pause is the rate
                await asyncio.sleep(1 / settings.calls_per_s)
        while load.end_some():
            await _room(session, settings.window)
        while session.ended and not session.gone.is_set():
            session.room.clear()
            await session.room.wait()
    report = _report(load, session, started, sent_until)
    return report if questions is None else {**report, "questions": questions.report()}


async def _closed_loop(settings: LoadSettings, load: Load, session: LoadSession) -> None:
    ends_at = time.monotonic() + settings.seconds
    while time.monotonic() < ends_at and not session.gone.is_set():
        await _room(session, settings.window)
        load.advance(_BURST)


async def _open_loop(
    settings: LoadSettings, calls_per_s: float, load: Load, session: LoadSession
) -> None:
    draw = random.Random(settings.seed)
    now = due = time.monotonic()
    ends_at = now + settings.seconds
    while now < ends_at and not session.gone.is_set():
        calls = 0
        while due <= now:
            due += draw.expovariate(calls_per_s)
            calls += 1
        load.advance(calls)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()


async def _asking_loop(
    settings: LoadSettings,
    calls_per_s: float,
    load: Load,
    session: LoadSession,
    questions: Questions,
) -> None:
    """Like the open loop: what is asked at its time is dialled as soon as it is allowed."""
    asking = settings.asking
    assert asking is not None
    draw = random.Random(settings.seed)
    places = asyncio.Semaphore(IN_PROGRESS_MAX)

    async def place(due: float) -> None:
        try:
            call = load.next_call()
            told = (call.asked_by.decode(), call.payer.decode(), call.dialled.decode())
            answer = await questions.ask(question(asking, *told), due)
            if answer.startswith("allow,"):
                load.begin([call])
        finally:
            places.release()

    due = time.monotonic()
    ends_at = due + settings.seconds
    async with asyncio.TaskGroup() as group:
        while due < ends_at and not session.gone.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await places.acquire()
            group.create_task(place(due), name="question")
            due += draw.expovariate(calls_per_s)


async def _hold(calls: int, load: Load, session: LoadSession) -> None:
    async with asyncio.timeout(CONNECT_WITHIN_S):
        while load.begun < calls and not session.gone.is_set():
            await session.writable.wait()
            load.advance(min(_BURST, calls - load.begun))
            await asyncio.sleep(0)
    load.answer_all()
    await _until_input_closes()


async def _room(session: LoadSession, window: int) -> None:
    """Return when the socket takes more and the window has room; lets answers come in between."""
    await asyncio.sleep(0)
    async with asyncio.timeout(DRAIN_WITHIN_S):
        await session.writable.wait()
        while len(session.ended) >= window and not session.gone.is_set():
            session.room.clear()
            await session.room.wait()


async def _until_input_closes() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.read(1024):
        continue


def _report(load: Load, session: LoadSession, started: float, sent_until: float) -> dict[str, Any]:
    seconds = sent_until - started
    in_time = sum(1 for at in session.acknowledged_at if at <= sent_until)
    return {
        "calls": load.ended,
        "acknowledged": len(session.latencies_s),
        "in_time": in_time,
        "seconds": round(seconds, 3),
        "calls_per_s": round(in_time / seconds, 1) if seconds > 0 else 0.0,
        "per_second": _per_second(session.acknowledged_at, started, int(seconds)),
        "talk_us": load.talk_us,
        "latency_ms": percentiles(session.latencies_s),
        "actions": session.actions,
        "link_lost": session.gone.is_set(),
    }


def _per_second(instants: array[float], started: float, seconds: int) -> list[int]:
    """Acknowledgements in each whole second of the load."""
    counts = [0] * seconds
    for at in instants:
        second = int(at - started)
        if second < seconds:
            counts[second] += 1
    return counts


def _write_whole(path: Path, text: str) -> None:
    """No reader sees half of it."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(text, encoding="ascii")
    draft.replace(path)


def main(settings: LoadSettings) -> int:
    """Play the load and print what was counted as one line of JSON; 1 when the link was lost."""
    counted = asyncio.run(run_load(settings))
    print(json.dumps(counted))  # noqa: T201 - a command's output
    return 1 if counted["link_lost"] else 0
