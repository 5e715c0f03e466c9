"""What an exchange holds, from three replies in the order that cannot lose a leg between them.

First the rows `rtbill/live` (legs marked at their answer), then Status (legs in progress), last the
rows `rtbill/done` (legs that ended). A leg ends by writing its done row while its channel still
exists. So a leg among the live rows that is in neither later reply did not end in an orderly way:
the exchange crashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.asterisk.translate import Leg, Translator, instant_us
from adapters.asterisk.wire import Message, header_key
from rtbill.domain.call import CallId, epoch_us, from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.events import FinishedLeg, LiveLeg, Snapshot
from rtbill.domain.origin import NO_ORIGIN, Origin, origin_of_leg

STATUS_VARIABLES = "RTB_PAYER,RTB_DEST,RTB_ANSWERED,RTB_ORIGIN"
LIVE_FAMILY = "rtbill/live"
DONE_FAMILY = "rtbill/done"

_CHANNEL = header_key("Channel")
_UNIQUEID = header_key("Uniqueid")
_LINKEDID = header_key("Linkedid")
_STATE = header_key("ChannelState")
_KEY = header_key("Key")
_VALUE = header_key("Val")


@dataclass(frozen=True, slots=True)
class Replies:
    """The three lists as they came; None where the exchange would not say."""

    live_rows: Sequence[Message] | None
    channels: Sequence[Message]
    """Status or CoreShowChannel events."""
    done_rows: Sequence[Message] | None


def build(
    translator: Translator,
    replies: Replies,
    at: datetime,
    *,
    events_follow: bool,
    made_s: float | None = None,
) -> tuple[Snapshot, list[str]]:
    """The snapshot, and the rows that could not be read. The translator learns of the legs.

    Events heard while the replies came are delivered after a snapshot that opens a link
    (`events_follow`), and have been delivered before any other.
    """
    bad: list[str] = []
    live_rows = _rows(replies.live_rows or (), LIVE_FAMILY, 3, bad)
    done_rows = _rows(replies.done_rows or (), DONE_FAMILY, 4, bad)
    shown: dict[str, Leg] = {}
    for message in replies.channels:
        leg_id = message.find(_UNIQUEID) or ""
        if not events_follow and translator.has_ended(leg_id):
            continue
        leg = _seen_leg(translator, message, leg_id, live_rows.get(leg_id))
        if leg is not None:
            if leg.answered_us is None and message.find(_STATE) == "6":
                # It carries no stamp: proven up from now on.
                leg.answered_us, leg.is_answer_guessed = epoch_us(at), True
            shown[leg_id] = leg
            if not translator.has_ended(leg_id):
                translator.legs[leg_id] = leg
    pbx = translator.pbx
    has_outbox = replies.live_rows is not None and replies.done_rows is not None
    snapshot = Snapshot(
        pbx=pbx,
        at=at,
        live=tuple(_live_leg(pbx, leg_id, leg) for leg_id, leg in shown.items()),
        finished=tuple(
            _finished(translator, leg_id, row)
            for leg_id, row in done_rows.items()
            if leg_id not in shown
        ),
        vanished=tuple(
            _vanished(translator, leg_id, row)
            for leg_id, row in live_rows.items()
            if has_outbox
            and leg_id not in shown
            and leg_id not in done_rows
            and not translator.has_ended(leg_id)
        ),
        has_outbox=has_outbox,
        made_s=made_s,
    )
    return snapshot, bad


def _seen_leg(
    translator: Translator, message: Message, leg_id: str, row: list[str] | None
) -> Leg | None:
    """The leg that this channel is; None for a channel that is no trunk's, or an incoming one."""
    channel = message.find(_CHANNEL) or ""
    trunk = translator.trunk_of(channel)
    if trunk is None or not leg_id:
        return None
    stamp = _variable(message, "RTB_ANSWERED") or (row[2] if row else None)
    leg = translator.legs.get(leg_id)
    if leg is None:
        if stamp is None and not _is_dialled(message):
            return None
        # A leg is linked to the channel that dialled it, until an attended transfer.
        linked_to = message.find(_LINKEDID) or ""
        leg = Leg(channel, trunk, None, None, None, asked_by=linked_to)
    leg.channel = channel
    leg.payer = leg.payer or _variable(message, "RTB_PAYER")
    leg.dialled = leg.dialled or _variable(message, "RTB_DEST")
    leg.origin = leg.origin or origin_of_leg(_variable(message, "RTB_ORIGIN"))
    if leg.answered_us is None:
        leg.answered_us = (
            translator.unseen_answer_us(leg_id) if stamp is None else instant_us(stamp)
        )
    return leg


def _is_dialled(message: Message) -> bool:
    """The application of a channel that somebody dialled, until a transfer sends it through the
    dialplan.
    """
    return message.get("Application") in ("AppDial", "AppDial2")


def _variable(message: Message, name: str) -> str | None:
    """A channel variable of the leg; Asterisk writes `(null)` for one that is not set."""
    for prefix in ("ChanVariable", "Variable"):
        value = message.find(header_key(f"{prefix}: {name}="))
        if value and value != "(null)":
            return value
    return None


def _rows(
    messages: Iterable[Message], family: str, fields: int, bad: list[str]
) -> dict[str, list[str]]:
    """Rows of a family by leg id: payer, number, answered, for done rows also ended, and the
    origin, which a row of an older dialplan lacks.
    """
    rows = {}
    for message in messages:
        key = message.find(_KEY) or ""
        if not key.startswith(f"/{family}/"):
            continue
        values = (message.find(_VALUE) or "").split(",")
        try:
            for field in range(2, fields):
                instant_us(values[field])
        except (BadRecord, IndexError):
            bad.append(f"{key} = {','.join(values)[:200]!r}")
        else:
            rows[key.removeprefix(f"/{family}/")] = values
    return rows


def _live_leg(pbx: str, leg_id: str, leg: Leg) -> LiveLeg:
    answered_at = None if leg.answered_us is None else from_epoch_us(leg.answered_us)
    return LiveLeg(
        CallId(pbx, leg_id),
        leg.payer,
        leg.dialled,
        leg.trunk,
        answered_at,
        leg.origin,
        asked_by=leg.asked_by,
    )


def _vanished(translator: Translator, leg_id: str, row: list[str]) -> LiveLeg:
    trunk = _trunk(translator, leg_id)
    return LiveLeg(
        CallId(translator.pbx, leg_id),
        row[0] or None,
        row[1] or None,
        trunk,
        from_epoch_us(instant_us(row[2])),
        _origin(row, 3),
    )


def _finished(translator: Translator, leg_id: str, row: list[str]) -> FinishedLeg:
    return FinishedLeg(
        CallId(translator.pbx, leg_id),
        row[0] or None,
        row[1] or None,
        _trunk(translator, leg_id),
        from_epoch_us(instant_us(row[2])),
        from_epoch_us(instant_us(row[3])),
        _origin(row, 4),
    )


def _origin(row: list[str], field: int) -> Origin:
    return origin_of_leg(row[field]) if len(row) > field else NO_ORIGIN


def _trunk(translator: Translator, leg_id: str) -> str:
    """The rows do not name the channel; empty when no event did either."""
    leg = translator.legs.get(leg_id)
    return leg.trunk if leg is not None else ""
