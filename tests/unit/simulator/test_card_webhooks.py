"""Webhooks of the simulated card provider, as they reach somebody."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulator.card_gateway import SECRET, CardGateway
from simulator.http_server import HttpServer, Reply, Request

WAIT_S = 10.0


class Listener:
    """Takes webhooks, and can refuse some first."""

    def __init__(self) -> None:
        self.genuine: list[str] = []
        """Ids of events whose signature is right, as they came."""
        self.forged = 0
        self.refusals_left = 0
        self._arrived = asyncio.Event()

    async def answer(self, request: Request) -> Reply:
        self._arrived.set()
        if self.refusals_left:
            self.refusals_left -= 1
            return Reply(500, b"")
        at, _, signature = request.headers["stripe-signature"].partition(",v1=")
        payload = at.removeprefix("t=").encode() + b"." + request.body
        proof = hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
        if proof != signature:
            self.forged += 1
            return Reply(400, b"")
        self.genuine.append(json.loads(request.body)["id"])
        return Reply(200, b"")

    async def has(self, count: int) -> list[str]:
        """The genuine ones, once there are so many."""
        async with asyncio.timeout(WAIT_S):
            while len(self.genuine) < count:
                self._arrived.clear()
                await self._arrived.wait()
                await asyncio.sleep(0.01)
        return self.genuine


@asynccontextmanager
async def told() -> AsyncIterator[tuple[CardGateway, Listener]]:
    listener = Listener()
    async with (
        HttpServer(listener.answer) as server,
        CardGateway(webhook=f"http://127.0.0.1:{server.port}/webhooks/stripe") as provider,
    ):
        yield provider, listener


def happen(provider: CardGateway, times: int = 1) -> list[str]:
    """Cards are given; the ids of their events, in order."""
    customer = provider.add_customer()
    for _ in range(times):
        provider.add_card(customer)
    return [str(each["id"]) for each in provider.events()]


async def test_events_are_told_signed_and_in_order() -> None:
    async with told() as (provider, listener):
        expected = happen(provider, 5)
        assert await listener.has(5) == expected
        assert listener.forged == 0


async def test_a_webhook_that_is_refused_comes_again() -> None:
    async with told() as (provider, listener):
        listener.refusals_left = 2
        expected = happen(provider)
        assert await listener.has(1) == expected


async def test_webhooks_may_come_twice() -> None:
    async with told() as (provider, listener):
        provider.spoil_webhooks(duplicate=1.0)
        [event] = happen(provider)
        assert await listener.has(2) == [event, event]


async def test_webhooks_may_overtake_each_other() -> None:
    async with told() as (provider, listener):
        provider.spoil_webhooks(seed=1, reorder=0.5)
        expected = happen(provider, 20)
        came = await listener.has(20)
        assert sorted(came) == sorted(expected)
        assert came != expected


async def test_webhooks_may_come_late_and_still_all_come() -> None:
    async with told() as (provider, listener):
        provider.spoil_webhooks(seed=3, late=0.5)
        expected = happen(provider, 6)
        assert sorted(await listener.has(6)) == sorted(expected)


async def test_webhooks_may_be_preceded_by_forged_ones() -> None:
    async with told() as (provider, listener):
        provider.spoil_webhooks(forge=1.0)
        expected = happen(provider, 3)
        assert await listener.has(3) == expected
        assert listener.forged == 3


async def test_a_lost_webhook_is_still_in_the_list_of_events() -> None:
    async with told() as (provider, listener):
        provider.spoil_webhooks(lose=1.0)
        [lost] = happen(provider)
        await asyncio.sleep(0.05)
        provider.spoil_webhooks()
        events = happen(provider)
        assert await listener.has(1) == events[1:]
        assert events[0] == lost


async def test_without_an_address_events_wait_to_be_taken() -> None:
    async with CardGateway() as provider:
        expected = happen(provider, 2)
        assert [each["id"] for each in provider.webhooks.unsent] == expected
