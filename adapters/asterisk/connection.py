"""One AMI session: sign-in, rights, filters, snapshots, signs of life.

Order of a session: Login, FullyBooted (seconds later when the exchange is still starting), own
rights, event filters, snapshot, LinkRestored. Events heard before LinkRestored are kept back and
follow it. Afterwards a snapshot every minute finds what an event stream can lose, and the dead-man
key tells the dialplan that rtbill is there.
"""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta

from adapters.asterisk.clock_offset import ClockOffset
from adapters.asterisk.filters import event_filters, has_advanced_filters
from adapters.asterisk.rights import missing_right, rights_problems
from adapters.asterisk.settings import AsteriskSettings, prefixes
from adapters.asterisk.snapshot import DONE_FAMILY, LIVE_FAMILY, STATUS_VARIABLES, Replies, build
from adapters.asterisk.translate import LEG_EVENTS, Translator, timestamp_us
from adapters.asterisk.wire import Message, Reader, encode, header_key, mask
from adapters.event_buffer import EventBuffer
from adapters.line import Line
from adapters.link import SignInRefused
from rtbill.domain.call import epoch_us
from rtbill.domain.errors import OutcomeUnknown, PortFailed, Unavailable
from rtbill.domain.events import LinkRestored, LinkTrouble, Snapshot
from rtbill.ports import Clock

Headers = tuple[tuple[str, str], ...]

_LIST_EVENTS = frozenset(
    {
        "Status",
        "StatusComplete",
        "DBGetTreeResponse",
        "DBGetTreeComplete",
        "DBGetResponse",
        "DBGetComplete",
    }
)
_WANTED = LEG_EVENTS | _LIST_EVENTS | {"FullyBooted"}
_ACTION_ID = header_key("ActionID")
_BELIEVE_EMPTY_BELOW = 3
_SNAPSHOT_TRIES = 3


def wanted_events() -> frozenset[str]:
    """Events that a session reads; all others are skipped unread."""
    return _WANTED


class ActionFailed(Unavailable):
    """The exchange answered an action with an error; `denied` when for lack of rights."""

    def __init__(self, action: str, text: str) -> None:
        super().__init__(f"{action}: {text}")
        self.text = text
        self.denied = "permission denied" in text.lower()


