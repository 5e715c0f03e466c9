"""A provider's list compared with our books, payment by payment. Pure; zero tolerance (RP-70).

Both lists reach a day further than the span at both ends, because the two clocks and the two days
are not the same; told is only what lies within it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rtbill.domain.payment import ListedPayment
from rtbill.domain.reconciliation import DifferenceKind, OurPayment, PaymentDifference

REACH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many agree, and what does not."""

    agreeing: int
    differences: tuple[PaymentDifference, ...]


def compare(
    ours: Sequence[OurPayment],
    theirs: Sequence[ListedPayment],
    since: datetime,
    until: datetime,
) -> Comparison:
    """Each payment of the span [since, until) on either side, by our reference or by the
    provider's id.
    """
    left, agreeing = list(ours), 0
    found: list[PaymentDifference] = []
    for listed in sorted(theirs, key=lambda each: each.at):
        is_within = since <= listed.at < until
        match = _match(listed, left)
        if match is not None:
            left.remove(match)
            if match.money != listed.money:
                found += [_differs(match, listed)] if is_within else []
            elif is_within:
                agreeing += 1
        elif is_within:
            found.append(_missing_here(listed))
    found += _missing_there(left, since, until)
    return Comparison(agreeing, tuple(sorted(found, key=lambda each: each.at)))


def _match(listed: ListedPayment, ours: Sequence[OurPayment]) -> OurPayment | None:
    same = [each for each in ours if each.is_refund == listed.is_refund]
    for each in same:
        if listed.reference and each.reference == listed.reference:
            return each
    for each in same:
        if listed.provider_id and each.provider_id == listed.provider_id:
            return each
    return None


def _differs(ours: OurPayment, listed: ListedPayment) -> PaymentDifference:
    return PaymentDifference(
        kind=DifferenceKind.AMOUNT_DIFFERS,
        at=listed.at,
        reference=ours.reference,
        provider_id=listed.provider_id,
        account=ours.account,
        ours=ours.money,
        theirs=listed.money,
        is_refund=ours.is_refund,
    )


def _missing_here(listed: ListedPayment) -> PaymentDifference:
    is_ours = bool(listed.reference)
    return PaymentDifference(
        kind=DifferenceKind.MISSING_HERE if is_ours else DifferenceKind.UNEXPLAINED,
        at=listed.at,
        reference=listed.reference,
        provider_id=listed.provider_id,
        theirs=listed.money,
        is_refund=listed.is_refund,
    )


def _missing_there(
    ours: Sequence[OurPayment], since: datetime, until: datetime
) -> Iterator[PaymentDifference]:
    for each in ours:
        if since <= each.at < until:
            yield PaymentDifference(
                kind=DifferenceKind.MISSING_THERE,
                at=each.at,
                reference=each.reference,
                provider_id=each.provider_id,
                account=each.account,
                ours=each.money,
                is_refund=each.is_refund,
            )
