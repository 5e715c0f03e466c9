"""Control of running calls: how long each may talk, and what must be told to its exchange.

A prepaid call whose limit is enforced may talk for what its committed hold grants
(rtbill/credit/holding.py). One at an exchange that only observes is measured against what the
account has beside its holds: nothing is reserved for what cannot be stopped. Any call ends where
its rate or its account's class ends it.
"""

from __future__ import annotations

from collections.abc import Collection, KeysView, Mapping
from datetime import datetime

from rtbill.credit.call_bounds import CallBounds, Priced
from rtbill.credit.grants import CallLimits, Grant, Limits
from rtbill.credit.running_call import RunningCall
from rtbill.credit.stances import ENFORCED, EVERYWHERE, Reach, Stances
from rtbill.domain.account import SUSPENSE, AccountKind, AccountState, Outgoing
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.events import LiveLeg
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.origin import NO_ORIGIN, Origin
from rtbill.domain.payer_key import WrongCode
from rtbill.domain.rated import NumberKind
from rtbill.domain.stance import Stance
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place
from rtbill.pricing.payers import FoundBy, Payer
from rtbill.pricing.site_hook import Caller
from rtbill.pricing.wrong_codes import WrongCodes

NO_CEILINGS: Mapping[str, int | None] = {}


class CreditControl:
    """All running calls by account. Says which need a new limit; does not speak to exchanges."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        assessor: Assessor,
        directory: Directory,
        limits: Limits,
        stances: Stances = ENFORCED,
        refusing_unrated: Collection[str] = (),
        ceilings: Mapping[str, int | None] = NO_CEILINGS,
    ) -> None:
        """`refusing_unrated` are the exchanges that ask before they dial, and are told to refuse a
        prepaid call without a rate; `ceilings` the highest price a minute, by account class.
        """
        self._bounds = CallBounds(assessor, ceilings)
        self.wrong_codes = WrongCodes()
        self._refusing_unrated = frozenset(refusing_unrated)
        self._assessor = assessor
        self._directory = directory
        self._limits = limits
        self._call_limits = CallLimits(self._bounds, assessor, limits)
        self.stances = stances
        self._running: dict[CallId, RunningCall] = {}
        self._by_account: dict[str, dict[CallId, RunningCall]] = {}

    @property
    def bounds(self) -> CallBounds:
        """Where rate or class end calls, whatever the money."""
        return self._bounds

    @property
    def limits(self) -> Limits:
        """Bounds that hold for every call."""
        return self._limits

    def is_held(self, state: AccountState, called: CalledNumber, stance: Stance) -> bool:
        """Whether such a call of the account may only talk for what a hold grants."""
        return (
            stance.is_enforcing
            and state.account.kind is AccountKind.PREPAID
            and called.kind is NumberKind.CHARGEABLE
        )

    def of_account(self, account: str) -> list[RunningCall]:
        """The account's answered calls in progress."""
        return list(self._by_account.get(account, {}).values())

    def running(self) -> list[RunningCall]:
        """Every answered call in progress."""
        return list(self._running.values())

    def accounts_talking(self) -> KeysView[str]:
        """Those with an answered call in progress."""
        return self._by_account.keys()

    def find(self, call: CallId) -> RunningCall | None:
        """The call if it is in progress."""
        return self._running.get(call)

    def grant(  # noqa: PLR0913 - the facts of one call
        self,
        pbx: str,
        payer: str | None,
        dialled: str | None,
        at: datetime,
        origin: Origin = NO_ORIGIN,
        trunk: str = "",
    ) -> Grant:
        """What this extension may do if it dials now; by any trunk while none is known."""
        holder = self._assessor.payers.of(pbx, payer, at, origin)
        place = Place(pbx, trunk)
        called = self._assessor.classify(dialled, place)
        state = self._directory.state(holder.account)
        chargeable = called.kind is NumberKind.CHARGEABLE
        caller = Caller(payer or "", dialled or "", holder.person or "", {})
        priced = self._bounds.of(state.account, called, at, place, caller)
        bound, no_rate = priced.bound, priced.no_rate
        is_too_dear = bound.dear_s is not None and bound.dear_s - self._limits.guard_s < 1
        is_limited = self._call_limits.is_limited(state, called, bound)
        is_locked = chargeable and state.service.outgoing is Outgoing.LOCKED
        is_unrated_refused = bool(no_rate) and is_limited and pbx in self._refusing_unrated
        is_payer_unknown = chargeable and payer is None and holder.account == SUSPENSE
        is_code_refused = chargeable and self._is_code_refused(pbx, payer, at, origin, holder)
        stance = self.stances.of(pbx, state.account.account_class)
        return Grant(
            account=holder.account,
            called=called,
            priced=priced,
            state=state,
            is_limited=is_limited,
            limits=self._call_limits,
            is_unrated_refused=is_unrated_refused,
            is_too_dear=is_too_dear,
            is_locked=is_locked,
            is_payer_unknown=is_payer_unknown,
            is_code_wrong=holder.is_code_wrong,
            is_code_refused=is_code_refused,
            must_end=is_code_refused
            or (is_payer_unknown and bool(origin))
            or (is_locked and holder.found_by in (FoundBy.CODE, FoundBy.TRUNK)),
            caller=caller,
            origin=origin,
            is_held=self.is_held(state, called, stance),
            stance=stance,
        )

    def _is_code_refused(
        self, pbx: str, payer: str | None, at: datetime, origin: Origin, holder: Payer
    ) -> bool:
        if not origin.code:
            return False
        if self.wrong_codes.are_barred((pbx, payer), at):
            return True
        # Where no extension could pay instead, a wrong code lets nobody out.
        denies = payer is None or self._assessor.payers.wrong_code is WrongCode.DENY
        return holder.is_code_wrong and denies

    def answered(self, leg: LiveLeg) -> RunningCall:
        """Take up an answered call (again) and decide how long it may talk."""
        assert leg.answered_at is not None
        known = self._running.get(leg.id)
        if known is None:
            holder = self._payer_of(leg)
            called = self._assessor.classify(leg.dialled, Place(leg.id.pbx, leg.trunk))
            known = RunningCall(leg, holder.account, holder.person, called)
            self._running[leg.id] = known
            self._by_account.setdefault(holder.account, {})[leg.id] = known
            self.adjustment(known)  # asked at the answer, also where nothing limits the call
        self.allow(known)
        return known

    def adjustment(self, running: RunningCall) -> Adjustment | None:
        """What the site's hook said about the call's price when it was answered."""
        leg = running.leg
        assert leg.answered_at is not None
        if running.called.kind is not NumberKind.CHARGEABLE:
            return None
        account, place = self._directory.account(running.account), Place(leg.id.pbx, leg.trunk)
        called, at = running.called, leg.answered_at
        return self._assessor.adjustment(account, called, at, place, running.caller)

    def ended(self, call: CallId) -> RunningCall | None:
        """Forget a call that is over; what was known of it while it talked."""
        running = self._running.pop(call, None)
        if running is not None:
            self._take_from_account(running)
        return running

    def reach(self, account: str, at: datetime) -> Reach:
        """How far consequences go for the account at the exchanges where it has extensions."""
        if self.stances.all_enforce:
            return EVERYWHERE
        held = self._directory.extensions_of(account, at)
        return self.stances.reach(self._directory.account(account).account_class, held)

    def reassign(self) -> list[tuple[RunningCall, str]]:
        """Memberships changed, perhaps from an instant that has passed: running calls that another
        account pays now, or whose limit changes as a hook knows their person; and who paid before.
        """
        changed = []
        for call, running in self._running.items():
            leg = running.leg
            holder = self._payer_of(leg)
            before = running.account
            running.person = holder.person
            if holder.account != before:
                self._take_from_account(running)
                running.account = holder.account
                self._by_account.setdefault(holder.account, {})[call] = running
            if self.allow(running) or holder.account != before:
                changed.append((running, before))
        return changed

    def _payer_of(self, leg: LiveLeg) -> Payer:
        assert leg.answered_at is not None
        return self._assessor.payers.of(leg.id.pbx, leg.payer, leg.answered_at, leg.origin)

    def _take_from_account(self, running: RunningCall) -> None:
        calls = self._by_account[running.account]
        del calls[running.leg.id]
        if not calls:
            del self._by_account[running.account]

    def rebalance(self, account: str, changed: Collection[str] | None = None) -> list[RunningCall]:
        """Something about the account changed: its running calls whose limit changes with it. Where
        only its balance and holds of these keys did, calls held by others stay as they are.
        """
        calls = self._by_account.get(account)
        if not calls:
            return []
        return [
            running
            for running in calls.values()
            if running.is_touched_by(changed) and self.allow(running)
        ]

    def allow(self, running: RunningCall) -> bool:
        """Reckon its limit anew; whether it, or how far it is enforced, is another than before."""
        leg = running.leg
        assert leg.answered_at is not None
        state = self._directory.state(running.account)
        before = running.wanted_s, running.stance
        running.stance = self.stances.of(leg.id.pbx, state.account.account_class)
        if self.is_held(state, running.called, running.stance):
            hold = state.hold(running.hold_key)
            if hold is not None:
                running.wanted_s = max(0.0, hold.granted_s - self._limits.guard_s)
        else:
            bound, pricing, _ = self.priced(running)
            running.wanted_s = self._call_limits.seconds(state, running.called, bound, pricing)
        return (running.wanted_s, running.stance) != before

    def priced(self, running: RunningCall, hold_key: str = "") -> Priced:
        """What is known of its price: reckoned anew when its account, person or prices changed,
        and in part each time where bundles or a hook decide.
        """
        leg, account = running.leg, self._directory.account(running.account)
        assert leg.answered_at is not None
        made_of = self._bounds.made_of(account, running.person)
        known = running.priced
        is_known = running.priced_of == made_of
        if is_known and self._assessor.is_fixed(account):
            return known
        found = self._bounds.of(
            account, running.called, leg.answered_at, running.place, running.caller, hold_key
        )
        if is_known:
            return found._replace(bound=known.bound)
        running.priced, running.priced_of = found, made_of
        return found
