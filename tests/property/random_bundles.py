"""Random calls of accounts with random bundles, priced by the scalar engine and by the second
opinion.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from rtbill.domain.adjustment import Adjustment
from rtbill.domain.bundle import Allowance, Bundle, Draw, Renewal, Unit
from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.tariff import Tariff, TimeBand
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.batch.columns import Calls
from rtbill.rating.batch.engine import BatchOffer
from rtbill.rating.batch.holdings import Holdings
from rtbill.rating.bundle_choice import Held, paying
from rtbill.rating.bundle_time import affordable_with, longest_with
from rtbill.rating.bundles import Bundled, Share, price_with
from rtbill.rating.chain import Asked
from rtbill.rating.explain import explain
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.property.bundle_walk import BundleWalk, Purse, Taken
from tests.property.plan_walk import NO_CHANGE, Caller, Change
from tests.property.price_oracle import NoRateThen
from tests.property.random_books import (
    HOLIDAYS,
    LIST_FROM,
    ZONES,
    a_caller,
    a_plan,
    a_talk,
    a_tariff,
    some_bands,
)

_MICROSECOND = timedelta(microseconds=1)
CAP_S = 900


class BundledCall(NamedTuple):
    """An offer, a call without its length, and what its account holds."""

    offer: Offer
    asked: Asked
    shares: list[Share]
    walk: BundleWalk
    adjustment: Adjustment | None = None
    """Of a site's hook."""

    @property
    def pricing(self) -> Offer:
        """The offer as the hook changed it."""
        return AdjustedOffer(self.offer, self.adjustment) if self.adjustment else self.offer


def a_bundled_call(chance: random.Random) -> BundledCall | None:
    """None when the lists have no rate for it."""
    lists = [_ending_calls(chance, a_tariff(chance))]
    plan = a_plan(chance, ["general"]) if chance.random() < 0.6 else None
    caller = a_caller(chance, lists)
    purses = [a_purse(chance, f"given {place}", caller) for place in range(chance.randint(1, 5))]
    change = a_change(chance) if chance.random() < 0.4 else NO_CHANGE
    try:
        walk = BundleWalk(plan, lists, caller, purses, HOLIDAYS, change)
    except NoRateThen:
        return None
    offer = Offer([RateTable(each, HOLIDAYS) for each in lists], plan)
    asked = Asked(caller.number, caller.answered_at, caller.account, caller.pbx)
    adjustment = None
    if change != NO_CHANGE:
        adjustment = Adjustment(
            reason="Because",
            percent_ppm=change.percent_ppm,
            per_minute_micros=change.per_minute_micros,
            per_call_micros=change.per_call_micros,
            charge_max_micros=change.most_micros,
            is_free=change.is_free,
        )
    return BundledCall(offer, asked, shares_of(purses, asked), walk, adjustment)


def a_change(chance: random.Random) -> Change:
    """What a hook may answer, now and then that the call is free."""
    if chance.random() < 0.1:
        return Change(is_free=True)
    return Change(
        percent_ppm=chance.choice([0, -1_000_000, -500_000, -333_333, 192_500]),
        per_minute_micros=chance.choice([0, 0, 12_345, 300_000]),
        per_call_micros=chance.choice([0, 0, -400_000, -12_345, 50_000]),
        most_micros=chance.choice([None, None, 0, 250_000, 1_234_567]),
    )


def _ending_calls(chance: random.Random, tariff: Tariff) -> Tariff:
    """The list, or one whose rates have a longest call."""
    if chance.random() < 0.8:
        return tariff
    call_max_s = chance.choice([30, 61, 240, chance.randrange(1, CAP_S)])
    return replace(
        tariff,
        rates=tuple(
            replace(rate, terms=replace(rate.terms, call_max_s=call_max_s)) for rate in tariff.rates
        ),
    )


