"""Ten million random calls, each priced by the scalar engine, in columns, and by an independent
Decimal oracle: every kind of terms, bands and plan, in more than twenty zones.

The oracle walks the increments of one random offer and answer time once; a thousand random talk
times are then looked up in what it noted.

    python -m tests.soak.rating --calls 10000000
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.property.random_calls import compare

TALKS_PER_WALK = 1_000
LONGEST_S = 7_200


def main() -> int:
    """Compare so many calls and print one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--from", dest="first", type=int, default=1, help="first seed")
    wanted = parser.parse_args()
    began, calls, seed = time.perf_counter(), 0, wanted.first
    while calls < wanted.calls:
        calls += compare(seed, TALKS_PER_WALK, LONGEST_S)
        seed += 1
    seconds = time.perf_counter() - began
    line = {
        "name": "rating_oracle",
        "calls": calls,
        "offers": seed - wanted.first,
        "differences": 0,
        "seconds": round(seconds, 1),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
