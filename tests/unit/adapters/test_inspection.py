"""Asking an exchange that is scripted, odd, slow or absent."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from adapters.asterisk.inspection.exchange_inspection import inspect, link_findings
from adapters.asterisk.inspection.inquiry import Inquiry, ask
from adapters.asterisk.inspection.reachability import answering, own_addresses
from adapters.asterisk.settings import AsteriskSettings, Trunk
from adapters.line import LinkSettings
from adapters.tls import Tls
from rtbill.domain.errors import Unavailable
from rtbill.domain.finding import Finding, Severity
from simulator.ami_server import AmiServer
from simulator.clock import ManualClock as SimulatedClock
from simulator.exchange import Exchange
from tests.fakes.talks import conversing
from tests.unit.adapters.ami_text import BASE_S
from tests.unit.adapters.exchange import FakeExchange, ManualClock, a_pbx, running

MANAGER = """Category-000000: general
Line-000000-000000: enabled=yes
Line-000000-000001: bindaddr=127.0.0.1
Line-000000-000002: channelvars=RTB_PAYER,RTB_DEST,RTB_ANSWERED,RTB_ORIGIN,FORWARDERNAME
Line-000000-000003: timestampevents=yes
Category-000001: rtbill
Line-000001-000000: secret=s3cret-of-this-test-alone
Line-000001-000001: deny=0.0.0.0/0.0.0.0
Line-000001-000002: permit=127.0.0.1/255.255.255.255
Line-000001-000003: read=call,user,system"""


@pytest.fixture
async def exchange() -> AsyncIterator[FakeExchange]:
    async with FakeExchange() as fake:
        fake.replies |= {
            "GetConfig": lambda action: (
                fake.ok(action, *MANAGER.split("\n"))
                if action.get("Filename") == "manager.conf"
                else fake.error(action, "Config file not found")
            ),
            "Getvar": lambda action: fake.ok(action, f"Value: {_value(action.get('Variable'))}"),
            "Logoff": lambda action: f"Response: Goodbye\r\n{fake.id_of(action)}\r\n",
        }
        yield fake


def _value(expression: str) -> str:
    is_there = "rtbill-up" in expression
    return ("1" if is_there else "0") if expression.startswith("DIALPLAN_EXISTS") else ""


def settings(port: int, host: str = "127.0.0.1", secret: str = "s3cret") -> AsteriskSettings:
    return AsteriskSettings(
        name="lab",
        host=host,
        port=port,
        user="rtbill",
        secret=secret,
        trunks=(Trunk("carrier", ("PJSIP/carrier-",)),),
        link=LinkSettings(connect_timeout_s=1.0),
    )


async def nowhere() -> Sequence[str]:
    return ()


async def found_at(exchange: FakeExchange) -> list[Finding]:
    return await inspect(settings(exchange.port), ManualClock(), nowhere)


async def test_a_good_exchange_has_nothing_wrong(exchange: FakeExchange) -> None:
    assert await found_at(exchange) == []


async def test_it_takes_leave_and_writes_nothing(exchange: FakeExchange) -> None:
    await found_at(exchange)
    asked = {message.event for message in exchange.heard}
    assert "Logoff" in asked
    assert asked & {"DBPut", "DBDel", "Setvar", "Hangup", "AbsoluteTimeout", "Originate"} == set()


@pytest.mark.parametrize(
    ("ahead_s", "severity"),
    [
        (0, None), (1.5, None), (-1.5, None), (-3, Severity.WARNING), (3, Severity.WARNING),
        (61, Severity.PROBLEM), (-3600, Severity.PROBLEM),
    ],
)  # fmt: skip
async def test_clocks_that_are_apart_are_found(
    exchange: FakeExchange, ahead_s: float, severity: Severity | None
) -> None:
    stamp = f"Timestamp: {BASE_S + ahead_s:.6f}"
    exchange.replies["Ping"] = lambda action: exchange.ok(action, "Ping: Pong", stamp)
    found = await found_at(exchange)
    expected = [] if severity is None else [("clock", severity)]
    assert [(each.code, each.severity) for each in found] == expected


async def test_what_is_unknown_or_denied_is_one_note(exchange: FakeExchange) -> None:
    for action, text in {
        "CoreSettings": "Permission denied",
        "ListCommands": "Invalid/unknown command",
        "GetConfig": "Permission denied",
        "Getvar": "Permission denied",
    }.items():
        exchange.replies[action] = lambda asked, text=text: exchange.error(asked, text)  # type: ignore[misc]
    [found] = await found_at(exchange)
    assert (found.code, found.severity) == ("not-checked", Severity.NOTE)
    assert "GetConfig: manager.conf: Permission denied" in found.text


@pytest.mark.parametrize("version", [16, 22])
async def test_the_simulated_exchange_is_survived_without_a_problem(version: int) -> None:
    clock = SimulatedClock()
    simulated = Exchange(clock.now_us, version=version, extensions=("1001",))
    async with AmiServer(simulated, clock) as server:
        found = await inspect(settings(server.port, secret="rtbill"), AlikeClock(clock), nowhere)
    assert [each for each in found if each.severity is Severity.PROBLEM] == []
    [said] = [each.text for each in found if each.code == "not-checked"]
    assert "GetConfig" in said


class AlikeClock(ManualClock):
    """Shows the simulated exchange's own time."""

    def __init__(self, simulated: SimulatedClock) -> None:
        super().__init__()
        self._passed_s = simulated.now_us() / 1e6 - BASE_S


