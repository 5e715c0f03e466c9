"""Orders to an Asterisk: lock, divert, timer, hang up, and clearing its outbox. Each may be
repeated safely.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.asterisk.connection import ActionFailed, Headers, Session
from adapters.asterisk.snapshot import DONE_FAMILY, LIVE_FAMILY
from adapters.asterisk.wire import Message, encode
from adapters.line import Line
from rtbill.domain.account import Incoming, Outgoing, Service
from rtbill.domain.call import epoch_us
from rtbill.domain.errors import Unavailable
from rtbill.ports import Clock

LOCK_FAMILY = "rtbill/lock"
DIVERT_FAMILY = "rtbill/divert"
UNAIDED_FAMILY = "rtbill/unaided"

_NUMBER = re.compile(r"[0-9A-Za-z_.+*#-]{1,64}\Z")
"""An extension as a key of the exchange's database: no slash, which would name another family."""
_UNAIDED_ROW = re.compile(
    r"(closed|open|[a-z][a-z0-9]{0,15}(:[a-z][a-z0-9]{0,15})*/[0-9]{1,6}(:[0-9]{1,6})*)\Z"
)
"""The dialplan cuts it at colons and puts the parts into expressions."""
_UNAIDED_ROW_MAX = 500
"""Characters; the exchange reads at most 1,024 of a header."""
_LEG_ID = re.compile(r"[0-9A-Za-z_.-]{1,150}\Z")
_CHANNEL = re.compile(r"[A-Za-z0-9]+/[0-9A-Za-z_.@:/+*#;-]{1,200}\Z")
"""An exact channel name. Hangup takes `/.../` for a pattern that matches many, and this can be
none.
"""
_HANGUP_UNDER_S = 0.05
"""A timer of 0 is refused by the exchange, so less than this is a hang-up at once."""
_ARMED_IN_S = 0.1
"""The exchange counts a timer from when it comes to the order, which stands behind its own events:
one that it was longer about may be as much late.
"""
_NORMAL_CLEARING = "16"
_WARNING_DIGIT = "1"


