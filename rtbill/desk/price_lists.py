"""Versions of tariffs: the desk's order that makes them from files.

What the order leaves open is as the tariff's newest version has it. A file is compared with that
version before it becomes the next one. Reading and comparing go on in a thread of their own: the
calls do not wait for 200,000 lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rtbill.billing import Billing
from rtbill.collector import keep_out_of_sight, paused_collector
from rtbill.desk.tariff_arguments import changes, flag, line_numbers, rounding, whole_number
from rtbill.desk.tariff_traffic import add_last_month
from rtbill.domain.changes import AddTariff
from rtbill.domain.csv_rows import Problem
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import known_currency
from rtbill.domain.tariff import Rate, Rounding, Tariff
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Reader, Store
from rtbill.rating import tariff_file
from rtbill.rating.bands import NO_CALENDARS, Calendars
from rtbill.rating.lookup import RateTable
from rtbill.rating.price_book import PriceBook
from rtbill.rating.tariff_comparison import TariffComparison, compare
from rtbill.rating.tariff_report import comparison_json, traffic_json
from rtbill.rating.traffic import Traffic
from rtbill.rating.zones import zone_named

Answer = dict[str, Any]
Arguments = Mapping[str, Any]
JUMP_PERCENT = 20
LISTED = 20
"""Of each kind, unless the order asks for other."""
_SLICE = 1_000


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A version that is not in the books yet, and what it would change."""

    before: RateTable | None
    """The newest version."""
    table: RateTable
    problems: tuple[Problem, ...]
    comparison: TariffComparison
    terms: list[str]
    """What holds for all rates and becomes another."""

    @property
    def is_other(self) -> bool:
        """Whether there is anything to do."""
        found = self.comparison.difference
        return bool(found.new or found.changed or found.ended or self.terms)


