"""How long a call may last that bundles pay: on the money there is, until its rate ends it, and
while the talk is not dearer than a ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rtbill.domain.call import epoch_us
from rtbill.rating.affordable import longest_paid_s
from rtbill.rating.bundles import Share, price_with, spans
from rtbill.rating.chain import Asked
from rtbill.rating.longest import LONGEST_S
from rtbill.rating.lookup import stretch
from rtbill.rating.offer import Offer
from rtbill.rating.price import exact_parts, terms_at
from rtbill.rating.zones import SECOND_US


def affordable_with(
    offer: Offer, asked: Asked, money_micros: int, cap_s: int, shares: Sequence[Share]
) -> int:
    """The longest whole second whose debit is within the account's money, `cap_s` at most, or where
    the rate ends the call; where a bundle is exclusive, the longest that bundles alone pay. NoRate
    as for the price.
    """
    if not shares:
        return offer.affordable_s(asked, money_micros, cap_s)
    if any(share.bundle.is_exclusive for share in shares):
        money_micros = 0

    def pays(talk_us: int) -> bool:
        return price_with(offer, asked, talk_us, shares).debit_micros <= money_micros

    ends_s = longest_with(offer, asked, shares)
    return longest_paid_s(pays, cap_s if ends_s is None else min(cap_s, ends_s))


def longest_with(offer: Offer, asked: Asked, shares: Sequence[Share]) -> int | None:
    """Seconds after which the rate of the answer ends the call, whatever the money: its longest
    call, counted from the answer; or the last second that a greatest charge covers which ends
    calls, counted from where no seconds pay, unless the whole call's covers more. None when neither
    ever does. NoRate as for the price.
    """
    ends_s = offer.longest_s(asked)
    if ends_s is None:
        return None  # a bundle never ends a call that would go on without it
    covered_s = _covered_s(asked.number, LONGEST_S, shares)
    if not covered_s:
        return ends_s
    table, _ = offer.find(asked.number)
    most_s = terms_at(table, asked.number, epoch_us(asked.answered_at)).call_max_s
    if most_s is not None and ends_s >= most_s:
        return most_s
    charged_s = covered_s + _charged_s(offer, _later(asked, covered_s), LONGEST_S - covered_s)
    found = max(ends_s, charged_s)
    return found if found < (most_s or LONGEST_S) else most_s


def below_ceiling_with(
    offer: Offer, asked: Asked, micros: int, cap_s: int, shares: Sequence[Share]
) -> int:
    """Seconds, `cap_s` at most, before talk that no seconds of a bundle pay becomes dearer than so
    much a minute. NoRate as for the price.
    """
    covered_s = _covered_s(asked.number, cap_s, shares)
    if covered_s >= cap_s:
        return cap_s
    rest = _later(asked, covered_s)
    return covered_s + offer.below_ceiling_s(rest, micros, cap_s - covered_s)


def _covered_s(number: str, cap_s: int, shares: Sequence[Share]) -> int:
    """Seconds from the answer on that bundles pay, as far as needed for `cap_s` of talk."""
    return sum(span.seconds for span in spans(number, cap_s * SECOND_US, shares))


def _later(asked: Asked, after_s: int) -> Asked:
    return asked._replace(answered_at=asked.answered_at + timedelta(seconds=after_s))


def _charged_s(offer: Offer, rest: Asked, cap_s: int) -> int:
    """Whole seconds of the talk beyond the seconds, `cap_s` at most, that a greatest charge covers
    which ends calls; all when the rate that holds there has none.
    """
    table, rates = offer.find(rest.number)
    rates = table.without_connect_fee(rates)
    rate, _ = stretch(rates, epoch_us(rest.answered_at))
    if rate is None:
        return 0  # a gap between bands: nobody knows what talk costs there
    most = rate.terms.charge_max_micros
    if most is None or not rate.terms.charge_max_ends:
        return cap_s

    def is_within(talk_us: int) -> bool:
        _, parts, _ = exact_parts(table, rates, rest.number, rest.answered_at, talk_us)
        return parts <= most * table.per_micro

    return longest_paid_s(is_within, cap_s)
