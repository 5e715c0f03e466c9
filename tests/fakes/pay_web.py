"""The pay pages over an office whose accounts buy credit, and a browser without a screen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape
from typing import Any

import httpx

from rtbill.pay.browser_return import PayReturns
from rtbill.payment_service import PaymentService
from rtbill.web.pay_mandates import open_mandates
from rtbill.web.pay_office import Holder, PayOffice
from rtbill.web.pay_pages import PayPages
from rtbill.web.webhooks import Webhooks
from tests.fakes.fake_gateway import FakeGateway, Provider
from tests.fakes.pay_office import PayOffice as Paying
from tests.fakes.pay_office import a_pay_office
from tests.fakes.provider_pages import PagedGateway

URL = "https://pay.example"
_FIELD = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')
_FORM = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)


class PayWeb:
    """The pages, the office behind them, and the provider with its pages."""

    def __init__(self, paying: Paying, office: PayOffice, pages: PayPages, hears: Webhooks) -> None:
        self.paying = paying
        self.office = office
        self.application = pages.application(hears)

    def browser(self, **headers: str) -> Browser:
        """Somebody with cookies of their own."""
        transport = httpx.ASGITransport(self.application, client=("192.0.2.7", 40_000))
        return Browser(
            httpx.AsyncClient(transport=transport, base_url=self.office.url, headers=headers)
        )

    async def link(self, account: str = "room-1") -> str:
        """The path of a new link."""
        answer = await self.paying.order("pay.link", account=account)
        return str(answer["url"]).removeprefix(self.office.url)

    async def visitor(self, path: str = "", **headers: str) -> Browser:
        """A browser in which a link was opened."""
        browser = self.browser(**headers)
        await browser.read(path or await self.link())
        answer = await browser.send()
        assert answer.status_code == 303, answer.text
        await browser.follow()
        return browser


class Browser:
    """Reads pages and sends their forms as a browser does: with hidden fields, and cookies."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.page: httpx.Response | None = None

    @property
    def text(self) -> str:
        """Of the page, as people read it: without what stands in angle brackets."""
        assert self.page is not None
        words = unescape(re.sub("<[^>]*>", " ", self.page.text))
        return " ".join(words.replace("\N{NO-BREAK SPACE}", " ").split())

    @property
    def path(self) -> str:
        """Of the page."""
        assert self.page is not None
        return self.page.url.path

    async def read(self, path: str) -> httpx.Response:
        """One answer, which may lead on."""
        self.page = await self.http.get(path)
        return self.page

    async def send(self, action: str = "", /, **fields: str) -> httpx.Response:
        """The form of the page that goes to this address, or its first."""
        assert self.page is not None
        forms = {to: dict(_FIELD.findall(inner)) for to, inner in _FORM.findall(self.page.text)}
        action = action or next(iter(forms))
        hidden = {name: unescape(value) for name, value in forms[action].items()}
        self.page = await self.http.post(action, data={**hidden, **fields})
        return self.page

    async def follow(self) -> httpx.Response:
        """On to where it leads, until it is a page."""
        while self.page is not None and self.page.is_redirect:
            await self.read(self.page.headers["location"])
        assert self.page is not None
        return self.page

    async def go(self, action: str = "", /, **fields: str) -> str:
        """Send, follow, and the text of the page that comes."""
        await self.send(action, **fields)
        await self.follow()
        return self.text


def an_office_of_pages(
    paying: Paying,
    gateways: Sequence[str] = ("fake",),
    url: str = URL,
    **fields: Any,
) -> PayOffice:
    """What pages work with, over the office."""
    service: PaymentService = paying.service
    returns = PayReturns(service.driver, service.gateways, paying.office.store)

    async def order(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if verb == "pay.look":
            return await returns.look(arguments)
        return await paying.order(verb, **arguments)

    async def holder(_account: str) -> Holder:
        return Holder("guest@example.org", "")

    made = PayOffice(
        order=order,
        look=service.links.look,
        holder=holder,
        offers=tuple(gateways),
        has_cashless=False,
        mandates=open_mandates("1"),
        site="Hall",
        url=url,
        amount_min_micros=1_000_000,
        amount_max_micros=200_000_000,
        trusted_proxy="",
        clock=paying.clock,
    )
    return replace(made, **fields)


@asynccontextmanager
async def pay_web(
    balance: str = "10.00",
    *,
    buying: Sequence[str] = (),
    gateway: Callable[[Provider], FakeGateway] = PagedGateway,
    wait_s: float = 5.0,
    office: Callable[[PayOffice], PayOffice] = lambda office: office,
    **fields: Any,
) -> AsyncIterator[PayWeb]:
    """At work, until the end."""
    async with a_pay_office(balance, buying=buying, gateway=gateway, **fields) as paying:
        made = office(an_office_of_pages(paying))
        async with asyncio.TaskGroup() as work:
            pages = PayPages(made, work, paying.meter, wait_s=wait_s)
            yield PayWeb(paying, made, pages, Webhooks(paying.service.inbox.hear, ["fake"]))
