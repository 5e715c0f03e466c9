"""Whatever is sent to the listener of questions, the answer is one of a few lines, or empty."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from rtbill.alarms import Alarms
from rtbill.credit.authorisation import Permission, Question, Refusal, read_question
from rtbill.domain.errors import BadRecord
from rtbill.domain.refusal import Reason
from rtbill.serving.form_server import Fields, Reply, form_fields
from rtbill.serving.inline import QuestionDesk
from tests.fakes.environment import CountingMeter, ManualClock

TOKEN = "right"
NAMES = ("token", "call", "payer", "number", "kind")
SAFE = re.compile(r"\+?[0-9*#]+", re.ASCII)
LINE = re.compile(r"(allow,[0-9]*|refuse,[a-z-]+)[.]")

near = st.one_of(
    st.sampled_from(
        [
            "",
            TOKEN,
            "1001",
            "7.1",
            "direct",
            "+41315550100",
            "112\n",
            "5&Local/2@x",
            "\uff11\uff11\uff12",
        ]
    ),
    st.from_regex(r"\+?[0-9*#]{1,42}\n?"),
    st.text(max_size=200),
)
fields = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), near, max_size=8)


@given(fields)
def test_a_question_that_is_read_can_hold_nothing_but_what_it_says(form: dict[str, str]) -> None:
    try:
        read = read_question("hall", form)
    except BadRecord:
        return
    if isinstance(read, Refusal):
        assert read.reason is Reason.MALFORMED
        return
    assert SAFE.fullmatch(read.number)
    assert len(read.number) <= 41
    payer = read.payer or "x"
    assert payer.isascii()
    assert payer.isprintable()
    assert not set(payer) & set(" &,;/\\|()$\"'`<>=%")
    assert read.channel.isprintable()
    assert 0 < len(read.channel) <= 150


@given(form=fields, path=st.text(max_size=40), is_ours=st.booleans())
def test_every_answer_is_a_line_of_the_contract_or_empty(
    form: dict[str, str], path: str, *, is_ours: bool
) -> None:
    asked: list[Question] = []

    async def decide(question: Question) -> Permission:
        asked.append(question)
        return Permission(90)

    async def answered(form: Fields) -> Reply:
        meter, clock = CountingMeter(), ManualClock()
        desk = QuestionDesk({"hall": TOKEN}, decide, Alarms(clock), meter, clock)
        return await desk.answer("/v1/authorise/hall" if is_ours else path, form)

    reply = asyncio.run(answered(form))
    assert reply.status in (200, 403, 404, 503)
    if reply.status == 200:
        assert LINE.fullmatch(reply.text)
        assert form["token"] == TOKEN
    else:
        assert reply.text == ""
        assert asked == []


@given(st.binary(max_size=300))
def test_any_bytes_sent_as_a_form_are_read_or_refused(body: bytes) -> None:
    found = form_fields(body)
    assert found is None or all(isinstance(value, str) for value in found.values())


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=30), max_size=16))
def test_a_form_comes_back_as_it_was_written(form: dict[str, str]) -> None:
    assert form_fields(urlencode(form).encode()) == form
