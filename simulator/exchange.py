"""The exchange without any input or output: calls go in, messages come out.

It does what Asterisk does with the dialplan of a billed site: the payer and the number stand on the
trunk leg before it is dialled, `rtbill/live/<Uniqueid>` is written at answer and
`rtbill/done/<Uniqueid>` at hang-up, `rtbill/lock/<extension>` refuses outside calls but neither
emergency nor internal ones, `rtbill/divert/<extension>` sends incoming calls to voicemail. What the
dialplan does at which moment stands here; the wording of events is in `announcements`.
"""

from __future__ import annotations

from simulator import announcements
from simulator.calls import FAILURES, CallKind, CallState, SimulatedCall
from simulator.channel import Channel, ChannelState
from simulator.clock import US
from simulator.switchboard import Switchboard, seconds_ms
from simulator.trunks import Trunk

EMERGENCY_NUMBERS = ("112", "110", "911")
DIALLABLE = frozenset("0123456789*#+")


class Exchange(Switchboard):
    """The dialplan of one simulated Asterisk, and what people do to its calls."""

    # -- calls

    def start_call(self, caller: str, called: str, *, trunk: str | None = None) -> SimulatedCall:
        """An extension dials: an emergency number, an extension or an outside number."""
        if caller not in self.extensions:
            raise ValueError(f"extension {caller!r} is not known to the exchange")
        kind = self.kind_of(called)
        exten = (self.outside_prefix if kind is CallKind.OUT else "") + called
        a = self._new_phone_channel(caller, ChannelState.RING, exten)
        return self._begin(a, kind, called, trunk, payer=caller)

    def receive_call(
        self, number: str, extension: str, *, trunk: str | None = None
    ) -> SimulatedCall:
        """Someone outside dials an extension."""
        if extension not in self.extensions:
            raise ValueError(f"extension {extension!r} is not known to the exchange")
        line = self.trunk(trunk)
        a = self._new_channel(
            line.channel_name(number, self.identifiers.next_channel()),
            line.device,
            ChannelState.RING,
            account="trunk",
            context="from-carrier",
            exten=extension,
        )
        a.number = a.caller_name = number
        announcements.new_channel(self, a)
        a.context = "internal"
        return self._begin(a, CallKind.IN, extension, line.name, payer="")

    def kind_of(self, called: str) -> CallKind:
        """What the dialplan takes a dialled number for; emergency before everything."""
        if called in EMERGENCY_NUMBERS:
            return CallKind.EMERGENCY
        return CallKind.INTERNAL if called in self.extensions else CallKind.OUT

    def trunk(self, name: str | None) -> Trunk:
        """That trunk, or the first one."""
        if name is None:
            return next(iter(self.trunks.values()))
        if name not in self.trunks:
            raise ValueError(f"trunk {name!r} is not one of {', '.join(self.trunks)}")
        return self.trunks[name]

    def _begin(
        self, a: Channel, kind: CallKind, called: str, trunk: str | None, *, payer: str
    ) -> SimulatedCall:
        self._call_count += 1
        self.calls_processed += 1
        call = SimulatedCall(
            ident=self._call_count, kind=kind, number=called, a=a, started_us=self._last_us
        )
        self.calls[call.ident] = call
        self.route(call, kind, called, trunk, payer)
        return call

    def route(
        self, call: SimulatedCall, kind: CallKind, called: str, trunk: str | None, payer: str
    ) -> None:
        """The dialplan: refuse, send to voicemail, or dial the other side from channel `a`."""
        if kind in (CallKind.INTERNAL, CallKind.IN):
            if self.database.has("rtbill/divert", called):
                self.to_voicemail(call)
            else:
                self._dial_phone(call, called)
            return
        if not set(called) <= DIALLABLE:
            self._refuse(call, cause=28, tech_cause=484)
            return
        if kind is CallKind.OUT and (not payer or self.database.has("rtbill/lock", payer)):
            announcements.refused(self, call.a, payer)
            self._refuse(call, cause=21, tech_cause=403)
            return
        self._dial_trunk(call, kind, called, self.trunk(trunk), payer)

    def _refuse(self, call: SimulatedCall, *, cause: int, tech_cause: int) -> None:
        announcements.soft_hangup(self, call.a)
        self._drop(call.a, cause, tech_cause)
        self._finish(call, CallState.REFUSED)

    def _dial_phone(self, call: SimulatedCall, extension: str) -> None:
        b = self._new_channel(
            f"PJSIP/{extension}-{self.identifiers.next_channel():08x}",
            f"PJSIP/{extension}",
            ChannelState.DOWN,
            account=extension,
            context="from-phones",
            exten="s",
            linkedid=call.a.linkedid,
        )
        b.extension = extension
        announcements.new_channel(self, b)
        b.caller_name = self.extensions[extension]
        self._dial(call, b, extension, extension, dial_string=extension)

    def _dial_trunk(
        self, call: SimulatedCall, kind: CallKind, called: str, trunk: Trunk, payer: str
    ) -> None:
        b = self._new_channel(
            trunk.channel_name(called, self.identifiers.next_channel()),
            trunk.device,
            ChannelState.DOWN,
            account="trunk",
            context="from-carrier",
            exten="s",
            linkedid=call.a.linkedid,
        )
        announcements.new_channel(self, b)
        call.trunk = trunk
        for variable, value in (("RTB_PAYER", payer), ("RTB_DEST", called)):
            b.variables[variable] = value
            announcements.variable_set(self, b, variable)
        b.account_code = payer
        if kind is not CallKind.EMERGENCY:
            # The emergency context dials without U(rtb-up): such a leg never has RTB_ANSWERED and
            # no outbox row.
            b.variables["RTB_ANSWERED"] = ""
        announcements.hangup_handler(self, "HangupHandlerPush", b)
        exten = (self.outside_prefix if kind is CallKind.OUT else "") + called
        self._dial(call, b, exten, exten, dial_string=trunk.dial_string(called))

    def _dial(
        self, call: SimulatedCall, b: Channel, number: str, exten: str, *, dial_string: str
    ) -> None:
        a = call.a
        b.dialled_by_us = True
        b.number, b.exten = number, exten
        b.connected_number, b.connected_name = a.number, a.caller_name
        if b.extension is not None:
            b.account_code = a.account_code
        b.application, b.application_data = "AppDial", "(Outgoing Line)"
        a.application, a.application_data = "Dial", f"{b.device.split('/')[0]}/{dial_string},60"
        if call.kind is not CallKind.EMERGENCY:
            a.priority = 2
        call.b, call.state = b, CallState.DIALLING
        announcements.identity(self, b)
        announcements.dial(self, "DialBegin", a, b, [("DialString", dial_string)])
        a.connected_number, a.connected_name = b.number, b.caller_name
        announcements.connected_line(self, a)

    def ring(self, call: SimulatedCall) -> None:
        """The other side rings."""
        b = _dialled(call)
        b.state, call.state = ChannelState.RINGING, CallState.RINGING
        announcements.new_state(self, b)
        announcements.device_state(self, b.device, "RINGING")
        announcements.device_state(self, call.a.device, "INUSE")
        announcements.dial(self, "DialState", call.a, b, [("DialStatus", "RINGING")])

    def answer(self, call: SimulatedCall) -> None:
        """The other side answers: the trunk leg is Up, billing begins."""
        b = _dialled(call)
        b.state, call.state = ChannelState.UP, CallState.TALKING
        announcements.new_state(self, b)
        call.answered_us = self._last_us
        if "RTB_ANSWERED" in b.variables:
            answered = seconds_ms(self.tick())
            b.variables["RTB_ANSWERED"] = answered
            announcements.variable_set(self, b, "RTB_ANSWERED")
            row = f"{b.variables['RTB_PAYER']},{b.variables['RTB_DEST']},{answered}"
            self.database.put("rtbill/live", b.uniqueid, row)
        announcements.device_state(self, b.device, "INUSE")
        b.exten = ""
        announcements.dial(self, "DialEnd", call.a, b, [("DialStatus", "ANSWER")])
        if call.a.state is not ChannelState.UP:
            call.a.state = ChannelState.UP
            announcements.new_state(self, call.a)
        announcements.bridge(self, b, call.a, self.identifiers.next_bridge())

    def fail(self, call: SimulatedCall, how: str) -> None:
        """The call is not answered: busy, noanswer, cancel, congestion or unallocated.

        An extension that is busy or does not answer has voicemail: the call then goes on there.
        """
        failure = FAILURES[how]
        b = _dialled(call)
        requester = call.a if how == "cancel" else None if how == "noanswer" else b
        if requester is not None:
            cause = failure.callee_cause
            announcements.hangup_request(self, requester, cause, failure.tech_cause)
        announcements.dial(self, "DialEnd", call.a, b, [("DialStatus", failure.dial_status)])
        self._drop(b, failure.callee_cause, failure.tech_cause)
        if b.extension is not None and how in ("busy", "noanswer"):
            call.b = None
            self.to_voicemail(call)
            return
        if how != "cancel":
            call.a.priority += 1  # the dialplan went on after Dial()
        announcements.soft_hangup(self, call.a)
        self._drop(call.a, failure.caller_cause, failure.tech_cause)
        self._finish(call, CallState.ENDED)

    def to_voicemail(self, call: SimulatedCall) -> None:
        """The calling channel talks to the mailbox."""
        call.state = CallState.VOICEMAIL
        call.a.application, call.a.application_data = "VoiceMail", f"{call.number}@default,us"
        if call.a.state is not ChannelState.UP:
            call.a.state = ChannelState.UP
            announcements.new_state(self, call.a)

    def hang_up(self, call: SimulatedCall, by: str = "caller") -> None:
        """One side ends a call that talks, rings or leaves a message.

        Nothing happens to one that is over.
        """
        if call.is_over:
            return
        if call.state in (CallState.DIALLING, CallState.RINGING):
            self.fail(call, "cancel")
            return
        if call.state is CallState.VOICEMAIL or call.b is None:
            announcements.hangup_request(self, call.a, None, None)
            announcements.soft_hangup(self, call.a)
            self._drop(call.a, 0, None)
            self._finish(call, CallState.ENDED)
            return
        side = call.a if by == "caller" else call.b
        announcements.hangup_request(self, side, 16, None)
        self._end_talk(call, 16)

    def hang_up_channel(self, name: str, cause: int = 16) -> bool:
        """End the call of one channel, as the AMI action Hangup does.

        False where there is no such channel.
        """
        channel = self.channels.get(name)
        call = channel and self.call_of(channel)
        if not call:
            return False
        if call.state in (CallState.TALKING, CallState.VOICEMAIL):
            self._end_talk(call, cause)
        else:
            self._end_dialling(call, cause)
        return True

    def _end_dialling(self, call: SimulatedCall, cause: int) -> None:
        b = _dialled(call)
        announcements.dial(self, "DialEnd", call.a, b, [("DialStatus", "CANCEL")])
        announcements.soft_hangup(self, call.a)
        self._drop(call.a, cause, None)
        self._drop(b, cause, None)
        self._finish(call, CallState.ENDED)

    def _end_talk(self, call: SimulatedCall, cause: int) -> None:
        if call.b is not None:
            announcements.unbridge(self, call.a, call.b)
        announcements.soft_hangup(self, call.a)
        self._drop(call.a, cause, None)
        if call.b is not None:
            self._drop(call.b, cause, None)
        announcements.cdr(self, call)
        self._finish(call, CallState.ENDED)

    def _finish(self, call: SimulatedCall, state: CallState) -> None:
        call.state = state
        self.calls.pop(call.ident, None)

    # -- timers

    def cut_due(self) -> list[SimulatedCall]:
        """End the calls of all channels whose time is over."""
        now_us = self._now_us()
        due = [c for c in self.channels.values() if c.timeout_at_us and c.timeout_at_us <= now_us]
        cut = []
        for channel in due:
            call = self.call_of(channel)
            if call is not None:
                call.cut_by_timer = True
                self.hang_up_channel(channel.name)
                cut.append(call)
        return cut

    # -- the exchange itself

    def restart(self) -> None:
        """Fall over and come back.

        Every channel is gone without an event, AstDB stays as it was.
        """
        for call in list(self.calls.values()):
            self._finish(call, CallState.ENDED)
        self.channels.clear()
        self.booted_us = self.tick()
        self.calls_processed = 0
        self.identifiers.restart(self.booted_us // US)
        self.on_timer_change()

    def shut_down(self) -> None:
        """End all calls as a careful operator would: their rows reach the outbox."""
        for call in list(self.calls.values()):
            self.hang_up_channel(call.a.name)


def _dialled(call: SimulatedCall) -> Channel:
    if call.b is None or call.state not in (CallState.DIALLING, CallState.RINGING):
        raise ValueError(f"call {call.ident} is {call.state}: nobody is being dialled")
    return call.b
