"""An independent model of credit control: calls, holds, outages and top-ups on one balance.

Whole micro-units, whole milliseconds, everything from a seed. A call's price is a step function:
connect fee at the answer, then one increment at the start of each, so a cut one millisecond late
costs a whole increment. The world can lose its link, lose its biller, cut slowly, and be paid.

What decides about holds is handed in: `ModelHolds` is the model's own; the code under test takes
its place.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from typing import Protocol

INCREMENTS_MS = [(1000, 1000), (6000, 6000), (30000, 6000), (60000, 60000)]
SLICE_MS, RENEW_MS, GUARD_MS = 60_000, 8_000, 500


@dataclass
class Call:
    """One call that somebody wants to make."""

    id: int
    rate: int
    """Micro-units a second."""
    first: int
    next: int
    fee: int
    start: int
    natural: int
    """How long the caller wants to talk."""
    end: int | None = None
    why: str = ""

    def per(self, ms: int) -> int:
        """The price of an increment of this length."""
        return self.rate * ms // 1000

    def cost(self, talk: int) -> int:
        """The price of this much talk; an answer owes the first increment."""
        cost = self.fee + self.per(self.first)
        if talk > self.first:
            cost += -(-(talk - self.first) // self.next) * self.per(self.next)
        return cost

    def afford(self, money: int) -> int | None:
        """The longest talk that the money pays; None when not even an answer."""
        left = money - self.fee - self.per(self.first)
        if left < 0:
            return None
        return self.first + left // max(1, self.per(self.next)) * self.next


@dataclass
class World:
    """What happens, all of it from one seed."""

    seed: int
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = self.chance = random.Random(self.seed)
        self.opening = 0
        count = chance.randint(1, 12)
        self.opening = chance.randint(0, 6_000_000)
        for number in range(count):
            first, after = chance.choice(INCREMENTS_MS)
            self.calls.append(
                Call(
                    number,
                    chance.choice([333, 1667, 5000, 16667, 50000]),
                    first,
                    after,
                    chance.choice([0, 0, 50000]),
                    chance.randint(0, 120_000),
                    chance.randint(1, 900_000),
                )
            )
        self.topups = [
            (chance.randint(0, 900_000), chance.randint(100_000, 3_000_000))
            for _ in range(chance.choice([0, 0, 1, 2]))
        ]
        self.gaps: list[tuple[int, int]] = []
        if chance.random() < 0.5:
            at = chance.randint(0, 600_000)
            self.gaps.append((at, at + chance.randint(1_000, 400_000)))
        if chance.random() < 0.4:
            at = chance.randint(0, 600_000)
            self.gaps.append((at, at + chance.randint(500, 20_000)))
        self.jitter = chance.randint(0, 400)

    def is_down(self, at: int) -> bool:
        """Whether the biller hears or commands nothing."""
        return any(since <= at < until for since, until in self.gaps)

    def up_at(self, at: int) -> int:
        """When it next does."""
        while self.is_down(at):
            at = max(until for since, until in self.gaps if since <= at < until)
        return at


class Holds(Protocol):
    """Who decides about money; one balance."""

    @property
    def posted(self) -> int:
        """The balance."""
        ...

    def grant(self, call: Call) -> int | None:
        """Milliseconds from the answer that the call has been granted; None: not open."""
        ...

    def extend(self, call: Call, used: int) -> bool:
        """Open or extend; whether the grant grew."""
        ...

    def finish(self, call: Call, talk: int) -> None:
        """Debit the call and hold nothing for it any more."""
        ...

    def credit(self, micros: int) -> None:
        """Money came in."""
        ...

    def available(self) -> int:
        """What no hold counts on."""
        ...

    def held(self, call: Call) -> int:
        """What is set aside for the call."""
        ...


class ModelHolds:
    """The model's own decisions."""

    def __init__(self, opening: int) -> None:
        self._posted = opening
        self._held: dict[int, int] = {}
        self._grant: dict[int, int] = {}

    @property
    def posted(self) -> int:
        """See Holds."""
        return self._posted

    def grant(self, call: Call) -> int | None:
        """See Holds."""
        return self._grant.get(call.id)

    def available(self) -> int:
        """See Holds."""
        return self._posted - sum(self._held.values())

    def held(self, call: Call) -> int:
        """See Holds."""
        return self._held.get(call.id, 0)

    def extend(self, call: Call, used: int) -> bool:
        """See Holds."""
        known = self._grant.get(call.id)
        want = max(SLICE_MS, call.first) if known is None else max(used, known) + SLICE_MS
        room = self.held(call) + self.available()
        if call.cost(want) > room:
            affordable = call.afford(room)
            if affordable is None or affordable <= (-1 if known is None else known):
                return False
            want = affordable
        self._held[call.id] = max(self.held(call), call.cost(want))
        self._grant[call.id] = want
        return True

    def finish(self, call: Call, talk: int) -> None:
        """See Holds."""
        self._posted -= call.cost(talk)
        self._held.pop(call.id, None)

    def credit(self, micros: int) -> None:
        """See Holds."""
        self._posted += micros


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    overspent: int
    least_available: int
    left_held: int
    premature: int
    """Cuts though there was money for more."""
    ends: tuple[tuple[int | None, str], ...]
    """When and why each call ended."""


