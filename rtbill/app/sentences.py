"""Happenings in words, one sentence each, for the screen and for plain lines."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rtbill.chronicle import Answered, Posted, Served, What
from rtbill.domain.account import OPEN_SERVICE, Incoming, Outgoing
from rtbill.domain.events import CallRefused
from rtbill.domain.money import Money
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.domain.refusal import Reason
from rtbill.domain.told import CALL_KINDS
from rtbill.observability import mask_number

_NUMBER = re.compile(r"(?<=call to )\S+")
_TOLD_OTHERWISE = frozenset(
    {
        *("call.unrated", "call.unconfirmed", "call.emergency"),
        *CALL_KINDS,
        *("service.locked", "service.opened", "service.would_lock", "service.would_open"),
    }
)
"""Notices whose fact is told by another happening already."""

_WORDS: Mapping[str, str] = {
    "topup.done": "bought",
    "topup.failed": "unpaid",
    "topup.authentication_needed": "confirm",
    "topup.refunded": "refunded",
    "topup.disputed": "disputed",
}
"""Of notices, where the last part of their kind says too little alone."""
_REASONS: Mapping[str, str] = {
    Reason.LOCKED: "extension is locked",
    Reason.BALANCE: "not enough money",
    Reason.UNRATED: "its price is unknown",
    Reason.DEAR: "a minute costs more than its class may pay",
    Reason.UNKNOWN_PAYER: "nobody is named who pays",
    Reason.MALFORMED: "not a number that may be dialled",
    Reason.SILENT: "rtbill was silent, and the exchange then refuses",
}


def sentence(what: What, mask_digits: int) -> str | None:
    """What happened, with numbers masked; None when another happening says the same."""
    match what:
        case Answered(leg):
            number = mask_number(leg.dialled or "unknown number", mask_digits)
            return f"answered  {leg.payer or 'unknown payer'} -> {number}"
        case Posted(call, state):
            return _posted(call, Money(state.balance_micros, state.account.currency), mask_digits)
        case Served(pbx, number, service):
            if service == OPEN_SERVICE:
                return f"opened    {pbx}/{number}: calls outside again, its telephone rings"
            outside = "locked  " if service.outgoing is Outgoing.LOCKED else "diverted"
            rings = "voicemail" if service.incoming is Incoming.DIVERT else "its telephone"
            return f"{outside}  {pbx}/{number}: incoming calls go to {rings}"
        case CallRefused(pbx, _, extension, dialled, reason):
            number = mask_number(dialled or "unknown number", mask_digits)
            why = _REASONS.get(reason, reason)
            return f"refused   {pbx}/{extension or 'unknown'} -> {number}: {why}"
        case Observation():
            return _observed(what, mask_digits)
        case Notice():
            return _noticed(what)


def _observed(observation: Observation, mask_digits: int) -> str:
    who = f"{observation.pbx}/{observation.extension or ''}".rstrip("/")
    text = _NUMBER.sub(lambda number: mask_number(number[0], mask_digits), observation.text)
    return f"would {observation.kind:6} {who}: {text}"


def _posted(call: RatedCall, balance: Money, mask_digits: int) -> str:
    """Price and balance stand before the number: a narrow screen cuts the end."""
    record = call.record
    number = mask_number(call.number or record.dialled or "unknown number", mask_digits)
    minutes, seconds = divmod(record.talk_us // 1_000_000, 60)
    who = f"{record.payer or 'unknown payer'} {call.person or ''}".rstrip()
    start = "cut     " if record.cut_by else "ended   "
    destination = call.price.destination if call.price else ""
    return (
        f"{start}  {who} {minutes}:{seconds:02} {_cost(call)}, has {balance} "
        f"-> {number} {destination}"
    ).rstrip()


def _cost(call: RatedCall) -> str:
    match call.status:
        case CallStatus.RATED:
            assert call.price is not None
            return str(Money(call.price.micros, call.price.currency))
        case CallStatus.FREE:
            return f"{call.kind}, free"
        case CallStatus.UNANSWERED:
            return "not answered"
        case CallStatus.UNRATED:
            return "price unknown, kept for later"
        case CallStatus.UNCONFIRMED:
            return "in doubt, kept for a decision"
        case CallStatus.DROPPED:
            return "dropped"


def _noticed(notice: Notice) -> str | None:
    if notice.kind in _TOLD_OTHERWISE or notice.kind == "alarm.raised":
        return None
    if notice.kind == "alarm.cleared":
        return f"over      alarm {notice.subject}"
    word = _WORDS.get(notice.kind) or notice.kind.partition(".")[2] or notice.kind
    return f"{word:9} {notice.subject}: {notice.text}"
