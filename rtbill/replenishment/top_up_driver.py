"""Takes top-ups from step to step: each is durable before what it entails is done.

    want (commit), create asked (commit), gateway.create, outcome (commit),
    confirm asked (commit), gateway.confirm, outcome (commit, with the credit)

No transaction is open while a provider is asked. Which step follows which is told by the table of
payments/attempts.py alone; here it is carried out. Whoever breaks off between two steps, also by
dying, leaves a row whose `next_look` says when it has to be seen to.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from payments.attempts import Event
from rtbill.billing import Billing
from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    ActionNeeded,
    Charge,
    Disputed,
    MethodKind,
    Outcome,
    PaymentMethod,
    Refund,
    Refunded,
    RefundState,
)
from rtbill.domain.top_up import (
    NOISE_MAX,
    Asker,
    Follow,
    Paying,
    Reversal,
    TopUp,
    TopUpState,
    new_reference,
)
from rtbill.domain.work import Committed, TopUpStep
from rtbill.following import durable
from rtbill.gateway import PaymentGateway
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Meter
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.top_up_steps import TopUpSteps

STORE_PAUSE_S = 0.5
TAKE_TRIES_MAX = 120
"""Of one step, while the store is full; then its `next_look` brings it up again."""
STEPS_MAX = 20
"""More than the longest way through the table has without waiting; a bound all the same."""

_logger = logging.getLogger(__name__)

_Ask = Callable[[PaymentGateway, Charge, str], Awaitable[Outcome]]
_ACTS: Mapping[Follow, _Ask] = {
    Follow.CREATE: lambda gateway, charge, _id: gateway.create(charge),
    Follow.CONFIRM: lambda gateway, charge, key: gateway.confirm(charge, key),
    Follow.LOOK: lambda gateway, charge, key: gateway.find(charge, key),
    Follow.CANCEL: lambda gateway, charge, key: gateway.cancel(charge, key),
}
_LOST = {
    Follow.CREATE: Event.CREATE_LOST,
    Follow.CONFIRM: Event.CONFIRM_LOST,
    Follow.LOOK: Event.LOOK_LOST,
    Follow.CANCEL: Event.CANCEL_LOST,
}
_NOT_SENT = (Follow.CREATE, Follow.CONFIRM)


@dataclass(slots=True)
class _Attended:
    """The holder waits for this one."""

    return_url: str
    page: str = ""


class TopUpDriver:
    """The one that talks to providers about top-ups, whoever wants it to."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        steps: TopUpSteps,
        billing: Billing,
        reader: PaymentReader,
        gateways: Gateways,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self.steps = steps
        self._billing = billing
        self._reader = reader
        self._gateways = gateways
        self._clock = clock
        self._meter = meter
        self._watchers: list[Callable[[Paying], None]] = []
        self._triggered: dict[str, float] = {}
        self._attended: dict[str, _Attended] = {}
        self._newest = clock.now()

    def watch(self, watcher: Callable[[Paying], None]) -> None:
        """Have it told of each step that is durable, at once and in order."""
        self._watchers.append(watcher)

    async def want(  # noqa: PLR0913 - what somebody asks for
        self,
        account: str,
        asked_by: Asker = Asker.BALANCE,
        money: Money | None = None,
        gateway: str = "",
        method: str = "",
        triggered_s: float | None = None,
    ) -> Paying:
        """Whether a top-up begins, or why not; `carry_on` does the rest. `triggered_s` is the
        monotonic instant at which its need was seen.
        """
        reference = self.new_reference()
        step = self.steps.wanted(account, reference, asked_by, money, gateway, method)
        paying = await self.take(step)
        if paying.top_up is not None and triggered_s is not None:
            self._triggered[reference] = triggered_s
        return paying

    async def carry_on(self, paying: Paying, done: Follow | None = None) -> Paying:
        """Do at once what the step entails, and what that entails in turn; the last step taken.

        `done` is what was asked of the provider to come to this step: it is not asked again now,
        its `next_look` says when.
        """
        for _ in range(STEPS_MAX):
            follow = _at_once(paying, done)
            if follow is None:
                break
            assert paying.top_up is not None
            paying, done = await self._do(follow, paying.top_up), follow
        return paying

    async def _do(self, follow: Follow, row: TopUp) -> Paying:
        if follow is Follow.NEXT:
            is_new = row.state is TopUpState.WANTED
            event = Event.CREATE_ASKED if is_new else Event.CONFIRM_ASKED
            return await self.take(self.steps.asking(row, event))
        if follow is Follow.CREATE and row.reference in self._triggered:
            waited_s = self._clock.monotonic() - self._triggered.pop(row.reference)
            self._meter.observe("rtbill_topup_trigger_to_request_seconds", waited_s)
        return await self.take(await self._asked(follow, row, await self.charge(row)))

    async def _asked(self, act: Follow, row: TopUp, charge: Charge) -> TopUpStep:
        """The step that follows from what the provider answers, or from its silence."""
        try:
            told = await self._gateways.ask(
                row.gateway,
                act,
                lambda gateway: _ACTS[act](gateway, charge, row.provider_id),
            )
        except Unavailable as error:
            event = Event.NOT_SENT if act in _NOT_SENT else _LOST[act]
            return self.steps.happened(row, event, str(error))
        except Refused as error:
            # What a provider refuses to hear of will never be paid; in doubt it is looked up.
            event = Event.CANCELLED if act is Follow.CREATE else _LOST[act]
            return self.steps.happened(row, event, str(error))
        except OutcomeUnknown as error:
            return self.steps.happened(row, _LOST[act], str(error))
        if isinstance(told, ActionNeeded) and row.reference in self._attended:
            self._attended[row.reference].page = told.url
        return self.steps.answered(row, told)

    async def confirm(self, row: TopUp, return_url: str) -> str:
        """The holder is there to confirm a top-up that needs it; otherwise as `attended`."""
        with self._attending(row.reference, return_url):
            asked = await self.take(self.steps.asking(row, Event.CONFIRM_ASKED))
            return await self.attended(asked, return_url)

    async def attended(self, paying: Paying, return_url: str) -> str:
        """As `carry_on`, while the holder is there: the address of the provider's page on which
        they confirm it; empty where there is none, or where it does not answer and is looked up.
        """
        assert paying.top_up is not None
        with self._attending(paying.top_up.reference, return_url) as pages:
            await self.carry_on(paying)
            return pages.page

    @contextmanager
    def _attending(self, reference: str, return_url: str) -> Iterator[_Attended]:
        known = self._attended.get(reference)
        self._attended[reference] = known or _Attended(return_url)
        try:
            yield self._attended[reference]
        finally:
            if known is None:
                del self._attended[reference]

    async def see_to(self, row: TopUp) -> Paying:
        """Its time has come: do what is due."""
        return await self.carry_on(await self.take(self.steps.due(row)))

    async def heard(self, row: TopUp, told: Outcome | Refunded | Disputed) -> Paying:
        """The provider says this of it, by its books of now."""
        match told:
            case Refunded():
                return await self.carry_on(await self.take(self.steps.refunded(row, told)))
            case Disputed():
                return await self.carry_on(await self.take(self.steps.disputed(row, told)))
            case _:
                taken = await self.take(self.steps.answered(row, told))
                return await self.carry_on(taken, Follow.LOOK)

    async def happened(self, row: TopUp, event: Event, cause: str) -> Paying:
        """Something else became of it: a person decided, or the process that asked is gone."""
        paying = await self.take(self.steps.happened(row, event, cause))
        is_lost = event in _LOST.values()
        return await self.carry_on(paying, Follow.LOOK if is_lost else None)

    async def ask_refund(self, reversal: Reversal) -> Paying | None:
        """Have the provider give money back; None where its top-up is not in the books."""
        row = await self._reader.top_up(reversal.top_up)
        if row is None:
            return None
        wanted = Refund(
            reference=reversal.key,
            charge=row.reference,
            provider_id=row.provider_id,
            money=reversal.money,
        )
        try:
            told = await self._gateways.ask(
                row.gateway, "refund", lambda gateway: gateway.refund(wanted)
            )
        except Refused as error:
            refused = Refunded(
                "", row.provider_id, reversal.money, RefundState.FAILED, reversal.key
            )
            _logger.warning("a refund was refused", extra={"key": reversal.key, "why": str(error)})
            return await self.take(self.steps.refunded(row, refused))
        except (Unavailable, OutcomeUnknown) as error:
            return await self.take(self.steps.refund_lost(row, reversal.key, str(error)))
        return await self.take(self.steps.refunded(row, told))

    async def take(self, step: TopUpStep) -> Paying:
        """One step, durable; running calls, locks and all who watch follow it at once."""
        return self._follow(await self._committed(step))

    def _follow(self, committed: Committed) -> Paying:
        facts = committed.facts
        assert facts is not None, "a step of a top-up has no key"
        assert facts.paying is not None
        paying = facts.paying
        row = paying.top_up
        if row is not None and row.reference in self._attended:  # who is there needs no link
            others = tuple(each for each in paying.follows if each is not Follow.LINK)
            paying = replace(paying, follows=others)
        self._billing.committed(committed)
        if paying.event is not None:
            after = paying.event.after
            self._meter.count("rtbill_topup_steps_total", state=after, event=paying.event.event)
        if row is not None and row.is_final:
            self._triggered.pop(row.reference, None)
        self.tell(paying)
        return paying

    def tell(self, paying: Paying) -> None:
        """Tell all who watch of a step that is durable."""
        for watcher in self._watchers:
            watcher(paying)

    async def _committed(self, step: TopUpStep) -> Committed:
        """The store's answer, for which a step is taken again: known ones change nothing."""
        store, tries = self._billing.store, 0
        while True:
            try:
                return await durable(store.take_step(step), self._follow)
            except (Unavailable, OutcomeUnknown):
                tries += 1
                if tries == TAKE_TRIES_MAX or (not store.queued and tries > 1):
                    raise
                await self._clock.sleep(STORE_PAUSE_S)

    async def charge(self, row: TopUp) -> Charge:
        """The top-up as it is asked of its gateway; the same each time but for who is there."""
        kept = await self._reader.method(row.gateway, row.method)
        unknown = PaymentMethod(
            gateway=row.gateway, kind=MethodKind.CARD, reference=row.method, label=row.method
        )
        attended = self._attended.get(row.reference)
        return Charge(
            reference=row.reference,
            account=row.account,
            money=row.money,
            method=kept.method if kept else unknown,
            text=f"Telephone credit {row.account}",
            is_attended=row.is_attended or attended is not None,
            return_url=attended.return_url if attended else "",
        )

    def new_reference(self) -> str:
        """Digits that no top-up and no refund has: no two are of the same microsecond here, and the
        noise tells those of two processes apart.
        """
        self._newest = max(self._clock.now(), self._newest + timedelta(microseconds=1))
        noise = random.randint(0, NOISE_MAX)  # noqa: S311 - nobody gains by guessing it
        return new_reference(self._newest, noise)


def _at_once(paying: Paying, done: Follow | None) -> Follow | None:
    """What of it is to be done now and not at its `next_look`."""
    for each in paying.to_do:
        is_again = (each is Follow.LOOK and done is not None) or (
            each is Follow.CANCEL and done is Follow.CANCEL
        )
        if each is not Follow.LINK and not is_again:
            return each
    return None
