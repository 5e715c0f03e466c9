"""How a SOAP server can misbehave, and the answers it then gives."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum


class Trick(StrEnum):
    """What goes wrong with one question."""

    SILENT = "silent"
    """It is taken and never answered; nothing is done."""
    LOST = "lost"
    """It is done and never answered."""
    LATE = "late"
    """It is done, and answered long after."""
    CUT = "cut"
    """It is done, and the connection breaks in the middle of the answer."""
    DROP = "drop"
    """The connection is closed at once; nothing is done."""
    BUSY = "busy"
    """A fault: nothing was done, once more."""
    FAULT_200 = "fault_200"
    """A refusal, with HTTP status 200."""
    FAULT_NEW = "fault_new"
    """A refusal with a code that nobody has heard of."""
    FAULT_EMPTY = "fault_empty"
    """It is done, and the answer is a fault that says nothing."""
    FAULT_SERVER = "fault_server"
    """It is done, and the answer is a fault of the server's own."""
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    WRONG_REFERENCE = "wrong_reference"
    BOMB = "bomb"
    """Entities that would fill all memory."""
    EXTERNAL = "external"
    """An entity that is a file of the reader's."""
    HUGE = "huge"
    """An answer without end."""
    PACKED = "packed"
    """A compressed answer that nobody asked for."""
    DEEP = "deep"
    """Elements in elements, a hundred thousand deep."""
    GARBAGE = "garbage"
    """No XML."""
    HTML_503 = "html_503"
    MANY_429 = "many_429"
    MOVED = "moved"
    """A redirection."""


BEFORE = frozenset(
    {
        *(Trick.SILENT, Trick.DROP, Trick.BUSY, Trick.FAULT_200, Trick.FAULT_NEW),
        *(Trick.HTML_503, Trick.MANY_429, Trick.MOVED),
    }
)
"""Tricks by which nothing is done."""

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a0 "boom">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + ']><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    "<s:Body><answer>&a11;</answer></s:Body></s:Envelope>"
).encode()
EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE answer [<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    b"<s:Body><answer>&file;</answer></s:Body></s:Envelope>"
)
DEEP = b"<a>" * 100_000 + b"</a>" * 100_000


@dataclass(slots=True)
class Tricks:
    """Which question meets which trick: what was planned for an act first, then by chance."""

    rates: dict[Trick, float] = field(default_factory=dict)
    seed: int = 1
    _planned: dict[str, list[Trick]] = field(default_factory=dict)
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def plan(self, act: str, *tricks: Trick) -> None:
        """Play these on the next questions for that act."""
        self._planned.setdefault(act, []).extend(tricks)

    def draw(self, act: str) -> Trick | None:
        """The trick for this question; None for an honest answer."""
        planned = self._planned.get(act)
        if planned:
            return planned.pop(0)
        for trick, rate in self.rates.items():
            if self._dice.random() < rate:
                return trick
        return None


def parse_tricks(text: str) -> dict[Trick, float]:
    """Rates such as `silent=0.1,late=0.05`; ValueError names what is wrong."""
    rates = {}
    for part in filter(None, text.split(",")):
        name, _, written = part.partition("=")
        if name not in list(Trick):
            raise ValueError(f"{name!r} is no trick: choose from {', '.join(Trick)}")
        try:
            rate = float(written)
        except ValueError:
            rate = -1.0
        if not 0 <= rate <= 1:
            raise ValueError(f"{part!r}: give a chance from 0 to 1, such as {name}=0.1")
        rates[Trick(name)] = rate
    return rates
