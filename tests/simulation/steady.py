"""Looked at once a second while the run goes on, where nothing has been wrong for a while.

I8: the locks at the exchange are those that the books want, 30 s after either changed.
I11: what was ordered for a leg is what its timer holds: the grant, less the guard.
I6: no hold outlives the longest ringing of a call that nobody sees, and two snapshots; no call is
held for twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtbill.domain.hold import Hold
from tests.simulation.exchange import Truth
from tests.simulation.plan import PBX
from tests.simulation.world import CLOCK_LEARNT_S, GUARD_S, World

LOCKED_WITHIN_S = 30.0
ORDERED_WITHIN_S = 8.0
UNSEEN_MAX_S = 260.0
"""130 s for ringing, 120 s for two snapshots, and the sweep."""
NEAR_S = 0.4


def check_steady(world: World) -> list[str]:
    """What is wrong now; told once."""
    now_s = world.loop.time()
    found = [*_locks(world, now_s), *_unseen_holds(world, now_s)]
    if not world.troubles.overlaps(now_s - ORDERED_WITHIN_S - world.reaction_s, now_s):
        found += [*_timers(world, now_s), *_held_twice(world, now_s)]
    return [each for each in found if world.is_new(each.partition(" at ")[0])]


def _locks(world: World, now_s: float) -> Iterator[str]:
    wanted = world.locked()
    held = world.rows("lock"), world.rows("divert")
    is_disturbed = world.loop.time() < world.troubled_at or world.troubles.overlaps(
        now_s - 1.0, now_s
    )
    if wanted == held or is_disturbed:
        world.differing_since = now_s
    elif wanted != world.wanted_before:
        world.differing_since, world.wanted_before = now_s, wanted
    elif now_s - world.differing_since > LOCKED_WITHIN_S + world.reaction_s:
        yield f"I8: {held} is locked and diverted, {wanted} wanted at {now_s:.2f}"


def _timers(world: World, now_s: float) -> Iterator[str]:
    lately_s = now_s - ORDERED_WITHIN_S - world.reaction_s
    for step in world.witness.latest.values():
        hold = step.event.hold
        if hold.call is None or step.at_s > lately_s:
            continue
        truth = world.exchange.truths.get(hold.call.leg)
        if truth is None or truth.ended_us is not None or truth.answered_s > lately_s:
            continue
        if world.heard_s(truth) > lately_s:
            continue
        if any(at_s > truth.answered_s - CLOCK_LEARNT_S for at_s, _ in world.steps):
            continue
        armed_s = truth.timers[-1][1] if truth.timers else float("inf")
        if abs(armed_s - (hold.granted_s - GUARD_S)) > NEAR_S:
            yield (
                f"I11: leg {truth.leg} is granted {hold.granted_s} s, its timer ends it after "
                f"{armed_s:.2f} at {now_s:.2f}"
            )


def _unseen_holds(world: World, now_s: float) -> Iterator[str]:
    """Holds of legs and channels that are no more."""
    there = {channel.uniqueid for channel in world.exchange.channels.values()}
    is_disturbed = world.troubles.overlaps(now_s - 1.0, now_s)
    held = [hold for purse in world.witness.purses.values() for hold in purse.holds.values()]
    world.unseen_s = {
        hold.key: 0.0 if is_disturbed else world.unseen_s.get(hold.key, 0.0) + 1.0
        for hold in held
        if not _owners(hold) & there
    }
    for key, seconds in world.unseen_s.items():
        if seconds > UNSEEN_MAX_S:
            yield f"I6: {key} is held for nobody at {now_s:.2f}"


def _held_twice(world: World, now_s: float) -> Iterator[str]:
    """Money set aside for one call under two names."""
    holds: dict[str, list[str]] = {}
    lately_s = now_s - ORDERED_WITHIN_S - world.reaction_s
    legs = {truth.asked_by: truth.leg for truth in world.exchange.truths.values() if _talks(truth)}
    for step in world.witness.latest.values():
        hold = step.event.hold
        leg = hold.call.leg if hold.call else legs.get(next(iter(_owners(hold))))
        if leg is not None and step.at_s < lately_s:
            holds.setdefault(leg, []).append(hold.key)
    linked = {each.uniqueid: each.linkedid for each in world.exchange.channels.values()}
    for leg, keys in holds.items():
        truth = world.exchange.truths.get(leg)
        # Of a transferred call whose beginning was not heard nothing tells who asked.
        is_known = truth is not None and {truth.linked_to, linked.get(leg)} == {truth.asked_by}
        if len(keys) > 1 and is_known:
            yield f"I6: leg {leg} is held for as {' and as '.join(sorted(keys))} at {now_s:.2f}"


def _talks(truth: Truth) -> bool:
    return truth.answered_us is not None and truth.ended_us is None


def _owners(hold: Hold) -> set[str]:
    """Uniqueids of the channels for which it may be: the leg, or who asked."""
    channel = hold.key.removeprefix(f"{PBX}/").partition("#")[0]
    return {channel} if hold.call is None else {channel, hold.call.leg}
