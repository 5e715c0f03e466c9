"""A holder's way through the pay pages in Chromium, with scripts switched off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rtbill.serving.listening import serve, tcp_listener
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_words import say
from tests.fakes.pay_office import TERMS
from tests.fakes.pay_web import PayWeb, pay_web
from tests.fakes.provider_pages import PagedGateway
from tests.integration.chromium.browser import Chromium, Tab
from tests.integration.chromium.page_checks import check_page


@asynccontextmanager
async def served_pages() -> AsyncIterator[PayWeb]:
    """On loopback: our pages by the name `localhost`, the provider's by its number, so that these
    are two sites and cookies are kept apart as in earnest.
    """
    made: list[PagedGateway] = []

    def gateway(provider: object) -> PagedGateway:
        made.append(PagedGateway(provider))  # type: ignore[arg-type]  # as the office gives it
        return made[0]

    with tcp_listener("127.0.0.1", 0, "pay") as ours, tcp_listener("127.0.0.1", 0, "x") as theirs:
        url = f"http://localhost:{ours.getsockname()[1]}"

        def office(known: PayOffice) -> PayOffice:
            return replace(known, url=url, site="Haus am Park")

        terms = replace(TERMS, url=url)
        async with pay_web(gateway=gateway, office=office, terms=terms) as web:
            made[0].url = f"http://127.0.0.1:{theirs.getsockname()[1]}"
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(serve(web.application, ours)),
                    group.create_task(serve(made[0].application(), theirs)),
                ]
                try:
                    yield web
                finally:
                    for task in tasks:
                        task.cancel()


class Album:
    """Looks at each page on a telephone and a wide screen, light and dark."""

    def __init__(self, tab: Tab, folder: Path, language: str) -> None:
        self._tab, self._folder, self._language = tab, folder, language
        self._count = 0

    async def look(self, name: str) -> None:
        """Check the page, and keep four pictures."""
        self._count += 1
        for width in (1200, 360):
            for scheme in ("dark", "light"):
                await self._tab.look(width=width, scheme=scheme)
                await check_page(self._tab)
                file = f"{self._language}-{self._count:02d}-{name}-{width}-{scheme}.png"
                await self._tab.picture(self._folder / file)


@pytest.fixture
def album_folder(tmp_path: Path) -> Path:
    """Where pictures go: RTBILL_PICTURES, for those who want to look at them."""
    folder = Path(os.environ.get("RTBILL_PICTURES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Walk:
    """A holder on the pages in one language: each step ends on the page that it leads to."""

    def __init__(self, web: PayWeb, tab: Tab, album: Album, language: str) -> None:
        self._web, self.tab, self.album, self._language = web, tab, album, language

    def word(self, key: str) -> str:
        """As the page says it."""
        return say(self._language, key)

    async def step(self, words: str, path: str, seen: str = "", picture: str = "") -> None:
        """Press what says so, and look at the page that comes."""
        left = await self.tab.born()
        await self.tab.click(self.word(words))
        await self.tab.until(path, self.word(seen) if seen else "", after=left)
        if picture:
            await self.album.look(picture)

    async def open(self, link: str, seen: str, picture: str) -> None:
        """A link, as from a mail."""
        await self.tab.open(self._web.office.url + link)
        await self.tab.until(link, self.word(seen))
        await self.album.look(picture)

    async def provider(self, button: str) -> None:
        """Press a button on the page of the provider, which is another site."""
        await self.tab.until_host("127.0.0.1")
        await self.tab.click(button)

    async def give_card(self, button: str = "Save") -> None:
        """From the page of the account to the provider's, and there."""
        await self.step("account.add", "/pay/card", picture="card")
        await self.tab.click(self.word("card.agree"))
        await self.tab.click(self.word("card.go"))
        await self.provider(button)

    async def agree(self) -> None:
        """To be charged 15 below 3, up to 60 a month."""
        await self.step("done.settings", "/pay/settings")
        for name, amount in (("threshold", "3"), ("increment", "15,00"), ("month_max", "60.00")):
            await self.tab.type(name, amount)
        await self.album.look("settings")
        await self.step("settings.go", "/pay/agree", picture="agree")
        text = await self.tab.value("document.body.innerText")
        for amount in ("3.00", "15.00", "45.00", "60.00"):
            shown = amount.replace(".", ",") if self._language == "de" else amount
            assert f"{shown}\N{NO-BREAK SPACE}EUR" in text
        await self.tab.click(self.word("agree.agree"))
        await self.step("agree.go", "/pay/done", "automatic_on.title", "automatic")

    def blame(self) -> list[str]:
        """What the browser found at fault, but for addresses that shall not be there."""
        return [each for each in self.tab.complaints() if "404" not in each]


