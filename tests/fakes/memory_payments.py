"""The part of the store in memory about payments: top-ups, what pays them, what providers told."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.errors import Refused
from rtbill.domain.payment_changes import (
    AddPayLink,
    BeginSetUp,
    EndSetUp,
    ForgetGatewayEvents,
    GatewayEventTried,
    KeepGatewayEvents,
    KeepMethod,
    LookAtSetUp,
    PaymentChange,
    RemoveMethod,
    ResumeGateway,
    SetReplenishment,
    StopGateway,
    UsePayLink,
)
from rtbill.domain.rated import Facts
from rtbill.domain.replenishment import (
    RAW_MAX,
    SET_UPS_MAX,
    GatewayStop,
    InboxEvent,
    KeptMethod,
    PayLink,
    PendingSetUp,
    Replenishment,
)
from rtbill.domain.top_up import (
    Paying,
    PaymentState,
    Reversal,
    TopUp,
    TopUpEvent,
)
from rtbill.domain.work import TopUpStep
from rtbill.storage.payment_checks import (
    check_link,
    check_method,
    check_payment,
    check_reference,
    check_replenishment,
    check_top_up,
)

RECENT = timedelta(days=31)


class MemoryPayments:
    """Payments of accounts, which `account` finds, or raises of an unknown one."""

    def __init__(self, account: Callable[[str], AccountState]) -> None:
        self._account = account
        self.top_ups: dict[str, TopUp] = {}
        self._named: dict[str, dict[str, None]] = {}
        """References by account; those of a change that was taken back stand there too."""
        self._cards: dict[str, dict[tuple[str, str], None]] = {}
        """The same of methods."""
        self._paid_as: dict[tuple[str, str], str] = {}
        self.events: list[TopUpEvent] = []
        self.reversals: dict[tuple[str, str], Reversal] = {}
        self.methods: dict[tuple[str, str], KeptMethod] = {}
        self.settings: dict[str, Replenishment] = {}
        self.stops: dict[str, GatewayStop] = {}
        self.inbox: dict[tuple[str, str], InboxEvent] = {}
        self.links: dict[str, PayLink] = {}
        self.set_ups: dict[str, PendingSetUp] = {}

    def copy(self) -> MemoryPayments:
        """As it is now, whatever becomes of this one."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list):
                setattr(other, name, copy.copy(value))
        return other

    def decide(self, state: AccountState, step: TopUpStep, pools: Pools, now: datetime) -> Facts:
        """One step, kept."""
        books = self._books(step, now)
        check_reference(step, books.top_up)
        facts = step.decide(state, books, pools)
        check_top_up(state, books, step, facts)
        assert facts.paying is not None
        self._check_provider(facts.paying)
        self._keep(facts.paying)
        return facts

    def _books(self, step: TopUpStep, now: datetime) -> PaymentState:
        named = self._named.get(step.account, ())
        own = [self.top_ups[each] for each in named if each in self.top_ups]
        own.sort(key=lambda each: (each.wanted_at, each.reference))
        return PaymentState(
            top_up=self.top_ups.get(step.reference),
            in_flight=next((each for each in own if not each.is_final), None),
            recent=tuple(each for each in own if each.wanted_at >= now - RECENT),
            reversals=tuple(self.of_top_up(step.reference)),
            settings=self.settings.get(step.account),
            methods=tuple(self.of_account(step.account)),
            stops=tuple(self.stops.values()),
        )

    def _check_provider(self, paying: Paying) -> None:
        row = paying.top_up
        if row is not None and row.provider_id:
            known = self._paid_as.get((row.gateway, row.provider_id), "")
            check_payment(row, self.top_ups.get(known))

    def _keep(self, paying: Paying) -> None:
        if paying.event is not None and paying.top_up is not None:
            row = paying.top_up
            self.top_ups[row.reference] = row
            self._named.setdefault(row.account, {})[row.reference] = None
            if row.provider_id:
                self._paid_as[row.gateway, row.provider_id] = row.reference
            self.events.append(paying.event)
        self.reversals |= {(each.gateway, each.key): each for each in paying.reversals}
        self.methods |= {each.key: each for each in paying.methods}
        if paying.settings is not None:
            self.settings[paying.settings.account] = paying.settings
        if paying.stop is not None:
            self.stops[paying.stop.gateway] = paying.stop

    def of_top_up(self, reference: str) -> list[Reversal]:
        """By the time of their stage."""
        found = [each for each in self.reversals.values() if each.top_up == reference]
        return sorted(found, key=lambda each: (each.at, each.key))

    def of_account(self, account: str) -> list[KeptMethod]:
        """In the order in which they were kept."""
        kept = self._cards.get(account, ())
        found = [self.methods[each] for each in kept if each in self.methods]
        return sorted(found, key=lambda each: (each.kept_at, each.method.reference))

    def change(self, change: PaymentChange) -> None:
        """As the store does."""
        match change:
            case KeepMethod():
                self._keep_method(change)
            case BeginSetUp() | LookAtSetUp() | EndSetUp():
                self._change_set_ups(change)
            case RemoveMethod():
                self._remove(change)
            case SetReplenishment(settings):
                self._set(settings)
            case StopGateway(stop):
                self.stops[stop.gateway] = stop
            case ResumeGateway(gateway):
                self.stops.pop(gateway, None)
            case AddPayLink() | UsePayLink():
                self._change_links(change)
            case _:
                self._change_inbox(change)

    def _change_links(self, change: AddPayLink | UsePayLink) -> None:
        match change:
            case AddPayLink(link):
                self._account(link.account)
                self.links[link.token_hash] = link
            case UsePayLink(token_hash, at):
                check_link(self.links.get(token_hash), at)
                self.links[token_hash] = replace(self.links[token_hash], used_at=at)

    def _keep_method(self, change: KeepMethod) -> None:
        method = change.method
        self._account(method.account)
        check_method(self.methods.get(method.key), method)
        if change.set_up and self.set_ups.pop(change.set_up, None) is None:
            return
        self.methods[method.key] = method
        self._cards.setdefault(method.account, {})[method.key] = None

    def _change_set_ups(self, change: BeginSetUp | LookAtSetUp | EndSetUp) -> None:
        match change:
            case BeginSetUp(set_up):
                self._account(set_up.account)
                self.set_ups[set_up.reference] = set_up
                own = [each for each in self.set_ups.values() if each.account == set_up.account]
                own.sort(key=lambda each: (each.begun_at, each.reference))
                for each in own[:-SET_UPS_MAX]:
                    del self.set_ups[each.reference]
            case LookAtSetUp(reference, next_look):
                if reference in self.set_ups:
                    known = self.set_ups[reference]
                    self.set_ups[reference] = replace(known, next_look=next_look)
            case EndSetUp(reference):
                self.set_ups.pop(reference, None)

    def _set(self, settings: Replenishment) -> None:
        currency = self._account(settings.account).account.currency
        method = self.methods.get((settings.gateway, settings.method))
        known = self.settings.get(settings.account)
        check_replenishment(known, settings, currency, method)
        self.settings[settings.account] = settings

    def _remove(self, change: RemoveMethod) -> None:
        key = change.gateway, change.reference
        known = self.methods.get(key)
        if known is None or known.account != change.account:
            raise Refused(f"account {change.account} has no method {change.reference}")
        self.methods[key] = replace(known, removed_at=known.removed_at or change.at)
        settings = self.settings.get(change.account)
        if settings and settings.is_on and (settings.gateway, settings.method) == key:
            why = "the card was removed"
            off = replace(settings, is_on=False, changed_at=change.at, changed_by=why)
            self.settings[change.account] = off

    def _change_inbox(self, change: PaymentChange) -> None:
        match change:
            case KeepGatewayEvents(events):
                for each in events:
                    cut = replace(each, raw=each.raw[:RAW_MAX])
                    self.inbox.setdefault((each.gateway, each.id), cut)
            case GatewayEventTried(gateway, key, result, processed_at):
                known = self.inbox.get((gateway, key))
                if known is not None:
                    self.inbox[gateway, key] = replace(
                        known, tries=known.tries + 1, result=result, processed_at=processed_at
                    )
            case ForgetGatewayEvents(before):
                self.inbox = {
                    key: each
                    for key, each in self.inbox.items()
                    if each.processed_at is None or each.received_at >= before
                }
            case _:
                raise AssertionError(f"{change} is none of these")


