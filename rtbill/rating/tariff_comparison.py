"""What another list of rates would do to callers: which prices jump, which numbers lose their rate.

Prices are compared by what a call of three minutes costs: connect fee and increments count, as they
do for callers. A prefix that only one list has is compared with what the other says of its numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rtbill.domain.money import divide_rounding_half_up
from rtbill.domain.tariff import Rate, Terms, TimeBand
from rtbill.rating.bands import BandTable
from rtbill.rating.coverage import Cover, Coverage
from rtbill.rating.lookup import RateTable
from rtbill.rating.tariff_file import TariffDiff, diff
from rtbill.rating.zones import SECOND_US

COMPARED_CALL_S = 180


class Jump(NamedTuple):
    """The price of some numbers changes by much."""

    rate: Rate
    """The new one, of the first prefix."""
    prefixes: tuple[str, ...]
    """Of the numbers, all of one destination; longer than that of the rate where a line of their
    own is gone.
    """
    before_micros: int
    """Of a call of three minutes."""
    after_micros: int
    percent: int | None
    """Upwards; None from a price of zero."""


class Lost(NamedTuple):
    """A prefix whose numbers have no rate any more."""

    prefix: str
    destination: str
    is_in_part: bool
    """Some of them have one."""


@dataclass(frozen=True, slots=True)
class TariffComparison:
    """All that differs between two lists of rates."""

    difference: TariffDiff
    jumps: tuple[Jump, ...]
    """Dearest first."""
    lost: tuple[Lost, ...]
    never_used: tuple[Rate, ...]
    """Rates of the new list whose numbers all have longer prefixes."""


def compare(old: RateTable | None, new: RateTable, jump_percent: int) -> TariffComparison:
    """What differs; a jump is a change of more than so many per cent, up or down."""
    before: Sequence[Rate] = old.tariff.rates if old else ()
    after = new.tariff.rates
    covered = Coverage(rate.prefix for rate in after)
    return TariffComparison(
        difference=diff(before, after),
        jumps=tuple(jumps(old, new, jump_percent)) if old else (),
        lost=tuple(_lost(before, covered)),
        never_used=tuple(rate for rate in after if covered.is_never_used(rate.prefix)),
    )


def jumps(old: RateTable, new: RateTable, jump_percent: int) -> list[Jump]:
    """Numbers whose price changes by more than so many per cent, dearest first."""
    before, after = old.by_prefix, new.by_prefix
    old_prices, new_prices = CallPrices(old), CallPrices(new)
    found = Jumps(jump_percent)
    for prefix in before.keys() | after.keys():
        was = before.get(prefix) or longest(before, prefix)
        becomes = after.get(prefix) or longest(after, prefix)
        if was is None or becomes is None:
            continue
        for rate in _rates(becomes):
            earlier = old_prices.of(_partner(rate, was, old_prices))
            found.add(rate, prefix, earlier, new_prices.of(rate.terms))
    return found.dearest_first()


class CallPrices:
    """What a call of three minutes costs by the rates of one table."""

    def __init__(self, table: RateTable) -> None:
        self._table = table
        self._known: dict[int, int] = {}

    def of(self, terms: Terms) -> int:
        """Micro-units, before the rounding of a call's price."""
        known = self._known.get(id(terms))  # lives as long as the table does
        if known is None:
            parts, _ = self._table.ladder(terms).cost(COMPARED_CALL_S * SECOND_US)
            known = self._known[id(terms)] = divide_rounding_half_up(parts, self._table.per_micro)
        return known


class Jumps:
    """Collects them; prefixes of one destination whose price changes alike are one."""

    def __init__(self, jump_percent: int) -> None:
        self._jump_percent = jump_percent
        self._found: dict[tuple[str, TimeBand | None, int, int], tuple[Rate, list[str]]] = {}

    def add(self, rate: Rate, prefix: str, before: int, after: int) -> None:
        """Note what numbers cost, if that is more than so many per cent away from before."""
        if abs(after - before) * 100 > self._jump_percent * before:
            key = (rate.destination, rate.band, before, after)
            self._found.setdefault(key, (rate, []))[1].append(prefix)

    def dearest_first(self) -> list[Jump]:
        """All that were found, by what a call costs now."""
        jumps = [
            Jump(rate, tuple(sorted(prefixes)), before, after, _percent(before, after))
            for (_, _, before, after), (rate, prefixes) in self._found.items()
        ]
        return sorted(jumps, key=lambda jump: (-jump.after_micros, jump.prefixes))


def _percent(before: int, after: int) -> int | None:
    """By how much a price rises; None from zero."""
    if not before:
        return None
    change = divide_rounding_half_up(abs(after - before) * 100, before)
    return change if after >= before else -change


def longest(rates: Mapping[str, Rate | BandTable], prefix: str) -> Rate | BandTable | None:
    """What numbers with these leading digits have by fewer of them."""
    for end in range(len(prefix) - 1, 0, -1):
        found = rates.get(prefix[:end])
        if found is not None:
            return found
    return None


def _rates(found: Rate | BandTable) -> tuple[Rate, ...]:
    return (found,) if isinstance(found, Rate) else found.rates


def _partner(rate: Rate, others: Rate | BandTable, prices: CallPrices) -> Terms:
    """The terms to compare a rate with: those of the same band, else the dearest."""
    if isinstance(others, Rate):
        return others.terms
    for other in others.rates:
        if other.band == rate.band:
            return other.terms
    return max((other.terms for other in others.rates), key=prices.of)


def _lost(before: Iterable[Rate], covered: Coverage) -> list[Lost]:
    """By prefix; those within a prefix that is lost as a whole are not named again."""
    names = {rate.prefix: rate.destination for rate in before}
    found: list[Lost] = []
    for prefix in sorted(names):
        cover = covered.of(prefix)
        if cover is Cover.WHOLE:
            continue
        is_named = found and not found[-1].is_in_part and prefix.startswith(found[-1].prefix)
        if not is_named:
            found.append(Lost(prefix, names[prefix], cover is Cover.PART))
    return found
