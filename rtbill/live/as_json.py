"""Calls in progress as JSON values: the same for the order `live` and for the stream."""

from __future__ import annotations

from typing import Any

from rtbill.domain.account import AccountState
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.live.calls import LiveCall, LiveView


def view_json(view: LiveView) -> dict[str, Any]:
    """The whole view; money is decimal text beside its currency."""
    return {
        "at": view.at.isoformat(),
        "calls": [call_json(call) for call in view.calls],
        "totals": totals_json(view),
    }


def totals_json(view: LiveView) -> dict[str, Any]:
    """What all calls come to, shown or not."""
    return {
        "talking": view.talking,
        "ringing": view.ringing,
        "shown": len(view.calls),
        "holds": view.holds,
        "held": {
            currency: decimal_text(micros, EXPONENTS[currency])
            for currency, micros in view.held_micros.items()
        },
    }


def balance_json(state: AccountState) -> dict[str, Any]:
    """What an account has, and what of it its calls hold."""
    digits = EXPONENTS[state.account.currency]
    return {
        "account": state.account.id,
        "currency": state.account.currency,
        "balance": decimal_text(state.balance_micros, digits),
        "held": decimal_text(state.held_micros, digits),
        "grantable": decimal_text(state.grantable_micros, digits),
    }


def call_json(call: LiveCall) -> dict[str, Any]:
    """One call as JSON values; what is not known, or is not, is null."""
    digits = EXPONENTS[call.currency]
    hold, left_s = call.hold, call.left_s
    return {
        "call": str(call.id),
        "pbx": call.id.pbx,
        "state": "talking" if call.is_talking else "ringing",
        "payer": call.payer,
        "account": call.account,
        "person": call.person,
        "number": call.number,
        "destination": call.destination,
        "since": call.since.isoformat() if call.since else None,
        "talk_s": round(call.talk_s, 3),
        "cost": None if call.cost_micros is None else decimal_text(call.cost_micros, digits),
        "currency": call.currency,
        "held": decimal_text(hold.micros, digits) if hold else None,
        "granted_s": hold.granted_s if hold else None,
        "final": hold is not None and hold.is_final,
        "limit_s": call.limit_s,
        "goes_on": call.goes_on,
        "left_s": None if left_s is None else round(left_s, 3),
        "enforced": call.is_enforced,
        "armed": call.is_armed,
        "balance": decimal_text(call.balance_micros, digits),
        "grantable": decimal_text(call.grantable_micros, digits),
    }
