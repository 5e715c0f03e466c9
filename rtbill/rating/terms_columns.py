"""The columns of a tariff file that say what a call costs, to terms and back.

connect_fee, price_per_minute, first_increment, next_increment     as every file has them
unit               seconds that the price is for, where it is not a minute
steps              60:0.05/60/1 900:0.02/60/6: from second 60 on 0.05 for 60 s, by 1 s; and so on
counting           after_first, or from_zero: increments end at multiples of themselves
free_seconds       covered by the connect fee
min_seconds        billed at least
grace_seconds      a call no longer costs nothing
min_charge, max_charge          of the whole call
at_max_charge      free: it goes on for nothing; ends: it is not let go on
disconnect_fee, disconnect_after     due for calls of so many seconds and more
recurring_fee, recurring_every       due once for so many seconds that are full
added_seconds      by which a call counts as longer than it was
max_duration       seconds after which no call goes on
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import MICROS, decimal_text, parse_micros
from rtbill.domain.tariff import DAY_S, DEFAULT_ROUNDING, MINUTE_S, Counting, Step, Terms
from rtbill.rating.ladder import Ladder
from rtbill.rating.zones import SECOND_US

PRICE_COLUMNS = ("connect_fee", "price_per_minute", "first_increment", "next_increment")
MORE_COLUMNS = (
    "unit",
    "steps",
    "counting",
    "free_seconds",
    "min_seconds",
    "grace_seconds",
    "min_charge",
    "max_charge",
    "at_max_charge",
    "disconnect_fee",
    "disconnect_after",
    "recurring_fee",
    "recurring_every",
    "added_seconds",
    "max_duration",
)
_FREE, _ENDS = "free", "ends"
"""What a greatest charge does."""
_STEP = re.compile(r"([0-9]{1,6}):([0-9.,]+)/([0-9]{1,6})/([0-9]{1,6})")
_SECONDS = re.compile(r"[0-9]{1,6}")
_PRICE_MICROS_MAX = 1_000_000 * MICROS
"""With this and a day, no increment's price comes near the limit of a 64-bit column."""


@dataclass(slots=True)
class _Reading:
    """The cells of one line, and what is wrong with them so far."""

    cells: Mapping[str, str]
    decimal_comma: bool
    texts: list[str] = field(default_factory=list)

    def amount(self, column: str, *, is_required: bool = False) -> int:
        """Micro-units; 0 for an empty cell where that is allowed."""
        cell = self.cells[column]
        if not cell and not is_required:
            return 0
        return self.price(column, cell)

    def price(self, column: str, text: str) -> int:
        """Micro-units of a text; 0 with a complaint when it cannot be used."""
        try:
            micros = parse_micros(text.replace(",", ".") if self.decimal_comma else text)
        except BadRecord as error:
            self.texts.append(
                f"{column} {error}" if text else f"{column} is empty; write 0 for free"
            )
            return 0
        if micros < 0:
            self.texts.append(f"{column} {text} is negative")
        elif micros > _PRICE_MICROS_MAX:
            self.texts.append(f"{column} {text} is above {_PRICE_MICROS_MAX // MICROS}")
        return micros

    def seconds(self, column: str, least: int, otherwise: int | None = None) -> int:
        """Whole seconds up to a day; `otherwise` for an empty cell."""
        cell = self.cells[column]
        if not cell and otherwise is not None:
            return otherwise
        seconds = int(cell) if _SECONDS.fullmatch(cell) else -1
        if not least <= seconds <= DAY_S:
            self.texts.append(
                f"{column} {cell!r} is not a whole number of seconds from {least} to {DAY_S}"
            )
            return 0
        return seconds


def read_terms(cells: Mapping[str, str], texts: list[str], *, decimal_comma: bool) -> Terms | None:
    """The terms of one line; None when it has none that can be used, with the reasons added."""
    reading = _Reading(cells, decimal_comma)
    unit_s = reading.seconds("unit", 1, MINUTE_S)
    price = reading.amount("price_per_minute", is_required=True)
    steps = [Step(0, price, unit_s, reading.seconds("next_increment", 1))]
    steps += _steps(reading)
    maximum = reading.amount("max_charge") if cells["max_charge"] else None
    terms = Terms(
        steps=tuple(steps),
        first_increment_s=reading.seconds("first_increment", 1),
        connect_fee_micros=reading.amount("connect_fee", is_required=True),
        counting=_counting(reading),
        free_s=reading.seconds("free_seconds", 0, 0),
        billable_min_s=reading.seconds("min_seconds", 0, 0),
        grace_s=reading.seconds("grace_seconds", 0, 0),
        charge_min_micros=reading.amount("min_charge"),
        charge_max_micros=maximum,
        charge_max_ends=_ends(reading),
        disconnect_fee_micros=reading.amount("disconnect_fee"),
        disconnect_after_s=reading.seconds("disconnect_after", 0, 0),
        recurring_fee_micros=reading.amount("recurring_fee"),
        recurring_every_s=reading.seconds("recurring_every", 1, 0),
        added_s=reading.seconds("added_seconds", 0, 0),
        call_max_s=reading.seconds("max_duration", 1, 0) or None,
    )
    found = reading.texts or _contradictions(terms)
    texts += found
    return None if found else terms


