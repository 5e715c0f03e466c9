"""Lines of tariff files that show only the cells a test is about."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

from rtbill.domain.tariff import Rate
from rtbill.rating.tariff_file import read_tariff

PLAIN = {
    "prefix": "49",
    "destination": "Germany",
    "connect_fee": "0",
    "price_per_minute": "0.06",
    "first_increment": "60",
    "next_increment": "1",
}


def a_file(*lines: dict[str, str], delimiter: str = ",") -> str:
    """A tariff file of these lines, each as PLAIN but for the cells given."""
    columns = list(dict.fromkeys([*PLAIN, *(name for line in lines for name in line)]))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(PLAIN | line for line in lines)
    return out.getvalue()


def rates(*lines: dict[str, str], delimiter: str = ",") -> tuple[Rate, ...]:
    """The rates of a file without a mistake."""
    read = read_tariff(a_file(*lines, delimiter=delimiter))
    assert read.problems == ()
    return read.rates


def problems(*lines: dict[str, str], calendars: Collection[str] | None = None) -> list[str]:
    """What is wrong with a file; the first of the lines is its line 2."""
    read = read_tariff(a_file(*lines), calendars)
    assert read.problems == () or read.rates == ()
    return [str(problem) for problem in read.problems]
