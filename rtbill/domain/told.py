"""Events that an outside billing package may be told of, and the notices that they come from."""

from __future__ import annotations

from collections.abc import Mapping

CALL_KINDS = ("call.ended", "call.rated")
"""Notices of calls that are made only where somebody is told of them: one for each call."""

EVENT_OF: Mapping[str, str] = {
    "account.credited": "account.credited",
    "topup.done": "account.credited",
    "topup.failed": "topup.failed",
    "topup.refunded": "topup.refunded",
    "balance.low": "account.low",
    "service.locked": "service.locked",
    "service.opened": "service.opened",
    "call.ended": "call.ended",
    "call.rated": "call.rated",
    "calls.rerated": "calls.rerated",
}
"""The event that a kind of notice is told as."""
WEBHOOK_EVENTS = tuple(dict.fromkeys(EVENT_OF.values()))
"""Of which a webhook may want some."""
