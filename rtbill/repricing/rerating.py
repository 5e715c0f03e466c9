"""Rating again what is rated: a dry run over a selection, and its carrying out, account by account.

By the versions now in the books that were in force at the answer of each call. A call that has no
rate now keeps its price and is counted. What a dry run showed is what is carried out, or nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rtbill import consequences
from rtbill.billing import Billing
from rtbill.domain.account import Account
from rtbill.domain.bundle import PoolKey
from rtbill.domain.changes import AddRun, MoveRun
from rtbill.domain.errors import Conflict, NoRate, Unavailable
from rtbill.domain.rated import START, Position, PricedCall, Repriced
from rtbill.domain.rerating import Difference, Run, RunKind, RunState, Selection
from rtbill.domain.work import Committed, Repricing
from rtbill.ports import Clock, Reader, Store
from rtbill.pricing.assessment import Edition
from rtbill.pricing.bundling import Bundling
from rtbill.repricing.dry_run import Found, Progress, Tally, Unpriced, digest_of_prices
from rtbill.repricing.simulation import Simulation, asked_again, bundlings_of, held_pools

PAGE = 256
"""Calls read at a time."""
SLICE = 64
"""Calls of a transaction, for which a call that is being billed waits: twice as many save a
twentieth of the work.
"""
TURN = 16
"""Calls priced before others get their turn: well under a millisecond."""
WRITING_MAX = 2
"""Slices queued at a time: the writer need not wait for the next one. Calls that are billed still
come before it.
"""
STORE_PAUSE_S = 0.5
RUNS_LOOKED_AT = 1000


class Rerating:
    """Plans and carries out runs over rated calls."""

    def __init__(self, *, billing: Billing, store: Store, reader: Reader, clock: Clock) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._planned_here: set[int] = set()
        """Runs whose dry run this process made: of the same calendars and settings."""

    async def plan(self, wanted: Selection, by: str, progress: Progress) -> Found:
        """The dry run, which is kept under the next number. Nothing is posted."""
        now = self._clock.now()
        run = Run(
            id=max((each.id for each in await self._reader.runs(1)), default=0) + 1,
            kind=RunKind.RERATE,
            state=RunState.PLANNED,
            made_at=now,
            made_by=by,
            moved_at=now,
            selection=wanted,
            prices="",
            newest_call=await self._reader.newest_call(),
            looked_at=0,
        )
        edition = self._billing.assessor.edition
        accounts = [wanted.account] if wanted.account else self._accounts()
        tally = await self._tally(run, accounts, progress)
        if self._billing.assessor.edition != edition:
            raise Conflict("a tariff was imported during the dry run; make it again")
        differences = tally.differences()
        prices = digest_of_prices(self._billing.assessor, self._billing.directory, differences)
        run = replace(run, looked_at=tally.looked_at, prices=prices)
        await self._store.change(AddRun(run, differences))
        self._planned_here.add(run.id)
        return Found(run, differences, tuple(tally.samples))

    def _accounts(self) -> list[str]:
        return [state.account.id for state in self._billing.directory.states()]

    async def _tally(self, run: Run, accounts: Sequence[str], progress: Progress) -> Tally:
        tally, simulation = Tally(), Simulation(self._billing.assessor, self._reader)
        for account in accounts:
            await self._tally_account(run, account, progress, tally, simulation)
        return tally

    async def _tally_account(  # noqa: PLR0913 - a tally and a simulation go through all accounts
        self,
        run: Run,
        account: str,
        progress: Progress,
        tally: Tally,
        simulation: Simulation,
        after: Position = START,
    ) -> None:
        terms = self._billing.directory.account(account)
        async for page in self._pages(account, run, after):
            tally.looked_at += len(page)
            progress.looked_at += len(page)
            if account in self._billing.allowances:
                found = await simulation.reprice(terms, page, tally)
            else:
                found = await self._repriced(terms, page, tally)
            for each in found:
                owed = each.call.debit_micros, each.debit_micros
                tally.change(account, terms.currency, *owed)
            if progress.is_stopped:
                raise Conflict("stopped during the dry run: nothing was posted")

    async def _pages(
        self, account: str, run: Run, after: Position = START, size: int = PAGE
    ) -> AsyncIterator[Sequence[PricedCall]]:
        """The account's calls by answer, as they now are; the last page is not full, or empty."""
        while True:
            page = await self._reader.priced_calls(account, run, after, size)
            yield page
            if len(page) < size:
                return
            after = page[-1].position

    async def _repriced(
        self, terms: Account, page: Sequence[PricedCall], tally: Tally | None = None
    ) -> list[Repriced]:
        """Those of the page that cost another amount now; others get their turn meanwhile."""
        found = []
        assessor = self._billing.assessor
        for count, call in enumerate(page, start=1):
            called, place, adjustment = asked_again(assessor, terms, call)
            asked = (called, call.answered_at, call.talk_us, place, adjustment)
            try:
                price = assessor.price(terms, *asked)
            except NoRate as missing:
                if tally is not None:
                    unpriced = Unpriced(call.key, call.number or "?", str(missing))
                    tally.unpriced(terms.id, terms.currency, unpriced)
            else:
                if price.micros != call.micros:
                    found.append(Repriced(call, price))
            if count % TURN == 0:
                await asyncio.sleep(0)
        return found

    async def apply(self, run: Run, progress: Progress) -> Run:
        """Carry out a run, or go on with it; as it then is: done, or under way when it was stopped.

        Conflict asks for a new dry run when anything would be other than the dry run showed.
        """
        differences = await self._reader.differences(run.id)
        prices = _Prices(self._billing, run, differences)
        prices.check()
        await self._check_later_runs(run)
        held = {each.account for each in differences if each.account in self._billing.allowances}
        if run.id not in self._planned_here:
            await self._check_again(run, differences)
            self._planned_here.add(run.id)
        elif held:
            await self._check_again(run, [each for each in differences if each.account in held])
        progress.of = sum(each.changed for each in differences)
        progress.done = run.done
        if run.state is RunState.PLANNED:
            run = await self._move(run, RunState.UNDER_WAY)
        at_work = _AtWork(self._billing, prices, progress)
        for difference in differences:
            if difference.changed and not difference.is_done:
                await self._apply_account(run, difference, at_work)
            if progress.is_stopped:
                break
        await at_work.settle()
        if progress.is_stopped:
            return run
        return await self._move(run, RunState.DONE)

    async def _check_later_runs(self, run: Run) -> None:
        """Conflict when another run changed prices since this one was planned."""
        for other in await self._reader.runs(RUNS_LOOKED_AT):
            is_later = other.id > run.id or (other.id < run.id and other.moved_at > run.made_at)
            if is_later and other.kind is RunKind.RERATE and other.done:
                raise Conflict(f"run {other.id} changed prices since; make a new dry run")

    async def _check_again(self, run: Run, differences: Sequence[Difference]) -> None:
        """Make the dry run again for what is not done: another process made it, and its settings
        may have been others, or bundles may hold other than they did. An account that was left in
        the middle is as its own part was; what is left of it comes before those after it.
        """
        simulation = Simulation(self._billing.assessor, self._reader)
        for told in differences:
            if told.is_done:
                continue
            tally = Tally()
            after = await self._done_until(run, told.account) if run.done else START
            await self._tally_account(run, told.account, Progress(), tally, simulation, after)
            if after == START and tally.differences() != (told,):
                raise Conflict(
                    f"account {told.account} would not get what the dry run of run {run.id} "
                    "showed: settings, calls or bundles changed since; make a new dry run"
                )

    async def _done_until(self, run: Run, account: str) -> Position:
        """Where the last of the account's calls stands that the run has done; START without one."""
        found = START
        async for page in self._pages(account, run):
            done = [call.position for call in page if call.last_run == run.id]
            found = done[-1] if done else found
        return found

    async def _move(self, run: Run, state: RunState) -> Run:
        now = self._clock.now()
        await self._store.change(MoveRun(run.id, state, now))
        return replace(run, state=state, moved_at=now)

    async def _apply_account(self, run: Run, difference: Difference, at_work: _AtWork) -> None:
        """The account's calls, each slice priced while those before it are written."""
        at_work.prices.check_terms(difference.account)
        terms = self._billing.directory.account(difference.account)
        if terms.id in self._billing.allowances:
            await self._apply_bundled(run, terms, difference, at_work)
            return
        calls: list[Repriced] = []
        async for page in self._pages(terms.id, run):
            for begin in range(0, len(page), SLICE):
                calls += await self._repriced(terms, page[begin : begin + SLICE])
                if len(calls) >= SLICE:
                    await self._write(run, difference, calls[:SLICE], at_work, is_last=False)
                    calls = calls[SLICE:]
                if at_work.progress.is_stopped:
                    await at_work.settle()
                    await self._billing.reassess([terms.id])
                    return
        await self._write(run, difference, calls, at_work, is_last=True)

    async def _write(
        self,
        run: Run,
        whole: Difference,
        calls: Sequence[Repriced],
        at_work: _AtWork,
        *,
        is_last: bool,
    ) -> None:
        """Queue a slice, as soon as there is room for one; the last one, by which the account is
        done, as soon as all others are durable.
        """
        await at_work.settle(left=0 if is_last else WRITING_MAX - 1)
        at_work.prices.check()
        slice_ = self._slice(run, whole.account, tuple(calls), whole if is_last else None)
        at_work.follow(await self._submit(slice_))

    async def _apply_bundled(
        self, run: Run, terms: Account, difference: Difference, at_work: _AtWork
    ) -> None:
        """The account's calls a page at a time, each after the one before it is durable: what
        bundles pay depends on that.
        """
        # A call before the last one done stayed as it was, by bundles as they then were.
        after = await self._done_until(run, terms.id) if run.done else START
        async for page in self._pages(terms.id, run, after, SLICE):
            whole = difference if len(page) < SLICE else None
            slice_ = await self._bundled_slice(run, terms, page, whole)
            await at_work.settle()
            at_work.prices.check()
            if slice_.calls or slice_.is_last:
                at_work.follow(await self._submit(slice_))
            if at_work.progress.is_stopped:
                await at_work.settle()
                await self._billing.reassess([terms.id])
                return

    def _slice(  # noqa: PLR0913 - all that one decision needs
        self,
        run: Run,
        account: str,
        calls: tuple[Repriced, ...],
        whole: Difference | None,
        bundlings: Mapping[str, Bundling] | None = None,
        taken: tuple[PoolKey, ...] = (),
    ) -> Repricing:
        """`whole` comes with the last; `taken` is what the calls took from before."""
        at = self._clock.now()
        purse = self._billing.allowances.purse(account, at)
        decide = partial(
            consequences.repriced,
            run=run.id,
            policies=self._billing.policies,
            at=at,
            whole=whole,
            reach=self._billing.control.reach(account, at),
            purse=purse,
            bundlings=bundlings,
        )
        pools = tuple(dict.fromkeys((*purse.pools, *taken)))
        return Repricing(run.id, account, calls, whole is not None, decide, pools)

    async def _bundled_slice(
        self, run: Run, terms: Account, page: Sequence[PricedCall], whole: Difference | None
    ) -> Repricing:
        """A slice of calls whose prices are made as it is written: all of the page that have a
        rate, with the price that they would have now.
        """
        bundlings = await bundlings_of(self._billing.assessor, terms, page)
        calls = tuple(bundlings[call.key].estimate(call) for call in page if call.key in bundlings)
        taken = held_pools(page, bundlings.values())
        return self._slice(run, terms.id, calls, whole, bundlings, taken)

    async def _submit(self, slice_: Repricing) -> asyncio.Future[Committed]:
        while True:
            try:
                return self._store.reprice(slice_)
            except Unavailable:
                if not self._store.queued:
                    raise
                await self._clock.sleep(STORE_PAUSE_S)


