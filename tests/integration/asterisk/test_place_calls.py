"""Test calls through a real exchange, placed by an independent AMI client and its own user."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.asterisk.lab import Lab


async def place(lab: Lab, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and the calls that `python -m simulator call` tells of."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "call", "--via", "ami"),
        *("--port", str(lab.server.ports.ami), "--user", "tester", "--secret", lab.server.secret),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in out.splitlines()]


async def test_a_test_call_is_placed_and_tells_when_it_was_answered(lab: Lab) -> None:
    status, calls = await place(
        lab,
        *("--from", "1001", "--to", "555300", "--seconds", "1"),
        *("--channel", "PJSIP/%s@carrier"),
    )
    assert status == 0, calls
    (call,) = calls
    assert call["answered_at"] is not None
    assert call["ended_at"] > call["answered_at"]
    assert await lab.payer_of("555300") == "1001"
