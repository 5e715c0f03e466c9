"""The question before dialling over real sockets: answers, tokens, bounds, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from rtbill import form_server, inline
from rtbill.alarms import Alarms
from rtbill.authorisation import Answer, CallKind, Permission, Question, Refusal
from rtbill.domain.errors import Refused
from rtbill.domain.refusal import Reason
from rtbill.form_server import serve_forms
from rtbill.inline import QuestionDesk, serve_inline
from rtbill.listening import server_tls
from tests.fakes.certificates import Authority, Certificate
from tests.fakes.environment import CountingMeter, ManualClock

TOKEN = "b3c1f0a94c1d"
GOOD = {
    "token": TOKEN,
    "call": "1795356013.7",
    "payer": "1001",
    "number": "+41315550100",
    "kind": "direct",
}
FORM = "application/x-www-form-urlencoded"


class LabelledMeter(CountingMeter):
    """Keeps the labels of what is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.labelled: Counter[tuple[str, str]] = Counter()

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        super().count(name, amount, **labels)
        self.labelled[labels["pbx"], labels["answer"]] += amount


@dataclass
class Listener:
    """A listener on loopback, and who decides behind it."""

    port: int = 0
    asked: list[Question] = field(default_factory=list)
    answer: Answer | Exception = field(default_factory=lambda: Permission(90))
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Decisions wait for it."""
    meter: LabelledMeter = field(default_factory=LabelledMeter)
    alarms: Alarms = field(default_factory=lambda: Alarms(ManualClock()))

    async def decide(self, question: Question) -> Answer:
        self.asked.append(question)
        await self.hold.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def url(self, pbx: str = "hall", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/v1/authorise/{pbx}"

    async def ask(self, pbx: str = "hall", **changed: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=5) as client:
            return await client.post(self.url(pbx), data={**GOOD, **changed})

    @property
    def alarmed(self) -> list[tuple[str, str]]:
        return [(alarm.kind, alarm.subject) for alarm in self.alarms.active()]


@contextlib.asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    made = Listener()
    made.hold.set()
    tokens = {"hall": TOKEN, "annex": "another-token"}
    desk = QuestionDesk(tokens, made.decide, made.alarms, made.meter, ManualClock())
    with socket.create_server(("127.0.0.1", 0)) as own:
        made.port = own.getsockname()[1]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(serve_forms(own, desk.answer, tls))
            yield made
            task.cancel()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as made:
        yield made


async def raw(port: int, sent: bytes, *, patience_s: float = 5) -> bytes:
    """All that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(patience_s):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def posted(body: str, path: str = "/v1/authorise/hall", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def form_of(fields: dict[str, str]) -> str:
    return str(httpx.QueryParams(fields))


# ---------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Permission(90), "allow,90"),
        (Permission(), "allow,"),
        (Refusal(Reason.BALANCE), "refuse,balance"),
        (Refusal(Reason.UNKNOWN_PAYER), "refuse,unknown-payer"),
    ],
)
async def test_the_answer_is_one_line_of_plain_text_without_a_line_break(
    listener: Listener, answer: Answer, line: str
) -> None:
    listener.answer = answer

    response = await listener.ask()

    assert (response.status_code, response.text) == (200, line)
    assert response.headers["content-type"] == "text/plain"


async def test_what_is_asked_arrives_as_it_was_dialled(listener: Listener) -> None:
    await listener.ask(number="+49*#30", payer="lobby_1", kind="group")

    assert listener.asked == [
        Question(
            pbx="hall",
            channel="1795356013.7",
            payer="lobby_1",
            number="+49*#30",
            kind=CallKind.GROUP,
        )
    ]


