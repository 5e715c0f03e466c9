"""Looking at an exchange after each sign-in, and when asked; what is found becomes alarms."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rtbill.alarms import Alarms
from rtbill.domain.account import SUSPENSE
from rtbill.domain.errors import BadRecord, PortFailed
from rtbill.domain.finding import Finding, Severity, by_severity, problem
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.exchanges.lines import Line
from rtbill.ports import CallFilter, Clock, Pbx, Reader

UNPAID_DAYS = 7
UNPAID_MAX = 1000
UNREACHABLE = "unreachable"
FAILED = "inspection-failed"
_KIND = "check"
_OURS = ("rtbill", "adapters")

_logger = logging.getLogger(__name__)


class Inspections:
    """Inspections of all exchanges of a running service."""

    def __init__(
        self, lines: Mapping[str, Line], alarms: Alarms, reader: Reader, clock: Clock
    ) -> None:
        self._lines = lines
        self._alarms = alarms
        self._reader = reader
        self._clock = clock

    async def serve(self, line: Line) -> None:
        """Inspect one exchange after each of its sign-ins, for ever."""
        while True:
            await line.restored.wait()
            line.restored.clear()
            try:
                found = await inspect(line.pbx, self._reader, self._clock)
            except PortFailed as failed:
                # What was found before still stands; that it cannot be reached has its own alarm.
                _logger.warning("not inspected", extra={"pbx": line.pbx.name, "why": str(failed)})
                continue
            except Exception as mistake:  # noqa: BLE001 - the edge of a task: billing goes on
                found = [_failure(line.pbx.name, mistake)]
            self.tell(line.pbx.name, found)

    async def order(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The findings at one exchange, or at all; alarms follow them."""
        name = arguments.get("pbx")
        if name is not None and name not in self._lines:
            raise BadRecord(f"there is no exchange {name!r}; known are {', '.join(self._lines)}")
        wanted = [line.pbx for each, line in self._lines.items() if name in (None, each)]
        reports = await inspect_all(wanted, self._reader, self._clock)
        for pbx, found in reports.items():
            if not any(finding.code == UNREACHABLE for finding in found):
                self.tell(pbx, found)
        return as_answer(reports)

    def tell(self, pbx: str, findings: Iterable[Finding]) -> None:
        """Raise an alarm for each sort of finding but notes, and clear those that are over; none is
        over after an inspection that failed.
        """
        texts: dict[str, list[str]] = {}
        for finding in findings:
            if finding.severity is not Severity.NOTE:
                texts.setdefault(f"{pbx}/{finding.code}", []).append(
                    f"{finding.text}; {finding.remedy}"
                )
        for subject, said in texts.items():
            more = f" (and {len(said) - 1} more: rtbill check-pbx {pbx})" if len(said) > 1 else ""
            self._alarms.raise_(_KIND, subject, said[0] + more)
        if f"{pbx}/{FAILED}" in texts:
            return
        for alarm in self._alarms.active():
            is_ours = alarm.kind == _KIND and alarm.subject.startswith(f"{pbx}/")
            if is_ours and alarm.subject not in texts:
                self._alarms.clear(_KIND, alarm.subject)


async def inspect_all(
    pbxs: Sequence[Pbx], reader: Reader | None, clock: Clock
) -> dict[str, list[Finding]]:
    """The findings at each exchange, all looked at together; one that cannot be asked, or whose
    inspection fails, has that as its finding.
    """
    reports: dict[str, list[Finding]] = {pbx.name: [] for pbx in pbxs}

    async def look(pbx: Pbx) -> None:
        try:
            reports[pbx.name] = await inspect(pbx, reader, clock)
        except PortFailed as failed:
            remedy = "nothing else could be looked at; mend this first"
            reports[pbx.name] = [problem(UNREACHABLE, str(failed), remedy)]
        except Exception as mistake:  # noqa: BLE001 - the edge of a task: the others are looked at
            reports[pbx.name] = [_failure(pbx.name, mistake)]

    async with asyncio.TaskGroup() as group:
        for pbx in pbxs:
            group.create_task(look(pbx), name=f"inspect {pbx.name}")
    return reports


def _failure(pbx: str, mistake: BaseException) -> Finding:
    """A mistake of ours as a finding, and in the log with the way there. What the exception says is
    kept back: an inspection reads secrets.
    """
    way = list(traceback.walk_tb(mistake.__traceback__))
    while isinstance(mistake, BaseExceptionGroup):
        mistake = mistake.exceptions[0]
        way += traceback.walk_tb(mistake.__traceback__)
    kind = type(mistake).__name__
    steps = traceback.StackSummary.extract(iter(way))
    text = "".join(steps.format()) + kind
    _logger.error("inspection failed", extra={"pbx": pbx, "exception": text})
    modules = [(str(frame.f_globals.get("__name__")), line) for frame, line in way]
    module, line = [each for each in modules if each[0].partition(".")[0] in _OURS][-1]
    return problem(
        FAILED,
        f"the inspection broke off inside rtbill ({kind} in {module}, line {line}), so what may be "
        "wrong with the exchange was not found; billing goes on",
        "report it with these words and rtbill's log; each sign-in and rtbill check-pbx try again",
    )


async def inspect(pbx: Pbx, reader: Reader | None, clock: Clock) -> list[Finding]:
    """What is wrong with an exchange, and what the books say of it, the worst first. Without
    books (None) only the former.
    """
    found = list(await pbx.inspect())
    if reader is not None:
        since = clock.now() - timedelta(days=UNPAID_DAYS)
        wanted = CallFilter(account=SUSPENSE, since=since, limit=UNPAID_MAX)
        found += unpaid_findings(pbx.name, await reader.calls(wanted))
    return by_severity(found)


def unpaid_findings(pbx: str, calls: Iterable[RatedCall]) -> list[Finding]:
    """Calls of an exchange that nobody pays, newest first, as one finding."""
    unpaid = [
        call
        for call in calls
        if call.record.id.pbx == pbx
        and call.record.payer is None
        and call.status is not CallStatus.UNANSWERED
    ]
    if not unpaid:
        return []
    trunks = ", ".join(sorted({call.record.trunk or "unknown" for call in unpaid}))
    return [
        problem(
            "legs-without-payer",
            f"{len(unpaid)} calls of the last {UNPAID_DAYS} days left without a payer (trunks "
            f"{trunks}; the newest is {unpaid[0].record.id})",
            "find which way they took: an ENUM trunk, a trunk used as a destination, a Local "
            "channel or click-to-dial that names no payer; rtbill calls --account suspense lists "
            "them",
        )
    ]


def as_answer(reports: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """The findings as JSON values."""
    return {
        "pbxs": [
            {"name": name, "findings": [asdict(finding) for finding in found]}
            for name, found in reports.items()
        ]
    }
