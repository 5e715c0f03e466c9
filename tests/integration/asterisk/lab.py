"""A server with its telephones, its carrier and an observer: what a test of calls needs."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.asterisk.ami_probe import AmiProbe, Message
from tests.integration.asterisk.generated import Generated
from tests.integration.asterisk.server import CARRIER_IP, PHONE_IP, AsteriskServer
from tests.integration.asterisk.sip_phone import SipAgent, answering

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

TRUNK = "PJSIP/carrier-"
QUIET_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Record:
    """A row of rtbill/live or rtbill/done."""

    payer: str
    number: str
    answered: float
    origin: str
    ended: float | None = None

    @classmethod
    def parse(cls, row: str) -> Record:
        payer, number, answered, *ended, origin = row.split(",")
        return cls(payer, number, float(answered), origin, *map(float, ended))


@dataclass(frozen=True, slots=True)
class Lab:
    """Everything is at rest when a test gets it, and rtbill's sign of life is fresh."""

    server: AsteriskServer
    phones: SipAgent
    """Telephones 1001 to 1050; they answer at once unless a test gives them a policy."""
    carrier: SipAgent
    """The outside; it answers at once unless a test gives it a policy."""
    ami: AmiProbe

    async def trunk_leg(self, number: str) -> Message:
        """The DialBegin of the trunk leg that was called with this number."""
        return await self.ami.event(
            "DialBegin",
            lambda event: (
                event["DestChannel"].startswith(TRUNK)
                and event["DialString"].partition("@")[0] == number
            ),
        )

    async def payer_of(self, number: str) -> str | None:
        """Who pays the trunk leg that was called with this number."""
        return variables(await self.trunk_leg(number), "DestChanVariable").get("RTB_PAYER")

    async def origin_of(self, number: str) -> str:
        """Where the call came from, as the trunk leg says that was called with this number."""
        return variables(await self.trunk_leg(number), "DestChanVariable").get("RTB_ORIGIN", "")

    async def talking(self, channel: str) -> None:
        """Wait until a channel, named by how its name starts, is in a bridge with another one.

        A telephone knows of the answer a moment earlier, and a transfer sent in that moment fails.
        """

        def joins(event: Message) -> bool:
            same = {"BridgeUniqueid": event["BridgeUniqueid"]}.items()
            inside = self.ami.seen("BridgeEnter", lambda other: same <= other.items())
            return event["BridgeNumChannels"] == "2" and any(
                each["Channel"].startswith(channel) for each in inside
            )

        await self.ami.event("BridgeEnter", joins)

    @property
    def trunk_legs(self) -> list[Message]:
        """All trunk legs dialled so far."""
        begun = self.ami.seen("DialBegin")
        return [each for each in begun if each["DestChannel"].startswith(TRUNK)]

    async def live(self, unique_id: str) -> Record:
        return Record.parse(await self._row("rtbill/live", unique_id))

    async def done(self, unique_id: str) -> Record:
        """The outbox row of a leg, once the leg has ended."""
        await self.hangup_of(unique_id)
        return Record.parse(await self._row("rtbill/done", unique_id))

    async def hangup_of(self, unique_id: str) -> Message:
        """The Hangup event of a channel."""
        return await self.ami.event("Hangup", lambda event: event["Uniqueid"] == unique_id)

    async def rows(self, family: str) -> list[Message]:
        return await self.ami.listing("DBGetTree", "DBGetTreeComplete", Family=family)

    async def epoch(self) -> int:
        """Now, by Asterisk's clock."""
        return int((await self.ami.action("Getvar", Variable="EPOCH"))["Value"])

    async def regenerate(self, generated: Generated) -> None:
        """Have rtbill write its dialplan anew, and return when that is loaded."""
        files = self.server.write_generated(generated)
        (stamp,) = re.findall(r"exten => (files-[0-9a-f]{12}),", files["extensions_rtbill.conf"])
        async with asyncio.timeout(QUIET_TIMEOUT_S):
            await self.ami.action("Reload", Module="pbx_config")
            await until_true(lambda: self._knows(f"rtbill-stamp,{stamp},1"))

    async def _knows(self, place: str) -> bool:
        reply = await self.ami.action("Getvar", Variable=f"DIALPLAN_EXISTS({place})")
        return reply.get("Value") == "1"

    async def reset(self) -> None:
        """End every call, empty rtbill's part of the database, and give a fresh sign of life."""
        async with asyncio.timeout(QUIET_TIMEOUT_S):
            while left := await self.ami.listing("CoreShowChannels", "CoreShowChannelsComplete"):
                await self.ami.action("Hangup", Channel="/^.*$/")
                for channel in left:
                    await self.hangup_of(channel["Uniqueid"])
        await self.ami.delete_family("rtbill")
        await self.ami.put("rtbill", "alive", str(await self.epoch()))
        if self.server.generated != Generated() and self.server.generated.flavour == "plain":
            await self.regenerate(Generated())
        self.ami.events.clear()

    async def _row(self, family: str, key: str) -> str:
        row = await self.ami.get(family, key)
        assert row is not None, f"no {family}/{key}"
        return row


async def until_true(ask: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as the exchange says yes; the caller sets the deadline."""
    while not await ask():  # noqa: ASYNC110 - the exchange has no event for this
        await asyncio.sleep(0.02)


def variables(event: Message, header: str = "ChanVariable") -> dict[str, str]:
    """The channel variables an event carries."""
    lines = event.get(header, "").splitlines()
    return dict(line.split("=", 1) for line in lines)


@asynccontextmanager
async def open_lab(server: AsteriskServer) -> AsyncIterator[Lab]:
    """Connect telephones, carrier and observer to a running server and bring it to rest."""
    address = (PHONE_IP, server.ports.sip)
    async with AsyncExitStack() as stack:
        phones = SipAgent(PHONE_IP, server.ports.phone, address)
        carrier = SipAgent(CARRIER_IP, server.ports.carrier, address)
        phones.policies["*"] = carrier.policies["*"] = answering()
        await stack.enter_async_context(phones)
        await stack.enter_async_context(carrier)
        ami = await stack.enter_async_context(AmiProbe(server.ports.ami, server.secret))
        lab = Lab(server, phones, carrier, ami)
        await lab.reset()
        yield lab
