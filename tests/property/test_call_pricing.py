"""What is remembered of a call's price is what its offers say, whatever was asked before."""

from __future__ import annotations

import random

import pytest

from rtbill.domain.errors import NoRate
from rtbill.rating.call_pricing import BEYOND_ALL_MONEY, CallPricing
from rtbill.rating.chain import Asked
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.property.random_books import HOLIDAYS, a_caller, a_plan, a_tariff

SEEDS = 400
QUESTIONS = 12
LONGEST_S = 600


@pytest.mark.parametrize("part", range(4))
def test_what_was_asked_before_changes_no_price(part: int) -> None:
    asked_of = sum(_asked(seed) for seed in range(part, SEEDS, 4))

    assert asked_of > SEEDS // 10, "too few calls had a rate"


def _asked(seed: int) -> bool:
    chance = random.Random(seed)
    lists = [a_tariff(chance), a_tariff(chance, "own", 2)]
    tables = [RateTable(each, HOLIDAYS) for each in lists]
    plan = a_plan(chance, [each.name for each in lists]) if chance.random() < 0.3 else None
    offers = [Offer(tables, plan), Offer(tables[1:])] if chance.random() < 0.5 else [Offer(tables)]
    caller = a_caller(chance, lists)
    asked = Asked(caller.number, caller.answered_at, caller.account, caller.pbx)
    try:
        for offer in offers:
            offer.base(asked, 0)
    except NoRate:
        return False
    pricing = CallPricing(offers, asked)
    for _ in range(QUESTIONS):
        talk_s = chance.randrange(LONGEST_S)
        cost = pricing.cost_micros(talk_s)
        assert cost == _dearest(offers, asked, talk_s), (seed, talk_s)
        found_s = pricing.affordable_s(cost - chance.randrange(2), talk_s + chance.randrange(90))
        for each_s in (found_s, talk_s):
            expected = _dearest(offers, asked, each_s)
            assert pricing.cost_micros(each_s) == expected, (seed, talk_s, each_s)
    return True


def _dearest(offers: list[Offer], asked: Asked, talk_s: int) -> int:
    try:
        return max(offer.price(asked, talk_s * 1_000_000).micros for offer in offers)
    except NoRate:
        return BEYOND_ALL_MONEY
