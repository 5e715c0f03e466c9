"""balance/holds.py takes the place of an independent model's own decisions, world for world."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from balance import holds
from balance.holds import SliceTerms, Wish
from rtbill.domain.account import OPEN_SERVICE, Account, AccountKind, AccountState
from rtbill.domain.bundle import Draw
from rtbill.domain.call import CallId
from rtbill.domain.hold import HoldStep
from tests.property.quota_model import GUARD_MS, Call, ModelHolds, Run, World

SEEDS = int(os.environ.get("RTBILL_QUOTA_SEEDS", "1000"))
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TERMS = SliceTerms(slice_min_s=60, slice_max_s=60, call_min_s=0, call_max_s=10**6)


class _CallPricing:
    """The model's price of one call, in the words of the code under test."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def cost_micros(self, talk_s: int) -> int:
        return self._call.cost(max(1, talk_s * 1000))

    def affordable_s(self, micros: int, cap_s: int) -> int:
        ms = self._call.afford(micros)
        return 0 if ms is None else min(ms // 1000, cap_s)

    def draws(self, talk_s: int) -> tuple[Draw, ...]:
        """No bundles here."""
        del talk_s
        return ()


class OurHolds:
    """balance.holds on one account, as the model's runs ask for it."""

    def __init__(self, opening: int) -> None:
        account = Account(id="a", name="A", kind=AccountKind.PREPAID, currency="EUR")
        self.state = AccountState(account, opening, 0, OPEN_SERVICE)

    @property
    def posted(self) -> int:
        return self.state.balance_micros

    def grant(self, call: Call) -> int | None:
        hold = self.state.hold(str(call.id))
        return None if hold is None else hold.granted_s * 1000

    def available(self) -> int:
        return self.state.grantable_micros

    def held(self, call: Call) -> int:
        hold = self.state.hold(str(call.id))
        return 0 if hold is None else hold.micros

    def extend(self, call: Call, used: int) -> bool:
        key, before = str(call.id), self.grant(call)
        at = START + timedelta(milliseconds=call.start + used)
        pricing = _CallPricing(call)
        if before is None:
            wish = Wish(key=key, call=CallId("p", key), pricing=pricing, terms=TERMS, at=at)
            after = holds.open_hold(self.state, wish).state
            opened = after.hold(key)
            assert opened is not None
            if not opened.granted_s:
                return False  # refused: the hold is not kept
            self.state = after
            return True
        wish = Wish(key=key, call=None, pricing=pricing, terms=TERMS, at=at, talked_s=used // 1000)
        self.state = holds.extend(self.state, wish).state
        after_ms = self.grant(call)
        assert after_ms is not None
        return after_ms > before

    def finish(self, call: Call, talk: int) -> None:
        key = str(call.id)
        at = START + timedelta(milliseconds=call.start + talk)
        self.state = holds.resolve(self.state, key, HoldStep.POST, at).state
        balance_micros = self.state.balance_micros - call.cost(talk)
        self.state = self.state._replace(balance_micros=balance_micros)

    def credit(self, micros: int) -> None:
        self.state = self.state._replace(balance_micros=self.state.balance_micros + micros)


def test_every_call_of_the_model_ends_when_and_as_the_model_says() -> None:
    for seed in range(SEEDS):
        model, ours = World(seed), World(seed)
        expected = Run(model, ModelHolds(model.opening)).outcome()
        assert Run(ours, OurHolds(ours.opening)).outcome() == expected, f"seed {seed}"


def test_with_the_guard_nothing_is_overspent_nothing_stays_held_and_no_call_is_cut_too_early() -> (
    None
):
    for seed in range(SEEDS):
        world = World(seed)
        outcome = Run(world, OurHolds(world.opening)).outcome()
        assert outcome.overspent == 0, f"seed {seed}"
        assert outcome.least_available >= 0, f"seed {seed}"
        assert outcome.left_held == 0, f"seed {seed}"
        assert outcome.premature == 0, f"seed {seed}"


def test_the_model_finds_a_missing_guard_and_a_missing_retry() -> None:
    without_guard = [
        Run(world, OurHolds(world.opening), guard=0).outcome().overspent
        for world in map(World, range(200))
    ]
    assert any(without_guard), "a guard of 0 must show, or these worlds prove nothing"
    without_retry = [
        Run(world, OurHolds(world.opening), GUARD_MS, retries=False).outcome().premature
        for world in map(World, range(2000))
    ]
    assert any(without_retry)
