"""What must be true once all is at rest, from the exchange's own truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import ceil

from rtbill.domain.hold import ENDS, HoldEvent, HoldStep
from rtbill.domain.money import parse_micros
from rtbill.domain.rated import CallStatus, RatedCall
from tests.crash_points.exchange import Leg
from tests.crash_points.world import CALLS, EXTENSIONS, World

CENT = 10_000
WHOLE = {call.number: call.talk_s for call in CALLS if call.number in "15689"}
"""Talk of calls that have money for all that their people have to say."""
PAYERS = EXTENSIONS | {"2001": "room-3"}
"""As the move at 45 s leaves them."""


def problems_of(world: World) -> list[str]:
    """All that is wrong; empty when nothing is."""
    return [
        *world.problems,
        *_calls(world),
        *_balances(world),
        *_holds(world.books._hold_events),
        *_leftovers(world),
    ]


def _price(leg: Leg) -> int:
    """A cent for each second begun, and one at least."""
    return 0 if leg.dialled == "112" else CENT * max(1, ceil(leg.talk_s))


def _answered(world: World) -> list[Leg]:
    return [leg for leg in world.exchange.legs.values() if leg.answered_at is not None]


def _calls(world: World) -> Iterator[str]:
    in_books = dict(world.books._calls)
    for leg in _answered(world):
        yield from _call(leg, in_books.pop(str(leg.id), None))
    for key, call in in_books.items():
        if call.status is not CallStatus.UNANSWERED:
            yield f"{key} was never answered and is {call.status}"


def _call(leg: Leg, call: RatedCall | None) -> Iterator[str]:
    if call is None:
        yield f"{leg.id} is not in the books"
        return
    if call.status is CallStatus.UNCONFIRMED:
        yield f"{leg.id} is unconfirmed, though the exchange keeps a row of it"
        return
    micros = call.price.micros if call.price else 0
    if micros != _price(leg):
        yield f"{leg.id} talked {leg.talk_s} s and costs {micros}"
    if call.account != PAYERS[leg.payer]:
        yield f"{leg.id} is paid by {call.account}"
    if leg.talk_s != WHOLE.get(leg.id.leg, leg.talk_s):
        yield f"{leg.id} was ended after {leg.talk_s} s"


def _balances(world: World) -> Iterator[str]:
    due: dict[str, int] = defaultdict(int)
    for key, amount in world.paid.items():
        account = "room-1" if key == "late" else key.removeprefix("first ")
        due[account] += parse_micros(amount)
    for leg in _answered(world):
        due[PAYERS[leg.payer]] -= _price(leg)
    for account, micros in due.items():
        balance = world.books._accounts[account].balance_micros
        if balance != micros:
            yield f"{account} has {balance}, {micros} are due"
        if balance < 0:
            yield f"{account} is overspent: {balance}"


def _holds(events: list[HoldEvent]) -> Iterator[str]:
    steps: dict[object, list[HoldStep]] = defaultdict(list)
    for event in events:
        steps[event.hold.key, event.hold.opened_at].append(event.step)
    for hold, taken in steps.items():
        ends = [step for step in taken if step in ENDS]
        if taken.count(HoldStep.OPEN) != 1 or taken[0] is not HoldStep.OPEN:
            yield f"{hold} did not begin once: {taken}"
        if len(ends) != 1 or taken[-1] is not ends[0]:
            yield f"{hold} did not end once: {taken}"


def _leftovers(world: World) -> Iterator[str]:
    for state in world.books._accounts.values():
        for hold in state.holds:
            yield f"{hold.key} is still held"
    for call in world.exchange.outbox:
        yield f"{call} is still in the exchange's outbox"
    for key in world.books._live:
        yield f"{key} is still noted as live"
