"""Books that every hall begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.biller.process import Biller
from tests.integration.payments.hall import RATES, rooms


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with prices and ten rooms that have 6.00 each."""
    biller = Biller(tmp_path_factory.mktemp("prepared"), 1)
    biller.prepare(rooms("6.00"), RATES)
    return biller.database
