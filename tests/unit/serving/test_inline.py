"""What an exchange is told over the wire: answers, tokens, and when no answer can be had."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from rtbill.credit.authorisation import Answer, CallKind, Permission, Question, Refusal
from rtbill.domain.errors import Refused
from rtbill.domain.refusal import Reason
from rtbill.serving import inline
from rtbill.serving.inline import QuestionDesk, serve_inline
from tests.fakes.environment import ManualClock
from tests.fakes.questions import (
    FORM,
    GOOD,
    TOKEN,
    Listener,
    form_of,
    listening,
    posted,
    raw,
)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as made:
        yield made


# ---------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Permission(90), "allow,90."),
        (Permission(), "allow,."),
        (Refusal(Reason.BALANCE), "refuse,balance."),
        (Refusal(Reason.UNKNOWN_PAYER), "refuse,unknown-payer."),
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
    assert received[0].endswith(b"\r\n\r\nallow,90.")


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "555&Local/222@x"},
        {"number": "112\n"},
        {"number": "\N{ARABIC-INDIC DIGIT ONE}"},
    ],
)
async def test_a_malformed_number_is_refused_and_nobody_is_asked(
    listener: Listener, changed: dict[str, str]
) -> None:
    response = await listener.ask(**changed)

    assert (response.status_code, response.text) == (200, "refuse,malformed.")
    assert listener.asked == []


@pytest.mark.parametrize(
    ("field", "value"), [("payer", "1001,1002"), ("call", ""), ("kind", "other")]
)
async def test_what_the_exchange_got_wrong_is_no_answer_and_alarmed_with_the_field(
    listener: Listener, field: str, value: str
) -> None:
    response = await listener.ask(**{field: value})

    assert (response.status_code, response.content) == (503, b"")
    assert listener.asked == []
    (alarm,) = listener.alarms.active()
    assert (alarm.kind, alarm.subject) == ("inline", "hall")
    assert f"'{field}'" in alarm.text
    assert listener.meter.labelled == {("hall", "unreadable"): 1}


async def test_a_malformed_number_does_not_end_the_alarm_of_a_wrong_dialplan(
    listener: Listener,
) -> None:
    await listener.ask(kind="other")
    await listener.ask(number="x")
    assert listener.alarmed == [("inline", "hall")]

    await listener.ask()

    assert listener.alarmed == []


async def test_a_uniqueid_arrives_as_the_exchange_encoded_it(listener: Listener) -> None:
    await listener.ask(call="K\u00fcche 7, a&b=c+d%41-1795356013.7")

    assert [each.channel for each in listener.asked] == ["K\u00fcche 7, a&b=c+d%41-1795356013.7"]


async def test_a_number_that_comes_twice_is_malformed(listener: Listener) -> None:
    body = form_of(GOOD) + "&number=112"

    said = await raw(listener.port, posted(body, "/v1/authorise/hall", f"Content-Type: {FORM}"))

    assert said.endswith(b"\r\n\r\nrefuse,malformed.")


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
    assert (await listener.ask()).text == "allow,."
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
    assert [task.result().text for task in asking] == ["allow,90."] * 3


# ---------------------------------------------------------------------- the port


async def test_a_port_that_is_taken_is_named_with_its_key() -> None:
    behind = Listener()
    desk = QuestionDesk({}, behind.decide, behind.alarms, behind.meter, ManualClock())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=rf"port {port}: .*; change inline\.port"):
            await serve_inline("127.0.0.1", port, desk)
