r"""AMI framing without I/O: bytes in, messages out; actions in, bytes out.

A stream opens with one line, `Asterisk Call Manager/11.0.0`. Then come blocks of `Name: value`
lines that end in CR LF, each block closed by an empty line. The first line is `Event: <name>` or
`Response: <result>`. A name may repeat (`ChanVariable`). Values hold no line break and have no
escapes.

Most of what an exchange says concerns nobody here, so a block is first judged by its event name
alone; only wanted blocks are kept, and their headers are looked up one by one where they are
needed.

Text is UTF-8, decoded after cutting, so a character split over two reads stays whole. Bytes that
are not UTF-8 become U+FFFD: what comes out can always be stored and shown.

>>> reader = Reader({"Hangup"})
>>> reader.feed(b"Asterisk Call Manager/11.0.0\r\nEvent: Newexten\r\n\r\nEvent: Hang")
[]
>>> [message] = reader.feed(b"up\r\nUniqueid: 1.7\r\nCause: 16\r\n\r\n")
>>> message.event, message.get("Cause")
('Hangup', '16')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtbill.domain.errors import BadRecord, Refused

LINE_MAX = 8 * 1024
HEADERS_MAX = 256
MESSAGE_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may hold at most; the stream is given up when it holds more."""

    headers_max: int = HEADERS_MAX
    message_max: int = MESSAGE_MAX


LINK_LIMITS = Limits()
"""Of a link that bills: no event and no answer that it asks for comes near them."""

_END = b"\r\n\r\n"
_BANNER = b"Asterisk Call Manager/"
_CHECK_FROM = 4 * HEADERS_MAX
"""A block shorter than this can break no limit: the shortest header, `a:` CR LF, takes four bytes.
"""
_SECRET = re.compile(rb"(?mi)^(Secret: )[^\r\n]*")


class BadFrame(BadRecord):
    """Bytes that are not AMI, or are too much of it. The reader is of no use afterwards: close the
    link.
    """

    def __init__(self, text: str, messages: Sequence[Message] = ()) -> None:
        super().__init__(text)
        self.messages = messages
        """What was read before the bad frame in the same piece of input."""


def header_key(name: str) -> bytes:
    r"""What to give `Message.find` for a header: `\r\nName: `. A variable is
    `header_key("ChanVariable: X=")`.
    """
    return b"\r\n" + name.encode() + (b"" if name.endswith("=") else b": ")


class Message:
    """One block, still as bytes; headers are looked up when asked for."""

    __slots__ = ("event", "raw")

    def __init__(self, event: str, raw: bytes) -> None:
        self.event = event
        """Name of the event; empty for a response."""
        self.raw = raw
        """The block without the empty line that ended it."""

    def find(self, key: bytes) -> str | None:
        """The first value after a key made by `header_key`, or None."""
        raw = self.raw
        at = raw.find(key)
        if at < 0:
            return None
        at += len(key)
        end = raw.find(b"\r\n", at)
        return raw[at:end].decode("utf-8", "replace") if end >= 0 else _text(raw[at:])

    def get(self, name: str) -> str:
        """The first value of a header, or an empty text."""
        return self.find(header_key(name)) or ""

    def headers(self) -> list[tuple[str, str]]:
        """Every header in order, repeated ones included."""
        pairs = (line.partition(":") for line in _text(self.raw).split("\r\n"))
        return [(name, value.removeprefix(" ")) for name, _, value in pairs]

    @property
    def result(self) -> str:
        """`Success`, `Error`, `Goodbye`; empty for an event."""
        return "" if self.event else _text(self.raw[10 : _line_end(self.raw)])

    def __repr__(self) -> str:
        return f"Message({self.event!r}, {self.raw!r})"


