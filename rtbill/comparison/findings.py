"""From two lists of calls to the differences between them, each with its money.

Calls are matched in rounds, each among what the rounds before left over: answered calls by number;
by the number that was dialled before the exchange rewrote it; calls whose record names no number by
trunk alone; and last an answered call on one side with an unanswered one on the other. Unanswered
calls on both sides are nobody's money and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtbill.comparison.matching import match
from rtbill.comparison.pricing import Amount, Pricing
from rtbill.comparison.values import (
    Comparison,
    Finding,
    Kind,
    OurCall,
    Sum,
    Terms,
    TheirCall,
)


class Findings:
    """Collects what differs."""

    def __init__(self, terms: Terms, pricing: Pricing, carrier_tariff: str = "") -> None:
        self._terms = terms
        self._pricing = pricing
        self._carrier_tariff = carrier_tariff
        """Names the tariff in our books that is the carrier's price list; empty for none."""
        self._found: list[Finding] = []
        self._unclear: list[TheirCall] = []
        self._matched = Sum()
        self._charged = Sum()
        self._margin_micros: dict[str, int] = {}
        self._below_cost = 0

    def compare(self, ours: Sequence[OurCall], theirs: Sequence[TheirCall]) -> Comparison:
        """Every difference between the two records."""
        tolerance_us = self._terms.tolerance_us
        our_left = [call for call in ours if call.is_answered]
        their_left = [call for call in theirs if call.is_answered]
        rounds = (
            (lambda our: our.number, lambda their: their.number),
            (lambda our: our.number, lambda their: their.other_number),
            (lambda our: our.trunk, lambda their: None if their.number else their.trunk),
        )
        for our_key, their_key in rounds:
            result = match(our_left, their_left, tolerance_us, our_key, their_key)
            for our, their in result.pairs:
                self._pair(our, their)
            our_left, their_left = result.ours, result.theirs
        result = match((call for call in ours if not call.is_answered), their_left, tolerance_us)
        for our, their in result.pairs:
            self._not_ours(Kind.UNANSWERED_HERE, their, our)
        their_left = result.theirs
        result = match(our_left, (call for call in theirs if not call.is_answered), tolerance_us)
        for our, their in result.pairs:
            self._not_theirs(Kind.UNANSWERED_THERE, our, their)
        self._without_partner(result.ours, their_left)
        for their in their_left if self._carrier_tariff else ():
            self._compare_price(None, their)
        return Comparison(
            terms=self._terms,
            findings=sorted(self._found, key=lambda one: (one.at_us, one.kind, one.number)),
            matched=self._matched,
            charged=self._charged,
            margin_micros=self._margin_micros,
            below_cost=self._below_cost,
            unclear=self._unclear,
        )

    def _without_partner(self, ours: Iterable[OurCall], theirs: Iterable[TheirCall]) -> None:
        for our in ours:
            self._not_theirs(Kind.EXTRA, our, None)
        for their in theirs:
            if their.number is not None:
                self._not_ours(Kind.MISSING, their, None)
            elif self._is_wanted(their.at_us):
                self._unclear.append(their)

    def _is_wanted(self, at_us: int) -> bool:
        return self._terms.since_us <= at_us < self._terms.until_us

    def _pair(self, our: OurCall, their: TheirCall) -> None:
        if not self._is_wanted(their.at_us):
            return
        self._matched.add(our.talk_us, their.talk_us, our.price_micros, our.currency)
        self._charge(our, their)
        if our.price_micros is None:
            amount = self._pricing.with_their_duration(our, their)
            note = f"ours is {our.status}{'; ' if amount.note else ''}{amount.note}"
            self._found.append(_of_pair(Kind.UNBILLED, our, their, amount._replace(note=note)))
        elif self._durations_differ(our, their):
            amount = self._pricing.with_their_duration(our, their)
            if amount.micros is not None:
                amount = amount._replace(micros=amount.micros - our.price_micros)
            self._found.append(_of_pair(Kind.DURATION, our, their, amount))
        if self._carrier_tariff:
            self._compare_price(our, their)

    def _charge(self, our: OurCall, their: TheirCall) -> None:
        """Add up what the carrier charges, and what is left of our price."""
        if not their.currency:
            return
        self._charged.add(our.talk_us, their.talk_us, their.price_micros, their.currency)
        if None in (our.price_micros, their.price_micros) or our.currency != their.currency:
            return
        left = (our.price_micros or 0) - (their.price_micros or 0)
        self._margin_micros[our.currency] = self._margin_micros.get(our.currency, 0) + left
        self._below_cost += left < 0

    def _durations_differ(self, our: OurCall, their: TheirCall) -> bool:
        terms = self._terms
        our_us = -(-our.talk_us // terms.increment_us) * terms.increment_us
        longer_us = max(our_us, their.talk_us)
        allowed_us = max(terms.duration_apart_us, longer_us * terms.duration_apart_permille // 1000)
        if their.is_answer_certain or our.at_us < their.at_us - allowed_us:
            return abs(our_us - their.talk_us) > allowed_us
        # They counted from before the answer, so only the ends can be held against each other.
        ends_apart_us = abs(our.at_us + our.talk_us - their.at_us - their.talk_us)
        return ends_apart_us > allowed_us

    def _compare_price(self, our: OurCall | None, their: TheirCall) -> None:
        """What they charge against their own price list: the same number, instant and duration."""
        if not self._is_wanted(their.at_us):
            return
        listed = self._pricing.of_carrier(their, self._carrier_tariff)
        charged = Amount(their.price_micros, their.currency)
        if listed.micros is None or charged.micros is None or listed.currency != charged.currency:
            money, note = None, listed.note or "no price to compare with"
        else:
            money, note = charged.micros - listed.micros, ""
            if abs(money) <= self._terms.price_apart_micros:
                return
        self._found.append(
            Finding(
                kind=Kind.PRICE,
                at_us=our.at_us if our else their.at_us,
                number=their.number or "",
                account=our.account if our else self._pricing.account(their),
                trunk=our.trunk if our else their.trunk,
                ours=our,
                theirs=their,
                money_micros=money,
                currency=charged.currency,
                note=note,
            )
        )

    def _not_ours(self, kind: Kind, their: TheirCall, our: OurCall | None) -> None:
        """They have it as an answered call, and we charged nobody."""
        if not self._is_wanted(their.at_us):
            return
        amount = self._pricing.of_theirs(their)
        self._found.append(
            Finding(
                kind=kind,
                at_us=their.at_us,
                number=their.number or "",
                account=our.account if our else self._pricing.account(their),
                trunk=their.trunk,
                ours=our,
                theirs=their,
                money_micros=amount.micros,
                currency=amount.currency,
                note=amount.note,
            )
        )

    def _not_theirs(self, kind: Kind, our: OurCall, their: TheirCall | None) -> None:
        """We have it as an answered call, and their record does not bear it out."""
        if not self._is_wanted(our.at_us):
            return
        self._found.append(
            Finding(
                kind=kind,
                at_us=our.at_us,
                number=our.number,
                account=our.account,
                trunk=our.trunk,
                ours=our,
                theirs=their,
                money_micros=None if our.price_micros is None else -our.price_micros,
                currency=our.currency,
                note="" if our.price_micros is not None else f"ours is {our.status}",
            )
        )


def _of_pair(kind: Kind, our: OurCall, their: TheirCall, amount: Amount) -> Finding:
    return Finding(
        kind=kind,
        at_us=our.at_us,
        number=our.number,
        account=our.account,
        trunk=our.trunk,
        ours=our,
        theirs=their,
        money_micros=amount.micros,
        currency=our.currency or amount.currency,
        note=amount.note,
    )
