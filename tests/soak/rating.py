"""Ten million random calls priced, each compared with an independent Decimal oracle.

The oracle walks the increments of one random rate and answer time once, second opinion and all,
and notes what each costs; a thousand random talk times are then looked up in its table.

    python -m tests.soak.rating --calls 10000000
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from rtbill.domain.tariff import Rate, Rounding, Tariff, Terms, TimeBand
from rtbill.rating.affordable import affordable_s
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import price
from tests.property.price_oracle import oracle_rate

TALKS_PER_WALK = 1_000
LONGEST_S = 7_200
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
CLOCK_CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
)
NUMBER = "+4930123456"


def a_tariff(chance: random.Random) -> Tariff:
    """One prefix; half of the time with a banded rate beside the one that always holds."""
    rates = [a_rate(chance, None)]
    if chance.random() < 0.5:
        start = chance.randrange(0, 1380)
        days = frozenset(chance.sample(range(7), chance.randint(1, 7)))
        rates.append(
            a_rate(
                chance,
                TimeBand(days=days, start_minute=start, end_minute=chance.randint(start + 1, 1440)),
            )
        )
    return Tariff(
        name="soak",
        version=1,
        currency="EUR",
        zone=chance.choice(ZONES),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        rates=tuple(rates),
        rounding=Rounding(digits=chance.choice([2, 3, 4, 4, 4, 6])),
    )


def a_rate(chance: random.Random, band: TimeBand | None) -> Rate:
    """Prices with up to six decimals; increments as tariffs have them."""
    first, following = chance.choice(
        [(60, 60), (60, 1), (1, 1), (30, 6), (6, 6), (10, 7), (180, 60)]
    )
    return Rate(
        prefix="4930",
        destination="Berlin",
        terms=Terms.per_minute(
            chance.randrange(0, 3_000_000),
            first,
            following,
            chance.choice([0, chance.randrange(0, 500_000)]),
        ),
        band=band,
    )


def walk(tariff: Tariff, answered_at: datetime) -> tuple[list[int], list[Decimal]]:
    """Where each increment ends, in microseconds of talk, and what all up to it cost times 60.

    The one division comes last: thirds added up would miss an exact tie.
    """
    rate = oracle_rate(tariff.rates, tariff.zone, answered_at)
    cost = Decimal(rate.terms.connect_fee_micros) * 60
    ends, costs = [], []
    length_s, at_s = rate.terms.first_increment_s, 0
    while at_s < LONGEST_S:
        cost += Decimal(rate.terms.steps[0].price_micros) * length_s
        at_s += length_s
        ends.append(at_s * 1_000_000)
        costs.append(cost)
        rate = oracle_rate(tariff.rates, tariff.zone, answered_at + timedelta(seconds=at_s))
        length_s = rate.terms.steps[0].increment_s
    return ends, costs


def compare(seed: int) -> int:
    """Calls compared for one random rate and answer time; AssertionError at a difference."""
    chance = random.Random(seed)
    tariff = a_tariff(chance)
    table = RateTable(tariff)
    near = chance.choice(CLOCK_CHANGES)
    answered_at = near + timedelta(
        microseconds=chance.randrange(-8 * 86_400_000_000, 86_400_000_000)
    )
    ends, costs = walk(tariff, answered_at)
    step = Decimal(10) ** (6 - tariff.rounding.digits)
    for _ in range(TALKS_PER_WALK):
        talk_us = chance.choice([chance.randrange(LONGEST_S * 1_000_000), chance.choice(ends[:-1])])
        index = bisect_left(ends, talk_us)
        expected = int((costs[index] / (60 * step)).quantize(Decimal(1), ROUND_HALF_UP) * step)
        got = price(table, NUMBER, answered_at, talk_us)
        assert got.micros == expected, (seed, talk_us, got, expected)
        assert got.billed_s * 1_000_000 == ends[index], (seed, talk_us, got)
    money = chance.randrange(0, 5_000_000)
    seconds = affordable_s(table, NUMBER, answered_at, money, LONGEST_S)
    if 0 < seconds < LONGEST_S:
        assert price(table, NUMBER, answered_at, seconds * 1_000_000).micros <= money, seed
        assert price(table, NUMBER, answered_at, seconds * 1_000_000 + 1).micros > money, seed
    return TALKS_PER_WALK


def main() -> int:
    """Compare so many calls and print one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--from", dest="first", type=int, default=1, help="first seed")
    wanted = parser.parse_args()
    began, calls, seed = time.perf_counter(), 0, wanted.first
    while calls < wanted.calls:
        calls += compare(seed)
        seed += 1
    seconds = time.perf_counter() - began
    line = {"name": "rating_oracle", "calls": calls, "differences": 0, "seconds": round(seconds, 1)}
    sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
