"""A provider whose certificate we do not trust is told nothing."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from payments.stripe_card import StripeGateway
from payments.stripe_settings import StripeSettings
from rtbill.domain.errors import Unavailable
from tests.fakes.certificates import Authority
from tests.fakes.environment import ManualClock
from tests.fakes.stripe_office import StripeOffice


async def test_an_untrusted_certificate_is_named_and_nothing_was_sent(
    office: StripeOffice, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.close()

    made = Authority(tmp_path).certificate("stripe")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert_file, made.key_file)
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        settings = StripeSettings(
            api_key="sk_test_simulated",
            webhook_secrets=("whsec_simulated",),
            is_live=False,
            api_base=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        )
        gateway = StripeGateway(settings, ManualClock())
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await gateway.create(office.a_charge())
        await gateway.close()
    assert heard == []
