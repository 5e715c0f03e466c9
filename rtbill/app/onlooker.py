"""What the screen shows, out of the running parts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from rtbill.alarms import Alarm
from rtbill.app.books import Books
from rtbill.app.sentences import sentence
from rtbill.app.status import Status
from rtbill.app.view import Line, LinkRow, LiveRow, show
from rtbill.domain.account import AccountKind
from rtbill.domain.money import Money
from rtbill.observability import mask_number
from rtbill.running_call import RunningCall

CALLS_MAX = 200
"""More than any screen shows."""


class Onlooker:
    """view.ViewModel over the books; answers from memory."""

    def __init__(self, books: Books, status: Status) -> None:
        self._books = books
        self._status = status
        self._mask = books.config.log.mask_digits

    async def show(self, view: str) -> None:
        """Show until cancelled: `auto` asks the terminal, `plain` prints lines anywhere."""
        console = Console(force_terminal=False if view == "plain" else None)
        await show(self, self._books.clock, console, self._books.config.site.zone)

    def live(self) -> Sequence[LiveRow]:
        """Calls in progress, the oldest first."""
        running = self._books.billing.control.running()[:CALLS_MAX]
        return [self._row(call) for call in running]

    def happenings(self, since: int) -> Sequence[Line]:
        """What happened after this sequence number, oldest first."""
        lines = []
        for happening in self._books.billing.chronicle.since(since):
            text = sentence(happening.what, self._mask)
            if text is not None:
                lines.append(Line(happening.sequence, happening.at, text))
        return lines

    def links(self) -> Sequence[LinkRow]:
        """Every exchange."""
        return [
            LinkRow(line.pbx.name, "up" if line.is_up else "down", line.since)
            for line in self._books.billing.lines.values()
        ]

    def alarms(self) -> Sequence[Alarm]:
        """Alarms in force, the oldest first."""
        return self._books.alarms.active()

    def _row(self, running: RunningCall) -> LiveRow:
        leg = running.leg
        assert leg.answered_at is not None
        now = self._books.clock.now()
        state = self._books.billing.directory.state(running.account)
        currency = state.account.currency
        cost, destination = self._status.cost_so_far(running, now)
        talk_s = max(0.0, (now - leg.answered_at).total_seconds())
        limited = state.account.kind is AccountKind.PREPAID and cost is not None
        return LiveRow(
            call=str(leg.id),
            extension=f"{leg.id.pbx}/{leg.payer or 'unknown'}",
            person=running.person or "",
            number=mask_number(running.called.number or leg.dialled or "unknown", self._mask),
            destination=destination,
            state="talking",
            talk_s=talk_s,
            cost=None if cost is None else Money(cost, currency),
            balance=Money(state.available_micros - (cost or 0), currency) if limited else None,
            left_s=None if running.order_s is None else max(0.0, running.order_s - talk_s),
        )
