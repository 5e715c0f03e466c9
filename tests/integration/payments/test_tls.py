"""Pages and webhooks over TLS of their own: no proxy before them, and nothing in clear text."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes.certificates import Authority
from tests.integration.payments.hall import PageTls, PayingHall, paying_hall, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
AT_ONCE = "10.00"


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.cert_file)


async def answer_in_clear_text(port: int, path: str) -> bytes:
    """All that comes back on a plain connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}"
        writer.write(request.encode())
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
        return b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def met(port: int, trust: ssl.SSLContext, name: str) -> str:
    """The version spoken with the listener by who expects this name; raises as a browser warns."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trust, server_hostname=name
    )
    del reader
    spoken: str = writer.get_extra_info("ssl_object").version()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return spoken


def port_of(hall: PayingHall) -> int:
    port = urlsplit(hall.pay_url).port
    assert port is not None
    return port


async def test_a_card_is_given_pays_and_is_told_of_over_tls(tmp_path: Path, prepared: Path) -> None:
    authority = Authority(tmp_path / "pages")
    tls = PageTls(authority.certificate("pay"), trusting(authority))
    async with paying_hall(tmp_path, prepared, tls=tls) as hall:
        holder, card = await hall.with_card("room-1001", AT_ONCE, "10.00")
        assert str(holder.http.base_url).startswith("https://")
        assert all(each.secure for each in holder.http.cookies.jar)
        await until(lambda: hall.credits("room-1001") == [1000], "it was not bought")
        await until(hall.has_heard_all, "webhooks are left")
        assert hall.methods("room-1001") == [card]
        assert hall.cards.webhooks.sent > 0
        heard = "SELECT count(*) > 0 FROM gateway_event WHERE kind = 'payment_intent.succeeded'"
        assert hall.biller.query(heard) == [(1,)]


async def test_webhooks_have_a_port_of_their_own_with_the_same_tls_and_nothing_else_on_it(
    tmp_path: Path, prepared: Path
) -> None:
    authority = Authority(tmp_path / "pages")
    tls = PageTls(authority.certificate("pay"), trusting(authority))
    async with paying_hall(tmp_path, prepared, tls=tls, webhooks_apart=True) as hall:
        await hall.with_card("room-1001", AT_ONCE, "10.00")
        await until(lambda: hall.credits("room-1001") == [1000], "it was not bought")
        await until(hall.has_heard_all, "webhooks are left")
        assert hall.cards.webhooks.sent > 0
        port = urlsplit(hall.webhook_url).port
        assert port not in (None, port_of(hall))
        assert await met(port, tls.trust, "localhost") in ("TLSv1.2", "TLSv1.3")
        assert b"HTTP/1.1" not in await answer_in_clear_text(port, "/webhooks/cards")
        async with httpx.AsyncClient(verify=tls.trust) as client:
            pages = f"https://localhost:{port}/pay/account"
            assert (await client.get(pages)).status_code == httpx.codes.NOT_FOUND
            webhooks = f"{hall.pay_url}/webhooks/cards"
            assert (await client.post(webhooks, content=b"{}")).status_code == httpx.codes.NOT_FOUND


async def test_clear_text_on_the_port_of_tls_is_not_answered_and_harms_nobody(
    tmp_path: Path, prepared: Path
) -> None:
    authority = Authority(tmp_path / "pages")
    tls = PageTls(authority.certificate("pay"), trusting(authority))
    async with paying_hall(tmp_path, prepared, tls=tls) as hall:
        for path in ("/webhooks/cards", "/pay/account"):
            assert b"HTTP/1.1" not in await answer_in_clear_text(port_of(hall), path)
        with pytest.raises(httpx.TransportError):
            async with httpx.AsyncClient() as client:
                await client.get(hall.pay_url.replace("https:", "http:") + "/pay/account")
        assert hall.biller.query("SELECT count(*) FROM gateway_event") == [(0,)]
        holder = await hall.visitor("room-1001")
        assert holder.path == "/pay/account"


async def test_a_certificate_of_another_host_is_not_believed(
    tmp_path: Path, prepared: Path
) -> None:
    authority = Authority(tmp_path / "pages")
    elsewhere = authority.certificate("elsewhere", "DNS:pay.example")
    stranger = Authority(tmp_path / "stranger", "stranger")
    trust = trusting(authority)
    async with paying_hall(tmp_path, prepared, tls=PageTls(elsewhere, trust)) as hall:
        with pytest.raises(httpx.ConnectError, match="certificate is not valid for 'localhost'"):
            await hall.holder().read("/pay/account")
        assert await met(port_of(hall), trust, "pay.example") in ("TLSv1.2", "TLSv1.3")
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await met(port_of(hall), trust, "localhost")
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            await met(port_of(hall), trusting(stranger), "pay.example")
        event = {"id": "evt_1", "type": "charge.refunded", "data": {"object": {"id": "ch_1"}}}
        hall.cards.webhooks.offer(event)
        await until(lambda: hall.cards.webhooks.refused > 0, "the provider did not try")
        assert hall.biller.query("SELECT count(*) FROM gateway_event") == [(0,)]
        hall.cards.spoil_webhooks(lose=1.0)


async def test_a_version_older_than_tls_1_2_is_refused(tmp_path: Path, prepared: Path) -> None:
    authority = Authority(tmp_path / "pages")
    tls = PageTls(authority.certificate("pay"), trusting(authority))
    async with paying_hall(tmp_path, prepared, tls=tls) as hall:
        old = trusting(authority)
        # By cipher strength zero, or our own side would refuse before anything is sent.
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
            old.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await met(port_of(hall), old, "localhost")
        assert await met(port_of(hall), tls.trust, "localhost") in ("TLSv1.2", "TLSv1.3")
