"""Reading a SOAP answer: what may be read at all, the fault in it, and the text at a place.

An answer comes from outside. A document type is refused, and with it every entity; libxml2's own
limits on depth and size stay in force. Values are read as the text that stands there, never as a
number of the schema's, and a place at which two texts stand is read as neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from zeep.exceptions import DTDForbidden, EntitiesForbidden, XMLSyntaxError
from zeep.loader import parse_xml

from payments.cashless_mapping import Place
from payments.soap_wsdl import CAREFUL, NoFiles
from rtbill.domain.errors import BadRecord

SOAP_11 = "{http://schemas.xmlsoap.org/soap/envelope/}"
SOAP_12 = "{http://www.w3.org/2003/05/soap-envelope}"
TEXT_MAX = 200
CODE_MAX = 64
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_NOT_US = frozenset(
    {
        *("FailedAuthentication", "FailedCheck", "InvalidSecurity", "InvalidSecurityToken"),
        *("MessageExpired", "SecurityTokenUnavailable", "UnsupportedSecurityToken"),
        *("UnsupportedAlgorithm", "MustUnderstand", "VersionMismatch", "DataEncodingUnknown"),
    }
)
"""Codes of WS-Security and of SOAP itself, by which the question was refused before it was done."""
_LONG_DIGITS = re.compile(r"\d(?:[ .-]?\d){8,}")
"""What could be the number of a card."""
_NO_MEANING = frozenset({"", "Server", "Receiver"})


class Element(Protocol):
    """An element of lxml's, which has no types of its own."""

    tag: object
    text: str | None

    def __iter__(self) -> Iterator[Element]: ...

    def __len__(self) -> int: ...

    def get(self, key: str) -> str | None: ...

    def items(self) -> Iterable[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The element in the body of an answer."""

    body: Element


@dataclass(frozen=True, slots=True)
class SoapFault:
    """The provider says that it did not do it."""

    code: str
    text: str
    is_about_us: bool = False
    """It does not accept who asks or how: nothing was done, and asking again will not help."""

    @property
    def says_nothing(self) -> bool:
        """Whether it may also stand for a breakdown half-way."""
        return self.code in _NO_MEANING


def read_answer(content: bytes, fault_code: Place, fault_text: Place) -> Answer | SoapFault:
    """What stands in an envelope; BadRecord says why it is none that may be read."""
    envelope = _parse(content)
    for soap in (SOAP_11, SOAP_12):
        if envelope.tag == f"{soap}Envelope":
            break
    else:
        raise BadRecord(f"its answer is no SOAP envelope but an element {printable(envelope.tag)}")
    bodies = [child for child in envelope if child.tag == f"{soap}Body"]
    inside = [child for body in bodies for child in body if isinstance(child.tag, str)]
    if len(bodies) != 1 or len(inside) != 1:
        raise BadRecord(f"its answer has {len(inside)} elements in the body instead of one")
    if inside[0].tag == f"{soap}Fault":
        return _fault(inside[0], fault_code, fault_text)
    return Answer(inside[0])


def text_at(element: Element, place: Place) -> str:
    """The text there without white space around it; empty where nothing stands. BadRecord when
    more than one thing stands there, or something that is not text.
    """
    if place and place[-1].startswith("@"):
        name = place[-1][1:]
        owners = elements_at(element, place[:-1])
        texts = [value for each in owners for key, value in each.items() if _local(key) == name]
        found = texts
    else:
        owners = elements_at(element, place)
        if any(len(each) for each in owners):
            raise BadRecord(f"{'.'.join(place)} holds more than a text")
        found = [each.text or "" for each in owners if each.get(_NIL) not in ("true", "1")]
    if len(found) > 1:
        raise BadRecord(f"{'.'.join(place)} stands there {len(found)} times")
    return found[0].strip() if found else ""


def elements_at(element: Element, place: Place) -> list[Element]:
    """Every element at a place, in the answer's order; namespaces are not compared."""
    found = [element]
    for name in place:
        found = [child for each in found for child in each if _local(child.tag) == name]
    return found


def printable(text: object, length_max: int = TEXT_MAX) -> str:
    """A text of somebody else's as it may be logged: one line, cut, long rows of digits hidden."""
    words = "".join(each if each.isprintable() else " " for each in str(text)).split()
    return _LONG_DIGITS.sub("...", " ".join(words))[:length_max]


def _parse(content: bytes) -> Element:
    # Seen before libxml2 has anything to expand; another encoding's is seen after the parsing.
    if b"<!DOCTYPE" in content:
        raise BadRecord("its answer brings a document type, which is never read")
    try:
        # Bytes, whatever zeep's annotation says: the answer itself names its encoding.
        root = parse_xml(content, NoFiles(), settings=CAREFUL)  # type: ignore[arg-type]
        return cast("Element", root)
    except (DTDForbidden, EntitiesForbidden) as error:
        raise BadRecord("its answer brings a document type, which is never read") from error
    except XMLSyntaxError as error:
        raise BadRecord(f"its answer is no XML: {printable(error.message)}") from error


def _fault(fault: Element, code_at: Place, text_at_: Place) -> SoapFault:
    own = text_at(fault, ("faultcode",)) or text_at(fault, ("Code", "Value"))
    code = (code_at and text_at(fault, code_at)) or _subcode(fault) or own
    reasons = elements_at(fault, ("Reason", "Text"))
    text = (
        (text_at_ and text_at(fault, text_at_))
        or text_at(fault, ("faultstring",))
        or (reasons[0].text if reasons else "")
        or ""
    )
    code = printable(code.rpartition(":")[2], CODE_MAX)
    is_about_us = code in _NOT_US or own.rpartition(":")[2] in _NOT_US
    return SoapFault(code, printable(text), is_about_us)


def _subcode(fault: Element) -> str:
    """The innermost subcode of SOAP 1.2."""
    code = ""
    place: Place = ("Code", "Subcode")
    while elements_at(fault, place):
        code = text_at(fault, (*place, "Value"))
        place = (*place, "Subcode")
    return code


def _local(tag: object) -> str:
    """A name without its namespace; empty for what is no element."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
