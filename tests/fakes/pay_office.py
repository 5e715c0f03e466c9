"""An office whose accounts buy credit from a fake provider by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.account import Account
from rtbill.domain.money import parse_micros
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.replenishment import Agreement, KeptMethod, Replenishment
from rtbill.domain.top_up import TopUp
from rtbill.formats.wording import Wording
from rtbill.payment_service import PaymentService, PaymentTerms
from rtbill.ports import Clock, Store
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.triggers import ReplenishmentTerms
from tests.fakes.builders import PBX, a_membership, an_account
from tests.fakes.environment import NOON, CountingMeter
from tests.fakes.fake_gateway import FakeGateway, Provider, a_method
from tests.fakes.memory_store import MemoryStore
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

AGREED = Agreement(text_version="1", at=NOON - timedelta(days=2), address="192.0.2.7")
TERMS = PaymentTerms(url="https://pay.example", pace=ReplenishmentTerms(per_minute_max=100_000))
GENUINE = {"signature": "genuine"}


def a_kept(account: str = "room-1", reference: str = "", gateway: str = "fake") -> KeptMethod:
    """A card that has been there for two days."""
    method = a_method(reference or f"card-{account}", gateway)
    kept_at = NOON - timedelta(days=2)
    return KeptMethod(account=account, method=method, kept_at=kept_at, agreement=AGREED)


def settings_of(account: str = "room-1", **fields: Any) -> Replenishment:
    """Below 5.00 it buys 10.00, up to 50.00 at a time, 100.00 a day and 200.00 a month."""
    made = Replenishment(
        account=account,
        is_on=True,
        threshold_micros=parse_micros("5.00"),
        increment_micros=parse_micros("10.00"),
        charge_max_micros=parse_micros("50.00"),
        day_max_micros=parse_micros("100.00"),
        month_max_micros=parse_micros("200.00"),
        gateway="fake",
        method=f"card-{account}",
        agreement=AGREED,
    )
    return replace(made, **fields)


def a_payment_service(
    billing: Billing,
    reader: MemoryStore,
    clock: Clock,
    gateway: FakeGateway,
    terms: PaymentTerms = TERMS,
    meter: CountingMeter | None = None,
    answer_max_s: float = 45.0,
) -> PaymentService:
    """One process's part of it."""
    meter = meter or CountingMeter()
    return PaymentService(
        terms=terms,
        gateways=Gateways([gateway], clock, meter, answer_max_s),
        billing=billing,
        reader=reader,
        clock=clock,
        meter=meter,
        wording=Wording("UTC", [PBX]),
    )


class PayOffice:
    """The office, the provider, and what runs between them."""

    def __init__(self, office: Office, provider: Provider, service: PaymentService) -> None:
        self.office = office
        self.provider = provider
        self.service = service
        self.clock = office.clock
        self.meter = office.meter

    async def spend(self, amount: str, account: str = "room-1", key: str = "") -> None:
        """The account loses so much at once."""
        key = key or f"spent {account} {self.clock.now()} {amount}"
        await self.office.credit(f"-{amount}", key, account)

    async def rows(self, account: str | None = "room-1") -> list[TopUp]:
        """Its top-ups, oldest first."""
        return list(reversed(await self.office.store.top_ups(account, 10_000)))

    async def states(self, account: str | None = "room-1") -> list[str]:
        """Where they stand."""
        return [str(row.state) for row in await self.rows(account)]

    async def balance(self, account: str = "room-1") -> str:
        """In the books."""
        micros = await self.office.balance(account)
        return f"{micros / 1_000_000:.2f}"

    async def hear(self, body: bytes, headers: dict[str, str] | None = None) -> str:
        """A webhook, and all that follows from it at once."""
        heard = await self.service.inbox.hear("fake", body, headers or GENUINE)
        await settle()
        return heard

    async def order(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """An order at the desk."""
        answer = await self.service.desk.orders()[verb](arguments)
        await settle()
        return answer


async def ready_to_pay(store: Store, account: str = "room-1", **fields: Any) -> None:
    """The account has a card and buys by itself."""
    await store.change(KeepMethod(a_kept(account)))
    await store.change(SetReplenishment(settings_of(account, **fields)))


@asynccontextmanager
async def a_pay_office(
    balance: str = "10.00",
    *,
    accounts: Sequence[Account] | None = None,
    buying: Sequence[str] = ("room-1",),
    terms: PaymentTerms = TERMS,
    answer_max_s: float = 45.0,
    tells: bool = True,
    finds: bool = True,
    pages: bool = True,
    gateway: Callable[[Provider], FakeGateway] | None = None,
    **fields: Any,
) -> AsyncIterator[PayOffice]:
    """At work; `fields` are of everybody's settings."""
    people = [an_account()] if accounts is None else list(accounts)
    async with an_office(balance, accounts=people, memberships=[a_membership()]) as office:
        for account in buying:
            await ready_to_pay(office.store, account, **fields)
        provider = Provider(office.clock)
        made = FakeGateway(provider, tells=tells, finds=finds, pages=pages)
        if gateway is not None:
            made = gateway(provider)
        service = a_payment_service(
            office.billing, office.store, office.clock, made, terms, office.meter, answer_max_s
        )
        for verb, order in service.desk.orders().items():
            office.desk.add_order(verb, order)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work, name=name) for work, name in service.work()]
            await settle()
            try:
                yield PayOffice(office, provider, service)
            finally:
                for task in tasks:
                    task.cancel()
