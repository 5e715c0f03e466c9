"""A holder's way through the pay pages in Chromium, with scripts switched off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rtbill.listening import serve, tcp_listener
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_words import say
from tests.fakes.pay_office import TERMS
from tests.fakes.pay_web import PayWeb, pay_web
from tests.fakes.provider_pages import CARD_NUMBER, PagedGateway
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


@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_holder_gives_a_card_agrees_and_tops_up(
    chromium_root: Path, tmp_path: Path, album_folder: Path, language: str
) -> None:
    def word(key: str, **values: str) -> str:
        return say(language, key, **values)

    async with served_pages() as web, Chromium(chromium_root, tmp_path / "browser") as chromium:
        tab = await chromium.tab(language=language)
        album = Album(tab, album_folder, language)
        link = await web.link()
        await tab.open(web.office.url + link)
        await album.look("landing")
        await tab.click(word("landing.go"))
        await tab.until("/pay/account", word("account.no_card"))
        await album.look("empty")

        await tab.click(word("account.add"))
        await tab.until("/pay/card")
        await album.look("card")
        await tab.click(word("card.agree"))
        await tab.click(word("card.go"))
        await _at_the_provider(tab, "Save")
        await tab.until("/pay/done", word("card_added.title"))
        await album.look("added")

        await tab.click(word("done.settings"))
        await tab.until("/pay/settings")
        await tab.type("threshold", "3")
        await tab.type("increment", "15,00")
        await tab.type("month_max", "60.00")
        await album.look("settings")
        await tab.click(word("settings.go"))
        await tab.until("/pay/agree")
        text = await tab.value("document.body.innerText")
        decimal = "," if language == "de" else "."
        for amount in ("3.00", "15.00", "45.00", "60.00"):
            assert f"{amount.replace('.', decimal)}\N{NO-BREAK SPACE}EUR" in text
        await album.look("agree")
        await tab.click(word("agree.agree"))
        await tab.click(word("agree.go"))
        await tab.until("/pay/done", word("automatic_on.title"))
        await album.look("automatic")

        await tab.click(word("done.top_up"))
        await tab.until("/pay/top-up")
        await tab.type("amount", "25")
        await album.look("top-up")
        await tab.click(word("top_up.go"))
        await tab.until("/pay/done", word("top_up_paid.title"))
        await album.look("paid")
        await tab.click(word("done.account"))
        await tab.until("/pay/account")
        await album.look("account")
        await tab.click(word("account.leave"))
        await tab.until("/pay/end", word("closed.title"))
        await album.look("closed")

        await tab.open(web.office.url + link)
        await tab.until(link, word("link.title"))
        await album.look("used")
        assert await web.paying.balance() == "35.00"
        assert [row.reference for row in await web.paying.rows()]
        refused = [each for each in tab.complaints() if "404" not in each]
        assert refused == [], "the browser found the pages at fault"


async def _at_the_provider(tab: Tab, button: str) -> None:
    await tab.until_host("127.0.0.1")
    assert CARD_NUMBER in await tab.value("document.body.innerHTML") or button != "Save"
    await tab.click(button)
