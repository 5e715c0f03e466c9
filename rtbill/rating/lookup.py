"""From a number to its rates: the version in force, then the longest prefix, then the time band."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from math import lcm

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import BadRecord, NoRate
from rtbill.domain.tariff import DAY_S, Rate, Tariff, Terms
from rtbill.rating.bands import NO_CALENDARS, BandTable, Calendars, Patterns, Stretch
from rtbill.rating.ladder import Ladder
from rtbill.rating.zones import SECOND_US, zone_named

FOREVER_US = 1 << 62
"""Later than any instant."""
FOUND_KEPT = 4096
"""Numbers whose rates are remembered."""


class RateTable:
    """One version of a tariff, made ready for looking up.

    Sums are kept in parts of a micro-unit, so that nothing is lost before the one rounding: a price
    for 60 seconds needs sixtieths, and one whose increments may be split at any microsecond needs
    millionths of them. `per_micro` says how many parts there are.
    """

    __slots__ = (
        "_ends",
        "_found",
        "_ladders",
        "_without_connect_fee",
        "by_prefix",
        "ends_calls",
        "per_micro",
        "per_step",
        "rounding_step",
        "splits",
        "tariff",
    )

    def __init__(self, tariff: Tariff, calendars: Calendars = NO_CALENDARS) -> None:
        """BadRecord when two rates of a prefix hold at the same time, or a zone, calendar or unit
        cannot be used.
        """
        rounding = tariff.rounding
        assert 0 <= rounding.digits <= 6, "money has six digits"
        zone_named(tariff.zone)
        self.tariff = tariff
        self.rounding_step: int = 10 ** (6 - rounding.digits)
        """The micro-units that a price is a multiple of."""
        self.splits = tariff.splits_increments
        self.per_micro = _common_unit(tariff) * (SECOND_US if self.splits else 1)
        self.per_step = self.per_micro * self.rounding_step
        """The parts that a price is a multiple of, once it is rounded."""
        self.by_prefix = _by_prefix(tariff, calendars)
        """What `find` looks in: the rate of each prefix, or its rates by time."""
        self._ends = sorted({len(prefix) + 1 for prefix in self.by_prefix}, reverse=True)
        self.ends_calls = any(
            rate.terms.call_max_s is not None or rate.terms.charge_max_ends for rate in tariff.rates
        )
        """Whether any rate ends a call, whatever the money."""
        self._ladders: dict[int, Ladder] = {}
        self._without_connect_fee: dict[int, Rate | BandTable] = {}
        self._found: dict[str, Rate | BandTable | None] = {}
        """By number: what calls in progress cost, and for how long, is asked again and again."""

    def find(self, number: str) -> Rate | BandTable:
        """The rate of the longest prefix, or its rates by time; NoRate names number and tariff. The
        number is E.164 with plus: a short code has no prefix, and 1 1833 is not in America.
        """
        found = self.get(number)
        if found is None:
            raise NoRate(f"tariff {self.tariff.name!r} has no rate for {number}")
        return found

    def get(self, number: str) -> Rate | BandTable | None:
        """The same, and None where there is no rate."""
        known = self._found
        if number in known:
            return known[number]
        found = None
        if number[:1] == "+":
            by_prefix = self.by_prefix
            for end in self._ends:
                found = by_prefix.get(number[1:end])
                if found is not None:
                    break
        if len(known) >= FOUND_KEPT:
            known = self._found = {}  # not emptied: another thread may just have looked
        known[number] = found
        return found

    def covers(self, number: str) -> bool:
        """Whether there are rates for the number."""
        return self.get(number) is not None

    def ladder(self, terms: Terms) -> Ladder:
        """The terms made ready for calls during which they hold all the time."""
        key = id(terms)  # lives as long as the tariff does
        found = self._ladders.get(key)
        if found is None:
            found = self._ladders[key] = Ladder(terms, self.tariff.rounding, self.per_micro)
        return found

    def without_connect_fee(self, found: Rate | BandTable) -> Rate | BandTable:
        """What `find` has found, for talk that goes on after something else has paid."""
        key = id(found)  # lives as long as the table does
        kept = self._without_connect_fee.get(key)
        if kept is None:
            kept = found
            if isinstance(found, BandTable):
                if any(rate.terms.connect_fee_micros for rate in found.rates):
                    kept = found.with_rates(_without_connect_fee(rate) for rate in found.rates)
            elif found.terms.connect_fee_micros:
                kept = _without_connect_fee(found)
            self._without_connect_fee[key] = kept
        return kept


def stretch(found: Rate | BandTable, at_us: int) -> Stretch:
    """The rate that holds at this instant, and until when."""
    return Stretch(found, FOREVER_US) if isinstance(found, Rate) else found.stretch(at_us)


def _without_connect_fee(rate: Rate) -> Rate:
    return replace(rate, terms=replace(rate.terms, connect_fee_micros=0))


def _by_prefix(tariff: Tariff, calendars: Calendars) -> dict[str, Rate | BandTable]:
    found: dict[str, Rate | BandTable] = {}
    by_time: dict[str, list[Rate]] = {}
    for rate in tariff.rates:
        first = found.setdefault(rate.prefix, rate)
        if first is not rate:
            assert isinstance(first, Rate), "no table is made yet"
            by_time.setdefault(rate.prefix, [first]).append(rate)
        elif rate.band is not None:
            by_time[rate.prefix] = [rate]
    patterns: Patterns = {}
    for prefix, rates in by_time.items():
        found[prefix] = BandTable(rates, tariff.zone, calendars, patterns)
    return found


def _common_unit(tariff: Tariff) -> int:
    """Seconds of which every unit of the tariff's prices is a divisor."""
    units = {step.unit_s for rate in tariff.rates for step in rate.terms.steps}
    odd = sorted(unit for unit in units if unit < 1 or DAY_S % unit)
    if odd:
        raise BadRecord(f"tariff {tariff.name}: a unit of {odd[0]} s does not divide a day")
    return lcm(1, *units)


