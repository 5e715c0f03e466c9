"""Webhooks as a network brings them: doubled, overtaken, late, and among forged ones."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import Money
from rtbill.domain.payment import Approved, GatewayEvent, Settled
from simulator.http_server import HttpServer, Reply, Request
from tests.fakes.stripe_office import StripeOffice

TOP_UPS = 8
WAIT_S = 20.0


class Door:
    """Where webhooks come in: what is genuine is kept, the rest is refused."""

    def __init__(self, office: StripeOffice) -> None:
        self._office = office
        self.events: list[GatewayEvent] = []
        self.refused: list[str] = []
        self._came = asyncio.Event()

    async def answer(self, request: Request) -> Reply:
        try:
            self.events.append(self._office.gateway.read_event(request.body, request.headers))
            return Reply(200, b"")
        except BadRecord as error:
            self.refused.append(str(error))
            return Reply(400, b"")
        finally:
            self._came.set()

    async def has_all_of(self, ids: set[str]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not ids <= {each.id for each in self.events}:
                self._came.clear()
                await self._came.wait()


@pytest.mark.parametrize("seed", range(1, 6))
async def test_every_order_of_webhooks_tells_the_same_in_the_end(
    office: StripeOffice, seed: int
) -> None:
    door = Door(office)
    async with HttpServer(door.answer) as server:
        office.provider.webhooks.url = f"http://127.0.0.1:{server.port}/webhooks/stripe"
        office.provider.spoil_webhooks(seed, duplicate=0.4, reorder=0.4, forge=0.3)
        charge = office.a_charge()
        ids = [
            await office.paid(replace(charge, reference=str(9_000 + number)))
            for number in range(TOP_UPS)
        ]
        await door.has_all_of({str(each["id"]) for each in office.provider.events()[1:]})
        office.provider.webhooks.url = ""
    told = {each for event in door.events for each in await office.gateway.look_up(event)}
    money = Money(10_000_000, "EUR")
    assert told == {
        Settled(str(9_000 + number), Approved(provider_id, money))
        for number, provider_id in enumerate(ids)
    }
    assert len(door.events) > len({each.id for each in door.events})
    assert door.refused
    assert all("no signature of the webhook fits" in each for each in door.refused)
