"""How far rtbill goes: the milder of what exchange and account class say."""

from __future__ import annotations

import pytest

from rtbill.domain.stance import Stance
from rtbill.stances import ENFORCED, Stances

OBSERVE, WARN, ENFORCE = Stance.OBSERVE, Stance.WARN, Stance.ENFORCE


@pytest.mark.parametrize(
    ("exchange", "account_class", "holds"),
    [
        (OBSERVE, OBSERVE, OBSERVE),
        (OBSERVE, WARN, OBSERVE),
        (OBSERVE, ENFORCE, OBSERVE),
        (WARN, OBSERVE, OBSERVE),
        (WARN, WARN, WARN),
        (WARN, ENFORCE, WARN),
        (ENFORCE, OBSERVE, OBSERVE),
        (ENFORCE, WARN, WARN),
        (ENFORCE, ENFORCE, ENFORCE),
    ],
)
def test_the_milder_of_exchange_and_class_holds(
    exchange: Stance, account_class: Stance, holds: Stance
) -> None:
    stances = Stances({"hotel": exchange}, {"student": account_class})

    assert stances.of("hotel", "student") is holds


def test_what_is_not_named_enforces() -> None:
    assert Stances({}, {"student": OBSERVE}).of("hotel", "office") is ENFORCE
    assert ENFORCED.of("hotel", "standard") is ENFORCE


def test_a_class_that_is_not_configured_is_taken_for_standard() -> None:
    assert Stances({}, {"standard": WARN}).of("hotel", "forgotten") is WARN


@pytest.mark.parametrize(
    ("stances", "all_enforce"),
    [
        (ENFORCED, True),
        (Stances({"hotel": ENFORCE}, {"student": ENFORCE}), True),
        (Stances({"hotel": ENFORCE}, {"student": WARN}), False),
        (Stances({"hotel": OBSERVE}, {}), False),
    ],
)
def test_it_is_known_whether_anything_is_only_observed(
    stances: Stances, *, all_enforce: bool
) -> None:
    assert stances.all_enforce is all_enforce
