"""A thousand prepaid calls on a real Asterisk, each until its money is gone; the checks are those
of the test of forty. Without an Asterisk that can be had it fails.

python -m tests.soak.cuts --calls 1000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.asterisk import packages
from tests.integration.asterisk.cuts import Cut, cut, figures
from tests.integration.asterisk.lab import open_lab
from tests.integration.asterisk.server import AsteriskServer

AT_ONCE = 40


async def cut_all(server: AsteriskServer, folder: Path, calls: int, seed: int) -> list[Cut]:
    """So many calls, some tens at a time; every other time the exchange asks before it dials."""
    cuts: list[Cut] = []
    round_ = 0
    while len(cuts) < calls:
        here = folder / f"round-{round_}"
        here.mkdir()
        wanted = min(AT_ONCE, calls - len(cuts))
        async with open_lab(server) as lab:
            cuts += await cut(lab, here, wanted, seed + round_, inline=round_ % 2 == 0)
        round_ += 1
    return cuts


def main() -> int:
    """Cut so many calls, check each, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--asterisk", type=int, choices=tuple(packages.SUITES), default=22)
    wanted = parser.parse_args()
    installation = packages.install(wanted.asterisk)
    if installation is None:
        sys.stderr.write(f"no Asterisk: {packages.why_not(wanted.asterisk)}\n")
        return 1
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with AsteriskServer(installation, folder / "asterisk") as server:
            cuts = asyncio.run(cut_all(server, folder, wanted.calls, wanted.seed))
    line = {
        "name": "timed_cuts",
        "asterisk": wanted.asterisk,
        **figures(cuts),
        "seconds": round(time.perf_counter() - began, 1),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
