"""Rating again what is rated: a dry run over a selection, and its carrying out, account by account.

By the versions now in the books that were in force at the answer of each call. A call that has no
rate now keeps its price and is counted. What a dry run showed is what is carried out, or nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rtbill import consequences
from rtbill.assignment import Place
from rtbill.billing import Billing
from rtbill.domain.account import Account
from rtbill.domain.changes import AddRun, MoveRun
from rtbill.domain.errors import Conflict, NoRate, Unavailable
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import START, NumberKind, Price, PricedCall, Repriced
from rtbill.domain.rerating import Difference, Run, RunKind, RunState, Selection
from rtbill.dry_run import Found, Progress, Tally, Unpriced, digest_of_prices
from rtbill.ports import Clock, Committed, Reader, Repricing, Store
from rtbill.rating.price_book import PriceBook
from rtbill.site_hook import Caller

SLICE = 128
"""Calls of a page, and so of a transaction."""
TURN = 16
"""Calls priced before others get their turn: well under a millisecond."""
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
        tally = Tally()
        for account in accounts:
            terms = self._billing.directory.account(account)
            async for page in self._pages(account, run):
                tally.looked_at += len(page)
                progress.looked_at += len(page)
                for call, price in await self._repriced(terms, page, tally):
                    tally.change(account, terms.currency, call.micros, price.micros)
                if progress.is_stopped:
                    raise Conflict("stopped during the dry run: nothing was posted")
        return tally

    async def _pages(self, account: str, run: Run) -> AsyncIterator[Sequence[PricedCall]]:
        """The account's calls by answer, as they now are; the last page is not full, or empty."""
        after = START
        while True:
            page = await self._reader.priced_calls(account, run, after, SLICE)
            yield page
            if len(page) < SLICE:
                return
            after = page[-1].position

    async def _repriced(
        self, terms: Account, page: Sequence[PricedCall], tally: Tally | None = None
    ) -> list[Repriced]:
        """Those of the page that cost another amount now; others get their turn meanwhile."""
        found = []
        for count, call in enumerate(page, start=1):
            called = CalledNumber(NumberKind.CHARGEABLE, call.number, "as it was read then")
            try:
                price = self._price(terms, call, called)
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

    def _price(self, terms: Account, call: PricedCall, called: CalledNumber) -> Price:
        """As it would be billed now; the site's hook is asked anew."""
        assessor, place, at = self._billing.assessor, Place(call.pbx, call.trunk), call.answered_at
        caller = Caller(call.payer or "", call.dialled or "", call.person or "")
        adjustment = assessor.adjustment(terms, called, at, place, caller)
        return assessor.price(terms, called, at, call.talk_us, place, adjustment)

    async def apply(self, run: Run, progress: Progress) -> Run:
        """Carry out a run, or go on with it; as it then is: done, or under way when it was stopped.

        Conflict asks for a new dry run when anything would be other than the dry run showed.
        """
        differences = await self._reader.differences(run.id)
        prices = _Prices(self._billing, run, differences)
        prices.check()
        await self._check_later_runs(run)
        if run.id not in self._planned_here:
            await self._check_again(run, differences)
            self._planned_here.add(run.id)
        progress.of = sum(each.changed for each in differences)
        progress.done = run.done
        if run.state is RunState.PLANNED:
            run = await self._move(run, RunState.UNDER_WAY)
        at_work = _AtWork(self._billing, prices, progress)
        for difference in differences:
            if difference.changed and not difference.is_done:
                await self._apply_account(run, difference, at_work)
            if progress.is_stopped:
                return run
        await at_work.settle()
        return await self._move(run, RunState.DONE)

    async def _check_later_runs(self, run: Run) -> None:
        """Conflict when another run changed prices since this one was planned."""
        for other in await self._reader.runs(RUNS_LOOKED_AT):
            is_later = other.id > run.id or (other.id < run.id and other.moved_at > run.made_at)
            if is_later and other.kind is RunKind.RERATE and other.done:
                raise Conflict(f"run {other.id} changed prices since; make a new dry run")

    async def _check_again(self, run: Run, differences: Sequence[Difference]) -> None:
        """Make the dry run again for what is not done: another process made it, and its settings
        may have been others. An account that was left in the middle is as its own part was.
        """
        for told in differences:
            if told.is_done:
                continue
            tally = await self._tally(run, [told.account], Progress())
            if run.done and await self._is_begun(run, told.account):
                continue
            if tally.differences() != (told,):
                raise Conflict(
                    f"account {told.account} would not get what the dry run of run {run.id} "
                    "showed: settings or calls changed since; make a new dry run"
                )

    async def _is_begun(self, run: Run, account: str) -> bool:
        async for page in self._pages(account, run):
            if any(call.last_run == run.id for call in page):
                return True
        return False

    async def _move(self, run: Run, state: RunState) -> Run:
        now = self._clock.now()
        await self._store.change(MoveRun(run.id, state, now))
        return replace(run, state=state, moved_at=now)

    async def _apply_account(self, run: Run, difference: Difference, at_work: _AtWork) -> None:
        """The account's calls, each slice priced while the one before it is written."""
        at_work.prices.check_terms(difference.account)
        terms = self._billing.directory.account(difference.account)
        async for page in self._pages(terms.id, run):
            calls = tuple(await self._repriced(terms, page))
            await at_work.settle()
            at_work.prices.check()
            is_last = len(page) < SLICE
            if calls or is_last:
                at_work.writing = await self._submit(run, difference, calls, is_last=is_last)
                at_work.progress.done += len(calls)
            if at_work.progress.is_stopped:
                await at_work.settle()
                await self._billing.reassess([terms.id])
                return

    async def _submit(
        self, run: Run, whole: Difference, calls: tuple[Repriced, ...], *, is_last: bool
    ) -> asyncio.Future[Committed]:
        at = self._clock.now()
        decide = partial(
            consequences.repriced,
            run=run.id,
            policies=self._billing.policies,
            at=at,
            whole=whole if is_last else None,
            reach=self._billing.control.reach(whole.account, at),
        )
        slice_ = Repricing(run.id, whole.account, calls, is_last, decide)
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
        self._edition: tuple[PriceBook, int] | None = None
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
    """A run being carried out, and its slice that is being written."""

    billing: Billing
    prices: _Prices
    progress: Progress
    writing: asyncio.Future[Committed] | None = None

    async def settle(self) -> None:
        """Wait for the slice to be durable, and follow it in memory."""
        if self.writing is not None:
            committed = await self.writing
            self.writing = None
            self.billing.committed(committed)
