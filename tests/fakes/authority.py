"""A certificate authority of the tests, made with the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates; each has a file of its own in the folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._key = folder / f"{name}.key"
        self.cert = folder / f"{name}.pem"
        openssl(
            *("req", "-x509", *KEY, "-days", "30", "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", str(self._key), "-out", str(self.cert)),
        )

    def issue(self, name: str, names: str = "DNS:pbx.example.org", days: int = 30) -> Pair:
        """A certificate for these names; with `days=-1` it is over."""
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        openssl(
            *("req", *KEY, "-subj", f"/CN={name}", "-keyout", str(pair.key)),
            *("-out", str(request)),
        )
        openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.cert), "-CAkey", str(self._key)),
            *("-CAcreateserial", "-days", str(days), "-extfile", str(extensions)),
            *("-out", str(pair.cert)),
        )
        pair.key.chmod(0o400)
        return pair


def openssl(*arguments: str) -> None:
    """Run one command of it; fails loudly."""
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
