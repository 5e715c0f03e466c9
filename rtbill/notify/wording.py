"""Money and dates as a reader of a language expects them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency

from rtbill.domain.contact import Language
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import EXPONENTS, known_currency, parse_micros

LOCALES: Mapping[Language, str] = {Language.EN: "en_GB", Language.DE: "de_DE"}
_AFTER_TIME: Mapping[Language, str] = {Language.EN: "", Language.DE: " Uhr"}


def amount_text(amount: str, currency: str, language: Language) -> str:
    """`1.234,56 €` of `1234.5678` and EUR: whole coins, and never more than there is."""
    exact = Decimal(parse_micros(amount)).scaleb(-6)
    coin = Decimal(1).scaleb(-EXPONENTS[known_currency(currency)])
    whole = exact.quantize(coin, rounding=ROUND_FLOOR)
    return format_currency(whole, currency, locale=LOCALES[language])


def instant_text(at: datetime, zone: ZoneInfo, language: Language) -> str:
    """`5. Oktober 2026, 14:00 Uhr`, on the clock of the zone."""
    local, locale = at.astimezone(zone), LOCALES[language]
    day = format_date(local.date(), "long", locale=locale)
    time = format_time(local.time(), "HH:mm", locale=locale)
    return f"{day}, {time}{_AFTER_TIME[language]}"


def month_text(month: str, language: Language) -> str:
    """`March 2027` of `2027-03`; BadRecord when it is no month."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise BadRecord(f"{month!r} is no month such as 2027-03") from None
    return format_skeleton("yMMMM", first, locale=LOCALES[language])