async def test_the_answer_goes_out_in_one_piece(listener: Listener) -> None:
    """A body cut short would pass for the whole: `allow,60` for `allow,`."""
    received = []

    class Pieces(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.append(data)

        def connection_lost(self, exc: Exception | None) -> None:
            del exc
            done.set()

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(Pieces, "127.0.0.1", listener.port)
    transport.write(posted(form_of(GOOD), "/v1/authorise/hall", f"Content-Type: {FORM}"))
    async with asyncio.timeout(5):
        await done.wait()
    assert len(received) == 1
    assert received[0].endswith(b"\r\n\r\nallow,90")


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "555&Local/222@x"},
        {"number": "112\n"},
        {"payer": "1001,1002"},
        {"call": ""},
        {"kind": "other"},
        {"number": "\N{ARABIC-INDIC DIGIT ONE}"},
    ],
)
async def test_a_malformed_question_is_refused_and_nobody_is_asked(
    listener: Listener, changed: dict[str, str]
) -> None:
    response = await listener.ask(**changed)

    assert (response.status_code, response.text) == (200, "refuse,malformed")
    assert listener.asked == []


async def test_a_field_that_comes_twice_makes_it_malformed(listener: Listener) -> None:
    body = form_of(GOOD) + "&number=112"

    said = await raw(listener.port, posted(body, "/v1/authorise/hall", f"Content-Type: {FORM}"))

    assert said.endswith(b"\r\n\r\nrefuse,malformed")


async def test_questions_are_counted_by_exchange_and_answer_and_timed(listener: Listener) -> None:
    await listener.ask()
    listener.answer = Refusal(Reason.LOCKED)
    await listener.ask()
    await listener.ask(number="x")
    await listener.ask(token="wrong")
    await listener.ask("cellar")

    assert listener.meter.labelled == {
        ("hall", "allow"): 1,
        ("hall", "locked"): 1,
        ("hall", "malformed"): 1,
        ("hall", "denied"): 1,
        ("unknown", "denied"): 1,
    }
    assert len(listener.meter.observed["rtbill_question_seconds"]) == 5


# ---------------------------------------------------------------------- who may ask


@pytest.mark.parametrize(
    ("pbx", "token", "subject"),
    [
        ("hall", "wrong", "hall"),
        ("hall", "", "hall"),
        ("hall", TOKEN + "x", "hall"),
        ("hall", "t\N{LATIN SMALL LETTER O WITH DIAERESIS}ken", "hall"),
        ("hall", "another-token", "hall"),
        ("annex", TOKEN, "annex"),
        ("cellar", TOKEN, "unknown"),
        ("cellar", "", "unknown"),
        ("cellar", "nobody's", "unknown"),
        ("unknown", "nobody's", "unknown"),
        ("hall/../annex", TOKEN, "unknown"),
    ],
)
async def test_who_has_not_the_token_gets_an_empty_answer_and_an_alarm(
    listener: Listener, pbx: str, token: str, subject: str
) -> None:
    body = form_of({**GOOD, "token": token})
    path = f"/v1/authorise/{pbx}"

    said = await raw(listener.port, posted(body, path, f"Content-Type: {FORM}"))

    assert said.startswith(b"HTTP/1.1 403 ")
    assert said.endswith(b"\r\n\r\n")
    assert listener.asked == []
    assert listener.alarmed == [("inline", subject)]


async def test_a_wrong_token_is_told_before_anything_else_that_is_wrong(
    listener: Listener,
) -> None:
    response = await listener.ask(token="wrong", number="&")

    assert (response.status_code, response.text) == (403, "")


async def test_the_next_good_question_ends_the_alarm(listener: Listener) -> None:
    await listener.ask(token="wrong")
    await listener.ask("cellar")
    await listener.ask("annex", token="wrong")

    await listener.ask()

    assert listener.alarmed == [("inline", "annex")]


# ---------------------------------------------------------------------- when no answer can be had


async def test_a_decision_that_takes_too_long_is_no_answer_and_alarmed(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "ANSWER_TIMEOUT_S", 0.05)
    listener.hold.clear()

    response = await listener.ask()

    assert (response.status_code, response.content) == (503, b"")
    assert listener.alarmed == [("inline", "hall")]
    assert listener.meter.labelled == {("hall", "late"): 1}