class PaymentsReader:
    """The part of ports.Reader about payments."""

    _payments: MemoryPayments

    async def top_up(self, reference: str) -> TopUp | None:
        """The top-up of this reference."""
        return self._payments.top_ups.get(reference)

    async def top_up_of(self, gateway: str, provider_id: str) -> TopUp | None:
        """The one that the provider knows by this id."""
        for each in self._payments.top_ups.values():
            if provider_id and (each.gateway, each.provider_id) == (gateway, provider_id):
                return each
        return None

    async def top_ups(self, account: str | None, limit: int) -> Sequence[TopUp]:
        """Newest first."""
        found = [each for each in self._oldest() if account in (None, each.account)]
        return found[::-1][:limit]

    def _oldest(self) -> list[TopUp]:
        return sorted(
            self._payments.top_ups.values(), key=lambda each: (each.wanted_at, each.reference)
        )

    async def top_ups_paid(self, gateway: str, since: datetime, until: datetime) -> Sequence[TopUp]:
        """Oldest first."""
        paid = [
            (each.paid_at, each.reference, each)
            for each in self._payments.top_ups.values()
            if each.gateway == gateway and each.paid_at and since <= each.paid_at < until
        ]
        return [each for _, _, each in sorted(paid, key=lambda one: one[:2])]

    async def top_ups_in_flight(self, limit: int) -> Sequence[TopUp]:
        """Oldest first."""
        return [each for each in self._oldest() if not each.is_final][:limit]

    async def due_top_ups(self, at: datetime, limit: int) -> Sequence[TopUp]:
        """The most overdue first."""
        due = [
            (each.next_look, each.reference, each)
            for each in self._payments.top_ups.values()
            if each.next_look is not None and each.next_look <= at
        ]
        return [each for _, _, each in sorted(due, key=lambda one: one[:2])][:limit]

    async def top_up_events(self, reference: str) -> Sequence[TopUpEvent]:
        """In order."""
        return [each for each in self._payments.events if each.reference == reference]

    async def reversals(self, top_up: str) -> Sequence[Reversal]:
        """By the time of their stage."""
        return self._payments.of_top_up(top_up)

    async def reversals_of(
        self, gateway: str, since: datetime, until: datetime
    ) -> Sequence[Reversal]:
        """Oldest first."""
        found = [
            each
            for each in self._payments.reversals.values()
            if each.gateway == gateway and since <= each.at < until
        ]
        return sorted(found, key=lambda each: (each.at, each.key))

    async def due_refunds(self, at: datetime, limit: int) -> Sequence[Reversal]:
        """The most overdue first."""
        due = [
            (each.next_try, each.key, each)
            for each in self._payments.reversals.values()
            if each.next_try is not None and each.next_try <= at
        ]
        return [each for _, _, each in sorted(due, key=lambda one: one[:2])][:limit]

    async def methods(self, account: str) -> Sequence[KeptMethod]:
        """In the order in which they were kept."""
        return [each for each in self._payments.of_account(account) if each.is_kept]

    async def method(self, gateway: str, reference: str) -> KeptMethod | None:
        """Also when removed."""
        return self._payments.methods.get((gateway, reference))

    async def customer(self, account: str, gateway: str) -> str:
        """Of the method that was kept last."""
        known = [
            each.method.customer
            for each in self._payments.of_account(account)
            if each.method.gateway == gateway and each.method.customer
        ]
        return known[-1] if known else ""

    async def expiring_methods(self, until: tuple[int, int]) -> Sequence[KeptMethod]:
        """The first to expire first."""
        found = [
            (each.method.expires, each.account, each.method.reference, each)
            for each in self._payments.methods.values()
            if each.is_kept and each.method.expires and each.method.expires <= until
        ]
        return [one[-1] for one in sorted(found, key=lambda one: one[:3])]

    async def replenishments(self) -> Sequence[Replenishment]:
        """By account."""
        return [self._payments.settings[key] for key in sorted(self._payments.settings)]

    async def replenishment(self, account: str) -> Replenishment | None:
        """One account's."""
        return self._payments.settings.get(account)

    async def gateway_stops(self) -> Sequence[GatewayStop]:
        """By gateway."""
        return [self._payments.stops[key] for key in sorted(self._payments.stops)]

    async def waiting_gateway_events(self, limit: int) -> Sequence[InboxEvent]:
        """The least tried and then the oldest first."""
        waiting = [each for each in self._payments.inbox.values() if each.processed_at is None]
        waiting.sort(key=lambda each: (each.tries, each.at, each.gateway, each.id))
        return waiting[:limit]

    async def newest_gateway_event(self, gateway: str) -> datetime | None:
        """When it happened."""
        at = [each.at for each in self._payments.inbox.values() if each.gateway == gateway]
        return max(at, default=None)

    async def set_up(self, reference: str) -> PendingSetUp | None:
        """As long as it is waited for."""
        return self._payments.set_ups.get(reference)

    async def set_up_of(self, gateway: str, page: str) -> PendingSetUp | None:
        """As long as it is waited for."""
        for each in self._payments.set_ups.values():
            if (each.gateway, each.page) == (gateway, page):
                return each
        return None

    async def due_set_ups(self, at: datetime, limit: int) -> Sequence[PendingSetUp]:
        """The most overdue first."""
        due = [each for each in self._payments.set_ups.values() if each.next_look <= at]
        return sorted(due, key=lambda each: (each.next_look, each.reference))[:limit]

    async def pay_link(self, token_hash: str) -> PayLink | None:
        """Used or not."""
        return self._payments.links.get(token_hash)
