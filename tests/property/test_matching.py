"""Matching against oracles that do not know how it is done."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbill.comparison.assignment import assign
from rtbill.comparison.matching import distance, match, may_be_one
from rtbill.comparison.values import SECOND_US, OurCall, TheirCall

TOLERANCE_US = 60 * SECOND_US
NUMBER = "+41315550100"


def our(at_s: float, talk_s: float, payer: str | None = "1001", key: str = "") -> OurCall:
    at_us, talk_us = round(at_s * SECOND_US), round(talk_s * SECOND_US)
    rest = (at_us, talk_us, True, 0, "EUR", "rated")
    return OurCall(key or f"{at_s}/{talk_s}", NUMBER, "room-1", "carrier", payer, *rest)


def their(at_s: int, talk_s: int, payer: str | None = "1001", source: str = "") -> TheirCall:
    at_us, talk_us = at_s * SECOND_US, talk_s * SECOND_US
    return TheirCall(source, NUMBER, None, payer, "carrier", at_us, talk_us, is_answered=True)


@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.lists(
            st.lists(st.integers(0, 20), min_size=6, max_size=6), min_size=rows, max_size=rows
        )
    )
)
def test_an_assignment_is_the_cheapest_of_all_that_there_are(costs: list[list[int]]) -> None:
    columns = assign(costs)
    assert len(set(columns)) == len(costs)
    found = sum(line[column] for line, column in zip(costs, columns, strict=True))
    assert found == min(
        sum(line[column] for line, column in zip(costs, every, strict=True))
        for every in permutations(range(6), len(costs))
    )


SECONDS = st.integers(0, 200)
TALKS = st.integers(0, 40)
PAYERS = st.sampled_from(["1001", "1002", None])


@settings(max_examples=200)
@given(
    st.lists(st.builds(our, SECONDS, TALKS, PAYERS), max_size=4),
    st.lists(st.builds(their, SECONDS, TALKS, PAYERS), max_size=4),
)
def test_pairs_have_the_least_total_distance_of_all_ways_to_pair(
    ours: list[OurCall], theirs: list[TheirCall]
) -> None:
    result = match(ours, theirs, TOLERANCE_US)
    alone = len(result.ours) + len(result.theirs)
    found = sum(distance(*pair, TOLERANCE_US) for pair in result.pairs) + alone * TOLERANCE_US
    assert found == cheapest(ours, theirs)
    assert all(may_be_one(*pair, TOLERANCE_US) for pair in result.pairs)
    told = [*result.ours, *(pair[0] for pair in result.pairs)]
    assert Counter(told) == Counter(ours), "each of ours once"


def cheapest(ours: list[OurCall], theirs: list[TheirCall]) -> int:
    """By trying every way."""
    best = (len(ours) + len(theirs)) * TOLERANCE_US
    for size in range(1, min(len(ours), len(theirs)) + 1):
        for some in combinations(ours, size):
            for others in permutations(theirs, size):
                pairs = list(zip(some, others, strict=True))
                if all(may_be_one(*pair, TOLERANCE_US) for pair in pairs):
                    total = sum(distance(*pair, TOLERANCE_US) for pair in pairs)
                    alone = len(ours) + len(theirs) - 2 * size
                    best = min(best, total + alone * TOLERANCE_US)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_what_was_lost_in_a_crowded_hour_is_named_call_by_call(seed: int) -> None:
    """Thirty telephones call one number all the time; either side loses some. Their record is in
    whole seconds, of a clock a second off.
    """
    chance = random.Random(seed)
    ours, theirs = [], []
    lost_ours, lost_theirs = set(), set()
    for payer in range(1001, 1031):
        at_s = chance.uniform(0, 60)
        while at_s < 3600:
            talk_s = chance.uniform(5, 300)
            name = f"{payer}/{at_s:.1f}"
            fate = chance.random()
            if fate < 0.02:
                lost_ours.add(name)
            else:
                ours.append(our(at_s, talk_s, str(payer), name))
            if 0.02 < fate < 0.04:
                lost_theirs.add(name)
            else:
                theirs.append(their(int(at_s) + 1, round(talk_s), str(payer), name))
            at_s += talk_s + chance.uniform(5, 200)
    chance.shuffle(theirs)
    result = match(ours, theirs, TOLERANCE_US)
    assert {call.key for call in result.ours} == lost_theirs
    assert {call.source for call in result.theirs} == lost_ours
    assert all(mine.key == other.source for mine, other in result.pairs)


@pytest.mark.parametrize("seed", range(20))
def test_of_calls_that_cannot_be_told_apart_the_right_number_is_missing(seed: int) -> None:
    """One caller nobody names, one number, all calls of the same length, one every few seconds."""
    chance = random.Random(seed)
    starts = sorted(chance.sample(range(3600), 600))
    lost = set(chance.sample(starts, 15))
    result = match(
        [our(at_s + chance.random(), 10, None) for at_s in starts],
        [their(at_s, 10, None) for at_s in starts if at_s not in lost],
        TOLERANCE_US,
    )
    assert len(result.ours) == 15
    assert result.theirs == []
