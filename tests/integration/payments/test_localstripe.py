"""Our Stripe client against localstripe, an imitation that others wrote.

It knows neither idempotency keys nor `off_session`, neither disputes nor Checkout, and refuses
every parameter that it does not know; it does not say how much was received. So the parameters of
our confirmation are taken out on their way, and that amount is put in; all else is as with Stripe.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from payments.stripe_card import StripeGateway
from payments.stripe_settings import StripeSettings
from rtbill.clock import SystemClock
from rtbill.domain.errors import BadRecord, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    Charge,
    Created,
    DeclineClass,
    Declined,
    MethodKind,
    PaymentMethod,
    Refund,
    RefundState,
    Settled,
    SetUp,
)
from simulator.http_server import HttpServer, Reply, Request

pytestmark = pytest.mark.integration

KEY, SECRET = "sk_test_localstripe", "whsec_localstripe"
WAIT_S = 20.0
PROGRAM = (
    "import sys; from aiohttp import web; from localstripe.server import app; "
    "web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None)"
)
GOOD_CARD, BAD_CARD = "4242424242424242", "4000000000000341"
TEN_EUROS = Money(10_000_000, "EUR")


class Adapted(httpx.AsyncHTTPTransport):
    """Takes all parameters out of confirmations, and puts into payments what the card paid."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/confirm"):
            headers = {**request.headers, "content-length": "0"}
            request = httpx.Request("POST", request.url, headers=headers, content=b"")
        answer = await super().handle_async_request(request)
        if answer.status_code == 404:
            return answer
        content = json.loads(await answer.aread())
        await answer.aclose()
        if content.get("object") == "payment_intent" and content["status"] == "succeeded":
            content["amount_received"] = content["charges"]["data"][0]["amount"]
        return httpx.Response(answer.status_code, json=content)


class LocalStripe:
    """The imitation, our gateway to it, and what it told by webhook."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[Request] = []
        self.gateway = StripeGateway(
            StripeSettings(
                api_key=KEY, webhook_secrets=(SECRET,), is_live=False, api_base=url, attempts_max=1
            ),
            SystemClock(),
        )
        transport = Adapted()
        self.gateway._wire._http._client = httpx.AsyncClient(transport=transport)

    async def call(self, path: str, **form: str) -> dict[str, Any]:
        """A call past our client."""
        async with httpx.AsyncClient(auth=(KEY, ""), verify=False) as http:
            answer = await http.post(f"{self.url}{path}", data=form)
        made: dict[str, Any] = answer.json() if answer.content else {}
        return made

    async def take_webhook(self, request: Request) -> Reply:
        self.told.append(request)
        return Reply(200, b"")

    async def a_charge(self, reference: str = "202611270001", number: str = GOOD_CARD) -> Charge:
        card = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
        form = {f"card[{name}]": value for name, value in card.items()}
        method = await self.call("/v1/payment_methods", type="card", **form)
        return Charge(
            reference=reference,
            account="room-1",
            money=TEN_EUROS,
            method=PaymentMethod(
                gateway="stripe", kind=MethodKind.CARD, reference=str(method["id"])
            ),
        )

    async def paid(self, charge: Charge) -> str:
        created = await self.gateway.create(charge)
        assert isinstance(created, Created)
        assert isinstance(await self.gateway.confirm(charge, created.provider_id), Approved)
        return created.provider_id


@pytest.fixture
async def stripe() -> AsyncIterator[LocalStripe]:
    async with running() as url:
        local = LocalStripe(url)
        async with HttpServer(local.take_webhook) as listener:
            await local.call(
                "/_config/webhooks/rtbill", url=f"http://127.0.0.1:{listener.port}/", secret=SECRET
            )
            try:
                yield local
            finally:
                await local.gateway.close()


@asynccontextmanager
async def running() -> AsyncIterator[str]:
    pytest.importorskip("localstripe")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(partial(answers, port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Return once it has; the imitation tells nobody when."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while not await happened():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)  # a process of its own, on its own clock


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_a_top_up_is_created_found_paid_and_listed(stripe: LocalStripe) -> None:
    charge = await stripe.a_charge()
    assert await stripe.gateway.find(charge, "") == Absent()
    created = await stripe.gateway.create(charge)
    assert isinstance(created, Created)
    assert await stripe.gateway.find(charge, "") == created
    paid = await stripe.gateway.confirm(charge, created.provider_id)
    assert paid == Approved(created.provider_id, TEN_EUROS)
    assert await stripe.gateway.find(charge, created.provider_id) == paid


async def test_a_declined_card_is_vague_as_the_imitation_gives_no_decline_code(
    stripe: LocalStripe,
) -> None:
    charge = await stripe.a_charge(number=BAD_CARD)
    created = await stripe.gateway.create(charge)
    assert isinstance(created, Created)
    declined = await stripe.gateway.confirm(charge, created.provider_id)
    assert isinstance(declined, Declined)
    assert (declined.decline, declined.code) == (DeclineClass.VAGUE, "card_declined")
    found = await stripe.gateway.find(charge, created.provider_id)
    assert isinstance(found, Declined)


async def test_a_top_up_is_cancelled_once_and_then_refused(stripe: LocalStripe) -> None:
    charge = await stripe.a_charge()
    created = await stripe.gateway.create(charge)
    assert isinstance(created, Created)
    cancelled = Cancelled(created.provider_id)
    assert await stripe.gateway.cancel(charge, created.provider_id) == cancelled
    assert await stripe.gateway.cancel(charge, created.provider_id) == cancelled
    assert await stripe.gateway.confirm(charge, created.provider_id) == cancelled


async def test_a_refund_is_made_once_though_the_imitation_ignores_keys(
    stripe: LocalStripe,
) -> None:
    provider_id = await stripe.paid(await stripe.a_charge())
    refund = Refund(
        reference="55",
        charge="202611270001",
        provider_id=provider_id,
        money=Money(3_000_000, "EUR"),
    )
    first, again = [await stripe.gateway.refund(refund) for _ in range(2)]
    assert first == again
    assert (first.state, first.money) == (RefundState.DONE, Money(3_000_000, "EUR"))


async def test_what_the_imitation_does_not_have_is_refused_in_words(stripe: LocalStripe) -> None:
    wanted = SetUp(
        reference="7001",
        account="room-1",
        customer="",
        email="guest@hall.example",
        return_url="http://127.0.0.1/back",
        mandate="1",
    )
    with pytest.raises(Refused, match="the set-up page 7001: HTTP 404"):
        await stripe.gateway.set_up(wanted)


async def test_a_404_without_stripes_own_code_concludes_nothing(stripe: LocalStripe) -> None:
    charge = await stripe.a_charge()
    with pytest.raises(Unavailable, match="202611270001: HTTP 404 invalid_request_error"):
        await stripe.gateway.find(charge, "pi_unknown")


async def test_a_webhook_of_the_imitation_is_genuine_and_settles_the_top_up(
    stripe: LocalStripe,
) -> None:
    provider_id = await stripe.paid(await stripe.a_charge())

    async def is_told() -> bool:
        return any(b'"payment_intent.succeeded"' in each.body for each in stripe.told)

    await until(is_told)
    request = next(each for each in stripe.told if b'"payment_intent.succeeded"' in each.body)
    event = stripe.gateway.read_event(request.body, request.headers)
    assert await stripe.gateway.look_up(event) == (
        Settled("202611270001", Approved(provider_id, TEN_EUROS)),
    )
    with pytest.raises(BadRecord, match="no signature"):
        stripe.gateway.read_event(request.body + b" ", request.headers)
