"""Money as Stripe counts it: whole minor units, which are not ISO 4217's for every currency."""

from __future__ import annotations

from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.money import EXPONENTS, MICROS, Money, decimal_text

_COUNTED_OTHERWISE = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Digits that Stripe gives a currency against ISO 4217. The first two have no coins, and yet are
sent as hundredths that end in 00.
"""
AMOUNT_DIGITS_MAX = 8
"""Of a charge; IDR alone may have twelve."""
_MORE_DIGITS = {"IDR": 12}


def minor_units(money: Money) -> int:
    """The amount as Stripe takes it; Refused when it is none, too large, or finer than Stripe can
    charge.
    """
    digits = _digits(money.currency)
    if digits is None:
        raise Refused(f"Stripe does not know the currency {money.currency!r}; use an ISO 4217 code")
    if money.micros <= 0:
        raise Refused(f"{money} cannot be charged; an amount is above zero")
    step = _step_micros(money.currency)
    if money.micros % step:
        raise Refused(
            f"Stripe cannot charge {_exact(money)}: it takes {money.currency} in steps of "
            f"{decimal_text(step, 0)}; round the amount"
        )
    scale: int = 10**digits
    units = money.micros * scale // MICROS
    if len(str(units)) > _MORE_DIGITS.get(money.currency, AMOUNT_DIGITS_MAX):
        raise Refused(f"{money} is more than Stripe charges at once; use a smaller amount")
    return units


def money_of(amount: object, currency: object) -> Money:
    """The money of an answer's `amount` and `currency`; BadRecord when they are no money."""
    known = currency.upper() if isinstance(currency, str) else ""
    digits = _digits(known)
    if digits is None or not isinstance(amount, int) or isinstance(amount, bool):
        raise BadRecord(f"amount {amount!r} of currency {currency!r} is no money")
    scale: int = 10**digits
    return Money(amount * MICROS // scale, known)


def _digits(currency: str) -> int | None:
    """Digits after the point in Stripe's amounts; None for a currency that nobody knows."""
    return _COUNTED_OTHERWISE.get(currency, EXPONENTS.get(currency))


def _step_micros(currency: str) -> int:
    """The smallest step that can be charged, in micro-units."""
    digits = min(EXPONENTS[currency], _digits(currency) or 0)
    # The card networks take no thousandths: the third digit has to be 0.
    step: int = 10 ** (6 - min(digits, 2))
    return step


def _exact(money: Money) -> str:
    return f"{decimal_text(money.micros, EXPONENTS[money.currency])} {money.currency}"
