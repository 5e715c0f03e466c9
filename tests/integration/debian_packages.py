"""Debian's packages unpacked into a folder: no root, nothing installed on the machine.

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
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

APT_TIMEOUT_S = 240
LOCK_TIMEOUT_S = 360
UNUSED = ("doc", "man", "locale", "icu", "perl", "vim")
DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NotAvailable(Exception):
    """Raised when a server cannot be had here; the text says why."""


def cache_folder() -> Path:
    """Where unpacked servers are kept between runs."""
    chosen = os.environ.get("RTBILL_TEST_CACHE")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[2] / "var"


def is_unpacked(name: str) -> bool:
    """Whether this server is there from an earlier run."""
    return (cache_folder() / name / ".done").exists()


def unpack(
    name: str, suite: str, packages: Sequence[str], finish: Callable[[Path], str]
) -> tuple[Path, str]:
    """The folder of a server, made once, and what it said of itself when it was tried.

    `finish` trims the new folder, proves that the server runs, and gives back what it says;
    NotAvailable when the packages cannot be had or do not run.
    """
    cache = cache_folder()
    root = cache / name
    done = root / ".done"
    if not done.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"{name}.lock"):
            if not done.exists():
                _build(root, suite, packages, finish)
    return root, done.read_text().strip()


def command(root: Path, program: str) -> list[str]:
    """The words that start a program of the folder, with its own loader and libraries."""
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    loaders = [
        *libraries.glob("ld-linux*.so.*"),
        *root.glob("lib/*-linux-gnu/ld-linux*.so.*"),
    ]
    paths = [libraries, root / "lib" / libraries.name, root / "usr/lib"]
    return [str(loaders[0]), "--library-path", ":".join(map(str, paths)), str(root / program)]


def run(
    command: list[str], environment: dict[str, str] | None = None, stdin: str | None = None
) -> str:
    """Run one program to its end and give back what it printed; NotAvailable when it fails."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            input=stdin or "",
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


def _build(final: Path, suite: str, packages: Sequence[str], finish: Callable[[Path], str]) -> None:
    """Download, unpack beside the final place, prove that it runs, then move it there."""
    work, root = final.with_suffix(".apt"), final.with_suffix(".new")
    for folder in (work, root, final):
        shutil.rmtree(folder, ignore_errors=True)
    root.mkdir()
    try:
        for package in _download(suite, packages, work):
            run(["dpkg", "-x", str(package), str(root)])
        for name in UNUSED:
            shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
        said = finish(root)
        (root / ".done").write_text(said + "\n")
        root.rename(final)
    except (OSError, StopIteration, IndexError) as error:
        raise NotAvailable(f"packages of {suite} could not be unpacked: {error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


def _download(suite: str, packages: Sequence[str], work: Path) -> list[Path]:
    """Fetch the packages and all they need."""
    for part in ("lists/partial", "archives/partial", "state"):
        (work / part).mkdir(parents=True)
    (work / "status").touch()
    signed_by = f"[signed-by={DEBIAN_KEYRING}] " if DEBIAN_KEYRING.exists() else ""
    source = f"deb {signed_by}{_debian_mirror(work)} {suite} main\n"
    (work / "sources.list").write_text(source)
    settings = _apt_settings(work)
    settings["Dir::Etc::sourcelist"] = str(work / "sources.list")
    settings["Dir::Etc::sourceparts"] = "/dev/null"
    environment = _apt_environment(work / "apt.conf", settings)
    run(["apt-get", "update", "-qq"], environment)
    run(["apt-get", "install", "-qq", "-y", "--download-only", *packages], environment)
    found = sorted((work / "archives").glob("*.deb"))
    if not found:
        raise NotAvailable(f"apt downloaded nothing from {suite}")
    return found


def _debian_mirror(work: Path) -> str:
    """Address of the machine's own Debian source."""
    found = _targets(None)
    if found is None:
        # No lists on this machine: fetch them into our own folder, which needs no root.
        environment = _apt_environment(work / "own.conf", _apt_settings(work))
        run(["apt-get", "update", "-qq"], environment)
        found = _targets(environment)
    if found is None:
        raise NotAvailable("this machine's apt knows no Debian mirror")
    return found


def _targets(environment: dict[str, str] | None) -> str | None:
    form = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    listed = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], environment)
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
