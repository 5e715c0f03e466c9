"""The questions that a case puts to our rating, by the words its expectations are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.money import MICROS, RoundingMode
from rtbill.domain.rated import Price
from rtbill.domain.tariff import MINUTE_S, Rate, Step
from rtbill.rating.bundle_time import affordable_with, below_ceiling_with
from rtbill.rating.bundles import Bundled, Share, price_with
from rtbill.rating.chain import Asked
from rtbill.rating.price import spells, terms_at
from rtbill.rating.zones import SECOND_US
from tests.cases.dialling import ANY_NUMBER, dialled
from tests.cases.mapping import price_list
from tests.cases.price_list import PriceList
from tests.cases.reading import Case, Record
from tests.cases.unsupported import micros, whole

_SOME_DAY = "2026-05-13T12:00:00+00:00"
_KAZOO_UNIT = 10_000
"""Parts of a dollar."""


class Segment(NamedTuple):
    """Increments of one rate and step that follow each other."""

    rate: Rate
    step: Step
    begins_at: datetime
    seconds: int
    cost: Decimal
    """In main units, unrounded."""


@dataclass(frozen=True, slots=True)
class Question:
    """One call of a case."""

    prices: PriceList
    number: str
    answered_at: datetime
    talk_s: int
    increment_digits: int | None
    per_minute_max: object = None
    """No talk is let go on that costs more."""

    @classmethod
    def of(cls, case: Case, call: Record) -> Question:
        """A later slice of a call that is under way owes no connect fee."""
        prices = price_list(case)
        return cls(
            prices.without_connect_fees() if call.get("continuation") else prices,
            "+" + dialled(call.get("destination", ANY_NUMBER)),
            datetime.fromisoformat(call.get("start", _SOME_DAY)),
            whole(call.get("usage", 0), "usage"),
            case.increment_digits,
            call.get("max_rate_per_min"),
        )

    def price(self, **change: Any) -> Price:
        """By the tariff's own rounding, or with this changed of it."""
        offer = self.prices.offer(self.number, self.answered_at, **change)
        return offer.price(Asked(self.number, self.answered_at), self.talk_s * SECOND_US)

    def compatible_cost(self) -> Decimal:
        """Main units, with every increment rounded as the surveyed program does."""
        return amount(self.price(increment_digits=self.increment_digits))

    def exact_cost(self) -> Decimal:
        """Main units, rounded once."""
        return amount(self.price())

    def net_cost(self) -> Decimal:
        """The same without tax."""
        return Decimal(self.price().net_micros) / MICROS

    def unrounded_cost(self) -> Decimal:
        """Main units to the micro-unit."""
        return amount(self.price(mode=RoundingMode.HALF_UP, digits=6))

    def bundled(self, shares: Sequence[Share]) -> Bundled:
        """The exact price, and what bundles pay of it."""
        offer = self.prices.offer(self.number, self.answered_at)
        asked = Asked(self.number, self.answered_at)
        return price_with(offer, asked, self.talk_s * SECOND_US, shares)

    def affordable_s(self, money_micros: int, shares: Sequence[Share], **change: Any) -> int:
        """Seconds that so much money and bundles pay, of those asked for, by prices rounded like
        `price`.
        """
        offer = self.prices.offer(self.number, self.answered_at, **change)
        asked, cap_s = Asked(self.number, self.answered_at), self.talk_s
        if self.per_minute_max is not None:
            cap_s = below_ceiling_with(offer, asked, micros(self.per_minute_max), cap_s, shares)
        return affordable_with(offer, asked, money_micros, cap_s, shares)

    def connect_fee(self) -> Decimal:
        """Main units that are due at the answer."""
        table = self.prices.table(self.number, self.answered_at)
        terms = terms_at(table, self.number, epoch_us(self.answered_at))
        return Decimal(terms.connect_fee_micros) / MICROS

    def rate_per_min(self) -> Decimal:
        """Main units a minute, of the first step."""
        step = self.segments()[0].step
        return Decimal(step.price_micros) * MINUTE_S / step.unit_s / MICROS

    def segments(self) -> list[Segment]:
        """The call, cut where another rate or step begins."""
        table = self.prices.table(self.number, self.answered_at)
        found: list[Segment] = []
        for run, increments, cost in spells(
            table, self.number, epoch_us(self.answered_at), self.talk_s * SECOND_US
        ):
            segment = Segment(
                run.rate,
                run.step,
                from_epoch_us(run.begins_us),
                increments * run.length_us // SECOND_US,
                Decimal(cost) / table.per_micro / MICROS,
            )
            last = found[-1] if found else segment
            if found and last.rate is run.rate and last.step is run.step:
                found[-1] = last._replace(
                    seconds=last.seconds + segment.seconds, cost=last.cost + segment.cost
                )
            else:
                found.append(segment)
        return found


def amount(charged: Price) -> Decimal:
    """Main units of a price."""
    return Decimal(charged.micros) / MICROS


def _segments(question: Question, expected: object) -> object:
    """How many there are, or when each begins and how long it is, as the case asks."""
    found = question.segments()
    if isinstance(expected, list):
        return [[str(each.begins_at), each.seconds] for each in found]
    return len(found)


def _are_contiguous(question: Question) -> bool:
    ends_at = question.answered_at
    for each in question.segments():
        if each.begins_at != ends_at:
            return False
        ends_at += timedelta(seconds=each.seconds)
    return True


def _units(question: Question, expected: Record) -> object:
    """Kazoo's integers of the prices that it has in dollars."""
    del expected
    return {
        "rate": question.rate_per_min() * _KAZOO_UNIT,
        "surcharge": question.connect_fee() * _KAZOO_UNIT,
    }


ANSWERS: Mapping[str, Callable[[Question, Any], object]] = {
    "cost": lambda asked, _: asked.compatible_cost(),
    "exact_cost": lambda asked, _: asked.exact_cost(),
    "exact_cost_unrounded": lambda asked, _: asked.unrounded_cost(),
    "before_rounding": lambda asked, _: asked.unrounded_cost(),
    "cost_net": lambda asked, _: asked.net_cost(),
    "cost_gross": lambda asked, _: asked.exact_cost(),
    "cost_units": lambda asked, _: asked.exact_cost() * _KAZOO_UNIT,
    "same_from_units": _units,
    "rate_per_min": lambda asked, _: asked.rate_per_min(),
    "billed_usage": lambda asked, _: asked.price().billed_s,
    "billed_seconds": lambda asked, _: asked.price().billed_s,
    "connect_fee": lambda asked, _: asked.connect_fee(),
    "prefix": lambda asked, _: asked.price().prefix,
    "segments": _segments,
    "contiguous": lambda asked, _: _are_contiguous(asked),
    "line": lambda asked, _: asked.segments()[0].rate.destination,
    "first_part_cost": lambda asked, _: asked.segments()[0].cost,
    "second_part_cost": lambda asked, _: asked.segments()[1].cost,
    "split_at": lambda asked, _: f"{asked.segments()[1].begins_at:%H:%M:%S}",
}
"""What ours says, by the name of the expectation."""
