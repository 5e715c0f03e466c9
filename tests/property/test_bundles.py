"""Random calls of accounts with bundles: price, what each bundle gives, what the account owes and
how long its money lasts, by the biller and by the second opinion; `make soak` goes on with more.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from rtbill.domain.errors import NoRate
from rtbill.rating.bundle_time import longest_with
from rtbill.rating.explain import explain
from tests.property.random_bundles import CAP_S, BundledCall, a_bundled_call, compare

CALLS = 2_000
OFFERS = 300


@pytest.mark.parametrize("first_seed", [1, 1001])
def test_bundles_pay_what_a_second_opinion_says(first_seed: int) -> None:
    calls = sum(compare(seed, talks=20) for seed in range(first_seed, first_seed + OFFERS))
    assert calls >= CALLS


def test_all_that_bundles_may_say_is_drawn() -> None:
    found: Counter[str] = Counter()
    for seed in range(1, 2 * OFFERS):
        drawn = a_bundled_call(random.Random(seed))
        shares = drawn.shares if drawn else []
        found.update(share.bundle.unit for share in shares)
        found["two units"] += len({share.bundle.unit for share in shares}) == 2
        found["tariff"] += any(share.table is not None for share in shares)
        found["fees"] += any(not share.bundle.covers_fees for share in shares)
        found["exclusive"] += any(share.bundle.is_exclusive for share in shares)
        found["bands"] += any(share.bundle.bands for share in shares)
        found["changed by a hook"] += drawn is not None and drawn.adjustment is not None
        found["used up"] += any(not share.left for share in shares)
        if drawn is not None:
            offer, asked = drawn.pricing, drawn.asked
            found["limited"] += _is_limited(drawn)
            found["later end"] += longest_with(offer, asked, shares) != offer.longest_s(asked)
    assert len(found) == 11
    assert min(found.values()) >= 10, found


def _is_limited(drawn: BundledCall) -> bool:
    """Whether the call would be dearer than without bundles, at one of some lengths."""
    for talk_s in range(30, CAP_S, 60):
        try:
            found = explain(
                drawn.offer, drawn.asked, talk_s * 1_000_000, drawn.shares, drawn.adjustment
            )
        except NoRate:
            return False
        if any(line.kind == "bundle_limit" for line in found.lines):
            return True
    return False
