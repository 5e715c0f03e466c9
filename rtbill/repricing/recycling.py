"""Trying again to rate calls that wait: a dry run over a selection, and its carrying out.

By the tariffs and the number plan as they now are. A call that still has no price goes on waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from rtbill.billing import Billing
from rtbill.domain.changes import AddRun, MoveRun
from rtbill.domain.errors import Conflict, NoRate
from rtbill.domain.rated import START, RatedCall
from rtbill.domain.rerating import Run, RunKind, RunState, Selection, WaitingCall
from rtbill.domain.work import Committed
from rtbill.ports import Clock, Reader, Store
from rtbill.pricing.assessment import Assessor
from rtbill.repricing.dry_run import Found, Progress, Tally, Unpriced, digest_of_prices
from rtbill.repricing.simulation import Simulation

PAGE = 64
NO_ANSWER = "the exchange told no answer time; drop it with a reason"


class Recycling:
    """Plans and carries out runs over waiting calls."""

    def __init__(self, *, billing: Billing, store: Store, reader: Reader, clock: Clock) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock

    async def plan(self, wanted: Selection, by: str, progress: Progress) -> Found:
        """The dry run, which is kept under the next number. Nothing is posted."""
        found = await self.look(wanted, by, progress, self._billing.assessor)
        await self._store.change(AddRun(found.run, found.differences))
        return found

    async def look(
        self, wanted: Selection, by: str, progress: Progress, assessor: Assessor
    ) -> Found:
        """What would be billed by these tariffs; nothing is kept."""
        now = self._clock.now()
        newest = await self._reader.newest_call()
        tally = await self._tally(wanted, newest, assessor, progress)
        differences = tally.differences()
        run = Run(
            id=max((each.id for each in await self._reader.runs(1)), default=0) + 1,
            kind=RunKind.RECYCLE,
            state=RunState.PLANNED,
            made_at=now,
            made_by=by,
            moved_at=now,
            selection=wanted,
            prices=digest_of_prices(assessor, self._billing.directory, differences),
            newest_call=newest,
            looked_at=tally.looked_at,
        )
        return Found(run, differences, tuple(tally.samples))

    async def _tally(
        self, wanted: Selection, newest: int, assessor: Assessor, progress: Progress
    ) -> Tally:
        tally = Tally()
        simulation = Simulation(assessor, self._reader)
        async for page in self._pages(wanted, newest):
            tally.looked_at += len(page)
            progress.looked_at += len(page)
            for call in page:
                await self._count(call, assessor, tally, simulation)
            await asyncio.sleep(0)
            if progress.is_stopped:
                raise Conflict("stopped during the dry run: nothing was posted")
        return tally

    async def _count(
        self, call: RatedCall, assessor: Assessor, tally: Tally, simulation: Simulation
    ) -> None:
        currency = self._billing.directory.account(call.account).currency
        billed = _billed(call, assessor)
        if isinstance(billed, Unpriced):
            tally.unpriced(call.account, currency, billed)
        else:
            tally.change(call.account, currency, 0, (await simulation.bill(billed)).debit_micros)

    async def _pages(self, wanted: Selection, newest: int) -> AsyncIterator[Sequence[RatedCall]]:
        """Waiting calls by answer, without those that came since the dry run."""
        after = START
        while True:
            page: Sequence[WaitingCall] = await self._reader.waiting_calls(wanted, after, PAGE)
            yield [each.call for each in page if each.position.row <= newest]
            if len(page) < PAGE:
                return
            after = page[-1].position

    async def apply(self, run: Run, progress: Progress) -> Run:
        """Carry out a run, or go on with it; a call that was settled meanwhile is left as it is.

        Conflict asks for a new dry run when anything would be other than the dry run showed.
        """
        differences = await self._reader.differences(run.id)
        assessor, directory = self._billing.assessor, self._billing.directory
        if digest_of_prices(assessor, directory, differences) != run.prices:
            raise Conflict(f"prices changed since the dry run of run {run.id}; make a new dry run")
        if run.state is RunState.PLANNED:
            again = await self._tally(run.selection, run.newest_call, assessor, Progress())
            if again.differences() != tuple(differences):
                raise Conflict(
                    f"calls were settled since the dry run of run {run.id}; make a new dry run"
                )
            run = await self._move(run, RunState.UNDER_WAY)
        progress.of = sum(each.changed for each in differences)
        edition = assessor.edition
        async for page in self._pages(run.selection, run.newest_call):
            if assessor.edition != edition:
                raise Conflict(f"prices changed while run {run.id} was under way; make a new one")
            await self._bill(page, progress)
            if progress.is_stopped:
                return run
        return await self._move(run, RunState.DONE)

    async def _bill(self, page: Sequence[RatedCall], progress: Progress) -> None:
        writing: list[tuple[RatedCall, asyncio.Future[Committed]]] = []
        for call in page:
            billed = _billed(call, self._billing.assessor)
            if isinstance(billed, RatedCall):
                operation = self._billing.operation(billed, settles=call.status)
                writing.append((billed, self._store.submit(operation)))
        for billed, future in writing:
            try:
                committed = await future
            except Conflict:
                continue  # a person, or the exchange's own record, was first
            self._billing.committed(committed, billed)
            self._billing.alarms.clear("unconfirmed", str(billed.record.id))
            for subject in {billed.number, billed.record.dialled} - {None}:
                self._billing.alarms.clear("unrated", str(subject))
            progress.done += 1

    async def _move(self, run: Run, state: RunState) -> Run:
        now = self._clock.now()
        await self._store.change(MoveRun(run.id, state, now))
        return replace(run, state=state, moved_at=now)


def _billed(call: RatedCall, assessor: Assessor) -> RatedCall | Unpriced:
    key = str(call.record.id)
    number = call.number or call.record.dialled or "unknown"
    if call.record.answered_at is None:
        return Unpriced(key, number, NO_ANSWER)
    try:
        return assessor.assess_again(call)
    except NoRate as missing:
        return Unpriced(key, number, str(missing))
