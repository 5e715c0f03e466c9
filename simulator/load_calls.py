"""The calls of the load generator: what each one says, as bytes.

One call is four messages of its trunk leg, header for header as an Asterisk 22 sends them with the
dialplan's variables in `channelvars`: DialBegin, Newstate 5 (ringing), Newstate 6 (up), Hangup.
What repeats within a call is put together once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

US = 1_000_000
RING_US = 2 * US
NUMBER_DIGITS = 12
"""Digits of every number called, prefix included."""

_DIAL_BEGIN = (
    b"Event: DialBegin\r\nPrivilege: call,all\r\nTimestamp: %(stamp)s\r\n"
    b"Channel: PJSIP/%(payer)s-%(caller)08x\r\nChannelState: 4\r\nChannelStateDesc: Ring\r\n"
    b"CallerIDNum: %(payer)s\r\nCallerIDName: Ext %(payer)s\r\nConnectedLineNum: <unknown>\r\n"
    b"ConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: %(payer)s\r\n"
    b"Context: from-phones\r\nExten: %(dialled)s\r\nPriority: 2\r\nUniqueid: %(linked)s\r\n"
    b"Linkedid: %(linked)s\r\nChanVariable: RTB_PAYER=\r\nChanVariable: RTB_DEST=\r\n"
    b"ChanVariable: RTB_ANSWERED=\r\nDestChannel: %(channel)s\r\n"
    b"DestChannelState: 0\r\nDestChannelStateDesc: Down\r\nDestCallerIDNum: %(dialled)s\r\n"
    b"DestCallerIDName: <unknown>\r\nDestConnectedLineNum: %(payer)s\r\n"
    b"DestConnectedLineName: Ext %(payer)s\r\nDestLanguage: en\r\nDestAccountCode: %(payer)s\r\n"
    b"DestContext: from-carrier\r\nDestExten: %(dialled)s\r\nDestPriority: 1\r\n"
    b"DestUniqueid: %(leg)s\r\nDestLinkedid: %(linked)s\r\n"
    b"DestChanVariable: RTB_PAYER=%(payer)s\r\n"
    b"DestChanVariable: RTB_DEST=%(dialled)s\r\nDestChanVariable: RTB_ANSWERED=\r\n"
    b"DialString: %(dialled)s@carrier\r\n\r\n"
)
_NEWSTATE = b"Event: Newstate\r\nPrivilege: call,all\r\nTimestamp: "
_HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nTimestamp: "
_RINGING = b"ChannelState: 5\r\nChannelStateDesc: Ringing\r\n"
_UP = b"ChannelState: 6\r\nChannelStateDesc: Up\r\n"
_CAUSE = b"\r\nCause: 16\r\nCause-txt: Normal Clearing\r\n\r\n"
_WHO = (
    b"CallerIDNum: %(dialled)s\r\nCallerIDName: <unknown>\r\nConnectedLineNum: %(payer)s\r\n"
    b"ConnectedLineName: Ext %(payer)s\r\nLanguage: en\r\nAccountCode: %(payer)s\r\n"
    b"Context: from-carrier\r\nExten: "
)
_WHICH = (
    b"\r\nPriority: 1\r\nUniqueid: %(leg)s\r\nLinkedid: %(linked)s\r\n"
    b"ChanVariable: RTB_PAYER=%(payer)s\r\nChanVariable: RTB_DEST=%(dialled)s\r\n"
    b"ChanVariable: RTB_ANSWERED="
)
_STATUS_END = (
    b"\r\nType: PJSIP\r\nDNID: \r\nEffectiveConnectedLineNum: %(payer)s\r\n"
    b"EffectiveConnectedLineName: Ext %(payer)s\r\nTimeToHangup: 0\r\nBridgeID: \r\n"
    b"Application: AppDial\r\nData: (Outgoing Line)\r\nNativeformats: (ulaw)\r\n"
    b"Readformat: ulaw\r\nReadtrans: \r\nWriteformat: ulaw\r\nWritetrans: \r\nCallgroup: 0\r\n"
    b"Pickupgroup: 0\r\nSeconds: 0\r\nVariable: RTB_PAYER=%(payer)s\r\n"
    b"Variable: RTB_DEST=%(dialled)s\r\nVariable: RTB_ANSWERED="
)


def stamp(at_us: int) -> bytes:
    """An event's Timestamp: Unix seconds with microseconds."""
    return b"%d.%06d" % divmod(at_us, US)


