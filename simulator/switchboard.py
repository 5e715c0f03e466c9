"""Channels, AstDB, names and timers of the exchange: everything below the dialplan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from simulator import announcements
from simulator.calls import SimulatedCall
from simulator.channel import CHANNEL_VARIABLES, Channel, ChannelState, Headers, Message, event
from simulator.clock import US
from simulator.database import AstDatabase
from simulator.identifiers import Identifiers
from simulator.trunks import Trunk


class Switchboard:
    """What stands between the dialplan and the wire."""

    def __init__(
        self,
        now_us: Callable[[], int],
        *,
        extensions: Mapping[str, str] | Iterable[str] = ("1001", "1002"),
        trunks: Sequence[Trunk] = (Trunk(),),
        version: int = 22,
        outside_prefix: str = "",
    ) -> None:
        if version not in (16, 22):
            raise ValueError(f"Asterisk {version} is not simulated: choose 16 or 22")
        if isinstance(extensions, Mapping):
            self.extensions = dict(extensions)
        else:
            self.extensions = {extension: f"Ext {extension}" for extension in extensions}
        self.trunks = {trunk.name: trunk for trunk in trunks}
        self.version = version
        self.outside_prefix = outside_prefix
        self.database = AstDatabase()
        self.identifiers = Identifiers()
        self.channels: dict[str, Channel] = {}
        self.calls: dict[int, SimulatedCall] = {}
        """Calls that are not over, by their number here."""
        self.globals: dict[str, str] = {}
        self.calls_processed = 0
        self.on_event: Callable[[Message], None] = lambda _message: None
        self.on_timer_change: Callable[[], None] = lambda: None
        self._now_us = now_us
        self._last_us = 0
        self._call_count = 0
        self.booted_us = now_us()

    # -- time and messages

    def tick(self) -> int:
        """The present instant, a little later on each call: no two events carry one timestamp."""
        self._last_us = max(self._now_us(), self._last_us + 7)
        return self._last_us

    def emit(self, name: str, privilege: str, *parts: Headers) -> None:
        """Tell everyone who listens."""
        headers = [header for part in parts for header in part]
        self.on_event(event(name, privilege, self.tick(), headers))

    def uptime_s(self) -> int:
        """Whole seconds since start or restart."""
        return max(0, (self._now_us() - self.booted_us) // US)

    # -- channels

    def call_of(self, channel: Channel) -> SimulatedCall | None:
        """The call a channel takes part in."""
        for call in self.calls.values():
            if channel is call.a or channel is call.b:
                return call
        return None

    def drop(self, channel: Channel, cause: int) -> None:
        """Hang one channel up without its call, for transfers."""
        self._drop(channel, cause, None)

    def _drop(self, channel: Channel, cause: int, tech_cause: int | None) -> None:
        variables = channel.variables
        if "RTB_PAYER" in variables:
            announcements.hangup_handler(self, "HangupHandlerRun", channel)
        if variables.get("RTB_ANSWERED"):
            ended = seconds_ms(self.tick())
            row = ",".join((*(variables.get(name, "") for name in CHANNEL_VARIABLES), ended))
            self.database.put("rtbill/done", channel.uniqueid, row)
            self.database.delete("rtbill/live", channel.uniqueid)
        announcements.hangup(self, channel, cause, tech_cause)
        self.channels.pop(channel.name, None)
        announcements.device_state(self, channel.device, "NOT_INUSE")

    def set_timeout(self, channel: Channel, seconds: float) -> None:
        """Cut the channel after that many seconds from now.

        A new value replaces the old one, 0 takes it away.
        """
        channel.timeout_at_us = self._now_us() + round(seconds * US) if seconds else None
        self.on_timer_change()

    def next_timeout_us(self) -> int | None:
        """When the next channel is due to be cut."""
        return min(
            (c.timeout_at_us for c in self.channels.values() if c.timeout_at_us), default=None
        )

    def _new_phone_channel(self, extension: str, state: ChannelState, exten: str) -> Channel:
        channel = self._new_channel(
            f"PJSIP/{extension}-{self.identifiers.next_channel():08x}",
            f"PJSIP/{extension}",
            state,
            account=extension,
            context="from-phones",
            exten=exten,
        )
        channel.extension = extension
        channel.number, channel.caller_name = extension, self.extensions[extension]
        announcements.new_channel(self, channel)
        return channel

    def _new_channel(  # noqa: PLR0913 -- the columns of a channel, all named at the call
        self,
        name: str,
        device: str,
        state: ChannelState,
        *,
        account: str,
        context: str,
        exten: str,
        linkedid: str | None = None,
    ) -> Channel:
        created_us = self.tick()
        uniqueid = self.identifiers.next_uniqueid(created_us // US)
        channel = Channel(
            name=name,
            device=device,
            uniqueid=uniqueid,
            linkedid=linkedid or uniqueid,
            created_us=created_us,
            state=state,
            account_code=account,
            context=context,
            exten=exten,
        )
        self.channels[name] = channel
        return channel


def seconds_ms(instant_us: int) -> str:
    """As the dialplan's STRFTIME(,,%s.%3q)."""
    return f"{instant_us // US}.{instant_us % US // 1000:03d}"