@asynccontextmanager
async def walking(
    chromium_root: Path, folder: Path, album_folder: Path, language: str, name: str = ""
) -> AsyncIterator[tuple[PayWeb, Walk]]:
    """Pages that are served, and somebody with a browser."""
    async with served_pages() as web, Chromium(chromium_root, folder / "browser") as chromium:
        tab = await chromium.tab(language=language)
        yield web, Walk(web, tab, Album(tab, album_folder, name + language), language)


@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_holder_gives_a_card_agrees_and_tops_up(
    chromium_root: Path, tmp_path: Path, album_folder: Path, language: str
) -> None:
    async with walking(chromium_root, tmp_path, album_folder, language) as (web, walk):
        link = await web.link()
        await walk.open(link, "landing.title", "landing")
        await walk.step("landing.go", "/pay/account", "account.no_card", "empty")
        await walk.give_card()
        await walk.tab.until("/pay/done", walk.word("card_added.title"))
        await walk.agree()
        await walk.step("done.top_up", "/pay/top-up")
        await walk.tab.type("amount", "25")
        await walk.step("top_up.go", "/pay/done", "top_up_paid.title", "paid")
        await walk.step("done.account", "/pay/account", picture="account")
        await walk.step("account.remove", "/pay/remove", picture="remove")
        await walk.step("cancel", "/pay/account")
        await walk.step("account.leave", "/pay/end", "closed.title", "closed")
        await walk.open(link, "link.title", "used")

        assert await web.paying.balance() == "35.00"
        assert walk.blame() == []


async def test_a_holder_confirms_with_the_bank_or_does_not(
    chromium_root: Path, tmp_path: Path, album_folder: Path
) -> None:
    async with walking(chromium_root, tmp_path, album_folder, "en", "bank-") as (web, walk):
        await walk.open(await web.link(), "landing.title", "landing")
        await walk.step("landing.go", "/pay/account")
        await walk.give_card("Cancel")
        await walk.tab.until("/pay/done", walk.word("card_none.title"))
        await walk.step("done.again", "/pay/card")
        await walk.step("cancel", "/pay/account")
        await walk.give_card()
        await walk.tab.until("/pay/done", walk.word("card_added.title"))

        for button, ending in (("Refuse", "top_up_unconfirmed"), ("Confirm", "top_up_paid")):
            web.paying.provider.verdicts.append("action")
            await walk.tab.open(f"{web.office.url}/pay/top-up")
            await walk.tab.type("amount", "500")
            await walk.step("top_up.go", "/pay/top-up", picture="mistyped")
            await walk.tab.type("amount", "10")
            await walk.tab.click(walk.word("top_up.go"))
            await walk.provider(button)
            await walk.tab.until("/pay/done", walk.word(f"{ending}.title"))
            await walk.album.look(ending)

        assert await web.paying.balance() == "20.00"
        assert [each for each in walk.blame() if "422" not in each] == []


async def test_the_keyboard_is_enough(
    chromium_root: Path, tmp_path: Path, album_folder: Path
) -> None:
    async with walking(chromium_root, tmp_path, album_folder, "en", "keys-") as (web, walk):
        await walk.open(await web.link(), "landing.title", "landing")
        await walk.tab.focus("Continue")
        await walk.tab.key("Enter")
        await walk.tab.until("/pay/account")
        await walk.tab.focus("Add a card")
        await walk.tab.key("Enter")
        await walk.tab.until("/pay/card")
        await walk.tab.focus("agree")
        await walk.tab.key(" ")
        assert await walk.tab.value("document.querySelector('[name=agree]').checked")
        await walk.tab.focus("Continue")
        await walk.tab.key("Enter")
        await walk.tab.until_host("127.0.0.1")
