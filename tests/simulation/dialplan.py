"""The generated dialplan's way of deciding whether an outside call is dialled.

An exchange of mode inline asks over HTTP, waits two seconds at most, and gives the seconds that it
is told to the leg's own timer at the answer. One that does not ask looks for the biller's sign of
life. Without an answer, or a sign of life, what was pushed beforehand holds (`rtbill/unaided`).
"""

from __future__ import annotations

import asyncio
import random
import re
from typing import Any
from urllib.parse import quote

from rtbill.domain.rated import NumberKind
from simulator import announcements
from simulator.calls import CallKind, CallState, SimulatedCall
from simulator.clock import US
from simulator.trunks import Trunk
from tests.simulation.exchange import WatchedExchange
from tests.simulation.prices import NUMBER_OF, class_of

ASKED_PORT = 9465
TOKEN = "the exchange's own"
CONNECT_WITHIN_S, ANSWER_WITHIN_S = 1.0, 2.0
ALIVE_S = 30
QUESTION_CHANCE = 0.7
"""That something happens to a question while such a fault lasts."""
NOT_IN_A_WORD = re.compile(r"[^a-z0-9,\-.]")


class DecidingExchange(WatchedExchange):
    """Asks, or looks for itself, before it dials a number that costs something."""

    def __init__(self, *args: Any, pbx: str, is_inline: bool, seed: int, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.tasks: asyncio.TaskGroup | None = None
        """Owner of the questions under way."""
        self.asking: dict[int, asyncio.Event] = {}
        """Calls for which the exchange asks; set when it has dialled or refused."""
        self.faults: set[str] = set()
        """Of questions, at present."""
        self.hasty_chance = 0.0
        self.questions = self.unaided = 0
        self._pbx = pbx
        self._is_inline = is_inline
        self._chance = random.Random(f"questions/{seed}")

    def route(
        self, call: SimulatedCall, kind: CallKind, called: str, trunk: str | None, payer: str
    ) -> None:
        """The dialplan; who asks leaves the lock to the biller."""
        is_free = NUMBER_OF.get(called) is None or NUMBER_OF[called].kind is not (
            NumberKind.CHARGEABLE
        )
        if kind is not CallKind.OUT or is_free or not payer:
            super().route(call, kind, called, trunk, payer)
        elif self._is_inline:
            assert self.tasks is not None
            self.asking[call.ident] = asyncio.Event()
            way = self._ask_and_dial(call, called, self.trunk(trunk), payer)
            self.tasks.create_task(way, name=f"question of call {call.ident}")
        elif self.database.has("rtbill/lock", payer) or self._is_biller_alive():
            super().route(call, kind, called, trunk, payer)
        else:
            self._dial_unaided(call, called, self.trunk(trunk), payer)

    async def until_decided(self, call: SimulatedCall) -> None:
        """Return when the exchange asks for the call no more."""
        decided = self.asking.get(call.ident)
        if decided is not None:
            await decided.wait()

    async def ask_about(self, number: str) -> None:
        """A question that nobody waits for."""
        payer = next(iter(self.extensions))
        question = self._question(f"{self.booted_us}.0", payer, number, "direct")
        await curl(question, "", self._chance)

    def _end_dialling(self, call: SimulatedCall, cause: int) -> None:
        if call.b is not None:
            super()._end_dialling(call, cause)
            return
        announcements.soft_hangup(self, call.a)
        self._drop(call.a, cause, None)
        self._finish(call, CallState.ENDED)

    def answer(self, call: SimulatedCall) -> None:
        """The leg's own timer runs from the answer."""
        super().answer(call)
        truth = self.truth_of(call)
        if truth is not None and truth.grant_s:
            assert call.b is not None
            self.set_timeout(call.b, float(truth.grant_s))

    # -- without an answer

    def _is_biller_alive(self) -> bool:
        age_s = self._now_us() // US - int(self.database.get("rtbill", "alive") or 0)
        return abs(age_s) <= ALIVE_S

    def _dial_unaided(self, call: SimulatedCall, called: str, trunk: Trunk, payer: str) -> None:
        self.unaided += 1
        row = self.database.get("rtbill/unaided", payer) or "closed"
        names, _, seconds = row.partition("/")
        by_class = dict(
            zip(names.split(":"), map(int, filter(None, seconds.split(":"))), strict=False)
        )
        grant_s = by_class.get(class_of(called), 0)
        if self.database.has("rtbill/lock", payer) or (row != "open" and not grant_s):
            self._turn_away(call, payer)
            return
        self._dial_trunk(call, CallKind.OUT, called, trunk, payer)
        truth = self.truth_of(call)
        assert truth is not None
        truth.is_unaided, truth.grant_s = True, grant_s or None

    def _turn_away(self, call: SimulatedCall, payer: str) -> None:
        announcements.refused(self, call.a, payer)
        self._refuse(call, cause=21, tech_cause=403)

    # -- with one

    async def _ask_and_dial(
        self, call: SimulatedCall, called: str, trunk: Trunk, payer: str
    ) -> None:
        channel = call.a
        try:
            kind = "direct" if channel.extension == payer else "transferred"
            question = self._question(channel.uniqueid, payer, called, kind)
            said = await self._until_said(call, question)
            if not call.is_over and call.a is channel:
                self._obey(call, said, called, trunk, payer)
        finally:
            self.asking.pop(call.ident).set()

    async def _until_said(self, call: SimulatedCall, request: bytes) -> str:
        """What the biller says; the caller may lose patience meanwhile."""
        self.questions += 1
        if self._chance.random() < self.hasty_chance:
            asyncio.get_running_loop().call_later(self._chance.uniform(0, 0.3), self._give_up, call)
        is_struck = bool(self.faults) and self._chance.random() < QUESTION_CHANCE
        fault = self._chance.choice(sorted(self.faults)) if is_struck else ""
        return await curl(request, fault, self._chance)

    def _give_up(self, call: SimulatedCall) -> None:
        if not call.is_over and call.ident in self.asking and call.a.extension is not None:
            self.hang_up_channel(call.a.name)

    def _obey(self, call: SimulatedCall, said: str, called: str, trunk: Trunk, payer: str) -> None:
        word, _, rest = said.removesuffix(".").partition(",")
        if not said.endswith(".") or word not in ("allow", "refuse"):
            self._dial_unaided(call, called, trunk, payer)
        elif word == "refuse":
            self._turn_away(call, payer)
        else:
            self._dial_trunk(call, CallKind.OUT, called, trunk, payer)
            truth = self.truth_of(call)
            assert truth is not None
            truth.grant_s = int(rest) if rest else None

    def _question(self, channel: str, payer: str, called: str, kind: str) -> bytes:
        fields = {
            "token": TOKEN,
            "call": channel,
            "payer": payer,
            "number": called,
            "kind": kind,
        }
        body = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
        head = (
            f"POST /v1/authorise/{self._pbx} HTTP/1.1\r\nHost: rtbill:{ASKED_PORT}\r\n"
            "User-Agent: asterisk-libcurl-agent/1.0\r\nAccept: */*\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        return (head + body).encode()


async def curl(request: bytes, fault: str, chance: random.Random) -> str:
    """The body of the answer as CURL() gives it, empty for none in time; `fault` spoils it."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            if fault == "answer_twice":
                async with asyncio.TaskGroup() as group:
                    both = [group.create_task(_one(request), name=f"ask {n}") for n in (1, 2)]
                body = both[1].result()
            else:
                body = await _one(request)
            if fault == "answer_lost":
                await asyncio.sleep(ANSWER_WITHIN_S)
            elif fault == "answer_late":
                await asyncio.sleep(chance.uniform(0.2, 3))
    except TimeoutError:
        return ""
    if fault == "answer_broken" and body:
        body = body[: chance.randrange(len(body))]
    return NOT_IN_A_WORD.sub("", body)


async def _one(request: bytes) -> str:
    """One question on a connection of its own."""
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            reader, writer = await asyncio.open_connection("rtbill", ASKED_PORT)
    except (OSError, TimeoutError):
        return ""
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        return (await reader.readexactly(length)).decode()
    except (OSError, EOFError):
        return ""
    finally:
        writer.close()
