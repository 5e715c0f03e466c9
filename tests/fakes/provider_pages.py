"""A provider whose pages a browser can open: where a card is given, and where a payment is
confirmed.
"""

from __future__ import annotations

from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from rtbill.domain.payment import (
    ActionNeeded,
    Charge,
    DeclineClass,
    Declined,
    Outcome,
    SetUp,
    SetUpPage,
)
from tests.fakes.fake_gateway import FakeGateway, Provider, a_method

CARD_NUMBER = "4242424242424242"
"""Typed on the provider's page, and to be found nowhere of ours."""
_PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
<title>Provider</title><h1>{title}</h1><form method="post">{fields}</form>"""
_CARD = """<label>Number <input name="number" value="{number}"></label>
<button name="choice" value="save">Save</button>
<button name="choice" value="cancel">Cancel</button>"""
_BANK = """<button name="choice" value="confirm">Confirm</button>
<button name="choice" value="refuse">Refuse</button>"""


class PagedGateway(FakeGateway):
    """The fake gateway, with pages at this address."""

    def __init__(self, provider: Provider, name: str = "fake") -> None:
        super().__init__(provider, name)
        self.url = "http://127.0.0.1:1"
        self.returns: dict[str, str] = {}
        self.cards = 0

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """A page that a browser can open."""
        page = await super().set_up(wanted)
        return replace(page, url=f"{self.url}/card/{page.id}")

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """The bank's page, where it wants to hear from the holder."""
        told = await super().confirm(charge, provider_id)
        if isinstance(told, ActionNeeded) and charge.return_url:
            self.returns[charge.reference] = charge.return_url
            return replace(told, url=f"{self.url}/bank/{charge.reference}")
        return told

    def application(self) -> Starlette:
        """The pages."""
        methods = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/card/{page}", self._card, methods=methods),
                Route("/bank/{reference}", self._bank, methods=methods),
            ]
        )

    async def _card(self, request: Request) -> Response:
        page = request.path_params["page"]
        wanted = self._provider.set_ups[page]
        if request.method == "GET":
            fields = _CARD.format(number=CARD_NUMBER)
            return HTMLResponse(_PAGE.format(title="Give a card", fields=fields))
        if b"choice=save" in await request.body():
            self.cards += 1
            self._provider.given[page] = a_method(f"pm_{self.cards}", self.name)
        return RedirectResponse(wanted.return_url, 303)

    async def _bank(self, request: Request) -> Response:
        reference = request.path_params["reference"]
        if request.method == "GET":
            return HTMLResponse(_PAGE.format(title="Confirm the payment", fields=_BANK))
        if b"choice=confirm" in await request.body():
            self._provider.settle(reference)
        else:
            paid = self._provider.payments[reference]
            refused = Declined(paid.id, DeclineClass.ACTION, "authentication_failed")
            self._provider.settle(reference, refused)
        return RedirectResponse(self.returns[reference], 303)
