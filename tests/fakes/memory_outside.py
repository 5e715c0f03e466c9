"""What an outside billing package reports, reads and is told, of the store in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rtbill.domain.changes import (
    DropEvents,
    EventsSent,
    KeepEventsOf,
    QueueEvent,
    ReportBalance,
)
from rtbill.domain.outside import BalanceReport, PostedCall, WaitingEvent, WebhookEvent
from rtbill.domain.rated import RatedCall
from rtbill.ports import CallFilter, PostedTransfer
from rtbill.storage.checks import check_report
from tests.fakes.memory_filters import matches


class MemoryOutside:
    """The newest report of each account, and events that wait."""

    def __init__(self) -> None:
        self.reports: dict[str, BalanceReport] = {}
        self.events: dict[int, WebhookEvent] = {}
        self._events_ever = 0

    def change(
        self,
        change: ReportBalance | QueueEvent | EventsSent | DropEvents | KeepEventsOf,
        account: Callable[[str], object],
    ) -> None:
        """As the change says, or what `account` raises of an unknown one."""
        match change:
            case ReportBalance(report):
                account(report.account)
                check_report(report, self.reports.get(report.account))
                self.reports[report.account] = report
            case QueueEvent(event):
                known = {(each.webhook, each.event) for each in self.events.values()}
                if (event.webhook, event.event) not in known:
                    self._events_ever += 1
                    self.events[self._events_ever] = event
            case EventsSent(ids):
                for number in ids:
                    self.events.pop(number, None)
            case DropEvents(webhook):
                self.events = {k: e for k, e in self.events.items() if e.webhook != webhook}
            case KeepEventsOf(webhooks):
                self.events = {k: e for k, e in self.events.items() if e.webhook in webhooks}


class OutsideReader:
    """rtbill.feed.Feed over what is in memory."""

    _outside: MemoryOutside
    _calls: dict[str, RatedCall]
    _calls_posted: dict[str, datetime]
    _transfers: dict[str, PostedTransfer]

    async def newest_transfer(self, account: str) -> PostedTransfer | None:
        """The account's latest movement."""
        own = [each for each in self._transfers.values() if each.transfer.account == account]
        return max(own, key=lambda each: each.transfer.version, default=None)

    async def calls_after(self, row: int, wanted: CallFilter) -> Sequence[PostedCall]:
        """Calls posted after that row, in the order of posting."""
        posted = [
            PostedCall(number, call, self._calls_posted[key])
            for number, (key, call) in enumerate(self._calls.items(), start=1)
            if number > row and matches(call, wanted)
        ]
        return posted[: wanted.limit]

    async def waiting_events(self, webhook: str, limit: int) -> Sequence[WaitingEvent]:
        """The oldest events that wait for this webhook."""
        waiting = [
            WaitingEvent(number, event)
            for number, event in self.events_in_order()
            if event.webhook == webhook
        ]
        return waiting[:limit]

    def events_in_order(self) -> list[tuple[int, WebhookEvent]]:
        """All that wait."""
        return sorted(self._outside.events.items())
