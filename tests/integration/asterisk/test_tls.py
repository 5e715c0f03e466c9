"""The service beside an exchange reached over TLS, and beside one that is not to be trusted."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.authority import Authority, Pair
from tests.integration.asterisk.proxy import Cable
from tests.integration.asterisk.sip_call import State
from tests.integration.biller.process import Biller, Room
from tests.integration.loopback_ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.server import AsteriskServer

NAME = "pbx.example.org"
PATIENCE_S = 15
DOCUMENT = Path(__file__).parents[3] / "docs" / "remote-exchange.md"


@dataclass(frozen=True, slots=True)
class Papers:
    """What the authority has signed, and a stranger's certificate."""

    authority: Authority
    stranger: Authority
    exchange: Pair
    expired: Pair
    biller: Pair
    strangers: Pair


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = Authority(folder), Authority(folder, "stranger")
    return Papers(
        authority,
        stranger,
        exchange=authority.issue("exchange", f"DNS:{NAME}"),
        expired=authority.issue("expired", f"DNS:{NAME}", days=-1),
        biller=authority.issue("biller", "DNS:rtbill"),
        strangers=stranger.issue("strangers", "DNS:rtbill"),
    )


@contextmanager
def speaking_tls(server: AsteriskServer, pair: Pair, *more: str) -> Iterator[int]:
    """The port at which the manager speaks TLS meanwhile."""
    port = free_port()
    lines = [
        "[general](+)",
        "tlsenable = yes",
        f"tlsbindaddr = 127.0.0.1:{port}",
        f"tlscertfile = {pair.cert}",
        f"tlsprivatekey = {pair.key}",
        *more,
    ]
    with managed(server, "\n".join(lines)):
        yield port


@contextmanager
def managed(server: AsteriskServer, lines: str) -> Iterator[None]:
    """The manager with these lines at the end of manager.conf."""
    path = server.folder / "etc" / "manager.conf"
    before = path.read_text()
    path.write_text(f"{before}\n{lines}\n")
    server.cli("manager reload")
    try:
        yield
    finally:
        path.write_text(before + "\n[general](+)\ntlsenable = no\n")
        server.cli("manager reload")
        path.write_text(before)


def tls_table(authority: Authority, name: str = NAME, pair: Pair | None = None) -> str:
    lines = ["[pbx.tls]", f'ca_file = "{authority.cert}"', f'server_name = "{name}"']
    if pair is not None:
        lines += [f'client_cert_file = "{pair.cert}"', f'client_key_file = "{pair.key}"']
    return "\n".join([*lines, ""])


def link_by(biller: Biller, tables: Mapping[str, tuple[int, str]]) -> None:
    """Give the configuration one exchange for each name: its port, and what stands in its table."""
    text = biller.config.read_text()
    head, mark, pbx = text.partition("[[pbx]]")
    pbx = mark + pbx
    made = [
        re.sub(r"port = \d+", f"port = {port}", pbx)
        .replace('name = "hall"', f'name = "{name}"')
        .replace("[[pbx.trunk]]", table + "[[pbx.trunk]]")
        for name, (port, table) in tables.items()
    ]
    biller.config.write_text("\n".join([head, *made]))