def terms_cells(terms: Terms) -> dict[str, str]:
    """The columns from which `read_terms` makes terms that cost the same."""
    first, *later = terms.steps
    return {
        "connect_fee": decimal_text(terms.connect_fee_micros),
        "price_per_minute": decimal_text(first.price_micros),
        "first_increment": str(terms.first_increment_s or first.increment_s),
        "next_increment": str(first.increment_s),
        "unit": "" if first.unit_s == MINUTE_S else str(first.unit_s),
        "steps": " ".join(map(_step_text, later)),
        "counting": "" if terms.counting is Counting.AFTER_FIRST else str(terms.counting),
        "free_seconds": _unless_zero(terms.free_s),
        "min_seconds": _unless_zero(terms.billable_min_s),
        "grace_seconds": _unless_zero(terms.grace_s),
        "min_charge": _amount_unless_zero(terms.charge_min_micros),
        "max_charge": (
            "" if terms.charge_max_micros is None else decimal_text(terms.charge_max_micros)
        ),
        "at_max_charge": _ENDS if terms.charge_max_ends else "",
        "disconnect_fee": _amount_unless_zero(terms.disconnect_fee_micros),
        "disconnect_after": _unless_zero(terms.disconnect_after_s),
        "recurring_fee": _amount_unless_zero(terms.recurring_fee_micros),
        "recurring_every": _unless_zero(terms.recurring_every_s),
        "added_seconds": _unless_zero(terms.added_s),
        "max_duration": _unless_zero(terms.call_max_s or 0),
    }


def terms_text(terms: Terms) -> str:
    """`0.0890/min 60/1 + 0.05`, and what else there is to the terms."""
    cells = terms_cells(terms)
    per = f"{cells['unit']} s" if cells["unit"] else "min"
    text = f"{cells['price_per_minute']}/{per} {cells['first_increment']}/{cells['next_increment']}"
    if terms.connect_fee_micros:
        text += f" + {cells['connect_fee']}"
    more = [f"{name} {cells[name]}" for name in MORE_COLUMNS[1:] if cells[name]]
    return ", ".join([text, *more])


def _steps(reading: _Reading) -> list[Step]:
    """The steps after the first."""
    found: list[Step] = []
    for part in reading.cells["steps"].split():
        written = _STEP.fullmatch(part)
        if written is None:
            reading.texts.append(
                f"steps: {part!r} is not like 60:0.05/60/1 (from second 60 on 0.05 for 60 s, "
                "by 1 s)"
            )
            continue
        from_s, price, unit_s, increment_s = written.groups()
        found.append(
            Step(int(from_s), reading.price("steps", price), int(unit_s), int(increment_s))
        )
    return found


def _counting(reading: _Reading) -> Counting:
    cell = reading.cells["counting"].lower() or Counting.AFTER_FIRST
    if cell not in list(Counting):
        reading.texts.append(f"counting {cell!r} is not {' or '.join(Counting)}")
        return Counting.AFTER_FIRST
    return Counting(cell)


def _ends(reading: _Reading) -> bool:
    cell = reading.cells["at_max_charge"].lower() or _FREE
    if cell not in (_FREE, _ENDS):
        reading.texts.append(f"at_max_charge {cell!r} is not {_FREE} or {_ENDS}")
    return cell == _ENDS


def _contradictions(terms: Terms) -> list[str]:
    """What is wrong with terms of which each part could be read."""
    columns = chain(["unit"], repeat("steps: a unit"))
    texts = [
        f"{column} of {step.unit_s} s does not divide a day; write 60 for prices a minute"
        for column, step in zip(columns, terms.steps, strict=False)
        if not step.unit_s or DAY_S % step.unit_s
    ]
    texts += [
        f"steps: an increment of {step.increment_s} s is not from 1 to {DAY_S}"
        for step in terms.steps[1:]
        if not 1 <= step.increment_s <= DAY_S
    ]
    begins = [step.from_s for step in terms.steps]
    if begins != sorted(set(begins)):
        texts.append("steps: each must begin later than the one before")
    if terms.disconnect_after_s and not terms.disconnect_fee_micros:
        texts.append("disconnect_after has no disconnect_fee")
    if terms.recurring_every_s and not terms.recurring_fee_micros:
        texts.append("recurring_every has no recurring_fee")
    if terms.recurring_fee_micros and not terms.recurring_every_s:
        texts.append("recurring_fee has no recurring_every; write for how many seconds it is")
    return texts or _of_greatest_charge(terms)


def _of_greatest_charge(terms: Terms) -> list[str]:
    """What is wrong with the greatest charge of terms that are right otherwise."""
    most = terms.charge_max_micros
    if most is None:
        return ["at_max_charge has no max_charge"] if terms.charge_max_ends else []
    if most < terms.charge_min_micros:
        return ["max_charge is below min_charge"]
    if terms.charge_max_ends:
        parts, _ = Ladder(terms, DEFAULT_ROUNDING, DAY_S).cost(SECOND_US)
        if parts > most * DAY_S:
            return [
                f"max_charge {decimal_text(most)} does not pay a second, and where it ends the "
                "call none is possible"
            ]
    return []


def _step_text(step: Step) -> str:
    price = decimal_text(step.price_micros)
    return f"{step.from_s}:{price}/{step.unit_s}/{step.increment_s}"


def _amount_unless_zero(micros: int) -> str:
    return decimal_text(micros) if micros else ""


def _unless_zero(number: int) -> str:
    return str(number) if number else ""


TERMS_COLUMNS: Sequence[str] = (*PRICE_COLUMNS, *MORE_COLUMNS)