class Run:
    """One world, one way of deciding about holds."""

    def __init__(
        self, world: World, holds: Holds, guard: int = GUARD_MS, *, retries: bool = True
    ) -> None:
        self._world, self._holds, self._guard, self._retries = world, holds, guard, retries
        self._calls = {call.id: call for call in world.calls}
        self._live: set[int] = set()
        self._epoch = dict.fromkeys(self._calls, 0)
        self._queue: list[tuple[int, int, str, int, int]] = []
        self._sequence = 0
        self._premature = 0

    def outcome(self) -> Outcome:
        """Play it to the end."""
        world, holds = self._world, self._holds
        for call in world.calls:
            self._at(call.start, "answer", call.id)
        for at, micros in world.topups:
            self._at(at, "topup", micros)
        for _, until in world.gaps:
            self._at(until, "resync")
        least = 0
        while self._queue:
            now, _, kind, argument, tag = heapq.heappop(self._queue)
            getattr(self, f"_{kind}")(now, argument, tag)
            least = min(least, holds.available())
        return Outcome(
            max(0, -holds.posted),
            least,
            sum(holds.held(call) for call in world.calls),
            self._premature,
            tuple((call.end, call.why) for call in world.calls),
        )

    def _at(self, at: int, kind: str, argument: int = 0, tag: int = 0) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (at, self._sequence, kind, argument, tag))

    def _extend(self, now: int, number: int) -> bool:
        """Move the grant; then the exchange's own timer."""
        call, holds = self._calls[number], self._holds
        used = now - call.start
        if not holds.extend(call, used):
            return False
        grant = holds.grant(call)
        assert grant is not None
        self._epoch[number] += 1
        epoch = self._epoch[number]
        ends = call.start + grant - self._guard
        self._at(ends + self._world.chance.randint(0, self._world.jitter), "cut", number, epoch)
        self._at(max(now + 1, call.start + grant - RENEW_MS), "renew", number, epoch)
        if self._retries and grant - (used if number in self._live else 0) < SLICE_MS:
            self._at(max(now + 1, ends - 1000), "renew", number, epoch)
        return True

    def _extend_late(self, now: int) -> None:
        for number in sorted(self._live):
            grant = self._holds.grant(self._calls[number])
            if grant is not None and grant < now - self._calls[number].start + RENEW_MS:
                self._extend(now, number)

    def _finish(self, now: int, number: int, why: str) -> None:
        call = self._calls[number]
        call.end, call.why = now, why
        self._live.discard(number)
        self._holds.finish(call, max(1, now - call.start))

    def _end_unseen(self, now: int, number: int, why: str) -> None:
        call = self._calls[number]
        call.end, call.why = now, why
        self._live.discard(number)
        self._at(self._world.up_at(now), "late", number)

    def _answer(self, now: int, number: int, _tag: int) -> None:
        call = self._calls[number]
        if self._world.is_down(now):
            call.why = "refused-down"
        elif self._extend(now, number):
            self._live.add(number)
            self._at(now + call.natural, "bye", number)
        else:
            call.why = "refused-money"

    def _bye(self, now: int, number: int, _tag: int) -> None:
        if number not in self._live:
            return
        if self._world.is_down(now):
            self._end_unseen(now, number, "bye")
        else:
            self._finish(now, number, "bye")
            self._extend_late(now)

    def _late(self, now: int, number: int, _tag: int) -> None:
        call = self._calls[number]
        assert call.end is not None
        self._holds.finish(call, max(1, call.end - call.start))
        if not self._world.is_down(now):
            self._extend_late(now)

    def _cut(self, now: int, number: int, tag: int) -> None:
        if number not in self._live or tag != self._epoch[number]:
            return
        if self._world.is_down(now):
            self._end_unseen(now, number, "cut")
            return
        call, holds = self._calls[number], self._holds
        grant = holds.grant(call)
        assert grant is not None
        if holds.available() >= call.cost(grant + 1) - holds.held(call):
            self._premature += 1
        self._finish(now, number, "cut")

    def _renew(self, now: int, number: int, tag: int) -> None:
        is_due = number in self._live and tag == self._epoch[number]
        if is_due and not self._world.is_down(now):
            self._extend(now, number)

    def _topup(self, now: int, micros: int, _tag: int) -> None:
        self._holds.credit(micros)
        if not self._retries or self._world.is_down(now):
            return
        for number in sorted(self._live):
            call = self._calls[number]
            grant = self._holds.grant(call)
            if grant is not None and grant - (now - call.start) < SLICE_MS:
                self._extend(now, number)

    def _resync(self, now: int, _argument: int, _tag: int) -> None:
        if not self._world.is_down(now):
            for number in sorted(self._live):
                self._extend(now, number)
