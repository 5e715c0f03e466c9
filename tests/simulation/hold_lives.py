"""Holds from their first step to their last, and the legs that they were for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtbill.domain.call import CallId
from rtbill.domain.hold import ENDS, Hold, HoldStep
from tests.simulation.exchange import Truth
from tests.simulation.plan import PBX
from tests.simulation.witness import Step


@dataclass(slots=True)
class HoldLife:
    """One hold; a key may be used again after its end."""

    key: str
    account: str
    steps: list[Step] = field(default_factory=list)

    @property
    def call(self) -> CallId | None:
        """The leg, once it was known."""
        return self.steps[-1].event.hold.call

    @property
    def opened_s(self) -> float:
        """When it became durable."""
        return self.steps[0].at_s

    @property
    def ended_s(self) -> float | None:
        """When it was resolved; None while it is open."""
        last = self.steps[-1]
        return last.at_s if last.event.step in ENDS else None

    @property
    def end(self) -> HoldStep | None:
        """How it was resolved."""
        last = self.steps[-1].event.step
        return last if last in ENDS else None

    def grants(self) -> list[Step]:
        """Steps that are not its end."""
        return [step for step in self.steps if step.event.step not in ENDS]

    def at(self, at_s: float) -> Hold | None:
        """What it was at that time; None before its first step and after its end."""
        found = None
        for step in self.steps:
            if step.at_s > at_s:
                break
            found = None if step.event.step in ENDS else step.event.hold
        return found


def lives(steps: Sequence[Step]) -> list[HoldLife]:
    """Every hold that there was."""
    found: list[HoldLife] = []
    open_now: dict[tuple[str, str], HoldLife] = {}
    for step in steps:
        hold = step.event.hold
        where = hold.account, hold.key
        life = open_now.get(where)
        if life is None:
            life = open_now[where] = HoldLife(hold.key, hold.account)
            found.append(life)
        life.steps.append(step)
        if step.event.step in ENDS:
            del open_now[where]
    return found


def of_leg(all_lives: Sequence[HoldLife], truth: Truth) -> list[HoldLife]:
    """Those of the leg: that name it, and then what its channel asked for and nobody used."""
    own = CallId(PBX, truth.leg)
    asked = f"{PBX}/{truth.asked_by}#"
    found = [
        life
        for life in all_lives
        if life.call == own
        or (life.call is None and life.key == str(own))
        or (
            life.call is None
            and life.key.startswith(asked)
            and life.opened_s <= truth.dialled_s + 1.0
            and (life.ended_s is None or life.ended_s >= truth.dialled_s)
        )
    ]
    return sorted(found, key=lambda life: life.call is None)


def granted_s(holds: Sequence[HoldLife], at_s: float, lately_s: float = 0.0) -> int:
    """The most talk that was durably granted then, or within so many seconds before."""
    return max((_granted_s(life, at_s, lately_s) for life in holds), default=0)


def _granted_s(life: HoldLife, at_s: float, lately_s: float) -> int:
    granted = 0
    for step in life.grants():
        if step.at_s > at_s:
            break
        before = granted if step.at_s >= at_s - lately_s else 0
        granted = max(before, step.event.hold.granted_s)
    return granted