def row_stamp(at_us: int) -> bytes:
    """A time as the dialplan writes it: cut off at milliseconds."""
    return b"%d.%03d" % divmod(at_us // 1000, 1000)


class Call:
    """One call. Its stamps lie in the past by its talk time, so that none is in the future."""

    __slots__ = (
        *("_channel", "_which", "_who", "answered_us", "asked_by", "dial_begin", "dialled"),
        *("ended_us", "leg", "payer", "written_at"),
    )

    def __init__(  # noqa: PLR0913 - the facts of one call
        self, number: int, epoch: int, payer: bytes, dialled: bytes, answered_us: int, talk_us: int
    ) -> None:
        self.payer, self.dialled = payer, dialled
        self.answered_us = answered_us
        self.ended_us = answered_us + talk_us
        self.leg = b"%d.%d" % (epoch, 2 * number + 1)
        self.asked_by = b"%d.%d" % (epoch, 2 * number)
        """Uniqueid of the channel that dials it."""
        self.written_at = 0.0
        """Monotonic instant at which its Hangup was given to the socket."""
        words = {
            b"stamp": stamp(answered_us - RING_US),
            b"payer": payer,
            b"dialled": dialled,
            b"leg": self.leg,
            b"linked": self.asked_by,
            b"channel": b"PJSIP/carrier-%08x" % (2 * number + 1),
            b"caller": 2 * number,
        }
        self.dial_begin = _DIAL_BEGIN % words
        self._channel = b"\r\nChannel: %(channel)s\r\n" % words
        self._who = _WHO % words
        self._which = _WHICH % words

    def ringing(self) -> bytes:
        """Newstate 5."""
        at = stamp(self.answered_us - RING_US // 2)
        return _NEWSTATE + at + self._leg(_RINGING, self.dialled) + b"\r\n\r\n"

    def up(self) -> bytes:
        """Newstate 6; the stamp of the answer is set only after it."""
        return _NEWSTATE + stamp(self.answered_us) + self._leg(_UP, self.dialled) + b"\r\n\r\n"

    def hangup(self) -> bytes:
        """Hangup of an answered call."""
        answered = row_stamp(self.answered_us)
        return _HANGUP + stamp(self.ended_us) + self._leg(_UP, b"") + answered + _CAUSE

    def status(self, *, is_up: bool) -> bytes:
        """Its block in the reply to Status, without ActionID and the empty line."""
        answered = row_stamp(self.answered_us) if is_up else b""
        words = {b"payer": self.payer, b"dialled": self.dialled}
        leg = self._leg(_UP if is_up else _RINGING, self.dialled) + answered
        end = _STATUS_END % words + (answered or b"(null)")
        return b"Event: Status\r\nPrivilege: Call" + leg + end + b"\r\n"

    def live_row(self) -> bytes:
        """What the dialplan keeps under `rtbill/live` from the answer on."""
        return b"%s,%s,%s" % (self.payer, self.dialled, row_stamp(self.answered_us))

    def done_row(self) -> bytes:
        """What it keeps under `rtbill/done` from the end on."""
        return self.live_row() + b"," + row_stamp(self.ended_us)

    def _leg(self, state: bytes, exten: bytes) -> bytes:
        return self._channel + state + self._who + exten + self._which


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """What calls are made of."""

    extensions: Sequence[str]
    prefixes: Sequence[str]
    """Beginnings of international numbers, without plus."""
    talk_s: tuple[float, float] = (5.0, 180.0)
    """Shortest and longest talk; every length between is as likely."""
    epoch: int
    """First part of the Uniqueids: the second in which the exchange started."""
    seed: int = 1

    def calls(self, now_us: Iterator[int]) -> Iterator[Call]:
        """Calls without end; each ends, by its stamps, when it is made."""
        draw = random.Random(self.seed)
        extensions = [extension.encode() for extension in self.extensions]
        beginnings = [
            (b"00" + prefix.encode(), NUMBER_DIGITS - len(prefix)) for prefix in self.prefixes
        ]
        shortest_us, longest_us = (round(seconds * US) for seconds in self.talk_s)
        span_us = longest_us - shortest_us + 1
        for number, ends_us in enumerate(now_us):
            beginning, left = beginnings[int(draw.random() * len(beginnings))]
            dialled = beginning + b"%0*d" % (left, int(draw.random() * 10**left))
            payer = extensions[int(draw.random() * len(extensions))]
            talk_us = shortest_us + int(draw.random() * span_us)
            yield Call(number, self.epoch, payer, dialled, ends_us - talk_us, talk_us)
