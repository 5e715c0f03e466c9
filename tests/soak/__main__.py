"""All that takes longer than the tests may, one after the other; a JSON line each.

python -m tests.soak            some hours on two cores
python -m tests.soak --scale 0.01
"""

from __future__ import annotations

import argparse
import subprocess
import sys

RUNS = (
    ("tests.soak.rating", "--calls", 10_000_000),
    ("tests.soak.bundles", "--calls", 1_000_000),
    ("tests.simulation", "--jobs=2", "--seeds", 10_000),
    ("tests.soak.kills", "--kills", 1_000),
    ("tests.soak.credit_kills", "--kills", 1_000),
    ("tests.soak.clients", "--operations", 100_000),
    ("tests.soak.cuts", "--calls", 1_000),
)
WHATEVER_THE_SCALE = (("tests.simulation", "--plant=all", "--seeds", 200),)
"""Each fault that is planted into the biller must be found within so many seeds."""


def main() -> int:
    """How many of the runs failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the full length")
    scale = parser.parse_args().scale
    failed = 0
    scaled = [(*command, max(1, round(full * scale))) for *command, full in RUNS]
    for command in (*scaled, *WHATEVER_THE_SCALE):
        words = [sys.executable, "-m", *map(str, command)]
        failed += subprocess.run(words, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
