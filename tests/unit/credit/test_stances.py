"""How far rtbill goes: the milder of what exchange and account class say."""

from __future__ import annotations

import pytest

from rtbill.credit.stances import ENFORCED, Reach, Spared, Stances
from rtbill.domain.account import Extension
from rtbill.domain.stance import Stance

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


def held(*names: str) -> list[Extension]:
    return [Extension(*name.split("/")) for name in names]


def test_an_account_whose_exchanges_all_enforce_is_spared_nowhere() -> None:
    stances = Stances({"hall": ENFORCE}, {"student": OBSERVE})

    assert stances.reach("office", held("hall/1001", "annex/1001")) == Reach()


def test_extensions_are_spared_exchange_by_exchange() -> None:
    stances = Stances({"hall": OBSERVE, "annex": WARN, "main": ENFORCE})

    reach = stances.reach("student", held("hall/1002", "main/1", "annex/7", "hall/1001"))

    assert reach == Reach(
        enforces=True,
        tells_holder=True,
        spared=(Spared("annex", ("7",), WARN), Spared("hall", ("1001", "1002"), OBSERVE)),
    )


@pytest.mark.parametrize(
    ("exchanges", "enforces", "tells_holder"),
    [
        ((OBSERVE, OBSERVE), False, False),
        ((OBSERVE, WARN), False, True),
        ((WARN, WARN), False, True),
        ((OBSERVE, ENFORCE), True, True),
    ],
)
def test_the_holder_hears_unless_it_is_observed_everywhere(
    exchanges: tuple[Stance, Stance], *, enforces: bool, tells_holder: bool
) -> None:
    stances = Stances(dict(zip(("hall", "annex"), exchanges, strict=True)))

    reach = stances.reach("student", held("hall/1", "annex/1"))

    assert (reach.enforces, reach.tells_holder) == (enforces, tells_holder)


def test_an_account_without_extensions_goes_by_its_class() -> None:
    stances = Stances({"hall": ENFORCE}, {"trial": OBSERVE})

    assert stances.reach("trial", []) == Reach(enforces=False, tells_holder=False)
    assert stances.reach("student", []) == Reach()
