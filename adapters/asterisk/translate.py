"""AMI messages to the events of rtbill. Pure: no socket, no clock.

What is billed is the trunk leg: a channel whose name begins as a configured trunk's and which was
dialled (DialBegin names it as DestChannel). An incoming trunk channel never was, so it is not ours.
The leg is answered when it goes up (Newstate 6) and over when it is hung up, whatever transfers
happen between: transfers swap the other side. Its Uniqueid is the key; Linkedid changes in
transfers, channel names start anew after a restart, and CDR rows are wrong for transfers and
conferences.

The dialplan stamps the leg with RTB_PAYER, RTB_DEST, RTB_ORIGIN (a code that was entered, the trunk
by which the call came in) and, at the answer, RTB_ANSWERED; `channelvars` in manager.conf shows
them in every event of the leg. FORWARDERNAME, which Asterisk itself sets, is
there as well: on a trunk leg it shows that a telephone's 302 named the trunk, and no dialplan was
asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from adapters.asterisk.wire import Message, header_key
from rtbill.domain.call import CallId, CutBy, from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.events import CallAnswered, CallEnded, CallRefused, CallStarted, PbxEvent
from rtbill.domain.origin import NO_ORIGIN, Origin, origin_of_leg
from rtbill.domain.refusal import Reason

LEG_EVENTS = frozenset({"DialBegin", "Newstate", "Hangup", "UserEvent", "Rename"})
"""What a live link needs to be given."""
EVIDENCE_EVENTS = LEG_EVENTS | {"Newexten"}
"""With the evidence of Dial's own time limit, which only an unfiltered stream holds."""

_ENDED_KEPT = 4096
"""Legs remembered after their end, so that a repeated Hangup says nothing new."""
_ORDERS_KEPT = 4096
_ANSWERS_KEPT = 1024
_DIGITS_MAX = 17
"""Of an instant in microseconds: enough until the year 5138."""
_SECOND_US = 1_000_000
_EARLY_US = 250_000
"""A timer never fires early; this much is allowed for our idea of the exchange's clock."""
_TIMER_LATE_US = _SECOND_US
_HANGUP_LATE_US = 5 * _SECOND_US

_TIMESTAMP = header_key("Timestamp")
_CHANNEL = header_key("Channel")
_UNIQUEID = header_key("Uniqueid")
_STATE_UP = b"\r\nChannelState: 6\r\n"
_DEST_CHANNEL = header_key("DestChannel")
_DEST_UNIQUEID = header_key("DestUniqueid")
_DEST_PAYER = header_key("DestChanVariable: RTB_PAYER=")
_DEST_FORWARDER = header_key("DestChanVariable: FORWARDERNAME=")
_DEST_DEST = header_key("DestChanVariable: RTB_DEST=")
_DEST_ORIGIN = header_key("DestChanVariable: RTB_ORIGIN=")
_DIAL_STRING = header_key("DialString")
_PAYER = header_key("ChanVariable: RTB_PAYER=")
_DEST = header_key("ChanVariable: RTB_DEST=")
_ORIGIN = header_key("ChanVariable: RTB_ORIGIN=")
_ANSWERED = header_key("ChanVariable: RTB_ANSWERED=")
_CAUSE = header_key("Cause")


@dataclass(slots=True)
class Leg:
    """A trunk leg in progress."""

    channel: str
    trunk: str
    payer: str | None
    dialled: str | None
    caller: str | None
    """Channel that dialled it, where there was one."""
    origin: Origin = NO_ORIGIN
    answered_us: int | None = None
    is_answer_guessed: bool = False
    """A snapshot showed it up without a stamp: it was answered then or before."""
    deadline_us: int | None = None
    """When the timer that we armed in the exchange runs out, on the exchange's clock."""
    dial_limit_us: int | None = None
    """Dial's own limit, counted from the answer."""
    hung_up_us: int | None = None
    """When we told the exchange to hang up."""
    asked_by: str = ""
    """Uniqueid of the channel that dialled it."""


@dataclass(slots=True)
class Orders:
    """What was ordered for one channel by its name."""

    deadline_us: int | None = None
    dial_limit_us: int | None = None
    hung_up_us: int | None = None