class Control:
    """Orders over the line in use. Unavailable without one; OutcomeUnknown when no answer comes."""

    def __init__(
        self, session: Session, clock: Clock, line: Callable[[], Line[Message] | None]
    ) -> None:
        self._session = session
        self._clock = clock
        self._line = line
        self.acknowledgements_dropped = 0
        """For want of a line or of room; the next snapshot brings their rows again."""

    def acknowledge(self, leg_id: str) -> None:
        """Have the exchange forget its rows about a leg. Never waits; may be lost, the rows then
        come again.
        """
        families = [DONE_FAMILY]
        if leg_id in self._session.vanished:
            families.append(LIVE_FAMILY)  # otherwise the exchange deletes it itself at the hang-up
            self._session.vanished.discard(leg_id)
        line = self._line()
        if line is None or not _LEG_ID.match(leg_id):
            self.acknowledgements_dropped += 1
            return
        data = b"".join(
            encode("DBDel", (("Family", family), ("Key", leg_id))) for family in families
        )
        if not line.send_if_room(data):
            self.acknowledgements_dropped += 1

    async def limit(self, leg_id: str, talk_s: float) -> bool:
        """Have the leg cut this many seconds after its answer, whatever becomes of us; at once if
        that has passed. Whether it was confirmed so soon that the timer cannot be late.
        """
        asked_s = self._clock.monotonic()
        await self._arm(leg_id, talk_s)
        return self._clock.monotonic() - asked_s <= _ARMED_IN_S

    async def _arm(self, leg_id: str, talk_s: float) -> None:
        leg = self._session.translator.legs.get(leg_id)
        if leg is None:
            return  # it has ended
        if leg.answered_us is None:
            raise Unavailable(
                f"the leg {leg_id} is not answered yet, so its talk time cannot be limited"
            )
        line = self._require_line()
        deadline_us = leg.answered_us + round(talk_s * 1e6)
        # By the latest that its clock may show: a timer too early is moved with the next grant.
        latest = self._session.latest_exchange_time(self._clock.now())
        left_s = (deadline_us - epoch_us(latest)) / 1e6
        if left_s < _HANGUP_UNDER_S:
            await self.hang_up(leg_id)
            return
        channel = _checked(_CHANNEL, leg.channel, "channel")
        before_us, leg.deadline_us = leg.deadline_us, deadline_us
        try:
            headers = (("Channel", channel), ("Timeout", f"{left_s:.3f}"))
            await self._session.act(line, "AbsoluteTimeout", headers)
        except ActionFailed as failed:
            leg.deadline_us = before_us
            _unless_gone(failed)

    async def warn(self, leg_id: str) -> None:
        """Sound a tone on the channel that dialled the leg: the far end hears nothing. Unavailable
        when that channel is not known, as after a restart of ours.
        """
        leg = self._session.translator.legs.get(leg_id)
        if leg is None:
            return
        line = self._require_line()
        if leg.caller is None:
            raise Unavailable(f"nobody knows which channel dialled the leg {leg_id}")
        channel = _checked(_CHANNEL, leg.caller, "channel")
        try:
            headers = (("Channel", channel), ("Digit", _WARNING_DIGIT))
            await self._session.act(line, "PlayDTMF", headers)
        except ActionFailed as failed:
            _unless_gone(failed)

    async def hang_up(self, leg_id: str) -> None:
        """End the leg now; nothing happens when it has ended already."""
        leg = self._session.translator.legs.get(leg_id)
        if leg is None:
            return
        line = self._require_line()
        channel = _checked(_CHANNEL, leg.channel, "channel")
        before_us, leg.hung_up_us = leg.hung_up_us, self._now_us()
        try:
            headers = (("Channel", channel), ("Cause", _NORMAL_CLEARING))
            await self._session.act(line, "Hangup", headers)
        except ActionFailed as failed:
            leg.hung_up_us = before_us
            _unless_gone(failed)

    async def set_service(self, number: str, service: Service) -> None:
        """Write what the dialplan reads, and read it back; Unavailable when the exchange holds
        something else.
        """
        _checked(_NUMBER, number, "extension")
        wanted = {
            LOCK_FAMILY: service.outgoing is Outgoing.LOCKED,
            DIVERT_FAMILY: service.incoming is Incoming.DIVERT,
        }
        line = self._require_line()
        for family, is_set in wanted.items():
            await self._set_key(line, family, number, "1" if is_set else None)
        for family, is_set in wanted.items():
            if (await self._value(line, family, number) is not None) is not is_set:
                raise Unavailable(f"the exchange did not keep {family}/{number} as it was written")

    async def services(self) -> dict[str, Service]:
        """Every extension that is locked or diverted now."""
        line = self._require_line()
        locked = await self._keys(line, LOCK_FAMILY)
        diverted = await self._keys(line, DIVERT_FAMILY)
        return {
            number: Service(
                Outgoing.LOCKED if number in locked else Outgoing.OPEN,
                Incoming.DIVERT if number in diverted else Incoming.RING,
            )
            for number in locked | diverted
        }

    async def set_unaided(self, number: str, row: str | None) -> None:
        """Write the row that the dialplan reads when it gets no answer, or delete it, and read it
        back; Unavailable when the exchange holds something else.
        """
        _checked(_NUMBER, number, "extension")
        if row is not None:
            _checked(_UNAIDED_ROW, row, "row")
            if len(row) > _UNAIDED_ROW_MAX:
                raise Unavailable(
                    f"not sent: the row of {number} has more than {_UNAIDED_ROW_MAX} characters; "
                    "configure fewer destination classes"
                )
        line = self._require_line()
        await self._set_key(line, UNAIDED_FAMILY, number, row)
        # DBGet would do, but Asterisk 16 gives no more than 255 characters of a value there.
        rows = await self._session.tree(line, UNAIDED_FAMILY, number)
        path = f"/{UNAIDED_FAMILY}/{number}"
        kept = [each.get("Val") for each in rows if each.get("Key") == path]
        if kept != ([] if row is None else [row]):
            raise Unavailable(
                f"the exchange did not keep {UNAIDED_FAMILY}/{number} as it was written"
            )

    async def unaided(self) -> dict[str, str]:
        """The rows it now keeps, by extension, whatever stands in them."""
        rows = await self._session.tree(self._require_line(), UNAIDED_FAMILY)
        return {row.get("Key").removeprefix(f"/{UNAIDED_FAMILY}/"): row.get("Val") for row in rows}

    async def _set_key(self, line: Line[Message], family: str, key: str, value: str | None) -> None:
        where: Headers = (("Family", family), ("Key", key))
        if value is not None:
            await self._session.act(line, "DBPut", (*where, ("Val", value)))
            return
        try:
            await self._session.act(line, "DBDel", where)
        except ActionFailed as failed:
            if failed.denied:
                raise
            # It was not there, which reading back will confirm.

    async def _value(self, line: Line[Message], family: str, key: str) -> str | None:
        """What the database holds there; None when there is no such key."""
        where: Headers = (("Family", family), ("Key", key))
        try:
            rows = await self._session.list_items(line, "DBGet", where)
        except ActionFailed as failed:
            if "not found" in failed.text.lower():
                return None
            raise
        return rows[0].get("Val") if rows else ""

    async def _keys(self, line: Line[Message], family: str) -> set[str]:
        rows = await self._session.tree(line, family)
        return {row.get("Key").removeprefix(f"/{family}/") for row in rows}

    def _require_line(self) -> Line[Message]:
        line = self._line()
        if line is None:
            raise Unavailable(f"no link to {self._session.settings.name}")
        return line

    def _now_us(self) -> int:
        return epoch_us(self._session.exchange_time(self._clock.now()))


def _checked(allowed: re.Pattern[str], value: str, what: str) -> str:
    if not allowed.match(value):
        raise Unavailable(f"not sent: {value[:80]!r} is no {what} that is safe to send")
    return value


def _unless_gone(failed: ActionFailed) -> None:
    """A channel that is no more has ended, which is what was wanted."""
    text = failed.text.lower()
    if "no such channel" not in text and "channel not found" not in text:
        raise failed
