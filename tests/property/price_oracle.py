"""A second opinion on prices, written from the rules alone and sharing no code with the biller.

One increment after the other: look at the local clock when it begins, add its price in Decimal,
go on from its end. Slow, and hard to get wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.tariff import Rate, Rounding, Step, Tariff, Terms, TimeBand

EXACT = Context(prec=80)
_DAY = 86_400
_MODES = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "up": ROUND_CEILING,
    "down": ROUND_FLOOR,
}
_SECOND = timedelta(seconds=1)

Holidays = Mapping[str, Container[date]]


class OracleAnswer(NamedTuple):
    amount: Decimal
    """In main units, rounded."""
    billed_s: int


class NoRateThen(Exception):
    """The rates leave this time without one."""


def oracle_rate(
    rates: Sequence[Rate], zone: str, instant: datetime, holidays: Holidays | None = None
) -> Rate:
    """The rate whose band shows on the local clock at this instant, or the one without a band."""
    local = instant.astimezone(ZoneInfo(zone))
    shown = [
        (band.priority, rate)
        for rate in rates
        if (band := rate.band) is not None and shows(band, local, holidays or {})
    ]
    if shown:
        return max(shown, key=lambda each: each[0])[1]
    for rate in rates:
        if rate.band is None:
            return rate
    raise NoRateThen


def oracle_price(
    tariff: Tariff, answered_at: datetime, talk: timedelta, holidays: Holidays | None = None
) -> OracleAnswer:
    """Fees, then each increment that begins before the call is over."""
    return OracleWalk(tariff, answered_at, holidays).price(talk)


def oracle_sum(
    tariff: Tariff, answered_at: datetime, talk: timedelta, holidays: Holidays | None = None
) -> tuple[Decimal, timedelta]:
    """The same before it is rounded, in 86,400ths of a micro-unit, and the time that is billed."""
    return OracleWalk(tariff, answered_at, holidays).exact(talk)


class OracleWalk:
    """A call of one answer and any length: its increments are gone through once, as far as needed.

    Sums are in 86,400ths of a micro-unit, which every price of a unit makes whole.
    """

    def __init__(
        self, tariff: Tariff, answered_at: datetime, holidays: Holidays | None = None
    ) -> None:
        self._tariff = tariff
        self._holidays = holidays
        answered_at = answered_at.astimezone(UTC)
        rate = oracle_rate(tariff.rates, tariff.zone, answered_at, holidays)
        self.terms = rate.terms
        self._begins_at = answered_at + self.terms.free_s * _SECOND
        self.sums = [Decimal(0)]
        self.ends = [timedelta(0)]
        """Of each increment so far, in counted talk, after the beginning of the first."""

    def price(self, talk: timedelta) -> OracleAnswer:
        """What it costs after so much talk."""
        total, billed = self.exact(talk)
        return OracleAnswer(rounded(total, self._tariff.rounding), -(-billed // _SECOND))

    def exact(self, talk: timedelta) -> tuple[Decimal, timedelta]:
        """The sum before it is rounded, and the time that is billed."""
        terms = self.terms
        if terms.grace_s and talk <= terms.grace_s * _SECOND:
            return Decimal(0), timedelta(0)
        counted = talk + terms.added_s * _SECOND
        over = counted - terms.free_s * _SECOND
        increments = 0
        if not terms.free_s or over > timedelta(0):
            increments = self._until(max(over, terms.billable_min_s * _SECOND))
        total = self.sums[increments] + Decimal(terms.connect_fee_micros) * _DAY
        if talk >= terms.disconnect_after_s * _SECOND:
            total += Decimal(terms.disconnect_fee_micros) * _DAY
        if terms.recurring_fee_micros:
            full = counted // (terms.recurring_every_s * _SECOND)
            total += full * Decimal(terms.recurring_fee_micros) * _DAY
        if terms.charge_max_micros is not None and not terms.charge_max_ends:
            total = min(total, Decimal(terms.charge_max_micros) * _DAY)
        total = max(total, Decimal(terms.charge_min_micros) * _DAY)
        return total, self.ends[increments]

    def _until(self, counted: timedelta) -> int:
        """How many increments begin before; the first one is always due."""
        while len(self.ends) == 1 or self.ends[-1] < counted:
            self._add()
        return max(1, bisect_left(self.ends, counted))

    def _add(self) -> None:
        tariff, counted = self._tariff, self.ends[-1]
        at = self._begins_at + counted
        rate = oracle_rate(tariff.rates, tariff.zone, at, self._holidays)
        step = [each for each in rate.terms.steps if each.from_s * _SECOND <= counted][-1]
        length = _length(rate.terms, step, counted)
        if tariff.splits_increments:
            length = _to_the_switch(tariff, rate, at, length, self._holidays)
        self.sums.append(self.sums[-1] + _cost(step, length, tariff.rounding))
        self.ends.append(counted + length)


def oracle_affordable_s(
    tariff: Tariff,
    answered_at: datetime,
    money: Decimal,
    cap_s: int,
    holidays: Holidays | None = None,
) -> int:
    """On to the end of what is billed, or one second more, until it is too dear."""
    terms = oracle_rate(tariff.rates, tariff.zone, answered_at, holidays).terms
    cap_s = cap_s if terms.call_max_s is None else min(cap_s, terms.call_max_s)

    has_edges = bool(
        terms.grace_s
        or terms.disconnect_fee_micros
        or terms.free_s
        or terms.recurring_fee_micros
        or terms.added_s
    )
    most = terms.charge_max_micros if terms.charge_max_ends else None

    def paid_until(seconds: int) -> int | None:
        """Where more may be due after so much talk; None when it is too dear already."""
        try:
            answer = oracle_price(tariff, answered_at, seconds * _SECOND, holidays)
            total, _ = oracle_sum(tariff, answered_at, seconds * _SECOND, holidays)
        except NoRateThen:
            return None
        if answer.amount > money or (most is not None and total > most * _DAY):
            return None
        return seconds if has_edges else max(seconds, answer.billed_s)

    if paid_until(0) is None:
        return 0
    reached_s = 0
    while reached_s < cap_s and (until_s := paid_until(reached_s + 1)) is not None:
        reached_s = until_s
    return min(reached_s, cap_s)


def oracle_below_s(
    tariff: Tariff,
    answered_at: datetime,
    ceiling_micros: int,
    cap_s: int,
    holidays: Holidays | None = None,
    pays: Callable[[Fraction], Fraction] = lambda minute: minute,
) -> int:
    """The last whole second up to which every increment that was due cost no more a minute, with
    the recurring fee spread over its span; for tariffs that round no increments. `pays` is what
    becomes of a minute's price in micro-units.
    """
    walk = OracleWalk(tariff, answered_at, holidays)
    every_s = walk.terms.recurring_every_s if walk.terms.recurring_fee_micros else 1
    fee = walk.terms.recurring_fee_micros
    for seconds in range(cap_s + 1):
        try:
            _, billed = walk.exact(seconds * _SECOND)
        except NoRateThen:
            return cap_s
        for place, ends in enumerate(walk.ends[1:]):
            if ends > billed:
                break
            cost = walk.sums[place + 1] - walk.sums[place]  # in 86,400ths
            length_us = (ends - walk.ends[place]) // timedelta(microseconds=1)
            # Cost and fee of a minute, times length and span.
            minute = cost * 60_000_000 * every_s + Decimal(fee) * 60 * _DAY * length_us
            if pays(Fraction(minute) / (_DAY * length_us * every_s)) > ceiling_micros:
                return max(0, seconds - 1)
    return cap_s


def _length(terms: Terms, step: Step, counted: timedelta) -> timedelta:
    if not counted and terms.first_increment_s:
        return terms.first_increment_s * _SECOND
    whole = step.increment_s * _SECOND
    return whole - counted % whole if terms.counting == "from_zero" else whole


def _to_the_switch(
    tariff: Tariff, rate: Rate, at: datetime, length: timedelta, holidays: Holidays | None
) -> timedelta:
    """The increment up to the first full minute at which another rate holds, or none."""
    minute = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute < at + length:
        try:
            holds = oracle_rate(tariff.rates, tariff.zone, minute, holidays) is rate
        except NoRateThen:
            holds = False
        if not holds:
            return minute - at
        minute += timedelta(minutes=1)
    return length


def _cost(step: Step, length: timedelta, rounding: Rounding) -> Decimal:
    microseconds = Decimal(length // timedelta(microseconds=1))
    exact = EXACT.multiply(Decimal(step.price_micros) * (_DAY // step.unit_s), microseconds)
    exact = EXACT.divide(exact, Decimal(1_000_000))
    if rounding.increment_digits is None:
        return exact
    digit = Decimal(10) ** (6 - rounding.increment_digits)
    return EXACT.divide(exact, digit * _DAY).quantize(1, ROUND_HALF_UP, EXACT) * digit * _DAY


def rounded(total: Decimal, rounding: Rounding) -> Decimal:
    """Main units of a sum in 86,400ths of a micro-unit; one division, at the end, so that a tie
    is a tie.
    """
    exact = EXACT.divide(total, Decimal(_DAY)).scaleb(-6, EXACT)
    digit = Decimal(1).scaleb(-rounding.digits)
    return exact.quantize(digit, _MODES[rounding.mode.value], EXACT)


def shows(band: TimeBand, local: datetime, holidays: Holidays) -> bool:
    """Whether the local clock stands within the band."""
    minute = local.hour * 60 + local.minute
    conditions = [
        local.weekday() in band.days,
        band.start_minute <= minute < band.end_minute,
        not band.months or local.month in band.months,
        not band.month_days or local.day in band.month_days,
        not band.years or local.year in band.years,
    ]
    if band.on_holidays.value != "also":
        is_holiday = local.date() in holidays[band.calendar]
        conditions.append(is_holiday == (band.on_holidays.value == "only"))
    return all(conditions)
