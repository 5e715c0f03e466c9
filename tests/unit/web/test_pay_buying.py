"""Top-ups by the pages: what is asked of the desk, and what holders read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from rtbill.domain.errors import OutcomeUnknown, Refused
from rtbill.domain.payment import DeclineClass
from tests.fakes.fake_gateway import Loss
from tests.fakes.pay_web import Browser, PayWeb, pay_web
from tests.fakes.provider_pages import PagedGateway


async def _bought(web: PayWeb, amount: str = "10.00") -> Browser:
    visitor = await web.visitor()
    await visitor.read("/pay/top-up")
    await visitor.go(amount=amount)
    return visitor


async def test_a_top_up_is_paid_and_credited() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await _bought(web, "12,50")
        assert "12.50 EUR of telephone credit were bought" in visitor.text
        assert await web.paying.balance() == "22.50"


async def test_a_button_that_is_pressed_twice_pays_once() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await web.visitor()
        await visitor.read("/pay/top-up")
        form = visitor.page
        for _ in range(3):
            visitor.page = form
            assert "were bought" in await visitor.go(amount="10.00")
        assert web.paying.provider.moved == {"room-1": 10_000_000}


@pytest.mark.parametrize(
    ("decline", "said"),
    [
        (DeclineClass.FAST, "try again in a few minutes"),
        (DeclineClass.SOFT, "Your bank does not tell us more"),
        (DeclineClass.VAGUE, "Your bank does not tell us more"),
        (DeclineClass.NEVER, "Your bank does not tell us more"),
        (DeclineClass.CARD, "Please use another card"),
        (DeclineClass.OURS, "It is not your card's fault"),
    ],
)
async def test_a_decline_says_what_to_do_and_no_more(decline: DeclineClass, said: str) -> None:
    async with pay_web(buying=("room-1",)) as web:
        web.paying.provider.verdicts.append(decline)
        visitor = await _bought(web)
        assert said in visitor.text
        assert "Nothing was paid" in visitor.text
        assert visitor.page is not None
        assert f"code_{decline}" not in visitor.page.text
        assert await web.paying.balance() == "10.00"


async def test_a_lost_answer_is_said_to_be_under_way_until_it_is_known() -> None:
    async with pay_web(buying=("room-1",)) as web:
        web.paying.provider.losses["confirm"].append(Loss.AFTER)
        web.paying.provider.losses["look"].append(Loss.BEFORE)
        web.paying.provider.losses["find"] += [Loss.BEFORE, Loss.BEFORE]
        visitor = await _bought(web)
        assert "Do not pay again" in visitor.text
        assert visitor.page is not None
        assert '<meta http-equiv="refresh" content="5">' in visitor.page.text
        await web.paying.clock.advance(600)
        await visitor.read("/pay/done")
        assert "were bought" in visitor.text
        assert web.paying.provider.moved == {"room-1": 10_000_000}


async def _waiting(web: PayWeb) -> Browser:
    """Somebody who has pressed, whose bank wants to hear from them."""
    web.paying.provider.verdicts.append("action")
    visitor = await _bought(web)
    assert visitor.path == "/pay/go"
    return visitor


async def test_an_authentication_leads_to_the_bank_and_is_looked_up_after_it() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await _waiting(web)
        reference = (await web.paying.rows())[0].reference
        web.paying.provider.settle(reference)
        await visitor.read("/pay/back")
        await visitor.read("/pay/done")
        assert "were bought" in visitor.text
        assert await web.paying.balance() == "20.00"


async def test_whoever_turns_back_at_the_bank_may_confirm_later() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await _waiting(web)
        await visitor.read("/pay/back")
        await visitor.read("/pay/done")
        assert "your bank wants you to confirm" in visitor.text
        await visitor.read("/pay/account")
        assert "A purchase waits for you" in visitor.text
        await visitor.read("/pay/confirm")
        assert "10.00 EUR" in visitor.text
        await visitor.go()
        assert visitor.path == "/pay/go"
        assert len(await web.paying.rows()) == 1


async def test_a_mailed_confirmation_confirms_the_same_payment() -> None:
    async with pay_web(buying=("room-1",)) as web:
        web.paying.provider.verdicts.append("action")
        await web.paying.spend("6.00")
        row = (await web.paying.rows())[0]
        made = await web.paying.service.links.to_confirm(row)
        visitor = await web.visitor(made.url.removeprefix(web.office.url))
        assert visitor.path == "/pay/confirm"
        assert "10.00 EUR" in visitor.text
        await visitor.go()
        assert visitor.path == "/pay/go"
        web.paying.provider.settle(row.reference)
        await visitor.read("/pay/back")
        await visitor.read("/pay/done")
        assert "were bought" in visitor.text
        assert [each.reference for each in await web.paying.rows()] == [row.reference]


async def test_a_refusal_of_the_desk_says_nothing_of_its_inside() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await _waiting(web)
        await visitor.read("/pay/top-up")
        text = await visitor.go(amount="10.00")
        assert "This is not possible now" in text
        assert (await web.paying.rows())[0].reference not in text
        assert len(await web.paying.rows()) == 1


async def test_an_order_that_takes_long_goes_on_and_is_told_of_later() -> None:
    async with pay_web(buying=("room-1",), wait_s=0.01) as web:
        go_on = asyncio.Event()
        order = web.office.order

        async def slow(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            if verb == "pay.topup":
                await go_on.wait()
            return await order(verb, arguments)

        object.__setattr__(web.office, "order", slow)
        visitor = await _bought(web)
        assert "One moment" in visitor.text
        await visitor.read("/pay/top-up")
        await visitor.go(amount="10.00")
        assert "One moment" in visitor.text, "nothing else is begun meanwhile"
        go_on.set()
        async with asyncio.timeout(10):
            while "were bought" not in visitor.text:
                await asyncio.sleep(0.05)
                await visitor.read("/pay/done")
        assert web.paying.provider.moved == {"room-1": 10_000_000}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("x"), "not possible now"),
        (OutcomeUnknown("x"), "cannot say yet"),
        (ZeroDivisionError(), "cannot say yet"),
    ],
)
async def test_an_order_that_fails_is_told_plainly(error: Exception, said: str) -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await web.visitor()
        order = web.office.order

        async def failing(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            if verb == "pay.settings":
                raise error
            return await order(verb, arguments)

        object.__setattr__(web.office, "order", failing)
        assert said in await visitor.go("/pay/off")


async def test_a_page_of_a_provider_without_tls_is_not_gone_to() -> None:
    class Careless(PagedGateway):
        """Its page could be read on the way."""

        def __init__(self, provider: Any) -> None:
            super().__init__(provider)
            self.url = "http://provider.example"

    async with pay_web(gateway=Careless) as web:
        visitor = await web.visitor()
        await visitor.read("/pay/card")
        assert "does not work at the moment" in await visitor.go(agree="yes")


async def test_a_holder_who_looks_again_and_again_does_not_wear_the_provider_out() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await _waiting(web)
        await visitor.read("/pay/back")
        for _ in range(20):
            await visitor.read("/pay/done")
        assert web.paying.provider.count("find") == 1