async def test_a_refused_secret_says_so(exchange: FakeExchange) -> None:
    exchange.replies["Login"] = lambda asked: exchange.error(asked, "Authentication failed")
    with pytest.raises(Unavailable, match=r"refused the AMI user rtbill .*Authentication failed"):
        await found_at(exchange)


async def test_nobody_there_says_where_it_looked() -> None:
    with pytest.raises(Unavailable, match=r"cannot reach lab at 127\.0\.0\.1:1: "):
        await inspect(settings(1), ManualClock(), nowhere)


@pytest.mark.parametrize("host", ["pbx..example", ".example", f"{'x' * 64}.example"])
async def test_a_name_that_no_host_can_have_is_said_to_be_one(host: str) -> None:
    text = rf"cannot reach lab at {re.escape(host)}:5038: its name, .* is none that a host can have"
    with pytest.raises(Unavailable, match=text):
        await inspect(settings(5038, host), ManualClock(), nowhere)


async def test_an_exchange_that_never_answers_is_given_up(exchange: FakeExchange) -> None:
    exchange.silent.add("CoreSettings")

    async def work(inquiry: Inquiry) -> None:
        await inquiry.act("CoreSettings")

    with pytest.raises(Unavailable, match=r"within 0\.2 s"):
        await ask(settings(exchange.port), ManualClock(), work, deadline_s=0.2)


async def test_a_link_that_breaks_meanwhile_is_unavailable(exchange: FakeExchange) -> None:
    async def work(inquiry: Inquiry) -> None:
        exchange.drop()
        await inquiry.ping()

    with pytest.raises(Unavailable, match=r"lab: .*(exchange closed|connection broke)"):
        await ask(settings(exchange.port), ManualClock(), work)


async def test_secrets_that_it_reads_reach_no_recording(exchange: FakeExchange) -> None:
    pbx = a_pbx(exchange, ManualClock())
    recorded: list[bytes] = []
    pbx.record(lambda _direction, data, _at: recorded.append(data))
    async with running(pbx):
        await inspect(settings(exchange.port), ManualClock(), nowhere)
    assert b"".join(recorded), "the link itself is recorded"
    assert b"s3cret-of-this-test-alone" not in b"".join(recorded)


@pytest.mark.parametrize(
    ("host", "tls", "codes"),
    [
        ("127.0.0.1", None, []),
        ("pbx.example", None, ["tls"]),
        ("192.0.2.7", None, ["tls"]),
        ("192.0.2.7", Tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "pbx.example"), []),
    ],
)
def test_plain_text_to_another_host_is_found(host: str, tls: Tls | None, codes: list[str]) -> None:
    far = replace(settings(5038, host), tls=tls)
    assert [each.code for each in link_findings(far, 0.0)] == codes


# ---- which addresses answer


async def found_with_port(exchange: FakeExchange, written: str) -> list[Finding]:
    """As manager.conf says this port, and this machine has the address 127.0.0.1 to the outside."""
    manager = f"{MANAGER}\nCategory-000002: general\nLine-000002-000000: port={written}"
    exchange.replies["GetConfig"] = lambda action: exchange.ok(action, *manager.split("\n"))

    async def here() -> Sequence[str]:
        return ["127.0.0.1"]

    return await inspect(settings(exchange.port), ManualClock(), here)


async def test_the_port_that_is_tried_is_that_of_the_file(exchange: FakeExchange) -> None:
    found = await found_with_port(exchange, str(exchange.port))
    assert [each.text for each in found if each.code == "ami-exposed"] == [
        "AMI answers at 127.0.0.1, beyond this machine; only the permit lines of its users keep "
        "strangers out"
    ]


@pytest.mark.parametrize("written", ["70000", "0", "-1", "5038 ; AMI", "٥٠٣٨", "9" * 5000, ""])
async def test_a_port_that_is_none_ends_no_inspection(exchange: FakeExchange, written: str) -> None:
    found = await found_with_port(exchange, written)
    assert [each for each in found if each.code == "not-checked"] == []


async def test_only_what_greets_as_an_exchange_answers(exchange: FakeExchange) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")

    assert await answering(["127.0.0.1", "127.0.0.9"], exchange.port) == ["127.0.0.1"]
    async with conversing(silent, exchange.port, host="127.0.0.9"):
        assert await answering(["127.0.0.9"], exchange.port) == []


async def test_nothing_answers_at_a_name_that_no_host_can_have() -> None:
    assert await answering(["pbx..example"], 5038) == []


async def test_the_addresses_of_this_machine_are_none_of_loopback() -> None:
    assert [each for each in await own_addresses() if each.startswith(("127.", "::1"))] == []
