"""The simulated exchange with a witness: what really happened to each trunk leg, and who cut it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.calls import CallKind, SimulatedCall
from simulator.channel import Channel
from simulator.exchange import Exchange
from simulator.trunks import Trunk


@dataclass(slots=True)
class Truth:
    """One trunk leg, in the exchange's own time."""

    leg: str
    payer: str
    dialled: str
    is_emergency: bool
    answered_us: int | None = None
    ended_us: int | None = None
    is_lost: bool = False
    """The exchange crashed while it was there."""
    was_cut: bool = False
    """A timer or an order of the biller ended it."""


class WatchedExchange(Exchange):
    """Does what the exchange does, and remembers it outside of what the biller can ask."""

    def __init__(self, now_us: Callable[[], int], **settings: Any) -> None:
        super().__init__(now_us, **settings)
        self.truths: dict[str, Truth] = {}
        self.violations: list[str] = []
        self.on_dialled: Callable[[Truth], None] = lambda _truth: None
        self.on_answered: Callable[[Truth], None] = lambda _truth: None

    def _dial_trunk(
        self, call: SimulatedCall, kind: CallKind, called: str, trunk: Trunk, payer: str
    ) -> None:
        super()._dial_trunk(call, kind, called, trunk, payer)
        assert call.b is not None
        truth = Truth(call.b.uniqueid, payer, called, kind is CallKind.EMERGENCY)
        assert truth.leg not in self.truths, "the exchange gave one Uniqueid to two legs"
        self.truths[truth.leg] = truth
        self.on_dialled(truth)

    def answer(self, call: SimulatedCall) -> None:
        """The other side answers."""
        super().answer(call)
        assert call.b is not None
        truth = self.truths.get(call.b.uniqueid)
        if truth is not None:
            truth.answered_us = call.answered_us
            self.on_answered(truth)

    def _refuse(self, call: SimulatedCall, *, cause: int, tech_cause: int) -> None:
        if call.kind is CallKind.EMERGENCY:
            self.violations.append(f"emergency call {call.ident} was refused")
        super()._refuse(call, cause=cause, tech_cause=tech_cause)

    def _drop(self, channel: Channel, cause: int, tech_cause: int | None) -> None:
        super()._drop(channel, cause, tech_cause)
        truth = self.truths.get(channel.uniqueid)
        if truth is not None:
            truth.ended_us = self._last_us

    def set_timeout(self, channel: Channel, seconds: float) -> None:
        """A timer is armed."""
        self._no_order_for_emergencies(channel, "limited")
        super().set_timeout(channel, seconds)

    def hang_up_channel(self, name: str, cause: int = 16) -> bool:
        """A timer ran out, or the biller ends a call."""
        channel = self.channels.get(name)
        if channel is not None:
            self._no_order_for_emergencies(channel, "hung up")
            truth = self.truths.get(channel.uniqueid)
            if truth is not None:
                truth.was_cut = True
        return super().hang_up_channel(name, cause)

    def restart(self) -> None:
        """All channels are gone."""
        for channel in self.channels.values():
            truth = self.truths.get(channel.uniqueid)
            if truth is not None:
                truth.is_lost, truth.ended_us = True, self._now_us()
        super().restart()

    def _no_order_for_emergencies(self, channel: Channel, what: str) -> None:
        truth = self.truths.get(channel.uniqueid)
        if truth is not None and truth.is_emergency:
            self.violations.append(f"emergency leg {truth.leg} was {what}")
