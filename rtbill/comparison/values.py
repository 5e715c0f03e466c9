"""What is compared: calls of ours and of theirs, and what may differ without being a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

SECOND_US = 1_000_000


class OurCall(NamedTuple):
    """A call of our books, as much of it as comparing needs: a month may have a million."""

    key: str
    """`pbx/leg`."""
    number: str
    """As the number plan reads the digits dialled; the digits where it cannot."""
    account: str
    trunk: str
    payer: str | None
    at_us: int
    """The answer; of an unanswered call the end of its ringing."""
    talk_us: int
    is_answered: bool
    price_micros: int | None
    """0 for free and dropped calls; None when the price is not known."""
    currency: str
    status: str
    is_bundled: bool = False
    """Bundles pay some of it."""


class TheirCall(NamedTuple):
    """The same in the other record, its rows already joined into one call."""

    source: str
    """What an operator finds it by: the exchange's id, or file and line."""
    number: str | None
    """Read like ours; None when the record names none that can be trusted."""
    other_number: str | None
    """The number before the exchange rewrote it, where the record has both."""
    payer: str | None
    trunk: str
    at_us: int
    talk_us: int
    is_answered: bool
    is_answer_certain: bool = True
    """False when the caller counted as answered before this trunk leg was: only its end counts."""
    price_micros: int | None = None
    """What they charge for it."""
    currency: str = ""


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    """They have it, we do not."""
    EXTRA = "extra"
    """We have it, they do not."""
    DURATION = "duration"
    UNBILLED = "unbilled"
    """Both have it, and we have charged nobody yet: in doubt, or without a rate."""
    UNANSWERED_HERE = "unanswered here"
    """They say it was answered, we say it was not."""
    UNANSWERED_THERE = "unanswered there"
    """We say it was answered, they say it was not."""
    PRICE = "price"
    """The carrier's price is not that of its own price list for its own duration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is looked at, and what counts as the same."""

    since_us: int
    until_us: int
    """Calls from the first up to, not including, the second instant are findings, by their record's
    time where they have it; those near by are only there to be matched."""
    tolerance_us: int = 60 * SECOND_US
    """How far apart the beginnings of one call may be in the two records."""
    duration_apart_us: int = 2 * SECOND_US
    duration_apart_permille: int = 10
    """Durations differ when they are apart by more than both of these (CA-18: 2 s and 1 %)."""
    increment_us: int = 1
    """They round every duration up to a multiple of this; so is ours before it is compared."""
    price_apart_micros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference and the money it means."""

    kind: Kind
    at_us: int
    number: str
    account: str
    """Who pays it, by our books or, for a call we do not have, by the payer their record names."""
    trunk: str
    ours: OurCall | None
    theirs: TheirCall | None
    money_micros: int | None
    """What our books would have more (or less, below zero) if their record is right; of a price
    difference what the carrier charges too much. None when a price is not known."""
    currency: str
    note: str = ""


@dataclass(slots=True)
class Sum:
    """How many calls, how long by either record, and money by currency."""

    calls: int = 0
    our_talk_us: int = 0
    their_talk_us: int = 0
    micros: dict[str, int] = field(default_factory=dict)
    without_price: int = 0

    def add(self, our_us: int, their_us: int, micros: int | None, currency: str) -> None:
        """One call more."""
        self.calls += 1
        self.our_talk_us += our_us
        self.their_talk_us += their_us
        if micros is None:
            self.without_price += 1
        else:
            self.micros[currency] = self.micros.get(currency, 0) + micros


@dataclass(slots=True, kw_only=True)
class Comparison:
    """All that came out."""

    terms: Terms
    findings: Sequence[Finding]
    """By time."""
    matched: Sum
    """Pairs, with and without a difference; money is our price."""
    charged: Sum
    """The same pairs as far as the other record has prices; money is what the carrier charges."""
    margin_micros: Mapping[str, int]
    """Our price less the carrier's, over the pairs that have both in one currency."""
    below_cost: int
    """Pairs for which the carrier charges more than we do."""
    unclear: Sequence[TheirCall]
    """Calls of theirs that name no number and fit none of ours: neither missing nor matched."""