@asynccontextmanager
async def cables(*ports: int) -> AsyncIterator[list[Cable]]:
    """One to each port; they keep what the biller sends."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Cable(port)) for port in ports]


def alarms(biller: Biller) -> dict[str, str]:
    """The text of each alarm that the log tells of, by kind and exchange."""
    log = (biller.folder / "biller.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return {
        str(line["subject"]): str(line["text"])
        for line in lines
        if line.get("event") == "alarm.raised"
    }


async def alarmed(biller: Biller, *subjects: str) -> dict[str, str]:
    """The alarms, once all of these are there."""
    end = time.monotonic() + PATIENCE_S
    while not set(subjects) <= set(found := alarms(biller)):
        assert time.monotonic() < end, (biller.folder / "biller.log").read_text()
        await asyncio.sleep(0.1)
    return found


async def test_calls_are_billed_and_extensions_locked_over_tls(
    lab: Lab, papers: Papers, tmp_path: Path
) -> None:
    server = lab.server
    with speaking_tls(server, papers.exchange) as port:
        async with cables(port) as [cable]:
            biller = Biller(tmp_path, cable.port, secret=server.secret)
            link_by(biller, {"hall": (cable.port, tls_table(papers.authority))})
            biller.prepare([Room("1001", "10.00"), Room("1002", "0.00")])
            biller.start()
            try:
                await biller.ready()
                call = await lab.phones.call("1001", "90301234567").wait(State.UP)
                await lab.talking((await lab.trunk_leg("0301234567"))["DestChannel"])
                call.hang_up()
                end = time.monotonic() + PATIENCE_S
                while not (rows := biller.query("SELECT payer, status, price_micros FROM call")):
                    assert time.monotonic() < end
                    await asyncio.sleep(0.05)
                [(payer, status, price)] = rows
                assert (payer, status) == ("1001", "rated")
                assert isinstance(price, int)
                assert price >= 15_000
                assert await lab.ami.get("rtbill/lock", "1002") is not None
                assert await lab.ami.get("rtbill/lock", "1001") is None
            finally:
                biller.end()
            assert cable.sent
            assert server.secret.encode() not in cable.sent


def block(language: str, heading: str) -> str:
    """The first block in this language below a heading of the document."""
    text = DOCUMENT.read_text().partition(f"\n### {heading}\n")[2]
    return text.partition(f"```{language}\n")[2].partition("```")[0]


def run_block(heading: str, folder: Path) -> str:
    """What the commands below a heading print."""
    done = subprocess.run(
        ["sh", "-euc", block("sh", heading)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_the_commands_and_lines_of_the_document_work_word_by_word(
    lab: Lab, tmp_path: Path
) -> None:
    server, port = lab.server, free_port()
    keys = tmp_path / "keys"
    keys.mkdir()
    said = run_block("Certificates", keys)
    assert said.endswith("pbx.pem: OK\n")
    here = (
        block("ini", "The exchange")
        .replace("192.0.2.10:5039", f"127.0.0.1:{port}")
        .replace("192.0.2.20/", "127.0.0.1/")
        .replace("/etc/asterisk/keys", str(keys))
    )
    table = block("toml", "rtbill").partition("[pbx.tls]")[2].partition("[[")[0]
    with managed(server, here):
        biller = Biller(tmp_path, port, secret=server.secret)
        shutil.copy(keys / "ca.pem", tmp_path)
        link_by(biller, {"hall": (port, f"[pbx.tls]{table}")})
        biller.run("migrate")
        biller.start()
        try:
            await biller.ready()
        finally:
            biller.end()


async def test_whoever_is_not_the_exchange_is_told_no_secret_and_each_fault_has_its_sentence(
    lab: Lab, papers: Papers, tmp_path: Path
) -> None:
    server = lab.server
    with speaking_tls(server, papers.exchange) as port:
        plain = server.ports.ami
        async with cables(port, port, port, plain) as links:
            wrong_ca, wrong_name, plain_to_tls, tls_to_plain = links
            biller = Biller(tmp_path, 1, secret=server.secret)
            tables = {
                "wrong-ca": (wrong_ca.port, tls_table(papers.stranger)),
                "wrong-name": (wrong_name.port, tls_table(papers.authority, "other.example.org")),
                "plain-to-tls": (plain_to_tls.port, ""),
                "tls-to-plain": (tls_to_plain.port, tls_table(papers.authority)),
            }
            link_by(biller, tables)
            biller.run("migrate")
            biller.start()
            try:
                told = await alarmed(
                    biller,
                    "tls wrong-ca",
                    "tls wrong-name",
                    "unreachable plain-to-tls",
                    "tls tls-to-plain",
                )
            finally:
                biller.end()
            for cable in links:
                assert server.secret.encode() not in cable.sent
    assert "signed by another CA" in told["tls wrong-ca"]
    assert "not for other.example.org" in told["tls wrong-name"]
    assert "that is how a TLS port waits" in told["unreachable plain-to-tls"]
    assert "that port speaks plain text" in told["tls tls-to-plain"]


async def test_an_expired_certificate_has_its_sentence(
    lab: Lab, papers: Papers, tmp_path: Path
) -> None:
    server = lab.server
    with speaking_tls(server, papers.expired) as port:
        async with cables(port) as [cable]:
            biller = Biller(tmp_path, cable.port, secret=server.secret)
            link_by(biller, {"hall": (cable.port, tls_table(papers.authority))})
            biller.run("migrate")
            biller.start()
            try:
                told = await alarmed(biller, "tls hall")
            finally:
                biller.end()
            assert server.secret.encode() not in cable.sent
    assert "expired" in told["tls hall"]


async def test_the_manager_does_not_ask_for_a_certificate_of_ours_whatever_it_is_told(
    lab: Lab, papers: Papers, tmp_path: Path
) -> None:
    """Its other listeners know these two lines; docs/remote-exchange.md says what to do instead."""
    server = lab.server
    asking = ("tlsverifyclient = yes", f"tlscafile = {papers.authority.cert}")
    with speaking_tls(server, papers.exchange, *asking) as port:
        biller = Biller(tmp_path, 1, secret=server.secret)
        tables = {
            "with": (port, tls_table(papers.authority, pair=papers.biller)),
            "without": (port, tls_table(papers.authority)),
            "stranger": (port, tls_table(papers.authority, pair=papers.strangers)),
        }
        link_by(biller, tables)
        biller.run("migrate")
        biller.start()
        try:
            await biller.ready()
        finally:
            biller.end()
