"""The fields of a question before dialling: what is read, what is refused, whose mistake it is."""

from __future__ import annotations

import pytest

from rtbill.credit.authorisation import CallKind, Question, Refusal, read_question
from rtbill.domain.errors import BadRecord
from rtbill.domain.refusal import Reason

GOOD = {"call": "1795356013.7", "payer": "1001", "number": "+41315550100", "kind": "direct"}


def test_a_question_is_read_from_its_fields() -> None:
    assert read_question("hall", {**GOOD, "token": "x", "later": "y"}) == Question(
        pbx="hall",
        channel="1795356013.7",
        payer="1001",
        number="+41315550100",
        kind=CallKind.DIRECT,
    )


@pytest.mark.parametrize("kind", ["direct", "forwarded", "transferred", "group", "incoming"])
def test_each_kind_of_call_is_known(kind: str) -> None:
    question = read_question("hall", {**GOOD, "kind": kind})
    assert isinstance(question, Question)
    assert question.kind == kind


def test_an_exchange_that_cannot_name_the_payer_may_say_so() -> None:
    question = read_question("hall", {**GOOD, "payer": ""})
    assert isinstance(question, Question)
    assert question.payer is None


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "555&Local/222@x",
        "0041 31",
        "++41",
        "41+",
        "1" * 41,
        "112\n",
        "\u0661\u0661\u0662",  # digits, but not ours
    ],
)
def test_what_is_no_number_is_refused_as_malformed(number: str) -> None:
    assert read_question("hall", {**GOOD, "number": number}) == Refusal(Reason.MALFORMED)


def test_what_is_no_number_is_refused_whatever_else_is_wrong() -> None:
    assert read_question("hall", {"number": "555&Local/222@x"}) == Refusal(Reason.MALFORMED)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("payer", "1001,1002"),
        ("payer", "1001/x"),
        ("payer", "1" * 33),
        ("payer", "1001\n"),
        ("call", ""),
        ("call", "1.2\n"),
        ("call", "1.2\x00"),
        ("call", "1.2\x7f"),
        ("call", "1.2\u2028"),
        ("call", "1" * 151),
        ("kind", ""),
        ("kind", "Direct"),
        ("kind", "direct\n"),
    ],
)
def test_what_only_the_exchange_can_have_written_wrong_is_its_mistake_and_named(
    field: str, value: str
) -> None:
    with pytest.raises(BadRecord, match=f"'{field}'"):
        read_question("hall", {**GOOD, field: value})


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_field_that_is_missing_is_the_exchanges_mistake(field: str) -> None:
    left = {name: value for name, value in GOOD.items() if name != field}
    with pytest.raises(BadRecord, match=f"'{field}'"):
        read_question("hall", left)


# `systemname` of asterisk.conf stands before the running number.
@pytest.mark.parametrize(
    "uniqueid",
    [
        "1795356013.7",
        "hall-7-1795356013.7",
        "Hall 7 (east), 2nd floor-1795356013.7",
        "a&b=c;d+e%f/g:h@i#j'k\"l|m$n{o}-1795356013.7",
        "K\u00fcche-1795356013.7",
        "K\ufffd-1795356013.7",  # cut in the middle of a letter, or not UTF-8
        "1" * 150,
    ],
)
def test_any_uniqueid_that_can_be_printed_names_the_channel(uniqueid: str) -> None:
    question = read_question("hall", {**GOOD, "call": uniqueid})
    assert isinstance(question, Question)
    assert question.channel == uniqueid
