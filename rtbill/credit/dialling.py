"""A call as it is dialled: let out, held for, or hung up at once; and who is told of it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from rtbill.alarms import Alarms
from rtbill.chronicle import Chronicle
from rtbill.credit import observing
from rtbill.credit.authorisation import heed_code
from rtbill.credit.commands import Commands
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Grant
from rtbill.credit.observing import Observations
from rtbill.credit.reserving import Reserving
from rtbill.credit.running_call import RunningCall
from rtbill.domain.call import CallId
from rtbill.domain.events import CallRefused, CallStarted, LiveLeg
from rtbill.domain.notice import Notice
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.observation import Observation
from rtbill.domain.rated import NumberKind
from rtbill.domain.refusal import Reason
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place


class Dialling:
    """Looks at each call before anybody answers."""

    def __init__(  # noqa: PLR0913 - Billing hands over each collaborator once
        self,
        *,
        assessor: Assessor,
        control: CreditControl,
        reserving: Reserving,
        commands: Commands,
        observations: Observations,
        alarms: Alarms,
        chronicle: Chronicle,
        clock: Clock,
    ) -> None:
        self._assessor = assessor
        self._control = control
        self._reserving = reserving
        self._commands = commands
        self._observations = observations
        self._alarms = alarms
        self._chronicle = chronicle
        self._clock = clock

    def started(self, line: Line, event: CallStarted) -> None:
        """A trunk leg is being dialled: by an exchange that asked, or by one that did not."""
        called = self._assessor.classify(event.dialled, Place(event.id.pbx, event.trunk))
        is_emergency = called.kind is NumberKind.EMERGENCY
        if line.tracker.knows(event.id):
            if is_emergency:
                self.tell_emergency(line, event.id, event.payer, called.number, event.at)
            else:
                self._look_at(line, event, called)
        elif event.let_out_by and not is_emergency:
            # A snapshot told its end before its beginning was heard: nobody is there to hold for.
            self._tell_evasion(event)

    def _look_at(self, line: Line, event: CallStarted, called: CalledNumber) -> None:
        pbx, payer = event.id.pbx, event.payer
        if not event.let_out_by and not event.origin.code:
            account = self._assessor.payers.of(pbx, payer, event.at, event.origin).account
            if self._reserving.take_up(event, account):
                return
        grant = self._control.grant(pbx, payer, event.dialled, event.at, event.origin, event.trunk)
        if event.origin.code:
            heed_code(self._control, self._alarms, pbx, payer, grant, event.at)
        if event.let_out_by:
            self._tell_evasion(event)
            grant = grant._replace(let_out_by=event.let_out_by)
        if grant.stance.is_enforcing:
            self._enforce(line, event, called, grant)
        elif grant.reason and event.id not in line.let_through:
            line.let_through.add(event.id)
            self._observe(observing.refusal(event, grant))

    def _enforce(self, line: Line, event: CallStarted, called: CalledNumber, grant: Grant) -> None:
        """Let it go on with what is held for it, or hang it up."""
        refuse = partial(self._refuse, line, event, called)
        if event.let_out_by or grant.must_end:
            line.barred.add(event.id)
            reason = Reason.WRONG_CODE if grant.is_code_refused else Reason.BALANCE
            refuse(Reason.MALFORMED if event.let_out_by else reason)
        elif self._reserving.take_up(event, grant.account) and grant.is_held:
            return
        elif not grant.is_affordable:
            refuse(Reason.DEAR if grant.is_too_dear else Reason.BALANCE)
        elif grant.is_held:
            self._reserving.dialled(event, grant, partial(refuse, Reason.BALANCE))

    def _refuse(self, line: Line, event: CallStarted, called: CalledNumber, reason: Reason) -> None:
        self._chronicle.add(
            event.at, CallRefused(event.id.pbx, event.at, event.payer, event.dialled, reason)
        )
        leg = LiveLeg(event.id, event.payer, event.dialled, event.trunk, event.at)
        self._commands.order(line, RunningCall(leg, "", None, called, wanted_s=0.0))

    def _observe(self, observation: Observation) -> None:
        self._observations.add(observation)
        self._chronicle.add(observation.at, observation)

    def tell_emergency(
        self, line: Line, call: CallId, payer: str | None, number: str | None, at: datetime
    ) -> None:
        """Once for each call, as soon as it is known of (CC-73)."""
        if call in line.emergencies:
            return
        line.emergencies.add(call)
        person = self._assessor.payers.of(call.pbx, payer, at).person
        who = f"extension {payer or 'unknown'}" + (f" ({person})" if person else "")
        notice = Notice("call.emergency", str(call), f"{who} called {number}", self._clock.now())
        self._alarms.tell(notice)
        self._chronicle.add(notice.at, notice)

    def _tell_evasion(self, event: CallStarted) -> None:
        text = (
            f"{event.let_out_by} sent a call to trunk {event.trunk} by itself (302), to "
            f"{event.dialled or 'an unknown number'}: look at that telephone"
        )
        notice = Notice("call.evasion", str(event.id), text, self._clock.now())
        self._alarms.tell(notice)
        self._chronicle.add(notice.at, notice)
