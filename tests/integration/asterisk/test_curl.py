"""What Asterisk's CURL() gives the dialplan when a service answers, lies, stalls or dies.

The generated dialplan decides on one thing, whether the answer is empty; so these are the facts it
stands on. Each is the same on 16 and 22, except that 16 cannot be given a certificate authority.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest

from tests.fakes.certificates import Authority
from tests.fakes.questions import TOKEN, listening
from tests.fakes.talks import conversing
from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.lab import Lab

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What a service does once it has read a whole request; afterwards it closes."""


@dataclass
class Service:
    """Who is asked."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one CURL()."""

    answer: str
    after_s: float


def says(body: bytes, status: str = "200 OK", length: int | None = None) -> Talk:
    """A whole answer, or one that promises more than it holds."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}"
        writer.write(head.encode() + b"\r\n\r\n" + body)

    return talk


def after(seconds: float, then: Talk) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(writer)

    return talk


def sends(raw: bytes) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return talk


async def resets(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def drips(writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nallow,60":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def serving(
    talk: Talk, tls: ssl.SSLContext | None = None, *, keeps: bool = False
) -> AsyncIterator[Service]:
    service = Service()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service.connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            service.requests.append(head + await reader.readexactly(length))
            await talk(writer)
            await writer.drain()
            if not keeps:
                break

    async with conversing(converse, tls=tls) as service.port:
        yield service


async def ask(ami: AmiProbe, url: str, exten: str = "ask", **variables: str) -> list[Heard]:
    """What a channel in the dialplan hears, once or twice."""
    case = secrets.token_hex(4)
    wanted = [case, f"{case}-again"] if "AGAIN" in variables else [case]
    told = {"CASE": case, "URL": url, "NUMBER": "+49*#30", **variables}
    pairs = ",".join(f"{name}={value}" for name, value in told.items())
    await ami.action(
        "Originate",
        Channel=f"Local/{exten}@curl/n",
        Application="Wait",
        Data="10",
        Async="true",
        Variable=pairs,
    )
    return [await _answer(ami, each) for each in wanted]


async def _answer(ami: AmiProbe, case: str) -> Heard:
    event = await ami.event("UserEvent", lambda event: event.get("Case") == case)
    return Heard(unquote(event["Answer"]), float(event["Ended"]) - float(event["Begun"]))


async def heard(lab: Lab, talk: Talk, tls: ssl.SSLContext | None = None, **option: str) -> Heard:
    async with serving(talk, tls) as service:
        url = f"http{'s' if tls else ''}://127.0.0.1:{service.port}/v1/authorise/hall"
        return (await ask(lab.ami, url, **option))[0]


@dataclass(frozen=True, slots=True)
class Trust:
    """An authority, a service it vouches for, and one that it vouches for under another name."""

    authority: Authority
    other: Authority
    right: ssl.SSLContext
    misnamed: ssl.SSLContext


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    contexts = []
    for name, reached_as in (("right", "IP:127.0.0.1"), ("misnamed", "DNS:rtbill.example")):
        made = authority.certificate(name, reached_as)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made.cert_file, made.key_file)
        contexts.append(context)
    return Trust(authority, Authority(folder, "other"), *contexts)


def knows_cainfo(lab: Lab) -> bool:
    """Whether this Asterisk can be given a certificate authority; 16 cannot."""
    return lab.server.version > 16


# ---------------------------------------------------------------------- who answers


@pytest.mark.parametrize(
    ("talk", "answer"),
    [
        (says(b"allow,60"), "allow,60"),
        (says(b"allow,"), "allow,"),
        (says(b"refuse,unknown-payer"), "refuse,unknown-payer"),
        (says(b"allow,60\r\n"), "allow,60"),
        (says(b"allow,60\nmore"), "allow,60\nmore"),
        (sends(b"HTTP/1.1 200 OK\r\n\r\nallow,60"), "allow,60"),
        (says(b"", "403 Forbidden"), ""),
        (says(b"", "503 Busy"), ""),
        (says(b"busy", "503 Busy"), "busy"),
        (says(b"", "302 Found\r\nLocation: /elsewhere"), ""),
    ],
    ids=[
        "seconds",
        "no limit",
        "refusal",
        "line end is cut off",
        "line break inside stays",
        "until it closes",
        "403 without body",
        "503 without body",
        "the body of a 503 passes for an answer",
        "no redirection is followed",
    ],
)
async def test_the_body_is_the_answer_whatever_the_status(
    lab: Lab, talk: Talk, answer: str
) -> None:
    found = await heard(lab, talk)

    assert found.answer == answer
    assert found.after_s < 1


async def test_the_question_is_a_form_with_its_values_encoded(lab: Lab) -> None:
    async with serving(says(b"allow,")) as service:
        await ask(lab.ami, f"http://127.0.0.1:{service.port}/v1/authorise/hall")

    [request] = service.requests
    assert request.startswith(b"POST /v1/authorise/hall HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/x-www-form-urlencoded\r\n" in request
    assert request.endswith(b"&payer=1001&number=%2B49*%2330&kind=direct")


async def test_two_questions_of_a_channel_share_a_connection_that_was_kept(lab: Lab) -> None:
    async with serving(says(b"allow,60"), keeps=True) as service:
        found = await ask(lab.ami, f"http://127.0.0.1:{service.port}/", AGAIN="yes")

    assert [each.answer for each in found] == ["allow,60", "allow,60"]
    assert (service.connections, len(service.requests)) == (1, 2)


async def test_a_connection_that_was_closed_in_between_is_opened_anew(lab: Lab) -> None:
    async with serving(says(b"allow,60")) as service:
        found = await ask(lab.ami, f"http://127.0.0.1:{service.port}/", AGAIN="yes")

    assert [each.answer for each in found] == ["allow,60", "allow,60"]
    assert (service.connections, len(service.requests)) == (2, 2)


async def test_a_condition_around_it_does_not_keep_it_from_asking(lab: Lab) -> None:
    async with serving(says(b"allow,60")) as service:
        [found] = await ask(lab.ami, f"http://127.0.0.1:{service.port}/", "guarded")

    assert found.answer == ""
    assert len(service.requests) == 1


# ---------------------------------------------------------------------- rtbill


async def test_rtbill_answers_what_asterisk_asks(lab: Lab) -> None:
    async with listening() as rtbill:
        [found] = await ask(lab.ami, rtbill.url(), TOKEN=TOKEN)

    assert found.answer == "allow,90."
    [question] = rtbill.asked
    assert (question.payer, question.number) == ("1001", "+49*#30")


async def test_rtbill_gives_no_answer_to_a_wrong_token(lab: Lab) -> None:
    async with listening() as rtbill:
        [found] = await ask(lab.ami, rtbill.url(), TOKEN="wrong")

    assert found.answer == ""
    assert rtbill.alarmed == [("inline", "hall")]


async def test_rtbill_answers_over_tls_whom_it_has_given_its_authority(
    lab: Lab, trust: Trust
) -> None:
    option = {"OPTION": "ssl_cainfo", "VALUE": str(trust.authority.cert_file)}
    if not knows_cainfo(lab):
        option = {"OPTION": "ssl_verifypeer", "VALUE": "0"}
    async with listening(trust.right) as rtbill:
        url = rtbill.url(scheme="https")
        found = await ask(lab.ami, url, TOKEN=TOKEN, AGAIN="yes", **option)

    assert [each.answer for each in found] == ["allow,90.", "allow,90."]


# ---------------------------------------------------------------------- who does not


@pytest.mark.parametrize(
    ("talk", "answer", "after_s"),
    [
        (after(0, sends(b"")), "", 0),
        (resets, "", 0),
        (sends(b"hello\r\n\r\n"), "", 0),
        (sends(b"HTTP/1.1 200 OK\r\nConte"), "", 0),
        (says(b"allo", length=8), "allo", 0),
        (after(1, says(b"allow,60")), "allow,60", 1),
        (after(3, says(b"allow,60")), "", 2),
        (after(8, sends(b"")), "", 2),
        (drips, "", 2),
    ],
    ids=[
        "closes without a word",
        "resets",
        "speaks no HTTP",
        "dies in the head",
        "dies in the body: what came passes for the whole",
        "slow, 1 s",
        "slow, 3 s",
        "silent",
        "byte by byte",
    ],
)
async def test_a_service_that_fails_costs_two_seconds_at_most_and_leaves_nothing(
    lab: Lab, talk: Talk, answer: str, after_s: float
) -> None:
    found = await heard(lab, talk)

    assert found.answer == answer
    assert after_s <= found.after_s < after_s + 0.2


async def test_a_port_nobody_listens_on_is_known_at_once(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    [found] = await ask(lab.ami, f"http://127.0.0.1:{port}/")

    assert found.answer == ""
    assert found.after_s < 0.5


async def test_a_host_that_does_not_take_the_connection_costs_a_second(lab: Lab) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(full.getsockname())
        [found] = await ask(lab.ami, f"http://127.0.0.1:{full.getsockname()[1]}/")
        for each in waiting:
            each.close()

    assert found.answer == ""
    assert 1 <= found.after_s < 1.2


# ---------------------------------------------------------------------- TLS


async def test_a_certificate_of_an_unknown_authority_is_refused_by_itself(
    lab: Lab, trust: Trust
) -> None:
    assert (await heard(lab, says(b"allow,60"), trust.right)).answer == ""


async def test_an_authority_of_ones_own_can_be_named_on_22_but_not_on_16(
    lab: Lab, trust: Trust
) -> None:
    """On 16 it must be among those of the system."""
    own = {"OPTION": "ssl_cainfo", "VALUE": str(trust.authority.cert_file)}
    found = await heard(lab, says(b"allow,60"), trust.right, **own)

    if knows_cainfo(lab):
        assert found.answer == "allow,60"
    else:
        assert found.answer == ""
        assert "Unrecognized option: ssl_cainfo" in lab.server.log


@pytest.mark.parametrize("authority", ["other", "absent"])
async def test_an_authority_that_did_not_sign_it_proves_nothing(
    lab: Lab, trust: Trust, authority: str
) -> None:
    path = str(trust.other.cert_file if authority == "other" else "/nonexistent.pem")
    found = await heard(lab, says(b"allow,60"), trust.right, OPTION="ssl_cainfo", VALUE=path)

    assert found.answer == ""


@pytest.mark.parametrize(
    ("option", "answer"), [("ssl_cainfo", ""), ("ssl_verifypeer", "")], ids=["checked", "not"]
)
async def test_the_name_is_checked_even_where_the_certificate_is_not(
    lab: Lab, trust: Trust, option: str, answer: str
) -> None:
    value = str(trust.authority.cert_file) if option == "ssl_cainfo" else "0"
    found = await heard(lab, says(b"allow,60"), trust.misnamed, OPTION=option, VALUE=value)

    assert found.answer == answer


async def test_without_any_check_whoever_answers_is_believed(lab: Lab, trust: Trust) -> None:
    found = await heard(lab, says(b"allow,60"), trust.right, OPTION="ssl_verifypeer", VALUE="0")
    assert found.answer == "allow,60"
