"""Two ways to speak SOAP about the same books: one as rtbill ships it, one as another house would.

`cashless` is SOAP 1.1, wrapped, flat, minor units, with refusals as typed faults. `purse` is SOAP
1.2, nested, decimal amounts with the currency in an attribute, and refusals as codes in normal
answers; it has neither refund nor list.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Protocol
from xml.sax.saxutils import escape, quoteattr

from simulator.cashless_books import Books, Code, NotDone, Payment

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


@dataclass(frozen=True, slots=True)
class Lie:
    """What an answer says instead of the truth; None is the truth."""

    amount: int | None = None
    currency: str | None = None
    reference: str | None = None


class Dialect(Protocol):
    """How questions are read and answers are written."""

    soap: str
    """Namespace of the envelope."""
    content_type: str

    def act(self, body: ET.Element) -> str:
        """Which act the element in the body asks for, in one word; empty for none."""
        ...

    def answer(self, books: Books, body: ET.Element, lie: Lie) -> str:
        """Does it; the XML inside the body of the answer. Raises NotDone for a fault."""
        ...

    def fault(self, code: str, text: str) -> str:
        """The XML of a fault."""
        ...


class CashlessDialect:
    """As payments/wsdl/cashless.wsdl has it."""

    soap = SOAP_11
    content_type = "text/xml; charset=utf-8"

    def act(self, body: ET.Element) -> str:
        """Authorise is `authorise`, and so on."""
        return _local(body.tag).lower()

    def answer(self, books: Books, body: ET.Element, lie: Lie) -> str:
        """The wrapped answer."""
        acts: dict[str, Callable[[], list[tuple[str, object]]]] = {
            "authorise": lambda: _flat(
                books.authorise(get("reference"), get("card"), int(get("amount")), get("currency"))
            ),
            "capture": lambda: _flat(
                books.capture(get("reference"), int(get("amount")), get("currency"))
            ),
            "void": lambda: _flat(books.void(get("reference"))),
            "query": lambda: self._query(books, get("reference")),
            "refund": lambda: self._refund(books, get),
        }

        def get(name: str) -> str:
            return _text(body, name)

        name = _local(body.tag)
        if name == "List":
            return self._wrapped(name, _list(books, get("since"), get("until")))
        if name.lower() not in acts:
            raise NotDone(Code.INVALID, f"no operation {name}")
        fields = dict(acts[name.lower()]())
        for key in ("amount", "currency", "reference"):
            instead = getattr(lie, key)
            if instead is not None and key in fields:
                fields[key] = instead
        return self._wrapped(name, "".join(_element(key, fields[key]) for key in fields))

    def fault(self, code: str, text: str) -> str:
        """With the code in the detail."""
        detail = _element("code", code) + _element("text", text)
        return (
            "<soap:Fault><faultcode>soap:Client</faultcode>"
            f"<faultstring>{escape(text)}</faultstring><detail>"
            f'<CashlessFault xmlns="urn:rtbill:cashless:1">{detail}</CashlessFault>'
            "</detail></soap:Fault>"
        )

    def _query(self, books: Books, reference: str) -> list[tuple[str, object]]:
        try:
            return _flat(books.find(reference))
        except NotDone:
            return [("reference", reference), ("state", "unknown")]

    def _refund(self, books: Books, get: Callable[[str], str]) -> list[tuple[str, object]]:
        made = books.refund(get("reference"), get("charge"), int(get("amount")), get("currency"))
        return [
            ("reference", made.reference),
            ("refund", made.refund),
            ("amount", made.amount),
            ("currency", made.currency),
            ("state", "refunded"),
        ]

    def _wrapped(self, name: str, inside: str) -> str:
        return f'<{name}Response xmlns="urn:rtbill:cashless:1">{inside}</{name}Response>'


class PurseDialect:
    """As another provider has it."""

    soap = SOAP_12
    content_type = "application/soap+xml; charset=utf-8"
    _ACTS: ClassVar[dict[str, str]] = {
        "ReserveAmountReq": "authorise",
        "CollectAmountReq": "capture",
        "ReleaseAmountReq": "void",
        "InquireTrxReq": "query",
    }
    _CODES: ClassVar[dict[Code, str]] = {
        Code.BLOCKED: "41",
        Code.EXPIRED: "54",
        Code.UNKNOWN_CARD: "14",
        Code.FUNDS: "51",
        Code.UNKNOWN: "25",
        Code.USED: "94",
        Code.BUSY: "91",
    }
    _STATUS: ClassVar[dict[str, str]] = {"reserved": "R", "captured": "C", "voided": "L"}

    def act(self, body: ET.Element) -> str:
        """By the name of the request."""
        return self._ACTS.get(_local(body.tag), "")

    def answer(self, books: Books, body: ET.Element, lie: Lie) -> str:
        """The bare answer; a refusal is a code in it."""
        reference = _text(body, "Head", "TrxNo")
        name = _local(body.tag).removesuffix("Req") + "Rsp"
        try:
            payment = self._do(books, body, reference)
        except NotDone as refusal:
            code = self._CODES.get(Code(refusal.code), "96")
            status = "N" if refusal.code == Code.UNKNOWN else "X"
            return self._reply(name, reference, f"{_purse('Rc', code)}{_purse('Status', status)}")
        amount = payment.amount if lie.amount is None else lie.amount
        currency = lie.currency or payment.currency
        result = _purse("Rc", "00") + _purse("Status", self._STATUS[payment.state])
        decimal = Decimal(amount).scaleb(-2)
        money = f"<p:Amt Ccy={quoteattr(currency)}>{decimal:.2f}</p:Amt>"
        return self._reply(name, lie.reference or payment.reference, result, money)

    def fault(self, code: str, text: str) -> str:
        """With the code as subcode."""
        known = next((mine for theirs, mine in self._CODES.items() if theirs == code), code)
        return (
            "<soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value><soap:Subcode>"
            f"<soap:Value>{escape(known)}</soap:Value></soap:Subcode></soap:Code><soap:Reason>"
            f'<soap:Text xml:lang="en">{escape(text)}</soap:Text></soap:Reason></soap:Fault>'
        )

    def _do(self, books: Books, body: ET.Element, reference: str) -> Payment:
        act = self.act(body)
        if act == "void":
            payment = books.void(reference)
            if payment.state == "captured":
                raise NotDone(Code.USED, "is collected")
            return payment
        if act == "query":
            return books.find(reference)
        minor = int(Decimal(_text(body, "Amt") or "0").scaleb(2))
        currency = next((each.get("Ccy", "") for each in body if _local(each.tag) == "Amt"), "")
        if act == "capture":
            return books.capture(reference, minor, currency)
        return books.authorise(reference, _text(body, "Purse", "CardNo"), minor, currency)

    def _reply(self, name: str, reference: str, result: str, money: str = "") -> str:
        head = _purse("Terminal", "RTB-1") + _purse("TrxNo", reference)
        return (
            f'<r:{name} xmlns:r="http://purse.example/2009/pay"'
            f' xmlns:p="http://purse.example/2009/types">'
            f"<p:Head>{head}</p:Head><p:Result>{result}</p:Result>{money}</r:{name}>"
        )


DIALECTS: dict[str, type[CashlessDialect] | type[PurseDialect]] = {
    "cashless": CashlessDialect,
    "purse": PurseDialect,
}


def _flat(payment: Payment) -> list[tuple[str, object]]:
    return [
        ("reference", payment.reference),
        ("authorisation", payment.authorisation),
        ("amount", payment.amount),
        ("currency", payment.currency),
        ("state", payment.state),
    ]


def _list(books: Books, since: str, until: str) -> str:
    first, last = datetime.fromisoformat(since), datetime.fromisoformat(until)
    rows = [
        (each.authorisation, each.reference, each.amount, each.currency, each.at, "payment")
        for each in books.payments
        if each.state == "captured"
    ] + [
        (each.refund, each.reference, each.amount, each.currency, each.at, "refund")
        for each in books.refunds
    ]
    names = ("authorisation", "reference", "amount", "currency", "at", "kind")
    items = [
        "".join(
            _element(name, value.isoformat() if isinstance(value, datetime) else value)
            for name, value in zip(names, row, strict=True)
        )
        for row in rows
        if first <= row[4] < last
    ]
    inside = "".join(f"<payment>{item}</payment>" for item in items)
    return _element("total", len(items)) + inside


def _element(name: str, value: object) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"


def _purse(name: str, value: str) -> str:
    return f"<p:{name}>{escape(value)}</p:{name}>"


def _text(element: ET.Element, *names: str) -> str:
    for name in names:
        element = next((each for each in element if _local(each.tag) == name), ET.Element("none"))
    return (element.text or "").strip()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
