"""Holds against the legs that they were for: in time, long enough, and at the right price."""

from __future__ import annotations

from collections.abc import Iterator

from rtbill.domain.hold import Hold, HoldStep
from tests.simulation.exchange import Truth
from tests.simulation.hold_lives import HoldLife, granted_s, lives, of_leg
from tests.simulation.second_opinion import TALK_TOLERANCE_US, cost_of
from tests.simulation.world import CLOCK_LEARNT_S, GUARD_S, World

LATE_S = 0.25
"""A timer counts from when the order arrives: by so much it may be later than it was meant."""


def check_timer(world: World, truth: Truth, talk_s: float) -> None:
    """CC-04: what the exchange is told was durably held before. Called when a timer is armed."""
    now_s = world.loop.time()
    account = world.holder(truth.payer)
    was_stepped = any(now_s - at_s < CLOCK_LEARNT_S for at_s, _ in world.steps)
    moves = any(move.extension == truth.payer for move in world.moves)
    if moves or was_stepped or truth.is_unaided or not world.is_limited(truth, account):
        return
    holds = of_leg([life for life in lives(world.witness.steps) if life.account == account], truth)
    granted = granted_s(holds, now_s, world.reaction_s)
    if talk_s > granted - GUARD_S + LATE_S:
        world.violations.append(
            f"CC-04: leg {truth.leg} may talk {talk_s:.2f} s at {now_s:.2f}, {granted} are held"
        )


def kept(world: World) -> Iterator[str]:
    """Every hold that there was."""
    for life in lives(world.witness.steps):
        truth = world.exchange.truths.get(life.call.leg) if life.call else None
        if truth is not None and truth.answered_us is not None:
            yield from _priced(world, life, truth)
            yield from _released(world, life, truth)
        if life.end is None:
            yield f"I6: {life.key} of {life.account} is held for ever"


def _priced(world: World, life: HoldLife, truth: Truth) -> Iterator[str]:
    """I10: so much talk costs no more than was set aside, by the prices at its answer. What another
    account than the payer held is given back then, and not reckoned anew.
    """
    booked = world.disk.books._calls.get(str(life.call))
    if booked is not None and booked.account != life.account:
        return
    tariff = world.disk.books._accounts[life.account].account.tariff
    assert truth.answered_us is not None
    wrong: list[tuple[Hold, int]] = []
    for off_us in (0, -TALK_TOLERANCE_US, TALK_TOLERANCE_US):
        cost = cost_of(tariff, truth.dialled, truth.answered_us + off_us)
        wrong = [
            (hold, due)
            for hold in _that_stood(world, life, truth)
            if (due := cost.micros(hold.granted_s * 1_000_000)) > hold.micros
        ]
        if not wrong:
            return
    for hold, due in wrong[:1]:
        yield (
            f"I10: {life.key} holds {hold.micros} for {hold.granted_s} s of leg {truth.leg} "
            f"({truth.dialled}), which cost {due}"
        )


def _that_stood(world: World, life: HoldLife, truth: Truth) -> Iterator[Hold]:
    """What was held for the leg while it talked for long enough to be reckoned at its answer."""
    ends = [step.at_s for step in life.steps[1:]] + [truth.ended_s]
    for step, ends_s in zip(life.steps, ends, strict=True):
        hold = step.event.hold
        since_s = max(step.at_s, truth.answered_s, world.heard_s(truth))
        until_s = min(ends_s, truth.ended_s)
        is_granted = hold.call is not None and hold.granted_s > 0
        if is_granted and world.troubles.gap(since_s, until_s, world.reaction_s) is not None:
            yield hold


def _released(world: World, life: HoldLife, truth: Truth) -> Iterator[str]:
    """I6: what is held for a call that talks is not given back, unless another account pays it."""
    at_s = life.ended_s
    if at_s is None or not truth.answered_s < at_s < truth.ended_s or world.is_handed_over(truth):
        return
    if life.end in (HoldStep.RELEASE, HoldStep.EXPIRE):
        yield f"I6: {life.key} was given back at {at_s:.2f} while leg {truth.leg} talked"
