"""Whatever is given, ended, called and rated again, in whatever order, over bundles that accounts
share: each call holds what a second opinion says, and the books are proven.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtbill.app.books import Books, open_books
from rtbill.app.offline import SilentMeter
from rtbill.domain.call import CallId
from rtbill.domain.changes import MarkInvoiced
from rtbill.ports import CallFilter
from rtbill.storage.verify import verify
from tests.fakes import config_file
from tests.fakes.books import a_record
from tests.fakes.environment import NOON, ManualClock
from tests.property.bundle_model import Call, Gift, Model

ACCOUNTS = ("a", "b", "c")
OPENING = 1_000_000_000
ROWS = "".join(
    f"{name},{name},prepaid,EUR,hall,100{place},,1000\n" for place, name in enumerate(ACCOUNTS)
)
PEOPLE = "account,name,kind,currency,pbx,extension,person,opening_balance\n" + ROWS
TARIFF = """prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
41,Switzerland,0,0.60,1,1
"""
BUNDLES = """
[[bundle]]
name = "seconds"
minutes = "1:00"
[[bundle]]
name = "steps"
minutes = 2
increment = 25
[[bundle]]
name = "money"
amount = "0.70"
"""
SHAPES = {"seconds": (False, 60, 1), "steps": (False, 120, 25), "money": (True, 700_000, 1)}


@dataclass(frozen=True)
class Give:
    bundle: str
    accounts: tuple[str, ...]
    since: int
    length: int | None


@dataclass(frozen=True)
class End:
    gift: int
    until: int


@dataclass(frozen=True)
class Calls:
    """Posted in one commit: account, answer, talk."""

    calls: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Rerate:
    """And which call is invoiced before it."""

    invoiced: int | None


INSTANTS = st.integers(0, 1000)
STEPS = st.one_of(
    st.builds(
        Give,
        bundle=st.sampled_from(sorted(SHAPES)),
        accounts=st.sets(st.sampled_from(ACCOUNTS), min_size=1).map(lambda found: tuple(found)),
        since=INSTANTS,
        length=st.none() | st.integers(1, 1000),
    ),
    st.builds(End, gift=st.integers(0, 3), until=INSTANTS),
    st.builds(
        Calls,
        st.lists(
            st.tuples(st.sampled_from(ACCOUNTS), INSTANTS, st.integers(1, 100)),
            min_size=1,
            max_size=6,
        ).map(tuple),
    ),
    st.builds(Rerate, st.none() | st.integers(0, 9)),
)


class Pair:
    """The books, and the second opinion on them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.model = Model()
        self._seen: set[int] = set()

    async def order(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return await self.books.desk.order(verb, arguments)

    async def prepare(self) -> None:
        await self.order(
            "tariff.import", name="germany", csv=TARIFF, apply=True, valid_from="2026-01-01"
        )
        answer = await self.order("accounts.import", csv=PEOPLE, apply=True)
        assert answer["problems"] == []
        await self.order("bundle.import", toml=BUNDLES, apply=True)

    async def step(self, step: Give | End | Calls | Rerate) -> None:
        match step:
            case Give():
                await self._give(step)
            case End():
                await self._end(step)
            case Calls():
                await self._call(step)
            case Rerate():
                await self._rerate(step)

    async def _give(self, step: Give) -> None:
        key = f"{step.bundle}-{len(self.model.gifts)}"
        is_money, amount, increment = SHAPES[step.bundle]
        gift = Gift(key, is_money, amount, increment, step.accounts, step.since)
        order = {"bundle": step.bundle, "accounts": sorted(step.accounts), "key": key}
        order["since"] = after_noon(step.since)
        if step.length is not None:
            gift.until = step.since + step.length
            order["until"] = after_noon(gift.until)
        await self.order("bundle.give", **order)
        self.model.gifts[key] = gift

    async def _end(self, step: End) -> None:
        keys = sorted(self.model.gifts)
        if not keys:
            return
        gift = self.model.gifts[keys[step.gift % len(keys)]]
        until = max(step.until, gift.since)
        if until >= gift.until:
            return
        await self.order("bundle.end", key=gift.key, at=after_noon(step.until))
        gift.until = until

    async def _call(self, step: Calls) -> None:
        billing = self.books.billing
        writing = []
        for account, answered, talk in step.calls:
            if answered in self._seen:
                continue  # calls of one answer have no order
            self._seen.add(answered)
            leg = str(answered)
            at = NOON + timedelta(seconds=answered)
            record = a_record(
                leg,
                at,
                id=CallId("hall", leg),
                payer=f"100{ACCOUNTS.index(account)}",
                ended_at=at + timedelta(seconds=talk),
            )
            call = billing.assessor.assess(record)
            operation = billing.operation(call)
            writing.append((call, billing.store.submit(operation)))
            self.model.bill(Call(leg, account, answered, talk))
        for call, future in writing:
            billing.committed(await future, call)

    async def _rerate(self, step: Rerate) -> None:
        if step.invoiced is not None and step.invoiced < len(self.model.calls):
            call = self.model.calls[step.invoiced]
            call.is_invoiced = True
            await self.books.store.change(MarkInvoiced((f"hall/{call.leg}",), "2026-10"))
        found = await self.order("run.plan", by="test")
        done = await self.order("run.apply", run=found["run"])
        assert (done["state"], done["done"]) == ("done", found["changed"])
        before = {account: self.model.owed(account) for account in ACCOUNTS}
        self.model.rerate()
        told = {each["account"]: each["difference"] for each in found["accounts"]}
        for account in ACCOUNTS:
            difference = self.model.owed(account) - before[account]
            assert round(float(told.get(account, "0")) * 1_000_000) == difference

    async def compare(self) -> None:
        stored = await self.books.reader.calls(CallFilter(limit=1000))
        shown = {
            call.record.id.leg: (
                call.price.micros if call.price else None,
                {draw.pool.allowance: draw.amount for draw in call.draws},
                call.debit_micros,
            )
            for call in stored
        }
        assert shown == {call.leg: (call.price, call.took, call.owed) for call in self.model.calls}
        balances = {
            state.account.id: state.balance_micros for state in await self.books.reader.accounts()
        }
        for account in ACCOUNTS:
            assert balances[account] == OPENING - self.model.owed(account)
        pools = await self.books.reader.recent_pools(NOON)
        used = {pool.allowance: amount for pool, amount in pools.items() if amount}
        assert used == {gift.key: gift.used for gift in self.model.gifts.values() if gift.used}
        register = self.books.billing.allowances
        assert {pool: register.used(pool) for pool in pools} == pools


def after_noon(seconds: int) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


async def play(folder: Path, steps: list[Give | End | Calls | Rerate]) -> None:
    config = config_file.load(folder)
    clock = ManualClock(NOON + timedelta(hours=1))
    async with open_books(config, clock, SilentMeter()) as books:
        pair = Pair(books)
        await pair.prepare()
        for step in steps:
            await pair.step(step)
        await pair.compare()
    assert verify(config.store.path) == []
    async with open_books(config, clock, SilentMeter()) as books:
        again = books.billing.allowances
        pools = await books.reader.recent_pools(NOON)
        assert {pool: again.used(pool) for pool in pools} == pools


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=14))
def test_every_call_holds_what_a_second_opinion_says(
    steps: list[Give | End | Calls | Rerate],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), steps))
