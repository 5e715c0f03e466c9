"""Prepaid calls are cut on a real exchange when their money is gone: not later, and not before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.cuts import cut, figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.asterisk.lab import Lab

CALLS = 40
GUARD_S = 1.0
"""On a machine that runs other tests at the same time; the soak makes do with half of it."""
FIGURES = "RTBILL_TEST_FIGURES"
"""Names a file to which the lateness of the cuts is added, a JSON line for each test."""


@pytest.mark.xdist_group("cuts")  # forty calls at a time are enough
@pytest.mark.timeout(120)
@pytest.mark.parametrize("inline", [True, False], ids=["inline", "reactive"])
async def test_forty_calls_are_cut_in_time_and_none_spends_more_than_it_had(
    lab: Lab, tmp_path: Path, *, inline: bool
) -> None:
    seed = lab.server.version + inline
    cuts = await cut(lab, tmp_path, CALLS, seed, inline=inline, guard_s=GUARD_S)

    assert len(cuts) == CALLS
    line = {
        "name": "timed_cuts",
        "asterisk": lab.server.version,
        "mode": "inline" if inline else "reactive",
        **figures(cuts),
    }
    report(line)


def report(figures_of_test: Mapping[str, object]) -> None:
    """Add a line to the file, where one is named."""
    if path := os.environ.get(FIGURES):
        with Path(path).open("a") as file:
            file.write(json.dumps(figures_of_test) + "\n")
