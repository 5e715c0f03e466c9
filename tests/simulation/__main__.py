"""Many seeds: `python -m tests.simulation --seeds 10000 --from 1 --jobs 2`, or `make simulate`.

Prints each failing seed with what is wrong, and at the end a JSON line: how many seeds, what
happened in them, and how much was overspent where nothing could have prevented it. Exits 1 when a
seed failed. `--plant NAME` plants a fault of `tests/simulation/planted.py` and says which seed
finds it; `--plant all` does so with each, and exits 1 when one is not found.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import Pool
from typing import Any

from tests.simulation import planted
from tests.simulation.press import FAULTS
from tests.simulation.run import Outcome, outcome

SHOWN_MAX = 5
SEED_CHARS_MAX = 400


def main() -> int:
    """0 when every seed is good, or when every planted fault was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    plants = [*sorted(planted.FAULTS), "all"]
    parser.add_argument("--plant", choices=plants, help="break the biller first")
    chosen = parser.parse_args()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    if chosen.plant:
        names = sorted(planted.FAULTS) if chosen.plant == "all" else [chosen.plant]
        return sum(not _is_found(name, seeds) for name in names)
    began = time.monotonic()
    mix: Counter[str] = Counter()
    failed: list[int] = []
    for seed, found in _all(seeds, chosen.jobs):
        mix += found.mix
        if found.violations:
            failed.append(seed)
            _say(f"seed {seed}")
            for each in found.violations[:SHOWN_MAX]:
                _say(f"  {each[:SEED_CHARS_MAX]}")
    _say(json.dumps(_figures(chosen.seeds, chosen.first, failed, mix, time.monotonic() - began)))
    return 1 if failed else 0


def _figures(
    seeds: int, first: int, failed: list[int], mix: Counter[str], seconds: float
) -> dict[str, Any]:
    return {
        "simulation_seeds": seeds,
        "first": first,
        "failed": failed,
        "seconds": round(seconds, 1),
        "faults": {kind: mix[kind] for kind in FAULTS},
        "happened": {name: mix[name] for name in sorted(mix.keys() - set(FAULTS))},
    }


def _is_found(name: str, seeds: Iterable[int]) -> bool:
    began = time.monotonic()
    with planted.FAULTS[name]():
        found_by = next((seed for seed in seeds if outcome(seed).violations), None)
    seconds = round(time.monotonic() - began, 1)
    _say(json.dumps({"planted": name, "found_by_seed": found_by, "seconds": seconds}))
    return found_by is not None


def _all(seeds: Iterable[int], jobs: int) -> Iterator[tuple[int, Outcome]]:
    if jobs == 1:
        yield from map(_one, seeds)
        return
    with Pool(jobs) as pool:
        yield from pool.imap(_one, seeds, chunksize=16)


def _one(seed: int) -> tuple[int, Outcome]:
    return seed, outcome(seed)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
