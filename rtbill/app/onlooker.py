"""What the screen shows, out of the running parts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from rtbill.alarms import Alarm
from rtbill.app.books import Books
from rtbill.app.sentences import sentence
from rtbill.app.view import Line, LinkRow, LiveRow, show
from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import AccountKind
from rtbill.domain.money import Money
from rtbill.live.calls import LiveCalls
from rtbill.observability import mask_number

CALLS_MAX = 200
"""More than any screen shows."""


class Onlooker:
    """view.ViewModel over the books; answers from memory."""

    def __init__(self, books: Books, live: LiveCalls) -> None:
        self._books = books
        self._live = live
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
        call = self._live.call(running)
        account = self._books.billing.directory.account(call.account)
        limited = account.kind is AccountKind.PREPAID and call.cost_micros is not None
        # Only what is enforced ends a call: the screen counts down to nothing else.
        left_s = call.left_s if call.is_enforced else None
        rest = call.balance_micros + account.credit_limit_micros - (call.cost_micros or 0)
        return LiveRow(
            call=str(call.id),
            extension=f"{call.id.pbx}/{call.payer or 'unknown'}",
            person=call.person or "",
            number=mask_number(call.number or "unknown", self._mask),
            destination=call.destination,
            state="talking",
            talk_s=call.talk_s,
            cost=None if call.cost_micros is None else Money(call.cost_micros, call.currency),
            balance=Money(rest, call.currency) if limited else None,
            left_s=left_s,
        )
