"""How many prepaid calls a second the money side takes from question to posting, in one process.

`python -m rtbill.app.bench_sessions FOLDER SECONDS EXTENSIONS SESSIONS` opens the books
in the folder as the service does, with Billing, Holdings and Authoriser, and a line to an exchange
that is a part of this process: all but sockets, wire and forms. One cycle is one call, and its next
step begins when the one before has come back, which is after its commit:

    question answered       a hold was opened
    taken up                dialled, and answered 56 s ago; the hold is bound to its leg, and the
                            exchange told to end the call after what is granted
    extended                a later end comes, for the slice is nearly over
    ended                   the debit is posted, the hold with it; the exchange may forget the call

That is four steps on the disk. SESSIONS of them are in progress at a time, by as many extensions in
turn as said.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from rtbill.app.asking import authoriser_of
from rtbill.app.bench_books import FIRST_EXTENSION, PBX
from rtbill.app.books import Books, open_books
from rtbill.app.service import SWITCH_INTERVAL_S
from rtbill.calls.tracker import Tracker
from rtbill.clock import SystemClock
from rtbill.collector import settle_for_service
from rtbill.config import load_config
from rtbill.credit.authorisation import Authoriser, CallKind, Permission, Question
from rtbill.domain.account import Service
from rtbill.domain.call import CallId
from rtbill.domain.events import CallAnswered, CallEnded, CallStarted, PbxEvent
from rtbill.domain.finding import Finding
from rtbill.observability import PrometheusMeter
from rtbill.ports import Capabilities, Clock

STEPS = 4
"""Of one cycle, each durable before the next."""
WITHIN_S = 30.0
"""A step that takes longer is a fault."""
TRUNK = "carrier"
_EVENTS_MAX = 100_000
_TALKED = timedelta(seconds=56)
_RANG = timedelta(seconds=2)
_NUMBER_DIGITS = 12


class SessionPbx:
    """ports.Pbx in this process: orders are carried out at once, and who plays hears of them."""

    name = PBX
    capabilities = Capabilities(
        live_events=True,
        ask_before_dialling=True,
        set_service=False,
        limit_call=True,
        warn=False,
        hang_up=True,
    )

    def __init__(self) -> None:
        self._events: asyncio.Queue[PbxEvent] = asyncio.Queue(_EVENTS_MAX)
        self.heard: dict[CallId, asyncio.Queue[float]] = {}
        """What each call was told last: seconds of talk, or 0 when it may be forgotten."""

    def tell(self, *events: PbxEvent) -> None:
        """Queue events for the biller."""
        for event in events:
            self._events.put_nowait(event)

    async def run(self) -> None:
        """The link holds for ever."""
        await asyncio.Event().wait()

    async def receive(self) -> Sequence[PbxEvent]:
        """All that is there."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def acknowledge(self, call: CallId) -> None:
        """The call is committed."""
        self.heard[call].put_nowait(0.0)

    async def warn(self, call: CallId) -> None:
        """Nobody listens."""

    async def limit(self, call: CallId, talk_s: float) -> bool:
        """The call would be ended then."""
        self.heard[call].put_nowait(talk_s)
        return True

    async def hang_up(self, call: CallId) -> None:
        """No call of the bench is to be ended."""
        raise AssertionError(f"{call} was cut")

    async def set_service(self, number: str, service: Service) -> None:
        """It has no extensions."""
        del number, service

    async def services(self) -> Mapping[str, Service]:
        """None is locked."""
        return {}

    async def inspect(self) -> Sequence[Finding]:
        """All is well."""
        return ()

    async def set_unaided(self, number: str, row: str | None) -> None:
        """It keeps none."""
        del number, row

    async def unaided(self) -> Mapping[str, str]:
        """None."""
        return {}


