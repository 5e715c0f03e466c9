"""A SOAP server of another stack takes our client: mutual TLS, a user token, faults, replays."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from payments.cashless_soap import CashlessGateway
from payments.cashless_table import SHIPPED, read_mapping_file
from payments.soap_address import SoapAddress, UserToken
from rtbill.clock import SystemClock
from rtbill.config.certificates import client_context
from rtbill.config.values import TlsConfig
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    Created,
    DeclineClass,
    Declined,
)
from tests.fakes.cashless import a_charge
from tests.fakes.certificates import Authority, Certificate
from tests.integration.borrowed_servers import proven_or_skipped
from tests.integration.cashless.node_server import (
    INSTALL_TIMEOUT_S,
    NodeServer,
    installed,
    running,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("node"),
    pytest.mark.timeout(INSTALL_TIMEOUT_S + 60),
]
PASSWORD = "correct horse"


@dataclass(frozen=True, slots=True)
class Peer:
    """The server, and all that a client needs for it."""

    server: NodeServer
    authority: Authority
    client: Certificate
    stranger: Certificate

    def address(self, **changes: object) -> SoapAddress:
        """How rtbill is configured for it."""
        return replace(
            SoapAddress(
                url=f"https://127.0.0.1:{self.server.port}/soap",
                tls=client_context(self.tls(self.client)),
                token=UserToken("hall-7", PASSWORD),
                timeout_s=10,
            ),
            **changes,  # type: ignore[arg-type]
        )

    def tls(self, certificate: Certificate | None) -> TlsConfig:
        """Our files."""
        return TlsConfig(
            ca_file=self.authority.cert_file,
            server_name="127.0.0.1",
            client_cert_file=certificate.cert_file if certificate else None,
            client_key_file=certificate.key_file if certificate else None,
        )


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A running server."""
    with proven_or_skipped("Node's SOAP server"):
        folder = installed()
    private = tmp_path_factory.mktemp("tls")
    authority = Authority(private)
    own, client = authority.certificate("server"), authority.certificate("rtbill")
    stranger = Authority(private / "other", "other").certificate("stranger")
    with running(folder, own, authority, "hall-7", PASSWORD) as server:
        yield Peer(server, authority, client, stranger)


async def opened(address: SoapAddress) -> CashlessGateway:
    mapping = read_mapping_file(SHIPPED / "cashless.toml")
    # This stack has a word of its own for a wrong token.
    acts = {
        act: replace(how, codes={**how.codes, "AuthenticationFailure": DeclineClass.OURS})
        for act, how in mapping.acts.items()
    }
    return await CashlessGateway.open("house", replace(mapping, acts=acts), address, SystemClock())


@pytest.fixture
async def gateway(peer: Peer) -> AsyncIterator[CashlessGateway]:
    """Ours, with certificate and token."""
    made = await opened(peer.address())
    yield made
    await made.close()


async def test_a_top_up_is_reserved_taken_and_found(gateway: CashlessGateway) -> None:
    charge = a_charge("101")
    assert await gateway.find(charge, "") == Absent()
    created = await gateway.create(charge)
    assert isinstance(created, Created)
    assert await gateway.create(charge) == created
    approved = Approved(created.provider_id, Money(12_500_000, "EUR"))
    assert await gateway.confirm(charge, created.provider_id) == approved
    assert await gateway.confirm(charge, created.provider_id) == approved
    assert await gateway.find(charge, "") == approved


async def test_what_is_reserved_is_let_go_by_our_reference(gateway: CashlessGateway) -> None:
    charge = a_charge("102", "1.00")
    assert isinstance(await gateway.create(charge), Created)
    assert isinstance(await gateway.cancel(charge, ""), Cancelled)


@pytest.mark.parametrize(
    ("card", "amount", "decline"),
    [("4711", "9999.00", DeclineClass.SOFT), ("0815", "1.00", DeclineClass.CARD)],
)
async def test_its_typed_faults_are_declines_by_class(
    gateway: CashlessGateway, card: str, amount: str, decline: DeclineClass
) -> None:
    answer = await gateway.create(a_charge("103", amount, card=card))
    assert isinstance(answer, Declined)
    assert answer.decline is decline


async def test_our_certificate_is_shown_over_a_modern_tls(
    peer: Peer, gateway: CashlessGateway
) -> None:
    await gateway.find(a_charge("104"), "")
    assert peer.server.seen.read_text() in ("rtbill TLSv1.2", "rtbill TLSv1.3")


async def test_a_plain_password_is_accepted_too(peer: Peer) -> None:
    token = UserToken("hall-7", PASSWORD, is_digest=False)
    gateway = await opened(peer.address(token=token))
    assert await gateway.find(a_charge("105"), "") == Absent()
    await gateway.close()


@pytest.mark.parametrize("is_digest", [True, False])
async def test_a_wrong_password_stops_top_ups_and_settles_nothing(
    peer: Peer,
    is_digest: bool,  # noqa: FBT001
) -> None:
    token = UserToken("hall-7", "wrong", is_digest=is_digest)
    gateway = await opened(peer.address(token=token))
    answer = await gateway.create(a_charge("106"))
    assert isinstance(answer, Declined)
    assert answer.decline is DeclineClass.OURS
    with pytest.raises(Unavailable, match="AuthenticationFailure"):
        await gateway.find(a_charge("106"), "")
    await gateway.close()


async def test_without_a_certificate_top_ups_stop_and_nothing_is_done(peer: Peer) -> None:
    tls = client_context(peer.tls(None))
    # Up to TLS 1.2 a certificate is turned down before a question can be sent.
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    gateway = await opened(peer.address(tls=tls))
    answer = await gateway.create(a_charge("107"))
    assert isinstance(answer, Declined)
    assert (answer.decline, answer.code) == (DeclineClass.OURS, "TLS")
    with pytest.raises(Unavailable, match="turns our certificate down"):
        await gateway.confirm(a_charge("107"), "N1")
    await gateway.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_with_a_strangers_certificate_nothing_is_done_whatever_can_be_said_of_it(
    peer: Peer, gateway: CashlessGateway, version: ssl.TLSVersion
) -> None:
    tls = client_context(peer.tls(peer.stranger))
    tls.maximum_version = version
    strange = await opened(peer.address(tls=tls))
    try:
        answer = await strange.create(a_charge("108"))
    except Unavailable as unavailable:
        said = str(unavailable)
    except OutcomeUnknown as unknown:  # of TLS 1.3 the alert may be lost
        said = str(unknown)
    else:
        assert isinstance(answer, Declined)
        assert answer.decline is DeclineClass.OURS
        said = answer.text
    assert "our certificate" in said or "nothing was sent" in said
    await strange.close()
    assert await gateway.find(a_charge("108"), "") == Absent()


async def test_a_server_of_another_authority_never_learns_the_password(
    peer: Peer, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "another")
    tls = client_context(replace(peer.tls(peer.client), ca_file=other.cert_file))
    gateway = await opened(peer.address(tls=tls))
    with pytest.raises(Unavailable, match=r"its certificate is refused .*; nothing was sent"):
        await gateway.create(a_charge("109"))
    await gateway.close()
