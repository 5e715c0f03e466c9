"""The little of SIP the tests' telephones need: reading messages and writing them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, REFER, NOTIFY, OPTIONS"


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One request or response as it came."""

    text: str

    @property
    def is_response(self) -> bool:
        return self.text.startswith("SIP/2.0 ")

    @property
    def status(self) -> int:
        """Status code of a response."""
        return int(self.text.split(" ", 2)[1])

    @property
    def method(self) -> str:
        """Method of a request, or the method a response answers."""
        if self.is_response:
            return self.header("CSeq").split()[1]
        return self.text.split(" ", 1)[0]

    @property
    def sequence(self) -> int:
        return int(self.header("CSeq").split()[0])

    @property
    def uri_user(self) -> str:
        """User part of the address a request is for."""
        return user_of(self.text.split(" ", 2)[1])

    @property
    def body(self) -> str:
        return self.text.partition("\r\n\r\n")[2]

    def headers(self, name: str) -> list[str]:
        """All values of a header, in order."""
        head = self.text.partition("\r\n\r\n")[0]
        return [value.strip() for value in re.findall(rf"(?im)^{name}\s*:(.*)$", head)]

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next(iter(self.headers(name)), "")

    def tag(self, name: str) -> str:
        """The tag parameter of From or To, or an empty string."""
        found = re.search(r"tag=([^;>\s]+)", self.header(name))
        return found.group(1) if found else ""


def address_of(value: str) -> str:
    """The URI in a name-addr such as Contact."""
    found = re.search(r"<([^>]+)>", value)
    return found.group(1) if found else value.split(";")[0]


def user_of(uri: str) -> str:
    """User part of a SIP URI, or an empty string."""
    found = re.search(r"sips?:([^@;>]+)@", uri)
    return found.group(1) if found else ""


def without_tag(value: str) -> str:
    """A From or To value without its parameters after the address."""
    return re.sub(r";tag=.*", "", value)


def write(start: str, headers: list[str], body: str = "") -> bytes:
    """A message as bytes, with its content headers."""
    content = ["Content-Type: application/sdp"] if body else []
    lines = [start, *headers, ALLOW, *content, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def write_response(request: SipMessage, status: int, tag: str, more: list[str], body: str) -> bytes:
    """The response to a request, with our tag in To unless it has one or the status is 100."""
    to = request.header("To")
    if "tag=" not in to and status > 100:
        to = f"{to};tag={tag}"
    headers = [
        *(f"Via: {value}" for value in request.headers("Via")),
        f"From: {request.header('From')}",
        f"To: {to}",
        f"Call-ID: {request.header('Call-ID')}",
        f"CSeq: {request.header('CSeq')}",
        *more,
    ]
    return write(f"SIP/2.0 {status} {'OK' if status < 300 else 'No'}", headers, body)


DISCARD_PORT = 9


def session_description(
    ip: str, version: int, direction: str, sound_port: int = DISCARD_PORT
) -> str:
    """An offer or answer of G.711 that goes nowhere, unless somebody listens at the port."""
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 {ip}",
        "s=-",
        f"c=IN IP4 {ip}",
        "t=0 0",
        f"m=audio {sound_port} RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        f"a={direction}",
        "",
    ]
    return "\r\n".join(lines)