class _Prices:
    """What a run's prices depend on, watched while it is carried out."""

    def __init__(self, billing: Billing, run: Run, differences: Sequence[Difference]) -> None:
        self._billing = billing
        self._run = run
        self._differences = differences
        self._edition: Edition | None = None
        self._tariffs: dict[str, str] = {}

    def check(self) -> None:
        """Conflict when a tariff, a plan or an account's tariff is another than at the dry run;
        costs nothing while the book is the one that was checked.
        """
        assessor, directory = self._billing.assessor, self._billing.directory
        if assessor.edition == self._edition:
            return
        if digest_of_prices(assessor, directory, self._differences) != self._run.prices:
            raise Conflict(
                f"prices changed since the dry run of run {self._run.id}; make a new dry run"
            )
        self._edition = assessor.edition
        self._tariffs = {
            each.account: directory.account(each.account).tariff for each in self._differences
        }

    def check_terms(self, account: str) -> None:
        """Conflict when the account got another tariff while the run was under way."""
        if self._billing.directory.account(account).tariff != self._tariffs[account]:
            raise Conflict(
                f"account {account} got another tariff since the dry run of run {self._run.id}; "
                "make a new dry run"
            )


@dataclass(slots=True)
class _AtWork:
    """A run being carried out, and its slices that are being written, in order."""

    billing: Billing
    prices: _Prices
    progress: Progress
    _writing: deque[asyncio.Future[Committed]] = field(default_factory=deque)

    def follow(self, writing: asyncio.Future[Committed]) -> None:
        """A slice is queued; once it is durable it is followed in memory."""
        writing.add_done_callback(self._written)
        self._writing.append(writing)

    def _written(self, done: asyncio.Future[Committed]) -> None:
        if not done.cancelled() and done.exception() is None:
            self.billing.committed(done.result())

    async def settle(self, left: int = 0) -> None:
        """Wait until all slices but so many are durable."""
        while len(self._writing) > left:
            committed = await self._writing.popleft()
            self.progress.done += len(committed.facts.repriced) if committed.facts else 0
