"""Bytes to the listener of questions, in whatever pieces they come: the same answers, in order; and
whatever comes, an end.
"""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtbill.serving.form_server import FORM_BYTES_MAX, Fields, Reply, _Conversation, _FormServer

ANSWER = re.compile(
    rb"HTTP/1\.1 (\d{3}) [A-Za-z ]+\r\nContent-Type: text/plain\r\nContent-Length: (\d+)\r\n"
    rb"(Connection: close\r\n)?\r\n"
)
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


class Wire(asyncio.Transport):
    """What was written, and whether it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.is_over = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_over
        self.said += bytes(data)

    def close(self) -> None:
        self.is_over = True
        self.goes_on.set()

    abort = close

    def is_closing(self) -> bool:
        return self.is_over

    def pause_reading(self) -> None:
        self.goes_on.clear()

    def resume_reading(self) -> None:
        self.goes_on.set()

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default


async def answer(path: str, fields: Fields) -> Reply:
    """Late, and what was asked."""
    await asyncio.sleep(0)
    if path == "/broken":
        raise RuntimeError
    return Reply(200, f"{path} {sorted(fields)}") if path != "/no" else Reply(403)


def conversation(pieces: list[bytes]) -> tuple[bytes, bool]:
    """What is said to these pieces, each read when the one before was answered; and whether it is
    over.
    """

    async def talk() -> tuple[bytes, bool]:
        async with asyncio.TaskGroup() as tasks:
            wire = Wire()
            talking = _Conversation(_FormServer(answer, None, tasks))
            talking.connection_made(wire)
            for piece in pieces:
                talking.data_received(piece)
                await wire.goes_on.wait()
                if wire.is_over:
                    break
            talking.connection_lost(None)
        return wire.said, wire.is_over

    return asyncio.run(talk())


def asked(path: bytes, form: bytes, *, is_chunked: bool, is_last: bool) -> bytes:
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + FORM
    head += b"Connection: close\r\n" if is_last else b""
    if is_chunked and form:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(form), form)
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(form), form)


questions = st.builds(
    asked,
    st.sampled_from([b"/one", b"/other", b"/no", b"/broken"]),
    st.sampled_from([b"", b"a=1&b=2", b"a=1&a=2", b"&".join([b"a=1"] * 17), b"x" * FORM_BYTES_MAX]),
    is_chunked=st.booleans(),
    is_last=st.sampled_from([False, False, False, True]),
)
nonsense = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"x" * 9000, b"\r\n", b"POST / HTTP/9"]),
)


def cut(sent: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(sent) + 1) for place in places), len(sent)]
    return [sent[begin:end] for begin, end in pairwise(bounds) if begin < end]


@settings(max_examples=300)
@given(
    st.lists(st.one_of(questions, questions, nonsense), max_size=4),
    st.lists(st.integers(0, 20_000), max_size=12),
)
def test_the_answers_do_not_depend_on_how_the_bytes_were_cut(
    parts: list[bytes], places: list[int]
) -> None:
    sent = b"".join(parts)
    whole, is_over = conversation([sent] if sent else [])
    assert conversation(cut(sent, places)) == (whole, is_over)


@settings(max_examples=300)
@given(st.lists(st.one_of(questions, nonsense), max_size=4))
def test_whatever_comes_each_answer_is_whole_and_the_last_one_says_so(parts: list[bytes]) -> None:
    said, is_over = conversation(parts)
    answers = []
    while said:
        found = ANSWER.match(said)
        assert found, said
        end = found.end() + int(found[2])
        text, said = said[found.end() : end], said[end:]
        assert text == b"" or found[1] == b"200"
        answers.append((int(found[1]), found[3] is not None))
    closing = [is_last for _, is_last in answers]
    assert closing == [False] * (len(answers) - 1) + [is_over] * bool(answers)
    assert all(status == 200 for status, is_last in answers if not is_last)


def test_a_conversation_that_is_over_leaves_nothing_to_the_collector() -> None:
    async def talk() -> weakref.ref[_Conversation]:
        async with asyncio.TaskGroup() as tasks:
            talking = _Conversation(_FormServer(answer, None, tasks))
            talking.connection_made(Wire())
            talking.data_received(asked(b"/one", b"a=1", is_chunked=False, is_last=True))
        talking.connection_lost(None)
        return weakref.ref(talking)

    gc.disable()
    try:
        assert asyncio.run(talk())() is None
    finally:
        gc.enable()


@given(st.lists(questions, min_size=1, max_size=4))
def test_every_question_has_its_answer_up_to_the_last(parts: list[bytes]) -> None:
    said, _ = conversation([b"".join(parts)])
    expected = []
    for part in parts:
        path = part.split(b" ")[1]
        is_many = part.count(b"a=1") > 16
        status = 400 if is_many else {b"/no": 403, b"/broken": 503}.get(path, 200)
        expected.append(status)
        if status != 200 or b"Connection: close" in part:
            break
    assert [int(each[1]) for each in ANSWER.finditer(said)] == expected