async def test_a_mistake_of_ours_is_no_answer_alarmed_logged_and_survived(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.answer = ValueError("planted")
    response = await listener.ask()
    assert (response.status_code, response.content) == (503, b"")
    assert listener.alarmed == [("inline", "hall")]
    assert "planted" in caplog.text
    assert "41315550100" not in caplog.text

    listener.answer = Permission()
    assert (await listener.ask()).text == "allow,"
    assert listener.alarmed == []


async def test_more_questions_than_can_be_decided_get_no_answer_at_once(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "QUESTIONS_MAX", 3)
    listener.hold.clear()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(listener.ask()) for _ in range(3)]
        async with asyncio.timeout(5):
            while len(listener.asked) < 3:  # noqa: ASYNC110 - the kernel's event
                await asyncio.sleep(0.01)

        beyond = await listener.ask()

        listener.hold.set()
    assert (beyond.status_code, beyond.content) == (503, b"")
    assert [task.result().text for task in asking] == ["allow,90"] * 3


# ---------------------------------------------------------------------- hostile and clumsy clients


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /v1/authorise/hall HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (posted(form_of(GOOD), "/v1/other", f"Content-Type: {FORM}"), 404),
        (posted(form_of(GOOD)), 415),
        (posted(form_of(GOOD), "/v1/authorise/hall", "Content-Type: application/json"), 415),
        (posted("x" * 4097, "/v1/authorise/hall", f"Content-Type: {FORM}"), 413),
        (posted("&".join(["a=1"] * 17), "/v1/authorise/hall", f"Content-Type: {FORM}"), 400),
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00" + b"\x00" * 512 + b"\r\n\r\n", 400),
        (b"POST /v1/authorise/hall HTTP/1.1\r\nContent-Length: x\r\nHost: x\r\n\r\n", 400),
        (b"POST /v1/authorise/hall HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    ],
)
async def test_what_is_no_question_gets_an_empty_answer_and_the_connection_is_closed(
    listener: Listener, sent: bytes, status: int
) -> None:
    said = await raw(listener.port, sent)

    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert said.endswith(b"\r\n\r\n")
    assert listener.asked == []
    assert (await listener.ask()).text == "allow,90"


async def test_a_body_without_end_is_not_collected(listener: Listener) -> None:
    head = posted("", "/v1/authorise/hall", f"Content-Type: {FORM}").replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    said = await raw(listener.port, head + b"400\r\n" + (b"x" * 1024 + b"\r\n400\r\n") * 5)

    assert said == b"" or said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/auth",
        b"POST /v1/authorise/hall HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123",
    ],
    ids=["nothing", "half a line", "half a body"],
)
async def test_a_client_that_does_not_finish_is_sent_away(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.05)

    assert await raw(listener.port, sent, patience_s=2) == b""


async def test_a_client_that_sends_byte_by_byte_has_no_more_time_than_others(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof() and loop.time() - began < 5:
            writer.write(b"X")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await reader.read()
    writer.close()
    assert loop.time() - began < 2


async def test_a_connection_may_carry_one_question_after_another(listener: Listener) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        for seconds in (90, 80, 70):
            listener.answer = Permission(seconds)
            response = await client.post(listener.url(), data=GOOD)
            assert response.text == f"allow,{seconds}"
            assert "connection" not in response.headers
    assert len(listener.asked) == 3


async def test_two_questions_sent_together_are_answered_in_order(listener: Listener) -> None:
    one = posted(form_of(GOOD), "/v1/authorise/hall", f"Content-Type: {FORM}")
    other = form_of({**GOOD, "token": "wrong"})

    said = await raw(
        listener.port, one + posted(other, "/v1/authorise/hall", f"Content-Type: {FORM}")
    )

    assert said.index(b"allow,90") < said.index(b"HTTP/1.1 403 ")


async def test_an_idle_connection_is_closed(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.2)
    sent = posted(form_of(GOOD), "/v1/authorise/hall", f"Content-Type: {FORM}")

    assert (await raw(listener.port, sent, patience_s=2)).endswith(b"allow,90")


async def test_a_thousand_at_once_are_all_answered(listener: Listener) -> None:
    sent = posted(form_of(GOOD), "/v1/authorise/hall", f"Content-Type: {FORM}", "Connection: close")
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(raw(listener.port, sent, patience_s=30)) for _ in range(1000)]
    answered = Counter(task.result().rpartition(b"\r\n\r\n")[2] for task in asking)
    assert answered == {b"allow,90": 1000}


