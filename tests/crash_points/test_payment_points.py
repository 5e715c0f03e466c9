"""Wherever the process dies on the way of a payment, and whatever reply is lost: money is exact."""

from __future__ import annotations

import random

import pytest

from rtbill.domain.rated import Facts
from rtbill.replenishment.top_up_looks import TopUpLooks
from tests.crash_points.paying import PayWorld, problems_of
from tests.crash_points.points import How, Points, ways

PARTS = 4
POINTS_MIN = 40


async def played(chosen: int = 0, how: How = How.BEFORE) -> PayWorld:
    random.seed(1)  # references and pauses are drawn from there: points must be the same ones
    world = PayWorld(Points(chosen, how))
    await world.play()
    return world


async def test_the_script_without_a_death_pays_declines_and_gives_back() -> None:
    world = await played()

    assert problems_of(world) == []
    assert world.lives == 1
    assert len(world.points.passed) >= POINTS_MIN
    asked = {what for what in world.points.passed if what.startswith("ask")}
    assert asked >= {"ask create", "ask confirm", "ask find", "ask look up", "ask refund"}
    assert asked >= {"ask set up", "ask set up result"}
    states = sorted(row.state for row in world.books._payments.top_ups.values())
    assert states == ["approved", "approved", "approved", "declined"]
    assert sum(world.provider.moved.values()) == 27_000_000


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.timeout(300)  # it computes, at a low priority beside others
async def test_a_death_or_a_lost_reply_at_any_point_breaks_nothing(part: int) -> None:
    points = (await played()).points.passed
    found: list[str] = []
    for number, what in list(enumerate(points, start=1))[part::PARTS]:
        for how in ways(what):
            world = await played(number, how)
            assert world.lives == (1 if how is How.REPLY_LOST else 2)
            found += [f"{number} {what}, {how.name}: {each}" for each in problems_of(world)]
    assert found == []


async def test_money_that_comes_in_without_a_credit_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("balance.buying.credit", lambda state, *_: Facts(state))

    problems = problems_of(await played())
    assert "room-1 was credited 0, the provider moved 10000000" in problems


async def test_a_service_that_never_looks_up_what_is_unknown_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def idle(*_: object) -> None:
        """Nobody looks, and nobody tells."""

    monkeypatch.setattr(TopUpLooks, "serve", idle)
    monkeypatch.setattr(PayWorld, "_settle_late", idle)

    problems = problems_of(await played())
    assert any("is unknown" in each for each in problems)
