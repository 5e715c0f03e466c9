"""Price lists, plans and calls drawn from a seed, over everything that they may say.

Answers lie near clock changes of more than twenty zones, leap days, ends of years and holidays;
talk often ends exactly where an increment does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, Markup, PricePlan, Tax
from rtbill.domain.tariff import Counting, OnHolidays, Rate, Rounding, Step, Tariff, Terms, TimeBand
from rtbill.rating.bands import clash
from tests.property.plan_walk import Caller, PlanWalk
from tests.unit.rating.clock_changes import CLOCK_CHANGES

HOLIDAYS = {
    "site": frozenset(
        {date(2026, 3, 29), date(2026, 4, 6), date(2026, 10, 25), date(2027, 1, 1)}
        | {date(2027, 3, 29), date(2028, 2, 29), date(2028, 4, 17)}
    )
}
"""Days of clock changes, three Easter Mondays, a New Year and a leap day."""
ZONES = tuple(sorted({change.zone for change in CLOCK_CHANGES}))
DAYS_OF_NOTE = (
    datetime(2028, 2, 29, tzinfo=UTC),
    datetime(2027, 3, 1, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
    datetime(2026, 4, 6, tzinfo=UTC),
    datetime(2027, 3, 29, tzinfo=UTC),
)
PREFIXES = ("4", "44", "4416", "441632", "49")
NUMBERS = ("+441632960000", "+44163", "+4420", "+4", "+4930123456", "+4416321")
LIST_FROM = datetime(2020, 1, 1, tzinfo=UTC)


def a_tariff(chance: random.Random, name: str = "general", longest: int = 3) -> Tariff:
    """Up to `longest` prefixes with up to three bands each; most have a rate that always holds."""
    rates: list[Rate] = []
    for prefix in chance.sample(PREFIXES, chance.randint(1, longest)):
        bands = some_bands(chance)
        always: list[TimeBand | None] = [None] if not bands or chance.random() < 0.8 else []
        rates += [
            Rate(prefix=prefix, destination=f"Zone {prefix}", terms=_terms(chance), band=band)
            for band in [*bands, *always]
        ]
    return Tariff(
        name=name,
        version=1,
        currency="EUR",
        zone=chance.choice(ZONES),
        valid_from=LIST_FROM,
        rates=tuple(rates),
        rounding=_rounding(chance),
        splits_increments=chance.random() < 0.5,
    )


def a_plan(chance: random.Random, tariffs: Sequence[str]) -> PricePlan:
    """Up to three markups and discounts, each kind of condition in some of them."""
    markups = [
        Markup(
            percent_ppm=chance.choice([0, 100_000, 192_500, 333_333]),
            per_minute_micros=chance.choice([0, 0, 5_000, 12_345]),
            per_call_micros=chance.choice([0, 0, 10_000]),
            prefixes=chance.choice([(), ("4",), ("44", "49"), ("441632",)]),
        )
        for _ in range(chance.randint(0, 3))
    ]
    discounts = [
        Discount(
            name=f"discount {place}",
            percent_ppm=chance.choice([0, 50_000, 125_000, 333_333, 1_000_000]),
            prefixes=chance.choice([(), (), ("44",), ("4416", "49")]),
            accounts=chance.choice([frozenset[str](), frozenset({"a", "b"})]),
            pbxs=chance.choice([frozenset[str](), frozenset({"hotel"})]),
            since=chance.choice([None, None, datetime(2026, 9, 1, tzinfo=UTC)]),
            until=chance.choice([None, None, datetime(2027, 1, 1, tzinfo=UTC)]),
        )
        for place in range(chance.randint(0, 3))
    ]
    return PricePlan(
        name="plan",
        version=1,
        currency="EUR",
        valid_from=LIST_FROM,
        tariffs=tuple(tariffs),
        markups=tuple(markups),
        discounts=tuple(discounts),
        charge_min_micros=chance.choice([0, 0, 10_000, 123_456]),
        rounding=Rounding(chance.choice(list(RoundingMode)), chance.randint(0, 6)),
        tax=chance.choice([None, Tax("VAT", 190_000), Tax("VAT", 77_000)]),
    )


def a_caller(chance: random.Random, lists: Sequence[Tariff]) -> Caller:
    """Answered near a clock change or a day of note; half of the time shortly before a band of one
    of the lists begins or ends on that day.
    """
    tariff = chance.choice(lists)
    changes = [each for each in CLOCK_CHANGES if each.zone == tariff.zone]
    change = datetime.fromisoformat(chance.choice(changes).at).replace(tzinfo=UTC)
    near = chance.choice([change, change, chance.choice(DAYS_OF_NOTE)])
    apart = chance.choice(
        [
            timedelta(microseconds=chance.randrange(-86_400_000_000, 86_400_000_000)),
            timedelta(minutes=chance.randrange(-120, 120)),
            timedelta(seconds=chance.randrange(-600, 60)),
        ]
    )
    edges = [rate.band.start_minute for rate in tariff.rates if rate.band]
    edges += [rate.band.end_minute for rate in tariff.rates if rate.band]
    if edges and chance.random() < 0.5:
        zone = ZoneInfo(tariff.zone)
        midnight = near.astimezone(zone).replace(hour=0, minute=0, second=0, tzinfo=None)
        edge = midnight + timedelta(minutes=chance.choice(edges))
        near = edge.replace(tzinfo=zone).astimezone(UTC)
        apart = timedelta(seconds=-chance.randrange(200), microseconds=chance.choice([0, 0, 1]))
    return Caller(
        chance.choice(NUMBERS), near + apart, chance.choice("abc"), chance.choice(["hotel", "hall"])
    )


def a_talk(chance: random.Random, walk: PlanWalk, longest_s: int) -> timedelta:
    """Anything up to the longest; half of the time the end of an increment or just beyond."""
    terms = walk.walk.terms
    spans = [timedelta(seconds=terms.recurring_every_s * each) for each in range(1, 9)]
    ends = [each + timedelta(seconds=terms.free_s) for each in walk.walk.ends]
    edge = chance.choice([*ends, *spans]) - timedelta(seconds=terms.added_s)
    at_edge = max(timedelta(0), edge + timedelta(microseconds=chance.choice([-1, 0, 1])))
    anything = timedelta(microseconds=chance.randrange(longest_s * 1_000_000))
    return min(chance.choice([anything, at_edge]), timedelta(seconds=longest_s))


def _terms(chance: random.Random) -> Terms:
    begins = [0, *sorted(chance.sample(range(1, 300), chance.choice([0, 0, 1, 3])))]
    steps = tuple(
        Step(each, _price(chance), chance.choice([1, 6, 60, 60, 60, 3600]), _length(chance))
        for each in begins
    )
    least = chance.choice([0, 0, 0, 50_000, 700_000])
    most = chance.choice([None, None, None, 300_000, 2_000_000])
    few = [0, 0, 0, 0, 1, 30, 61]
    return Terms(
        steps=steps,
        first_increment_s=chance.choice([0, 0, 1, 30, 60, 97]),
        connect_fee_micros=chance.choice([0, 0, 15_000, 123_456]),
        counting=chance.choice(list(Counting)),
        free_s=chance.choice(few),
        billable_min_s=chance.choice(few),
        grace_s=chance.choice(few),
        charge_min_micros=least,
        charge_max_micros=None if most is None else most + least,
        disconnect_fee_micros=chance.choice([0, 0, 30_000]),
        disconnect_after_s=chance.choice(few),
        charge_max_ends=most is not None and chance.random() < 0.5,
        recurring_fee_micros=chance.choice([0, 0, 0, 10_000, 123_456]),
        recurring_every_s=_length(chance),
        added_s=chance.choice(few),
    )


def _price(chance: random.Random) -> int:
    return chance.choice([chance.randrange(3_000_000), 0, 12_500, 60_000, 600_000])


def _length(chance: random.Random) -> int:
    return chance.choice([1, 6, 10, 18, 30, 60, 60, 97])


def some_bands(chance: random.Random) -> list[TimeBand]:
    while True:
        bands = [_band(chance) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
        if clash(bands) is None:
            return bands


def _band(chance: random.Random) -> TimeBand:
    # Clocks change in the small hours, and around midnight where they do not.
    minutes = chance.choice([range(0, 241, 30), range(0, 1441, 60), range(1441)])
    start, end = sorted(chance.sample(minutes, 2))
    on_holidays = chance.choice(list(OnHolidays))
    return TimeBand(
        days=frozenset(chance.sample(range(7), chance.randint(3, 7))),
        start_minute=start,
        end_minute=end,
        months=chance.choice([frozenset[int](), frozenset({2, 3, 4}), frozenset({10, 12, 1})]),
        month_days=chance.choice([frozenset[int](), frozenset(range(20, 32)), frozenset({29, 1})]),
        years=chance.choice([frozenset[int](), frozenset({2026}), frozenset({2027, 2028})]),
        on_holidays=on_holidays,
        calendar="" if on_holidays is OnHolidays.ALSO else "site",
        priority=chance.randint(0, 2),
    )


def _rounding(chance: random.Random) -> Rounding:
    return Rounding(
        chance.choice(list(RoundingMode)),
        chance.choice([0, 2, 2, 3, 4, 4, 4, 6]),
        chance.choice([None, None, None, 4]),
    )
