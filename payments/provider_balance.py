"""A provider's balance proven: each movement belongs to a payment of its list, to a refund or a
dispute in our books, or is a fee or a payout. Pure (RP-71).

The list is compared with our books payment by payment (payments/reconcile.py). So where both agree,
what the provider owes us is what our clearing account says, less its fees and what it paid out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rtbill.domain.money import Money
from rtbill.domain.payment import ListedPayment
from rtbill.domain.provider_balance import BalanceMovement, BalanceSums, MovementKind
from rtbill.domain.reconciliation import DifferenceKind, PaymentDifference

_FIELDS: Mapping[MovementKind, str] = {
    MovementKind.PAYMENT: "payments",
    MovementKind.REFUND: "refunds",
    MovementKind.DISPUTE: "disputes",
    MovementKind.FEE: "fees",
    MovementKind.PAYOUT: "payouts",
    MovementKind.OTHER: "others",
}
_OWN = (MovementKind.FEE, MovementKind.PAYOUT)
"""Kinds that are of no payment."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the balance did, by currency, and what of it is not accounted for."""

    sums: tuple[BalanceSums, ...]
    differences: tuple[PaymentDifference, ...]
    problem: str = ""
    """Why there is none."""


NO_PROOF = Proof((), ())
"""Of a provider that keeps no balance."""


def prove(
    movements: Sequence[BalanceMovement],
    listed: Sequence[ListedPayment],
    reversals: Mapping[str, Money],
    since: datetime,
    until: datetime,
) -> Proof:
    """The movements of [since, until), and the listed payments of the same span that moved nothing.
    `reversals` are the refunds and disputes of our books, whatever became of them, by the
    provider's id; all lists may reach further.
    """
    known = _accounted(listed, reversals)
    within = [each for each in movements if since <= each.at < until]
    odd: dict[str, PaymentDifference] = {}
    for each in within:
        difference = _odd(each, known)
        if difference is not None:
            odd[each.id] = difference
    moved = {each.id for each in movements} | {each.about for each in movements}
    absent = [
        _not_moved(each)
        for each in listed
        if since <= each.at < until and not {each.movement, each.provider_id} & moved
    ]
    found = sorted([*odd.values(), *absent], key=lambda each: each.at)
    return Proof(_sums(within, odd.keys()), tuple(found))


def _accounted(
    listed: Sequence[ListedPayment], reversals: Mapping[str, Money]
) -> dict[tuple[MovementKind, str], Money]:
    """What each movement should be of, by its own id or by that of its payment."""
    known = {
        (kind, about): money
        for about, money in reversals.items()
        for kind in (MovementKind.REFUND, MovementKind.DISPUTE)
    }
    for each in listed:
        kind = MovementKind.REFUND if each.is_refund else MovementKind.PAYMENT
        known |= {(kind, name): each.money for name in (each.movement, each.provider_id) if name}
    return known


def _odd(
    movement: BalanceMovement, known: Mapping[tuple[MovementKind, str], Money]
) -> PaymentDifference | None:
    kind = movement.kind
    if kind in _OWN:
        return None
    expected = known.get((kind, movement.id)) or known.get((kind, movement.about))
    if expected is None:
        note = f"its balance moved by it ({movement.words}), and nothing accounts for that"
        return _difference(movement, DifferenceKind.UNEXPLAINED, None, note)
    # Where the provider settles in another currency than it was paid in, only the payment is known.
    is_same = expected.currency == movement.money.currency
    if is_same and expected.micros != abs(movement.money.micros):
        note = f"its balance moved by another amount ({movement.words})"
        return _difference(movement, DifferenceKind.AMOUNT_DIFFERS, expected, note)
    return None


def _difference(
    movement: BalanceMovement, kind: DifferenceKind, expected: Money | None, note: str
) -> PaymentDifference:
    return PaymentDifference(
        kind=kind,
        at=movement.at,
        reference="",
        provider_id=movement.about or movement.id,
        ours=expected,
        theirs=movement.money,
        is_refund=movement.kind is MovementKind.REFUND,
        note=note,
    )


def _not_moved(listed: ListedPayment) -> PaymentDifference:
    return PaymentDifference(
        kind=DifferenceKind.MISSING_THERE,
        at=listed.at,
        reference=listed.reference,
        provider_id=listed.provider_id,
        ours=listed.money,
        is_refund=listed.is_refund,
        note="it stands in its list, and its balance did not move",
    )


def _sums(movements: Iterable[BalanceMovement], odd: Iterable[str]) -> tuple[BalanceSums, ...]:
    found: dict[str, BalanceSums] = {}
    unexplained = frozenset(odd)
    for each in movements:
        _add(found, each.money, _FIELDS[each.kind])
        if each.id in unexplained:
            _add(found, each.money, "unexplained")
        _add(found, Money(-each.fee.micros, each.fee.currency), "fees")
    return tuple(found[currency] for currency in sorted(found))


def _add(found: dict[str, BalanceSums], money: Money, field: str) -> None:
    sums = found.get(money.currency, BalanceSums(currency=money.currency))
    found[money.currency] = replace(sums, **{field: getattr(sums, field) + money.micros})
