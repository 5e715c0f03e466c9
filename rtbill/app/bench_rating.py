"""The price list that rating is measured on, and calls over it, made from a seed.

Two lists under one plan, 200,000 prefixes: 180,000 whose increments are whole, and 20,000 of an
own list, asked first, that splits them where bands end. A fifth has three time bands, a tenth
steps, a tenth least seconds or a least charge; the plan has markups, discounts, a minimum, rounding
and tax. A tenth of the calls are of accounts with bundles: all have one of minutes, some a second,
some one of money beside it, and one in fifty one of minutes with a tariff of its own.

    python -m rtbill.app.bench_rating

measures in a process of its own, so that its memory is nobody else's.
"""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rtbill.domain.bundle import Bundle, PoolKey, Unit
from rtbill.domain.call import EPOCH, epoch_us, from_epoch_us
from rtbill.domain.errors import Refused
from rtbill.domain.price_plan import PERCENT_PPM, Discount, Markup, PricePlan, Tax
from rtbill.domain.tariff import OnHolidays, Rate, Step, Tariff, Terms, TimeBand
from rtbill.rating.bundles import Bundled, Share, price_with
from rtbill.rating.chain import Asked
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer

PREFIXES = 180_000
OWN_PREFIXES = 20_000
ZONE = "Europe/Berlin"
MONTH_BEGINS = datetime(2026, 10, 1, tzinfo=UTC)
"""The month in which the calls are; its clocks change on the 25th."""
MONTH_S = 31 * 86_400
ACCOUNTS = 1_000
_PRICES = 2_000
"""Different terms in all."""
_WEEKDAYS = frozenset(range(5))
_CALENDARS = {"site": frozenset({date(2026, 10, 3), date(2026, 10, 31)})}
_BANDS = (
    TimeBand(days=_WEEKDAYS, start_minute=480, end_minute=1080, priority=1),
    TimeBand(on_holidays=OnHolidays.ONLY, calendar="site", priority=2),
    None,
)


if TYPE_CHECKING:
    from rtbill.rating.batch.columns import Calls
    from rtbill.rating.batch.engine import BatchOffer
    from rtbill.rating.batch.holdings import Holdings

_T = TypeVar("_T")
CALLS = 500_000
SCALAR_RUNS = 3
BATCH_RUNS = 7


class Speeds(NamedTuple):
    """Calls a second."""

    median: float
    median_of_cpu_s: float
    """A second of the processor, whatever else it had to do."""
    runs: list[int]


class Amounts(NamedTuple):
    """What a call comes to."""

    micros: int
    taken_s: int = 0
    """Of bundles."""
    paid_micros: int = 0
    """By bundles."""


class Book(NamedTuple):
    """What is offered to the accounts, and the calls that are priced by it."""

    offer: Offer
    calls: Sequence[Asked]
    talks_us: Sequence[int]
    shares: Sequence[Sequence[Share]]
    """What is left of the account's bundles at each call."""


def measured(count: int = CALLS, made: Offer | None = None) -> dict[str, Any]:
    """Calls a second one by one and in columns, medians of several runs, and the memory of the
    lists; Refused when the two ways differ in any call.
    """
    before_mb = _rss_mb()
    made = made or offer()
    gc.collect()
    lists_mb = _rss_mb() - before_mb
    book = calls(made, count)
    gc.collect()
    gc.freeze()  # as the service does once its books are open
    one_by_one, scalar = _timed(lambda: _one_by_one(book), SCALAR_RUNS, count)
    gc.unfreeze()
    batch, asked, holdings, ready_s = _ready(book)
    together, columns = _timed(lambda: batch.price(asked, holdings), BATCH_RUNS, count)
    in_columns = (together.micros, together.taken_s, together.paid_micros)
    each_in_columns = zip(*(column.tolist() for column in in_columns), strict=True)
    each_one = map(_amounts, one_by_one)
    wrong = sum(a != b for a, b in zip(each_one, each_in_columns, strict=True))
    if wrong:
        raise Refused(f"the prices of {wrong} of {count} calls differ between the two engines")
    return {
        "prefixes": sum(len(table.by_prefix) for table in made.tables),
        "calls": count,
        "scalar": scalar._asdict(),
        "batch": columns._asdict(),
        "bundled_share": round(sum(map(bool, book.shares)) / count, 5),
        "fallback_share": round(together.one_by_one / count, 5),
        "ready_s": ready_s,
        "lists_mb": round(lists_mb, 1),
    }


