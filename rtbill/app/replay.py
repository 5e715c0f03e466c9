"""A recorded AMI stream read again without an exchange: the calls that rtbill would have seen.

A recording is a file of JSON lines `{"t": ..., "dir": ..., "raw": ...}`: Unix seconds; `rx` (bytes
of the exchange), `tx` (bytes sent), `close` or `note`; the bytes as UTF-8 with surrogate escapes.
The bytes pass the very wire reader, translator, snapshot builder and tracker of live billing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from adapters.asterisk.settings import Trunk, matcher_problems, prefixes
from adapters.asterisk.snapshot import DONE_FAMILY, LIVE_FAMILY, Replies, build
from adapters.asterisk.translate import EVIDENCE_EVENTS, Translator, timestamp_us
from adapters.asterisk.wire import Message, Reader, actions
from rtbill.calls.tracker import Tracker
from rtbill.domain.call import CallRecord, Outcome, from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.events import LinkLost, LinkRestored, PbxEvent

_LISTS = {
    "Status": "Status",
    "CoreShowChannel": "CoreShowChannels",
    "DBGetTreeResponse": "DBGetTree",
}
"""Events that are items of a list, by the action that asks for it."""
_BANNER = b"Asterisk Call Manager/"
_COMPLETE = {"StatusComplete", "CoreShowChannelsComplete", "DBGetTreeComplete"}
_WANTED = EVIDENCE_EVENTS | _LISTS.keys() | _COMPLETE | {"FullyBooted"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a recording."""

    line: int
    at_us: int
    direction: str
    data: bytes


@dataclass(slots=True)
class ListReply:
    """A list the exchange was asked for during the recording."""

    action: str
    family: str
    after_events: bool
    """Calls had been heard of before it was asked for."""
    items: list[Message] = field(default_factory=list)
    is_complete: bool = False


class Playback:
    """The calls of one exchange over all connections of a recording."""

    def __init__(self, translator: Translator) -> None:
        self.translator = translator
        self.tracker = Tracker(translator.pbx)
        self.records: list[CallRecord] = []
        self.heard_us = 0
        """When the last byte came, on the exchange's clock."""

    def tell(self, event: PbxEvent) -> None:
        """Give the tracker one event, and keep the calls that are over."""
        self.records += [one for one in self.tracker.feed(event) if isinstance(one, CallRecord)]