def _check_calendars(tariff: Tariff, calendars: Calendars) -> None:
    named = {rate.band.calendar for rate in tariff.rates if rate.band is not None} - {""}
    missing = sorted(named - set(calendars))
    if missing:
        raise BadRecord(
            f"tariff {tariff.name} version {tariff.version} has bands by the holiday calendar "
            f"{missing[0]!r}, which the configuration lacks; declare it as [[holidays]]"
        )


class TariffBook:
    """Every version of every tariff. Versions are made ready when first asked for."""

    def __init__(self, tariffs: Iterable[Tariff], calendars: Calendars = NO_CALENDARS) -> None:
        """BadRecord when the zone of a version or one of its holiday calendars is unknown: a late
        call may need any of them.
        """
        self._calendars = calendars
        self._versions: dict[str, list[Tariff]] = {}
        for tariff in sorted(tariffs, key=lambda tariff: (tariff.valid_from, tariff.version)):
            zone_named(tariff.zone)
            _check_calendars(tariff, calendars)
            self._versions.setdefault(tariff.name, []).append(tariff)
        self._starts = {
            name: [epoch_us(version.valid_from) for version in versions]
            for name, versions in self._versions.items()
        }
        self._tables: dict[tuple[str, int], RateTable] = {}
        self.revision = 0
        """How often a version was added."""

    def __contains__(self, name: str) -> bool:
        return name in self._versions

    @property
    def names(self) -> tuple[str, ...]:
        """Every tariff, by name."""
        return tuple(sorted(self._versions))

    def versions(self, name: str) -> tuple[Tariff, ...]:
        """Every version of one tariff in the order of taking effect; empty when unknown."""
        return tuple(self._versions.get(name, ()))

    def add_version(self, table: RateTable) -> None:
        """One more version, which is ready already."""
        added, name = table.tariff, table.tariff.name
        versions = sorted(
            [*self.versions(name), added], key=lambda tariff: (tariff.valid_from, tariff.version)
        )
        self.revision += 1
        self._versions[name] = versions
        self._starts[name] = [epoch_us(version.valid_from) for version in versions]
        self._tables[name, added.version] = table

    def table(self, tariff: Tariff) -> RateTable:
        """One of its versions, made ready."""
        return self._tables.get((tariff.name, tariff.version)) or RateTable(tariff, self._calendars)

    def with_versions(self, added: Iterable[Tariff]) -> TariffBook:
        """A book that holds these as well."""
        return TariffBook([*self._all(), *added], self._calendars)

    def _all(self) -> Iterable[Tariff]:
        for versions in self._versions.values():
            yield from versions

    def make_ready(self, at: datetime) -> None:
        """Make ready what is in force now, so that no call has to wait for it."""
        for name, starts in self._starts.items():
            if bisect_right(starts, epoch_us(at)):
                self.in_force(name, at)

    def in_force(self, name: str, at: datetime) -> RateTable:
        """The version that took effect last before or at this instant; of two that take effect
        together, the higher. NoRate when there is none. A call is priced as a whole by the version
        in force when it was answered.
        """
        starts = self._starts.get(name)
        if starts is None:
            raise NoRate(f"there is no tariff {name!r}")
        index = bisect_right(starts, epoch_us(at)) - 1
        if index < 0:
            raise NoRate(f"tariff {name!r} is not yet in force at {at.isoformat()}")
        tariff = self._versions[name][index]
        table = self._tables.get((name, tariff.version))
        if table is None:
            table = self._tables[name, tariff.version] = RateTable(tariff, self._calendars)
        return table
