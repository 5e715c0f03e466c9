"""Mistakes planted in a running exchange's configuration, and taken out again."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.asterisk.expected_files import Expected
from adapters.asterisk.inspection import inspect
from adapters.asterisk.settings import AsteriskSettings, Trunk
from rtbill.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from rtbill.domain.finding import Finding
    from tests.integration.asterisk.server import AsteriskServer

STAMP = "0123456789ab"
GENERATED = "extensions_check.conf"
"""Stands for a file that rtbill generated: any dialplan with a stamp in it."""
DIALPLAN = f"""; a heading, which a comparison leaves out
[rtbill-stamp]
exten => flavour-plain,1,NoOp()
exten => files-{STAMP},1,NoOp()

[rtbill-sample]                     ; the order of contexts does not matter
exten => s,1,Set(X=${{CUT(A,\\;,1)}})
 same => n,GotoIf($["${{X}}" = ""]?end)
 same => n(end),Return()
"""
MANAGER = "manager.conf"
_INCLUDE = re.compile(r"^#include (\S*manager_rtbill\.conf)$", re.MULTILINE)


class Garden:
    """Where mistakes are planted: the configuration folder of one server."""

    def __init__(self, server: AsteriskServer) -> None:
        self.server = server
        self._folder = server.folder / "etc"
        self._before: dict[str, str | None] = {}

    def read(self, file: str) -> str:
        """A file with rtbill's own AMI user written out, so that each line can be changed."""
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
        self, expected: Expected | None = None, addresses: Sequence[str] = ()
    ) -> list[Finding]:
        """What an inspection finds now."""

        async def elsewhere() -> Sequence[str]:
            return addresses

        return await inspect(self.settings(expected), SystemClock(), elsewhere)

    def settings(self, expected: Expected | None = None) -> AsteriskSettings:
        return AsteriskSettings(
            name="lab",
            host="127.0.0.1",
            port=self.server.ports.ami,
            user="rtbill",
            secret=self.server.secret,
            trunks=(Trunk("carrier", ("PJSIP/carrier-",)),),
            expected=expected or an_expectation(),
        )


def an_expectation(
    *, flavour: str = "plain", dialplan: str = DIALPLAN, emergency: tuple[str, ...] = ("112",)
) -> Expected:
    """What the garden holds before anything is planted."""
    found = re.search(r"files-([0-9a-f]{12})", dialplan)
    assert found is not None
    return Expected(
        flavour=flavour, stamp=found[1], files={GENERATED: dialplan}, emergency=emergency
    )


def as_freepbx17(garden: Garden, trunk_dial: str) -> Expected:
    """Give the exchange the shape of FreePBX 17, and files that were made for it."""
    dialplan = DIALPLAN.replace("flavour-plain", "flavour-freepbx17")
    garden.write(GENERATED, dialplan)
    garden.write(
        "extensions_additional.conf",
        f"""[outbound-allroutes]
exten => 112,1,NoOp()
[dialOne-with-exten]
exten => _X,1,Return()
[trunk-dial-with-exten]
exten => _X,1,{trunk_dial}
 same => n,Return()
""",
    )
    garden.append("extensions.conf", "#include extensions_additional.conf")
    return an_expectation(flavour="freepbx17", dialplan=dialplan)


@asynccontextmanager
async def a_garden(server: AsteriskServer) -> AsyncIterator[Garden]:
    """A server with generated files installed and nothing wrong."""
    garden = Garden(server)
    garden.write(GENERATED, DIALPLAN)
    garden.append("extensions.conf", f"#include {GENERATED}")
    await asyncio.to_thread(garden.reload)
    try:
        yield garden
    finally:
        await asyncio.to_thread(garden.restore)
