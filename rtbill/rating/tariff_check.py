"""What is odd about a list of rates that can be used: nothing of it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtbill.domain.country_codes import COUNTRY_CODES, is_assigned
from rtbill.domain.tariff import Rate
from rtbill.rating.coverage import Cover, Coverage
from rtbill.rating.lookup import RateTable
from rtbill.rating.tariff_comparison import CallPrices, Jump, Jumps


@dataclass(frozen=True, slots=True)
class TariffCheck:
    """What was found."""

    never_used: tuple[Rate, ...]
    """All numbers of their prefix have longer ones."""
    over: tuple[Rate, ...]
    """The years in which they hold have gone by."""
    no_country: tuple[Rate, ...]
    """No country code begins like their prefix."""
    jumps: tuple[Jump, ...]
    """Between a prefix and the longest one above it, dearest first."""
    in_part: tuple[str, ...]
    """Country codes of which some numbers have a rate and some have none."""
    without: tuple[str, ...]
    """Country codes without any."""


def check(table: RateTable, year: int, jump_percent: int) -> TariffCheck:
    """What is odd about the rates in and after a year."""
    rates = table.tariff.rates
    covered = Coverage(rate.prefix for rate in rates)
    covers = {code: covered.of(code) for code in COUNTRY_CODES}
    return TariffCheck(
        never_used=tuple(rate for rate in rates if covered.is_never_used(rate.prefix)),
        over=tuple(
            rate for rate in rates if rate.band and rate.band.years and max(rate.band.years) < year
        ),
        no_country=tuple(rate for rate in rates if not is_assigned(rate.prefix)),
        jumps=tuple(_jumps(table, rates, jump_percent)),
        in_part=tuple(code for code, cover in covers.items() if cover is Cover.PART),
        without=tuple(code for code, cover in covers.items() if cover is Cover.NONE),
    )


def _jumps(table: RateTable, rates: Sequence[Rate], jump_percent: int) -> list[Jump]:
    """The dearest rate of each prefix against that of the prefix above it."""
    prices = CallPrices(table)
    dearest: dict[str, Rate] = {}
    for rate in rates:
        known = dearest.get(rate.prefix)
        if known is None or prices.of(rate.terms) > prices.of(known.terms):
            dearest[rate.prefix] = rate
    found = Jumps(jump_percent)
    for prefix, rate in dearest.items():
        above = next(
            (
                dearest[prefix[:end]]
                for end in range(len(prefix) - 1, 0, -1)
                if prefix[:end] in dearest
            ),
            None,
        )
        if above is None:
            continue
        found.add(rate, prefix, prices.of(above.terms), prices.of(rate.terms))
    return found.dearest_first()
