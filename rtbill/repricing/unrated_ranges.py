"""A range of numbers that had no rate gets one, and the calls that waited for it are billed.

A version of a tariff that was used is never edited. The range is added by further versions: a copy
of each version in force from the earliest waiting call on, from that instant or from where the
version began, with the one rate more. Of two versions that take effect together the higher holds;
so every other call costs what it did, and the range has its price whenever a waiting call was made.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.changes import AddTariff, Together
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.money import parse_micros
from rtbill.domain.rated import START, CallStatus
from rtbill.domain.rerating import Selection
from rtbill.domain.tariff import Rate, Tariff, Terms
from rtbill.ports import Clock, Reader, Store
from rtbill.pricing.assignment import Place
from rtbill.rating.lookup import TariffBook
from rtbill.repricing.dry_run import Found, Progress
from rtbill.repricing.recycling import Recycling

_PREFIX = re.compile(r"\+?([0-9]{1,15})")
_INCREMENTS = re.compile(r"([0-9]{1,5})/([1-9][0-9]{0,4})")
_PAGE = 256
UNRATED = Selection(reason=CallStatus.UNRATED)


class UnratedRanges:
    """The order that adds a range."""

    def __init__(
        self, *, billing: Billing, recycling: Recycling, store: Store, reader: Reader, clock: Clock
    ) -> None:
        self._billing = billing
        self._recycling = recycling
        self._store = store
        self._reader = reader
        self._clock = clock

    async def add(
        self, rate: Rate, tariff: str | None, by: str, progress: Progress, *, is_applied: bool
    ) -> tuple[Found, tuple[Tariff, ...]]:
        """What would be billed with the range, or, once it is applied, is to be billed by the run
        that comes back; and the versions that add it. Refused when the range is rated already,
        or when no call waits for it.
        """
        assessor = self._billing.assessor
        name = tariff or assessor.assignment.default
        if name not in assessor.book:
            known = ", ".join(assessor.book.names)
            raise Refused(f"there is no tariff {name!r}; there are: {known}")
        since = await self._earliest(rate.prefix, name)
        added = tuple(versions_with(assessor.book, name, rate, since))
        if not added:
            raise Refused(
                f"tariff {name} has rates for {rate.prefix} already; `rtbill recycle` bills what "
                "waits for them"
            )
        book = assessor.book.with_versions(added)
        tables = await asyncio.to_thread(lambda: [book.table(each) for each in added])
        if not is_applied:
            candidate = assessor.with_book(book)
            return await self._recycling.look(UNRATED, by, progress, candidate), added
        await self._store.change(Together(tuple(AddTariff(each) for each in added)))
        for table in tables:
            assessor.book.add_version(table)
        self._billing.wake()
        return await self._recycling.plan(UNRATED, by, progress), added

    async def _earliest(self, prefix: str, tariff: str) -> datetime:
        """When the first waiting call of the range was answered."""
        wanted = replace(UNRATED, number_prefix="+" + prefix)
        after = START
        assessor = self._billing.assessor
        while page := await self._reader.waiting_calls(wanted, after, _PAGE):
            for each in page:
                record = each.call.record
                terms = self._billing.directory.account(each.call.account)
                place = Place(record.id.pbx, record.trunk)
                if record.answered_at and tariff in assessor.tariffs_of(terms, place):
                    return record.answered_at
            after = page[-1].position
        raise Refused(
            f"no call to +{prefix} waits for a rate of tariff {tariff}; `rtbill unrated` shows "
            "what waits"
        )


def rate_of(arguments: Mapping[str, Any]) -> Rate:
    """The rate that the order describes; BadRecord names what cannot be meant."""
    prefix = _PREFIX.fullmatch(str(arguments["prefix"]).strip())
    if prefix is None:
        raise BadRecord(f"{arguments['prefix']!r} is not a prefix; write +4176 or 4176")
    destination = str(arguments["destination"]).strip()
    if not destination:
        raise BadRecord("a range needs a destination, which calls are listed by")
    increments = _INCREMENTS.fullmatch(str(arguments.get("increments") or "60/1"))
    if increments is None:
        raise BadRecord(f"{arguments['increments']!r} is not like 60/1: first and next increment")
    price = parse_micros(str(arguments["price"]))
    fee = parse_micros(str(arguments.get("connect_fee") or "0"))
    if price < 0 or fee < 0:
        raise BadRecord("a price is not negative")
    first_s, next_s = int(increments[1]), int(increments[2])
    terms = Terms.per_minute(price, first_s, next_s, fee)
    return Rate(prefix=prefix[1], destination=destination, terms=terms)


def versions_with(book: TariffBook, name: str, rate: Rate, since: datetime) -> Iterator[Tariff]:
    """A successor with the rate for each version in force at `since` or later that has none for its
    numbers; the newest in time gets the highest number.
    """
    versions = book.versions(name)
    number = max(each.version for each in versions)
    ends = [each.valid_from for each in versions[1:]]
    for version, end in zip(versions, [*ends, None], strict=True):
        is_over = end is not None and (end <= since or end == version.valid_from)
        if is_over or book.in_force(name, version.valid_from).covers("+" + rate.prefix):
            continue
        number += 1
        yield replace(
            version,
            version=number,
            valid_from=max(version.valid_from, since),
            rates=(*version.rates, rate),
        )
