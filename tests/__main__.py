"""All tests, in two runs of pytest at once; the second is printed when both are over.

The tests of real servers mostly wait, so there are more of them at a time than the machine has
processors. All others compute: they take what processor time is left, at a low priority, so that a
telephone call is not ended late because a price is being worked out beside it.

python -m tests
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

REAL_SERVERS = "tests/integration"
AT_ONCE = 6
NICENESS = 10
COMPUTED = ("-otimeout=300", "-ocache_dir=.pytest_cache/computed")
"""A test that computes may get a fraction of a processor only; and what the other run keeps for the
next one is not overwritten.
"""


def main() -> int:
    """0 when every test has passed."""
    # Started in the background of a shell, we would let no test stop a command by Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = dict(os.environ)
    # Started a hundred times and more, the program would compile itself each time.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as said:
        computing = subprocess.Popen(
            _pytest(os.cpu_count() or 1, "tests", f"--ignore={REAL_SERVERS}", *COMPUTED),
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        os.setpriority(os.PRIO_PROCESS, computing.pid, NICENESS)
        with computing:
            real = subprocess.run(_pytest(AT_ONCE, REAL_SERVERS), env=environment, check=False)
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return real.returncode or computing.returncode


def _pytest(workers: int, *words: str) -> list[str]:
    return [sys.executable, "-m", "pytest", f"-n{workers}", "--dist=loadgroup", *words]


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[1])
    sys.exit(main())
