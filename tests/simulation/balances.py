"""I1 and I5: sums and balances, worked out from the calls and the payments alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from tests.simulation.world import World


def money(world: World) -> Iterator[str]:
    """Sums and balances, worked out from the calls and the credits alone."""
    yield from _sums(world)
    books = world.disk.books
    yield from _credits(world)
    expected = Counter(world.plan.openings)
    for account, amount in world.credits:
        expected[account] += credit_micros(amount)
    for call in books._calls.values():
        if call.price is not None:
            expected[call.account] -= call.price.micros
    for account, state in books._accounts.items():
        if state.balance_micros != expected[account]:
            yield f"{account} has {state.balance_micros}, expected {expected[account]}"


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
        if posted.transfer.call is None and not posted.transfer.key.startswith("credit:opening:")
    )
    asked = Counter((account, credit_micros(amount)) for account, amount in world.credits)
    yield from (
        f"I5: {each} was paid {asked[each]} times, posted {paid[each]}"
        for each in asked | paid
        if asked[each] != paid[each]
    )
