"""Waiting calls without a rate, by the range they probably belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rtbill.domain.rated import RatedCall
from rtbill.domain.tariff import Rate, Tariff
from rtbill.formats.number_regions import NumberRegion, region_of

DIGITS_BEYOND_COUNTRY_MAX = 3
"""Of a suggested prefix in a country without area codes: the digits that all its calls share."""
_SHOWN_LAST = 2
UNREADABLE = NumberRegion("", "", "unreadable")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnratedGroup:
    """Calls that one range would probably cover."""

    prefix: str
    """Suggested; empty for digits that could not be read as a number."""
    country: str
    kind: str
    tariff: str
    """That has no rate for them."""
    calls: int
    talk_us: int
    sample: str
    """One of the numbers, masked."""
    nearest: Rate | None
    """The rate of the tariff whose prefix shares the most leading digits, at least the country's
    first.
    """


def grouped(
    calls: Iterable[RatedCall],
    tariff_of: Callable[[RatedCall], str],
    newest: Callable[[str], Tariff | None],
) -> list[UnratedGroup]:
    """The groups, those with the most talk first."""
    found: dict[tuple[str, NumberRegion], list[RatedCall]] = {}
    for call in calls:
        number = call.number or ""
        region = region_of(number) if number.startswith("+") else UNREADABLE
        found.setdefault((tariff_of(call), region), []).append(call)
    groups = [
        _group(tariff, region, members, newest(tariff))
        for (tariff, region), members in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.talk_us, group.prefix, group.tariff))


def _group(
    tariff: str, region: NumberRegion, members: Sequence[RatedCall], newest: Tariff | None
) -> UnratedGroup:
    numbers = [call.number or call.record.dialled or "" for call in members]
    prefix = _further(region.prefix, numbers) if region.is_whole_country else region.prefix
    return UnratedGroup(
        prefix=prefix,
        country=region.country,
        kind=region.kind,
        tariff=tariff,
        calls=len(members),
        talk_us=sum(call.record.talk_us for call in members),
        sample=masked(numbers[0], len(prefix) + 1),
        nearest=_nearest(prefix, newest) if newest and prefix else None,
    )


def _further(prefix: str, numbers: Sequence[str]) -> str:
    """A country alone would be a wide guess: as far as all the numbers agree, a few digits more."""
    first, last = min(numbers)[1:], max(numbers)[1:]
    shared = sum(1 for _ in _agreeing(first, last))
    return first[: min(shared, len(prefix) + DIGITS_BEYOND_COUNTRY_MAX)]


def _agreeing(one: str, other: str) -> Iterator[str]:
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            return
        yield mine


def _nearest(prefix: str, tariff: Tariff) -> Rate | None:
    def shared(rate: Rate) -> int:
        return sum(1 for _ in _agreeing(rate.prefix, prefix))

    nearest = max(tariff.rates, key=lambda rate: (shared(rate), -len(rate.prefix)), default=None)
    return nearest if nearest is not None and shared(nearest) else None


def masked(number: str, shown: int) -> str:
    """`+4179*****01`: the range and the last digits."""
    hidden = max(0, len(number) - shown - _SHOWN_LAST)
    return number[:shown] + "*" * hidden + number[len(number[:shown]) + hidden :]
