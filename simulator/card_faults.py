"""Faults of the simulated card provider, each for the next calls that fit it.

cut_request    the connection breaks before anything is done
cut_reply      the work is done, and the connection breaks before the reply
late_reply     the work is done at once, the reply comes after some seconds
late_work      the work is done after some seconds, whether or not the client still waits
error_stored   status 500 after the work is done; the key replays it for ever
error          status 500 before any work
conflict       status 409: another call with the same key is under way
busy           status 429
wrong_amount   the reply names one unit more than was done
wrong_currency the reply names another currency
wrong_mode     the reply is of the other livemode
garbage        the work is done, the reply is no JSON
change         the work is done, fields of the reply are replaced by those in `changes`
refuse         nothing is done; the reply has `status` and, in its error, `changes`
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = (
    *("cut_request", "cut_reply", "late_reply", "late_work", "error_stored", "error"),
    *("conflict", "busy", "wrong_amount", "wrong_currency", "wrong_mode", "garbage"),
    *("change", "refuse"),
)
PENDING_MAX = 1000


@dataclass(slots=True)
class Fault:
    """One fault that waits for its calls."""

    kind: str
    path: str = ""
    """Last part of the paths it happens to, such as `confirm`; empty for all."""
    method: str = "POST"
    times: int = 1
    seconds: float = 0.0
    should_retry: str = ""
    """Of the header Stripe-Should-Retry: `true`, `false`, or none."""
    changes: dict[str, Any] = field(default_factory=dict)
    status: int = 400

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; use one of {', '.join(KINDS)}")
        if self.should_retry not in ("", "true", "false"):
            raise ValueError(f"should_retry is {self.should_retry!r}; use true, false or nothing")


@dataclass(slots=True)
class CardFaults:
    """Faults that have not happened yet."""

    waiting: list[Fault] = field(default_factory=list)

    def plan(self, fault: Fault) -> None:
        """Let it happen to the next calls that fit."""
        if len(self.waiting) >= PENDING_MAX:
            raise ValueError(f"{PENDING_MAX} faults wait already; clear them first")
        self.waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """What happens to this call; each fault is used up by its calls."""
        for fault in self.waiting:
            if fault.method == method and path.endswith(fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
