"""What calls cost in the simulation, and what each number that people dial should be taken for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rtbill.domain.rated import NumberKind
from rtbill.domain.tariff import Rate, Tariff, Terms, TimeBand

CLOCK_CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""Summer time ends; runs begin shortly before it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number people dial, and what the books should take it for."""

    dialled: str
    kind: NumberKind
    digits: str = ""
    """E.164 without plus, for those with a price."""


NUMBERS = (
    Number("0301234567", NumberKind.CHARGEABLE, "49301234567"),
    Number("01701234567", NumberKind.CHARGEABLE, "491701234567"),
    Number("00441632960000", NumberKind.CHARGEABLE, "441632960000"),
    Number("0041315550100", NumberKind.CHARGEABLE, "41315550100"),
    Number("0012125550100", NumberKind.CHARGEABLE, "12125550100"),
    Number("00881612345678", NumberKind.CHARGEABLE, "881612345678"),
    Number("08001234567", NumberKind.FREEPHONE),
    Number("116123", NumberKind.FREEPHONE),
)
EMERGENCIES = (Number("112", NumberKind.EMERGENCY), Number("110", NumberKind.EMERGENCY))
NUMBER_OF = {number.dialled: number for number in (*NUMBERS, *EMERGENCIES)}

DESTINATIONS = {"home": ["+49"], "europe": ["+44", "+41"]}


def class_of(dialled: str) -> str:
    """The destination class of a number, by its beginning."""
    digits = "+" + NUMBER_OF[dialled].digits
    for name, prefixes in DESTINATIONS.items():
        if any(digits.startswith(prefix) for prefix in prefixes):
            return name
    return "other"


def _rate(
    prefix: str, minute: int, increments: str, connect: int = 0, band: TimeBand | None = None
) -> Rate:
    first, following = map(int, increments.split("/"))
    return Rate(
        prefix=prefix,
        destination=f"Destination {prefix}",
        terms=Terms.per_minute(minute, first, following, connect),
        band=band,
    )


def tariffs() -> tuple[Tariff, ...]:
    """Price lists in the site's zone, two of them with bands that the clock change plays with: at
    the change `retail` becomes cheaper and `night` dearer.
    """
    repeated_hour = TimeBand(start_minute=2 * 60, end_minute=2 * 60 + 30)
    retail = (
        _rate("49", 600_000, "1/1", 15_000),
        _rate("4917", 1_234_567, "30/6"),
        _rate("44", 900_000, "60/1"),
        _rate("41", 1_500_000, "10/10", 20_000),
        _rate("41", 333_333, "60/60", band=repeated_hour),
        _rate("1", 0, "60/60"),
    )
    trade = (_rate("4", 450_000, "6/6"), _rate("49", 300_000, "1/1"), _rate("1", 77_777, "1/1"))
    night = (
        _rate("49", 240_000, "1/1"),
        _rate("49", 2_400_000, "60/60", 50_000, band=repeated_hour),
        _rate("4", 600_000, "60/1"),
        _rate("4", 1_800_000, "60/1", 10_000, band=repeated_hour),
        _rate("1", 77_777, "1/1"),
    )
    return tuple(
        Tariff(
            name=name,
            version=1,
            currency="EUR",
            zone="Europe/Berlin",
            valid_from=CLOCK_CHANGE - timedelta(days=100),
            rates=rates,
        )
        for name, rates in (("retail", retail), ("trade", trade), ("night", night))
    )
