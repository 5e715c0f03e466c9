"""How long a call may last that bundles pay: on the money there is, and below a ceiling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from rtbill.rating.affordable import longest_paid_s
from rtbill.rating.bundles import Share, price_with, spans
from rtbill.rating.chain import Asked
from rtbill.rating.offer import Offer
from rtbill.rating.zones import SECOND_US


def affordable_with(
    offer: Offer, asked: Asked, money_micros: int, cap_s: int, shares: Sequence[Share]
) -> int:
    """The longest whole second whose debit is within the account's money, `cap_s` at most, or the
    longest call of the rate; where a bundle is exclusive, the longest that bundles alone pay.
    NoRate as for the price.
    """
    if not shares:
        return offer.affordable_s(asked, money_micros, cap_s)
    if any(share.bundle.is_exclusive for share in shares):
        money_micros = 0

    def pays(talk_us: int) -> bool:
        return price_with(offer, asked, talk_us, shares).debit_micros <= money_micros

    ends_s = offer.longest_s(asked)
    return longest_paid_s(pays, cap_s if ends_s is None else min(cap_s, ends_s))


def below_ceiling_with(
    offer: Offer, asked: Asked, micros: int, cap_s: int, shares: Iterable[Share]
) -> int:
    """Seconds, `cap_s` at most, before talk that no seconds of a bundle pay becomes dearer than so
    much a minute. NoRate as for the price.
    """
    covered_s = sum(span.seconds for span in spans(asked.number, cap_s * SECOND_US, shares))
    if covered_s >= cap_s:
        return cap_s
    begins_at = asked.answered_at + timedelta(seconds=covered_s)
    rest = asked._replace(answered_at=begins_at)
    return covered_s + offer.below_ceiling_s(rest, micros, cap_s - covered_s)
