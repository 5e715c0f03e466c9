"""Money as whole micro-units, and the only functions that round it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rtbill.domain.errors import BadRecord

MICROS = 1_000_000
"""Micro-units in one main unit: EUR 1.25 is 1_250_000."""

_TWO_DIGITS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG
"""
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
EXPONENTS: dict[str, int] = (
    dict.fromkeys(_TWO_DIGITS.split(), 2)
    | dict.fromkeys(_NO_DIGITS.split(), 0)
    | dict.fromkeys(_THREE_DIGITS.split(), 3)
)
"""Digits after the point of each currency's minor unit (ISO 4217)."""

_AMOUNT = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?")
"""Plain digits only: Decimal would also read 1e9, 1_000, NaN and digits of other scripts, and cut
what its context cannot hold.
"""
_WHOLE_DIGITS_MAX = 12
"""So that any amount fits 64 bits in micro-units with room to add a million of them."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency. Adding two currencies is a bug, so it is an assertion."""

    micros: int
    currency: str

    def __add__(self, other: Money) -> Money:
        assert self.currency == other.currency
        return Money(self.micros + other.micros, self.currency)

    def __sub__(self, other: Money) -> Money:
        assert self.currency == other.currency
        return Money(self.micros - other.micros, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.micros, self.currency)

    def __str__(self) -> str:
        return f"{decimal_text(self.micros, EXPONENTS.get(self.currency, 2))} {self.currency}"


def decimal_text(micros: int, digits_min: int = 2) -> str:
    """The exact amount with a point: at least `digits_min` decimals, more only where they are not
    zero.
    """
    whole, fraction = divmod(abs(micros), MICROS)
    digits = f"{fraction:06d}".rstrip("0").ljust(digits_min, "0")
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def parse_micros(text: str) -> int:
    """Whole micro-units of a text such as `0.0125`; BadRecord when finer than a micro-unit."""
    written = _AMOUNT.fullmatch(text.strip())
    if written is None:
        raise BadRecord(f"{text!r} is not an amount; write it like 12.50")
    sign, whole, fraction = written.groups(default="")
    kept, finer = fraction[:6].ljust(6, "0"), fraction[6:]
    if finer.strip("0"):
        raise BadRecord(f"{text!r} is not a whole number of millionths of the currency unit")
    if len(whole.lstrip("0")) > _WHOLE_DIGITS_MAX:
        raise BadRecord(f"{text!r} is too large")
    micros = int(whole) * MICROS + int(kept)
    return -micros if sign == "-" else micros


def parse_money(text: str, currency: str) -> Money:
    """An amount of `currency`; BadRecord names an unknown currency or an unreadable amount."""
    return Money(parse_micros(text), known_currency(currency))


def known_currency(code: str) -> str:
    """The code itself if ISO 4217 lists it as money in use; BadRecord otherwise."""
    if code not in EXPONENTS:
        raise BadRecord(f"unknown currency {code!r}; use an ISO 4217 code such as EUR")
    return code


def divide_rounding_up(dividend: int, divisor: int) -> int:
    """The smallest whole number not below the exact quotient; for non-negative dividends and
    positive divisors.
    """
    return -(-dividend // divisor)


def divide_rounding_half_up(dividend: int, divisor: int) -> int:
    """The whole number nearest to the exact quotient; halves go up (away from zero for charges,
    which are positive).
    """
    return (2 * dividend + divisor) // (2 * divisor)


def round_half_up(micros: int, digits: int) -> int:
    """`micros` rounded once to `digits` decimals of the main unit (LG-09: 4 by default)."""
    step: int = 10 ** (6 - digits)
    return divide_rounding_half_up(micros, step) * step


class RoundingMode(StrEnum):
    """Which way an amount goes to the digits it is kept in."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


def divide_rounding(dividend: int, divisor: int, mode: RoundingMode) -> int:
    """The whole number next to the exact quotient; for non-negative dividends and positive
    divisors.
    """
    if mode is RoundingMode.HALF_UP:
        return divide_rounding_half_up(dividend, divisor)
    whole, left = divmod(dividend, divisor)
    if mode is RoundingMode.UP:
        return whole + (left > 0)
    if mode is RoundingMode.HALF_EVEN:
        return whole + (2 * left + whole % 2 > divisor)
    return whole


def largest_rounding_to(quotient: int, divisor: int, mode: RoundingMode) -> int:
    """The largest dividend whose quotient is rounded to no more than this."""
    match mode:
        case RoundingMode.UP:
            return quotient * divisor
        case RoundingMode.DOWN:
            return (quotient + 1) * divisor - 1
        case RoundingMode.HALF_EVEN if quotient % 2 == 0:
            return (2 * quotient + 1) * divisor // 2
        case _:
            return ((2 * quotient + 1) * divisor - 1) // 2


def too_fine(money: Money) -> str:
    """What is wrong with an amount that no coins of its currency make; empty when they do."""
    if money.micros % 10 ** (6 - EXPONENTS[money.currency]):
        return f"{decimal_text(money.micros)} {money.currency} is finer than its coins"
    return ""
