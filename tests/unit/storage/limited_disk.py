"""A process whose files may not grow beyond a limit, which it lifts once writing has failed.

Run by test_store.py; prints why writing failed, and what became of the calls.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from rtbill.domain.changes import CreateAccount
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, an_account, posting
from tests.fakes.environment import CountingMeter, ManualClock

LIMIT_BYTES = 600_000


async def run(path: Path) -> None:
    """Post more than fits, wait for the failure, make room, wait for the answers."""
    settings = StoreSettings(path=path, retry_pause_min_s=0.01, retry_pause_max_s=0.05)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, hard))
        calls = [a_call(str(number), note="x" * 4000) for number in range(300)]
        futures = [store.submit(posting(call)) for call in calls]
        while store.failing is None:  # noqa: ASYNC110 - polled, as the alarm does
            await asyncio.sleep(0.01)
        reason = str(store.failing).split(": ")[1].split(";")[0]
        sys.stdout.write(f"failing: {reason}\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        answers = [await future for future in futures]
        versions = [answer.facts.state.version for answer in answers if answer.facts]
        assert versions == list(range(1, 301))
        assert not store.failing
        sys.stdout.write("300 durable in order\n")


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
