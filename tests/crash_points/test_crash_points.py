"""Whatever dies, and wherever: money is exact, no hold is left, nothing talks beyond its grant."""

from __future__ import annotations

import pytest

from rtbill.domain.call import CallId
from rtbill.domain.rated import Facts
from tests.crash_points.checks import problems_of
from tests.crash_points.exchange import PointPbx
from tests.crash_points.points import How, Points, ways
from tests.crash_points.world import World

PARTS = 4
"""So that several processes share the points."""
POINTS_MIN = 75


async def played(chosen: int = 0, how: How = How.BEFORE) -> World:
    world = World(Points(chosen, how))
    await world.play()
    return world


async def test_the_script_without_a_death_has_many_points_and_no_problem() -> None:
    world = await played()

    assert problems_of(world) == []
    assert len(world.points.passed) >= POINTS_MIN
    assert world.lives == 1
    kinds = {what.split()[0] for what in world.points.passed}
    assert kinds == {"acknowledge", "answer", "commit", "hang", "limit", "note", "warn"}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.timeout(300)  # it computes, at a low priority beside others
async def test_a_death_or_a_lost_reply_at_any_point_breaks_nothing(part: int) -> None:
    points = (await played()).points.passed
    found: list[str] = []
    for number, what in list(enumerate(points, start=1))[part::PARTS]:
        for how in ways(what):
            world = await played(number, how)
            assert world.points.passed[: number - 1] == points[: number - 1]
            assert world.lives == (1 if how is How.REPLY_LOST else 2)
            found += [f"{number} {what}, {how.name}: {each}" for each in problems_of(world)]
    assert found == []


async def test_an_exchange_that_forgets_what_is_not_committed_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = (await played()).points.passed.index("commit call:hotel/1") + 1
    monkeypatch.setattr("tests.crash_points.exchange.Exchange.keeps_rows", False)

    problems = problems_of(await played(number, How.BEFORE))
    assert "hotel/1 is unconfirmed, though the exchange keeps a row of it" in problems


async def test_a_biller_that_orders_before_it_holds_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def an_hour(port: PointPbx, call: CallId, _talk_s: float) -> None:
        port._exchange.limit(port._exchange.legs[call], 3600.0)

    monkeypatch.setattr(PointPbx, "limit", an_hour)

    problems = problems_of(await played())
    assert any(each.startswith("hotel/2 talked") for each in problems)


async def test_a_biller_that_never_gives_a_hold_back_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("balance.holds.resolve", lambda state, *_, **__: Facts(state))

    problems = problems_of(await played())
    assert any(each.endswith("is still held") for each in problems)