async def test_more_connections_than_the_bound_are_closed_at_once(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 30)
    idle = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]

    assert await raw(listener.port, b"", patience_s=2) == b""

    for _, writer in idle:
        writer.close()
    await _until(lambda: listener.ask(), "allow,90")


async def _until(ask: Callable[[], object], text: str) -> None:
    """Ask until the places of those who left are free again."""
    async with asyncio.timeout(5):
        while True:
            try:
                response = await ask()  # type: ignore[misc]
            except httpx.TransportError:
                await asyncio.sleep(0.01)
            else:
                assert response.text == text
                return


async def test_clients_that_go_away_are_no_news(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for sent in (b"", b"POST", posted(form_of(GOOD), "/v1/authorise/hall")):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(sent)
        writer.transport.abort()

    assert (await listener.ask()).text == "allow,90"
    assert [each for each in caplog.records if each.name.startswith("rtbill")] == []


# ---------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.certificate("rtbill")


def client_tls(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.cert_file))


async def test_over_tls_a_private_authority_proves_who_answers(
    authority: Authority, certificate: Certificate
) -> None:
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    async with (
        listening(tls) as listener,
        httpx.AsyncClient(verify=client_tls(authority), timeout=5) as client,
    ):
        for _ in range(2):
            response = await client.post(listener.url(scheme="https"), data=GOOD)
            assert response.text == "allow,90"


async def test_over_tls_a_client_of_another_authority_asks_nothing(
    tmp_path: Path, certificate: Certificate
) -> None:
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    other = Authority(tmp_path, "other")
    async with listening(tls) as listener:
        async with httpx.AsyncClient(verify=client_tls(other), timeout=5) as client:
            with pytest.raises(httpx.ConnectError):
                await client.post(listener.url(scheme="https"), data=GOOD)
        assert listener.asked == []


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)],
)
async def test_tls_older_than_1_2_is_refused(
    authority: Authority, certificate: Certificate, version: ssl.TLSVersion, *, is_taken: bool
) -> None:
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    client = client_tls(authority)
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = version
    async with listening(tls) as listener:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=client)
        except (ssl.SSLError, ConnectionError):
            assert not is_taken
        else:
            writer.transport.abort()
            assert is_taken


@pytest.mark.parametrize("sent", [b"", b"hello\r\n\r\n", posted(form_of(GOOD))])
async def test_who_speaks_no_tls_gets_nothing(
    certificate: Certificate, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.3)
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    async with listening(tls) as listener:
        assert b"HTTP" not in await raw(listener.port, sent, patience_s=3)
        assert listener.asked == []


def test_a_certificate_that_cannot_be_used_is_named_with_its_table(
    certificate: Certificate, authority: Authority, tmp_path: Path
) -> None:
    other = authority.certificate("other")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for cert, key in (
        (tmp_path / "absent.pem", certificate.key_file),
        (certificate.cert_file, other.key_file),
        (text, certificate.key_file),
    ):
        with pytest.raises(Refused, match=rf"^inline\.tls: {cert} and {key} .*; name both"):
            server_tls(cert, key, "inline.tls")


# ---------------------------------------------------------------------- the port


async def test_a_port_that_is_taken_is_named_with_its_key() -> None:
    behind = Listener()
    desk = QuestionDesk({}, behind.decide, behind.alarms, behind.meter, ManualClock())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=rf"port {port}: .*; change inline\.port"):
            await serve_inline("127.0.0.1", port, desk)
