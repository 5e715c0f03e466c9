"""Calls without a price or in doubt, which wait for a person to bill or to drop them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.changes import DropCall
from rtbill.domain.errors import BadRecord, Conflict, Refused
from rtbill.domain.money import decimal_text
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.ports import Clock, Reader, Store

TALK_S_MAX = 7 * 86_400


class WaitingCalls:
    """The desk's orders about them; arguments and answers as in `rtbill.desk.orders`."""

    def __init__(self, *, billing: Billing, store: Store, reader: Reader, clock: Clock) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock

    async def bill(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Bill the call as it stands, or with the talk time in `seconds`."""
        call = await self._find(str(arguments["call"]))
        record = call.record
        answered_at = record.answered_at
        if answered_at is None:
            raise Refused(f"call {record.id} has no answer time; drop it with a reason instead")
        if arguments.get("seconds") is not None:
            talk = _talk_time(arguments["seconds"])
            record = record._replace(ended_at=answered_at + talk)
        terms = self._billing.directory.account(call.account)
        billed = self._billing.assessor.assess_again(call._replace(record=record))
        operation = self._billing.operation(billed, settles=call.status)
        committed = await self._billing.followed(self._store.submit(operation), billed)
        if committed.facts is None:
            raise Conflict(f"call {record.id} was settled meanwhile")
        billed = committed.facts.call or billed
        self._billing.alarms.clear("unconfirmed", str(record.id))
        self._billing.alarms.clear("unrated", billed.number or record.dialled or "?")
        return {
            "call": str(record.id),
            "account": call.account,
            "price": decimal_text(billed.price.micros) if billed.price else "0.00",
            "debit": decimal_text(billed.debit_micros),
            "currency": terms.currency,
        }

    async def drop(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do not bill the call, for a `reason` that is kept with it."""
        call = await self._find(str(arguments["call"]))
        reason = str(arguments.get("reason") or "").strip()
        if not reason:
            raise BadRecord("dropping a call needs a reason, which is kept with it")
        key = str(call.record.id)
        await self._store.change(DropCall(key, reason, self._clock.now()))
        self._billing.alarms.clear("unconfirmed", key)
        return {"call": key, "status": "dropped", "reason": reason}

    async def _find(self, key: str) -> RatedCall:
        call = await self._reader.call(key)
        if call is None:
            raise Refused(f"there is no call {key!r}; `rtbill unconfirmed list` shows them")
        if call.status not in (CallStatus.UNCONFIRMED, CallStatus.UNRATED):
            raise Refused(f"call {key} is {call.status}; nothing is left to decide")
        return call


def _talk_time(seconds: object) -> timedelta:
    try:
        talk_s = float(str(seconds))
    except ValueError:
        talk_s = -1.0
    if not 0 <= talk_s <= TALK_S_MAX:
        raise BadRecord(f"{seconds!r} is not a talk time of 0 to {TALK_S_MAX} seconds")
    return timedelta(seconds=talk_s)
