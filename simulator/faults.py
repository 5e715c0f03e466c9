"""Faults of the link and of the exchange: one seed and the same messages give the same bytes.

A plan says how often each fault happens, per message sent. `SessionFaults.steps` turns one message
into what the link does with it. No time and no socket here: the server carries the steps out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

KINDS = ("cut", "split", "delay", "duplicate", "lose", "garbage", "half_open", "restart")
SCRIPTED_KINDS = ("cut", "half_open", "restart", "garbage")
"""Faults that can stand at a moment of a scenario; the others need a message to happen to."""
DELAY_MAX_S = 2.0


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes in one packet."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Say nothing for that long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Break the connection."""


@dataclass(frozen=True, slots=True)
class FallSilent:
    """Keep the connection open and never say anything again."""


@dataclass(frozen=True, slots=True)
class RestartExchange:
    """Drop all channels and connections."""


Step = Send | Wait | Cut | FallSilent | RestartExchange


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How often each fault happens, from 0 (never) to 1 (at each message)."""

    seed: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, rate in self.rates.items():
            if kind not in KINDS:
                raise ValueError(f"fault {kind!r} is not one of {', '.join(KINDS)}")
            if not 0 <= rate <= 1:
                raise ValueError(f"fault {kind} has rate {rate}: give a number from 0 to 1")

    def for_session(self, number: int) -> SessionFaults:
        """The faults of the connection with that number; each has its own sequence."""
        return SessionFaults(self.rates, random.Random(f"{self.seed}/{number}"))


@dataclass(slots=True)
class SessionFaults:
    """Draws the faults of one connection, message by message."""

    rates: Mapping[str, float]
    random: random.Random

    def steps(self, data: bytes, *, is_event: bool) -> Iterator[Step]:
        """What becomes of one message.

        Only events are lost or doubled: answers come once or never.
        """
        if not self.rates:
            yield Send(data)
            return
        if self._happens("restart"):
            yield RestartExchange()
        elif self._happens("half_open"):
            yield FallSilent()
        else:
            if self._happens("delay"):
                yield Wait(round(self.random.uniform(0, DELAY_MAX_S), 3))
            if self._happens("garbage"):
                yield Send(self.garbage())
            yield from self._send(data, is_event=is_event)

    def _send(self, data: bytes, *, is_event: bool) -> Iterator[Step]:
        if self._happens("cut"):
            yield Send(data[: self.random.randrange(len(data))])
            yield Cut()
            return
        is_lost = self._happens("lose") and is_event
        is_doubled = self._happens("duplicate") and is_event
        is_split = self._happens("split")
        if is_lost:
            return
        for _ in range(2 if is_doubled else 1):
            yield from self._split(data) if is_split else [Send(data)]

    def garbage(self) -> bytes:
        """Bytes that are no message.

        Closed like one, so that the next message can be found again.
        """
        length = self.random.randrange(1, 200)
        noise = bytes(self.random.randrange(256) for _ in range(length))
        return noise.replace(b"\r", b".").replace(b"\n", b".") + b"\r\n\r\n"

    def _split(self, data: bytes) -> Iterator[Step]:
        cuts = sorted(
            {self.random.randrange(1, len(data)) for _ in range(self.random.randint(1, 3))}
        )
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            if start:
                yield Wait(0.001)
            yield Send(data[start:end])

    def _happens(self, kind: str) -> bool:
        rate = self.rates.get(kind, 0.0)
        return rate > 0 and self.random.random() < rate


def parse_faults(text: str) -> dict[str, float]:
    """Read "cut=0.001,split=0.2". Raises ValueError that says what is wrong with which part."""
    rates = parse_rates(text)
    FaultPlan(0, rates)
    return rates


def parse_rates(text: str) -> dict[str, float]:
    """Read such rates whatever their kinds."""
    rates: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        kind, equals, rate = part.partition("=")
        try:
            rates[kind] = float(rate)
        except ValueError as error:
            raise ValueError(
                f"{part!r}: write KIND=RATE with a rate from 0 to 1, such as split=0.2"
            ) from error
        if not equals:
            raise ValueError(f"{part!r}: write KIND=RATE")
    return rates


def flatten(steps: Iterator[Step]) -> bytes:
    """Only the bytes, for comparing two runs."""
    data = b""
    for step in steps:
        match step:
            case Send():
                data += step.data
            case Wait() | Cut() | FallSilent() | RestartExchange():
                pass
            case _:
                assert_never(step)
    return data
