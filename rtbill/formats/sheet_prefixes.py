"""Prefixes as rate sheets write them: one, a list, a range, with blanks, with a plus.

>>> prefixes("+49 151; 49152")
['49151', '49152']
>>> prefixes("4930-4939, 49-49")
['493', '49']
>>> prefixes("1-684", dash_is_range=False)
['1684']
>>> prefixes("170-171", before="49")
['49170', '49171']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rtbill.domain.errors import BadRecord

PREFIXES_OF_CELL_MAX = 10_000
_PARTS = re.compile(r"[,;/|\n]|\band\b|&")
_DASHES = re.compile("[-\u2010-\u2015]")
_BLANKS = re.compile(r"[\s\u00a0\u202f()']")
_DIGITS = re.compile(r"[0-9]{1,15}")
_PATTERN = re.compile(r"\^?(.*?)(?:\.\*|\*|[xX]+|\$)?")
"""`^1684.*`, `1684*`, `1684xxx`: leading digits with what other programs put around them."""


def prefixes(
    cell: str,
    *,
    before: str = "",
    strip: Sequence[str] = (),
    dash_is_range: bool = True,
) -> list[str]:
    """The prefixes of a cell, in its order. Of a range the fewest that cover it; BadRecord says
    what cannot be read.
    """
    plain = _BLANKS.sub("", cell) if "\n" not in cell else _BLANKS.sub("", "|".join(cell.split()))
    digits_only = plain.removeprefix("+")
    if not strip and _DIGITS.fullmatch(digits_only):
        return [before + digits_only]
    found: list[str] = []
    for part in filter(None, _PARTS.split(plain)):
        ends = _DASHES.split(part) if dash_is_range else [_DASHES.sub("", part)]
        if len(ends) > 2:
            raise BadRecord(f"prefix {cell!r}: {part!r} is not a range; write 4930-4939")
        digits = [_digits(end, cell, strip) for end in ends]
        whole = digits if len(digits) == 1 else _covering(digits[0], digits[1], cell)
        found += [before + each for each in whole]
        if len(found) > PREFIXES_OF_CELL_MAX:
            raise BadRecord(f"prefix {cell!r} is more than {PREFIXES_OF_CELL_MAX} prefixes")
    if not found:
        raise BadRecord("prefix is empty")
    return found


def _digits(text: str, cell: str, strip: Sequence[str]) -> str:
    written = _PATTERN.fullmatch(text)
    plain = (written[1] if written else text).removeprefix("+")
    plain = plain.removeprefix(next((each for each in strip if plain.startswith(each)), ""))
    if not _DIGITS.fullmatch(plain):
        raise BadRecord(f"prefix {cell!r} is not 1 to 15 digits, nor a list or range of them")
    return plain


def _covering(first: str, last: str, cell: str) -> list[str]:
    if len(first) != len(last) or first > last:
        raise BadRecord(
            f"prefix {cell!r} is no range: its ends need as many digits, the lower first, such as "
            '4930-4939; where a dash only parts digits, say dash = "blank" in [prefix] of a mapping'
        )
    return list(_fewest(first, last))


def _fewest(first: str, last: str) -> Iterator[str]:
    """The fewest prefixes that have the numbers from the first to the last and no other."""
    width = len(first)
    low, high = int(first), int(last)
    while low <= high:
        cut = 0
        while cut + 1 < width and low % 10 ** (cut + 1) == 0 and low + 10 ** (cut + 1) - 1 <= high:
            cut += 1
        yield str(low).zfill(width)[: width - cut]
        low += 10**cut
