"""A hook's answer, checked and in whole micro-units: whatever a site's function returns, what goes
on from here keeps prices exact and never lets a longer call cost less.
"""

from __future__ import annotations

from decimal import Decimal

from rtbill import hook
from rtbill.domain.adjustment import Adjustment, Bounds
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import MICROS, decimal_text
from rtbill.domain.price_plan import PERCENT_PPM, WHOLE_PPM, percent_text

_MICRO_DIGITS = 6
_PPM_DIGITS = 4
_AMOUNT_MAX = 1_000_000
_REASON_LENGTH_MAX = 200
_UNCHANGED = hook.Adjustment()


def checked(answer: object, bounds: Bounds) -> Adjustment | None:
    """What the answer changes; None when nothing. BadRecord says what is wrong with it."""
    if answer is None:
        return None
    if not isinstance(answer, hook.Adjustment):
        returned = type(answer).__name__
        raise BadRecord(f"it returned {returned}; return rtbill.hook.Adjustment or None")
    percent_ppm = _whole("percent", answer.percent, _PPM_DIGITS)
    per_minute = _micros("per_minute", answer.per_minute)
    per_call = _micros("per_call", answer.per_call)
    most = None if answer.charge_max is None else _micros("charge_max", answer.charge_max)
    for name, value, least in (
        ("percent", percent_ppm, -WHOLE_PPM),
        ("per_minute", per_minute, 0),
        ("charge_max", most or 0, 0),
    ):
        if value < least:
            raise BadRecord(f"{name} {getattr(answer, name)} is below {least // PERCENT_PPM}")
    found = Adjustment(
        reason=_text("reason", answer.reason).strip(),
        price_list=_text("price_list", answer.price_list),
        percent_ppm=percent_ppm,
        per_minute_micros=per_minute,
        per_call_micros=per_call,
        charge_max_micros=most,
        is_free=_flag("is_free", answer.is_free),
    )
    if found == Adjustment(reason=found.reason):
        return None
    _check_reason(found.reason)
    _check_freedom(found)
    _check_bounds(found, bounds)
    return found


def _whole(name: str, value: object, digits: int) -> int:
    """The number as a whole count of its last digit."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        found = type(value).__name__
        raise BadRecord(f"{name} is of type {found}; write Decimal('0.05') or a whole number")
    number = Decimal(value)
    if not number.is_finite():
        raise BadRecord(f"{name} is {number}, which is no number")
    if not -_AMOUNT_MAX <= number <= _AMOUNT_MAX:
        raise BadRecord(f"{name} is beyond {_AMOUNT_MAX:,}")
    # Not by Decimal's own arithmetic, which rounds to what its context holds.
    sign, written, exponent = number.as_tuple()
    assert isinstance(exponent, int), "it is finite"
    significant = "".join(map(str, written)).rstrip("0")
    if not significant:
        return 0
    places = exponent + len(written) - len(significant) + digits
    if places < 0:
        raise BadRecord(f"{name} has more than {digits} decimals")
    whole: int = int(significant) * 10**places
    return -whole if sign else whole


def _micros(name: str, value: object) -> int:
    return _whole(name, value, _MICRO_DIGITS)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadRecord(f"{name} is of type {type(value).__name__}, not a text")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadRecord(f"{name} is of type {type(value).__name__}; write True or False")
    return value


def _check_reason(reason: str) -> None:
    if not reason:
        raise BadRecord("it changes the price without a reason, which the customer is shown")
    if len(reason) > _REASON_LENGTH_MAX or not reason.isprintable():
        raise BadRecord(
            f"the reason is longer than {_REASON_LENGTH_MAX} characters, or some cannot be printed"
        )


def _check_freedom(found: Adjustment) -> None:
    """A free call with a price beside it leaves open what was meant."""
    alone = Adjustment(reason=found.reason, price_list=found.price_list, is_free=True)
    if found.is_free and found != alone:
        raise BadRecord("is_free stands beside percent, per_minute, per_call or charge_max")


def _check_bounds(found: Adjustment, bounds: Bounds) -> None:
    """What calls are held to while rtbill is silent is reckoned with these."""
    if found.price_list and found.price_list not in bounds.price_lists:
        raise BadRecord(f"price list {found.price_list!r} is not in rating.hook_bounds.price_lists")
    if found.percent_ppm > bounds.percent_ppm:
        said, bound = percent_text(found.percent_ppm), percent_text(bounds.percent_ppm)
        raise BadRecord(f"percent: {said} is more than rating.hook_bounds.percent, {bound}")
    for name in ("per_minute", "per_call"):
        micros, bound_micros = (getattr(each, f"{name}_micros") for each in (found, bounds))
        if micros > bound_micros:
            raise BadRecord(
                f"{name} {decimal_text(micros)} is more than rating.hook_bounds.{name}, "
                f"{decimal_text(bound_micros)}"
            )


assert MICROS == 10**_MICRO_DIGITS
assert PERCENT_PPM == 10**_PPM_DIGITS
