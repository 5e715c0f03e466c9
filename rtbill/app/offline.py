"""Orders and reading without a running service, for the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rtbill.app.books import open_books
from rtbill.clock import SystemClock
from rtbill.config import Config
from rtbill.domain.errors import Refused
from rtbill.storage.reader import SqliteReader


class SilentMeter:
    """ports.Meter that keeps nothing."""

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Nothing."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Nothing."""

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Nothing."""


def order(config: Config, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer to one order, carried out in this process under the store's exclusive lock."""
    return asyncio.run(_order(config, verb, arguments))


async def _order(config: Config, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async with open_books(config, SystemClock(), SilentMeter()) as books:
        return await books.desk.order(verb, arguments)


@asynccontextmanager
async def open_reader(config: Config) -> AsyncIterator[SqliteReader]:
    """The books for reading, whether or not a service runs; Refused when there are none yet."""
    if not config.store.path.exists():
        raise Refused(f"there is no database {config.store.path}; `rtbill migrate` makes it")
    async with SqliteReader(config.store.path) as reader:
        yield reader
