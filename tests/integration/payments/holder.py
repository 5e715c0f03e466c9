"""A holder of an account, with a browser that runs no scripts and keeps its cookies."""

from __future__ import annotations

import re
import ssl
from urllib.parse import urlsplit

import httpx

from tests.fakes.pay_web import Browser

TIMEOUT_S = 20.0
_ONWARD = re.compile(r'<a class="button" href="(http[^"]+)">')
_METHOD = re.compile(r'name="method" value="([^"]+)"')


class Holder(Browser):
    """Reads our pages and those of the provider."""

    def __init__(self, url: str, trust: ssl.SSLContext | None = None) -> None:
        """`trust`: whom they believe; None: the authorities of the web."""
        super().__init__(httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, verify=trust or True))

    async def come_in(self, link: str) -> None:
        """By a link, which is used up."""
        await self.read(urlsplit(link).path)
        await self.go()

    async def give_card(self, card: str, *, is_saved: bool = True) -> str:
        """The text of the page on which they are when the provider's page has led back."""
        await self.read("/pay/card")
        await self.go("/pay/card", agree="yes")
        return await self.at_the_provider("save" if is_saved else "cancel", card=card)

    async def at_the_provider(self, choice: str, **fields: str) -> str:
        """Press a button on the page to which ours leads on, and come back; the text of the page
        that says what came of it.
        """
        onward = self._onward()
        await self.read(onward)
        assert self.page is not None
        assert self.page.status_code == 200, self.text
        self.page = await self.http.post(onward, data={**fields, "choice": choice})
        await self.follow()
        assert self.path == "/pay/back", self.text
        await self.read("/pay/done")
        await self.follow()
        return self.text

    async def save_at_the_provider(self, card: str) -> None:
        """Give the card on the page to which ours leads on, and go nowhere from there."""
        answer = await self.http.post(self._onward(), data={"card": card, "choice": "save"})
        assert answer.is_redirect, answer.text

    def _onward(self) -> str:
        assert self.path == "/pay/go", self.text
        assert self.page is not None
        onward = _ONWARD.search(self.page.text)
        assert onward is not None
        return onward[1]

    async def agree_to(self, **amounts: str) -> str:
        """Automatic top-ups; the text of the page that says what came of it."""
        await self.read("/pay/settings")
        await self.go("/pay/settings", **amounts, **self._newest_method())
        assert self.path == "/pay/agree", self.text
        return await self.go("/pay/agree", agree="yes")

    async def top_up(self, amount: str) -> str:
        """Now; the text of the page that says what came of it, or leads on to the provider."""
        await self.read("/pay/top-up")
        assert self.path == "/pay/top-up", self.text
        return await self.go("/pay/top-up", amount=amount, **self._newest_method())

    def _newest_method(self) -> dict[str, str]:
        assert self.page is not None
        return {"method": _METHOD.findall(self.page.text)[-1]}
