"""Watching one call that the operator places from a telephone: does it arrive as it must?

rtbill's AMI user may not originate calls, and shall not. The watch has a session of its own and
reads only: a running service bills the call as any other.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.asterisk.inspection.call_seen import CallSeen
from adapters.asterisk.inspection.inquiry import DEADLINE_S, Inquiry, ask
from adapters.asterisk.settings import AsteriskSettings, prefixes
from adapters.asterisk.snapshot import DONE_FAMILY, LIVE_FAMILY
from adapters.asterisk.translate import Translator, instant_us
from adapters.asterisk.wire import Message, header_key
from rtbill.domain.errors import BadRecord
from rtbill.ports import Clock

AFTER_ANSWER_S = 1.0
"""By then the dialplan has written its row and the running service has armed its timer."""
_TAIL = 6
"""So many last digits name a number, whatever prefixes a trunk adds or takes."""
_NUMBER = re.compile(r"[0-9*#]{2,}")


async def watch_call(
    settings: AsteriskSettings,
    clock: Clock,
    number: str,
    seconds: float,
    ready: Callable[[], None],
) -> CallSeen:
    """Watch until the call has ended or the time is up; `ready` is called when it may be dialled.
    Unavailable when the exchange cannot be asked.
    """
    watch = _Watch(settings, number)

    async def work(inquiry: Inquiry) -> CallSeen:
        await inquiry.ping()
        ready()
        try:
            async with asyncio.timeout(seconds):
                await _follow(inquiry, watch, clock)
        except TimeoutError:
            pass  # what was seen until now is told
        return watch.seen

    deadline_s = seconds + DEADLINE_S
    return await ask(settings, clock, work, on_event=watch.take, deadline_s=deadline_s)


async def _follow(inquiry: Inquiry, watch: _Watch, clock: Clock) -> None:
    seen = watch.seen
    await watch.until(lambda: seen.is_answered or watch.is_over)
    if seen.is_answered:
        await clock.sleep(AFTER_ANSWER_S)
    if seen.is_answered and not watch.is_over:
        seen.live_row = await _has_row(inquiry, LIVE_FAMILY, seen.leg, 3)
        seen.timer_s = await _timer_s(inquiry, seen.channel)
    await watch.until(lambda: watch.is_over)
    if seen.is_answered:
        seen.done_row = await _has_row(inquiry, DONE_FAMILY, seen.leg, 4)


async def _timer_s(inquiry: Inquiry, channel: str) -> int | None:
    """Seconds until the exchange ends the channel by itself. It tells the instant, as an epoch."""
    statuses = await inquiry.listed("Status", ("Channel", channel))
    at = statuses[0].get("TimeToHangup") if statuses else ""
    if not at.isdecimal():
        return None
    now_s = inquiry.exchange_now().timestamp()
    return max(1, round(int(at) - now_s)) if int(at) else 0


async def _has_row(inquiry: Inquiry, family: str, leg: str, fields: int) -> bool:
    rows = await inquiry.listed("DBGet", ("Family", family), ("Key", leg))
    values = rows[0].get("Val").split(",") if rows else []
    try:
        for at in range(2, fields):
            instant_us(values[at])
    except (BadRecord, IndexError):
        return False
    return True


@dataclass(slots=True)
class _Watch:
    """Events in, the call out."""

    settings: AsteriskSettings
    number: str
    seen: CallSeen = field(init=False)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    translator: Translator = field(init=False)

    def __post_init__(self) -> None:
        self.seen = CallSeen(number=self.number)
        self.translator = Translator(self.settings.name, prefixes(self.settings.trunks))

    @property
    def is_over(self) -> bool:
        return self.seen.is_ended or bool(self.seen.refused)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for events until this holds; the caller sets the deadline."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    def take(self, message: Message) -> None:
        """One event of the exchange, in order."""
        if message.event == "DialBegin":
            self._begun(message)
        elif message.event == "UserEvent" and message.get("UserEvent") == "RtbillRefused":
            if is_same_number(self.number, message.get("Dialled")):
                self.seen.refused = message.get("Reason") or "no reason given"
        elif message.get("Uniqueid") == self.seen.leg:
            self._went_on(message)
        self.changed.set()

    def _begun(self, message: Message) -> None:
        seen, channel = self.seen, message.get("DestChannel")
        trunk = self.translator.trunk_of(channel)
        if seen.leg and (seen.trunk is not None or trunk is None):
            return  # the first leg on a trunk is the one; a channel of no trunk may lead to it
        dialled = message.find(header_key("DestChanVariable: RTB_DEST="))
        named = [dialled or "", *_NUMBER.findall(message.get("DialString"))]
        if any(is_same_number(self.number, each) for each in named):
            seen.leg, seen.channel, seen.trunk = message.get("DestUniqueid"), channel, trunk
            seen.dialled = dialled
            seen.payer = message.find(header_key("DestChanVariable: RTB_PAYER="))

    def _went_on(self, message: Message) -> None:
        seen = self.seen
        seen.payer = message.find(header_key("ChanVariable: RTB_PAYER=")) or seen.payer
        seen.dialled = message.find(header_key("ChanVariable: RTB_DEST=")) or seen.dialled
        seen.is_stamped |= bool(message.find(header_key("ChanVariable: RTB_ANSWERED=")))
        if message.event == "Newstate" and message.get("ChannelState") == "6":
            seen.is_answered = True
        elif message.event == "Hangup":
            seen.is_ended, seen.cause = True, message.get("Cause")


def is_same_number(wanted: str, told: str) -> bool:
    """Whether two ways of writing a number end alike; prefixes come and go on the way."""
    one, other = ("".join(_NUMBER.findall(text)) for text in (wanted, told))
    shorter, longer = sorted((one, other), key=len)
    return bool(shorter) and longer.endswith(shorter[-_TAIL:]) and len(shorter) >= min(3, len(one))
