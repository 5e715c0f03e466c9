"""Random calls priced three times: by the scalar engine, in columns, and by the second opinion."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.rated import Price
from rtbill.rating.batch.columns import Calls
from rtbill.rating.batch.engine import BatchOffer
from rtbill.rating.chain import Asked
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.property.plan_walk import Caller, PlanWalk
from tests.property.price_oracle import NoRateThen
from tests.property.random_books import HOLIDAYS, a_caller, a_plan, a_talk, a_tariff

_MICROSECOND = timedelta(microseconds=1)


def compare(seed: int, talks: int, longest_s: int) -> int:
    """Calls compared: one offer and answer, so many lengths; AssertionError names the seed and the
    call at a difference.
    """
    chance = random.Random(seed)
    lists = [a_tariff(chance)]
    plan = None
    if chance.random() < 0.6:
        if chance.random() < 0.5:
            lists.insert(0, a_tariff(chance, "own", 2))
        plan = a_plan(chance, [each.name for each in lists])
    offer = Offer([RateTable(each, HOLIDAYS) for each in lists], plan)
    caller = a_caller(chance, lists)
    asked = Asked(caller.number, caller.answered_at, caller.account, caller.pbx)
    lengths, found = [], []
    try:
        walk = PlanWalk(plan, lists, caller, HOLIDAYS)
    except NoRateThen:
        lengths, found = [0], [_scalar(offer, asked, 0)]
        assert found == [None], (seed, found)
    else:
        for _ in range(talks):
            talk = a_talk(chance, walk, longest_s)
            lengths.append(talk // _MICROSECOND)
            found.append(_scalar(offer, asked, lengths[-1]))
            expected = _opinion(walk, talk)
            assert _amounts(found[-1]) == expected, (seed, talk, found[-1], expected)
        _check_affordable(seed, offer, asked, walk, chance.randrange(5_000_000), longest_s)
    _compare_batch(seed, offer, caller, lengths, found)
    return len(lengths)


def _scalar(offer: Offer, asked: Asked, talk_us: int) -> Price | None:
    try:
        return offer.price(asked, talk_us)
    except NoRate:
        return None


def _check_affordable(
    seed: int, offer: Offer, asked: Asked, walk: PlanWalk, money_micros: int, longest_s: int
) -> None:
    """The time that money buys is paid, and a second more is not, or the rate ends it. Where the
    first increment or the least seconds reach into a time without a rate, no length has a price.
    """
    terms = walk.walk.terms
    try:
        seconds = offer.affordable_s(asked, money_micros, longest_s)
    except NoRate:
        assert _opinion(walk, timedelta(0)) is None, (seed, "a price, but no length for money")
        return
    if seconds > 0:
        paid = _scalar(offer, asked, seconds * 1_000_000)
        assert paid is not None, (seed, seconds)
        assert paid.micros <= money_micros, (seed, seconds)
    if seconds < longest_s:
        dear = _scalar(offer, asked, (seconds + 1) * 1_000_000)
        is_dear = dear is None or dear.micros > money_micros
        if dear is not None and terms.charge_max_ends and terms.charge_max_micros is not None:
            covered, _ = walk.walk.exact(timedelta(seconds=seconds + 1))
            is_dear = is_dear or covered > terms.charge_max_micros * 86_400
        assert is_dear, (seed, seconds)


def _opinion(walk: PlanWalk, talk: timedelta) -> tuple[int, int, int] | None:
    try:
        charge = walk.charge(talk)
    except NoRateThen:
        return None
    return int(charge.gross.scaleb(6)), int(charge.tax.scaleb(6)), charge.billed_s


def _amounts(price: Price | None) -> tuple[int, int, int] | None:
    return None if price is None else (price.micros, price.tax_micros, price.billed_s)


def _compare_batch(
    seed: int, offer: Offer, caller: Caller, lengths: Sequence[int], found: Sequence[Price | None]
) -> None:
    count = len(lengths)
    batch = BatchOffer(offer)
    prices = batch.price(
        Calls(
            numbers=[caller.number] * count,
            answered_us=np.full(count, epoch_us(caller.answered_at)),
            talk_us=np.array(lengths, np.int64),
            accounts=[caller.account] * count,
            pbxs=[caller.pbx] * count,
        )
    )
    for place, expected in enumerate(found):
        got = batch.price_of(prices, place)
        assert got == expected, (seed, lengths[place], got, expected)
