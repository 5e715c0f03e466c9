"""What holds of every answer, and what is said to requests that are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from rtbill.domain.errors import Unavailable
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_pages import BODY_BYTES_MAX
from tests.fakes.pay_web import Browser, PayWeb, pay_web

CSP = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
    "strict-transport-security": "max-age=31536000",
}
PAGES = ("account", "card", "settings", "agree", "top-up", "confirm", "done", "go", "remove?card=x")
POSTS = ("card", "remove", "settings", "agree", "off", "top-up", "confirm", "end")


def check_headers(answer: httpx.Response) -> None:
    for name, wanted in HEADERS.items():
        assert answer.headers.get(name) == wanted, (answer.url.path, answer.status_code, name)
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert " on" + "click" not in answer.text


async def test_every_page_has_the_headers_that_fence_it() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await web.visitor()
        for page in PAGES:
            check_headers(await visitor.read(f"/pay/{page}"))
            check_headers(await visitor.follow())


async def test_every_error_has_them_too() -> None:
    async with pay_web() as web:
        stranger = web.browser()
        visitor = await web.visitor()
        answers = [await stranger.read(f"/pay/{page}") for page in (*PAGES[:3], "A" * 43, "back")]
        answers += [
            await stranger.read("/"),
            await stranger.read("/nothing/here"),
            await stranger.http.put("/pay/account"),
            await visitor.http.post("/pay/off", data={"csrf": "wrong"}),
            await visitor.http.post("/pay/off", json={}),
            await stranger.http.post("/webhooks/nobody"),
            await stranger.http.post("/webhooks/fake"),
        ]
        for answer in answers:
            assert answer.status_code >= 400
            check_headers(answer)


async def test_over_plain_http_no_browser_is_told_to_use_tls() -> None:
    def plain(office: PayOffice) -> PayOffice:
        return replace(office, url="http://localhost:9475")

    async with pay_web(office=plain) as web:
        answer = await web.browser().read("/")
        assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("page", POSTS)
@pytest.mark.parametrize("csrf", [None, "", "wrong"])
async def test_a_form_without_the_word_of_its_session_does_nothing(
    page: str, csrf: str | None
) -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await web.visitor()
        before = dict(web.paying.provider.payments), await web.paying.balance()
        settings = await web.paying.office.store.replenishment("room-1")
        fields = {"amount": "10.00", "method": "card-room-1", "agree": "yes", "offer": "fake"}
        if csrf is not None:
            fields["csrf"] = csrf

        answer = await visitor.http.post(f"/pay/{page}", data=fields)
        assert answer.status_code == 403
        assert (dict(web.paying.provider.payments), await web.paying.balance()) == before
        assert await web.paying.office.store.replenishment("room-1") == settings
        assert (await visitor.read("/pay/account")).status_code == 200


async def test_the_word_of_one_session_is_none_in_another() -> None:
    async with pay_web() as web:
        one, other = await web.visitor(), await web.visitor()
        assert one.page is not None
        word = one.page.text.partition('name="csrf" value="')[2].partition('"')[0]
        assert len(word) == 43
        answer = await other.http.post("/pay/end", data={"csrf": word})
        assert answer.status_code == 403


@pytest.mark.parametrize("page", PAGES)
async def test_without_a_session_there_is_no_page(page: str) -> None:
    async with pay_web() as web:
        stranger = web.browser()
        stranger.http.cookies.set("__Host-rtbill-pay", "A" * 43)
        assert (await stranger.read(f"/pay/{page}")).status_code == 403
        assert "room-1" not in stranger.text


async def test_a_body_that_is_too_large_is_not_read() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(1_000):
                sent += 1
                yield b"x" * 1024

        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await visitor.http.post("/pay/off", content=body(), headers=form)
        assert answer.status_code == 413
        assert sent <= BODY_BYTES_MAX // 1024 + 2

        declared = form | {"Content-Length": str(BODY_BYTES_MAX + 1)}
        answer = await visitor.http.post("/pay/off", content=b"", headers=declared)
        assert answer.status_code == 413


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtbill.web.pay_pages.BODY_TIMEOUT_S", 0.02)
    async with pay_web() as web:
        visitor = await web.visitor()

        async def body() -> AsyncIterator[bytes]:
            yield b"csrf="
            await asyncio.Event().wait()

        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await visitor.http.post("/pay/off", content=body(), headers=form)
        assert answer.status_code == 408


async def test_a_page_that_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtbill.web.pay_pages.REQUEST_TIMEOUT_S", 0.02)

    async def never(_verb: str, _arguments: object) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async with pay_web() as web:
        visitor = await web.visitor()
        object.__setattr__(web.office, "order", never)
        assert (await visitor.read("/pay/account")).status_code == 503


async def test_books_that_cannot_be_read_are_no_error_of_the_holder() -> None:
    async def closed(_verb: str, _arguments: object) -> dict[str, Any]:
        raise Unavailable("the books are closed")

    async with pay_web() as web:
        visitor = await web.visitor()
        object.__setattr__(web.office, "order", closed)
        assert (await visitor.read("/pay/account")).status_code == 503
        assert "does not work at the moment" in visitor.text


async def test_a_mistake_of_ours_is_logged_without_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_token: str) -> Any:
        raise ZeroDivisionError

    async with pay_web() as web:
        object.__setattr__(web.office, "look", broken)
        path = await web.link()
        assert (await web.browser().read(path)).status_code == 500
    assert "a pay page failed" in caplog.text
    assert path.rpartition("/")[2] not in caplog.text
    assert path not in str([record.__dict__ for record in caplog.records])


async def test_guesses_from_one_address_are_soon_not_looked_at() -> None:
    async with pay_web() as web:
        looked = 0
        look = web.office.look

        async def counted(token: str) -> Any:
            nonlocal looked
            looked += 1
            return await look(token)

        object.__setattr__(web.office, "look", counted)
        guesser = web.browser()
        statuses = [(await guesser.read(f"/pay/{n:043d}")).status_code for n in range(100)]
        assert looked == 20
        assert statuses == [404] * 20 + [429] * 80
        assert guesser.page is not None
        assert int(guesser.page.headers["retry-after"]) >= 1

        path = await web.link()
        await web.paying.clock.advance(60)
        assert (await guesser.read(path)).status_code == 200


async def test_a_session_is_answered_though_its_address_guesses() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        guesser = web.browser()
        for n in range(30):
            await guesser.read(f"/pay/{n:043d}")
        assert guesser.page is not None
        assert guesser.page.status_code == 429
        assert (await visitor.read("/pay/account")).status_code == 200


async def test_no_balance_no_extension_and_no_account_is_shown() -> None:
    async with pay_web("12.34", buying=("room-1",)) as web:
        visitor = await web.visitor()
        for page in ("account", "card", "settings", "top-up"):
            text = (await visitor.read(f"/pay/{page}")).text
            for secret in ("12.34", "room-1<", "Room 1", "1001"):
                assert secret not in text.replace("card-room-1", ""), (page, secret)


async def test_what_somebody_typed_is_text_and_not_a_page() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor: Browser = await web.visitor()
        await visitor.read("/pay/top-up")
        answer = await visitor.send(amount='"><script>alert(1)</script>')
        assert answer.status_code == 422
        assert "<script" not in answer.text
        assert "&lt;script&gt;" in answer.text


async def test_the_style_needs_no_session(web_of_nobody: PayWeb) -> None:
    answer = await web_of_nobody.browser().read("/pay/style.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "url(" not in answer.text


@pytest.fixture
async def web_of_nobody() -> AsyncIterator[PayWeb]:
    async with pay_web() as web:
        yield web


async def test_each_request_is_counted_by_its_page_and_what_came_of_it() -> None:
    async with pay_web(buying=("room-1",)) as web:
        path = await web.link()
        await web.visitor(path)
        await web.browser().read(path)
        await web.browser().read("/pay/account")
        await web.browser().read("/pay/x/y")
        counted = web.paying.meter.by_labels

        assert {
            each.removeprefix("rtbill_pay_requests_total "): count
            for each, count in counted.items()
            if each.startswith("rtbill_pay_requests_total ")
        } == {
            "/pay/{token} shown": 1,
            "/pay/{token} sent_on": 1,
            "/pay/account shown": 1,
            "/pay/{token} link": 1,
            "/pay/account session": 1,
            "none nothing": 1,
        }
