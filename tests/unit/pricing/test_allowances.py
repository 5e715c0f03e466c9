"""Who holds what, and what is left of it, as the service remembers it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from rtbill.domain.bundle import NOTHING_LEFT, Allowance, Bundle, Left, PoolKey
from rtbill.domain.errors import Refused
from rtbill.pricing.allowances import Allowances
from rtbill.rating.price_book import PriceBook
from tests.fakes.builders import a_rate, a_tariff, at
from tests.fakes.bundles import a_bundle, a_credit, an_allowance, monthly, pool
from tests.fakes.environment import NOON

HOUR = timedelta(hours=1)
NUMBER = "+41315550100"
LATER = NOON + HOUR


def a_register(
    *bundles: Bundle, used: dict[PoolKey, int] | None = None, **fields: Any
) -> Allowances:
    """Each of these given to room 1 under its own name."""
    allowances = [an_allowance(each.name, each.name, **fields) for each in bundles]
    return Allowances(bundles, allowances, used)


def month(text: str) -> PoolKey:
    """The pool of the monthly bundle in Zurich, whose month begins then in UTC."""
    return pool("monthly", datetime.fromisoformat(text).replace(tzinfo=NOON.tzinfo))


@pytest.mark.parametrize(
    ("bundle", "used", "left"),
    [
        (a_bundle(), 0, Left(has_seconds=True)),
        (a_bundle(), 599, Left(has_seconds=True)),
        (a_bundle(), 600, NOTHING_LEFT),
        (a_bundle(increment_s=60), 541, NOTHING_LEFT),
        (a_bundle(increment_s=60), 540, Left(has_seconds=True)),
        (a_bundle(covers_fees=False), 0, NOTHING_LEFT),
        (a_bundle(tariff="evening"), 0, NOTHING_LEFT),
        (a_credit(), 0, Left(micros=1_000_000)),
        (a_credit(), 999_999, Left(micros=1)),
    ],
)
def test_what_is_left_is_what_pays_without_money(bundle: Bundle, used: int, left: Left) -> None:
    register = a_register(bundle, used={pool(bundle.name): used})
    assert register.left("room-1", LATER) == left


def test_money_of_several_bundles_adds_up() -> None:
    register = a_register(a_credit("one"), a_credit("two", 500_000), a_bundle())
    assert register.left("room-1", LATER) == Left(has_seconds=True, micros=1_500_000)


def test_what_has_not_begun_or_has_ended_is_not_left() -> None:
    register = a_register(a_credit(), until=LATER)
    assert register.left("room-1", NOON - HOUR) == NOTHING_LEFT
    assert register.left("room-1", NOON) != NOTHING_LEFT
    assert register.left("room-1", LATER) == NOTHING_LEFT


def test_who_holds_nothing_has_nothing_left() -> None:
    register = a_register(a_credit())
    assert "room-2" not in register
    assert register.left("room-2", LATER) == NOTHING_LEFT
    assert register.shares(PriceBook([a_tariff()]), "room-2", NUMBER, LATER) == []


def test_a_new_month_is_a_new_pool() -> None:
    october, november = month("2026-09-30T22:00"), month("2026-10-31T23:00")
    register = a_register(monthly(), used={october: 600})

    assert register.purse("room-1", at("2026-10-31T22:59")).pools == (october,)
    assert register.purse("room-1", at("2026-10-31T23:00")).pools == (november,)
    assert register.left("room-1", at("2026-10-31T22:59")) == NOTHING_LEFT
    assert register.left("room-1", at("2026-10-31T23:00")) == Left(has_seconds=True)


def test_what_is_drawn_follows_and_says_when_a_bundle_is_used_up_or_pays_again() -> None:
    register = a_register(a_bundle(increment_s=60))
    key = pool("minutes")

    turns = [register.draw({key: change}) for change in (300, 250, -5, -100, 0)]

    assert turns == [set(), {"minutes"}, set(), {"minutes"}, set()]
    assert register.used(key) == 445


@pytest.mark.parametrize(
    ("after", "until", "turning"),
    [
        ("2026-10-05T11:00", "2026-10-05T11:59", set()),
        ("2026-10-05T11:00", "2026-10-05T12:00", {"room-1"}),
        ("2026-10-05T12:00", "2026-10-05T12:59", set()),
        ("2026-10-05T12:30", "2026-10-05T13:00", {"room-1"}),
        ("2026-10-05T13:00", "2026-10-31T22:59", set()),
        ("2026-10-31T22:59", "2026-10-31T23:00", {"room-2"}),
        ("2026-10-31T23:00", "2026-10-31T23:10", set()),
        ("2026-10-01T00:00", "2026-12-01T00:00", {"room-1", "room-2"}),
    ],
)
def test_allowances_turn_as_they_begin_end_and_renew(
    after: str, until: str, turning: set[str]
) -> None:
    long_ago = at("2026-01-01")
    register = Allowances(
        [a_bundle(), monthly()],
        [
            an_allowance(until=LATER),
            an_allowance("month", "monthly", ("room-2",), since=long_ago),
        ],
    )
    assert register.turning(at(after), at(until)) == turning


def test_an_end_that_is_moved_is_where_it_turns() -> None:
    register = a_register(a_bundle())
    register.end("minutes", LATER)
    assert register.turning(NOON, LATER) == {"room-1"}
    assert register.left("room-1", LATER) == NOTHING_LEFT


def test_months_long_past_are_forgotten_and_nothing_else() -> None:
    old, new, gift = month("2026-07-31T22:00"), month("2026-09-30T22:00"), pool("minutes")
    used = {old: 5, new: 6, gift: 7}
    register = a_register(monthly(), a_bundle(), used=used)

    register.forget(at("2026-09-01"))

    assert [register.used(key) for key in used] == [0, 6, 7]


def test_another_allowance_or_another_end_is_another_digest() -> None:
    register = a_register(a_bundle())
    seen = [register.digest("room-1")]
    register.give(an_allowance("more"))
    seen.append(register.digest("room-1"))
    register.end("more", LATER)
    seen.append(register.digest("room-1"))
    assert len(set(seen)) == 3
    assert register.revision == 3


def test_an_allowance_of_an_unknown_bundle_is_refused() -> None:
    with pytest.raises(Refused, match="no bundle minutes version 1"):
        Allowances([], [an_allowance()])


def test_a_bundle_whose_tariff_is_not_in_force_does_not_pay() -> None:
    register = a_register(a_bundle("plain"), a_bundle("evening", tariff="evening"))
    evening = a_tariff(a_rate(), name="evening")
    for book, names in (
        (PriceBook([a_tariff()]), ["plain"]),
        (PriceBook([a_tariff(), evening]), ["evening", "plain"]),
    ):
        found = register.shares(book, "room-1", NUMBER, LATER)
        assert [each.bundle.name for each in found] == names


def test_what_is_shared_is_shared_by_all() -> None:
    allowance: Allowance = an_allowance(accounts=("room-1", "room-2"))
    register = Allowances([a_bundle()], [allowance])
    register.draw({pool(): 100})
    lefts = [
        register.shares(PriceBook([a_tariff()]), account, NUMBER, LATER)[0].left
        for account in ("room-1", "room-2")
    ]
    assert lefts == [500, 500]
