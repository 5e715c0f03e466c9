"""Holds: how much talk a call is granted, and what is set aside for it. Pure.

A grant is made only of money that no other hold counts on, and before the exchange hears of it, so
whatever dies, calls never talk for more than was held. Every function takes the account's state and
gives the state after it; the store makes it durable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Draw
from rtbill.domain.call import CallId
from rtbill.domain.hold import Hold, HoldEvent, HoldStep
from rtbill.domain.rated import Facts

ROUNDED_UP_MAX_S = 60
"""A slice is granted at most so much longer than wanted, to the end of its last increment."""


class Pricing(Protocol):
    """What one call costs by its talk time, and the exact inverse."""

    def cost_micros(self, talk_s: int) -> int:
        """The price of this much talk; never falls as talk grows."""
        ...

    def affordable_s(self, micros: int, cap_s: int) -> int:
        """The longest whole second, `cap_s` at most, whose price is within the money; 0 when that
        does not pay an answer.
        """
        ...

    def draws(self, talk_s: int) -> tuple[Draw, ...]:
        """What this much talk takes of bundles at most, beside that price."""
        ...


@dataclass(frozen=True, slots=True)
class SliceTerms:
    """How talk is granted slice by slice (CC-11, CC-12, CC-20)."""

    slice_min_s: int = 10
    slice_max_s: int = 60
    call_min_s: int = 20
    """With less a call is not let out: it would be cut before anything is said."""
    call_max_s: int = 14_400

    def __post_init__(self) -> None:
        assert 0 < self.slice_min_s <= self.slice_max_s
        assert self.call_min_s >= 0
        assert self.call_max_s > 0

    @property
    def of_first(self) -> SliceTerms:
        """Of the slice with which a call is let out: as long as that needs, where there is money.
        Later ones may be shorter.
        """
        if self.call_min_s <= self.slice_min_s:
            return self
        longest_s = max(self.call_min_s, self.slice_max_s)
        return replace(self, slice_min_s=self.call_min_s, slice_max_s=longest_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Talk that is wanted for a call: about to be dialled, or in progress."""

    key: str
    call: CallId | None
    """None while no leg of it is known."""
    pricing: Pricing
    terms: SliceTerms
    at: datetime
    talked_s: int = 0
    """So long it has talked already."""


def reserve(state: AccountState, wish: Wish, calls_max: int) -> Facts:
    """As `open_hold`, unless what there is pays too little to let the call out, or so many calls of
    the account are out already: then nothing changes (CC-11). `calls_max` of 0 is no limit.
    """
    others = without(state, wish.key)
    if calls_max and len(others.holds) >= calls_max:
        return Facts(state)
    facts = open_hold(state, replace(wish, terms=wish.terms.of_first))
    hold = facts.state.hold(wish.key)
    assert hold is not None
    if hold.granted_s < max(1, wish.terms.call_min_s):
        return Facts(state)
    return facts


def open_hold(state: AccountState, wish: Wish) -> Facts:
    """The first slice, or what is left for it, however little: `is_final` then, and `granted_s` may
    be 0. A hold of this key whose call is not answered yet is reckoned anew.
    """
    assert wish.talked_s >= 0
    before = state.hold(wish.key)
    hold = _granted(without(state, wish.key), wish, wish.talked_s)
    if before is None:
        return _kept(state, hold, HoldStep.OPEN, wish.at)
    if before.call is not None:
        return Facts(state)  # asked for twice: what it is granted already stands
    return _kept(state, replace(hold, opened_at=before.opened_at), HoldStep.EXTEND, wish.at)


def extend(state: AccountState, wish: Wish) -> Facts:
    """A further slice after what is granted, or as much of it as there is; when that is nothing
    new, the hold only becomes final. Without an open hold of this key nothing changes.
    """
    hold = state.hold(wish.key)
    if hold is None:
        return Facts(state)
    others = without(state, wish.key)
    further = _granted(others, wish, max(wish.talked_s, hold.granted_s))
    if further.granted_s <= hold.granted_s:
        further = replace(hold, is_final=further.is_final)
    further = replace(further, opened_at=hold.opened_at, call=wish.call or hold.call)
    if further == hold:
        return Facts(state)
    return _kept(state, further, HoldStep.EXTEND, wish.at)


