"""Faults planted into the biller, to show that the simulation would find them.

Each is a mistake that somebody could make; most show only with trouble on the link, a kill, a full
disk or money that comes at the last moment.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from adapters.asterisk.control import Control
from rtbill.billing import Billing
from rtbill.calls.tracker import Tracker
from rtbill.credit.running_call import RunningCall
from rtbill.credit.unaided import UnaidedTerms
from rtbill.domain.account import OPEN_SERVICE
from rtbill.domain.call import CallRecord, Outcome, Source
from rtbill.domain.events import LinkLost, Snapshot
from rtbill.domain.work import Committed, Operation
from rtbill.exchanges import enforcement
from tests.fakes.memory_store import MemoryStore
from tests.simulation import planted_credit
from tests.simulation.replacing import instead


def double_posting() -> AbstractContextManager[None]:
    """A call that is shown again is debited again."""
    original = MemoryStore._apply_call

    def apply_call(self: MemoryStore, state: Any, operation: Operation) -> Committed:
        self._calls.pop(str(operation.call), None)
        return original(self, state, operation._replace(settles=None))

    return instead(MemoryStore, "_apply_call", apply_call)


def early_acknowledgement() -> AbstractContextManager[None]:
    """The exchange may forget a call before it is durable here."""
    original = Billing._ended

    async def ended(self: Billing, line: Any, record: CallRecord, heard_at: float) -> None:
        line.pbx.acknowledge(record.id)
        await original(self, line, record, heard_at)

    return instead(Billing, "_ended", ended)


def lock_not_repaired() -> AbstractContextManager[None]:
    """What the exchange holds is not read: it is believed to have nothing locked."""

    async def services(_self: Control) -> dict[str, Any]:
        return {}

    return instead(Control, "services", services)


def snapshot_ignored() -> AbstractContextManager[None]:
    """The snapshot of every minute reconciles nothing."""
    original = Tracker._reconcile

    def reconcile(self: Tracker, snapshot: Snapshot, *, after_gap: bool) -> Any:
        return original(self, snapshot, after_gap=after_gap) if after_gap else []

    return instead(Tracker, "_reconcile", reconcile)


def closed_on_loss() -> AbstractContextManager[None]:
    """Calls in progress are taken to end when the link does."""

    def lost(self: Tracker, event: LinkLost) -> list[CallRecord]:
        self._link_up = False
        legs, self._legs = list(self._legs.values()), {}
        return [
            CallRecord(
                leg.id,
                leg.payer,
                leg.dialled,
                leg.trunk,
                leg.answered_at,
                max(event.at, leg.answered_at),
                None,
                Outcome.ENDED,
                Source.EVENTS,
            )
            for leg in legs
            if leg.answered_at is not None
        ]

    return instead(Tracker, "_lost", lost)


def limit_forgotten() -> AbstractContextManager[None]:
    """Nobody tells the exchange how long a call may last."""

    async def limit(_self: Control, _leg: str, _talk_s: float) -> bool:
        return True

    return instead(Control, "limit", limit)


def unlocked_by_paying() -> AbstractContextManager[None]:
    """The desk's lock is lifted with the one for money."""

    def combine(services: Any) -> Any:
        return next(iter(services), OPEN_SERVICE)

    return instead(enforcement, "combine", combine)


def outbox_not_acknowledged() -> AbstractContextManager[None]:
    """Rows of the exchange's outbox stay for ever."""

    def acknowledge(_self: Control, _leg: str) -> None:
        return

    return instead(Control, "acknowledge", acknowledge)


def observer_interferes() -> AbstractContextManager[None]:
    """A limit is armed although it is only observed."""
    return instead(RunningCall, "order_s", property(lambda self: self.wanted_s))


def row_too_generous() -> AbstractContextManager[None]:
    """Each of several calls without an answer may spend all there is."""
    original = UnaidedTerms.share_micros

    def share_micros(self: UnaidedTerms, state: Any) -> int | None:
        return original(replace(self, calls=1), state)

    return instead(UnaidedTerms, "share_micros", share_micros)


FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    planted.__name__.replace("_", "-"): planted
    for planted in (
        double_posting,
        early_acknowledgement,
        lock_not_repaired,
        snapshot_ignored,
        closed_on_loss,
        limit_forgotten,
        unlocked_by_paying,
        outbox_not_acknowledged,
        observer_interferes,
        row_too_generous,
        *planted_credit.FAULTS,
    )
}
"""By the name that `python -m tests.simulation --plant` takes."""
