"""The HTTP answers of the simulated provider: honest ones, and what each trick makes of them."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from decimal import InvalidOperation

from simulator.cashless_books import Books, Code, NotDone
from simulator.cashless_dialects import Dialect, Lie
from simulator.cashless_tricks import BEFORE, BOMB, DEEP, EXTERNAL, Trick


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[str, ...] = ()


def reply_to(body: ET.Element, books: Books, dialect: Dialect, trick: Trick | None) -> Reply:
    """The answer to one question, with the trick that was drawn for it."""
    if trick in BEFORE:
        return _undone(dialect, trick)
    answer = _honest(body, books, dialect, _lie(trick))
    raw = {Trick.BOMB: BOMB, Trick.EXTERNAL: EXTERNAL, Trick.DEEP: DEEP}
    if trick in raw:
        return Reply(200, raw[trick], dialect.content_type)
    match trick:
        case Trick.FAULT_EMPTY:
            return _envelope(dialect, 500, "<soap:Fault></soap:Fault>")
        case Trick.FAULT_SERVER:
            return _fault(dialect, "Server", "internal error")
        case Trick.GARBAGE:
            return Reply(200, b"OK\n", "text/plain")
        case Trick.HUGE:
            return Reply(200, b"<a>", "text/xml", ("Content-Length: 67108867",))
        case Trick.PACKED:
            packed = gzip.compress(answer.body)
            return Reply(200, packed, answer.content_type, ("Content-Encoding: gzip",))
        case _:
            return answer


def _undone(dialect: Dialect, trick: Trick | None) -> Reply:
    match trick:
        case Trick.HTML_503:
            return Reply(503, b"<html>down for repair</html>", "text/html")
        case Trick.MANY_429:
            return Reply(429, b"", "text/plain")
        case Trick.MOVED:
            return Reply(302, b"", "text/plain", ("Location: http://127.0.0.1:9/",))
        case Trick.FAULT_200:
            return _fault(dialect, Code.FUNDS, "not enough money", status=200)
        case Trick.FAULT_NEW:
            return _fault(dialect, "MOON_PHASE", "card 4929 1234 5678 9012 not today")
        case _:
            return _fault(dialect, Code.BUSY, "later")


def _honest(body: ET.Element, books: Books, dialect: Dialect, lie: Lie) -> Reply:
    try:
        return _envelope(dialect, 200, dialect.answer(books, body, lie))
    except NotDone as refusal:
        return _fault(dialect, refusal.code, str(refusal))
    except (ValueError, InvalidOperation) as error:
        return _fault(dialect, Code.INVALID, str(error))


def _fault(dialect: Dialect, code: str, text: str, status: int = 500) -> Reply:
    if code.startswith("wsse:") or code == "Server":
        own = "soap:Server" if code == "Server" else code
        return _envelope(dialect, status, _plain_fault(dialect.soap, own, text))
    return _envelope(dialect, status, dialect.fault(code, text))


def _envelope(dialect: Dialect, status: int, inside: str) -> Reply:
    xml = (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{dialect.soap}"'
        f' xmlns:wsse="urn:wsse"><soap:Body>{inside}</soap:Body></soap:Envelope>'
    )
    return Reply(status, xml.encode(), dialect.content_type)


def stranger(dialect: Dialect) -> Reply:
    """To whoever does not show a good token."""
    return _fault(dialect, "wsse:FailedAuthentication", "who is asking?")


def as_http(reply: Reply) -> bytes:
    """The answer as it goes over the wire."""
    length = f"Content-Length: {len(reply.body)}"
    headers = reply.headers
    if not any(each.startswith("Content-Length") for each in headers):
        headers = (length, *headers)
    lines = (
        f"HTTP/1.1 {reply.status} Simulated",
        f"Content-Type: {reply.content_type}",
        *headers,
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + reply.body


def _plain_fault(soap: str, code: str, text: str) -> str:
    if soap.endswith("soap-envelope"):
        code = code.replace("soap:Server", "soap:Receiver")
        return (
            f"<soap:Fault><soap:Code><soap:Value>{code}</soap:Value></soap:Code><soap:Reason>"
            f'<soap:Text xml:lang="en">{text}</soap:Text></soap:Reason></soap:Fault>'
        )
    return (
        f"<soap:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></soap:Fault>"
    )


def _lie(trick: Trick | None) -> Lie:
    match trick:
        case Trick.WRONG_AMOUNT:
            return Lie(amount=1)
        case Trick.WRONG_CURRENCY:
            return Lie(currency="USD")
        case Trick.WRONG_REFERENCE:
            return Lie(reference="99999999")
        case _:
            return Lie()
