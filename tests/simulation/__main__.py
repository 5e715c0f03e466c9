"""The long run: `python -m tests.simulation --seeds 10000 --from 1 --jobs 2`.

Prints each failing seed with what is wrong, and at the end a JSON line; exits 1 when a seed failed.
`--plant NAME` plants a fault of `tests/simulation/planted.py` and says which seed finds it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from multiprocessing import Pool

from tests.simulation import planted
from tests.simulation.run import check

SHOWN_MAX = 5


def main() -> int:
    """0 when every seed is good, or when the planted fault was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--plant", choices=sorted(planted.FAULTS), help="break the biller first")
    chosen = parser.parse_args()
    began = time.monotonic()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    failed: list[int] = []
    with planted.FAULTS[chosen.plant]() if chosen.plant else nullcontext():
        for seed, found in _all(seeds, chosen.jobs):
            if found:
                failed.append(seed)
                lines = [f"seed {seed}", *(f"  {each[:400]}" for each in found[:SHOWN_MAX])]
                sys.stdout.write("\n".join(lines) + "\n")
                sys.stdout.flush()
                if chosen.plant:
                    break
    figures = {
        "simulation_seeds": chosen.seeds,
        "first": chosen.first,
        "failed": failed,
        "seconds": round(time.monotonic() - began, 1),
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if bool(failed) != bool(chosen.plant) else 0


def _all(seeds: Iterable[int], jobs: int) -> Iterator[tuple[int, list[str]]]:
    if jobs == 1:
        yield from map(_one, seeds)
        return
    with Pool(jobs) as pool:
        yield from pool.imap(_one, seeds, chunksize=16)


def _one(seed: int) -> tuple[int, list[str]]:
    return seed, check(seed)


if __name__ == "__main__":
    sys.exit(main())
