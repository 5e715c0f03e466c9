"""Which call of theirs is which of ours: one to one, within a tolerance, with the least total
distance.

Calls are put together by number (or another key), then by time into crowds in which something is
within the tolerance of something else. Most crowds are one call and one call. Within a crowd the
assignment with the least total distance is found exactly. Leaving a call without a partner costs
the tolerance, so a near partner is always preferred to none, and a chain of calls is never shifted
to hide a missing one at each end. A crowd of more than CROWD_MAX calls is cut at its widest gap,
and what is left over along the cuts is matched once more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from rtbill.comparison.assignment import assign
from rtbill.comparison.values import OurCall, TheirCall

CROWD_MAX = 40
"""Calls of both sides that are assigned at once: the time grows with the cube."""


class Matching(NamedTuple):
    """Pairs, and who is left on either side."""

    pairs: list[tuple[OurCall, TheirCall]]
    ours: list[OurCall]
    theirs: list[TheirCall]


class Crowd(NamedTuple):
    """Calls with one key that are near each other."""

    ours: list[OurCall]
    theirs: list[TheirCall]


def match(
    ours: Iterable[OurCall],
    theirs: Iterable[TheirCall],
    tolerance_us: int,
    our_key: Callable[[OurCall], Hashable] = lambda call: call.number,
    their_key: Callable[[TheirCall], Hashable] = lambda call: call.number,
) -> Matching:
    """The pairs with the least total distance. A key of None is nobody's."""
    done = Matching([], [], [])
    crowds: dict[Hashable, Crowd] = {}
    for our in ours:
        crowds.setdefault(our_key(our), Crowd([], [])).ours.append(our)
    for their in theirs:
        key = their_key(their)
        found = crowds.get(key) if key is not None else None
        if found is None:
            done.theirs.append(their)
        else:
            found.theirs.append(their)
    for crowd in crowds.values():
        if crowd.theirs:
            _match_crowd(crowd, tolerance_us, done)
        else:
            done.ours.extend(crowd.ours)
    return done


def distance(our: OurCall, their: TheirCall, tolerance_us: int) -> int:
    """How unlike two calls are, in microseconds. One thing may be wrong: calls that began together
    are one although their durations differ, or their payers, but not both.
    """
    apart = _began_apart(our, their)
    if their.is_answer_certain:
        apart += min(4 * abs(our.talk_us - their.talk_us), tolerance_us // 2)
    if our.payer and their.payer and our.payer != their.payer:
        apart += 2 * tolerance_us - tolerance_us // 4
    return apart


def may_be_one(our: OurCall, their: TheirCall, tolerance_us: int) -> bool:
    """Whether both began within the tolerance (or ended so, where only the end is known), and are
    nearer to each other than to having no partner.
    """
    is_near = _began_apart(our, their) <= tolerance_us
    return is_near and distance(our, their, tolerance_us) < 2 * tolerance_us


def _began_apart(our: OurCall, their: TheirCall) -> int:
    began_apart = abs(our.at_us - their.at_us)
    return began_apart if their.is_answer_certain else min(began_apart, _ends_apart(our, their))


def _ends_apart(our: OurCall, their: TheirCall) -> int:
    return abs(our.at_us + our.talk_us - their.at_us - their.talk_us)


def _match_crowd(crowd: Crowd, tolerance_us: int, done: Matching) -> None:
    """Match all calls of one key; those along cuts twice."""
    left = Crowd([], [])
    was_cut = False
    for part, is_cut in _parts(crowd, tolerance_us):
        was_cut = was_cut or is_cut
        _assign(part, tolerance_us, done.pairs, left)
    if was_cut and left.ours and left.theirs:
        again = Crowd([], [])
        for part, _ in _parts(left, tolerance_us):
            _assign(part, tolerance_us, done.pairs, again)
        left = again
    done.ours.extend(left.ours)
    done.theirs.extend(left.theirs)


def _parts(crowd: Crowd, tolerance_us: int) -> Iterator[tuple[Crowd, bool]]:
    """Crowds between which nothing can be a pair, and whether each had to be cut off by force."""
    if len(crowd.ours) == len(crowd.theirs) == 1:
        yield crowd, False
        return
    reach_us = max((call.talk_us for call in crowd.theirs if not call.is_answer_certain), default=0)
    calls: list[OurCall | TheirCall] = [*crowd.ours, *crowd.theirs]
    calls.sort(key=lambda call: call.at_us)
    start = 0
    for at in range(1, len(calls) + 1):
        if at == len(calls) or calls[at].at_us - calls[at - 1].at_us > tolerance_us + reach_us:
            yield from _cut(calls[start:at])
            start = at


def _cut(calls: Sequence[OurCall | TheirCall]) -> Iterator[tuple[Crowd, bool]]:
    """The crowd as it is, or cut at its widest gaps until every part is small enough."""
    waiting = [calls]
    is_cut = len(calls) > CROWD_MAX
    while waiting:
        part = waiting.pop()
        if len(part) <= CROWD_MAX:
            ours = [call for call in part if isinstance(call, OurCall)]
            yield Crowd(ours, [call for call in part if isinstance(call, TheirCall)]), is_cut
            continue
        # Not near the ends, or a crowd of ten thousand would be cut ten thousand times.
        quarter = len(part) // 4
        middle = range(quarter, len(part) - quarter)
        at = max(middle, key=lambda index: part[index].at_us - part[index - 1].at_us)
        waiting += [part[at:], part[:at]]


def _assign(
    crowd: Crowd, tolerance_us: int, pairs: list[tuple[OurCall, TheirCall]], left: Crowd
) -> None:
    """The cheapest pairs of one crowd; the others are left."""
    ours, theirs = crowd
    if len(ours) == len(theirs) == 1 and may_be_one(ours[0], theirs[0], tolerance_us):
        pairs.append((ours[0], theirs[0]))
        return
    if not ours or not theirs:
        left.ours.extend(ours)
        left.theirs.extend(theirs)
        return
    alone = 2 * tolerance_us  # both stay without a partner
    forbidden = [2 * alone + 1] * len(theirs)
    costs = [
        [
            distance(our, their, tolerance_us)
            if may_be_one(our, their, tolerance_us)
            else forbidden[column]
            for column, their in enumerate(theirs)
        ]
        + [alone] * len(ours)
        for our in ours
    ]
    taken = set()
    for our, column in zip(ours, assign(costs), strict=True):
        if column < len(theirs):
            pairs.append((our, theirs[column]))
            taken.add(column)
        else:
            left.ours.append(our)
    left.theirs.extend(their for column, their in enumerate(theirs) if column not in taken)
