"""The simulated exchange with a witness: what really happened to each trunk leg, and who cut it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.calls import CallKind, SimulatedCall
from simulator.channel import Channel
from simulator.exchange import Exchange
from simulator.trunks import Trunk

NO_LIMIT_S = 80_000.0
"""A timer beyond it stands for none: an exchange cannot be told to forget one."""


@dataclass(slots=True)
class Truth:
    """One trunk leg: microseconds are of the exchange's clock, seconds are those of the run."""

    leg: str
    payer: str
    dialled: str
    is_emergency: bool
    asked_by: str
    """The channel that dialled it."""
    linked_to: str
    """The channel with which its call began: another one than that after a transfer."""
    dialled_s: float
    grant_s: int | None = None
    """Talk after which the exchange ends it by itself, without being told again."""
    is_unaided: bool = False
    """The exchange let it out by what was pushed beforehand."""
    answered_us: int | None = None
    answered_s: float = 0.0
    ended_us: int | None = None
    ended_s: float = 0.0
    is_lost: bool = False
    """The exchange crashed while it was there."""
    cut_by: str = ""
    """`timer`, or `order` of the biller, or nobody but the people who talked."""
    timers: list[tuple[float, float]] = field(default_factory=list)
    """When one was armed, and for how much talk."""

    @property
    def was_cut(self) -> bool:
        """The biller or its timer ended it."""
        return bool(self.cut_by)

    @property
    def talk_us(self) -> int:
        """From answer to end by the exchange's stamps."""
        assert self.answered_us is not None
        assert self.ended_us is not None
        return self.ended_us - self.answered_us


class WatchedExchange(Exchange):
    """Does what the exchange does, and remembers it outside of what the biller can ask."""

    def __init__(
        self, now_us: Callable[[], int], run_s: Callable[[], float], **settings: Any
    ) -> None:
        super().__init__(now_us, **settings)
        self.truths: dict[str, Truth] = {}
        self.violations: list[str] = []
        self.on_dialled: Callable[[Truth], None] = lambda _truth: None
        self.on_answered: Callable[[Truth], None] = lambda _truth: None
        self.on_timer: Callable[[Truth, float], None] = lambda _truth, _talk_s: None
        self.timers_late_s = 0.0
        """The most by which a timer of its own fires too late."""
        self._run_s = run_s
        self._lateness = random.Random("lateness")

    def truth_of(self, call: SimulatedCall) -> Truth | None:
        """The trunk leg that the call dialled, if it is one."""
        return None if call.b is None else self.truths.get(call.b.uniqueid)

    def _dial_trunk(
        self, call: SimulatedCall, kind: CallKind, called: str, trunk: Trunk, payer: str
    ) -> None:
        super()._dial_trunk(call, kind, called, trunk, payer)
        assert call.b is not None
        truth = Truth(
            leg=call.b.uniqueid,
            payer=payer,
            dialled=called,
            is_emergency=kind is CallKind.EMERGENCY,
            asked_by=call.a.uniqueid,
            linked_to=call.b.linkedid,
            dialled_s=self._run_s(),
        )
        assert truth.leg not in self.truths, "the exchange gave one Uniqueid to two legs"
        self.truths[truth.leg] = truth
        self.on_dialled(truth)

    def answer(self, call: SimulatedCall) -> None:
        """The other side answers."""
        super().answer(call)
        truth = self.truth_of(call)
        if truth is not None:
            truth.answered_us, truth.answered_s = call.answered_us, self._run_s()
            self.on_answered(truth)

    def _refuse(self, call: SimulatedCall, *, cause: int, tech_cause: int) -> None:
        if call.kind is CallKind.EMERGENCY:
            self.violations.append(f"emergency call {call.ident} was refused")
        super()._refuse(call, cause=cause, tech_cause=tech_cause)

    def _drop(self, channel: Channel, cause: int, tech_cause: int | None) -> None:
        super()._drop(channel, cause, tech_cause)
        truth = self.truths.get(channel.uniqueid)
        if truth is not None:
            truth.ended_us, truth.ended_s = self._last_us, self._run_s()

    def set_timeout(self, channel: Channel, seconds: float) -> None:
        """A timer is armed."""
        self._no_order_for_emergencies(channel, "limited")
        truth = self.truths.get(channel.uniqueid)
        late_s = self._lateness.uniform(0, self.timers_late_s) if seconds else 0.0
        super().set_timeout(channel, seconds + late_s)
        if truth is not None and truth.answered_us is not None and 0 < seconds < NO_LIMIT_S:
            talk_s = (self._now_us() - truth.answered_us) / 1e6 + seconds
            truth.timers.append((self._run_s(), talk_s))
            self.on_timer(truth, talk_s)

    def hang_up_channel(self, name: str, cause: int = 16) -> bool:
        """A timer ran out, or the biller ends a call."""
        channel = self.channels.get(name)
        if channel is not None:
            self._no_order_for_emergencies(channel, "hung up")
            truth = self.truths.get(channel.uniqueid)
            if truth is not None:
                at_us = channel.timeout_at_us
                truth.cut_by = "timer" if at_us and at_us <= self._now_us() else "order"
        return super().hang_up_channel(name, cause)

    def restart(self) -> None:
        """All channels are gone."""
        for channel in self.channels.values():
            truth = self.truths.get(channel.uniqueid)
            if truth is not None:
                truth.is_lost = True
                truth.ended_us, truth.ended_s = self._now_us(), self._run_s()
        super().restart()

    def _no_order_for_emergencies(self, channel: Channel, what: str) -> None:
        truth = self.truths.get(channel.uniqueid)
        if truth is not None and truth.is_emergency:
            self.violations.append(f"emergency leg {truth.leg} was {what}")
