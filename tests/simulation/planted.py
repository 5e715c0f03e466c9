"""Faults planted into the biller, to show that the simulation would find them.

Each is a mistake that somebody could make; most show only with trouble on the link, a kill, a full
disk or money that comes at the last moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from adapters.asterisk.control import Control
from balance import holds
from rtbill import consequences, enforcement
from rtbill.billing import Billing
from rtbill.calls.tracker import Tracker
from rtbill.domain.account import OPEN_SERVICE, AccountState
from rtbill.domain.call import CallRecord, Outcome, Source
from rtbill.domain.events import LinkLost, Snapshot
from rtbill.domain.hold import Hold
from rtbill.domain.rated import Facts
from rtbill.domain.work import Committed, Operation
from rtbill.holding import Holdings
from rtbill.running_call import RunningCall
from rtbill.unaided import UnaidedTerms
from tests.fakes.memory_store import MemoryStore
from tests.simulation import biller


@contextmanager
def _instead(place: Any, name: str, planted: Any) -> Iterator[None]:
    original = getattr(place, name)
    setattr(place, name, planted)
    try:
        yield
    finally:
        setattr(place, name, original)


def double_posting() -> AbstractContextManager[None]:
    """A call that is shown again is debited again."""
    original = MemoryStore._apply_call

    def apply_call(self: MemoryStore, state: Any, operation: Operation) -> Committed:
        self._calls.pop(str(operation.call), None)
        return original(self, state, replace(operation, settles=None))

    return _instead(MemoryStore, "_apply_call", apply_call)


def early_acknowledgement() -> AbstractContextManager[None]:
    """The exchange may forget a call before it is durable here."""
    original = Billing._ended

    async def ended(self: Billing, line: Any, record: CallRecord, heard_at: float) -> None:
        line.pbx.acknowledge(record.id)
        await original(self, line, record, heard_at)

    return _instead(Billing, "_ended", ended)


def lock_not_repaired() -> AbstractContextManager[None]:
    """What the exchange holds is not read: it is believed to have nothing locked."""

    async def services(_self: Control) -> dict[str, Any]:
        return {}

    return _instead(Control, "services", services)


def snapshot_ignored() -> AbstractContextManager[None]:
    """The snapshot of every minute reconciles nothing."""
    original = Tracker._reconcile

    def reconcile(self: Tracker, snapshot: Snapshot, *, after_gap: bool) -> Any:
        return original(self, snapshot, after_gap=after_gap) if after_gap else []

    return _instead(Tracker, "_reconcile", reconcile)


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

    return _instead(Tracker, "_lost", lost)


def limit_forgotten() -> AbstractContextManager[None]:
    """Nobody tells the exchange how long a call may last."""

    async def limit(_self: Control, _leg: str, _talk_s: float) -> None:
        return

    return _instead(Control, "limit", limit)


def unlocked_by_paying() -> AbstractContextManager[None]:
    """The desk's lock is lifted with the one for money."""

    def combine(services: Any) -> Any:
        return next(iter(services), OPEN_SERVICE)

    return _instead(enforcement, "combine", combine)


def outbox_not_acknowledged() -> AbstractContextManager[None]:
    """Rows of the exchange's outbox stay for ever."""

    def acknowledge(_self: Control, _leg: str) -> None:
        return

    return _instead(Control, "acknowledge", acknowledge)


def observer_interferes() -> AbstractContextManager[None]:
    """A limit is armed although it is only observed."""
    return _instead(RunningCall, "order_s", property(lambda self: self.wanted_s))


def row_too_generous() -> AbstractContextManager[None]:
    """Each of several calls without an answer may spend all there is."""
    original = UnaidedTerms.share_micros

    def share_micros(self: UnaidedTerms, state: Any) -> int | None:
        return original(replace(self, calls=1), state)

    return _instead(UnaidedTerms, "share_micros", share_micros)


def hold_after_command() -> AbstractContextManager[None]:
    """The exchange is told of a grant before the hold is durable."""
    original = Holdings._ask

    def ask(self: Holdings, account: str, decide: Callable[[AccountState], Facts]) -> Any:
        self._follow(Committed(decide(self._directory.state(account)), None))
        return original(self, account, decide)

    return _instead(Holdings, "_ask", ask)


def answer_before_commit() -> AbstractContextManager[None]:
    """Who asks is told of a hold that is not durable yet."""
    original = Holdings.reserve

    async def reserve(self: Holdings, account: str, *about: Any) -> Hold | None:
        kept: list[Facts] = []
        ask = self._ask

        def noted(account: str, decide: Callable[[AccountState], Facts]) -> Any:
            kept.append(decide(self._directory.state(account)))
            return ask(account, decide)

        with _instead(self, "_ask", noted):
            waiting = original(self, account, *about)
            try:
                waiting.send(None)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]  # a Hold or None
            waiting.close()
        (event,) = kept[0].holds or (None,)
        return event.hold if event else None

    return _instead(Holdings, "reserve", reserve)


def no_retry_in_the_final_slice() -> AbstractContextManager[None]:
    """Once the last slice is granted, nothing extends the call any more."""
    original = Holdings._extend

    def extend(self: Holdings, running: RunningCall) -> None:
        hold = self._directory.state(running.account).hold(running.hold_key)
        if hold is None or not hold.is_final:
            original(self, running)

    return _instead(Holdings, "_extend", extend)


def late_release() -> AbstractContextManager[None]:
    """The debit of a call leaves its hold to be given up as that of a call that nobody sees."""

    def resolved(facts: Facts, *_about: Any) -> Facts:
        return facts

    return _instead(consequences, "_resolved", resolved)


def early_release() -> AbstractContextManager[None]:
    """What is held is given back as soon as the link breaks."""
    original = Billing._notice

    def notice(self: Billing, line: Any, event: Any) -> None:
        original(self, line, event)
        if isinstance(event, LinkLost):
            for running in self.control.running():
                self.holdings._let_go(running.account, running.hold_key)

    return _instead(Billing, "_notice", notice)


def no_guard() -> AbstractContextManager[None]:
    """Calls are cut at the very end of what they paid."""
    return _instead(biller, "GUARD_S", 0.0)


def whole_balance_to_each() -> AbstractContextManager[None]:
    """What other calls hold is granted again."""
    available = property(lambda self: self.available_micros)
    return _instead(AccountState, "grantable_micros", available)


def held_for_each_question() -> AbstractContextManager[None]:
    """A question that comes twice is held for twice."""

    def key_for(state: AccountState, channel: str) -> str:
        return f"{channel}#{state.hold_steps}"

    return _instead(holds, "key_for", key_for)


def half_of_the_price() -> AbstractContextManager[None]:
    """A grant sets half of its price aside."""
    original = holds._kept

    def kept(state: AccountState, hold: Hold, *about: Any) -> Facts:
        return original(state, replace(hold, micros=hold.micros // 2), *about)

    return _instead(holds, "_kept", kept)


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
        hold_after_command,
        answer_before_commit,
        no_retry_in_the_final_slice,
        late_release,
        early_release,
        no_guard,
        whole_balance_to_each,
        held_for_each_question,
        half_of_the_price,
    )
}
"""By the name that `python -m tests.simulation --plant` takes."""
