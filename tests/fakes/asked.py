"""An authoriser of one account, asked about its calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import ceil

from balance import holds
from balance.holds import Pricing, SliceTerms, Wish
from rtbill.alarms import Alarms
from rtbill.chronicle import Chronicle
from rtbill.credit.authorisation import Answer, Authoriser, CallKind, Question, Refusal
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Grant, Limits
from rtbill.credit.stances import Stances
from rtbill.domain.account import (
    LOCKED_SERVICE,
    AccountKind,
    DeskLock,
    Extension,
    Incoming,
    Outgoing,
    Service,
)
from rtbill.domain.errors import NoRate
from rtbill.domain.hold import Hold
from rtbill.domain.origin import read_origin
from rtbill.domain.payer_key import KeyKind, WrongCode
from rtbill.domain.refusal import Reason
from rtbill.domain.stance import Stance
from rtbill.pricing.assignment import Place
from rtbill.rating.call_pricing import UnknownPricing
from tests.fakes.builders import (
    PBX,
    SWITZERLAND,
    a_binding,
    a_directory,
    a_membership,
    a_rate,
    a_state,
    a_tariff,
    an_account,
    an_assessor,
    at,
)
from tests.fakes.environment import ManualClock

PREPAID = AccountKind.PREPAID
MONEY_LOCK = LOCKED_SERVICE
OUTGOING_BY_HAND = Service(Outgoing.LOCKED, Incoming.RING)


class Asked:
    """One account that holds 1001, and whoever asks about its calls."""

    def __init__(
        self,
        balance: str = "1.20",
        kind: AccountKind = PREPAID,
        *,
        limit: str = "0",
        service: Service | None = None,
        by_hand: Service | None = None,
        stance: Stance = Stance.ENFORCE,
        unrated: str = "refuse",
        limits: Limits | None = None,
        ceiling: int | None = None,
        wrong_code: WrongCode = WrongCode.DENY,
    ) -> None:
        account = an_account(kind=kind, limit=limit)
        rich = a_state("6.00", an_account("project"))
        bindings = [a_binding("project"), a_binding("project", KeyKind.TRUNK, "branch")]
        directory = a_directory(
            [a_state(balance, account, service), rich], [a_membership()], bindings
        )
        tariff = a_tariff(a_rate("60/60", "0.60"))
        locks = {}
        if by_hand is not None:
            extension = Extension(PBX, "1001")
            locks[extension] = DeskLock(extension, by_hand, "rent", at("2026-10-01"))
        self.clock = clock = ManualClock()
        self.alarms = Alarms(clock)
        self.chronicle = Chronicle()
        self.let_through: list[tuple[str, Reason]] = []
        self._assessor = an_assessor(directory, tariff, wrong_code=wrong_code)
        self._directory = directory
        self._limits = limits or Limits()
        self._authoriser = Authoriser(
            control=CreditControl(
                self._assessor,
                directory,
                self._limits,
                Stances({PBX: stance}),
                refusing_unrated=[PBX] if unrated == "refuse" else [],
                ceilings={"standard": ceiling},
            ),
            desk_locks=locks,
            alarms=self.alarms,
            chronicle=self.chronicle,
            clock=clock,
            would_refuse=self._would_refuse,
            reserve=self._reserve,
        )

    async def _reserve(self, question: Question, grant: Grant, at_: datetime) -> Hold | None:
        """All that there is in one slice, so that each figure tells whose money it is."""
        state = self._directory.state(grant.account)
        pricing: Pricing
        least_s = ceil(self._limits.guard_s) + 1
        terms = SliceTerms(
            14_400, 14_400, call_min_s=max(20, least_s), call_max_s=self._limits.call_max_s
        )
        try:
            pricing = self._assessor.pricing(state.account, grant.called, at_, Place(PBX))
        except NoRate:
            pricing = UnknownPricing(state.grantable_micros > 0)
            terms = replace(terms, call_min_s=least_s, call_max_s=self._limits.unrated_talk_max_s)
        wish = Wish(key=question.channel, call=None, pricing=pricing, terms=terms, at=at_)
        after = holds.reserve(state, wish, calls_max=0).state
        self._directory.put(after)
        return after.hold(question.channel)

    def _would_refuse(self, question: Question, refusal: Refusal) -> None:
        self.let_through.append((question.number, refusal.reason))

    async def about(
        self, number: str = SWITZERLAND, payer: str | None = "1001", origin: str = ""
    ) -> Answer:
        return await self._authoriser.decide(
            Question(
                pbx=PBX,
                channel="7.1",
                payer=payer,
                number=number,
                kind=CallKind.DIRECT,
                origin=read_origin(origin),
            )
        )

    @property
    def alarm_kinds(self) -> list[tuple[str, str]]:
        return [(alarm.kind, alarm.subject) for alarm in self.alarms.active()]