class Translator:
    """Legs of one exchange in progress, and the events that follow from each message."""

    def __init__(self, pbx: str, prefixes: dict[str, str]) -> None:
        self.pbx = pbx
        self.legs: dict[str, Leg] = {}
        """By Uniqueid."""
        self.lacks_timestamps = False
        """Messages come without Timestamp: `timestampevents = yes` is missing in manager.conf."""
        self._prefixes = prefixes
        self._starts = tuple(prefixes)
        self._orders: dict[str, Orders] = {}
        self._ended: dict[str, None] = {}
        self._answered_us: dict[str, int] = {}
        """Of legs on trunks whose beginning was not heard: a snapshot that is on its way, and shows
        them ringing, is older.
        """

    def feed(self, message: Message, arrived_us: int) -> PbxEvent | None:
        """What this message means, or None. `arrived_us` stands in for a missing Timestamp.
        BadRecord: unreadable.
        """
        match message.event:
            case "Newstate":
                return self._newstate(message, arrived_us)
            case "DialBegin":
                return self._dial_begin(message, arrived_us)
            case "Hangup":
                return self._hangup(message, arrived_us)
            case "UserEvent":
                return self._user_event(message, arrived_us)
            case "Rename":
                self._rename(message)
            case "Newexten":
                self._newexten(message)
            case _:
                pass
        return None

    def trunk_of(self, channel: str) -> str | None:
        """The trunk group a channel belongs to, or None."""
        if not channel.startswith(self._starts):
            return None
        return next(group for start, group in self._prefixes.items() if channel.startswith(start))

    def unseen_answer_us(self, leg_id: str) -> int | None:
        """When a leg was answered whose beginning was not heard; None if it was not, as far as is
        known.
        """
        return self._answered_us.get(leg_id)

    def has_ended(self, leg_id: str) -> bool:
        """Whether the leg's end was told not long ago."""
        return leg_id in self._ended

    def order_timeout(self, channel: str, deadline_us: int | None) -> None:
        """A timer was set on a channel by name, or taken away."""
        self._order(channel).deadline_us = deadline_us

    def order_hangup(self, channel: str, at_us: int) -> None:
        """A hang-up was sent for a channel by name."""
        self._order(channel).hung_up_us = at_us

    def _dial_begin(self, message: Message, arrived_us: int) -> CallStarted | None:
        channel = message.find(_DEST_CHANNEL)
        if channel is None:
            return None
        trunk = self.trunk_of(channel)
        if trunk is None:
            return None
        leg_id = message.find(_DEST_UNIQUEID)
        if not leg_id:
            raise BadRecord("DialBegin without DestUniqueid")
        if leg_id in self.legs or leg_id in self._ended:
            return None
        dialled = message.find(_DEST_DEST) or dialled_number(
            channel, message.find(_DIAL_STRING) or ""
        )
        leg = Leg(
            channel,
            trunk,
            message.find(_DEST_PAYER) or None,
            dialled,
            message.find(_CHANNEL),
            origin_of_leg(message.find(_DEST_ORIGIN)),
        )
        leg.asked_by = message.find(_UNIQUEID) or ""
        if self._orders and leg.caller is not None:
            leg.dial_limit_us = self._orders.get(leg.caller, Orders()).dial_limit_us
        self.legs[leg_id] = leg
        at = self._instant(message, arrived_us)
        forwarder = message.find(_DEST_FORWARDER)
        if forwarder and self.trunk_of(forwarder) is not None:
            forwarder = None  # a carrier sends the call elsewhere: it had been let out before
        return CallStarted(
            CallId(self.pbx, leg_id),
            at,
            leg.payer,
            leg.dialled,
            trunk,
            forwarder or None,
            leg.origin,
            leg.asked_by,
        )

    def _newstate(self, message: Message, arrived_us: int) -> CallAnswered | None:
        if _STATE_UP not in message.raw:
            return None
        leg_id = message.find(_UNIQUEID) or ""
        leg = self.legs.get(leg_id)
        if leg is None:
            self._remember_answer(leg_id, message, arrived_us)
            return None
        if leg.answered_us is not None:
            return None
        leg.answered_us = self._instant_us(message, arrived_us)
        leg.payer = message.find(_PAYER) or leg.payer
        leg.dialled = message.find(_DEST) or leg.dialled
        leg.origin = leg.origin or origin_of_leg(message.find(_ORIGIN))
        return CallAnswered(
            CallId(self.pbx, leg_id),
            from_epoch_us(leg.answered_us),
            leg.payer,
            leg.dialled,
            leg.trunk,
            leg.origin,
        )

    def _remember_answer(self, leg_id: str, message: Message, arrived_us: int) -> None:
        if leg_id and self.trunk_of(message.find(_CHANNEL) or "") is not None:
            self._answered_us[leg_id] = self._instant_us(message, arrived_us)
            if len(self._answered_us) > _ANSWERS_KEPT:
                del self._answered_us[next(iter(self._answered_us))]

    def _hangup(self, message: Message, arrived_us: int) -> CallEnded | None:
        leg_id = message.find(_UNIQUEID)
        if not leg_id:
            raise BadRecord("Hangup without Uniqueid")
        leg = self.legs.pop(leg_id, None) or self._unseen_leg(leg_id, message)
        if leg is None:
            return None
        self._ended[leg_id] = None
        self._answered_us.pop(leg_id, None)
        if len(self._ended) > _ENDED_KEPT:
            del self._ended[next(iter(self._ended))]
        ended_us = self._instant_us(message, arrived_us)
        stamp = message.find(_ANSWERED)
        if stamp and (leg.answered_us is None or leg.is_answer_guessed):
            leg.answered_us, leg.is_answer_guessed = instant_us(stamp), False
        # Who was told of a guess has it, or knows better: it is not evidence of its own.
        answered_us = None if leg.is_answer_guessed else leg.answered_us
        cause = message.find(_CAUSE) or ""
        return CallEnded(
            CallId(self.pbx, leg_id),
            from_epoch_us(ended_us),
            int(cause) if cause.isdecimal() else None,
            self._cut_by(leg, ended_us),
            leg.payer or message.find(_PAYER) or None,
            leg.dialled or message.find(_DEST) or None,
            leg.trunk,
            None if answered_us is None else from_epoch_us(answered_us),
            leg.origin or origin_of_leg(message.find(_ORIGIN)),
        )

    def _unseen_leg(self, leg_id: str, message: Message) -> Leg | None:
        """A leg whose beginning we missed: only a dialled one carries the stamp of its answer."""
        channel = message.find(_CHANNEL) or ""
        trunk = self.trunk_of(channel)
        if trunk is None or leg_id in self._ended or not message.find(_ANSWERED):
            return None
        return Leg(channel, trunk, None, None, None)

    def _user_event(self, message: Message, arrived_us: int) -> CallRefused | None:
        if message.get("UserEvent") != "RtbillRefused":
            return None
        return CallRefused(
            self.pbx,
            self._instant(message, arrived_us),
            message.get("Extension") or None,
            message.get("Dialled") or None,
            _word(message.get("Reason")),
            message.get("Uniqueid") or None,
        )

    def _rename(self, message: Message) -> None:
        leg = self.legs.get(message.get("Uniqueid"))
        if leg is not None:
            leg.channel = message.get("Newname") or leg.channel

    def _newexten(self, message: Message) -> None:
        if message.get("Application") == "Dial":
            limit_ms = dial_limit_ms(message.get("AppData"))
            if limit_ms is not None:
                self._order(message.get("Channel")).dial_limit_us = limit_ms * 1000

    def _cut_by(self, leg: Leg, ended_us: int) -> CutBy | None:
        if not self._orders and leg.hung_up_us is leg.deadline_us is leg.dial_limit_us is None:
            return None
        orders = [
            order for order in map(self._orders.get, (leg.channel, leg.caller or "")) if order
        ]
        hangups = [leg.hung_up_us, *(order.hung_up_us for order in orders)]
        if any(at is not None and -_EARLY_US <= ended_us - at <= _HANGUP_LATE_US for at in hangups):
            return CutBy.BILLER
        deadlines = [leg.deadline_us, *(order.deadline_us for order in orders)]
        if leg.dial_limit_us is not None and leg.answered_us is not None:
            deadlines.append(leg.answered_us + leg.dial_limit_us)
        if any(
            at is not None and -_EARLY_US <= ended_us - at <= _TIMER_LATE_US for at in deadlines
        ):
            return CutBy.PBX_TIMER
        return None

    def _order(self, channel: str) -> Orders:
        if channel not in self._orders and len(self._orders) >= _ORDERS_KEPT:
            del self._orders[next(iter(self._orders))]
        return self._orders.setdefault(channel, Orders())

    def _instant(self, message: Message, arrived_us: int) -> datetime:
        return from_epoch_us(self._instant_us(message, arrived_us))

    def _instant_us(self, message: Message, arrived_us: int) -> int:
        stamp = message.find(_TIMESTAMP)
        if stamp is None:
            self.lacks_timestamps = True
            return arrived_us
        return instant_us(stamp)


