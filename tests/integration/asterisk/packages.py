"""Debian's Asterisk, unpacked into a folder: no root, nothing installed on the machine.

The packages come from the mirror the machine's own apt uses. apt resolves them against an empty
package status, so the folder holds the whole closure, the C library included, and the host's
libraries do not matter.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITES = {22: "forky", 16: "bullseye"}
PACKAGES = {
    22: ("asterisk", "asterisk-modules"),
    16: ("asterisk", "asterisk-modules", "asterisk-voicemail"),
}
APT_TIMEOUT_S = 240
LOCK_TIMEOUT_S = 360
UNUSED = ("doc", "man", "locale", "icu", "perl", "vim")
DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Installation:
    """An unpacked Asterisk."""

    root: Path
    version: str
    """What it says of itself, for example "Asterisk 22.10.1"."""

    @property
    def command(self) -> list[str]:
        """The words that start it, with its own loader and libraries."""
        libraries = self._only("usr/lib/*-linux-gnu")
        loaders = [
            *libraries.glob("ld-linux*.so.*"),
            *self.root.glob("lib/*-linux-gnu/ld-linux*.so.*"),
        ]
        paths = [libraries, self.root / "lib" / libraries.name, self.root / "usr/lib"]
        return [
            str(loaders[0]),
            "--library-path",
            ":".join(map(str, paths)),
            str(self.root / "usr/sbin/asterisk"),
        ]

    @property
    def modules(self) -> Path:
        """Folder of the loadable modules."""
        return next((self.root / "usr/lib").rglob("app_dial.so")).parent

    def _only(self, pattern: str) -> Path:
        return next(self.root.glob(pattern))


class NotAvailable(Exception):
    """Raised when a version cannot be had here; the text says why."""


def install(version: int) -> Installation | None:
    """Unpack Asterisk of one main version once; None when it cannot be had, see why_not()."""
    try:
        return require(version)
    except NotAvailable as reason:
        _reasons[version] = str(reason)
        return None


def why_not(version: int) -> str:
    """The reason of the last install() that gave None."""
    return _reasons.get(version, "not tried")


_reasons: dict[int, str] = {}


def require(version: int) -> Installation:
    """As install(), but raises NotAvailable."""
    cache = cache_folder()
    root = cache / f"asterisk-{version}"
    done = root / ".done"
    if not done.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"asterisk-{version}.lock"):
            if not done.exists():
                _build(version, cache)
    return Installation(root, done.read_text().strip())


def cache_folder() -> Path:
    """Where unpacked servers are kept between runs."""
    chosen = os.environ.get("RTBILL_TEST_CACHE")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[3] / "var"


def _build(version: int, cache: Path) -> None:
    """Download, unpack beside the final place, prove that it runs, then move it there."""
    work = cache / f"asterisk-{version}.apt"
    root = cache / f"asterisk-{version}.new"
    final = cache / f"asterisk-{version}"
    for folder in (work, root, final):
        shutil.rmtree(folder, ignore_errors=True)
    root.mkdir()
    try:
        for package in _download(version, work):
            _run(["dpkg", "-x", str(package), str(root)])
        _trim(root)
        said = _run([*Installation(root, "").command, "-V"]).strip()
        if not said.startswith(f"Asterisk {version}."):
            raise NotAvailable(f"{SUITES[version]} now has {said}")
        (root / ".done").write_text(said + "\n")
        root.rename(final)
    except (OSError, StopIteration, IndexError) as error:
        raise NotAvailable(
            f"packages of {SUITES[version]} could not be unpacked: {error}"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


def _trim(root: Path) -> None:
    """Drop what a test never opens, and do update-alternatives' work for the prompts."""
    for name in UNUSED:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    sounds = root / "usr/share/asterisk/sounds"
    if not (sounds / "en").exists():
        voices = sorted(path.name for path in sounds.glob("en_US_*"))
        (sounds / "en").symlink_to(voices[0])


def _download(version: int, work: Path) -> list[Path]:
    """Fetch the packages and all they need."""
    for part in ("lists/partial", "archives/partial", "state"):
        (work / part).mkdir(parents=True)
    (work / "status").touch()
    signed_by = f"[signed-by={DEBIAN_KEYRING}] " if DEBIAN_KEYRING.exists() else ""
    source = f"deb {signed_by}{_debian_mirror(work)} {SUITES[version]} main\n"
    (work / "sources.list").write_text(source)
    settings = _apt_settings(work)
    settings["Dir::Etc::sourcelist"] = str(work / "sources.list")
    settings["Dir::Etc::sourceparts"] = "/dev/null"
    environment = _apt_environment(work / "apt.conf", settings)
    _run(["apt-get", "update", "-qq"], environment)
    _run(
        ["apt-get", "install", "-qq", "-y", "--download-only", *PACKAGES[version]],
        environment,
    )
    packages = sorted((work / "archives").glob("*.deb"))
    if not packages:
        raise NotAvailable(f"apt downloaded nothing from {SUITES[version]}")
    return packages


def _debian_mirror(work: Path) -> str:
    """Address of the machine's own Debian source."""
    found = _targets(None)
    if found is None:
        # No lists on this machine: fetch them into our own folder, which needs no root.
        environment = _apt_environment(work / "own.conf", _apt_settings(work))
        _run(["apt-get", "update", "-qq"], environment)
        found = _targets(environment)
    if found is None:
        raise NotAvailable("this machine's apt knows no Debian mirror")
    return found


def _targets(environment: dict[str, str] | None) -> str | None:
    form = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    listed = _run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"], environment
    )
    for line in listed.splitlines():
        origin, label, uri = line.split("|", 2)
        if origin == label == "Debian":
            return uri
    return None


def _apt_settings(work: Path) -> dict[str, str]:
    return {
        "Dir::State": str(work / "state"),
        "Dir::State::lists": str(work / "lists"),
        "Dir::State::status": str(work / "status"),
        "Dir::Cache": str(work),
        "Dir::Cache::archives": str(work / "archives"),
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "30",
        "Acquire::https::Timeout": "30",
        "Acquire::Check-Valid-Until": "false",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "APT::Update::Error-Mode": "any",
        "Debug::NoLocking": "1",
    }


def _apt_environment(path: Path, settings: dict[str, str]) -> dict[str, str]:
    path.write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    return {**os.environ, "APT_CONFIG": str(path), "LC_ALL": "C"}


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run one program to its end and give back what it printed."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=APT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise NotAvailable(f"{command[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise NotAvailable(f"{command[0]} took longer than {APT_TIMEOUT_S} s") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-400:] or "no message"
        raise NotAvailable(f"{' '.join(command[:2])} failed: {said}")
    return done.stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file lock, so that two test runs do not unpack into the same folder."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with path.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NotAvailable(f"{path.name} is held by another process") from None
                time.sleep(0.2)
        yield
