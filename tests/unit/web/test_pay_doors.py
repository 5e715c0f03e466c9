"""How a link opens: once, in one browser, and never for anybody else."""

from __future__ import annotations

import asyncio
import re

import pytest

from rtbill.web.pay_office import Holder
from rtbill.web.pay_sessions import IDLE_S, LIFE_S
from tests.fakes.pay_web import Browser, PayWeb, pay_web

NOT_GOOD = "This link is not good any more"


async def test_looking_at_a_link_does_not_use_it_up() -> None:
    async with pay_web() as web:
        path = await web.link()
        for _ in range(3):
            assert (await web.browser().read(path)).status_code == 200

        assert (await web.visitor(path)).path == "/pay/account"


async def test_a_link_opens_one_session_and_no_second() -> None:
    async with pay_web() as web:
        path = await web.link()
        late = web.browser()
        await late.read(path)
        await web.visitor(path)

        assert (await late.send()).status_code == 404
        assert NOT_GOOD in late.text
        assert (await late.read("/pay/account")).status_code == 403


async def test_two_browsers_that_press_at_once_share_nothing() -> None:
    async with pay_web() as web:
        path = await web.link()
        both = web.browser(), web.browser()
        for each in both:
            await each.read(path)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each.send()) for each in both]

        assert sorted(each.result().status_code for each in tasks) == [303, 404]


async def test_the_browser_that_opened_a_link_comes_back_by_it() -> None:
    async with pay_web() as web:
        path = await web.link()
        visitor = await web.visitor(path)
        await visitor.read(path)
        await visitor.follow()

        assert visitor.path == "/pay/account"


async def _used(web: PayWeb) -> str:
    path = await web.link()
    await web.visitor(path)
    return path


async def _expired(web: PayWeb) -> str:
    path = await web.link()
    web.paying.clock.step(86_400)
    return path


async def _guessed(_web: PayWeb) -> str:
    return "/pay/" + "A" * 43


async def _cut_short(web: PayWeb) -> str:
    return (await web.link())[:-5]


async def test_used_expired_guessed_and_broken_links_are_answered_alike() -> None:
    texts, statuses = set(), set()
    for make in (_used, _expired, _guessed, _cut_short):
        async with pay_web() as web:
            browser = web.browser()
            statuses.add((await browser.read(await make(web))).status_code)
            texts.add(browser.text)

    assert statuses == {404}
    assert len(texts) == 1
    assert NOT_GOOD in texts.pop()


async def test_a_confirmation_that_is_not_wanted_any_more_opens_nothing() -> None:
    async with pay_web(buying=("room-1",)) as web:
        web.paying.provider.verdicts.append("action")
        await web.paying.spend("6.00")
        row = (await web.paying.rows())[0]
        made = await web.paying.service.links.to_confirm(row)
        web.paying.provider.settle(row.reference)
        await web.paying.order("pay.calloff", reference=row.reference, reason="not wanted")

        browser = web.browser()
        await browser.read(made.url.removeprefix(web.office.url))
        assert (await browser.send()).status_code == 404
        assert NOT_GOOD in browser.text


async def test_another_site_cannot_open_a_link_in_somebodys_browser() -> None:
    async with pay_web() as web:
        path = await web.link()
        thief, victim = web.browser(), web.browser()
        stolen = re.search(r'name="stamp" value="(\w+)"', (await thief.read(path)).text)
        assert stolen is not None

        answer = await victim.http.post(path, data={"stamp": stolen[1]})
        assert answer.status_code == 403
        await victim.read(await web.link())
        answer = await victim.http.post(path, data={"stamp": stolen[1]})
        assert answer.status_code == 403
        assert (await thief.send()).status_code == 303, "the link is not used up by that"


async def test_a_request_that_says_it_comes_from_elsewhere_is_refused() -> None:
    async with pay_web() as web:
        browser = web.browser(**{"Sec-Fetch-Site": "cross-site"})
        assert (await browser.read(await web.link())).status_code == 200, "a mail program's page"
        assert (await browser.send()).status_code == 403


