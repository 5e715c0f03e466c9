"""May this call be dialled? The answer to an exchange that asks first.

What is asked comes from a dialplan that a caller can feed, so it is read strictly before anything
else is done with it. A prepaid call is allowed only what is held for it, durably, before the answer
leaves: of several calls that ask in the same moment each has money of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.alarms import Alarms
from rtbill.chronicle import Chronicle
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Grant
from rtbill.domain.account import HOUSE, DeskLock, Extension, Outgoing
from rtbill.domain.errors import BadRecord
from rtbill.domain.events import CallRefused
from rtbill.domain.hold import Hold
from rtbill.domain.origin import NO_ORIGIN, Origin, read_origin
from rtbill.domain.rated import NumberKind
from rtbill.domain.refusal import Reason
from rtbill.ports import Clock


class CallKind(StrEnum):
    """How the call came to be dialled; decided by the exchange, as who pays is."""

    DIRECT = "direct"
    FORWARDED = "forwarded"
    TRANSFERRED = "transferred"
    GROUP = "group"
    INCOMING = "incoming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An exchange is about to dial."""

    pbx: str
    channel: str
    """Uniqueid of the channel that asks: the same when the exchange tries another trunk."""
    payer: str | None
    """The extension that pays; None when the exchange cannot name it."""
    number: str
    """Digits as dialled, the outside prefix taken off."""
    kind: CallKind
    origin: Origin = NO_ORIGIN


@dataclass(frozen=True, slots=True)
class Permission:
    """The call may be dialled."""

    seconds: int | None = None
    """Talk time after which the exchange shall end it; None for no limit."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call must not be dialled."""

    reason: Reason


Answer = Permission | Refusal
Reserve = Callable[[Question, Grant, datetime], Awaitable[Hold | None]]
"""The committed hold for a call, longer than the guard by a second at least; None when there is not
enough for it. Unavailable: nothing can be held.
"""
WouldRefuse = Callable[[Question, Refusal], None]
"""Told of each refusal that is not carried out because the stance only observes or warns."""

UNIQUEID_LENGTH_MAX = 150
_NUMBER = re.compile(r"\+?[0-9*#]{1,40}")
_PAYER = re.compile(r"(?:[0-9A-Za-z*#+._-]{1,32})?")
_KINDS = tuple(map(str, CallKind))


def read_question(pbx: str, fields: Mapping[str, str]) -> Question | Refusal:
    """The question in these fields; a refusal when the number is none, which is the caller's doing.
    BadRecord names the field that the exchange, and nobody else, got wrong.
    """
    number = fields.get("number")
    if number is None:
        raise BadRecord("lacks its 'number'")
    # Before the rest: what may never be dialled is refused, whatever else is wrong.
    if _NUMBER.fullmatch(number) is None:
        return Refusal(Reason.MALFORMED)
    channel, payer, kind = (fields.get(name) for name in ("call", "payer", "kind"))
    if channel is None or not _is_uniqueid(channel):
        raise BadRecord("lacks a valid 'call' (the channel's uniqueid, in printable characters)")
    if payer is None or _PAYER.fullmatch(payer) is None:
        raise BadRecord("lacks a valid 'payer' (an extension; empty where there is none)")
    if kind not in _KINDS:
        raise BadRecord(f"lacks a valid 'kind' ({', '.join(_KINDS)})")
    try:
        origin = read_origin(fields.get("origin"))
    except BadRecord as bad:
        raise BadRecord(f"lacks a valid 'origin': {bad}") from None
    return Question(
        pbx=pbx,
        channel=channel,
        payer=payer or None,
        number=number,
        kind=CallKind(kind),
        origin=origin,
    )


def _is_uniqueid(text: str) -> bool:
    """Asterisk begins it with its `systemname`, in which anything may stand: blanks, commas,
    letters of any language.
    """
    return 0 < len(text) <= UNIQUEID_LENGTH_MAX and text.isprintable()


