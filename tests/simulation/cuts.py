"""I14: no call is cut too early, by its timer or by an order.

A leg that may only talk for what is held ends before its people hang up if, and only if,
(a) the account could not pay one more increment when that had to be decided;
(b) in the whole time in which it had to be decided (for a last slice from its grant on, else from
    when the renewal was due) there was no stretch as long as the biller's reaction in which link,
    disk and biller worked and the leg was known of;
(c) nothing could be held for it within `commit_max_s` of its answer, and its class then ends it;
(d) it was not to be let out: too little money for `call_min_s`, or too many calls, when it was
    dialled, and it was answered before the order came;
(e) its number has no rate and it talked for a minute; or its extension changed hands.
Nobody else's call is ever cut.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtbill.domain.hold import Hold
from rtbill.domain.rated import NumberKind
from tests.simulation.exchange import Truth
from tests.simulation.hold_lives import HoldLife
from tests.simulation.prices import NUMBER_OF
from tests.simulation.spending import Spent, legs_held_for
from tests.simulation.world import COMMIT_MAX_S, GUARD_S, LOOK_S, World

RENEW_MIN_S, RENEW_SHARE = 5.0, 0.2
UNRATED_S = 60
EARLY_S = 1.1
"""A timer so much before the end of the grant, less the guard, is still that of the grant: who asks
is told whole seconds.
"""


def premature(world: World) -> Iterator[str]:
    """Every leg that was cut without a reason."""
    held_for = {leg.truth.leg: leg for leg in legs_held_for(world)}
    for truth in world.exchange.truths.values():
        if not truth.was_cut or world.is_handed_over(truth):
            continue
        world.mix[f"cut by {truth.cut_by}"] += 1
        leg = held_for.get(truth.leg)
        if leg is not None:
            yield from (
                f"I14: leg {truth.leg} ({truth.dialled}) {each}" for each in _cut(world, leg)
            )
        elif truth.answered_us is not None and not _may_be_cut(world, truth):
            yield f"I14: leg {truth.leg} ({truth.dialled}), which nothing limits, was cut"


def _may_be_cut(world: World, truth: Truth) -> bool:
    """A leg in doubt: its account is not known from the books alone."""
    if NUMBER_OF[truth.dialled].kind is not NumberKind.CHARGEABLE:
        return False
    return world.is_limited(truth, world.holder(truth.payer)) or truth.is_unaided


def _cut(world: World, leg: Spent) -> Iterator[str]:
    truth = leg.truth
    cut_s = truth.ended_s
    talked_s = max(truth.talk_us / 1e6, cut_s - truth.answered_s)
    if not leg.cost.has_rate and talked_s >= UNRATED_S - GUARD_S - EARLY_S:
        return
    life = next((each for each in leg.holds if each.at(cut_s - 1e-6)), None)
    hold = life.at(cut_s - 1e-6) if life else None
    if life is None or hold is None or hold.granted_s == 0:
        yield from _without_a_grant(world, leg, life, talked_s)
        return
    granted_at_s = max(step.at_s for step in life.grants() if step.at_s <= cut_s)
    if talked_s < hold.granted_s - GUARD_S - EARLY_S:
        since_s = _free(world, truth, max(granted_at_s, truth.answered_s), cut_s)
        if since_s is not None and not world.was_set(truth):
            yield (
                f"was cut by {truth.cut_by} after {talked_s:.2f} s, {hold.granted_s} were granted "
                f"{cut_s - granted_at_s:.2f} s before, all was well for {cut_s - since_s:.2f} s"
            )
        return
    decided_s = max(granted_at_s, truth.answered_s)
    since_s = decided_s if hold.is_final else _renewal_due_s(world, truth, hold, decided_s)
    more = leg.cost.micros((hold.granted_s + 1) * 1_000_000)
    yield from _though_paid(world, leg, (since_s, cut_s), more, hold.micros, talked_s)


def _renewal_due_s(world: World, truth: Truth, hold: Hold, granted_at_s: float) -> float:
    """When a share of the slice was left: of what the biller found left, if it began later."""
    began_s = max([granted_at_s, *(at_s for at_s in world.births if at_s < truth.ended_s)])
    end_s = truth.answered_s + hold.granted_s
    slice_s = min(end_s - began_s, world.plan.slices.slice_max_s)
    early_s = max(RENEW_MIN_S, RENEW_SHARE * slice_s)
    return max(began_s, end_s - early_s + LOOK_S)


def _without_a_grant(
    world: World, leg: Spent, life: HoldLife | None, talked_s: float
) -> Iterator[str]:
    """Nothing was ever granted: for want of money, of a disk, or because it was not let out."""
    truth = leg.truth
    cut_s, slowest_s = truth.ended_s, world.plan.store_slowest_s
    asked_s = max(truth.answered_s, world.heard_s(truth))
    until_s = asked_s + COMMIT_MAX_S
    was_in_time = life is not None and life.opened_s + slowest_s <= until_s
    if not was_in_time and cut_s >= until_s and _free(world, truth, asked_s, until_s) is None:
        return
    if cut_s - truth.answered_s <= world.reaction_s + 0.5 and _was_not_let_out(world, leg):
        return
    first = leg.cost.micros(1_000_000)
    yield from _though_paid(world, leg, (truth.answered_s, cut_s), first, 0, talked_s)


def _was_not_let_out(world: World, leg: Spent) -> bool:
    """Whether there was too little as it was dialled or soon after, or too many calls were out."""
    truth, plan = leg.truth, world.plan
    least_s = max(2, plan.slices.call_min_s)
    needed = leg.cost.micros(least_s * 1_000_000)
    until_s = min(truth.ended_s, truth.dialled_s + world.reaction_s)
    return plan.calls_max > 0 or _least(world, leg.account, truth.dialled_s, until_s) < needed


def _though_paid(
    world: World, leg: Spent, window: tuple[float, float], needed: int, held: int, talked_s: float
) -> Iterator[str]:
    """A stretch of the window in which the money was there, and nothing kept it from being used."""
    for begins_s, ends_s in _stretches(world, leg.account, window, max(1, needed) - held):
        free_s = _free(world, leg.truth, begins_s, ends_s)
        if free_s is not None:
            yield (
                f"was cut by {leg.truth.cut_by} after {talked_s:.2f} s, at {window[1]:.2f}, though "
                f"{needed - held} more was needed and there from {begins_s:.2f} to {ends_s:.2f}, "
                f"and all was well from {free_s:.2f} on"
            )
            return


def _free(world: World, truth: Truth, since_s: float, until_s: float) -> float | None:
    """Where a stretch begins that is long enough for the biller to act."""
    since_s = max(since_s, world.heard_s(truth))
    return world.troubles.gap(since_s, until_s, world.reaction_s)


def _stretches(
    world: World, account: str, window: tuple[float, float], least: int
) -> Iterator[tuple[float, float]]:
    """When so much could be granted, within the window."""
    begun_s: float | None = None
    course = world.witness.purses[account].course
    ends = [at_s for at_s, _ in course[1:]] + [float("inf")]
    for (at_s, money), ends_s in zip(course, ends, strict=True):
        if money >= least and begun_s is None:
            begun_s = at_s
        if begun_s is not None and (money < least or ends_s >= window[1]):
            until_s = min(at_s if money < least else ends_s, window[1])
            if until_s > max(begun_s, window[0]):
                yield max(begun_s, window[0]), until_s
            begun_s = None


def _least(world: World, account: str, since_s: float, until_s: float) -> int:
    """The least that could be granted within that time."""
    course = world.witness.purses[account].course
    before = [money for at_s, money in course if at_s <= since_s][-1:]
    return min(before + [money for at_s, money in course if since_s < at_s <= until_s])
