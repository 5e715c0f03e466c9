"""64 clients that reserve, extend, settle, release and credit on two accounts; the checks are those
of the test of 5,000 steps.

python -m tests.soak.clients --operations 100000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.credit.clients import run


def main() -> int:
    """Have so many steps done, prove the books, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1000)
    wanted = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(run(Path(folder), wanted.operations, wanted.seed))
    line = {"name": "credit_clients", **figures, "seconds": round(time.perf_counter() - began, 1)}
    sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