async def test_cookies_are_for_our_pages_alone_and_out_of_reach_of_scripts() -> None:
    async with pay_web() as web:
        browser = web.browser()
        await browser.read(await web.link())
        opening = browser.page.headers["set-cookie"] if browser.page else ""
        session = (await browser.send()).headers["set-cookie"]

        for cookie in (opening, session):
            assert cookie.startswith("__Host-rtbill-pay")
            words = {each.strip().lower() for each in cookie.split(";")}
            assert {"httponly", "secure", "samesite=strict", "path=/"} <= words
        await browser.read("/pay/card")
        await browser.send(agree="yes")
        back = (await browser.follow()).headers["set-cookie"]
        words = {each.strip().lower() for each in back.split(";")}
        assert {"httponly", "secure", "samesite=lax", "path=/pay/back"} <= words


async def test_a_session_ends_when_nobody_uses_it_and_in_any_case_after_two_hours() -> None:
    async with pay_web() as web:
        idle = await web.visitor()
        await web.paying.clock.advance(IDLE_S)
        assert (await idle.read("/pay/account")).status_code == 403
        assert "open your link again" in idle.text

        busy = await web.visitor()
        for _ in range(int(LIFE_S / (IDLE_S - 1))):
            await web.paying.clock.advance(IDLE_S - 1)
            assert (await busy.read("/pay/account")).status_code == 200
        await web.paying.clock.advance(IDLE_S - 1)
        assert (await busy.read("/pay/account")).status_code == 403


async def test_whoever_is_done_leaves_nothing_behind() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        cookies = dict(visitor.http.cookies)
        await visitor.send("/pay/end")
        assert "Goodbye" in visitor.text

        again = web.browser()
        again.http.cookies.update(cookies)
        assert (await again.read("/pay/account")).status_code == 403


async def test_nobody_else_comes_back_from_the_provider() -> None:
    async with pay_web() as web:
        stranger = web.browser()
        assert (await stranger.read("/pay/back")).status_code == 403


async def _away(web: PayWeb) -> Browser:
    """A browser that has gone to give a card."""
    visitor = await web.visitor()
    await visitor.read("/pay/card")
    await visitor.go(agree="yes")
    assert visitor.path == "/pay/go"
    return visitor


async def test_the_way_back_needs_no_other_cookie() -> None:
    async with pay_web() as web:
        visitor = await _away(web)
        for name in ("__Host-rtbill-pay", "__Host-rtbill-pay-open"):
            visitor.http.cookies.delete(name)

        assert (await visitor.read("/pay/back")).status_code == 200


async def test_a_cancelled_page_of_the_provider_adds_no_card() -> None:
    async with pay_web() as web:
        visitor = await _away(web)
        await visitor.read("/pay/back")
        await visitor.read("/pay/done")

        assert "No card was added" in visitor.text


async def test_the_page_on_the_way_names_whom_it_leads_to() -> None:
    async with pay_web() as web:
        visitor = await _away(web)
        assert "You are being taken to 127.0.0.1" in visitor.text
        assert 'http-equiv="refresh"' in (visitor.page.text if visitor.page else "")


@pytest.mark.parametrize("language", ["de", "en"])
async def test_a_page_can_be_read_in_the_other_language(language: str) -> None:
    async with pay_web() as web:
        visitor = await web.visitor(**{"Accept-Language": "fr,de;q=0.8,en;q=0.5"})
        assert "Ihr Telefonguthaben" in visitor.text
        await visitor.read(f"/pay/account?lang={language}")
        await visitor.read("/pay/account")

        words = {"de": "Ihr Telefonguthaben", "en": "Your telephone credit"}
        assert words[language] in visitor.text


async def test_a_page_begins_in_the_language_of_the_account() -> None:
    async def german(_account: str) -> Holder:
        return Holder("guest@example.org", "de")

    async with pay_web() as web:
        object.__setattr__(web.office, "holder", german)
        visitor = await web.visitor(**{"Accept-Language": "en"})
        assert "Ihr Telefonguthaben" in visitor.text
        stranger = web.browser(**{"Accept-Language": "en"})
        await stranger.read(f"{await web.link()}?lang=en")
        assert "Telephone credit" in stranger.text