class Authoriser:
    """Decides by number, account, locks and stance."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        control: CreditControl,
        desk_locks: Mapping[Extension, DeskLock],
        alarms: Alarms,
        chronicle: Chronicle,
        clock: Clock,
        would_refuse: WouldRefuse,
        reserve: Reserve,
    ) -> None:
        self._control = control
        self._desk_locks = desk_locks
        self._alarms = alarms
        self._chronicle = chronicle
        self._clock = clock
        self._would_refuse = would_refuse
        self._reserve = reserve

    async def decide(self, question: Question) -> Answer:
        """What the exchange is told. Emergency, free-phone and internal numbers always pass.
        Unavailable when nothing can be held for a call that needs it.
        """
        now = self._clock.now()
        grant = self._control.grant(
            question.pbx, question.payer, question.number, now, question.origin
        )
        if grant.called.kind is not NumberKind.CHARGEABLE:
            return Permission()
        if self._is_locked_by_hand(question):
            # A person's own order, not a consequence of money: it holds whatever the stance.
            return self._refused(question, Reason.LOCKED, now)
        if grant.account == HOUSE:
            self._alarm_house(question)
        reason = self._reason_against(grant)
        if not grant.stance.is_enforcing:
            if reason is not None:
                self._would_refuse(question, Refusal(reason))
            return Permission()
        if reason is not None:
            self._alarm(question, grant, reason, now)
            return self._refused(question, reason, now)
        return await self._held(question, grant, now)

    async def _held(self, question: Question, grant: Grant, now: datetime) -> Answer:
        """As long as money is held for, where any needs to be."""
        if not grant.is_held:
            return Permission(None if grant.limit_s is None else int(grant.limit_s))
        hold = await self._reserve(question, grant, now)
        if hold is None:
            return self._refused(question, Reason.BALANCE, now)
        return Permission(int(hold.granted_s - self._control.limits.guard_s))

    def _is_locked_by_hand(self, question: Question) -> bool:
        if question.payer is None:
            return False
        lock = self._desk_locks.get(Extension(question.pbx, question.payer))
        return lock is not None and lock.service.outgoing is Outgoing.LOCKED

    def _reason_against(self, grant: Grant) -> Reason | None:
        if grant.is_code_refused:
            return Reason.WRONG_CODE
        if grant.is_payer_unknown:
            return Reason.UNKNOWN_PAYER
        if grant.is_locked:
            return Reason.BALANCE
        if not grant.is_limited:
            return None
        if grant.is_unrated_refused:
            return Reason.UNRATED
        if grant.is_too_dear:
            return Reason.DEAR
        if grant.is_held:
            return None  # what can be held decides: its own hold, too, when it asks again
        return None if grant.is_affordable else Reason.BALANCE

    def _refused(self, question: Question, reason: Reason, now: datetime) -> Refusal:
        refused = CallRefused(
            question.pbx, now, question.payer, question.number, reason, question.channel
        )
        self._chronicle.add(now, refused)
        return Refusal(reason)

    def _alarm(self, question: Question, grant: Grant, reason: Reason, now: datetime) -> None:
        if reason is Reason.UNRATED:
            self._alarm_unrated(question, grant)
        if reason is Reason.WRONG_CODE:
            # One that is let through is counted when it is dialled.
            heed_code(self._control, self._alarms, question.pbx, question.payer, grant, now)

    def _alarm_house(self, question: Question) -> None:
        text = f"extension {question.payer} belongs to no account; `rtbill group add` assigns it"
        self._alarms.raise_("house", f"{question.pbx}/{question.payer}", text)

    def _alarm_unrated(self, question: Question, grant: Grant) -> None:
        number = grant.called.number or question.number
        text = (
            f"a call of account {grant.account} to {number} was refused before it was dialled: "
            f"{grant.no_rate}"
        )
        self._alarms.raise_("unrated", number, text)


def heed_code(  # noqa: PLR0913 - the facts of one code
    control: CreditControl,
    alarms: Alarms,
    pbx: str,
    payer: str | None,
    grant: Grant,
    at: datetime,
) -> None:
    """A code was entered: wrong ones are counted, and told as an alarm when they are a habit; a
    right one that counts ends it.
    """
    who = f"{pbx}/{payer or 'calls without an extension'}"
    if not grant.is_code_wrong:
        if not grant.is_code_refused:
            alarms.clear("codes", who)
        return
    barred = control.wrong_codes.note((pbx, payer), at)
    if barred:
        text = f"{who}: {barred}, the last at {at:%F %T} UTC; its codes are refused for 10 minutes"
        alarms.raise_("codes", who, text)