def offer(prefixes: int = PREFIXES, own_prefixes: int = OWN_PREFIXES) -> Offer:
    """The plan over both lists; fewer prefixes for tests."""
    draw = random.Random(1)  # noqa: S311 - seeded, not secret
    terms = [_terms(draw) for _ in range(min(_PRICES, prefixes))]
    own = _tariff(draw, "own", own_prefixes, terms, splits_increments=True)
    general = _tariff(draw, "general", prefixes, terms, splits_increments=False)
    return Offer([RateTable(own, _CALENDARS), RateTable(general, _CALENDARS)], _plan())


def calls(made: Offer, count: int) -> Book:
    """Calls to random prefixes over a month: talk of three minutes on average."""
    draw = random.Random(2)  # noqa: S311 - seeded, not secret
    prefixes = [prefix for table in made.tables for prefix in table.by_prefix]
    begins_us = epoch_us(MONTH_BEGINS)
    bundles = _bundles(draw)
    asked, talks_us, shares = [], [], []
    for _ in range(count):
        prefix = prefixes[int(draw.random() * len(prefixes))]
        left = max(0, 12 - len(prefix))
        number = f"+{prefix}{int(draw.random() * 10**left):0{left}}" if left else f"+{prefix}"
        answered_at = from_epoch_us(begins_us + int(draw.random() * MONTH_S * 1_000_000))
        account = int(draw.random() * ACCOUNTS)
        asked.append(Asked(number, answered_at, f"a{account}", "hotel"))
        talks_us.append(int(draw.expovariate(1 / 180) * 1_000_000))
        shares.append(_left(draw, bundles.get(account, ()), made.tables[-1]))
    return Book(made, asked, talks_us, shares)


def _bundles(draw: random.Random) -> dict[int, list[Bundle]]:
    """Those of each account that has any: every tenth."""
    found: dict[int, list[Bundle]] = {}
    credit = Bundle(
        name="welcome", version=1, currency="EUR", zone=ZONE, unit=Unit.MONEY, amount=5_000_000
    )
    for account in range(0, ACCOUNTS, 10):
        covers_fees = draw.random() < 0.8
        held = [_minutes("national", draw.choice((1, 1, 6, 60)), covers_fees=covers_fees)]
        if account % 200 == 0:
            held.append(_minutes("extra", 60, covers_fees=True))
        if account % 500 == 0:
            held = [_minutes("evening", tariff="general", covers_fees=True)]
        if draw.random() < 0.3:
            held.append(credit)
        found[account] = held
    return found


def _minutes(name: str, increment_s: int = 1, tariff: str = "", *, covers_fees: bool) -> Bundle:
    return Bundle(
        name=name,
        version=1,
        currency="EUR",
        zone=ZONE,
        unit=Unit.SECONDS,
        amount=300 * 60,
        increment_s=increment_s,
        tariff=tariff,
        covers_fees=covers_fees,
    )


def _left(draw: random.Random, bundles: Sequence[Bundle], general: RateTable) -> list[Share]:
    """Somewhere between full and nearly used up."""
    return [
        Share(
            each,
            PoolKey(each.name, 0),
            int(draw.choice((0.01, 1)) * draw.random() * each.amount),
            general if each.tariff else None,
        )
        for each in bundles
    ]


def _timed(run: Callable[[], _T], runs: int, count: int) -> tuple[_T, Speeds]:
    """What a run gives, and how fast the runs were."""
    by_clock, by_cpu = [], []
    while True:
        began, cpu_began = time.perf_counter(), time.process_time()
        found = run()
        by_clock.append(round(count / (time.perf_counter() - began)))
        by_cpu.append(round(count / (time.process_time() - cpu_began)))
        if len(by_clock) == runs:
            speeds = Speeds(statistics.median(by_clock), statistics.median(by_cpu), by_clock)
            return found, speeds


def _one_by_one(book: Book) -> list[Bundled | int]:
    """Micro-units where no bundle may pay; only that is timed, and no reckoning of the bench."""
    offer = book.offer
    price = offer.price
    return [
        price_with(offer, asked, talk_us, shares) if shares else price(asked, talk_us).micros
        for asked, talk_us, shares in zip(book.calls, book.talks_us, book.shares, strict=True)
    ]


