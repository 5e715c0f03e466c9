"""A second opinion on prices, written from the rule alone and sharing no code with the biller.

One increment after the other: look at the local clock when it begins, add its price in Decimal,
go on from its end. Slow, and hard to get wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.tariff import Rate

_EXACT = Context(prec=60)


class OracleAnswer(NamedTuple):
    amount: Decimal
    """In main units, rounded."""
    billed_s: int


def oracle_rate(rates: Sequence[Rate], zone: str, instant: datetime) -> Rate:
    """The rate whose band shows on the local clock at this instant, or the one without a band."""
    local = instant.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    for rate in rates:
        band = rate.band
        if band and local.weekday() in band.days and band.start_minute <= minute < band.end_minute:
            return rate
    return next(rate for rate in rates if rate.band is None)


def oracle_price(
    rates: Sequence[Rate], zone: str, answered_at: datetime, talk: timedelta, digits: int
) -> OracleAnswer:
    """Connect fee, first increment, then each increment that begins before the call is over."""
    rate = oracle_rate(rates, zone, answered_at)
    minutes_price = Decimal(0)
    """Sum of price a minute times seconds; divided by 60 once, at the end."""
    connect = Decimal(rate.connect_fee_micros).scaleb(-6)
    ends_at = answered_at.astimezone(UTC) + talk
    begins_at = answered_at.astimezone(UTC)
    length_s = rate.first_increment_s
    billed_s = 0
    while billed_s == 0 or begins_at < ends_at:
        per_minute = Decimal(rate.price_per_minute_micros).scaleb(-6)
        minutes_price = _EXACT.add(minutes_price, per_minute * length_s)
        billed_s += length_s
        begins_at += timedelta(seconds=length_s)
        rate = oracle_rate(rates, zone, begins_at)
        length_s = rate.next_increment_s
    exact = _EXACT.add(connect, _EXACT.divide(minutes_price, Decimal(60)))
    return OracleAnswer(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP), billed_s)


def oracle_affordable_s(
    rates: Sequence[Rate],
    zone: str,
    answered_at: datetime,
    money: Decimal,
    digits: int,
    cap_s: int,
) -> int:
    """Try one increment more until it is too dear."""
    reached_s = 0
    while reached_s < cap_s:
        more = timedelta(seconds=reached_s, microseconds=1)
        answer = oracle_price(rates, zone, answered_at, more, digits)
        if answer.amount > money:
            return reached_s
        reached_s = answer.billed_s
    return cap_s
