"""Python's garbage collector while very many values are made at once, and while calls come and go.

Each of its full rounds looks at every value in memory, with everything else standing still: beside
200,000 rates that is a tenth of a second, several times in one import. Values that are to stay for
long are taken out of its sight.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ROUNDS = (10_000, 20, 20)
"""Values more than before at which it looks at the newest, how many such rounds make one that looks
at older ones as well, and how many of those a full one. As Python has it, at 700, 10 and 10, a
thousand calls in progress were looked at several times while each lasted: a tenth of all work.
"""


@contextmanager
def paused_collector() -> Iterator[None]:
    """No rounds inside the block; one block at a time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def keep_out_of_sight() -> None:
    """What exists now is not looked at again; values that nothing refers to go as before."""
    gc.freeze()


def settle_for_service() -> None:
    """What exists now stays as long as the process, and what comes is looked at seldom: searching
    all of it for cycles again and again would hold up calls for tens of milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*ROUNDS)