def instant_us(text: str) -> int:
    """Microseconds since 1970 of Unix seconds with a fraction, `1795356013.011803`; BadRecord if it
    is none.
    """
    whole, _, fraction = text.partition(".")
    digits = whole + fraction[:6].ljust(6, "0")
    if not (whole and digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS_MAX):
        raise BadRecord(f"{text[:40]!r} is not a time in Unix seconds")
    return int(digits)


def timestamp_us(message: Message) -> int | None:
    """The exchange's clock when it made the message, where it says so."""
    stamp = message.find(_TIMESTAMP)
    return None if stamp is None else instant_us(stamp)


def dialled_number(channel: str, dial_string: str) -> str | None:
    """The number in the string that was really dialled: of `5551234@carrier`, `carrier/5551234`,
    `g1/5551234`.
    """
    text = dial_string.partition("/")[0] if channel.startswith("Local/") else dial_string
    number = text.rpartition("/")[2].partition("@")[0]
    return number.removeprefix("sip:").removeprefix("sips:") or None


def _word(text: str) -> str:
    """The dialplan's reason for a refusal; the lock, when it gives none that is a word."""
    return text if re.fullmatch("[a-z-]{1,32}", text) else Reason.LOCKED


def dial_limit_ms(arguments: str) -> int | None:
    """The limit x of option L(x:y:z) among Dial's arguments (`device,timeout,options`), in
    milliseconds.
    """
    options = arguments.split(",", 2)[2:]
    depth = 0
    for at, letter in enumerate(options[0] if options else ""):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif letter == "L" and depth == 0:
            digits = options[0][at + 1 :].removeprefix("(").partition(")")[0].partition(":")[0]
            return int(digits) if digits.isdecimal() else None
    return None
