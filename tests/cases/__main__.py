"""Foreign cases against our rating: `python -m tests.cases FILE…`.

A line for each case, its parts divided by tabs: PASS, FAIL or SKIP, id, kind, what was expected,
what ours says, and the reason where there is one. Exits 1 when a case failed, 2 when a file cannot
be read.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.cases.reading import BadCaseFile, read_cases
from tests.cases.running import Verdict, run_case


def main() -> int:
    """0 when no case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.cases", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    try:
        cases = [case for path in parser.parse_args().files for case in read_cases(path)]
    except BadCaseFile as error:
        sys.stderr.write(f"{error}\n")
        return 2
    counted: Counter[Verdict] = Counter()
    for case in cases:
        result = run_case(case)
        counted[result.verdict] += 1
        sys.stdout.write(f"{result}\n")
    passed, failed, skipped = (counted[verdict] for verdict in Verdict)
    sys.stdout.write(f"{passed} passed, {failed} failed, {skipped} skipped\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
