"""Debian's Asterisk, unpacked into a folder: no root, nothing installed on the machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.integration import debian_packages
from tests.integration.debian_packages import (
    APT_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    NotAvailable,
    cache_folder,
)

__all__ = ["APT_TIMEOUT_S", "LOCK_TIMEOUT_S", "NotAvailable", "cache_folder"]

SUITES = {22: "forky", 16: "bullseye"}
PACKAGES = {
    22: ("asterisk", "asterisk-modules"),
    16: ("asterisk", "asterisk-modules", "asterisk-voicemail"),
}


@dataclass(frozen=True, slots=True)
class Installation:
    """An unpacked Asterisk."""

    root: Path
    version: str
    """What it says of itself, for example "Asterisk 22.10.1"."""

    @property
    def command(self) -> list[str]:
        """The words that start it, with its own loader and libraries."""
        return debian_packages.command(self.root, "usr/sbin/asterisk")

    @property
    def modules(self) -> Path:
        """Folder of the loadable modules."""
        return next((self.root / "usr/lib").rglob("app_dial.so")).parent


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
    root, said = debian_packages.unpack(
        f"asterisk-{version}", SUITES[version], PACKAGES[version], partial(_finish, version)
    )
    return Installation(root, said)


def _finish(version: int, root: Path) -> str:
    """Do update-alternatives' work for the prompts, and ask for the version."""
    sounds = root / "usr/share/asterisk/sounds"
    if not (sounds / "en").exists():
        voices = sorted(path.name for path in sounds.glob("en_US_*"))
        (sounds / "en").symlink_to(voices[0])
    said = debian_packages.run([*Installation(root, "").command, "-V"]).strip()
    if not said.startswith(f"Asterisk {version}."):
        raise NotAvailable(f"{SUITES[version]} now has {said}")
    return said
