"""I1 and I5: sums and balances, worked out from the calls and the payments alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from rtbill.domain.hold import Hold
from rtbill.domain.rated import RatedCall
from tests.simulation.witness import ABSORBED
from tests.simulation.world import World


def money(world: World) -> Iterator[str]:
    """Sums and balances, worked out from the calls and the credits alone."""
    yield from _sums(world)
    books = world.disk.books
    yield from _credits(world)
    expected = Counter(world.plan.openings)
    for account, amount in world.credits:
        expected[account] += credit_micros(amount)
    last_held = {step.event.hold.call: step.event.hold for step in world.witness.steps}
    absorbed = {}
    for call in books._calls.values():
        if call.price is not None:
            expected[call.account] -= call.price.micros
            beyond = _beyond(call, last_held.get(call.record.id))
            if beyond > 0:
                absorbed[f"{ABSORBED}{call.record.id}"] = call.account, beyond
                expected[call.account] += beyond
    if absorbed != world.witness.absorbed:
        yield f"CC-44: {world.witness.absorbed} was given back, expected {absorbed}"
    world.mix["absorbed"] += len(absorbed)
    for account, state in books._accounts.items():
        if state.balance_micros != expected[account]:
            yield f"{account} has {state.balance_micros}, expected {expected[account]}"


def _beyond(call: RatedCall, hold: Hold | None) -> int:
    """What a call cost that its exchange ended after the end of what was held for it."""
    record = call.record
    if hold is None or not record.cut_by or hold.account != call.account or not call.price:
        return 0
    assert record.answered_at is not None
    ended_at = record.answered_at + timedelta(seconds=hold.granted_s)
    is_late = hold.granted_s and hold.opened_at <= ended_at < record.ended_at
    return call.price.micros - hold.micros if is_late else 0


def _sums(world: World) -> Iterator[str]:
    """Customers' balances and the biller's own side cancel out."""
    books = world.disk.books
    sums: Counter[str] = Counter()
    for posted in books._transfers.values():
        transfer = posted.transfer
        for side, sign in ((transfer.debit, -1), (transfer.credit, 1)):
            if side not in books._accounts:
                sums[transfer.currency] += sign * transfer.amount_micros
    for state in books._accounts.values():
        sums[state.account.currency] += state.balance_micros
    yield from (f"entries in {each} sum to {sums[each]}" for each in sums if sums[each])


def credit_micros(amount: str) -> int:
    return int(Decimal(amount) * 1_000_000)


def _credits(world: World) -> Iterator[str]:
    """Each payment has one entry, however often the desk had to insist."""
    paid = Counter(
        (posted.transfer.account, posted.transfer.change_micros)
        for posted in world.disk.books._transfers.values()
        if posted.transfer.call is None
        and not posted.transfer.key.startswith(("credit:opening:", ABSORBED))
    )
    asked = Counter((account, credit_micros(amount)) for account, amount in world.credits)
    yield from (
        f"I5: {each} was paid {asked[each]} times, posted {paid[each]}"
        for each in asked | paid
        if asked[each] != paid[each]
    )
