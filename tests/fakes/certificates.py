"""A private certificate authority and certificates of it, made anew by openssl in a moment."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
LOOPBACK = "IP:127.0.0.1,DNS:localhost"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files."""

    cert_file: Path
    key_file: Path


class Authority:
    """Signs certificates; `cert_file` is what a client must trust."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed: no certificates can be made")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
        self.cert_file = self._own.cert_file
        _openssl("req", "-x509", *_KEY, "-subj", f"/CN={name}", *_out(self._own))

    def certificate(self, name: str, reached_as: str = LOOPBACK, *, days: int = 2) -> Certificate:
        """A certificate for whoever is reached under these names; with days below zero, one that
        has expired.
        """
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request, extra = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extra.write_text(f"subjectAltName={reached_as}\n")
        key = str(made.key_file)
        _openssl("req", *_KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", str(request))
        signer = ("-CA", str(self._own.cert_file), "-CAkey", str(self._own.key_file))
        names = ("-extfile", str(extra), "-days", str(days), "-CAcreateserial")
        out = ("-in", str(request), "-out", str(made.cert_file))
        _openssl("x509", "-req", *signer, *names, *out)
        return made


def _out(made: Certificate) -> tuple[str, ...]:
    return ("-days", "2", "-keyout", str(made.key_file), "-out", str(made.cert_file))


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)