def answered(state: AccountState, wish: Wish) -> Facts:
    """The call was answered: now its leg is known, and its prices are those of this instant. What
    it was granted before stands as far as it can be paid.
    """
    hold = state.hold(wish.key)
    if hold is None or hold.call not in (None, wish.call):
        return Facts(state)
    pricing, granted_s, is_final = wish.pricing, hold.granted_s, hold.is_final
    room = max(0, without(state, wish.key).grantable_micros)
    if granted_s and pricing.cost_micros(granted_s) > room:
        granted_s, is_final = pricing.affordable_s(room, granted_s), True
    micros = pricing.cost_micros(granted_s) if granted_s else 0
    after = replace(hold, call=wish.call, micros=micros, granted_s=granted_s, is_final=is_final)
    return Facts(state) if after == hold else _kept(state, after, HoldStep.EXTEND, wish.at)


def resolve(state: AccountState, key: str, step: HoldStep, at: datetime) -> Facts:
    """Nothing is held any more; a hold that is not open, or was resolved before, changes nothing
    (CC-03).
    """
    hold = state.hold(key)
    if hold is None:
        return Facts(state)
    kept = tuple(each for each in state.holds if each is not hold)
    return Facts(state.with_holds(kept, steps=1), holds=(HoldEvent(step, hold, at),))


def key_for(state: AccountState, channel: str) -> str:
    """The key under which the channel, `pbx/uniqueid`, may hold for its next call: the one of its
    call that is not answered yet, as it asks again for another trunk; else an unused one.
    """
    number = 0
    while (hold := state.hold(f"{channel}#{number}")) is not None and hold.call is not None:
        number += 1
    return f"{channel}#{number}"


def asked_for(state: AccountState, channel: str) -> Hold | None:
    """The open hold that the channel asked for and whose leg is not known yet."""
    return state.hold(key_for(state, channel))


def of_call(state: AccountState, call: CallId) -> Hold | None:
    """The open hold for this leg."""
    return next((hold for hold in state.holds if hold.call == call), None)


def without(state: AccountState, key: str) -> AccountState:
    """The state as if the hold were not."""
    return state.with_holds(tuple(hold for hold in state.holds if hold.key != key))


def _granted(others: AccountState, wish: Wish, from_s: int) -> Hold:
    """A slice beyond `from_s`, as far as there is money that no other hold counts on."""
    pricing = wish.pricing
    room = max(0, others.grantable_micros)
    until_s, cost = _next_slice(others, wish, from_s, room)
    is_final = cost > room
    # To the end of the increment that is paid anyway; not all of what is free, or of a bundle's.
    longest_s = min(until_s + ROUNDED_UP_MAX_S, wish.terms.call_max_s)
    granted_s = pricing.affordable_s(min(cost, room), longest_s)
    if granted_s < until_s:
        cost = pricing.cost_micros(granted_s)
    return Hold(
        key=wish.key,
        account=others.account.id,
        call=wish.call,
        micros=cost if granted_s else 0,
        granted_s=granted_s,
        opened_at=wish.at,
        is_final=is_final,
    )


def _next_slice(others: AccountState, wish: Wish, from_s: int, room: int) -> tuple[int, int]:
    """Where the next slice ends and what talk up to there costs: it is as long as half of this
    call's share pays, within bounds (CC-20).
    """
    terms, pricing = wish.terms, wish.pricing
    longest_s = min(from_s + terms.slice_max_s, terms.call_max_s)
    cost = pricing.cost_micros(longest_s)
    share = room // (2 * (len(others.holds) + 1))
    if cost <= share or terms.slice_min_s == terms.slice_max_s:
        return longest_s, cost
    paid = pricing.cost_micros(from_s) if from_s else 0
    if cost <= paid + share:
        return longest_s, cost
    bought_s = pricing.affordable_s(paid + share, longest_s) - from_s
    until_s = min(from_s + max(bought_s, terms.slice_min_s), longest_s)
    return until_s, pricing.cost_micros(until_s)


def _kept(state: AccountState, hold: Hold, step: HoldStep, at: datetime) -> Facts:
    if step is HoldStep.OPEN:
        kept = (*state.holds, hold)
    else:
        kept = tuple(hold if each.key == hold.key else each for each in state.holds)
    after = state.with_holds(kept, steps=1)
    assert after.grantable_micros >= min(0, state.grantable_micros), "more granted than there is"
    return Facts(after, holds=(HoldEvent(step, hold, at),))