class PriceLists:
    """Imports tariffs; the calls answered from a version's first instant on are priced by it."""

    def __init__(  # noqa: PLR0913 - as the desk hands them on
        self,
        *,
        billing: Billing,
        store: Store,
        reader: Reader,
        clock: Clock,
        wording: Wording,
        zone: str,
        currency: str,
        calendars: Calendars = NO_CALENDARS,
    ) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wording = wording
        self._zone = zone
        self._currency = currency
        self._calendars = calendars

    async def import_version(self, arguments: Arguments) -> Answer:
        """What the file would change, or with `apply` has changed; nothing when it has problems or
        says what the newest version says. BadRecord when an argument cannot be meant. The desk
        carries out one such order at a time.
        """
        with paused_collector():
            return await self._import(arguments)

    async def _import(self, arguments: Arguments) -> Answer:
        name, text = str(arguments["name"]), str(arguments["csv"])
        listed = whole_number(arguments, "listed", LISTED)
        jump_percent = whole_number(arguments, "jump", JUMP_PERCENT) or 0
        lines = line_numbers(arguments)
        newest = self._newest(name)
        wanted = self._next(newest, arguments)
        rival = self._of_traffic(arguments, name, wanted.currency)
        candidate = await asyncio.to_thread(
            self._candidate, newest, wanted, text, lines, jump_percent
        )
        answer = await asyncio.to_thread(_answer, candidate, listed)
        answer["problems"] += _contradictions(wanted, self._billing.assessor.book)
        answer["until"] = self._until(wanted)
        if answer["problems"]:
            return answer
        if arguments.get("apply", False) and candidate.is_other:
            await self._apply(candidate.table)
            answer["version"] = wanted.version
            return answer
        if not arguments.get("apply", False):
            answer["traffic"] = await self._traffic(candidate.table, rival, listed)
        spare = list(candidate.table.tariff.rates)
        del candidate
        await asyncio.to_thread(_let_go, spare)
        return answer

    def _candidate(
        self,
        newest: Tariff | None,
        wanted: Tariff,
        text: str,
        lines: list[int] | None,
        jump_percent: int,
    ) -> _Candidate:
        """The version made of the file's lines, ready to be used, beside the newest one."""
        read = tariff_file.read_tariff(text, frozenset(self._calendars), lines)
        table = RateTable(replace(wanted, rates=read.rates), self._calendars)
        before = self._billing.assessor.book.table(newest) if newest else None
        return _Candidate(
            before=before,
            table=table,
            problems=read.problems,
            comparison=compare(None if read.problems else before, table, jump_percent),
            terms=changes(newest, wanted) if newest else [],
        )

    async def _apply(self, table: RateTable) -> None:
        """Durable first, then in use."""
        await self._store.change(AddTariff(table.tariff))
        self._billing.assessor.book.add_version(table)
        keep_out_of_sight()
        self._billing.wake()

    async def _traffic(
        self, table: RateTable, rival: Tariff | None, listed: int | None
    ) -> Answer | None:
        """Last month's calls by another tariff's newest version and by the table; None without
        such.
        """
        if rival is None:
            return None
        old = await asyncio.to_thread(self._billing.assessor.book.table, rival)
        traffic = Traffic(old, table, rival.name)
        is_whole = await add_last_month(traffic, self._reader, self._clock.now())
        return traffic_json(traffic, listed, is_whole=is_whole)

    def _until(self, wanted: Tariff) -> Answer | None:
        """The version that begins next after the wanted one, which then holds, whatever its number;
        None when none does.
        """
        versions = self._billing.assessor.book.versions(wanted.name)
        later = [each for each in versions if each.valid_from > wanted.valid_from]
        if not later:
            return None
        return {"version": later[0].version, "from": later[0].valid_from.isoformat()}

    def _newest(self, name: str) -> Tariff | None:
        versions = self._billing.assessor.book.versions(name)
        return max(versions, key=lambda each: each.version, default=None)

    def _of_traffic(self, arguments: Arguments, name: str, currency: str) -> Tariff | None:
        """The newest version of the tariff whose calls are to be priced anew: its own, or that of
        another name. BadRecord when there is none, or none in the same currency.
        """
        other = arguments.get("traffic_of")
        found = self._newest(str(other or name))
        if other and found is None:
            raise BadRecord(f"there is no tariff {other!r} whose calls could be priced anew")
        if found is None or found.currency == currency:
            return found
        if other:
            raise BadRecord(f"calls by {other} are in {found.currency}, this tariff in {currency}")
        return None

    def _next(self, newest: Tariff | None, arguments: Arguments) -> Tariff:
        """The version after the newest, without its rates."""
        currency = newest.currency if newest else self._currency
        zone = newest.zone if newest else self._zone
        splits = flag(arguments, "split_increments")
        if splits is None:
            splits = newest.splits_increments if newest else False
        zone = str(arguments.get("zone") or zone)
        zone_named(zone)
        return Tariff(
            name=str(arguments["name"]),
            version=(newest.version if newest else 0) + 1,
            currency=known_currency(str(arguments.get("currency") or currency)),
            zone=zone,
            valid_from=self._valid_from(arguments),
            rates=(),
            rounding=rounding(newest.rounding if newest else Rounding(), arguments),
            splits_increments=splits,
        )

    def _valid_from(self, arguments: Arguments) -> datetime:
        return self._wording.instant(arguments.get("valid_from"), self._clock.now())


def _contradictions(tariff: Tariff, book: PriceBook) -> Iterator[str]:
    """What the price plans have against a version of a tariff."""
    if tariff.name in book.plan_names:
        yield f"{tariff.name} is the name of a price plan; accounts could not tell them apart"
    for name in book.plan_names:
        plan = max(book.plan_versions(name), key=lambda each: each.version)
        if tariff.name in plan.tariffs and plan.currency != tariff.currency:
            yield f"price plan {name} asks this tariff, and is in {plan.currency}"


def _let_go(rates: list[Rate]) -> None:
    """Free them a slice at a time: all at once is one step, during which all else stands still."""
    while rates:
        del rates[-_SLICE:]


def _answer(candidate: _Candidate, listed: int | None) -> Answer:
    version = candidate.before.tariff.version if candidate.before else 0
    return comparison_json(candidate.comparison, listed) | {
        "terms": candidate.terms,
        "problems": [str(problem) for problem in candidate.problems],
        "version": version,
        "traffic": None,
    }