class Sessions:
    """Plays call after call on so many places until told to stop, and counts those done."""

    def __init__(
        self,
        authoriser: Authoriser,
        pbx: SessionPbx,
        clock: Clock,
        extensions: Sequence[str],
        prefixes: Sequence[str],
    ) -> None:
        self._authoriser = authoriser
        self._pbx = pbx
        self._clock = clock
        self._extensions = extensions
        self._prefixes = prefixes
        self._draw = random.Random(1)  # noqa: S311 - seeded, not secret
        self._epoch = int(clock.now().timestamp())
        self._begun = 0
        self.done = 0
        self.talk_us = 0
        self.ends_at = 0.0

    async def play(self, sessions: int, seconds: float) -> float:
        """So many calls at a time; the seconds that it took until the last was posted."""
        began = time.monotonic()
        self.ends_at = began + seconds
        async with asyncio.TaskGroup() as group:
            for place in range(sessions):
                group.create_task(self._place(), name=f"session {place}")
        return time.monotonic() - began

    async def _place(self) -> None:
        while time.monotonic() < self.ends_at:
            number = self._begun
            self._begun += 1
            async with asyncio.timeout(WITHIN_S):
                await self._cycle(number)
            self.done += 1

    async def _cycle(self, number: int) -> None:
        pbx = self._pbx
        channel, leg = f"{self._epoch}.{2 * number}", CallId(PBX, f"{self._epoch}.{2 * number + 1}")
        payer, dialled = self._extensions[number % len(self._extensions)], self._dialled()
        question = Question(
            pbx=PBX, channel=channel, payer=payer, number=dialled, kind=CallKind.DIRECT
        )
        answer = await self._authoriser.decide(question)
        assert isinstance(answer, Permission), f"{answer} for {question}"
        told = pbx.heard[leg] = asyncio.Queue(1)
        ended_at = self._clock.now()
        answered_at = ended_at - _TALKED
        pbx.tell(
            CallStarted(leg, answered_at - _RANG, payer, dialled, TRUNK, asked_by=channel),
            CallAnswered(leg, answered_at, payer, dialled, TRUNK),
        )
        granted_s = await told.get()
        extended_s = await told.get()
        assert extended_s > granted_s > 0
        pbx.tell(CallEnded(leg, ended_at, 16, None, payer, dialled, TRUNK, answered_at))
        assert await told.get() == 0
        del pbx.heard[leg]
        self.talk_us += _TALKED // timedelta(microseconds=1)

    def _dialled(self) -> str:
        prefix = self._prefixes[int(self._draw.random() * len(self._prefixes))]
        left = _NUMBER_DIGITS - len(prefix)
        return f"00{prefix}{int(self._draw.random() * 10**left):0{left}}"


async def measured(
    folder: Path, seconds: float, extensions: int, sessions: int
) -> dict[str, float]:
    """Cycles and their steps a second, and what the processor spent on one."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock, meter = SystemClock(), PrometheusMeter()
    config = load_config(folder / "config.toml")
    prefixes = (folder / "prefixes").read_text(encoding="ascii").split()
    # Every other account is prepaid.
    numbers = [str(FIRST_EXTENSION + 2 * number) for number in range(extensions)]
    async with open_books(config, clock, meter) as books:
        settle_for_service()
        pbx = SessionPbx()
        authoriser = authoriser_of(books.billing, books.enforcement.desk_locks, meter, books.clock)
        played = Sessions(authoriser, pbx, clock, numbers, prefixes)
        began_cpu_s = time.process_time()
        took_s = await _served(books, pbx, played, sessions, seconds)
        cpu_s = time.process_time() - began_cpu_s
    return {
        "calls": played.done,
        "talk_us": played.talk_us,
        "seconds": round(took_s, 2),
        "cycles_per_s": round(played.done / took_s, 1),
        "steps_per_s": round(STEPS * played.done / took_s, 1),
        "cpu_us_per_cycle": round(cpu_s / played.done * 1e6),
    }


async def _served(
    books: Books, pbx: SessionPbx, played: Sessions, sessions: int, seconds: float
) -> float:
    billing = books.billing
    line = billing.add_line(pbx, Tracker(PBX))
    async with asyncio.TaskGroup() as group:
        served = [
            group.create_task(billing.bill_pbx(line), name="bill"),
            group.create_task(billing.holdings.serve(), name="holds"),
        ]
        took_s = await played.play(sessions, seconds)
        for task in served:
            task.cancel()
    assert not books.alarms.active(), books.alarms.active()
    return took_s


def main(arguments: Sequence[str]) -> int:
    """Measure and print one line of JSON."""
    folder, seconds, extensions, sessions = arguments
    found = asyncio.run(measured(Path(folder), float(seconds), int(extensions), int(sessions)))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
