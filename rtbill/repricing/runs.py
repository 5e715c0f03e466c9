"""The desk's orders about runs. One at a time, in a running service in the background: an order to
begin answers at once, and `run.progress` tells how far it is and what came of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.changes import MoveRun
from rtbill.domain.errors import BadRecord, Conflict, Refused, RtbillError
from rtbill.domain.hangup_causes import cause_number
from rtbill.domain.money import decimal_text
from rtbill.domain.rated import CallStatus
from rtbill.domain.rerating import Difference, Run, RunKind, RunState, Selection
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Reader, Store
from rtbill.repricing.dry_run import Found, Progress
from rtbill.repricing.recycling import Recycling
from rtbill.repricing.rerating import Rerating
from rtbill.repricing.unrated_ranges import UnratedRanges, rate_of

Answer = dict[str, Any]
Arguments = Mapping[str, Any]
RUNS_LISTED = 1000
ALARM = "rerating"

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    """Something that takes long, and what came of it."""

    work: Callable[[Progress], Awaitable[Answer]]
    progress: Progress = field(default_factory=Progress)
    answer: Answer | None = None
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.answer is not None or bool(self.error)


class Runs:
    """Plans, carries out, stops, lists and drops runs."""

    def __init__(
        self, *, billing: Billing, store: Store, reader: Reader, clock: Clock, wording: Wording
    ) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wording = wording
        self._rerating = Rerating(billing=billing, store=store, reader=reader, clock=clock)
        self._recycling = Recycling(billing=billing, store=store, reader=reader, clock=clock)
        self._ranges = UnratedRanges(
            billing=billing, recycling=self._recycling, store=store, reader=reader, clock=clock
        )
        self._job: _Job | None = None
        self._is_served = False
        self._begun = asyncio.Event()

    def orders(self) -> dict[str, Callable[[Arguments], Awaitable[Answer]]]:
        """By name."""
        return {
            "run.plan": self._plan,
            "run.apply": self._apply,
            "run.progress": self._progress,
            "run.stop": self._stop,
            "run.list": self._list,
            "run.drop": self._drop,
            "unrated.add": self._add_range,
        }

    async def serve(self) -> None:
        """Do in the background what is ordered, until cancelled; a run that an earlier process left
        in the middle is told as an alarm.
        """
        self._is_served = True
        for run in await self._reader.runs(RUNS_LISTED):
            if run.state is RunState.UNDER_WAY:
                self._tell_unfinished(run)
        while True:
            await self._begun.wait()
            self._begun.clear()
            assert self._job is not None
            await self._do(self._job)

    async def _do(self, job: _Job) -> None:
        try:
            job.answer = await job.work(job.progress)
        except RtbillError as error:
            job.error = str(error)
        except Exception:  # what may be tried again must never end what bills
            _logger.exception("a run failed")
            job.error = "it failed inside rtbill; its log says where"

    async def _begin(self, work: Callable[[Progress], Awaitable[Answer]]) -> Answer:
        """Done when it returns where nothing runs in the background."""
        if self._job is not None and not self._job.is_over:
            raise Conflict("another run is at work; `rtbill rerate --list` shows it")
        self._job = _Job(work)
        if self._is_served:
            self._begun.set()
            return {"begun": True}
        try:
            return await work(self._job.progress)
        finally:
            self._job = None

    # ------------------------------------------------------------------ orders

    async def _plan(self, arguments: Arguments) -> Answer:
        kind = _one_of(RunKind, arguments.get("kind") or RunKind.RERATE)
        wanted = self._selection(arguments, kind)
        by = str(arguments.get("by") or "unknown")
        if wanted.account is not None:
            self._billing.directory.account(wanted.account)  # raises when there is none
        planner = self._rerating if kind is RunKind.RERATE else self._recycling

        async def work(progress: Progress) -> Answer:
            return found_json(await planner.plan(wanted, by, progress))

        return await self._begin(work)

    async def _apply(self, arguments: Arguments) -> Answer:
        run = await self._run(arguments)
        if run.state not in (RunState.PLANNED, RunState.UNDER_WAY):
            raise Refused(f"run {run.id} is {run.state}: nothing is left to do")

        async def work(progress: Progress) -> Answer:
            return await self._carry_out(run, progress)

        return await self._begin(work)

    async def _carry_out(self, run: Run, progress: Progress) -> Answer:
        doer = self._rerating if run.kind is RunKind.RERATE else self._recycling
        try:
            run = await doer.apply(run, progress)
        finally:
            await self._look_at(run)
        return {"run": run.id, "state": str(run.state), "done": progress.done, "of": progress.of}

    async def _look_at(self, run: Run) -> None:
        """Alarm a run that is left in the middle; clear the alarm of one that is not."""
        now = await self._found(run.id)
        if now.state is RunState.UNDER_WAY:
            self._tell_unfinished(now)
        else:
            self._billing.alarms.clear(ALARM, f"run {run.id}")

    def _tell_unfinished(self, run: Run) -> None:
        text = (
            f"stands still in the middle; `rtbill rerate --apply {run.id}` goes on, "
            f"`rtbill rerate --drop {run.id}` leaves it as it is"
        )
        self._billing.alarms.raise_(ALARM, f"run {run.id}", text)

    async def _progress(self, _arguments: Arguments) -> Answer:
        job = self._job
        if job is None:
            raise Refused("nothing was begun since the start of this service")
        progress = job.progress
        return {
            "looked_at": progress.looked_at,
            "done": progress.done,
            "of": progress.of,
            "over": job.is_over,
            "answer": job.answer,
            "error": job.error,
        }

    async def _stop(self, _arguments: Arguments) -> Answer:
        job = self._job
        if job is None or job.is_over:
            raise Refused("no run is at work")
        job.progress.is_stopped = True
        return {"stopping": True}

    async def _list(self, _arguments: Arguments) -> Answer:
        return {"runs": [run_json(each) for each in await self._reader.runs(RUNS_LISTED)]}

    async def _drop(self, arguments: Arguments) -> Answer:
        run = await self._run(arguments)
        if self._job is not None and not self._job.is_over:
            raise Conflict("a run is at work; stop it first")
        await self._store.change(MoveRun(run.id, RunState.DROPPED, self._clock.now()))
        self._billing.alarms.clear(ALARM, f"run {run.id}")
        return {"run": run.id, "state": "dropped", "done": run.done}

    async def _add_range(self, arguments: Arguments) -> Answer:
        by = str(arguments.get("by") or "unknown")
        is_applied = bool(arguments.get("apply", False))
        rate = rate_of(arguments)
        tariff = arguments.get("tariff") or None

        async def work(progress: Progress) -> Answer:
            found, versions = await self._ranges.add(
                rate, tariff, by, progress, is_applied=is_applied
            )
            answer = found_json(found) | {
                "tariff": versions[0].name,
                "versions": [
                    {"version": each.version, "from": each.valid_from.isoformat()}
                    for each in versions
                ],
            }
            if not is_applied:
                return answer | {"run": None}
            return answer | await self._carry_out(found.run, progress)

        return await self._begin(work)

    # ------------------------------------------------------------------ reading orders

    async def _run(self, arguments: Arguments) -> Run:
        try:
            number = int(str(arguments["run"]))
        except ValueError:
            raise BadRecord(f"{arguments['run']!r} is not the number of a run") from None
        return await self._found(number)

    async def _found(self, number: int) -> Run:
        for run in await self._reader.runs(RUNS_LISTED):
            if run.id == number:
                return run
        raise Refused(f"there is no run {number}; `rtbill rerate --list` shows them")

    def _selection(self, arguments: Arguments, kind: RunKind) -> Selection:
        reason = arguments.get("reason") or CallStatus.UNRATED
        words = ("account", "pbx", "trunk", "in_trunk")
        wanted = {name: arguments.get(name) or None for name in words}
        cause = arguments.get("cause")
        destination = str(arguments.get("destination") or "").strip()
        digits = destination.removeprefix("+")
        is_prefix = digits.isdecimal()
        since, until = (
            self._wording.instant(arguments[name], self._clock.now())
            if arguments.get(name)
            else None
            for name in ("since", "until")
        )
        if since and until and until <= since:
            raise BadRecord("the span ends before it begins")
        return Selection(
            since=since,
            until=until,
            number_prefix=f"+{digits}" if is_prefix else None,
            destination=destination if destination and not is_prefix else None,
            tariff=arguments.get("tariff") or None,
            reason=_reason(reason) if kind is RunKind.RECYCLE else None,
            cause=None if cause is None else cause_number(str(cause)),
            **wanted,
        )


def _reason(text: object) -> CallStatus:
    waiting = (CallStatus.UNRATED, CallStatus.UNCONFIRMED)
    if text not in waiting:
        raise BadRecord(f"reason {text!r} is not one of: {', '.join(waiting)}")
    return CallStatus(str(text))


def _one_of(kinds: type[RunKind], text: object) -> RunKind:
    try:
        return kinds(str(text))
    except ValueError:
        raise BadRecord(f"{text!r} is not one of: {', '.join(kinds)}") from None


def found_json(found: Found) -> Answer:
    """What a dry run found; money is decimal text, differences are what accounts pay more."""
    totals: dict[str, Difference] = {}
    for each in found.differences:
        totals[each.currency] = _sum(totals.get(each.currency), each)
    return run_json(found.run) | {
        "changed": sum(each.changed for each in found.differences),
        "unpriced": sum(each.unpriced for each in found.differences),
        "accounts": [{"account": each.account} | _money(each) for each in found.differences],
        "totals": [_money(each) for each in totals.values()],
        "samples": [
            {"call": each.call, "number": each.number, "why": each.why} for each in found.samples
        ],
    }


def run_json(run: Run) -> Answer:
    """A run as JSON values."""
    chosen = {
        name: str(value)
        for name in run.selection.__dataclass_fields__
        if (value := getattr(run.selection, name)) is not None
    }
    return {
        "run": run.id,
        "kind": str(run.kind),
        "state": str(run.state),
        "made_at": run.made_at.isoformat(),
        "made_by": run.made_by,
        "selection": chosen,
        "looked_at": run.looked_at,
        "done": run.done,
    }


def _sum(one: Difference | None, other: Difference) -> Difference:
    if one is None:
        return other
    return Difference(
        account="",
        currency=other.currency,
        changed=one.changed + other.changed,
        unpriced=one.unpriced + other.unpriced,
        old_micros=one.old_micros + other.old_micros,
        new_micros=one.new_micros + other.new_micros,
    )


def _money(each: Difference) -> Answer:
    return {
        "currency": each.currency,
        "changed": each.changed,
        "unpriced": each.unpriced,
        "before": decimal_text(each.old_micros),
        "after": decimal_text(each.new_micros),
        "difference": decimal_text(-each.change_micros),
    }
