"""An exchange's CDR rows joined into trunk legs, which is what we bill.

A row is one pair of channels. All rows of a trunk channel are one leg as long as they follow each
other: an attended transfer changes who talks to the trunk, a blind transfer turns the trunk into
the calling side. The leg went out when its first row has the trunk as the called side; a trunk
channel that calls first came in, and is nobody's bill here. Names of channels come again (at once
on DAHDI, after a restart elsewhere), so a row that dials anew begins another leg.

The number is the one in Dial's arguments, which is what the carrier got; a leg that no Dial named a
number for (a conference, a queue) has none. The payer is the telephone that dialled, else the
account code, else the caller's number, whichever is an extension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rtbill.comparison.values import SECOND_US, TheirCall
from rtbill.formats.asterisk_cdr import CdrRow, dialled_number, endpoint

PAUSE_US = 120 * SECOND_US
"""The longest time between two rows of one leg: a transfer while it rings leaves a gap."""
_IDLE_US = 24 * 3600 * SECOND_US
_SWEEP_EVERY = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the rows of one exchange are read with."""

    trunks: Mapping[str, str]
    """Trunk group by the beginning of the channel's name, longest first."""
    is_extension: Callable[[str], bool]
    read_number: Callable[[str], str]
    """The number as ours are read."""
    strip: tuple[str, ...] = ()
    """Digits that the exchange puts before numbers; the first that fits is taken away."""


class LegJoiner:
    """Takes rows roughly in the order they were written; gives each leg once it is over."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._starts = tuple(site.trunks)
        self._rows: dict[str, list[CdrRow]] = {}
        """By the name of the trunk channel."""
        self._fed = 0
        self._newest_us = 0
        self._numbers: dict[str, str] = {}
        """Equal numbers and names are kept once."""

    def feed(self, row: CdrRow) -> Iterator[TheirCall]:
        """Take one row; now and then give legs that are long over."""
        for channel in (row.far_channel, row.channel):
            if channel.startswith(self._starts):
                self._rows.setdefault(channel, []).append(row)
        self._newest_us = max(self._newest_us, row.ended_us)
        self._fed += 1
        if self._fed % _SWEEP_EVERY == 0:
            yield from self.close(self._newest_us - _IDLE_US)

    def close(self, before_us: int | None = None) -> Iterator[TheirCall]:
        """Every leg whose rows ended before this instant; all legs when there is none."""
        for channel in [
            name
            for name, rows in self._rows.items()
            if before_us is None or max(row.ended_us for row in rows) < before_us
        ]:
            rows = self._rows.pop(channel)
            rows.sort(key=lambda row: (row.began_us, row.sequence))
            for leg, number in self._split(channel, rows):
                if leg[0].far_channel == channel:
                    yield self._leg(channel, leg, number)

    def _split(self, channel: str, rows: list[CdrRow]) -> Iterator[tuple[list[CdrRow], str | None]]:
        """The rows of each leg that bore this name, and the number it was dialled with."""
        leg: list[CdrRow] = []
        ended_us = 0
        number: str | None = None
        for row in rows:
            dials = None
            if row.far_channel == channel:
                dials = dialled_number(row.application, row.arguments, channel)
            anew = dials is not None and (dials != number or any(each.is_answered for each in leg))
            if leg and (row.began_us > ended_us + PAUSE_US or (anew and number is not None)):
                yield leg, number
                leg, ended_us, number = [], 0, None
            leg.append(row)
            ended_us = max(ended_us, row.ended_us)
            number = number or dials
        if leg:
            yield leg, number

    def _leg(self, channel: str, rows: list[CdrRow], number: str | None) -> TheirCall:
        first = rows[0]
        answered = [row for row in rows if row.is_answered and row.answered_us is not None]
        ended_us = max(row.ended_us for row in rows)
        at_us, is_certain = ended_us, True
        if answered:
            earliest = min(answered, key=lambda row: row.answered_us or 0)
            assert earliest.answered_us is not None
            at_us = earliest.answered_us
            is_certain = at_us > earliest.began_us
        talk_us = ended_us - at_us
        if len(rows) == 1 and answered:
            # Rounded, not cut twice: nearer to the truth than the difference of whole seconds.
            talk_us = first.talk_s * SECOND_US
        payer = self._payer(first) if number else None  # else the first row is not of a dialler
        return TheirCall(
            source=f"{first.unique_id} {channel}".strip(),
            number=self._read(number),
            other_number=self._read(self._outside(first.destination)) if number else None,
            payer=self._numbers.setdefault(payer, payer) if payer else None,
            trunk=self._trunk(channel),
            at_us=at_us,
            talk_us=talk_us,
            is_answered=bool(answered),
            is_answer_certain=is_certain,
        )

    def _trunk(self, channel: str) -> str:
        trunks = self._site.trunks.items()
        return next(group for beginning, group in trunks if channel.startswith(beginning))

    def _read(self, digits: str | None) -> str | None:
        if not digits:
            return None
        known = self._numbers.get(digits)
        if known is None:
            number = self._site.read_number(without_prefix(digits, self._site.strip))
            known = self._numbers[digits] = self._numbers.setdefault(number, number)
        return known

    def _outside(self, destination: str) -> str | None:
        is_number = destination.removeprefix("+").isdecimal()
        return destination if is_number and not self._site.is_extension(destination) else None

    def _payer(self, row: CdrRow) -> str | None:
        named = (endpoint(row.channel), row.account_code, row.source)
        return next((name for name in named if name and self._site.is_extension(name)), None)


def without_prefix(digits: str, prefixes: tuple[str, ...]) -> str:
    """The digits without the first of these prefixes that they begin with."""
    found = next((each for each in prefixes if digits.startswith(each)), "")
    return digits[len(found) :]
