"""Holds: slices, the last of the money, and each resolved once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance import holds
from balance.holds import SliceTerms, Wish
from rtbill.domain.account import OPEN_SERVICE, Account, AccountKind, AccountState
from rtbill.domain.bundle import Draw
from rtbill.domain.call import CallId
from rtbill.domain.hold import ENDS, HoldStep
from rtbill.domain.rated import Facts

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEG = CallId("hall", "1700000000.7")


class PerMinute:
    """So much for each minute begun, as 60/60; or by the second."""

    def __init__(self, micros: int, increment_s: int = 60, fee: int = 0) -> None:
        self.micros, self.increment_s, self.fee = micros, increment_s, fee

    def cost_micros(self, talk_s: int) -> int:
        increments = max(1, -(-talk_s // self.increment_s))
        return self.fee + increments * self.micros

    def affordable_s(self, micros: int, cap_s: int) -> int:
        if micros < self.fee + self.micros:
            return 0
        if not self.micros:
            return cap_s
        return min(cap_s, (micros - self.fee) // self.micros * self.increment_s)

    def draws(self, talk_s: int) -> tuple[Draw, ...]:
        """No bundles here."""
        del talk_s
        return ()


def state_with(balance: int, limit: int = 0) -> AccountState:
    account = Account(
        id="a", name="A", kind=AccountKind.PREPAID, currency="EUR", credit_limit_micros=limit
    )
    return AccountState(account, balance, 0, OPEN_SERVICE)


def opened(
    state: AccountState,
    pricing: PerMinute,
    key: str = "1",
    terms: SliceTerms | None = None,
    talked_s: int = 0,
) -> Facts:
    wish = Wish(
        key=key,
        call=None,
        pricing=pricing,
        terms=terms or SliceTerms(),
        at=AT,
        talked_s=talked_s,
    )
    return holds.open_hold(state, wish)


def extended(
    state: AccountState,
    pricing: PerMinute,
    talked_s: int,
    key: str = "1",
    terms: SliceTerms | None = None,
) -> Facts:
    wish = Wish(
        key=key,
        call=None,
        pricing=pricing,
        terms=terms or SliceTerms(),
        at=AT,
        talked_s=talked_s,
    )
    return holds.extend(state, wish)


def test_a_slice_is_granted_to_the_end_of_the_increment_that_it_pays() -> None:
    facts = opened(state_with(10_000_000), PerMinute(100_000), terms=SliceTerms(10, 61))
    (hold,) = facts.state.holds
    assert (hold.granted_s, hold.micros, hold.is_final) == (120, 200_000, False)


def test_one_micro_unit_short_of_the_first_increment_grants_nothing() -> None:
    (hold,) = opened(state_with(99_999), PerMinute(100_000)).state.holds
    assert (hold.granted_s, hold.micros, hold.is_final) == (0, 0, True)


def test_exactly_the_first_increment_grants_it() -> None:
    (hold,) = opened(state_with(100_000), PerMinute(100_000)).state.holds
    assert (hold.granted_s, hold.micros) == (60, 100_000)


def test_the_credit_limit_may_be_held() -> None:
    (hold,) = opened(state_with(0, limit=100_000), PerMinute(100_000)).state.holds
    assert hold.granted_s == 60


@pytest.mark.parametrize("call_min_s", [20, 90])
def test_a_call_is_let_out_while_there_is_money_for_the_least_talk(call_min_s: int) -> None:
    pricing = PerMinute(1000, increment_s=1)
    terms = SliceTerms(slice_min_s=10, slice_max_s=60, call_min_s=call_min_s)
    state = state_with(5 * call_min_s * 1000)
    for key in "12345":
        wish = Wish(key=key, call=None, pricing=pricing, terms=terms, at=AT)
        state = holds.reserve(state, wish, calls_max=0).state
    assert [hold.granted_s >= call_min_s for hold in state.holds] == [True] * len(state.holds)
    assert state.grantable_micros < call_min_s * 1000, "another one could have been let out"


def test_of_two_calls_neither_holds_more_than_half_of_money_for_a_hundred_seconds() -> None:
    pricing = PerMinute(1000, increment_s=1)
    state = opened(state_with(100_000), pricing, "1").state
    state = opened(state, pricing, "2").state
    assert [hold.granted_s <= 50 for hold in state.holds] == [True, True]


def test_what_one_call_holds_no_other_is_granted() -> None:
    pricing = PerMinute(100_000)
    state = opened(state_with(150_000), pricing, "1").state
    state = opened(state, pricing, "2").state
    assert [hold.granted_s for hold in state.holds] == [60, 0]


def test_a_grant_is_counted_from_the_answer_and_only_grows() -> None:
    pricing = PerMinute(100_000)
    state = opened(state_with(1_000_000), pricing).state
    state = extended(state, pricing, 48).state
    assert [(hold.granted_s, hold.micros) for hold in state.holds] == [(120, 200_000)]


def test_without_money_for_more_a_hold_becomes_final_and_keeps_what_it_grants() -> None:
    pricing = PerMinute(100_000)
    state = opened(state_with(100_000), pricing).state
    facts = extended(state, pricing, 48)
    assert [(hold.granted_s, hold.is_final) for hold in facts.state.holds] == [(60, True)]


def test_asking_again_without_money_leaves_no_second_event() -> None:
    pricing = PerMinute(100_000)
    state = opened(state_with(100_000), pricing).state
    state = extended(state, pricing, 48).state
    assert extended(state, pricing, 59).holds == ()


def test_money_that_came_in_ends_being_final() -> None:
    pricing = PerMinute(100_000)
    state = opened(state_with(100_000), pricing).state
    state = extended(state, pricing, 48).state
    paid = AccountState(state.account, 1_000_000, 1, OPEN_SERVICE, state.holds)
    after = extended(paid, pricing, 59).state
    assert [(hold.granted_s, hold.is_final) for hold in after.holds] == [(120, False)]


def test_a_call_found_in_progress_is_granted_from_where_it_is() -> None:
    pricing = PerMinute(100_000)
    (hold,) = opened(state_with(1_000_000), pricing, talked_s=130).state.holds
    assert hold.granted_s >= 140


def test_a_call_that_has_talked_away_more_than_there_is_gets_what_is_left() -> None:
    pricing = PerMinute(100_000)
    (hold,) = opened(state_with(250_000), pricing, talked_s=600).state.holds
    assert (hold.granted_s, hold.micros, hold.is_final) == (120, 200_000, True)


def test_no_grant_goes_past_the_longest_call() -> None:
    pricing, terms = PerMinute(100_000), SliceTerms(call_max_s=90)
    state = opened(state_with(10_000_000), pricing, terms=terms).state
    state = extended(state, pricing, 50, terms=terms).state
    state = extended(state, pricing, 80, terms=terms).state
    assert state.holds[0].granted_s == 90


@pytest.mark.parametrize("step", sorted(ENDS))
def test_a_hold_is_resolved_once(step: HoldStep) -> None:
    state = opened(state_with(100_000), PerMinute(100_000)).state
    once = holds.resolve(state, "1", step, AT)
    assert [event.step for event in once.holds] == [step]
    assert holds.resolve(once.state, "1", step, AT) == Facts(once.state)


@pytest.mark.parametrize("step", [holds.extend, holds.answered])
def test_a_step_of_a_hold_that_nobody_has_changes_nothing(
    step: Callable[[AccountState, Wish], Facts],
) -> None:
    state = opened(state_with(1_000_000), PerMinute(100_000)).state
    wish = Wish(key="other", call=LEG, pricing=PerMinute(1), terms=SliceTerms(), at=AT)
    assert step(state, wish) == Facts(state)


@pytest.mark.parametrize("step", sorted(ENDS))
def test_the_end_of_a_hold_that_nobody_has_changes_nothing(step: HoldStep) -> None:
    state = opened(state_with(1_000_000), PerMinute(100_000)).state
    assert holds.resolve(state, "other", step, AT) == Facts(state)


def test_the_hold_of_one_leg_is_never_that_of_another() -> None:
    state = opened(state_with(100_000), PerMinute(100_000)).state
    wish = Wish(key="1", call=LEG, pricing=PerMinute(100_000), terms=SliceTerms(), at=AT)
    bound = holds.answered(state, wish).state
    other = wish._replace(call=CallId("hall", "1700000000.8"))
    assert holds.answered(bound, other) == Facts(bound)


@pytest.mark.parametrize("balance", [0, -1, -5_000_000])
def test_nothing_is_granted_of_no_money_or_of_debts(balance: int) -> None:
    hold = opened(state_with(balance), PerMinute(100_000)).state.holds[0]
    assert (hold.granted_s, hold.micros, hold.is_final) == (0, 0, True)


@pytest.mark.parametrize("balance", [0, -5_000_000])
def test_what_is_granted_stands_when_the_money_is_gone(balance: int) -> None:
    granted = opened(state_with(100_000), PerMinute(100_000)).state
    poor = granted._replace(balance_micros=balance)
    hold = extended(poor, PerMinute(100_000), 50).state.holds[0]
    assert (hold.granted_s, hold.micros, hold.is_final) == (60, 100_000, True)


def test_asking_again_under_the_same_key_holds_nothing_twice() -> None:
    pricing = PerMinute(100_000)
    state = opened(opened(state_with(1_000_000), pricing).state, pricing).state
    assert [hold.key for hold in state.holds] == ["1"]


def test_a_hold_is_bound_to_its_leg_once() -> None:
    state = opened(state_with(100_000), PerMinute(100_000)).state
    wish = Wish(key="1", call=LEG, pricing=PerMinute(100_000), terms=SliceTerms(), at=AT)
    bound = holds.answered(state, wish)
    assert holds.of_call(bound.state, LEG) is not None
    assert holds.answered(bound.state, wish).holds == ()


@pytest.mark.parametrize(
    ("micros", "granted_s", "held", "is_final"),
    [(1000, 60, 60_000, False), (500, 60, 30_000, False), (4000, 30, 120_000, True)],
)
def test_a_call_is_answered_at_the_prices_of_that_instant(
    micros: int,
    granted_s: int,
    held: int,
    is_final: bool,  # noqa: FBT001 - a column of the table
) -> None:
    state = opened(state_with(120_000), PerMinute(1000, increment_s=1)).state
    pricing = PerMinute(micros, increment_s=1)
    wish = Wish(key="1", call=LEG, pricing=pricing, terms=SliceTerms(), at=AT)
    (hold,) = holds.answered(state, wish).state.holds
    assert (hold.granted_s, hold.micros, hold.is_final) == (granted_s, held, is_final)


def test_a_call_not_yet_answered_is_reckoned_anew_at_another_price() -> None:
    state = opened(state_with(120_000), PerMinute(1000, increment_s=1)).state
    assert state.holds[0].granted_s == 60
    state = opened(state, PerMinute(4000, increment_s=1)).state
    assert (state.holds[0].granted_s, state.holds[0].micros) == (15, 60_000)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "extend", "post", "release", "credit"]),
        st.integers(0, 5),
        st.integers(0, 200),
        st.sampled_from([(1_000, 1), (100_000, 60), (7_777, 6), (0, 1)]),
    ),
    max_size=60,
)


@given(STEPS, st.integers(0, 3_000_000))
def test_whatever_is_asked_no_more_is_held_than_there_is(
    steps: list[tuple[str, int, int, tuple[int, int]]], balance: int
) -> None:
    state, prices = state_with(balance), dict[str, PerMinute]()
    for act, number, talked_s, (micros, increment_s) in steps:
        key = str(number)
        if act == "open":
            prices.setdefault(key, PerMinute(micros, increment_s))
            state = opened(state, prices[key], key, talked_s=talked_s).state
        elif act == "extend" and key in prices:
            state = extended(state, prices[key], talked_s, key).state
        elif act == "post" and (hold := state.hold(key)):
            spent = prices[key].cost_micros(hold.granted_s) if hold.granted_s else 0
            state = holds.resolve(state, key, HoldStep.POST, AT).state
            balance_micros = state.balance_micros - spent
            state = AccountState(
                state.account, balance_micros, state.version + 1, OPEN_SERVICE, state.holds
            )
        elif act == "release":
            state = holds.resolve(state, key, HoldStep.RELEASE, AT).state
        elif act == "credit":
            balance_micros = state.balance_micros + micros
            state = AccountState(
                state.account, balance_micros, state.version + 1, OPEN_SERVICE, state.holds
            )
        assert state.grantable_micros >= 0
        assert len({hold.key for hold in state.holds}) == len(state.holds)
