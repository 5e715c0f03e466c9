"""Calls at exchanges that only observe: what would have been done about each, and what that saves.

A call that would have been refused is noted as it is dialled; a call that would have been cut, with
its debit, as it ends. Nothing here speaks to an exchange.
"""

from __future__ import annotations

import asyncio

from rtbill.credit.grants import Grant
from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import Account
from rtbill.domain.errors import NoRate
from rtbill.domain.events import CallStarted
from rtbill.domain.money import Money
from rtbill.domain.observation import Observation, ObservationKind
from rtbill.domain.rated import RatedCall
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place

SECOND_US = 1_000_000


class Observations:
    """Observations on their way into the books, bounded; those of an operation go with it."""

    WAITING_MAX = 1000

    def __init__(self) -> None:
        self._waiting: list[Observation] = []
        self.arrived = asyncio.Event()
        """Set while any wait."""
        self.dropped = 0
        """Too many for a store that could not be written meanwhile."""

    def add(self, observation: Observation) -> None:
        """Have it stored soon; never waits."""
        self.give_back([observation], first=False)

    def take(self) -> list[Observation]:
        """Those that wait, the oldest first."""
        taken, self._waiting = self._waiting, []
        self.arrived.clear()
        return taken

    def give_back(self, observations: list[Observation], *, first: bool = True) -> None:
        """Those that could not be stored come first next time."""
        both = (observations, self._waiting) if first else (self._waiting, observations)
        together = [each for part in both for each in part]
        self.dropped += max(0, len(together) - self.WAITING_MAX)
        self._waiting = together[: self.WAITING_MAX]
        self.arrived.set()


def refusal(event: CallStarted, grant: Grant) -> Observation:
    """The call being dialled would have been refused, for the reason in its grant."""
    number = grant.called.number or event.dialled or "an unknown number"
    return Observation(
        key=f"{ObservationKind.REFUSE}:{event.id}",
        kind=ObservationKind.REFUSE,
        at=event.at,
        pbx=event.id.pbx,
        account=grant.account,
        extension=event.payer,
        call=str(event.id),
        text=f"the call to {number} would be refused: {grant.reason}",
    )


def cut(
    running: RunningCall, call: RatedCall, assessor: Assessor, account: Account
) -> tuple[Observation, ...]:
    """What a call that is over had beyond its limit; nothing when it kept within."""
    record = call.record
    limit_s = running.limit_passed_s(record.talk_us / SECOND_US)
    if limit_s is None or record.answered_at is None:
        return ()
    # Never below nothing: an observation that the books refuse would keep its call out of them.
    beyond_us = max(0, record.talk_us - round(limit_s * SECOND_US))
    micros = currency = None
    if call.price is not None:
        within = _cost_within(running, call, limit_s, assessor, account)
        micros = max(0, call.debit_micros - within)
        currency = call.price.currency
    cost = "at an unknown price" if micros is None else f"for {Money(micros, currency or '')}"
    when = (
        "would have been refused"
        if running.would_be_refused
        else f"would have been cut after {limit_s:.1f} s"
    )
    observation = Observation(
        key=f"{ObservationKind.CUT}:{record.id}",
        kind=ObservationKind.CUT,
        at=record.ended_at,
        pbx=record.id.pbx,
        account=call.account,
        extension=record.payer,
        call=str(record.id),
        beyond_us=beyond_us,
        beyond_micros=micros,
        currency=currency,
        text=f"the call to {call.number or record.dialled or 'an unknown number'} {when}; "
        f"it talked {beyond_us / SECOND_US:.1f} s more {cost}",
    )
    return (observation,)


def _cost_within(
    running: RunningCall, call: RatedCall, limit_s: float, assessor: Assessor, account: Account
) -> int:
    """Micro-units that the call would have owed had it been cut; nothing when refused."""
    assert call.record.answered_at is not None
    if running.would_be_refused:
        return 0
    limit_us = round(limit_s * SECOND_US)
    place, at = Place(call.record.id.pbx, call.record.trunk), call.record.answered_at
    adjustment = call.price.adjustment if call.price else None
    try:
        return assessor.owed_micros(account, running.called, at, limit_us, place, adjustment)
    except NoRate:
        return 0  # a tariff was replaced between its pricing and this
