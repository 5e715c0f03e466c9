"""The figures of the bench, with their targets, and the machine that they are of."""

from __future__ import annotations

import os
import platform
import sqlite3
from dataclasses import dataclass
from typing import Any

WIRE = "ami_wire_messages_per_s"
TARGETS: dict[str, tuple[float, str, bool]] = {
    WIRE: (500_000, "messages/s", True),
    "start_to_ready_s": (3, "s", False),
    "rss_idle_mb": (120, "MiB", False),
    "rss_10k_live_calls_mb": (220, "MiB", False),
    "hangup_to_commit_p50_ms": (3, "ms", False),
    "hangup_to_commit_p99_ms": (20, "ms", False),
    "authorise_p99_ms": (5, "ms", False),
    "session_cycles_per_s": (2_000, "cycles/s", True),
    "hot_account_ops_per_s": (2_000, "steps/s", True),
    "ami_to_ledger_calls_per_s": (4_000, "calls/s", True),
    "rate_scalar_calls_per_s": (100_000, "calls/s", True),
    "rate_batch_calls_per_s": (1_000_000, "calls/s", True),
    "rate_table_mb": (60, "MB", False),
    "rerate_calls_per_s": (11_112, "calls/s", True),
    "rerate_beside_calls_p99_ms": (20, "ms", False),
    "topup_trigger_to_request_p99_ms": (1_000, "ms", False),
    "topup_burst_to_request_p99_ms": (1_000, "ms", False),
    "webhook_to_unlock_p99_ms": (500, "ms", False),
    "webhooks_per_s": (100, "webhooks/s", True),
    "top_ups_per_s": (50, "top-ups/s", True),
}
"""Target, unit, and whether more is better."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result."""

    name: str
    value: float
    unit: str
    target: float
    detail: dict[str, Any]

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        more_is_better = TARGETS[self.name][2]
        return self.value >= self.target if more_is_better else self.value <= self.target


def figure(name: str, value: float, **detail: Any) -> Figure:  # noqa: ANN401 - goes into JSON
    """A figure with its unit and target from the table, and whether it is met in its detail."""
    target, unit, _ = TARGETS[name]
    made = Figure(name, round(value, 3), unit, target, detail)
    return Figure(name, made.value, unit, target, {"met": made.is_met, **detail})


def machine() -> dict[str, str]:
    """What it is, and how busy."""
    return {
        "cpus": str(os.cpu_count()),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_average": f"{os.getloadavg()[0]:.2f}",
    }
