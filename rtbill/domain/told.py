"""Events that an outside billing package may be told of, and the notices that they come from."""

from __future__ import annotations

from collections.abc import Mapping

CALL_KINDS = ("call.ended", "call.rated")
"""Notices of calls that are made only where somebody is told of them: one for each call."""

WEBHOOK_EVENTS: Mapping[str, str] = {
    "account.credited": "account.credited",
    "account.low": "balance.low",
    "service.locked": "service.locked",
    "service.opened": "service.opened",
    "call.ended": "call.ended",
    "call.rated": "call.rated",
    "calls.rerated": "calls.rerated",
}
"""The kind of notice behind each event."""
EVENT_OF: Mapping[str, str] = {kind: event for event, kind in WEBHOOK_EVENTS.items()}
"""The event that a kind of notice is told as."""