class Connection:
    """One connection of a recording.

    As on a live link, calls heard of before the opening snapshot follow it. A recording need not
    hold one, so all is kept back until it comes or the connection ends.
    """

    def __init__(self, playback: Playback, began_us: int, *, has_sign_in: bool) -> None:
        self._playback = playback
        self._began_us = began_us
        self._has_sign_in = has_sign_in
        """Otherwise the recording began in the middle of it."""
        self._reader = Reader(_WANTED)
        self._lists: dict[str, ListReply] = {}
        self._kept_back: list[tuple[int, Message, bool]] | None = []
        """Instant, message, was it sent (else heard); None once the snapshot is there."""
        self._heard_us = 0
        self._has_events = False
        self._uptime_s: int | None = None
        self._offset_us: int | None = None
        """The least delay between a stamp of the exchange and its arrival."""

    @property
    def has_been_heard(self) -> bool:
        """Whether any byte came."""
        return self._heard_us > 0

    def hear(self, at_us: int, data: bytes) -> None:
        """Take bytes of the exchange; BadFrame when they are not AMI."""
        if not self._has_sign_in and not self._heard_us:
            data = _from_first_block(data)
        self._heard_us = at_us
        for message in self._reader.feed(data):
            if message.event == "FullyBooted":
                uptime = message.get("Uptime")
                self._uptime_s = int(uptime) if uptime.isdecimal() else None
            elif message.event in EVIDENCE_EVENTS:
                self._learn_offset(message, at_us)
                self._has_events = self._has_events or message.event == "DialBegin"
                self._step(at_us, message, was_sent=False)
            elif reply := self._lists.get(message.get("ActionID")):
                self._hear_item(reply, message)
        self._playback.heard_us = self._exchange_us(at_us)

    def say(self, at_us: int, action: Message) -> None:
        """Take an action that was sent."""
        if action.event in _LISTS.values():
            reply = ListReply(action.event, action.get("Family"), after_events=self._has_events)
            self._lists[action.get("ActionID")] = reply
        else:
            self._step(at_us, action, was_sent=True)

    def end(self, *, is_closed: bool) -> None:
        """Nothing more comes; when it was closed, the link is lost."""
        if self._kept_back is not None:
            self._open(self._opening_replies())
        if is_closed:
            heard = from_epoch_us(self._exchange_us(self._heard_us or self._began_us))
            pbx = self._playback.translator.pbx
            self._playback.tell(LinkLost(pbx, heard, "the connection was closed"))

    def _hear_item(self, reply: ListReply, message: Message) -> None:
        if message.event in _LISTS:
            reply.items.append(message)
        elif message.event in _COMPLETE:
            reply.is_complete = True
            if reply.action == "DBGetTree" and reply.family in ("rtbill", DONE_FAMILY):
                self._snapshot_is_complete()

    def _snapshot_is_complete(self) -> None:
        """Done rows are read last. Without a Status before them it was no snapshot."""
        status = self._first("Status")
        if status is None:
            return
        replies = self._opening_replies()
        opens = self._has_sign_in or not status.after_events
        if self._kept_back is not None:
            self._open(replies if opens else None)
            opens = True
        if replies is not None and not opens:
            at = from_epoch_us(self._exchange_us(self._heard_us))
            snapshot, _ = build(self._playback.translator, replies, at, events_follow=False)
            self._playback.tell(snapshot)
        self._lists.clear()

    def _open(self, replies: Replies | None) -> None:
        """Tell of the connection, then all that was kept back."""
        translator = self._playback.translator
        began = from_epoch_us(self._exchange_us(self._began_us))
        nothing = Replies(None, (), None)
        snapshot, _ = build(translator, replies or nothing, began, events_follow=True)
        uptime_s = self._uptime_s
        started_at = None if uptime_s is None else began - timedelta(seconds=uptime_s)
        self._playback.tell(LinkRestored(translator.pbx, began, snapshot, started_at))
        kept_back, self._kept_back = self._kept_back or [], None
        for at_us, message, was_sent in kept_back:
            self._step(at_us, message, was_sent=was_sent)

    def _step(self, at_us: int, message: Message, *, was_sent: bool) -> None:
        translator = self._playback.translator
        if self._kept_back is not None:
            self._kept_back.append((at_us, message, was_sent))
        elif was_sent:
            _order(translator, message, self._exchange_us(at_us))
        elif event := translator.feed(message, self._exchange_us(at_us)):
            self._playback.tell(event)

    def _opening_replies(self) -> Replies | None:
        """What the exchange showed; None when it was not asked at the beginning."""
        status = self._first("Status")
        if status is None:
            shown = self._first("CoreShowChannels")
            status = shown if shown and not shown.after_events else None
        if status is None:
            return None
        live, done = self._first("DBGetTree", LIVE_FAMILY), self._first("DBGetTree", DONE_FAMILY)
        return Replies(live.items if live else None, status.items, done.items if done else None)

    def _first(self, action: str, family: str = "") -> ListReply | None:
        """The first complete reply to an action, for a family of the database one that holds it."""
        families = (family, family.partition("/")[0])
        replies = (one for one in self._lists.values() if one.is_complete)
        return next(
            (one for one in replies if one.action == action and one.family in families), None
        )

    def _exchange_us(self, ours_us: int) -> int:
        """The exchange's clock at an instant of the recording's."""
        return ours_us - (self._offset_us or 0)

    def _learn_offset(self, message: Message, at_us: int) -> None:
        stamp_us = timestamp_us(message)
        if stamp_us is not None:
            delay_us = at_us - stamp_us
            self._offset_us = (
                delay_us if self._offset_us is None else min(self._offset_us, delay_us)
            )


def replay_asterisk(path: Path, trunks: Sequence[str], pbx_name: str) -> list[dict[str, object]]:
    """One object per trunk leg, in the order they ended. BadRecord names file, line and remedy."""
    groups = (Trunk("trunk", tuple(trunks)),)
    if problems := matcher_problems(groups):
        raise BadRecord("; ".join(problems))
    playback = Playback(Translator(pbx_name, prefixes(groups)))
    _play(path, playback)
    records = playback.records + playback.tracker.close(from_epoch_us(playback.heard_us))
    legs: dict[str, CallRecord] = {}
    for record in records:
        # As in the books: a repetition changes nothing, but certainty replaces doubt.
        if legs.setdefault(record.id.leg, record).outcome is Outcome.UNCONFIRMED:
            legs[record.id.leg] = record
    return [_shown(record) for record in sorted(legs.values(), key=lambda one: one.ended_at)]


