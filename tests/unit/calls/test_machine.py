"""The table of a call's states."""

from __future__ import annotations

import itertools

import pytest

from rtbill.calls.machine import TRANSITIONS, LegState, Sign, after

STATES = [None, *LegState]


def test_a_call_rings_talks_and_is_over() -> None:
    state = None
    for sign in (Sign.STARTED, Sign.ANSWERED, Sign.ENDED):
        state = after(state, sign)

    assert state is LegState.OVER


def test_an_unanswered_call_is_over_without_having_talked() -> None:
    assert after(LegState.RINGING, Sign.ENDED) is LegState.OVER


@pytest.mark.parametrize("sign", Sign)
def test_nothing_follows_once_a_call_is_over(sign: Sign) -> None:
    assert after(LegState.OVER, sign) is None


@pytest.mark.parametrize("state", STATES)
def test_a_lost_link_ends_no_call(state: LegState | None) -> None:
    assert after(state, Sign.LINK_LOST) is not LegState.OVER


@pytest.mark.parametrize(("state", "sign"), list(itertools.product(STATES, Sign)))
def test_only_an_end_or_a_trusted_absence_ends_a_call(state: LegState | None, sign: Sign) -> None:
    if after(state, sign) is LegState.OVER:
        assert sign in (Sign.ENDED, Sign.GONE)


@pytest.mark.parametrize("state", [LegState.TALKING, LegState.TALKING_UNHEARD])
@pytest.mark.parametrize("sign", [Sign.STARTED, Sign.ANSWERED, Sign.SEEN_RINGING])
def test_a_call_that_talks_never_rings_again_nor_is_answered_twice(
    state: LegState, sign: Sign
) -> None:
    assert after(state, sign) is None


@pytest.mark.parametrize("state", [s for s in LegState if s is not LegState.OVER])
def test_every_state_has_a_way_to_the_end(state: LegState) -> None:
    assert TRANSITIONS[state, Sign.ENDED] is LegState.OVER
    assert TRANSITIONS[state, Sign.GONE] is LegState.OVER