class Reader:
    """Cuts one connection's bytes into messages. Make a new one for each connection."""

    def __init__(self, wanted: Iterable[str] | None = None, limits: Limits = LINK_LIMITS) -> None:
        self.limits = limits
        self.banner: str | None = None
        """The exchange's first line, once it has come."""
        self._wanted = None if wanted is None else {name.encode(): name for name in wanted}
        self._opening = True
        self._held = bytearray()
        self._held_lines = 0
        self._held_line_size = 0
        self._failure: BadFrame | None = None

    @property
    def is_opening(self) -> bool:
        """Whether the first line has still to come, or to be completed."""
        return self._opening

    def feed(self, chunk: bytes) -> list[Message]:
        """The wanted events and all responses completed by these bytes; BadFrame names the limit
        that was broken.
        """
        if self._failure is not None:
            raise BadFrame(str(self._failure))
        held = self._held
        if held:
            if not self._opening and _END not in bytes(held[-3:]) + chunk:
                self._hold(chunk, [])
                return []
            chunk = bytes(held) + chunk
            held.clear()
            self._held_lines = self._held_line_size = 0
        if self._opening:
            rest = self._after_banner(chunk)
            if rest is None:
                self._hold(chunk, [])
                return []
            chunk = rest
        blocks = chunk.split(_END)
        rest = blocks.pop()
        messages = self._select(blocks)
        if rest:
            self._hold(rest, messages)
        return messages

    def finish(self) -> None:
        """The stream has ended; BadFrame when it ended inside a message."""
        if self._held and self._failure is None:
            raise BadFrame(
                f"the stream ended inside a message, after {len(self._held)} bytes of it"
            )

    def _select(self, blocks: list[bytes]) -> list[Message]:
        messages: list[Message] = []
        wanted = self._wanted
        for block in blocks:
            if len(block) >= _CHECK_FROM:
                self._check(block, messages)
            if block[:7] == b"Event: ":
                end = block.find(b"\r", 7)
                name = block[7:end] if end > 0 else block[7:]
                event = _text(name) if wanted is None else wanted.get(name)
                if event is not None:
                    messages.append(Message(event, block))
            elif block[:10] == b"Response: ":
                messages.append(Message("", block))
            elif (
                block[:2] == b"\r\n"
            ):  # Asterisk sometimes ends a block with one empty line too many
                messages += self._select([block.lstrip(b"\r\n")])
            elif block:
                self._fail(
                    f"a block starts with {block[:40]!r}, not with Event or Response", messages
                )
        return messages

    def _after_banner(self, data: bytes) -> bytes | None:
        """What follows the opening line, all of it when there is no such line; None to wait for
        more.
        """
        if data[: len(_BANNER)] != _BANNER[: len(data)]:
            self._opening = False
            return data
        end = data.find(b"\r\n")
        if end < 0:
            return None
        self.banner = _text(data[:end])
        self._opening = False
        return data[end + 2 :]

    def _hold(self, added: bytes, messages: list[Message]) -> None:
        """Keep the beginning of a message; count as it grows, so that nothing is counted twice."""
        self._held += added
        first_size = self._held_line_size + added.find(b"\n") if b"\n" in added else 0
        if first_size > LINE_MAX or (len(added) > LINE_MAX and _longest_line(added) > LINE_MAX):
            self._fail(f"a line is longer than {LINE_MAX} bytes", messages)
        lines = added.count(b"\n")
        self._held_lines += lines
        self._held_line_size = (
            len(added) - added.rfind(b"\n") - 1 if lines else self._held_line_size + len(added)
        )
        if self._held_line_size > LINE_MAX:
            self._fail(f"a line is longer than {LINE_MAX} bytes", messages)
        limits = self.limits
        if self._held_lines > limits.headers_max:
            self._fail(f"a message has more than {limits.headers_max} headers", messages)
        if len(self._held) > limits.message_max:
            self._fail(f"a message is longer than {limits.message_max} bytes", messages)

    def _check(self, block: bytes, messages: list[Message]) -> None:
        limits = self.limits
        if len(block) > limits.message_max:
            self._fail(f"a message is longer than {limits.message_max} bytes", messages)
        if block.count(b"\n") >= limits.headers_max:
            self._fail(f"a message has more than {limits.headers_max} headers", messages)
        if len(block) > LINE_MAX and _longest_line(block) > LINE_MAX:
            self._fail(f"a line is longer than {LINE_MAX} bytes", messages)

    def _fail(self, text: str, messages: list[Message]) -> None:
        self._held.clear()
        self._failure = BadFrame(text, messages)
        raise self._failure


def encode(action: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """The bytes of one action; Refused when a name or value holds CR, LF or NUL, or cannot be
    written as UTF-8.
    """
    lines = [f"Action: {action}"]
    lines += [f"{name}: {value}" for name, value in headers]
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        bad = next(line for line in lines if any(mark in line for mark in "\r\n\0"))
        raise Refused(
            f"a line break or NUL in {bad.partition(':')[0]!r} of an AMI action is refused"
        )
    try:
        return (text + "\r\n\r\n").encode()
    except UnicodeEncodeError as error:
        raise Refused(f"an AMI action cannot be written as UTF-8: {error.reason}") from None


def actions(data: bytes) -> list[Message]:
    """Actions as they were sent, read back: the action's name stands in `event`."""
    blocks = [block for block in data.split(_END) if block.startswith(b"Action: ")]
    return [Message(_text(block[8 : _line_end(block)]), block) for block in blocks]


def mask(data: bytes) -> bytes:
    """The same bytes with every secret replaced, for recording."""
    return _SECRET.sub(rb"\1***", data) if b"ecret" in data else data


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _line_end(block: bytes) -> int:
    end = block.find(b"\r\n")
    return end if end >= 0 else len(block)


def _longest_line(data: bytes) -> int:
    return max(map(len, data.split(b"\n")))
