"""Versions of tariffs: the desk's order that makes them from files.

What the order leaves open is as the tariff's newest version has it. A file is compared with that
version before it becomes the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.changes import AddTariff
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import RoundingMode, known_currency
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Rounding, Tariff
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Reader, Store
from rtbill.rating import tariff_file
from rtbill.rating.bands import NO_CALENDARS, Calendars
from rtbill.rating.price_book import PriceBook
from rtbill.rating.zones import zone_named

Answer = dict[str, Any]
Arguments = Mapping[str, Any]
_DIGITS_MAX = 6
_EXACT = "exact"


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
        says what the newest version says. BadRecord when an argument cannot be meant.
        """
        name = str(arguments["name"])
        read = tariff_file.read_tariff(str(arguments["csv"]), frozenset(self._calendars))
        tariffs, plans = await self._reader.tariffs(), await self._reader.price_plans()
        versions = [each for each in tariffs if each.name == name]
        newest = max(versions, key=lambda each: each.version, default=None)
        added = self._next(newest, arguments, read)
        difference = tariff_file.diff(newest.rates if newest else (), read.rates)
        answer: Answer = {
            "new": [tariff_file.rate_text(rate) for rate in difference.new],
            "changed": [
                f"{tariff_file.rate_text(old)} -> {tariff_file.rate_text(new)}"
                for old, new in difference.changed
            ],
            "ended": [tariff_file.rate_text(rate) for rate in difference.ended],
            "terms": _changes(newest, added) if newest else [],
            "problems": [
                *(str(problem) for problem in read.problems),
                *_contradictions(added, plans),
            ],
            "version": newest.version if newest else 0,
        }
        if answer["problems"] or not arguments.get("apply", False):
            return answer
        if not any(answer[word] for word in ("new", "changed", "ended", "terms")):
            return answer
        book = PriceBook([*tariffs, added], self._calendars, plans)
        await self._store.change(AddTariff(added))
        book.make_ready(self._clock.now())
        self._billing.assessor.replace_book(book)
        self._billing.wake()
        answer["version"] = added.version
        return answer

    def _next(
        self, newest: Tariff | None, arguments: Arguments, read: tariff_file.TariffFile
    ) -> Tariff:
        """The version after the newest, of the file's rates."""
        currency = newest.currency if newest else self._currency
        zone = newest.zone if newest else self._zone
        splits = _flag(arguments, "split_increments")
        if splits is None:
            splits = newest.splits_increments if newest else False
        zone = str(arguments.get("zone") or zone)
        zone_named(zone)
        return Tariff(
            name=str(arguments["name"]),
            version=(newest.version if newest else 0) + 1,
            currency=known_currency(str(arguments.get("currency") or currency)),
            zone=zone,
            valid_from=self._wording.instant(arguments.get("valid_from"), self._clock.now()),
            rates=read.rates,
            rounding=_rounding(newest.rounding if newest else Rounding(), arguments),
            splits_increments=splits,
        )


def _contradictions(tariff: Tariff, plans: Sequence[PricePlan]) -> Iterator[str]:
    """What the price plans have against a version of a tariff."""
    if any(each.name == tariff.name for each in plans):
        yield f"{tariff.name} is the name of a price plan; accounts could not tell them apart"
    newest = {each.name: each for each in sorted(plans, key=lambda each: each.version)}
    for plan in newest.values():
        if tariff.name in plan.tariffs and plan.currency != tariff.currency:
            yield f"price plan {plan.name} asks this tariff, and is in {plan.currency}"


def _rounding(before: Rounding, arguments: Arguments) -> Rounding:
    """As before, but for what the arguments say; BadRecord names one that cannot be meant."""
    found = before
    mode = arguments.get("rounding")
    if mode is not None:
        if mode not in list(RoundingMode):
            raise BadRecord(f"rounding {mode!r} is not one of: {', '.join(RoundingMode)}")
        found = replace(found, mode=RoundingMode(mode))
    digits = arguments.get("digits")
    if digits is not None:
        found = replace(found, digits=_digits("digits", digits))
    of_increments = arguments.get("increment_digits")
    if of_increments is not None:
        is_exact = of_increments == _EXACT
        kept = None if is_exact else _digits("increment_digits", of_increments)
        found = replace(found, increment_digits=kept)
    return found


def _digits(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _DIGITS_MAX:
        return value
    exact = f", or {_EXACT}" if name == "increment_digits" else ""
    raise BadRecord(f"{name} {value!r} is not a whole number from 0 to {_DIGITS_MAX}{exact}")


def _flag(arguments: Arguments, name: str) -> bool | None:
    value = arguments.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise BadRecord(f"{name} {value!r} is neither true nor false")


def _changes(before: Tariff, after: Tariff) -> list[str]:
    """What holds for all rates and becomes another: `rounding half_up -> up`."""
    return [
        f"{name} {old} -> {new}"
        for (name, old), new in zip(_terms(before).items(), _terms(after).values(), strict=True)
        if old != new
    ]


def _terms(tariff: Tariff) -> dict[str, str]:
    of_increments = tariff.rounding.increment_digits
    return {
        "currency": tariff.currency,
        "zone": tariff.zone,
        "rounding": str(tariff.rounding.mode),
        "digits": str(tariff.rounding.digits),
        "increment digits": _EXACT if of_increments is None else str(of_increments),
        "split increments": "yes" if tariff.splits_increments else "no",
    }
