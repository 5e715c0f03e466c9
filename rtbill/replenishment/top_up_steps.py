"""What is handed to the store about top-ups: each step, with all that its decision needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from payments import heard, settling, wanting
from payments.attempts import Event
from payments.heard import Heard
from payments.looking import Terms
from payments.replenish import Bounds, Wish
from payments.wanting import GiveBack, New
from rtbill import consequences
from rtbill.consequences import Policies
from rtbill.credit.control import CreditControl
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.money import Money
from rtbill.domain.payment import Disputed, Outcome, Refunded
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import Asker, Paying, PaymentState, TopUp
from rtbill.domain.vat import VatPoint
from rtbill.domain.work import TopUpStep
from rtbill.ports import Clock
from rtbill.pricing.assessment import Assessor

Decide = Callable[[AccountState, PaymentState], Facts]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTerms:
    """How the site sells credit."""

    gateways: Mapping[str, Terms]
    """What holds at each gateway, by name."""
    bounds: Bounds = field(default_factory=Bounds)
    vat_point: VatPoint = VatPoint.TOP_UP


class TopUpSteps:
    """Makes steps; submits none."""

    def __init__(
        self,
        terms: SiteTerms,
        assessor: Assessor,
        control: CreditControl,
        policies: Policies,
        clock: Clock,
    ) -> None:
        self._terms = terms
        self._assessor = assessor
        self._control = control
        self._policies = policies
        self._clock = clock

    def wanted(  # noqa: PLR0913 - what somebody asks for
        self,
        account: str,
        reference: str,
        asked_by: Asker = Asker.BALANCE,
        money: Money | None = None,
        gateway: str = "",
        method: str = "",
    ) -> TopUpStep:
        """It begins, if that is right when the store decides: the result's `paying` has a `top_up`
        then, and otherwise says why not.
        """
        at, terms = self._clock.now(), self._terms
        wish = Wish(asked_by=asked_by, at=at, money=money, gateway=gateway, method=method)
        new = New(reference=reference, vat_point=terms.vat_point)

        def decide(state: AccountState, books: PaymentState) -> Facts:
            return wanting.want(state, books, wish, terms.bounds, new)

        return self._step(account, reference, decide, at)

    def asking(self, top_up: TopUp, event: Event) -> TopUpStep:
        """The provider is about to be told of it (CREATE_ASKED), or asked for the money
        (CONFIRM_ASKED). Only when the result says so is that sent.
        """
        at, terms = self._clock.now(), self._of(top_up)

        def decide(state: AccountState, books: PaymentState) -> Facts:
            return wanting.go_on(state, books, event, at, terms)

        return self._step(top_up.account, top_up.reference, decide, at)

    def due(self, top_up: TopUp) -> TopUpStep:
        """Its time has come; nothing changes when that was seen to already."""
        at, terms = self._clock.now(), self._of(top_up)

        def decide(state: AccountState, books: PaymentState) -> Facts:
            return wanting.see_to(state, books, at, terms)

        return self._step(top_up.account, top_up.reference, decide, at)

    def answered(self, top_up: TopUp, told: Outcome) -> TopUpStep:
        """What a gateway says of it: as an answer, looked up or reconciled."""
        at = self._clock.now()
        return self._heard(top_up, lambda row: heard.outcome(row, told, at), at)

    def happened(self, top_up: TopUp, event: Event, cause: str) -> TopUpStep:
        """Anything else: an answer that was lost, or what a person decides, with its reason."""
        at = self._clock.now()
        return self._heard(top_up, lambda _row: Heard(event=event, at=at, cause=cause), at)

    def refunded(self, top_up: TopUp, told: Refunded) -> TopUpStep:
        """What a gateway says of a refund of it."""
        at = self._clock.now()
        return self._told(top_up, lambda books: heard.refund(books, told, at), at)

    def disputed(self, top_up: TopUp, told: Disputed) -> TopUpStep:
        """What a gateway says of its holder's objection."""
        at = self._clock.now()
        return self._told(top_up, lambda books: heard.dispute(books, told, at), at)

    def giving_back(self, top_up: TopUp, key: str, money: Money, reason: str) -> TopUpStep:
        """A refund of ours begins: the account loses the money, and the gateway may be asked. Fails
        with Refused when there is not as much.
        """
        at = self._clock.now()
        wanted = GiveBack(key=key, money=money, reason=reason, at=at)

        def decide(state: AccountState, books: PaymentState) -> Facts:
            return wanting.give_back(state, books, wanted)

        return self._step(top_up.account, top_up.reference, decide, at)

    def refund_lost(self, top_up: TopUp, key: str, cause: str) -> TopUpStep:
        """The gateway did not answer about a refund of ours: it is asked again later."""
        at = self._clock.now()

        def decide(state: AccountState, books: PaymentState) -> Facts:
            return wanting.refund_lost(state, books, key, cause, at)

        return self._step(top_up.account, top_up.reference, decide, at)

    def _of(self, top_up: TopUp) -> Terms:
        return self._terms.gateways.get(top_up.gateway, Terms())

    def _heard(self, top_up: TopUp, event: Callable[[TopUp], Heard], at: datetime) -> TopUpStep:
        def of(books: PaymentState) -> Heard:
            assert books.top_up is not None, "what is heard is of a top-up in the books"
            return event(books.top_up)

        return self._told(top_up, of, at)

    def _told(
        self, top_up: TopUp, event: Callable[[PaymentState], Heard | None], at: datetime
    ) -> TopUpStep:
        terms = self._of(top_up)

        def decide(state: AccountState, books: PaymentState) -> Facts:
            what = event(books)
            if what is None:
                reason = "this says nothing new"
                return Facts(state, paying=Paying(reason=reason, top_up=books.top_up))
            return settling.settle(state, books, what, terms)

        return self._step(top_up.account, top_up.reference, decide, at)

    def _step(self, account: str, reference: str, decide: Decide, at: datetime) -> TopUpStep:
        purse = self._assessor.allowances.purse(account, at)
        reach = self._control.reach(account, at)

        def with_all(state: AccountState, books: PaymentState, pools: Pools) -> Facts:
            facts = decide(state, books)
            if facts.state == state:
                return facts
            left = purse.left(pools)
            return consequences.with_consequences(state, facts, self._policies, at, reach, left)

        return TopUpStep(account, reference, with_all, purse.pools)
