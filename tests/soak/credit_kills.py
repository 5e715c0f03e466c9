"""A thousand kill -9 of the biller while it is asked, holds, extends and posts; the checks are
those of the test of six.

python -m tests.soak.credit_kills --kills 1000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.biller.test_kill_asking import killed


def main() -> int:
    """Kill so often, prove the books, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1000)
    wanted = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(killed(Path(folder), wanted.kills, wanted.seed, rings_out=True))
    line = {"name": "kill_asked", **figures, "seconds": round(time.perf_counter() - began, 1)}
    sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
