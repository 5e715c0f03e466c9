"""The figures of buying credit: what is posted is genuine, and a purchase too few or too many is
seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from payments.stripe_events import read_webhook
from rtbill.app import bench_top_ups, bench_webhooks
from rtbill.app.bench_buyers import BUYERS
from rtbill.app.bench_provider import SECRET
from rtbill.domain.errors import Refused

FOUND: Mapping[str, Any] = {
    "steady": {"waits_s": [0.001] * 98 + [0.9, 1.5], "wanted_per_s": 50},
    "burst": {"waits_s": [2.0]},
    "settled": {"per_s": 300.0, "cpu_ms": 3.0, "loop_cpu_ms": 1.0},
    "unlocks": {"answers": {"200": 2}, "waits_s": [0.1, 0.2], "took_s": [0.01], "posted_per_s": 25},
    "kept": {
        "answers": {"200": 2},
        "per_s": 900.0,
        "took_s": [0.01],
        "cpu_ms": 1,
        "connections": 2,
    },
}


def books_of(path: Path, *, credited: int = BUYERS, approved: int = BUYERS) -> Path:
    """Books in which so many accounts bought, and so many were credited."""
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE top_up (account, state, gateway, provider_id, amount_micros);
        CREATE TABLE transfer (key, account, amount_micros);
        """
    )
    for number in range(BUYERS):
        state = "approved" if number < approved else "sent"
        row = (f"b{number}", state, "bench", f"pi_{number}", 10)
        connection.execute("INSERT INTO top_up VALUES (?, ?, ?, ?, ?)", row)
        if number < credited:
            credit = (f"bench:pi_{number}:credit", f"b{number}", 10)
            connection.execute("INSERT INTO transfer VALUES (?, ?, ?)", credit)
    connection.commit()
    connection.close()
    return path


def test_what_is_posted_is_proven_as_stripes_are() -> None:
    head, _, raw = bench_webhooks.request("pi_1").partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    event = read_webhook(
        raw,
        headers,
        secrets=[SECRET],
        is_live=False,
        now=datetime.now(UTC),  # noqa: TID251 - it signs by the system's clock
    )

    assert (event.id, event.about) == ("evt_pi_1", "pi_1")
    assert int(headers["Content-Length"]) == len(raw)


def test_books_in_which_everybody_bought_once_agree(tmp_path: Path) -> None:
    bench_top_ups._recount(books_of(tmp_path / "books"))


@pytest.mark.parametrize("planted", [{"credited": BUYERS - 1}, {"approved": BUYERS - 1}])
def test_a_purchase_that_is_not_paid_or_not_credited_is_refused(
    planted: dict[str, int], tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="were to buy once each"):
        bench_top_ups._recount(books_of(tmp_path / "books", **planted))


def test_one_in_a_hundred_may_wait_longer_than_the_figure_says() -> None:
    assert bench_top_ups.percentiles_ms([0.001] * 98 + [0.9, 1.5]) == {
        "p50": 1.0,
        "p90": 1.0,
        "p99": 1500.0,
        "max": 1500.0,
    }


def test_a_burst_that_its_provider_holds_up_is_missed_all_the_same() -> None:
    made = {each.name: each for each in bench_top_ups._figures(dict(FOUND))}

    assert set(made) == set(bench_top_ups.NAMES.split())
    assert not made["topup_burst_to_request_p99_ms"].is_met
    assert made["topup_burst_to_request_p99_ms"].detail["of_the_provider_ms"] == 4_000
    assert made["webhook_to_unlock_p99_ms"].value == 200.0


def test_figures_of_webhooks_that_were_not_all_kept_are_refused() -> None:
    lost = FOUND["kept"] | {"answers": {"200": 1, "503": 1}}
    with pytest.raises(Refused, match="not all kept"):
        bench_top_ups._figures({**FOUND, "kept": lost})
