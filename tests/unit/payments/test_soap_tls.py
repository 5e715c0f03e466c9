"""Who is met over TLS and what is shown there, before and after a question is sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from payments.cashless_soap import CashlessGateway
from payments.cashless_table import read_mapping_file
from payments.soap_address import SoapAddress, UserToken
from rtbill.clock import SystemClock
from rtbill.config.certificates import client_context
from rtbill.config.values import TlsConfig
from rtbill.domain.errors import ConfigError, OutcomeUnknown, Unavailable
from rtbill.domain.payment import Created, DeclineClass, Declined
from simulator.cashless_dialects import CashlessDialect
from simulator.cashless_gateway import CashlessServer
from simulator.cashless_tokens import TokenGuard
from simulator.cashless_tricks import Trick
from tests.fakes.cashless import MAPPINGS, Provider, a_charge, some_books
from tests.fakes.certificates import Authority, Certificate
from tests.fakes.environment import ManualClock

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Papers:
    """Certificates of one authority, and one of another."""

    authority: Authority
    server: Certificate
    client: Certificate
    stranger: Certificate


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Made once."""
    folder = tmp_path_factory.mktemp("papers")
    authority = Authority(folder)
    return Papers(
        authority,
        authority.certificate("server"),
        authority.certificate("client"),
        Authority(folder / "other", "other").certificate("stranger"),
    )


def theirs(own: Certificate, clients: Authority | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.cert_file, own.key_file)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.cert_file)
    return context


def ours(authority: Authority, own: Certificate | None = None) -> ssl.SSLContext:
    files = (own.cert_file, own.key_file) if own else (None, None)
    return client_context(
        TlsConfig(
            ca_file=authority.cert_file,
            server_name="127.0.0.1",
            client_cert_file=files[0],
            client_key_file=files[1],
        )
    )


@asynccontextmanager
async def over_tls(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, **changes: object
) -> AsyncIterator[Provider]:
    guard = changes.pop("guard", None)
    assert guard is None or isinstance(guard, TokenGuard)
    server = CashlessServer(some_books(), CashlessDialect(), guard=guard, tls=server_tls)
    mapping = read_mapping_file(MAPPINGS["cashless"])
    async with server.serving() as port:
        address = SoapAddress(url=f"https://127.0.0.1:{port}/soap", tls=client_tls, timeout_s=5)
        address = replace(address, **changes)  # type: ignore[arg-type]
        gateway = await CashlessGateway.open("house", mapping, address, SystemClock())
        yield Provider(gateway, server, port, mapping)
        await gateway.close()


async def test_both_sides_show_a_certificate(papers: Papers) -> None:
    server, client = theirs(papers.server, papers.authority), ours(papers.authority, papers.client)
    async with over_tls(server, client) as provider:
        assert isinstance(await provider.gateway.create(a_charge()), Created)


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's", "an old one"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_without_a_good_certificate_of_ours_nothing_is_done(
    papers: Papers, version: ssl.TLSVersion, whose: str
) -> None:
    shown = {
        "nobody's": None,
        "a stranger's": papers.stranger,
        "an old one": papers.authority.certificate("was-client", days=-1),
    }
    client = ours(papers.authority, shown[whose])
    client.maximum_version = version
    async with over_tls(theirs(papers.server, papers.authority), client) as provider:
        try:
            answer = await provider.gateway.create(a_charge())
        except (Unavailable, OutcomeUnknown) as failed:  # the alert may be lost with the connection
            said = str(failed)
        else:
            assert isinstance(answer, Declined)
            assert (answer.decline, answer.code) == (DeclineClass.OURS, "TLS")
            said = answer.text
        assert "our certificate" in said
        assert provider.asked() == []


async def test_a_certificate_that_is_turned_down_in_so_many_words_is_ours_to_mend(
    papers: Papers,
) -> None:
    server_tls, client = theirs(papers.server, papers.authority), ours(papers.authority)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    mapping = read_mapping_file(MAPPINGS["cashless"])
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def turn_down() -> None:
            # Unlike asyncio's, a blocking handshake sends its alert before the connection closes.
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ssl.SSLError):
                server_tls.wrap_socket(connection, server_side=True)

        url = f"https://127.0.0.1:{listener.getsockname()[1]}/soap"
        address = SoapAddress(url=url, tls=client)
        gateway = await CashlessGateway.open("house", mapping, address, SystemClock())
        for act in ("create", "confirm"):
            refusing = asyncio.get_running_loop().run_in_executor(None, turn_down)
            if act == "create":
                answer = await gateway.create(a_charge())
                assert isinstance(answer, Declined)
                assert (answer.decline, answer.code) == (DeclineClass.OURS, "TLS")
                assert "renew or replace it" in answer.text
            else:
                with pytest.raises(Unavailable, match="turns our certificate down"):
                    await gateway.confirm(a_charge(), "A1")
            await refusing
        await gateway.close()


