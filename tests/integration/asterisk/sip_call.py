"""One telephone's side of one SIP call: what it sends and how it takes what it gets. Tests only."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.integration.asterisk.sip_message import (
    SipMessage,
    address_of,
    session_description,
    user_of,
    without_tag,
    write,
    write_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.asterisk.sip_phone import SipAgent

WAIT_S = 10.0


class State(StrEnum):
    """Where a call stands."""

    CALLING = "calling"
    INCOMING = "incoming"
    RINGING = "ringing"
    UP = "up"
    ENDED = "ended"


@dataclass(slots=True, eq=False)
class Call:
    """One telephone's side of one call."""

    agent: SipAgent
    me: str
    """The user whose call this is."""
    call_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: State = State.CALLING
    status: int = 0
    """The last final SIP status of the INVITE, 0 before there is one."""
    reached: list[State] = field(default_factory=list)
    """Every state so far, in order."""
    invite: SipMessage | None = None
    """The INVITE of an incoming call."""
    transfer_status: int = 0
    """How our transfer ended, as a SIP status; 0 before it is known."""
    _local: str = ""
    _remote: str = ""
    _target: str = ""
    _local_tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _remote_tag: str = ""
    _sequence: int = 1
    _invite_sequence: int = 1
    _invite_branch: str = ""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, *states: State, timeout_s: float = WAIT_S) -> Call:
        """Return when one of the states is reached. Raises TimeoutError that names the call."""
        await self._until(lambda: self.state in states, f"not {states}", timeout_s)
        return self

    async def ended(self, timeout_s: float = WAIT_S) -> int:
        """Wait for the end and give back the last final status."""
        await self.wait(State.ENDED, timeout_s=timeout_s)
        return self.status

    async def transfer_outcome(self) -> int:
        """Wait for the end of our transfer and give back its SIP status."""
        await self._until(lambda: self.transfer_status != 0, "its transfer has no end", WAIT_S)
        return self.transfer_status

    async def _until(self, reached: Callable[[], bool], otherwise: str, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            said = f"{self.me} is {self.state} ({self.status}): {otherwise}"
            raise TimeoutError(said) from None

    # ---- the caller's side

    def dial(self, number: str, headers: tuple[str, ...]) -> Call:
        """Send the INVITE. The number goes into the address as it stands, also a bad one."""
        self._local = f'"{self.me}" <sip:{self.me}@{self.agent.ip}>'
        self._target = f"sip:{number}@{self.agent.server_host}"
        self._remote = f"<{self._target}>"
        self._enter(State.CALLING)
        self._invite_branch = self._request("INVITE", list(headers), self._description())
        return self

    def cancel(self) -> None:
        """Give up before the answer."""
        self._request("CANCEL", sequence=self._invite_sequence, branch=self._invite_branch)

    # ---- the called side

    def ring(self) -> None:
        if self.state is State.INCOMING:
            self._respond(180)

    def answer(self) -> None:
        if self.state is State.INCOMING:
            self._respond(200, body=self._description())
            self._enter(State.UP)

    def reject(self, status: int, headers: tuple[str, ...] = ()) -> None:
        if self.state is State.INCOMING:
            self._respond(status, list(headers))
            self._enter(State.ENDED, status)

    def forward(self, number: str, headers: tuple[str, ...] = ()) -> None:
        """Send the caller elsewhere with 302."""
        self.reject(302, (f"Contact: <sip:{number}@{self.agent.server_host}>", *headers))

    # ---- both sides, in conversation

    def hang_up(self) -> None:
        if self.state is State.UP:
            self._sequence += 1
            self._request("BYE")
            self._enter(State.ENDED)

    def hold(self, direction: str = "sendonly") -> None:
        """Put on hold, or take back with "sendrecv"."""
        self._sequence += 1
        self._invite_sequence = self._sequence
        self._request("INVITE", body=self._description(direction))

    def transfer(self, number: str) -> None:
        """Blind transfer of the other side to a number."""
        self._refer(f"sip:{number}@{self.agent.server_host}")

    def transfer_to(self, other: Call) -> None:
        """Attended transfer: join the other side with the other side of another call of ours."""
        replaces = f"{other.call_id}%3Bto-tag%3D{other._remote_tag}%3Bfrom-tag%3D{other._local_tag}"
        number = user_of(other._target) or other.me
        self._refer(f"sip:{number}@{self.agent.server_host}?Replaces={replaces}")

    # ---- what comes from the other side

    def received_invite(self, message: SipMessage) -> None:
        """Take an incoming call in."""
        self.invite = message
        self._remote_tag = message.tag("From")
        self._remote = without_tag(message.header("From"))
        self._local = without_tag(message.header("To"))
        self._target = address_of(message.header("Contact"))
        self._enter(State.INCOMING)
        self._respond(100)

    def received_request(self, message: SipMessage) -> None:
        """Answer a request inside the call."""
        if message.method == "INVITE":
            if message.tag("To"):
                mode = "recvonly" if "a=sendonly" in message.body else "sendrecv"
                self._respond(200, body=self._description(mode), request=message)
            return
        if message.method == "ACK":
            return
        self._respond(200, request=message)
        if message.method == "CANCEL" and self.state is State.INCOMING:
            self._respond(487)
            self._enter(State.ENDED, 487)
        elif message.method == "BYE":
            self._enter(State.ENDED)
        elif message.method == "NOTIFY":
            self._transfer_went(SipMessage(message.body).status)

    def received_response(self, message: SipMessage) -> None:
        """Go on after a response to one of our requests."""
        if message.method == "REFER" and message.status >= 300:
            self._transfer_went(message.status)
        if message.method != "INVITE":
            return
        if message.status < 200:
            if message.status >= 180 and self.state is State.CALLING:
                self._remote_tag = message.tag("To") or self._remote_tag
                self._enter(State.RINGING)
        elif message.status < 300:
            self._remote_tag = message.tag("To")
            self._target = address_of(message.header("Contact")) or self._target
            self._request("ACK", sequence=message.sequence)
            if self.state in (State.CALLING, State.RINGING):
                self._enter(State.UP, message.status)
        else:
            self._refused(message)

    def _transfer_went(self, status: int) -> None:
        """Note how a transfer goes; a telephone hangs up when it has gone well."""
        if status < 200:
            return
        self.transfer_status = status
        self._changed.set()
        if status < 300:
            self.hang_up()

    def _refused(self, message: SipMessage) -> None:
        kept, self._remote_tag = self._remote_tag, message.tag("To")
        self._request("ACK", sequence=message.sequence, branch=self._invite_branch)
        self._remote_tag = kept
        if self.state is not State.UP:
            self._enter(State.ENDED, message.status)

    # ---- writing

    def _enter(self, state: State, status: int = 0) -> None:
        self.state = state
        self.status = status or self.status
        self.reached.append(state)
        self._changed.set()

    def _description(self, direction: str = "sendrecv") -> str:
        agent = self.agent
        return session_description(agent.ip, self._sequence, direction, agent.sound_port)

    @property
    def _contact(self) -> str:
        return f"Contact: <sip:{self.me}@{self.agent.ip}:{self.agent.port}>"

    def _refer(self, target: str) -> None:
        self._sequence += 1
        self._request("REFER", [f"Refer-To: <{target}>", f"Referred-By: {self._local}"])

    def _request(
        self,
        method: str,
        headers: list[str] | None = None,
        body: str = "",
        *,
        sequence: int | None = None,
        branch: str | None = None,
    ) -> str:
        """Send one request and give back its branch."""
        branch = branch or f"z9hG4bK{uuid.uuid4().hex[:12]}"
        to = f"{self._remote};tag={self._remote_tag}" if self._remote_tag else self._remote
        lines = [
            f"Via: SIP/2.0/UDP {self.agent.ip}:{self.agent.port};rport;branch={branch}",
            "Max-Forwards: 70",
            f"From: {self._local};tag={self._local_tag}",
            f"To: {without_tag(to) if method == 'CANCEL' else to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence or self._sequence} {method}",
            self._contact,
            *(headers or []),
        ]
        self.agent.send(write(f"{method} {self._target} SIP/2.0", lines, body))
        return branch

    def _respond(
        self,
        status: int,
        headers: list[str] | None = None,
        body: str = "",
        request: SipMessage | None = None,
    ) -> None:
        request = request or self.invite
        assert request is not None
        more = list(headers or [])
        if not 300 <= status < 400:
            more.append(self._contact)
        self.agent.send(write_response(request, status, self._local_tag, more, body))
