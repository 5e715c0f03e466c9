"""How long an account waits after a decline."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from payments.waits import of_debt, wait
from rtbill.domain.payment import DeclineClass
from rtbill.domain.top_up import TopUp, TopUpState
from tests.fakes.environment import NOON
from tests.fakes.till import a_top_up

HOUR = timedelta(hours=1)


def declined(decline: DeclineClass, ago: timedelta = timedelta(0), method: str = "pm_1") -> TopUp:
    at = NOON - ago
    return a_top_up(
        state=TopUpState.DECLINED,
        decline=decline,
        method=method,
        wanted_at=at,
        moved_at=at,
        first_sent_at=at,
    )


def until(*recent: TopUp, method: str = "pm_1", at: datetime = NOON) -> datetime | str | None:
    """When it is over; why, where time alone does not end it; None: nothing is waited for."""
    found = wait(recent, "stripe", method, at)
    return None if found is None else found.until or found.reason


WAITS = [
    ((DeclineClass.FAST,), HOUR),
    ((DeclineClass.FAST, DeclineClass.FAST), "it was declined 2 times as fast"),
    ((DeclineClass.SOFT,), 24 * HOUR),
    ((DeclineClass.SOFT, DeclineClass.SOFT), 72 * HOUR),
    ((DeclineClass.SOFT, DeclineClass.SOFT, DeclineClass.SOFT), "it was declined 3 times as soft"),
    ((DeclineClass.VAGUE,), 24 * HOUR),
    ((DeclineClass.VAGUE, DeclineClass.VAGUE), "it was declined 2 times as vague"),
    ((DeclineClass.ACTION,), "it was declined once as action"),
    ((DeclineClass.CARD,), "it was declined once as card"),
    ((DeclineClass.NEVER,), "it was declined once as never"),
    ((DeclineClass.OURS,), HOUR),
    ((DeclineClass.SOFT, DeclineClass.FAST), HOUR),
]


@pytest.mark.parametrize(("declines", "expected"), WAITS)
def test_each_class_has_its_waits(
    declines: tuple[DeclineClass, ...], expected: timedelta | str
) -> None:
    ages = range(len(declines) - 1, -1, -1)
    recent = [declined(each, timedelta(days=age)) for each, age in zip(declines, ages, strict=True)]
    assert until(*recent) == (NOON + expected if isinstance(expected, timedelta) else expected)


def test_a_wait_is_over_at_its_instant() -> None:
    last = declined(DeclineClass.SOFT)
    assert until(last, at=NOON + 24 * HOUR - timedelta(microseconds=1)) is not None
    assert until(last, at=NOON + 24 * HOUR) is None


def test_nothing_is_tried_within_the_hour_after_any_decline_not_even_with_another_card() -> None:
    for decline in DeclineClass:
        last = declined(decline)
        assert wait([last], "stripe", "pm_2", NOON + HOUR - timedelta(seconds=1)) is not None


def test_another_card_is_tried_where_the_old_one_was_the_reason() -> None:
    for decline in (DeclineClass.CARD, DeclineClass.NEVER, DeclineClass.ACTION):
        assert until(declined(decline, 2 * HOUR), method="pm_2") is None
        assert until(declined(decline, 2 * HOUR), method="pm_1") is not None


def test_another_card_does_not_end_a_wait_for_money() -> None:
    for decline in (DeclineClass.SOFT, DeclineClass.VAGUE):
        assert until(declined(decline, 2 * HOUR), method="pm_2") is not None


def test_a_payment_that_settles_ends_every_wait() -> None:
    paid = a_top_up(state=TopUpState.APPROVED, wanted_at=NOON, paid_at=NOON)
    soft = [declined(DeclineClass.SOFT, timedelta(days=day)) for day in (9, 8, 7)]
    assert until(*soft) is not None
    assert until(*soft, paid) is None


def test_a_method_is_tried_four_times_within_thirty_days_for_one_debt() -> None:
    days = (29, 20, 10, 5)
    kinds = (DeclineClass.FAST, DeclineClass.VAGUE, DeclineClass.SOFT, DeclineClass.OURS)
    tried = [declined(kind, timedelta(days=day)) for kind, day in zip(kinds, days, strict=True)]
    assert until(*tried) == NOON + timedelta(days=1)
    assert until(*tried[1:]) is None
    assert until(*tried, at=NOON + timedelta(days=1)) is None


def test_what_was_sent_and_called_off_counts_as_a_disturbance() -> None:
    off = replace(declined(DeclineClass.FAST), state=TopUpState.CANCELLED, decline=None)
    assert until(off) == NOON + HOUR
    assert wait([off], "stripe", "pm_1", NOON) is not None
    assert until(replace(off, first_sent_at=None)) is None


def test_a_debt_begins_after_the_last_payment() -> None:
    paid = a_top_up(state=TopUpState.REVERSED, paid_at=NOON)
    before, after = declined(DeclineClass.FAST, HOUR), declined(DeclineClass.SOFT)
    under_way = a_top_up(state=TopUpState.UNKNOWN, first_sent_at=NOON)
    assert of_debt([before, paid, after, under_way]) == [after]