def _play(path: Path, playback: Playback) -> None:
    connection: Connection | None = None
    for entry in _entries(path):
        sent = actions(entry.data) if entry.direction == "tx" else []
        signs_in = any(action.event == "Login" for action in sent)
        # Whoever signs in anew has lost the line before.
        anew = signs_in and connection is not None and connection.has_been_heard
        if connection is not None and (anew or entry.direction == "close"):
            connection.end(is_closed=True)
            connection = None
        if entry.direction in ("rx", "tx"):
            if connection is None:
                has_sign_in = signs_in or entry.data.startswith(_BANNER)
                connection = Connection(playback, entry.at_us, has_sign_in=has_sign_in)
            _play_entry(path, entry, sent, connection)
    if connection is not None:
        connection.end(is_closed=False)


def _play_entry(path: Path, entry: Entry, sent: list[Message], connection: Connection) -> None:
    try:
        for action in sent:
            connection.say(entry.at_us, action)
        if entry.direction == "rx":
            connection.hear(entry.at_us, entry.data)
    except BadRecord as bad:
        raise BadRecord(
            f"{path}, line {entry.line}: not what an Asterisk says ({bad}); "
            "record again, or cut the file before this line"
        ) from None


def _order(translator: Translator, action: Message, at_us: int) -> None:
    """Note what was ordered, so that the end of a leg can be laid to it."""
    channel = action.get("Channel")
    if not channel:
        return
    if action.event == "Hangup":
        translator.order_hangup(channel, at_us)
    elif action.event == "AbsoluteTimeout":
        translator.order_timeout(channel, _deadline(at_us, action.get("Timeout")))
    elif action.event == "Setvar" and action.get("Variable") == "TIMEOUT(absolute)":
        translator.order_timeout(channel, _deadline(at_us, action.get("Value")))


def _deadline(at_us: int, seconds: str) -> int | None:
    """When a timer of so many seconds runs out; None for 0, which takes it away, or nonsense."""
    try:
        return at_us + round(float(seconds) * 1e6) if float(seconds) > 0 else None
    except (ValueError, OverflowError):
        return None


def _entries(path: Path) -> Iterator[Entry]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if text.strip():
                    yield _entry(path, number, text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecord(f"{path} cannot be read: {error}") from error


def _entry(path: Path, number: int, text: str) -> Entry:
    where = f"{path}, line {number}"
    try:
        row = json.loads(text)
    except ValueError as error:
        raise BadRecord(
            f"{where}: not a JSON object ({error}); each line must be one, "
            "as `rtbill capture` writes them"
        ) from None
    match row:
        case {
            "t": int() | float() as at,
            "dir": "rx" | "tx" | "close" | "note" as way,
            "raw": str(raw),
        }:
            try:
                return Entry(number, round(at * 1e6), way, raw.encode("utf-8", "surrogateescape"))
            except (UnicodeEncodeError, ValueError, OverflowError) as error:
                raise BadRecord(f"{where}: {error}; the line was damaged, take it out") from None
        case _:
            raise BadRecord(
                f'{where}: needs "t" (Unix seconds), "dir" (rx, tx, close or note) and '
                '"raw" (text), as `rtbill capture` writes them'
            )


def _from_first_block(data: bytes) -> bytes:
    """A recording that began in the middle of a connection, from its first whole message on."""
    if data.startswith((b"Event: ", b"Response: ", _BANNER)):
        return data
    return data.partition(b"\r\n\r\n")[2]


def _shown(record: CallRecord) -> dict[str, object]:
    is_live = record.outcome is Outcome.LIVE
    return {
        "leg": record.id.leg,
        "payer": record.payer,
        "dialled": record.dialled,
        "answered_at": _iso(record.answered_at),
        "ended_at": None if is_live else _iso(record.ended_at),
        "talk_s": record.talk_us / 1e6,
        "cause": record.cause,
        "state": record.outcome.value,
        "source": record.source.value,
        "cut_by": record.cut_by.value if record.cut_by else None,
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="microseconds")
