"""64 clients on one account, and on another: after every commit the money is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.credit.clients import CLIENTS, run

OPERATIONS = 5_000


@pytest.mark.timeout(180)
async def test_sixty_four_clients_break_no_invariant_of_two_shared_accounts(tmp_path: Path) -> None:
    figures = await run(tmp_path, OPERATIONS, seed=1)

    assert CLIENTS == 64
    for step in ("reserve", "extend", "settle", "release", "credit"):
        assert figures[step] > 50, step
    assert figures["refused"] > 50, "there must be too little for all"
    assert figures["final"] > 50
    assert figures["repeated"] > 50
