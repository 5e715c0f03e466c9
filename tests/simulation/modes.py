"""What must be true of a run by how far the biller goes: observed, enforced, and when silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

from rtbill.domain.account import Account, AccountKind
from rtbill.domain.rated import NumberKind, RatedCall
from rtbill.domain.stance import Stance, Unaided
from tests.simulation.exchange import Truth
from tests.simulation.plan import PBX
from tests.simulation.prices import CLOCK_CHANGE, DESTINATIONS, NUMBERS, class_of
from tests.simulation.second_opinion import Cost
from tests.simulation.world import World

INSTANTS = tuple(CLOCK_CHANGE + timedelta(minutes=each) for each in (-61, -40, -20, 5, 25, 300))
"""Before, in and after the hour that comes twice, in which another band holds."""


def nothing_done(world: World) -> Iterator[str]:
    """Where the exchange is only observed, no call and no lock for money was ever touched."""
    if world.plan.stance is Stance.ENFORCE:
        return
    by_hand = {order.extension for order in world.plan.orders if order.kind == "lock"}
    for action in world.server.actions:
        name = action["action"].lower()
        if name in ("absolutetimeout", "hangup"):
            yield f"only observing, but sent {dict(action)}"
        locks = name == "dbput" and action["family"] in ("rtbill/lock", "rtbill/divert")
        if locks and action["key"] not in by_hand:
            yield f"only observing, but sent {dict(action)}"


def left_undone(world: World) -> Iterator[str]:
    """Observations are of what is not enforced, and claim no more than the books have."""
    books = world.disk.books
    for posted in books._observations.values():
        seen = posted.observation
        account = books._accounts[seen.account].account
        if world.plan.is_enforced(account.account_class):
            yield f"enforced, but told {seen}"
        if seen.kind != "cut":
            continue
        call = books._calls.get(str(seen.call))
        if call is None:
            yield f"told of a call that is not in the books: {seen}"
        elif not 0 <= seen.beyond_us <= call.record.talk_us:
            yield f"told of more than the {call.record.talk_us} us of the call: {seen}"
        elif call.price is not None and not 0 <= (seen.beyond_micros or 0) <= call.price.micros:
            yield f"told of more than the {call.price.micros} of the call: {seen}"


def let_go(world: World) -> Iterator[str]:
    """A call that no limit ended, and that spent more than there was, is told of."""
    for truth in world.exchange.truths.values():
        call = world.disk.books._calls.get(f"{PBX}/{truth.leg}")
        seen = world.observed.get(truth.leg)
        if call is None or seen is None or truth.ended_us is None or call.price is None:
            continue
        account = world.disk.books._accounts[call.account].account
        is_let_go = account.kind is AccountKind.PREPAID and not world.plan.is_enforced(
            account.account_class
        )
        if not is_let_go or seen.account != call.account or world.has_stepped:
            continue
        paid = sum(micros for at_s, whose, micros in world.witness.credits if whose == account.id)
        paid -= world.plan.openings[account.id]
        is_calm = seen.is_calm and _stayed_calm(world, truth)
        if (
            is_calm
            and call.price.micros > max(0, seen.available_micros + paid)  # who owes may call free
            and not was_observed(world, call)
        ):
            spent, had = call.price.micros, seen.available_micros
            yield f"{truth.leg} spent {spent} of {had}, and nobody said so"


def _stayed_calm(world: World, truth: Truth) -> bool:
    """Nothing broke from the answer until the call was over."""
    return all(not truth.answered_s - 1 <= at_s <= truth.ended_s + 5 for at_s in world.breaks)


def was_observed(world: World, call: RatedCall) -> bool:
    """Whether it was told that the call would have been ended."""
    return f"cut:{call.record.id}" in world.disk.books._observations


def pushed_rows(world: World) -> Iterator[str]:
    """What the exchange would let calls do without an answer, against a second opinion."""
    rows = world.unaided_rows()
    for extension in world.plan.extensions:
        account = world.disk.books._accounts[world.holder(extension)].account
        row = rows.get(extension)
        if account.id == "house":
            if row is not None:
                yield f"{extension} is nobody's and has the row {row}"
        elif row is None:
            yield f"{extension} of {account.id} has no row"
        else:
            yield from (f"{extension}: {each}" for each in _row(world, account, row))


def _row(world: World, account: Account, row: str) -> Iterator[str]:
    terms = world.plan.unaided[account.account_class]
    is_prepaid = account.kind is AccountKind.PREPAID
    policy = terms.policy or (Unaided.CLOSED if is_prepaid else Unaided.OPEN)
    is_bounded = is_prepaid or account.credit_limit_micros > 0 or terms.cap_micros > 0
    if not world.plan.is_enforced(account.account_class):
        expected = "open"
    elif policy is Unaided.CLOSED:
        expected = "closed"
    elif not is_bounded:
        expected = "open"
    elif "/" not in row:
        expected = "seconds by class"
    else:
        names, _, seconds = row.partition("/")
        by_class = dict(zip(names.split(":"), map(int, seconds.split(":")), strict=True))
        yield from _seconds(world, account, by_class)
        return
    if row != expected:
        yield f"its row is {row}, expected {expected}"


def _seconds(world: World, account: Account, by_class: dict[str, int]) -> Iterator[str]:
    """No number that people dial costs more than its share, at any hour."""
    if list(by_class) != [*DESTINATIONS, "other"]:
        yield f"its classes are {list(by_class)}"
        return
    terms = world.plan.unaided[account.account_class]
    money = max(0, world.disk.books._accounts[account.id].available_micros)
    share = (min(money, terms.cap_micros) if terms.cap_micros else money) // terms.calls
    for number in NUMBERS:
        if number.kind is not NumberKind.CHARGEABLE:
            continue
        seconds = by_class[class_of(number.dialled)]
        for instant in INSTANTS if seconds else ():
            cost = _cost(account.tariff, number.dialled, instant).micros(seconds * 1_000_000)
            if cost > share:
                yield f"{seconds} s to {number.digits} cost {cost}, its share is {share}"


@cache
def _cost(tariff: str, dialled: str, instant: datetime) -> Cost:
    """Kept from run to run: these calls are long, and always the same."""
    return Cost(tariff, dialled, instant)
