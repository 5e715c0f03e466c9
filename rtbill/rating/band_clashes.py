"""Lines of a tariff that contradict each other, or that leave a time of the week without a rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rtbill.domain.csv_rows import Problem
from rtbill.domain.tariff import Rate, TimeBand
from rtbill.rating.bands import WEEK_MINUTES, week_spans


class TariffLine(NamedTuple):
    """What one line of a tariff file says."""

    number: int
    rates: tuple[Rate, ...]
    """One, or two of the same prefix when its hours pass midnight."""


def clashes(lines: Sequence[TariffLine]) -> list[Problem]:
    """Lines of one prefix that hold at the same time, or that leave a time without a rate."""
    by_prefix: dict[str, list[TariffLine]] = {}
    for line in lines:
        by_prefix.setdefault(line.rates[0].prefix, []).append(line)
    problems: list[Problem] = []
    for prefix, same in by_prefix.items():
        if len(same) > 1 or same[0].rates[0].band is not None:
            problems += _clashes_of_prefix(prefix, same)
    return problems


def _clashes_of_prefix(prefix: str, lines: Sequence[TariffLine]) -> list[Problem]:
    problems: list[Problem] = []
    first_with: dict[tuple[TimeBand | None, ...], int] = {}
    spans: list[tuple[int, int, int]] = []
    for line in lines:
        bands = tuple(rate.band for rate in line.rates)
        earlier = first_with.setdefault(bands, line.number)
        if earlier != line.number:
            text = f"prefix {prefix} stands with the same days and hours in line {earlier}"
            problems.append(Problem(line.number, text))
            continue
        spans += [
            (*span, line.number) for band in bands if band is not None for span in week_spans(band)
        ]
    spans.sort()
    overlaps: set[tuple[int, int]] = set()
    latest_end, latest_line = 0, 0
    for start, end, number in spans:
        if start < latest_end and number != latest_line:
            overlaps.add((max(number, latest_line), min(number, latest_line)))
        latest_end, latest_line = max((latest_end, latest_line), (end, number))
    problems += [
        Problem(later, f"prefix {prefix}: days and hours overlap those of line {earlier}")
        for later, earlier in overlaps
    ]
    covered = sum(end - start for start, end, _ in spans)
    if (None,) not in first_with and not problems and covered < WEEK_MINUTES:
        text = f"prefix {prefix} has no rate outside its days and hours; add a line without them"
        problems.append(Problem(lines[0].number, text))
    return problems
