"""Lines of a tariff that contradict each other, that can never hold, or that leave a time without a
rate.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from rtbill.domain.csv_rows import Problem
from rtbill.domain.tariff import Rate, TimeBand
from rtbill.rating.band_boxes import BoxSpace, TooManyBoxes, uncovered
from rtbill.rating.bands import clash

LINES_OF_PREFIX_MAX = 200
"""Every hour of the week has a price of its own in 168."""
Bands = tuple[TimeBand | None, ...]
"""Of one line."""


class TariffLine(NamedTuple):
    """What one line of a tariff file says."""

    number: int
    rates: tuple[Rate, ...]
    """One, or two of the same prefix when its hours pass midnight."""


class _Mistake(NamedTuple):
    """What is wrong with one of the lines of a prefix, whichever the prefix."""

    line: int
    """Index of the line."""
    text: str
    """`{other}` is to be the number of the other line."""
    other: int = 0
    is_gap: bool = False


def clashes(lines: Sequence[TariffLine], unread: Container[str] = ()) -> list[Problem]:
    """Lines of one prefix that hold at the same time or never, or that leave a time without a rate;
    of prefixes that have unread lines as well only the former.

    A line without a band holds whenever no other does, so it stands beside any; the others may
    overlap where their priorities differ.
    """
    by_prefix: dict[str, list[TariffLine]] = {}
    for line in lines:
        by_prefix.setdefault(line.rates[0].prefix, []).append(line)
    known: dict[tuple[Bands, ...], list[_Mistake]] = {}
    problems: list[Problem] = []
    for prefix, same in by_prefix.items():
        if len(same) == 1 and same[0].rates[0].band is None:
            continue
        if len(same) > LINES_OF_PREFIX_MAX:
            text = f"prefix {prefix} stands in more than {LINES_OF_PREFIX_MAX} lines"
            problems.append(Problem(same[LINES_OF_PREFIX_MAX].number, text))
            continue
        shape = tuple(tuple(rate.band for rate in line.rates) for line in same)
        if shape not in known:
            known[shape] = _mistakes(shape)
        problems += [
            Problem(
                same[each.line].number,
                f"prefix {prefix}" + each.text.format(other=same[each.other].number),
            )
            for each in known[shape]
            if not (each.is_gap and prefix in unread)
        ]
    return problems


def _mistakes(lines: tuple[Bands, ...]) -> list[_Mistake]:
    """What is wrong with lines of one prefix that hold then."""
    times = "days and hours"
    if not all(band is None or band.is_weekly for bands in lines for band in bands):
        times = "days, hours and dates"
    first_with: dict[Bands, int] = {}
    found: list[_Mistake] = []
    for index, bands in enumerate(lines):
        earlier = first_with.setdefault(bands, index)
        if earlier != index:
            text = f" stands with the same {times} in line {{other}}"
            found.append(_Mistake(index, text, earlier))
    apart = [(index, _banded(bands)) for bands, index in first_with.items() if bands != (None,)]
    found += [
        _Mistake(
            later,
            f": {times} overlap those of line {{other}}; give the one that goes first a priority",
            earlier,
        )
        for position, (later, bands) in enumerate(apart)
        for earlier, others in apart[:position]
        if any(clash((one, other)) for one in others for other in bands)
    ]
    found += _unreachable(apart, times)
    if (None,) not in first_with and not found and _leaves_a_gap(apart):
        text = f" has no rate outside its {times}; add a line without them"
        found.append(_Mistake(0, text, is_gap=True))
    return found


def _unreachable(lines: Sequence[tuple[int, Sequence[TimeBand]]], times: str) -> list[_Mistake]:
    """Lines whose whole time belongs to others of higher priority."""
    space = BoxSpace(band for _, bands in lines for band in bands)
    ranked = [(band.priority, space.of(band)) for _, bands in lines for band in bands]
    found: list[_Mistake] = []
    for index, bands in lines:
        above = [box for priority, box in ranked if priority > bands[0].priority]
        try:
            is_reached = any(uncovered(space.of(band), above) for band in bands)
        except TooManyBoxes:
            continue
        if not is_reached:
            text = (
                f": lines of higher priority hold on all {times} of this one, so it never does; "
                "remove it, or raise its priority"
            )
            found.append(_Mistake(index, text))
    return found


def _leaves_a_gap(lines: Sequence[tuple[int, Sequence[TimeBand]]]) -> bool:
    """Whether some time has no band; also when that would take too long to tell."""
    bands = [band for _, bands in lines for band in bands]
    space = BoxSpace(bands)
    try:
        return bool(uncovered(space.all_time, [space.of(band) for band in bands]))
    except TooManyBoxes:
        return True


def _banded(bands: Bands) -> tuple[TimeBand, ...]:
    return tuple(band for band in bands if band is not None)
