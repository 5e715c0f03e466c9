"""Amounts as rate sheets write them, to decimal text in the main unit.

>>> AmountReader(".", 10_000).read("2137")
'0.2137'
>>> AmountReader(",").read("1.234,50 EUR")
'1234.5'
>>> reader = AmountReader(".")
>>> reader.read("0.31135104"), reader.rounded
('0.311351', 1)
"""

from __future__ import annotations

import re

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import decimal_text, divide_rounding_half_up

_MARKS = re.compile(r"[\s\u00a0\u202f'€$£]|(?<![A-Za-z])[A-Za-z]{3}(?![A-Za-z])")
"""Blanks, marks of thousands and names of the currency around an amount."""
_AMOUNT = {
    mark: re.compile(
        rf"(-?)([0-9]{{1,12}}|[0-9]{{1,3}}(?:[{other}][0-9]{{3}})+(?=[{mark}]))?"
        rf"(?:[{mark}]([0-9]{{0,30}}))?"
    )
    for mark, other in ((".", ","), (",", "."))
}
"""Thousands are parted only where decimals follow: 1,234 may be either. The whole part may lack."""
_MICRO_DIGITS = 6


class SheetNumber(str):
    """A cell that a spreadsheet holds as a number: its point is a point, whatever the language."""

    __slots__ = ()


class AmountReader:
    """Reads the amounts of one sheet; equal cells are read once."""

    def __init__(self, decimal: str, divide_by: int = 1) -> None:
        """`divide_by`: how many of what the sheet counts in are one main unit."""
        self._decimal = decimal
        self._divide_by = divide_by
        self._known: dict[str, tuple[str, bool]] = {}
        self.rounded = 0
        """Amounts so far that were finer than a millionth, and went to the nearest, halves up."""

    def read(self, cell: str) -> str:
        """Decimal text of at most six decimals; BadRecord when the cell is no amount."""
        known = self._known.get(cell)
        if known is None:
            mark = "." if isinstance(cell, SheetNumber) else self._decimal
            known = self._amount(cell, mark)
            self._known[cell] = known
        self.rounded += known[1]
        return known[0]

    def _amount(self, cell: str, mark: str) -> tuple[str, bool]:
        plain = _MARKS.sub("", cell)
        written = _AMOUNT[mark].fullmatch(plain)
        if written is None or not (written[2] or written[3]):
            raise BadRecord(
                f"{cell!r} is not an amount with decimal {mark!r}; write it like "
                f"12{mark}50, or name the other mark as `decimal` in a mapping"
            )
        sign, whole, fraction = written.groups(default="")
        digits = re.sub("[.,]", "", whole) + fraction
        dividend = int(digits) * 10**_MICRO_DIGITS
        divisor = self._divide_by * 10 ** len(fraction)
        micros = divide_rounding_half_up(dividend, divisor)
        is_rounded = micros * divisor != dividend
        return ("-" if sign and digits.strip("0") else "") + decimal_text(micros, 0), is_rounded
