"""Every leg that there was against the books: who pays, what was talked, what it costs.

I4: each answered call is in the books once. I7: none is charged for more than the exchange stamped.
I9: emergency calls are free. I10: the price is the oracle's for the whole call, however many slices
it was held for in; and no slice is held for less than its talk costs.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtbill.domain.account import HOUSE
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.rated import CallStatus, NumberKind, RatedCall
from tests.simulation.exchange import Truth
from tests.simulation.plan import PBX
from tests.simulation.prices import NUMBER_OF
from tests.simulation.second_opinion import TALK_TOLERANCE_US, Cost
from tests.simulation.world import World

STEP_MAX_US = 15_000_000
"""After steps the biller takes up to two minutes to learn the exchange's clock anew."""
UNRATED_MAX_S = 62.0
PRICED = (CallStatus.RATED, CallStatus.UNRATED, CallStatus.FREE)
FREE_OR_NOTHING = (CallStatus.FREE, CallStatus.UNANSWERED)


def booked_legs(world: World) -> Iterator[str]:
    """All legs, and calls in the books that never were."""
    calls = world.disk.books._calls
    for truth in world.exchange.truths.values():
        call = calls.get(f"{PBX}/{truth.leg}")
        yield from (
            f"leg {truth.leg} ({truth.dialled}): {each}" for each in _leg(world, truth, call)
        )
    known = {f"{PBX}/{leg}" for leg in world.exchange.truths}
    yield from (f"{key} is in the books and never was" for key in sorted(calls.keys() - known))


def _leg(world: World, truth: Truth, call: RatedCall | None) -> Iterator[str]:
    if truth.ended_us is None:
        yield "it never ended"
    elif truth.is_emergency:
        # It leaves no row at the exchange, so one that a gap swallowed is not seen: it is free.
        if call is not None and (call.price or call.status not in FREE_OR_NOTHING):
            yield f"an emergency call is {call.status} at {call.price}"
    elif truth.answered_us is None:
        if call is not None and call.status is not CallStatus.UNANSWERED:
            yield f"never answered, but {call.status}"
    elif call is None:
        yield "answered, but not in the books"
    else:
        yield from _answered(world, truth, call)


def _answered(world: World, truth: Truth, call: RatedCall) -> Iterator[str]:
    number = NUMBER_OF[truth.dialled]
    payers = _payers(world, truth)
    if call.record.payer != truth.payer or call.account not in payers:
        yield f"{call.record.payer} of {call.account} pays, not {truth.payer} of {payers}"
    if call.kind is not number.kind:
        yield f"taken for {call.kind}"
    if truth.is_lost or (world.has_stepped and call.status is CallStatus.UNCONFIRMED):
        if number.kind is NumberKind.CHARGEABLE and call.status is not CallStatus.UNCONFIRMED:
            yield f"lost in a crash of the exchange, but {call.status}"
        if number.kind is not NumberKind.CHARGEABLE and call.status is not CallStatus.FREE:
            yield f"free, lost in a crash of the exchange, but {call.status}"
        yield from _evidence(truth, call, STEP_MAX_US if world.has_stepped else 0)
        return
    if call.status not in PRICED:
        yield f"ended in an orderly way, but {call.status}: {call.note}"
        return
    assert truth.answered_us is not None
    assert truth.ended_us is not None
    talk_us = truth.ended_us - truth.answered_us
    if abs(call.record.talk_us - talk_us) > TALK_TOLERANCE_US:
        yield f"talked {talk_us} us, billed {call.record.talk_us} ({call.record.source})"
    yield from _price(world, call)


def _evidence(truth: Truth, call: RatedCall, slack_us: int) -> Iterator[str]:
    """A call in doubt is kept with times that are proven."""
    assert truth.answered_us is not None
    assert truth.ended_us is not None
    answered_at, ended_us = call.record.answered_at, epoch_us(call.record.ended_at)
    if answered_at is None or abs(epoch_us(answered_at) - truth.answered_us) > TALK_TOLERANCE_US:
        yield f"in doubt, and answered at {answered_at}, not {from_epoch_us(truth.answered_us)}"
    if ended_us > truth.ended_us + TALK_TOLERANCE_US + slack_us:
        yield f"proven alive until {call.record.ended_at}, after it had gone"


def _payers(world: World, truth: Truth) -> set[str]:
    """Who held the extension at the answer; two while the desk's order was on its way."""
    assert truth.answered_us is not None
    answered_at = from_epoch_us(truth.answered_us)
    held = [
        membership
        for membership in world.disk.books._memberships
        if membership.extension.number == truth.payer
    ]
    payers = {each.account for each in held if each.covers(answered_at)} or {HOUSE}
    for move in world.moves:
        since_us = move.ordered_us - abs(world.exchange_clock.ahead_us) - 10_000_000
        if move.extension == truth.payer and since_us <= truth.answered_us <= move.known_us:
            payers |= {each.account for each in held} | {HOUSE}
    return payers


def _price(world: World, call: RatedCall) -> Iterator[str]:
    number = NUMBER_OF[str(call.record.dialled)]
    if number.kind is not NumberKind.CHARGEABLE:
        if call.status is not CallStatus.FREE or call.price is not None:
            yield f"free number, but {call.status} at {call.price}"
        return
    assert call.record.answered_at is not None
    tariff = world.disk.books._accounts[call.account].account.tariff
    cost = Cost(tariff, number.dialled, call.record.answered_at)
    if not cost.has_rate:
        if call.status is not CallStatus.UNRATED or call.price is not None:
            yield f"no rate, but {call.status} at {call.price}"
        return
    expected = cost.micros(call.record.talk_us)
    if call.price is None or call.price.micros != expected:
        yield f"I10: costs {expected}, booked {call.status} at {call.price}"
