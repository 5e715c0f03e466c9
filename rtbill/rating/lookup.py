"""From a number to its rates: the version in force, then the longest prefix, then the time band."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.tariff import Rate, Tariff
from rtbill.rating.bands import Stretch, WeekTable, zone_named

FOREVER_US = 1 << 62
"""Later than any instant."""


class PrefixRates:
    """The rates of one prefix: a single one that always holds, or a table over the week."""

    __slots__ = ("single", "week")

    def __init__(self, rates: list[Rate], zone: str) -> None:
        self.single = rates[0] if len(rates) == 1 and rates[0].band is None else None
        self.week = None if self.single else WeekTable(rates, zone)

    def stretch(self, at_us: int) -> Stretch:
        """The rate that holds at this instant, and until when."""
        return Stretch(self.single, FOREVER_US) if self.week is None else self.week.stretch(at_us)


class RateTable:
    """One version of a tariff, made ready for looking up."""

    __slots__ = ("_by_prefix", "_ends", "rounding_step", "tariff")

    def __init__(self, tariff: Tariff) -> None:
        """BadRecord when two rates of a prefix hold at the same time, or the zone is unknown."""
        assert 0 <= tariff.round_digits <= 6, "money has six digits"
        zone_named(tariff.zone)
        self.tariff = tariff
        self.rounding_step: int = 10 ** (6 - tariff.round_digits)
        """The micro-units that a price is a multiple of."""
        by_prefix: dict[str, list[Rate]] = {}
        for rate in tariff.rates:
            by_prefix.setdefault("+" + rate.prefix, []).append(rate)
        self._by_prefix = {
            prefix: PrefixRates(rates, tariff.zone) for prefix, rates in by_prefix.items()
        }
        self._ends = sorted({len(prefix) for prefix in by_prefix}, reverse=True)

    def find(self, number: str) -> PrefixRates:
        """The rates of the longest prefix; NoRate names number and tariff. The number is E.164 with
        plus: a short code has no prefix, and 1 1833 is not in America.
        """
        by_prefix = self._by_prefix
        for end in self._ends:
            found = by_prefix.get(number[:end])
            if found is not None:
                return found
        raise NoRate(f"tariff {self.tariff.name!r} has no rate for {number}")


class TariffBook:
    """Every version of every tariff. Versions are made ready when first asked for."""

    def __init__(self, tariffs: Iterable[Tariff]) -> None:
        """BadRecord when a tariff's zone is unknown."""
        self._versions: dict[str, list[Tariff]] = {}
        for tariff in sorted(tariffs, key=lambda tariff: (tariff.valid_from, tariff.version)):
            zone_named(tariff.zone)
            self._versions.setdefault(tariff.name, []).append(tariff)
        self._starts = {
            name: [epoch_us(version.valid_from) for version in versions]
            for name, versions in self._versions.items()
        }
        self._tables: dict[tuple[str, int], RateTable] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._versions

    @property
    def names(self) -> tuple[str, ...]:
        """Every tariff, by name."""
        return tuple(sorted(self._versions))

    def versions(self, name: str) -> tuple[Tariff, ...]:
        """Every version of one tariff in the order of taking effect; empty when unknown."""
        return tuple(self._versions.get(name, ()))

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
            table = self._tables[name, tariff.version] = RateTable(tariff)
        return table