def a_purse(chance: random.Random, key: str, caller: Caller) -> Purse:
    """Most of them may pay the call."""
    is_money = chance.random() < 0.35
    has_tariff = not is_money and chance.random() < 0.2
    tariff = a_tariff(chance, f"tariff {key}", 4) if has_tariff else None
    covers_fees = chance.random() < 0.6
    amount = chance.choice([chance.randrange(2_000_000), 0, 10_000]) if is_money else 3_600
    bundle = Bundle(
        name=f"bundle {key}",
        version=1,
        currency="EUR",
        zone=chance.choice(ZONES),
        unit=Unit.MONEY if is_money else Unit.SECONDS,
        amount=amount,
        prefixes=chance.choice([(), (), (caller.number[1:2],), ("44", "49"), ("33",)]),
        bands=_some_hours(chance) if chance.random() < 0.3 else (),
        increment_s=1 if is_money else chance.choice([1, 1, 6, 30, 60, 97]),
        priority=chance.choice([0, 0, 0, 1, 5]),
        renewal=chance.choice(list(Renewal)),
        tariff=tariff.name if tariff else "",
        covers_fees=covers_fees,
        is_exclusive=tariff is None and chance.random() < 0.1,
    )
    near = caller.answered_at + timedelta(days=chance.choice([-40, 0, 1, 20, 400]))
    allowance = Allowance(
        key=key,
        bundle=bundle.name,
        version=1,
        accounts=frozenset({"a", "b", "c"}),
        since=LIST_FROM,
        until=chance.choice([None, None, near + _MICROSECOND]),
    )
    left = amount if is_money else chance.choice([0, 5, 60, 240, chance.randrange(400)])
    return Purse(bundle, allowance, left, tariff)


def _some_hours(chance: random.Random) -> tuple[TimeBand, ...]:
    """Bands of every kind, which seldom show, and a long one, which often does."""
    start = chance.randrange(720)
    long = TimeBand(start_minute=start, end_minute=start + chance.randrange(1, 720))
    return (*some_bands(chance), long)


def shares_of(purses: Sequence[Purse], asked: Asked) -> list[Share]:
    """Those that may pay, by the biller's own choice."""
    held = {purse.allowance.key: purse for purse in purses}
    chosen = paying(
        [Held(each.bundle, each.allowance) for each in purses],
        asked.number,
        asked.answered_at,
        HOLIDAYS,
    )
    found: list[Share] = []
    for each in chosen:
        purse = held[each.allowance.key]
        table = RateTable(purse.tariff, HOLIDAYS) if purse.tariff else None
        found.append(Share(each.bundle, each.pool(asked.answered_at), purse.left, table))
    return found


