"""The part of the store in memory that prices calls again: runs, newer prices, invoices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from balance import ledger
from rtbill.domain.bundle import Draw, money_drawn
from rtbill.domain.call import epoch_us
from rtbill.domain.changes import AddRun, MarkInvoiced, MoveRun
from rtbill.domain.errors import Conflict, Refused
from rtbill.domain.ledger import TransferKind
from rtbill.domain.rated import CallStatus, Position, Price, PricedCall, RatedCall, Repriced
from rtbill.domain.rerating import Difference, Run, RunState, Selection, WaitingCall
from rtbill.domain.work import Repricing
from rtbill.ports import PostedTransfer
from rtbill.storage.repricing import check_under_way, undone
from rtbill.storage.run_changes import check_invoiced, check_move

T = TypeVar("T")
WAITING = (CallStatus.UNRATED, CallStatus.UNCONFIRMED)


class MemoryRuns:
    """Runs over the calls and transfers of a store, which are handed in and stay its own."""

    def __init__(
        self,
        calls: Mapping[str, RatedCall],
        transfers: Mapping[str, PostedTransfer],
        held: Callable[[str], tuple[Draw, ...]],
    ) -> None:
        self._calls = calls
        self._transfers = transfers
        self._held = held
        self._runs: dict[int, Run] = {}
        self._differences: dict[int, dict[str, Difference]] = {}
        self._newer: dict[str, list[tuple[int, Repriced]]] = {}
        self._invoiced: dict[str, str] = {}
        self.settled_at: dict[str, datetime] = {}

    def newest(self, call: RatedCall) -> RatedCall:
        """The call with the price that holds now."""
        newer = self._newer.get(str(call.record.id))
        if not newer:
            return call
        return call._replace(price=newer[-1][1].price, draws=self._held(str(call.record.id)))

    def price_in(self, key: str, run: int | None) -> Price | None:
        """The call's price as that run left it; its own without a run."""
        newer = [each.price for number, each in self._newer.get(key, ()) if number <= (run or 0)]
        return newer[-1] if newer else self._calls[key].price

    def change(self, change: MarkInvoiced | AddRun | MoveRun) -> None:
        """As the change says."""
        match change:
            case MarkInvoiced():
                self._mark_invoiced(change)
            case AddRun():
                self._add(change)
            case MoveRun():
                self._move(change)

    def _add(self, change: AddRun) -> None:
        """Its id is the next."""
        if change.run.id != len(self._runs) + 1:
            raise Conflict(f"run {len(self._runs) + 1} is next")
        self._runs[change.run.id] = change.run
        self._differences[change.run.id] = {each.account: each for each in change.differences}

    def _move(self, change: MoveRun) -> None:
        """As the transitions allow."""
        run = self._runs.get(change.run)
        if run is None:
            raise Refused(f"there is no run {change.run}")
        differences = self._differences[run.id].values()
        left = sum(each.changed > 0 and not each.is_done for each in differences)
        check_move(change, run.kind, run.state, left)
        others = [each for each in self._runs.values() if each.state is RunState.UNDER_WAY]
        if change.state is RunState.UNDER_WAY and others:
            raise Conflict(f"run {others[0].id} is not finished")
        self._runs[run.id] = replace(run, state=change.state, moved_at=change.at)

    def _mark_invoiced(self, change: MarkInvoiced) -> None:
        """All of them or none."""
        for key in change.calls:
            call = self._calls.get(key)
            status = call.status.value if call else None
            check_invoiced(key, change.invoice, status, self._invoiced.get(key))
        self._invoiced |= dict.fromkeys(change.calls, change.invoice)

    def still_to_do(self, repricing: Repricing) -> list[Repriced] | None:
        """As the tables would tell."""
        run = self._runs.get(repricing.run)
        check_under_way(repricing.run, run.state if run else None)
        difference = self._differences[repricing.run].get(repricing.account)
        if difference is not None and difference.is_done:
            return None
        rows = self._rows()
        last = {rows[key]: newer[-1][0] for key, newer in self._newer.items()}
        return undone(repricing, last)

    def keep(self, repricing: Repricing, calls: Sequence[Repriced]) -> None:
        """The slice is done."""
        for each in calls:
            self._newer.setdefault(each.call.key, []).append((repricing.run, each))
        run = self._runs[repricing.run]
        self._runs[run.id] = replace(run, done=run.done + len(calls))
        differences = self._differences[run.id]
        if repricing.is_last and repricing.account in differences:
            done = replace(differences[repricing.account], is_done=True)
            differences[repricing.account] = done

    def _rows(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self._calls, start=1)}

    def newest_call(self) -> int:
        """Row of the last call."""
        return len(self._calls)

    def priced_calls(
        self, account: str, run: Run, after: Position, limit: int
    ) -> Sequence[PricedCall]:
        """Rated when the run was made."""
        found = []
        for key, row in self._rows().items():
            call = self.newest(self._calls[key])
            is_rated = call.status is CallStatus.RATED and call.account == account
            was_rated = self.settled_at.get(key, run.made_at) <= run.made_at
            if is_rated and was_rated and row <= run.newest_call and chosen(call, run.selection):
                found.append(self._priced(row, key, call))
        return _page(found, after, limit, lambda each: each.position)

    def _priced(self, row: int, key: str, call: RatedCall) -> PricedCall:
        record, price = call.record, call.price
        assert price is not None
        assert record.answered_at is not None
        newer = self._newer.get(key)
        last_run = newer[-1][0] if newer else None
        debit_key = (
            f"call:{key}" if last_run is None else ledger.rerate_key(last_run, call.account, key)
        )
        posted = self._transfers.get(debit_key)
        is_debit = posted is not None and posted.transfer.kind is TransferKind.CALL
        return PricedCall(
            row,
            key,
            record.id.pbx,
            record.trunk,
            call.number,
            epoch_us(record.answered_at),
            record.answered_at,
            record.talk_us,
            price.micros,
            last_run,
            self._invoiced.get(key),
            debit_key if is_debit else None,
            posted.transfer.credit if posted is not None and is_debit else None,
            money_drawn(call.draws),
            call.draws,
            record.payer,
            record.dialled,
            call.person,
        )

    def waiting_calls(
        self, wanted: Selection, after: Position, limit: int
    ) -> Sequence[WaitingCall]:
        """Without a price."""
        found = []
        for key, row in self._rows().items():
            call = self._calls[key]
            is_wanted = wanted.account in (None, call.account) and chosen(call, wanted)
            if call.status in WAITING and is_wanted:
                began = call.record.answered_at or call.record.ended_at
                found.append(WaitingCall(Position(epoch_us(began), row), call))
        return _page(found, after, limit, lambda each: each.position)

    def runs(self, limit: int) -> Sequence[Run]:
        """Newest first."""
        return sorted(self._runs.values(), key=lambda run: -run.id)[:limit]

    def differences(self, run: int) -> Sequence[Difference]:
        """By account."""
        found = self._differences.get(run, {})
        return [found[account] for account in sorted(found)]


