"""Counts, past the program, what a load left in the books: `python -m rtbill.app.bench_recount`.

A process of its own that shares nothing with the service but the file.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

_NEW_CALLS = """
    SELECT count(*), count(DISTINCT key), coalesce(sum(ended_at - answered_at), 0),
           coalesce(sum(price_micros), 0)
    FROM call WHERE id > ?
"""
_NEW_TRANSFERS = """
    SELECT count(*), count(DISTINCT call), coalesce(sum(amount_micros), 0)
    FROM transfer WHERE id > ? AND kind = 'call' AND call IN (SELECT key FROM call WHERE id > ?)
"""

_OPEN_HOLDS = """
    SELECT count(*) FROM open_hold WHERE (key, opened_at) IN (
        SELECT hold, opened_at FROM hold_event WHERE step = 'open' AND id > ?
    )
"""


def recount(path: Path, last_call: int, last_transfer: int, last_step: int) -> dict[str, int]:
    """Calls and transfers after these ids, with sums, and holds opened since and still open."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        calls, keys, talk_us, price = connection.execute(_NEW_CALLS, (last_call,)).fetchone()
        posted, posted_keys, amount = connection.execute(
            _NEW_TRANSFERS, (last_transfer, last_call)
        ).fetchone()
        (holds,) = connection.execute(_OPEN_HOLDS, (last_step,)).fetchone()
    finally:
        connection.close()
    return {
        "calls": calls,
        "distinct_calls": keys,
        "talk_us": talk_us,
        "price_micros": price,
        "transfers": posted,
        "distinct_transfers": posted_keys,
        "amount_micros": amount,
        "open_holds": holds,
    }


def problems(counted: dict[str, int], calls: int, talk_us: int, unheard: int = 0) -> list[str]:
    """How the books differ from what the load generator did; empty when they agree exactly. As many
    holds as questions whose answer was not heard may still be open.
    """
    found = []
    if not counted["calls"] == counted["distinct_calls"] == calls:
        found.append(f"{calls} calls were made, the books have {counted['calls']}")
    if counted["talk_us"] != talk_us:
        found.append(f"{talk_us} us were talked, the books have {counted['talk_us']}")
    if not counted["transfers"] == counted["distinct_transfers"] == calls:
        found.append(f"{calls} calls were made, {counted['transfers']} were posted")
    if counted["amount_micros"] != counted["price_micros"]:
        found.append(f"prices {counted['price_micros']}, postings {counted['amount_micros']}")
    if counted["open_holds"] > unheard:
        found.append(f"all calls are over, {counted['open_holds']} holds are open")
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(recount(Path(sys.argv[1]), *map(int, sys.argv[2:5]))))
