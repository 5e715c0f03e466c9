"""The hall that every comparison here is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.app.hall import Hall


@pytest.fixture
async def hall(tmp_path: Path) -> Hall:
    return await Hall(tmp_path).open()