def _amounts(found: Bundled | int) -> Amounts:
    if isinstance(found, int):
        return Amounts(found)
    taken_s = sum(draw.amount for draw in found.draws if draw.unit is Unit.SECONDS)
    return Amounts(found.price.micros, taken_s, found.price.micros - found.debit_micros)


def _ready(book: Book) -> tuple[BatchOffer, Calls, Holdings, float]:
    """The offer and the calls in columns, numbers and names as texts, bundles as numbers; and what
    the offer took.
    """
    import numpy as np

    from rtbill.rating.batch.columns import Calls
    from rtbill.rating.batch.engine import BatchOffer
    from rtbill.rating.batch.holdings import Holdings

    began = time.perf_counter()
    batch = BatchOffer(book.offer)
    ready_s = round(time.perf_counter() - began, 2)
    asked = Calls(
        numbers=[each.number for each in book.calls],
        answered_us=np.array([epoch_us(each.answered_at) for each in book.calls], np.int64),
        talk_us=np.array(book.talks_us, np.int64),
        accounts=[each.account for each in book.calls],
        pbxs=[each.pbx for each in book.calls],
    )
    return batch, asked, Holdings.of(book.shares), ready_s


def _rss_mb() -> float:
    """Resident memory of this process, in millions of bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _terms(draw: random.Random) -> Terms:
    first, following = draw.choice(((60, 1), (60, 60), (1, 1), (30, 6), (6, 6)))
    steps = [Step(0, draw.randint(20, 9_999) * 100, 60, following)]
    least_s = charge_micros = 0
    kind = draw.randrange(10)
    if kind == 0:
        begins = sorted(draw.sample((60, 120, 300, 600, 1800), draw.randint(1, 3)))
        steps += [Step(each, draw.randint(20, 9_999) * 100, 60, 60) for each in begins]
    elif kind == 1:
        least_s, charge_micros = draw.choice(((90, 0), (0, 40_000)))
    return Terms(
        steps=tuple(steps),
        first_increment_s=first,
        connect_fee_micros=draw.choice((0, 0, 50_000, 100_000)),
        billable_min_s=least_s,
        charge_min_micros=charge_micros,
    )


def _tariff(
    draw: random.Random,
    name: str,
    prefixes: int,
    terms: Sequence[Terms],
    *,
    splits_increments: bool,
) -> Tariff:
    rates: list[Rate] = []
    known: set[str] = set()
    destinations = [f"Zone {number}" for number in range(900)]  # shared, as the store reads them
    while len(known) < prefixes:
        length = draw.choice((2, 3, 4, 5, 5, 6, 6, 6, 7, 7, 8))
        prefix = str(draw.randrange(10 ** (length - 1), 10**length))
        if prefix in known:
            continue
        known.add(prefix)
        destination = draw.choice(destinations)
        bands = _BANDS if draw.random() < 0.2 else (None,)
        rates += [
            Rate(prefix=prefix, destination=destination, terms=draw.choice(terms), band=band)
            for band in bands
        ]
    return Tariff(
        name=name,
        version=1,
        currency="EUR",
        zone=ZONE,
        valid_from=EPOCH,
        rates=tuple(rates),
        splits_increments=splits_increments,
    )


def _plan() -> PricePlan:
    return PricePlan(
        name="retail",
        version=1,
        currency="EUR",
        valid_from=EPOCH,
        tariffs=("own", "general"),
        markups=(
            Markup(percent_ppm=12 * PERCENT_PPM),
            Markup(percent_ppm=25 * PERCENT_PPM, per_call_micros=10_000, prefixes=("8", "9")),
            Markup(per_minute_micros=5_000, prefixes=("49", "43", "41")),
        ),
        discounts=(
            Discount(name="loyal", percent_ppm=10 * PERCENT_PPM, accounts=_loyal()),
            Discount(name="home", percent_ppm=5 * PERCENT_PPM, prefixes=("49",)),
            Discount(
                name="autumn",
                percent_ppm=3 * PERCENT_PPM,
                since=MONTH_BEGINS + timedelta(days=10),
                until=MONTH_BEGINS + timedelta(days=20),
            ),
        ),
        charge_min_micros=10_000,
        tax=Tax("VAT", 19 * PERCENT_PPM),
    )


def _loyal() -> frozenset[str]:
    return frozenset(f"a{number}" for number in range(0, ACCOUNTS, 4))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured()) + "\n")