async def test_a_provider_whose_certificate_has_expired_is_told_nothing(papers: Papers) -> None:
    expired = papers.authority.certificate("was-server", days=-1)
    async with over_tls(theirs(expired), ours(papers.authority)) as provider:
        with pytest.raises(Unavailable, match=r"certificate has expired.*nothing was sent"):
            await provider.gateway.create(a_charge())
        assert provider.asked() == []


async def test_a_provider_of_another_authority_is_told_nothing(papers: Papers) -> None:
    async with over_tls(theirs(papers.stranger), ours(papers.authority)) as provider:
        with pytest.raises(Unavailable, match=r"its certificate is refused.*nothing was sent"):
            await provider.gateway.create(a_charge())


async def test_a_provider_of_another_name_is_told_nothing(papers: Papers) -> None:
    named = papers.authority.certificate("named", "DNS:pay.example")
    async with over_tls(theirs(named), ours(papers.authority)) as provider:
        with pytest.raises(Unavailable, match="its certificate is refused"):
            await provider.gateway.create(a_charge())
    server_name = {"server_name": "pay.example"}
    async with over_tls(theirs(named), ours(papers.authority), **server_name) as provider:
        assert isinstance(await provider.gateway.create(a_charge()), Created)


async def test_old_tls_is_not_spoken(papers: Papers) -> None:
    server = theirs(papers.server)
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        server.maximum_version = ssl.TLSVersion.TLSv1_1
    server.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    server.set_ciphers("ALL:@SECLEVEL=0")
    async with over_tls(server, ours(papers.authority)) as provider:
        with pytest.raises(Unavailable, match="TLS failed"):
            await provider.gateway.create(a_charge())


@pytest.mark.parametrize("is_digest", [True, False])
async def test_a_user_token_is_shown(papers: Papers, is_digest: bool) -> None:  # noqa: FBT001
    guard = TokenGuard("hall", PASSWORD, digest_only=is_digest)
    token = UserToken("hall", PASSWORD, is_digest=is_digest)
    tls = theirs(papers.server), ours(papers.authority)
    async with over_tls(*tls, guard=guard, token=token) as provider:
        assert isinstance(await provider.gateway.create(a_charge()), Created)
        assert isinstance(await provider.gateway.create(a_charge("2")), Created)  # a fresh digest
        assert (PASSWORD in provider.server.asked[0][1]) is not is_digest


async def test_a_wrong_token_stops_top_ups_and_declines_none_that_is_reserved(
    papers: Papers,
) -> None:
    guard, token = TokenGuard("hall", PASSWORD), UserToken("hall", "wrong")
    tls = theirs(papers.server), ours(papers.authority)
    async with over_tls(*tls, guard=guard, token=token) as provider:
        answer = await provider.gateway.create(a_charge())
        assert isinstance(answer, Declined)
        assert (answer.decline, answer.code) == (DeclineClass.OURS, "FailedAuthentication")
        for act in (provider.gateway.confirm, provider.gateway.cancel, provider.gateway.find):
            with pytest.raises(Unavailable, match="FailedAuthentication"):
                await act(a_charge(), "A1")


async def test_no_secret_and_no_card_is_logged(
    papers: Papers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    card = "4929123456789012"
    token = UserToken("hall", PASSWORD, is_digest=False)
    tls = theirs(papers.server), ours(papers.authority)
    async with over_tls(*tls, guard=TokenGuard("hall", PASSWORD), token=token) as provider:
        provider.server.tricks.plan("authorise", Trick.FAULT_NEW, Trick.GARBAGE)
        answer = await provider.gateway.create(a_charge(card=card))
        with pytest.raises(OutcomeUnknown) as unknown:
            await provider.gateway.create(a_charge(card=card))
    assert isinstance(answer, Declined)
    assert caplog.text
    for said in (caplog.text, repr(token), str(unknown.value), repr(answer)):
        assert PASSWORD not in said
        assert card not in said
    assert "4929" not in answer.text


async def test_a_tls_server_that_never_shakes_hands_is_unavailable_in_time(
    papers: Papers,
) -> None:
    mapping = read_mapping_file(MAPPINGS["cashless"])
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = SoapAddress(
            url=f"https://127.0.0.1:{mute.getsockname()[1]}/soap",
            tls=ours(papers.authority),
            timeout_s=0.3,
        )
        gateway = await CashlessGateway.open("house", mapping, address, ManualClock())
        with pytest.raises(Unavailable, match="nothing was sent"):
            await gateway.create(a_charge())
        await gateway.close()


@pytest.mark.parametrize("weakness", ["unverified", "old"])
async def test_a_weak_context_is_refused_at_start_up(weakness: str, tmp_path: Path) -> None:
    tls = ours(Authority(tmp_path))
    if weakness == "old":
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
            tls.minimum_version = ssl.TLSVersion.TLSv1_1
    else:
        tls.check_hostname = False
    address = SoapAddress(url="https://pay.example/soap", tls=tls)
    mapping = read_mapping_file(MAPPINGS["cashless"])
    with pytest.raises(ConfigError, match=r"with TLS 1\.2 or newer"):
        await CashlessGateway.open("house", mapping, address, ManualClock())
