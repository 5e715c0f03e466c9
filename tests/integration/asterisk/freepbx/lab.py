"""A FreePBX with its telephones, two carriers and an observer."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.freepbx.exchange import FreePbx
from tests.integration.asterisk.lab import Lab
from tests.integration.asterisk.server import BACKUP_IP, CARRIER_IP, OLD_CARRIER_IP, PHONE_IP
from tests.integration.asterisk.sip_phone import SipAgent, answering

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.asterisk.ami_probe import Message
    from tests.integration.asterisk.server import AsteriskServer


@dataclass(frozen=True, slots=True)
class FreePbxLab(Lab):
    """A Lab whose dialplan is FreePBX's, with a second carrier; at rest when a test gets it."""

    backup: SipAgent
    """Behind the second PJSIP trunk; it answers at once unless a test gives it a policy."""
    old_carrier: SipAgent
    """Behind the chan_sip trunk, which only 16 has."""
    freepbx: FreePbx

    async def user_event(self, name: str) -> Message:
        """The first UserEvent of a name."""
        return await self.ami.event("UserEvent", lambda event: event["UserEvent"] == name)

    async def running(self, application: str) -> str:
        """What the only channel in this application was given, such as Dial's options.

        Newexten would not do: with `channelvars` set, Asterisk 16 tells some of them a step late.
        """
        shown = await self.ami.listing("CoreShowChannels", "CoreShowChannelsComplete")
        [given] = [each["ApplicationData"] for each in shown if each["Application"] == application]
        return given


@asynccontextmanager
async def open_freepbx(server: AsteriskServer) -> AsyncIterator[FreePbxLab]:
    """Connect telephones, carriers and observer to a running FreePBX and bring it to rest."""
    address = (PHONE_IP, server.ports.sip)
    async with AsyncExitStack() as stack:
        phones = SipAgent(PHONE_IP, server.ports.phone, address)
        carrier = SipAgent(CARRIER_IP, server.ports.carrier, address)
        backup = SipAgent(BACKUP_IP, server.ports.backup, address)
        old = SipAgent(OLD_CARRIER_IP, server.ports.old_carrier, (PHONE_IP, server.ports.old_sip))
        for agent in (phones, carrier, backup, old):
            agent.policies["*"] = answering()
            await stack.enter_async_context(agent)
        ami = await stack.enter_async_context(AmiProbe(server.ports.ami, server.secret, "admin"))
        lab = FreePbxLab(server, phones, carrier, ami, backup, old, FreePbx(server, ami))
        await lab.reset()
        await lab.freepbx.reset()
        lab.ami.events.clear()
        yield lab
