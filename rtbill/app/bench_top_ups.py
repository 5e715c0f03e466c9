"""The figures of buying credit: plays rtbill.app.bench_pay, and recounts its books past it.

A burst is bound by the provider: of so many purchases at once, each takes two answers of it.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtbill.app.bench_buyers import BURST, BUYERS, STEADY, add_buyers
from rtbill.app.bench_figures import Figure, figure, machine
from rtbill.app.bench_provider import ANSWER_S
from rtbill.app.bench_service import PURCHASES_AT_ONCE, Bench
from rtbill.domain.errors import Refused, Unavailable

NAMES = (
    "topup_trigger_to_request_p99_ms topup_burst_to_request_p99_ms webhook_to_unlock_p99_ms"
    " webhooks_per_s top_ups_per_s"
)
WITHIN_S = 300.0
_PLACES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
_APPROVED = "SELECT count(*), count(DISTINCT account) FROM top_up WHERE state = 'approved'"
_OTHERS = "SELECT count(*) FROM top_up WHERE state <> 'approved'"
_CREDITED = """
    SELECT count(*), coalesce(sum(transfer.amount_micros), 0)
    FROM top_up JOIN transfer ON transfer.key = top_up.gateway || ':' || provider_id || ':credit'
        AND transfer.account = top_up.account AND transfer.amount_micros = top_up.amount_micros
"""
_BOUGHT = "SELECT coalesce(sum(amount_micros), 0) FROM top_up"


def figures(bench: Bench) -> list[Figure]:
    """All of them, of one run; Refused when not every account bought exactly once."""
    add_buyers(bench.database)
    command = [sys.executable, "-m", "rtbill.app.bench_pay", str(bench.folder)]
    done = subprocess.run(  # noqa: S603 - our own module
        command, capture_output=True, check=False, timeout=WITHIN_S
    )
    if done.returncode:
        raise Unavailable(f"buying could not be measured: {done.stderr.decode()[-500:]}")
    _recount(bench.database)
    return _figures(json.loads(done.stdout))


def _figures(found: dict[str, Any]) -> list[Figure]:
    steady, burst, settled = found["steady"], found["burst"], found["settled"]
    unlocks, kept = found["unlocks"], found["kept"]
    for each in (unlocks, kept):
        if set(each["answers"]) != {"200"}:
            raise Refused(f"webhooks were not all kept: {each['answers']}")
    shared = {
        "provider_answers_in_ms": round(ANSWER_S * 1e3),
        "purchases_at_once": PURCHASES_AT_ONCE,
        **machine(),
    }
    waited, in_burst = percentiles_ms(steady["waits_s"]), percentiles_ms(burst["waits_s"])
    unlocked, answered = percentiles_ms(unlocks["waits_s"]), percentiles_ms(kept["took_s"])
    provider_ms = round(2 * BURST * ANSWER_S * 1e3 / PURCHASES_AT_ONCE)
    of_cpu = {key: round(settled[key], 2) for key in ("cpu_ms", "loop_cpu_ms")}
    return [
        figure(
            "topup_trigger_to_request_p99_ms",
            waited["p99"],
            all=waited,
            top_ups=STEADY,
            top_ups_per_s=steady["wanted_per_s"],
            **shared,
        ),
        figure(
            "topup_burst_to_request_p99_ms",
            in_burst["p99"],
            all=in_burst,
            top_ups=BURST,
            of_the_provider_ms=provider_ms,
            **shared,
        ),
        figure(
            "webhook_to_unlock_p99_ms",
            unlocked["p99"],
            all=unlocked,
            until_kept_ms=percentiles_ms(unlocks["took_s"]),
            webhooks=len(unlocks["waits_s"]),
            webhooks_per_s=unlocks["posted_per_s"],
            **shared,
        ),
        figure(
            "webhooks_per_s",
            kept["per_s"],
            until_kept_ms=answered,
            cpu_ms=round(kept["cpu_ms"], 2),
            connections=kept["connections"],
            **machine(),
        ),
        figure(
            "top_ups_per_s",
            settled["per_s"],
            **of_cpu,
            **shared | {"provider_answers_in_ms": 0},
        ),
    ]


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Of what took so long, in milliseconds: the first of which so large a part is not longer."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {
        name: round(ordered[min(last, int(part * len(ordered)))] * 1e3, 1)
        for name, part in _PLACES.items()
    }


def _recount(database: Path) -> None:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        approved, accounts = connection.execute(_APPROVED).fetchone()
        (others,) = connection.execute(_OTHERS).fetchone()
        credits_made, credited = connection.execute(_CREDITED).fetchone()
        (bought,) = connection.execute(_BOUGHT).fetchone()
    finally:
        connection.close()
    if not approved == accounts == credits_made == BUYERS or others or credited != bought:
        raise Refused(
            f"{BUYERS} accounts were to buy once each: {approved} top-ups of {accounts} accounts "
            f"were paid, {others} were not, {credits_made} were credited"
        )
