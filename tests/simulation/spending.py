"""I3, the bound on overspending (CC-40): what people really talked, priced by the oracle.

By money: at the end of each leg what the account's calls have cost so far may be more than it was
ever paid only by what legs talked beyond their holds.

By time: a leg talks beyond what was durably granted to it only if the exchange could not be told in
time. From its answer on there was no stretch, as long as the biller needs to act (`commit_max_s`
and its reaction), in which the link, the disk and the biller all worked, and the news of the leg
had arrived. As soon as there is one, it must end. That is the whole exposure of an exchange that
does not ask: the talk up to then, of calls that start in the same moment or during an outage. One
that asks arms the grant itself, so its legs exceed nothing, except those that it let out by what
was pushed beforehand: they may talk for that long. A leg whose extension changed hands is paid by
the new holder from its answer on, who was not asked; it ends as soon as that is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from rtbill.domain.rated import CallStatus, NumberKind
from tests.simulation.exchange import Truth
from tests.simulation.hold_lives import HoldLife, granted_s, lives, of_leg
from tests.simulation.plan import PBX
from tests.simulation.prices import NUMBER_OF
from tests.simulation.second_opinion import Cost, cost_of
from tests.simulation.world import COMMIT_MAX_S, NOT_YET_S, World

ENOUGH_S = 0.05
"""The end of an increment is exact; stamps are to the millisecond."""


@dataclass(slots=True)
class Spent:
    """One leg of an account whose calls may only talk for what is held."""

    truth: Truth
    account: str
    cost: Cost
    holds: list[HoldLife]

    def talked_us(self, at_s: float) -> int:
        """Up to then: by the clock of the exchange or by real time, whichever is less, for between
        them lies what somebody set the clock by.
        """
        real_s = min(at_s, self.truth.ended_s) - self.truth.answered_s
        return min(self.truth.talk_us, round(real_s * 1e6))

    def cost_at(self, at_s: float) -> int:
        """What it has cost by then."""
        return self.cost.micros(self.talked_us(at_s)) if at_s >= self.truth.answered_s else 0

    def beyond_at(self, at_s: float) -> int:
        """Of that, what no hold covers."""
        until_s = min(at_s, self.truth.ended_s)
        held = max((hold.micros for life in self.holds if (hold := life.at(until_s))), default=0)
        return max(0, self.cost_at(at_s) - held)


def legs_held_for(world: World) -> list[Spent]:
    """Answered legs that were charged to such an account."""
    all_lives = lives(world.witness.steps)
    found = []
    for truth in world.exchange.truths.values():
        call = world.disk.books._calls.get(f"{PBX}/{truth.leg}")
        is_paid = call is not None and call.status in (CallStatus.RATED, CallStatus.UNRATED)
        if truth.answered_us is None or truth.is_emergency or not is_paid:
            continue
        assert call is not None
        if NUMBER_OF[truth.dialled].kind is NumberKind.CHARGEABLE and world.is_limited(
            truth, call.account
        ):
            tariff = world.disk.books._accounts[call.account].account.tariff
            cost = cost_of(tariff, truth.dialled, truth.answered_us)
            own = [life for life in of_leg(all_lives, truth) if life.account == call.account]
            found.append(Spent(truth, call.account, cost, own))
    return found


def overspending(world: World) -> Iterator[str]:
    """By money and by time."""
    legs = legs_held_for(world)
    for account in {leg.account for leg in legs}:
        yield from _by_money(world, account, [leg for leg in legs if leg.account == account])
    for leg in legs:
        if leg.cost.has_rate:
            yield from (f"I3: leg {leg.truth.leg} {each}" for each in _by_time(world, leg))


def _by_money(world: World, account: str, legs: list[Spent]) -> Iterator[str]:
    worst = 0
    for at_s in sorted(leg.truth.ended_s for leg in legs):
        paid = sum(
            micros
            for when, whose, micros in world.witness.credits
            if whose == account and when <= at_s
        )
        over = sum(leg.cost_at(at_s) for leg in legs) - paid
        if over <= 0:
            continue
        worst = max(worst, over)
        allowed = sum(leg.beyond_at(at_s) for leg in legs)
        if over > allowed:
            yield f"I3: {account} has overspent {over}, its legs explain {allowed}"
            return
    world.mix[f"overspent micros, {_mode(world)}"] += worst
    world.mix[f"accounts overspent, {_mode(world)}"] += worst > 0


def _mode(world: World) -> str:
    """Whether its exchange asks before it dials."""
    return "inline" if world.plan.is_inline else "reactive"


def _by_time(world: World, leg: Spent) -> Iterator[str]:
    truth = leg.truth
    granted = granted_s(leg.holds, truth.ended_s, world.reaction_s)
    if truth.is_unaided:
        granted = max(granted, truth.grant_s or 0)
    slack_s = ENOUGH_S + sum(
        abs(by_s) for at_s, by_s in world.steps if truth.dialled_s - 15 <= at_s <= truth.ended_s
    )
    talked_s = leg.talked_us(truth.ended_s) / 1e6
    if talked_s <= granted + slack_s:
        return
    world.mix[f"legs beyond their holds, {_mode(world)}"] += 1
    if world.plan.is_inline and not (truth.is_unaided or world.is_handed_over(truth)):
        armed_s = max(
            (step.event.hold.granted_s for life in leg.holds for step in life.grants()), default=0
        )
        if talked_s > armed_s + slack_s:
            yield f"({truth.dialled}) was asked for and talked {talked_s:.2f} s of {armed_s}"
    if truth.is_unaided and truth.grant_s is None:
        return  # the account's class lets calls out without a bound
    known_s = max(truth.answered_s, world.heard_s(truth), world.payer_known_s(truth))
    if known_s == inf:
        return
    needed_s = COMMIT_MAX_S + world.reaction_s
    free_s = world.troubles.gap(known_s, NOT_YET_S, needed_s)
    assert free_s is not None
    ends_s = max(free_s + needed_s, truth.answered_s + granted) + slack_s
    if truth.ended_s > ends_s:
        late_s = truth.ended_s - ends_s
        yield (
            f"({truth.dialled}) talked {talked_s:.2f} s of {granted} granted and could have been "
            f"ended {late_s:.2f} s before"
        )