class RunsReader:
    """The part of ports.Reader about runs."""

    _runs: MemoryRuns

    async def newest_call(self) -> int:
        """Row of the call that came last."""
        return self._runs.newest_call()

    async def priced_calls(
        self, account: str, run: Run, after: Position, limit: int
    ) -> Sequence[PricedCall]:
        """Those that were rated when the run was made."""
        return self._runs.priced_calls(account, run, after, limit)

    async def waiting_calls(
        self, wanted: Selection, after: Position, limit: int
    ) -> Sequence[WaitingCall]:
        """Calls without a price."""
        return self._runs.waiting_calls(wanted, after, limit)

    async def runs(self, limit: int) -> Sequence[Run]:
        """Newest first."""
        return self._runs.runs(limit)

    async def differences(self, run: int) -> Sequence[Difference]:
        """By account."""
        return self._runs.differences(run)


def chosen(call: RatedCall, wanted: Selection) -> bool:
    """Whether the selection takes the call, its account aside."""
    record, price = call.record, call.price
    began = record.answered_at or record.ended_at
    destination = price.destination if price else ""
    return bool(
        (wanted.since is None or began >= wanted.since)
        and (wanted.until is None or began < wanted.until)
        and wanted.pbx in (None, record.id.pbx)
        and wanted.trunk in (None, record.trunk)
        and wanted.in_trunk in (None, record.origin.in_trunk)
        and wanted.cause in (None, record.cause)
        and (call.number or "").startswith(wanted.number_prefix or "")
        and (wanted.destination or destination).lower() == destination.lower()
        and (wanted.tariff is None or (price and wanted.tariff in (price.tariff, price.plan)))
        and wanted.reason in (None, call.status)
    )


def _page(
    found: list[T], after: Position, limit: int, position: Callable[[T], Position]
) -> list[T]:
    return sorted((each for each in found if position(each) > after), key=position)[:limit]
