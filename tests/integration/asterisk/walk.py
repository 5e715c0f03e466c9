"""Following an instruction as an operator would: its commands, word by word, on a real exchange."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.asterisk.generated import CARRIER, Generated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.asterisk.server import AsteriskServer

COMMAND_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Walk:
    """A shell on the exchange's host. `/etc/asterisk` is the server's own folder, and there is no
    system user `asterisk`.
    """

    server: AsteriskServer
    folder: Path
    """Where `rtbill pbx-config` writes."""

    @property
    def etc(self) -> Path:
        return self.server.folder / "etc"

    def prepare(self, flavour: str, dialplan: str, trunks: str = CARRIER) -> None:
        """A configuration for rtbill, and the commands that an operator has."""
        text = Generated(flavour, dialplan, trunks).text(self.server.secret)
        port = f'host = "127.0.0.1"\nport = {self.server.ports.ami}\nuser'
        (self.folder / "config.toml").write_text(text.replace('host = "127.0.0.1"\nuser', port))
        asterisk = shlex.join(
            [*self.server.installation.command, "-C", str(self.etc / "asterisk.conf")]
        )
        scripts = {
            "asterisk": f'exec {asterisk} "$@"',
            "fwconsole": f"{asterisk} -rx 'dialplan reload' && {asterisk} -rx 'manager reload'",
            "rtbill": f'exec {shlex.quote(sys.executable)} -m rtbill "$@"',
        }
        (self.folder / "bin").mkdir(exist_ok=True)
        for name, line in scripts.items():
            path = self.folder / "bin" / name
            path.write_text(f"#!/bin/sh\n{line}\n")
            path.chmod(0o755)

    def run(self, commands: str) -> tuple[int, str]:
        """Exit status and output of shell commands, given in the folder of the files."""
        text = commands.replace("/etc/asterisk", str(self.etc)).replace(
            "-o asterisk -g asterisk ", ""
        )
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-e", "-c", text],
            cwd=self.folder / "out",
            env=os.environ | {"PATH": path, "RTBILL_CONFIG": str(self.folder / "config.toml")},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def write_files(self) -> str:
        """`rtbill pbx-config`, and the instructions that it wrote."""
        (self.folder / "out").mkdir(exist_ok=True)
        code, said = self.run("rtbill pbx-config asterisk --out .")
        assert code == 0, said
        return (self.folder / "out" / "INSTALL.md").read_text()

    def append(self, file: str, text: str) -> None:
        """What an editor does."""
        path = self.etc / file
        path.write_text(f"{path.read_text()}\n{text}\n")


def blocks(instructions: str, language: str, section: str) -> list[str]:
    """The fenced blocks of one language in a section, without their indentation."""
    part = instructions[instructions.index(f"## {section}") :]
    part = part[: part.find("\n## ", 5)] if "\n## " in part[5:] else part
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", part, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"(?m)^{indent}", "", text) for indent, text in found]
