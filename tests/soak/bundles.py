"""A million random calls of accounts with random bundles, each priced by the scalar engine and an
independent Decimal oracle, which takes one increment of one bundle after the other.

    python -m tests.soak.bundles --calls 1000000
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.property.random_bundles import compare

TALKS_PER_OFFER = 100


def main() -> int:
    """Compare so many calls and print one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--from", dest="first", type=int, default=1, help="first seed")
    wanted = parser.parse_args()
    began, calls, seed = time.perf_counter(), 0, wanted.first
    while calls < wanted.calls:
        calls += compare(seed, TALKS_PER_OFFER)
        seed += 1
    line = {
        "name": "bundles_oracle",
        "calls": calls,
        "offers": seed - wanted.first,
        "differences": 0,
        "seconds": round(time.perf_counter() - began, 1),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
