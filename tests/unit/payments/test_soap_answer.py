"""What may be read of a SOAP answer, and what is refused."""

from __future__ import annotations

import pytest

from payments.cashless_mapping import Place
from payments.soap_answer import Answer, SoapFault, elements_at, printable, read_answer, text_at
from rtbill.domain.errors import BadRecord

S11 = "http://schemas.xmlsoap.org/soap/envelope/"
S12 = "http://www.w3.org/2003/05/soap-envelope"


def envelope(inside: str, soap: str = S11) -> bytes:
    return f'<s:Envelope xmlns:s="{soap}"><s:Body>{inside}</s:Body></s:Envelope>'.encode()


def answer(inside: str) -> Answer:
    read = read_answer(envelope(f"<r>{inside}</r>"), (), ())
    assert isinstance(read, Answer)
    return read


def fault(inside: str, soap: str = S11, code: Place = (), text: Place = ()) -> SoapFault:
    read = read_answer(envelope(f"<s:Fault>{inside}</s:Fault>", soap), code, text)
    assert isinstance(read, SoapFault)
    return read


def test_a_text_is_read_by_names_whatever_their_namespace() -> None:
    body = answer('<x:a xmlns:x="urn:1"><b xmlns="urn:2"> 12.50\n</b></x:a>').body
    assert text_at(body, ("a", "b")) == "12.50"


def test_an_attribute_is_read_by_its_name() -> None:
    body = answer('<a ccy="EUR" x:n="1" xmlns:x="urn:1">5</a>').body
    assert text_at(body, ("a", "@ccy")) == "EUR"
    assert text_at(body, ("a", "@n")) == "1"


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<a/>",
        "<b>1</b>",
        '<a xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">1</a>',
    ],
)
def test_where_nothing_stands_the_text_is_empty(inside: str) -> None:
    assert text_at(answer(inside).body, ("a",)) == ""


@pytest.mark.parametrize("inside", ["<a>1</a><a>2</a>", '<a i="1"/><a i="2"/>'])
def test_where_two_texts_stand_neither_is_read(inside: str) -> None:
    place = ("a", "@i") if "i=" in inside else ("a",)
    with pytest.raises(BadRecord, match="stands there 2 times"):
        text_at(answer(inside).body, place)


@pytest.mark.parametrize("inside", ["<a>12<?x?>50</a>", "<a>12<b/>50</a>", "<a><b>1</b></a>"])
def test_a_text_with_something_in_it_is_not_read(inside: str) -> None:
    with pytest.raises(BadRecord, match="a holds more than a text"):
        text_at(answer(inside).body, ("a",))


def test_a_comment_does_not_cut_a_text() -> None:
    assert text_at(answer("<a>12<!-- x -->50</a>").body, ("a",)) == "1250"


def test_elements_come_in_order() -> None:
    body = answer("<i><n>1</n></i><j/><i><n>2</n></i>").body
    assert [text_at(each, ("n",)) for each in elements_at(body, ("i",))] == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no XML"),
        (b"OK", "no XML"),
        (b"<a>", "no XML"),
        (b"\xff\xfe\x00", "no XML"),
        (b"<html/>", "no SOAP envelope but an element html"),
        (envelope("<a/>", "urn:soap"), "no SOAP envelope"),
        (envelope(""), "0 elements in the body"),
        (envelope("<a/><b/>"), "2 elements in the body"),
        (f'<s:Envelope xmlns:s="{S11}"/>'.encode(), "0 elements in the body"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "document type"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), "document t"),
        (b"<a>&b;</a>", "no XML"),
        (b"<a>" * 300 + b"</a>" * 300, "no XML"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        read_answer(content, (), ())


def test_a_fault_of_soap_1_1_is_read_with_its_detail() -> None:
    inside = (
        "<faultcode>s:Client</faultcode><faultstring>no money</faultstring>"
        "<detail><e:Error xmlns:e='urn:e'><e:code>51</e:code></e:Error></detail>"
    )
    assert fault(inside) == SoapFault("Client", "no money")
    assert fault(inside, code=("detail", "Error", "code")) == SoapFault("51", "no money")


def test_a_fault_of_soap_1_2_is_read_with_its_innermost_subcode() -> None:
    inside = (
        "<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>x:Card</s:Value>"
        "<s:Subcode><s:Value>x:Empty</s:Value></s:Subcode></s:Subcode></s:Code>"
        "<s:Reason><s:Text xml:lang='de'>leer</s:Text><s:Text xml:lang='en'>empty</s:Text>"
        "</s:Reason>"
    )
    assert fault(inside, S12) == SoapFault("Empty", "leer")


@pytest.mark.parametrize("soap", [S11, S12])
def test_an_empty_fault_says_nothing(soap: str) -> None:
    assert fault("", soap) == SoapFault("", "")
    assert fault("", soap).says_nothing


def test_a_fault_of_the_servers_own_may_stand_for_a_breakdown() -> None:
    assert fault("<faultcode>s:Server</faultcode>").says_nothing
    assert not fault("<faultcode>s:Client</faultcode>").says_nothing


@pytest.mark.parametrize("code", ["wsse:FailedAuthentication", "wsse:InvalidSecurity"])
def test_refused_credentials_are_about_us(code: str) -> None:
    assert fault(f"<faultcode>{code}</faultcode>").is_about_us


def test_what_is_logged_of_others_is_one_short_line_without_long_numbers() -> None:
    told = printable("card\n4929-1234 5678.9012\x00 is\tempty")
    assert told == "card ... is empty"
    assert printable("4711 is empty") == "4711 is empty"
    assert len(printable("x" * 5_000)) == 200
