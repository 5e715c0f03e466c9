"""The pages as the service serves them, over its own books; nothing secret stays behind."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from rtbill.app import gateways
from rtbill.app.books import Books, open_books
from rtbill.app.pay_web import payment_work, site_mandates
from rtbill.clock import SystemClock
from rtbill.domain.bank_cards import is_bank_card
from rtbill.domain.errors import ConfigError
from tests.fakes.config_file import GOOD, load
from tests.fakes.environment import CountingMeter
from tests.fakes.fake_gateway import Provider, a_method
from tests.fakes.pay_office import GENUINE
from tests.fakes.provider_pages import PagedGateway
from tests.unit.config.test_pay import GATEWAY, SECRETS

ACCOUNTS = (
    "account,name,kind,currency,credit_limit,pbx,extension\nroom-1,Guest,prepaid,EUR,0,hall,1001\n"
)
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """The service's books, its provider, and everything that a browser was told."""

    def __init__(self, books: Books, provider: Provider, ports: tuple[int, int]) -> None:
        self.books = books
        self.provider = provider
        self.hooks = f"http://127.0.0.1:{ports[1]}"
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{ports[0]}", follow_redirects=True
        )
        self.pages: list[httpx.Response] = []

    async def read(self, path: str) -> httpx.Response:
        """One page."""
        self.pages.append(await self.http.get(path))
        return self.pages[-1]

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """The form of the page before, to this address."""
        form = dict(_FIELD.findall(self.pages[-1].text))
        self.pages.append(await self.http.post(path, data={**form, **fields}))
        return self.pages[-1]


@asynccontextmanager
async def served(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, shares: bool = False
) -> AsyncIterator[Served]:
    """On free ports, until the end."""
    clock, ports = SystemClock(), (_free_port(), _free_port())
    provider = Provider(clock)

    async def open_fake(_config: object, _clock: object) -> Any:
        return PagedGateway(provider, "stripe")

    monkeypatch.setattr(gateways, "GATEWAY_KINDS", {"stripe": open_fake})
    own = "" if shares else f"webhook_port = {ports[1]}\n"
    text = (
        f'{GOOD}[payments]\nurl = "http://127.0.0.1:{ports[0]}"\n{GATEWAY}'
        f"[pay]\nport = {ports[0]}\n{own}"
    )
    config = load(folder, text, SECRETS)
    async with open_books(config, clock, CountingMeter()) as books, asyncio.TaskGroup() as group:
        await books.desk.order("accounts.import", {"csv": ACCOUNTS, "apply": True})
        tasks = [
            group.create_task(work, name=name)
            for work, name in payment_work(books, CountingMeter())
        ]
        made = Served(books, provider, ports)
        async with asyncio.timeout(20):
            while True:
                try:
                    await made.read("/pay/style.css")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.02)
        try:
            yield made
        finally:
            await made.http.aclose()
            for task in tasks:
                task.cancel()


async def _walk(served: Served) -> str:
    """A card, settings, a top-up; the token of the link."""
    url = (await served.books.desk.order("pay.link", {"account": "room-1"}))["url"]
    path = url.removeprefix(str(served.http.base_url).rstrip("/"))
    await served.read(path)
    await served.send(path)
    await served.read("/pay/card")
    await served.send("/pay/card", agree="yes")
    page = next(iter(served.provider.set_ups))
    served.provider.given[page] = a_method("pm_1", "stripe")
    await served.read("/pay/back")
    await served.read("/pay/settings")
    await served.send("/pay/settings", threshold="0", increment="20", month_max="100")
    await served.send("/pay/agree", agree="yes")
    await served.read("/pay/top-up")
    await served.send("/pay/top-up", amount="25.00")
    assert "25.00" in served.pages[-1].text, served.pages[-1].text
    return str(path.rpartition("/")[2])


async def test_a_run_leaves_no_secret_and_no_card_number_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with served(tmp_path, monkeypatch) as service:
        token = await _walk(service)
        cookies = [cookie.value or "" for cookie in service.http.cookies.jar]
        forms = {
            value
            for page in service.pages
            for name, value in _FIELD.findall(page.text)
            if name in ("csrf", "stamp", "once")
        }
    ours = [each for each in caplog.records if not each.name.startswith(("httpx", "httpcore"))]
    log = str([record.__dict__ for record in ours])
    assert "a pay link was opened" in log
    files = [each for each in tmp_path.iterdir() if each.name.startswith("books.sqlite")]
    books = b"".join(each.read_bytes() for each in files).decode("latin-1")
    assert b"25" in files[0].read_bytes()
    assert len(cookies) == 3
    assert len(forms) >= 3
    for secret in [token, *cookies, *forms, *SECRETS.values()]:
        assert len(secret) > 15
        assert secret not in log
        assert secret not in books
    pages = "\n".join(page.text for page in service.pages)
    for where in (log, books, pages):
        assert not [
            found
            for found in re.findall(r"(?<![0-9])[0-9]{13,19}(?![0-9])", where)
            if is_bank_card(found) and _is_a_card_issuers(found)
        ]
    for secret in [*cookies, *SECRETS.values()]:
        assert secret not in pages


def _is_a_card_issuers(digits: str) -> bool:
    """Instants are counted in digits too; one in ten passes the check by chance."""
    return digits[0] in "3456" and len(digits) in (15, 16)


async def test_a_webhook_comes_to_its_own_port_and_not_to_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path, monkeypatch) as service:
        body = service.provider.happen("evt_1")
        answer = await service.http.post(f"{service.hooks}/webhooks/stripe", content=body)
        assert answer.status_code == 400
        answer = await service.http.post(
            f"{service.hooks}/webhooks/stripe", content=body, headers=GENUINE
        )
        assert answer.status_code == 200
        assert await service.books.reader.newest_gateway_event("stripe") is not None
        assert (await service.http.post("/webhooks/stripe", content=body)).status_code == 404
        assert (await service.http.get(f"{service.hooks}/pay/account")).status_code == 404


async def test_webhooks_share_the_port_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path, monkeypatch, shares=True) as service:
        body = service.provider.happen("evt_1")
        answer = await service.http.post("/webhooks/stripe", content=body, headers=GENUINE)
        assert answer.status_code == 200


async def test_a_client_that_never_ends_its_request_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtbill.serving.listening.HEAD_TIMEOUT_S", 0.1)
    async with served(tmp_path, monkeypatch) as service:
        host, port = service.http.base_url.host, service.http.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /pay/account HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


def test_a_text_version_without_texts_is_told_before_the_start(tmp_path: Path) -> None:
    text = (
        f'{GOOD}[payments]\nurl = "https://pay.example"\ntext_version = "2031-01"\n{GATEWAY}'
        "[pay]\nport = 9475\n"
    )
    with pytest.raises(ConfigError, match="2031-01"):
        site_mandates(load(tmp_path, text, SECRETS))
    assert site_mandates(load(tmp_path)) is None
