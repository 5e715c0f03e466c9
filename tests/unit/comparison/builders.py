"""Calls of both records that show only what matters to a test."""

from __future__ import annotations

from typing import Any

from rtbill.comparison.findings import Findings
from rtbill.comparison.pricing import Pricing
from rtbill.comparison.values import SECOND_US, Comparison, OurCall, Terms, TheirCall
from rtbill.domain.call import epoch_us
from rtbill.domain.tariff import Tariff
from rtbill.rating.lookup import TariffBook
from tests.fakes.builders import (
    PBX,
    a_directory,
    a_membership,
    a_rate,
    a_state,
    a_tariff,
    an_assessor,
    at,
)

BERN = "+41315550100"
MINUTE_US = 60 * SECOND_US
DAY = Terms(since_us=epoch_us(at("00:00:00")), until_us=epoch_us(at("23:59:59")))


def ours(when: str = "12:00:00", talk_s: float = 60, leg: str = "", **fields: Any) -> OurCall:
    """An answered call of 1001, a cent a second: 0.60 for a minute."""
    values: dict[str, Any] = {
        "key": f"{PBX}/{leg or when}",
        "number": BERN,
        "account": "room-1",
        "trunk": "carrier",
        "payer": "1001",
        "at_us": epoch_us(at(when)),
        "talk_us": round(talk_s * SECOND_US),
        "is_answered": True,
        "price_micros": round(talk_s * 10_000),
        "currency": "EUR",
        "status": "rated",
    }
    return OurCall(**(values | fields))


def theirs(when: str = "12:00:00", talk_s: float = 60, **fields: Any) -> TheirCall:
    """The same call in the other record."""
    values: dict[str, Any] = {
        "source": f"their {when}",
        "number": BERN,
        "other_number": None,
        "payer": "1001",
        "trunk": "carrier",
        "at_us": epoch_us(at(when)),
        "talk_us": round(talk_s * SECOND_US),
        "is_answered": True,
    }
    return TheirCall(**(values | fields))


def compared(
    our_calls: list[OurCall],
    their_calls: list[TheirCall],
    terms: Terms = DAY,
    *tariffs: Tariff,
    carrier_tariff: str = "",
) -> Comparison:
    """What differs, at a cent a second to Switzerland for everybody."""
    used = (a_tariff(a_rate("1/1", "0.60")), *tariffs)
    directory = a_directory([a_state()], [a_membership()])
    pricing = Pricing(an_assessor(directory, *used), directory, TariffBook(used), PBX)
    return Findings(terms, pricing, carrier_tariff).compare(our_calls, their_calls)


def lines(comparison: Comparison) -> list[str]:
    """The findings, a line each: `missing 12:00:00 room-1 0.60`."""
    return [
        f"{one.kind} {_clock(one.at_us)} {one.account} "
        + ("unknown" if one.money_micros is None else f"{one.money_micros / 1_000_000:.2f}")
        for one in comparison.findings
    ]


def _clock(at_us: int) -> str:
    seconds = at_us // SECOND_US % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