def compare(seed: int, talks: int) -> int:
    """Calls compared; AssertionError names the seed and the call at a difference."""
    chance = random.Random(seed)
    drawn = a_bundled_call(chance)
    if drawn is None:
        return 0
    asked, shares, walk = drawn.asked, drawn.shares, drawn.walk
    lengths = sorted(a_talk(chance, walk.whole, CAP_S) for _ in range(talks))
    before: Bundled | None = None
    priced: list[Bundled | None] = []
    for talk in lengths:
        found, expected = _priced(drawn, talk), _opinion(walk, talk)
        assert _amounts(found) == expected, (seed, talk, found, expected)
        priced.append(found)
        if found is not None:
            whole = drawn.pricing.price(asked, talk // _MICROSECOND)
            assert found.price.micros <= whole.micros, (seed, talk)
            assert before is None or _takes_no_less(found, before), (seed, talk, before)
            before = found
            if talk is lengths[-1]:
                _check_explained(drawn, talk, found, seed)
    if drawn.adjustment is None:
        _compare_batch(drawn, lengths, priced, seed)
    _check_longest(drawn, seed)
    money = chance.choice([0, chance.randrange(3_000_000)])
    try:
        seconds = affordable_with(drawn.pricing, asked, money, CAP_S, shares)
    except NoRate:
        assert _opinion(walk, timedelta(0)) is None, seed
    else:
        _check_affordable(walk, seconds, 0 if walk.is_exclusive else money, seed)
    return len(lengths)


def _compare_batch(
    drawn: BundledCall, lengths: Sequence[timedelta], priced: Sequence[Bundled | None], seed: int
) -> None:
    """In columns each has the same price, and bundles give the same."""
    count, asked = len(lengths), drawn.asked
    batch = BatchOffer(drawn.offer)
    found = batch.price(
        Calls(
            numbers=[asked.number] * count,
            answered_us=np.full(count, epoch_us(asked.answered_at)),
            talk_us=np.array([talk // _MICROSECOND for talk in lengths], np.int64),
            accounts=[asked.account] * count,
            pbxs=[asked.pbx] * count,
        ),
        Holdings.of([drawn.shares] * count),
    )
    for place, each in enumerate(priced):
        price, draws = each or (None, ())
        assert batch.price_of(found, place) == price, (seed, lengths[place])
        taken = Counter[Unit]()
        for draw in draws:
            taken[draw.unit] += draw.amount
        got = (found.taken_s[place], found.paid_micros[place])
        assert got == (taken[Unit.SECONDS], taken[Unit.MONEY]), (seed, lengths[place])


def _check_explained(drawn: BundledCall, talk: timedelta, found: Bundled, seed: int) -> None:
    """Its lines add up to the price, and its payments to what bundles of money pay."""
    talk_us = talk // _MICROSECOND
    explained = explain(drawn.offer, drawn.asked, talk_us, drawn.shares, drawn.adjustment)
    total = sum((line.amount for line in explained.lines), Fraction(0))
    assert total == Fraction(found.price.micros, 1_000_000), (seed, talk)
    assert (explained.price, explained.debit_micros) == (found.price, found.debit_micros), seed
    used = sum(line.kind == "bundle" for line in explained.lines)
    assert used + len(explained.payments) == len(found.draws), (seed, talk)


def _takes_no_less(longer: Bundled, shorter: Bundled) -> bool:
    """Of the account and of every bundle: so slices of a call add up to the whole, whatever they
    are, and what a slice took is never given back.
    """
    taken = dict(_plain(draw) for draw in longer.draws)
    return longer.debit_micros >= shorter.debit_micros and all(
        taken.get(key, 0) >= amount for key, amount in map(_plain, shorter.draws)
    )


def _check_affordable(walk: BundleWalk, seconds: int, money: int, seed: int) -> None:
    """The time that is paid, and a second more is not, or the rate has ended the call."""
    if seconds:
        paid = _opinion(walk, timedelta(seconds=seconds))
        assert paid is not None, (seed, seconds)
        assert paid.debit <= money, (seed, seconds, paid)
        assert not walk.is_over(timedelta(seconds=seconds)), (seed, seconds)
    if seconds < CAP_S:
        more = timedelta(seconds=seconds + 1)
        dear = _opinion(walk, more)
        assert dear is None or dear.debit > money or walk.is_over(more), (seed, seconds, dear)


def _check_longest(drawn: BundledCall, seed: int) -> None:
    """The last second before the rate ends the call, whatever the money."""
    longest_s = longest_with(drawn.pricing, drawn.asked, drawn.shares)
    seconds = CAP_S if longest_s is None else min(CAP_S, longest_s)
    if seconds:
        assert not drawn.walk.is_over(timedelta(seconds=seconds)), (seed, longest_s)
    if seconds < CAP_S:
        assert drawn.walk.is_over(timedelta(seconds=seconds + 1)), (seed, longest_s)


def _priced(drawn: BundledCall, talk: timedelta) -> Bundled | None:
    try:
        return price_with(drawn.pricing, drawn.asked, talk // _MICROSECOND, drawn.shares)
    except NoRate:
        return None


def _opinion(walk: BundleWalk, talk: timedelta) -> Taken | None:
    try:
        return walk.taken(talk)
    except NoRateThen:
        return None


def _amounts(found: Bundled | None) -> Taken | None:
    if found is None:
        return None
    price = found.price
    draws = [_plain(draw) for draw in found.draws]
    return Taken(price.micros, price.tax_micros, price.billed_s, draws, found.debit_micros)


def _plain(draw: Draw) -> tuple[str, int]:
    return draw.pool.allowance, draw.amount
