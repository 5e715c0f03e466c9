"""Holds: how much talk a call is granted, and what is set aside for it. Pure.

A grant is made only of money that no other hold counts on, and before the exchange hears of it, so
whatever dies, calls never talk for more than was held. Every function takes the account's state and
gives the state after it; the store makes it durable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

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
    def slice_s(self) -> tuple[int, int]:
        """Seconds of the shortest and the longest slice."""
        return self.slice_min_s, self.slice_max_s

    @property
    def first_slice_s(self) -> tuple[int, int]:
        """Of the slice with which a call is let out: as long as that needs, where there is money.
        Later ones may be shorter.
        """
        return max(self.call_min_s, self.slice_min_s), max(self.call_min_s, self.slice_max_s)


class Wish(NamedTuple):
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
    before = state.hold(wish.key)
    if calls_max and len(state.holds) - (before is not None) >= calls_max:
        return Facts(state)
    facts = _opened(state, before, wish, wish.terms.first_slice_s)
    hold = facts.state.hold(wish.key)
    assert hold is not None
    if hold.granted_s < max(1, wish.terms.call_min_s):
        return Facts(state)
    return facts


def open_hold(state: AccountState, wish: Wish) -> Facts:
    """The first slice, or what is left for it, however little: `is_final` then, and `granted_s` may
    be 0. A hold of this key whose call is not answered yet is reckoned anew.
    """
    return _opened(state, state.hold(wish.key), wish, wish.terms.slice_s)


def _opened(
    state: AccountState, before: Hold | None, wish: Wish, slice_s: tuple[int, int]
) -> Facts:
    assert wish.talked_s >= 0
    if before is not None and before.call is not None:
        return Facts(state)  # asked for twice: what it is granted already stands
    hold = _granted(state, before, wish, wish.talked_s, slice_s)
    step = HoldStep.OPEN if before is None else HoldStep.EXTEND
    return _kept(state, hold, step, wish.at)


def extend(state: AccountState, wish: Wish) -> Facts:
    """A further slice after what is granted, or as much of it as there is; when that is nothing
    new, the hold only becomes final. Without an open hold of this key nothing changes.
    """
    hold = state.hold(wish.key)
    if hold is None:
        return Facts(state)
    from_s = max(wish.talked_s, hold.granted_s)
    further = _granted(state, hold, wish, from_s, wish.terms.slice_s)
    if further.granted_s <= hold.granted_s:
        further = hold._replace(call=wish.call or hold.call, is_final=further.is_final)
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
    room = _room(state, hold)
    if granted_s and pricing.cost_micros(granted_s) > room:
        granted_s, is_final = pricing.affordable_s(room, granted_s), True
    micros = pricing.cost_micros(granted_s) if granted_s else 0
    after = hold._replace(call=wish.call, micros=micros, granted_s=granted_s, is_final=is_final)
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


def key_for(state: AccountState, channel: str, taken: str = "") -> str:
    """The key under which the channel, `pbx/uniqueid`, may hold for its next call: the one of its
    call that is not answered yet, as it asks again for another trunk; else an unused one, and not
    the one that another account has `taken`.
    """
    if (asked := asked_for(state, channel)) is not None:
        return asked.key
    number = 0
    while (key := f"{channel}#{number}") == taken or state.hold(key) is not None:
        number += 1
    return key


def asked_for(state: AccountState, channel: str) -> Hold | None:
    """The open hold that the channel asked for and whose leg is not known yet."""
    begins = f"{channel}#"
    return next(
        (hold for hold in state.holds if hold.call is None and hold.key.startswith(begins)), None
    )


def of_call(state: AccountState, call: CallId) -> Hold | None:
    """The open hold for this leg."""
    return next((hold for hold in state.holds if hold.call == call), None)


def _room(state: AccountState, hold: Hold | None) -> int:
    """What there is for the call of this hold: all that no other one counts on."""
    return max(0, state.grantable_micros + (0 if hold is None else hold.micros))


def _granted(
    state: AccountState, before: Hold | None, wish: Wish, from_s: int, slice_s: tuple[int, int]
) -> Hold:
    """A slice beyond `from_s`, as far as there is money that no other hold counts on."""
    pricing = wish.pricing
    room = _room(state, before)
    calls = len(state.holds) + (before is None)  # half of what each of them could have
    until_s, cost = _next_slice(wish, from_s, slice_s, room // (2 * calls))
    is_final = cost > room
    # To the end of the increment that is paid anyway; not all of what is free, or of a bundle's.
    longest_s = min(until_s + ROUNDED_UP_MAX_S, wish.terms.call_max_s)
    granted_s = pricing.affordable_s(min(cost, room), longest_s)
    if granted_s < until_s:
        cost = pricing.cost_micros(granted_s)
    return Hold(
        wish.key,
        state.account.id,
        wish.call or (None if before is None else before.call),
        cost if granted_s else 0,
        granted_s,
        wish.at if before is None else before.opened_at,
        is_final,
    )


def _next_slice(wish: Wish, from_s: int, slice_s: tuple[int, int], share: int) -> tuple[int, int]:
    """Where the next slice ends and what talk up to there costs: it is as long as this share of the
    money pays, within bounds (CC-20).
    """
    pricing = wish.pricing
    slice_min_s, slice_max_s = slice_s
    longest_s = min(from_s + slice_max_s, wish.terms.call_max_s)
    cost = pricing.cost_micros(longest_s)
    if cost <= share or slice_min_s == slice_max_s:
        return longest_s, cost
    paid = pricing.cost_micros(from_s) if from_s else 0
    if cost <= paid + share:
        return longest_s, cost
    bought_s = pricing.affordable_s(paid + share, longest_s) - from_s
    until_s = min(from_s + max(bought_s, slice_min_s), longest_s)
    return until_s, pricing.cost_micros(until_s)


def _kept(state: AccountState, hold: Hold, step: HoldStep, at: datetime) -> Facts:
    if step is HoldStep.OPEN:
        kept = (*state.holds, hold)
    else:
        kept = tuple(hold if each.key == hold.key else each for each in state.holds)
    after = state.with_holds(kept, steps=1)
    assert after.grantable_micros >= min(0, state.grantable_micros), "more granted than there is"
    return Facts(after, holds=(HoldEvent(step, hold, at),))
