"""What every store does with holds: durable step by step, in order, shared by nobody."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from balance import holds, ledger
from balance.holds import SliceTerms, Wish
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Draw, Pools
from rtbill.domain.call import CallId
from rtbill.domain.changes import CreateAccount
from rtbill.domain.errors import UnknownAccount
from rtbill.domain.hold import HoldStep
from rtbill.domain.rated import Facts
from rtbill.domain.work import Holding, Operation
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.contract.conftest import Sides
from tests.fakes.books import a_call, an_account, credit
from tests.fakes.environment import NOON, CountingMeter, ManualClock

LEG = CallId("hotel", "1")


class Second:
    """0.001 for each second."""

    def cost_micros(self, talk_s: int) -> int:
        """By the second, the first always."""
        return max(1, talk_s) * 1000

    def affordable_s(self, micros: int, cap_s: int) -> int:
        """The exact inverse."""
        return min(micros // 1000, cap_s)

    def draws(self, talk_s: int) -> tuple[Draw, ...]:
        """No bundles here."""
        del talk_s
        return ()


def wish(key: str = "hotel/1#0", call: CallId | None = None, talked_s: int = 0) -> Wish:
    """A minute, at first and again."""
    terms = SliceTerms(slice_min_s=60, slice_max_s=60)
    return Wish(key=key, call=call, pricing=Second(), terms=terms, at=NOON, talked_s=talked_s)


def opening(key: str = "hotel/1#0", call: CallId | None = None) -> Holding:
    """Reserve the first slice."""
    return Holding("room-1", partial(holds.open_hold, wish=wish(key, call)))


def _post(state: AccountState, _pools: Pools, key: str) -> Facts:
    """A call ends: debit it, hold nothing any more."""
    posted = ledger.post_call(state, a_call(micros=50_000))
    ended = holds.resolve(posted.state, key, HoldStep.POST, NOON)
    return posted._replace(state=ended.state, holds=ended.holds)


async def test_what_is_held_is_there_for_nobody_else(books: Sides) -> None:
    await books.store.submit(credit("k", 100_000))
    await books.store.hold(opening("hotel/1#0"))
    second = await books.store.hold(opening("hotel/2#0"))
    assert second.facts is not None
    assert [hold.granted_s for hold in second.facts.state.holds] == [60, 40]
    assert (await books.state()).holds == second.facts.state.holds


async def test_holds_asked_for_at_once_are_granted_one_after_the_other(books: Sides) -> None:
    await books.store.submit(credit("k", 100_000))
    futures = [books.store.hold(opening(f"hotel/{number}#0")) for number in range(5)]
    for future in futures:
        await future
    state = await books.state()
    assert [hold.granted_s for hold in state.holds] == [60, 40, 0, 0, 0]
    assert state.grantable_micros == 0


async def test_a_hold_moves_no_money(books: Sides) -> None:
    await books.store.submit(credit("k", 100_000))
    await books.store.hold(opening())
    state = await books.state()
    assert (state.balance_micros, state.version) == (100_000, 1)


async def test_a_step_that_comes_again_changes_nothing(books: Sides) -> None:
    await books.store.submit(credit("k", 100_000))
    await books.store.hold(opening())
    release = partial(holds.resolve, key="hotel/1#0", step=HoldStep.RELEASE, at=NOON)
    first = await books.store.hold(Holding("room-1", release))
    again = await books.store.hold(Holding("room-1", release))
    assert first.facts is not None
    assert again.facts is not None
    assert len(first.facts.holds) == 1
    assert again.facts.holds == ()


async def test_the_end_of_a_call_debits_and_releases_in_one_step(books: Sides) -> None:
    await books.store.submit(credit("k", 100_000))
    await books.store.hold(opening(call=LEG))
    operation = Operation("room-1", ledger.call_key(LEG), partial(_post, key="hotel/1#0"), LEG)
    await books.store.submit(operation)
    state = await books.state()
    assert (state.balance_micros, state.holds) == (50_000, ())


async def test_what_was_talked_too_long_is_given_back_with_the_debit(books: Sides) -> None:
    await books.store.submit(credit("k", 100_000))

    def decide(state: AccountState, _pools: Pools) -> Facts:
        return ledger.absorb(ledger.post_call(state, a_call(micros=130_000)), 30_000)

    key = ledger.call_key(LEG)
    committed = await books.store.submit(Operation("room-1", key, decide, LEG))
    again = await books.store.submit(Operation("room-1", key, decide, LEG))
    assert (await books.state()).balance_micros == 0
    assert again.facts is None
    assert again.first == committed.facts.transfers[0] if committed.facts else False
    posted = await books.reader.transfers("room-1", None, None)
    kept = [(each.transfer.key, each.transfer.change_micros) for each in posted[1:]]
    assert kept == [(key, -130_000), ("absorbed:hotel/1", 30_000)]


async def test_nobody_can_hold_for_an_account_that_is_not_there(books: Sides) -> None:
    with pytest.raises(UnknownAccount):
        await books.store.hold(Holding("nobody", partial(holds.open_hold, wish=wish())))


async def test_open_holds_outlive_the_process(tmp_path: Path) -> None:
    settings, clock = StoreSettings(path=tmp_path / "books.db"), ManualClock()
    async with SqliteStore(settings, clock, CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        await store.submit(credit("k", 150_000))
        await store.hold(opening(call=LEG))
        await store.hold(opening("hotel/2#0"))
        extended = wish("hotel/1#0", talked_s=48)
        await store.hold(Holding("room-1", partial(holds.extend, wish=extended)))
        release = partial(holds.resolve, key="hotel/2#0", step=HoldStep.RELEASE, at=NOON)
        await store.hold(Holding("room-1", release))
    async with SqliteStore(settings, clock, CountingMeter()) as store:
        again = await store.hold(opening("hotel/3#0"))
        assert again.facts is not None
        held = [(hold.key, hold.call, hold.granted_s) for hold in again.facts.state.holds]
        assert held == [("hotel/1#0", LEG, 90), ("hotel/3#0", None, 60)]
        async with SqliteReader(settings.path) as reader:
            states = {each.account.id: each for each in await reader.accounts()}
            assert states["room-1"].holds == again.facts.state.holds
    assert verify(settings.path) == []