class Session:
    """The Conversation with an Asterisk; one object serves any number of lines."""

    def __init__(self, settings: AsteriskSettings, clock: Clock, buffer: EventBuffer) -> None:
        self.settings = settings
        self.translator = Translator(settings.name, prefixes(settings.trunks))
        self.vanished: set[str] = set()
        """Legs whose live rows the exchange left behind; they go when the call is acknowledged."""
        self._clock = clock
        self._buffer = buffer
        self._offset = ClockOffset()
        self._reader = Reader(_WANTED)
        self._booted: asyncio.Future[Message] | None = None
        self._collected: dict[str, list[Message]] = {}
        self._next_id = 0
        self._last_live = 0
        self._missing: set[str] = set()
        self._told: set[str] = set()

    # Conversation

    def wire(self) -> Reader:
        """A reader for a new connection."""
        self._reader = Reader(_WANTED)
        return self._reader

    def mask(self, data: bytes) -> bytes:
        """What we send, with the secret starred out."""
        return mask(data)

    def exchange_time(self, ours: datetime) -> datetime:
        """The exchange's clock at an instant of ours."""
        return ours - timedelta(seconds=self._offset.seconds)

    def hear(self, line: Line[Message], message: Message) -> None:
        """Take one message of the exchange."""
        event = message.event
        if event in LEG_EVENTS:
            arrived_us = epoch_us(line.heard_at)
            if event == "DialBegin":
                self._learn_offset(message, arrived_us)
            told = self.translator.feed(message, arrived_us)
            if told is not None:
                self._buffer.offer(told)
        elif event == "FullyBooted":
            if self._booted is not None and not self._booted.done():
                self._booted.set_result(message)
        else:
            self._hear_reply(line, message)

    def latest_exchange_time(self, ours: datetime) -> datetime:
        """The latest that the exchange's clock may show at an instant of ours: as `exchange_time`,
        but for a delay that may have been on the way back.
        """
        return ours - timedelta(seconds=self._offset.seconds_least)

    async def sign_in(self, line: Line[Message]) -> None:
        """Up to and including LinkRestored."""
        self._buffer.hold()
        self._collected.clear()
        self._told.clear()
        self._missing = set(self.translator.legs)  # until the first snapshot shows them
        self._booted = asyncio.get_running_loop().create_future()
        await self.wait_greeting(line, self._reader)
        await self._log_in(line)
        booted = await self._wait_booted()
        await self.ping(line)
        now = self.exchange_time(self._clock.now())
        uptime = booted.get("Uptime")
        started_at = now - timedelta(seconds=int(uptime)) if uptime.isdecimal() else None
        await self._check_rights(line)
        await self._set_filters(line)
        snapshot = await self._believable_snapshot(line, opening=True)
        self._buffer.release(LinkRestored(self.settings.name, snapshot.at, snapshot, started_at))

    async def attend(self, line: Line[Message]) -> None:
        """Snapshots and the dead-man key, while the line holds."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_alive(line), name=f"{self.settings.name} alive")
            group.create_task(self._keep_looking(line), name=f"{self.settings.name} snapshots")

    async def ping(self, line: Line[Message]) -> None:
        """Wait for a pong, and set our idea of the exchange's clock by it."""
        asked_us = epoch_us(self._clock.now())
        pong = await self._ask(line, "Ping")
        self._learn_offset(pong, epoch_us(line.heard_at), asked_us)

    # Actions

    async def act(self, line: Line[Message], action: str, headers: Headers = ()) -> Message:
        """Send an action and give its successful response. ActionFailed: refused; OutcomeUnknown:
        no answer.
        """
        response = await self._ask(line, action, headers)
        if response.result not in ("Success", "Goodbye"):
            raise self._failed(action, response)
        return response

    async def list_items(
        self, line: Line[Message], action: str, headers: Headers = ()
    ) -> list[Message]:
        """Send an action that answers with a list, and give its items. Raises as `act`."""
        action_id = self._new_id()
        self._collected[action_id] = items = list[Message]()
        timeout_s = self.settings.list_timeout_s
        try:
            data = encode(action, (("ActionID", action_id), *headers))
            last = await line.ask(action_id, data, timeout_s)
        finally:
            self._collected.pop(action_id, None)
        if last.result == "Error":
            raise self._failed(action, last)
        return items

    async def tree(self, line: Line[Message], family: str, key: str = "") -> list[Message]:
        """The rows under a family of the exchange's database, or the row of one key and what is
        under it; none when there is no such family or key.
        """
        where: Headers = (("Family", family), ("Key", key)) if key else (("Family", family),)
        try:
            return await self.list_items(line, "DBGetTree", where)
        except ActionFailed as failed:
            if "not found" in failed.text.lower():
                return []
            raise

    def trouble(self, kind: str, text: str) -> None:
        """Tell the operator, once a session."""
        if text not in self._told:
            self._told.add(text)
            at = self.exchange_time(self._clock.now())
            self._buffer.report(LinkTrouble(self.settings.name, at, kind, text))

    def _failed(self, action: str, response: Message) -> ActionFailed:
        failed = ActionFailed(action, response.get("Message") or response.result)
        if failed.denied:
            self.trouble("rights", missing_right(self.settings.user, [action]))
        return failed

    def _ask(
        self, line: Line[Message], action: str, headers: Headers = ()
    ) -> asyncio.Future[Message]:
        action_id = self._new_id()
        return line.ask(action_id, encode(action, (("ActionID", action_id), *headers)))

    def _new_id(self) -> str:
        self._next_id += 1
        return f"rtb{self._next_id}"

    def _hear_reply(self, line: Line[Message], message: Message) -> None:
        action_id = message.find(_ACTION_ID)
        if action_id is None:
            return
        items = self._collected.get(action_id)
        if items is None or message.result == "Error" or message.get("EventList") == "Complete":
            line.answer(action_id, message)
        elif message.event:
            items.append(message)
            if len(items) % 100 == 0:
                line.extend(action_id, self.settings.list_timeout_s)
        elif message.get("EventList") != "start":
            line.answer(action_id, message)  # a list action that has no list to give

    def _learn_offset(self, message: Message, arrived_us: int, asked_us: int | None = None) -> None:
        stamp_us = timestamp_us(message)
        if stamp_us is None:
            return
        least_s = -math.inf if asked_us is None else (asked_us - stamp_us) / 1e6
        self._offset.learn((arrived_us - stamp_us) / 1e6, self._clock.monotonic(), least_s)

    # Sign-in

    async def wait_greeting(self, line: Line[Message], reader: Reader) -> None:
        """Let the exchange speak first: what is no AMI, or waits for TLS, never sees the secret.
        SignInRefused when it says nothing in time, or something else.
        """
        settings = self.settings
        where = f"{settings.name} at {settings.host}:{settings.port}"
        try:
            async with asyncio.timeout(settings.link.action_timeout_s):
                while reader.is_opening:
                    line.heard.clear()
                    await line.heard.wait()
        except TimeoutError:
            waits = "that is how a TLS port waits: add [pbx.tls], or give the plain port (5038)"
            remedy = waits if settings.tls is None else "look at the exchange"
            raise SignInRefused(
                "unreachable",
                f"{where} takes the connection and sends no AMI greeting; {remedy}",
                slow=False,
            ) from None
        if reader.banner is None:
            text = f"{where} sends something else than an AMI greeting; check the port"
            raise SignInRefused("frame", text, slow=False)

    async def _log_in(self, line: Line[Message]) -> None:
        settings = self.settings
        headers = (("Username", settings.user), ("Secret", settings.secret), ("Events", "on"))
        response = await self._ask(line, "Login", headers)
        if response.result != "Success":
            raise SignInRefused(
                "login",
                f"{settings.name} refused the AMI user {settings.user} "
                f"({response.get('Message')}): set the same secret in manager.conf and in rtbill, "
                "and permit this host's address",
            )

    async def _wait_booted(self) -> Message:
        assert self._booted is not None
        seconds = self.settings.booted_timeout_s
        try:
            async with asyncio.timeout(seconds):
                return await self._booted
        except TimeoutError:
            raise SignInRefused(
                "login",
                f"{self.settings.name} did not report FullyBooted within {seconds:g} s: the AMI "
                f"user {self.settings.user} needs read=call,user,system in manager.conf, "
                "or the exchange never finished starting",
            ) from None

    async def _check_rights(self, line: Line[Message]) -> None:
        """Compare what we may do with what we need, as far as the exchange lists it."""
        response = await self._ask(line, "ListCommands")
        for sentence in rights_problems(
            self.settings.user, {name for name, _ in response.headers()}
        ):
            self.trouble("rights", sentence)

    async def _set_filters(self, line: Line[Message]) -> None:
        """Have the exchange send only what concerns us; without it all still works, at a higher
        price.
        """
        matchers = prefixes(self.settings.trunks)
        version = (await self._ask(line, "CoreSettings")).get("AsteriskVersion")
        forms = [True, False] if has_advanced_filters(version) else [False]
        for advanced in forms:
            try:
                for headers in event_filters(matchers, advanced=advanced):
                    await self.act(line, "Filter", headers)
            except ActionFailed as failed:
                if advanced:
                    continue
                self.trouble(
                    "rights", f"{self.settings.name} refused an event filter: {failed.text}"
                )
            return

    # Snapshots

    async def _believable_snapshot(self, line: Line[Message], *, opening: bool) -> Snapshot:
        """A snapshot; one that is suddenly empty, or fails, is asked for twice more before it is
        believed (CC-65).
        """
        tries = 0
        while True:
            tries += 1
            try:
                snapshot = await self._snapshot(line, opening=opening)
            except (ActionFailed, OutcomeUnknown):
                if tries == _SNAPSHOT_TRIES or line.reason is not None:
                    raise
                continue
            if snapshot.live or self._last_live < _BELIEVE_EMPTY_BELOW or tries == _SNAPSHOT_TRIES:
                self._last_live = len(snapshot.live)
                self._forget_missing({leg.id.leg for leg in snapshot.live})
                return snapshot

    async def _snapshot(self, line: Line[Message], *, opening: bool) -> Snapshot:
        live_rows = await self._tree_or_none(line, LIVE_FAMILY)
        variables = (("Variables", STATUS_VARIABLES), ("AllVariables", "false"))
        channels = await self.list_items(line, "Status", variables)
        done_rows = await self._tree_or_none(line, DONE_FAMILY)
        at, made_s = self.exchange_time(self._clock.now()), self._clock.monotonic()
        replies = Replies(live_rows, channels, done_rows)
        snapshot, bad_rows = build(
            self.translator, replies, at, events_follow=opening, made_s=made_s
        )
        for row in bad_rows:
            self.trouble("frame", f"a row of {self.settings.name}'s outbox cannot be read: {row}")
        self.vanished = {leg.id.leg for leg in snapshot.vanished}
        return snapshot

    async def _tree_or_none(self, line: Line[Message], family: str) -> list[Message] | None:
        try:
            return await self.tree(line, family)
        except ActionFailed as failed:
            if failed.denied:
                return None
            raise

    def _forget_missing(self, shown: set[str]) -> None:
        """Drop legs that two snapshots in a row do not show; the end of one may still be on its
        way. Of those from before the link was lost the first decides: where the exchange was
        restarted, their channel names are given to other calls.
        """
        missing = self.translator.legs.keys() - shown
        for leg_id in missing & self._missing:
            del self.translator.legs[leg_id]
        self._missing = missing - self._missing

    # Regular work

    async def _keep_looking(self, line: Line[Message]) -> None:
        while True:
            await self._clock.sleep(self.settings.snapshot_every_s)
            try:
                self._buffer.offer(await self._believable_snapshot(line, opening=False))
            except PortFailed as failed:
                if line.reason is not None:
                    raise
                if line.is_reading:
                    self.trouble(
                        "snapshot", f"{self.settings.name} does not show its channels: {failed}"
                    )
            if self.translator.lacks_timestamps:
                self.trouble(
                    "settings",
                    f"{self.settings.name} sends events without Timestamp, so talk times include "
                    "network delays: set timestampevents = yes under [general] in manager.conf",
                )

    async def _keep_alive(self, line: Line[Message]) -> None:
        while True:
            epoch = int(self.exchange_time(self._clock.now()).timestamp())
            headers = (("Family", "rtbill"), ("Key", "alive"), ("Val", str(epoch)))
            try:
                await self.act(line, "DBPut", headers)
            except PortFailed as failed:
                if line.reason is not None:
                    raise
                if isinstance(failed, ActionFailed) and not failed.denied:
                    self.trouble(
                        "alive", f"{self.settings.name} does not take our sign of life: {failed}"
                    )
            await self._clock.sleep(self.settings.alive_every_s)
