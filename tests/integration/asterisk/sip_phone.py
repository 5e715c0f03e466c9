"""SIP telephones for tests, and the carrier they call: UDP, loopback, no sound.

One SipAgent is one socket with many users behind it. A policy says what a user does with an
incoming call; without one it rings and nobody comes. Nothing here is a task: replies are sent from
the socket's callback, delays are timers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from tests.integration.asterisk.sip_call import WAIT_S, Call
from tests.integration.asterisk.sip_message import DISCARD_PORT, SipMessage, write_response

if TYPE_CHECKING:
    from types import TracebackType

Policy = Callable[[Call], None]


class SipAgent(asyncio.DatagramProtocol):
    """A socket with telephones behind it; `async with` opens and closes it."""

    def __init__(self, ip: str, port: int, server: tuple[str, int]) -> None:
        self.ip = ip
        self.port = port
        self.server = server
        self.sound_port = DISCARD_PORT
        """Where all its telephones ask for what the other side says."""
        self.policies: dict[str, Policy] = {}
        """What a user does with an incoming call; "*" is for those not named."""
        self.incoming: list[Call] = []
        self._calls: dict[str, Call] = {}
        self._timers: list[asyncio.TimerHandle] = []
        self._arrived = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def server_host(self) -> str:
        return f"{self.server[0]}:{self.server[1]}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        address = (self.ip, self.port)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=address)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._transport:
            self._transport.close()
        await asyncio.sleep(0)  # the transport closes its socket in the next turn of the loop

    def call(self, me: str, number: str, headers: tuple[str, ...] = ()) -> Call:
        """Let a user dial a number."""
        call = Call(self, me)
        self._calls[call.call_id] = call
        return call.dial(number, headers)

    async def next_incoming(self, user: str = "", timeout_s: float = WAIT_S) -> Call:
        """Wait for a call that nobody has taken from here yet, for one user or for any."""
        async with asyncio.timeout(timeout_s):
            while True:
                for call in self.incoming:
                    if not user or call.me == user:
                        self.incoming.remove(call)
                        return call
                self._arrived.clear()
                await self._arrived.wait()

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Do something later, unless the agent is closed by then."""
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, act))

    def send(self, message: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(message, self.server)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002  (asyncio's signature)
        message = SipMessage(data.decode(errors="replace"))
        call = self._calls.get(message.header("Call-ID"))
        if message.is_response:
            if call:
                call.received_response(message)
        elif call:
            call.received_request(message)
        elif message.method == "INVITE":
            self._take(message)
        elif message.method != "ACK":
            status = 200 if message.method == "OPTIONS" else 481
            self.send(write_response(message, status, "none", [], ""))

    def _take(self, message: SipMessage) -> None:
        call = Call(self, message.uri_user, message.header("Call-ID"))
        self._calls[call.call_id] = call
        self.incoming.append(call)
        call.received_invite(message)
        policy = self.policies.get(call.me) or self.policies.get("*") or ringing()
        policy(call)
        self._arrived.set()


def answering(after_s: float = 0.05) -> Policy:
    """Ring, then answer."""

    def policy(call: Call) -> None:
        call.ring()
        call.agent.after(after_s, call.answer)

    return policy


def ringing() -> Policy:
    """Ring until the caller gives up."""
    return Call.ring


def rejecting(status: int) -> Policy:
    """Ring for a moment, then refuse."""

    def policy(call: Call) -> None:
        call.ring()
        call.agent.after(0.02, lambda: call.reject(status))

    return policy


def forwarding(number: str, headers: tuple[str, ...] = ()) -> Policy:
    """Forward to a number at once."""

    def policy(call: Call) -> None:
        call.forward(number, headers)

    return policy
