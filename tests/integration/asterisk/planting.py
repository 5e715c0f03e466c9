"""Mistakes planted in a running exchange's configuration, and taken out again."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.asterisk.inspection.exchange_inspection import inspect
from rtbill.app.exchanges import asterisk_settings, expected_files
from rtbill.clock import SystemClock
from rtbill.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from adapters.asterisk.settings import AsteriskSettings
    from tests.integration.asterisk.generated import Generated
    from tests.integration.asterisk.server import AsteriskServer

FILE = "extensions_rtbill.conf"
MANAGER = "manager.conf"
OWN_MANAGER = "manager_rtbill.conf"
AGE = frozenset({"end-of-life", "cve"})
"""What is true of Asterisk 16 whatever its operator does."""
_INCLUDE = re.compile(r"^#include (\S*manager_rtbill\.conf)$", re.MULTILINE)


class Garden:
    """Where mistakes are planted: the configuration folder of one server."""

    def __init__(self, server: AsteriskServer, generated: Generated | None = None) -> None:
        self.server = server
        self.generated = generated or server.generated
        """What rtbill was asked to write for it, and what an inspection expects."""
        self._folder = server.folder / "etc"
        self._before: dict[str, str | None] = {}

    def read(self, file: str) -> str:
        """A file, with rtbill's own AMI user written out, so that each line can be changed."""
        text = (self._folder / file).read_text()
        return _INCLUDE.sub(lambda found: (self._folder / found[1]).read_text(), text)

    def write(self, file: str, text: str | None) -> None:
        """A new content; None removes the file."""
        path: Path = self._folder / file
        self._before.setdefault(file, path.read_text() if path.exists() else None)
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text)

    def change(self, file: str, old: str, new: str) -> None:
        """Replace something that must be there."""
        text = self.read(file)
        assert old in text
        self.write(file, text.replace(old, new))

    def append(self, file: str, text: str) -> None:
        self.write(file, f"{self.read(file)}\n{text}\n")

    def regenerate(self, generated: Generated) -> None:
        """Have rtbill write its files anew; nothing is loaded by this."""
        self.generated = generated
        for name, text in generated.files(self.server.secret).items():
            self.write(name, text)

    def reload(self) -> None:
        """Have the exchange read what was planted."""
        self.server.cli("manager reload")
        self.server.cli("dialplan reload")

    def restore(self) -> None:
        """Take everything out."""
        for file, text in self._before.items():
            self.write(file, text)
        self._before.clear()
        self.reload()

    async def look(
        self, addresses: Sequence[str] = (), *, emergency: tuple[str, ...] | None = None
    ) -> list[Finding]:
        """What an inspection finds now; `emergency` numbers in place of the configured ones."""

        async def elsewhere() -> Sequence[str]:
            return addresses

        settings = self.settings()
        if emergency is not None:
            expected = replace(settings.expected, emergency=emergency)
            settings = replace(settings, expected=expected)
        return await inspect(settings, SystemClock(), elsewhere)

    def settings(self) -> AsteriskSettings:
        """As the configuration that the files are written from makes them."""
        config = self.generated.config(self.server.secret)
        pbx = config.pbxs[0]
        settings = asterisk_settings(pbx, expected_files(config, pbx))
        return replace(settings, port=self.server.ports.ami)


def planted(findings: list[Finding]) -> dict[str, Severity]:
    """Problems and warnings by code, without the age of the exchange."""
    return {
        finding.code: finding.severity
        for finding in findings
        if finding.severity is not Severity.NOTE and finding.code not in AGE
    }


def the_text(findings: list[Finding], code: str) -> str:
    """What the only finding of this code says."""
    [found] = [finding for finding in findings if finding.code == code]
    assert found.remedy, "it says what to do"
    return found.text


@asynccontextmanager
async def a_garden(server: AsteriskServer) -> AsyncIterator[Garden]:
    """A server whose generated files are installed, with nothing wrong."""
    garden = Garden(server)
    try:
        yield garden
    finally:
        await asyncio.to_thread(garden.restore)
