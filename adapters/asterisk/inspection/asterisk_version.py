"""What an Asterisk says about its version, and until when its series is looked after.

`22.10.1`, `certified/20.7-cert11`, and as packaged by a distribution
`16.28.0~dfsg-0+deb11u4`: the part after the number names the package, whose maker may have put
fixes in without changing the number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from rtbill.domain.finding import Finding, note, warning

_VERSION = re.compile(r"(?<![\d.])(\d+)\.(\d+)(?:\.(\d+))?(?:-cert(\d+))?")
_PACKAGED = re.compile(r"dfsg|deb\d|ubuntu")

SUPPORT_ENDS = {
    16: date(2023, 10, 9),
    17: date(2021, 10, 28),
    18: date(2025, 10, 20),
    19: date(2023, 11, 2),
    20: date(2027, 10, 19),
    21: date(2026, 10, 18),
    22: date(2029, 10, 16),
    23: date(2027, 10, 15),
}
"""End of security fixes, by series: the project's own table "Asterisk Versions", as of 2026-06."""
LONG_TERM_SERIES = 22
"""The long-term series to move to."""


@dataclass(frozen=True, slots=True)
class Version:
    """One release of Asterisk."""

    series: int
    release: tuple[int, int]
    """10 and 1 of 22.10.1."""
    certified: int | None
    """11 of 20.7-cert11; None for an ordinary release."""
    is_packaged: bool
    """Made by a distribution, which mends without changing the number."""

    def __str__(self) -> str:
        if self.certified is not None:
            return f"{self.series}.{self.release[0]}-cert{self.certified}"
        return f"{self.series}.{self.release[0]}.{self.release[1]}"


def parse_version(text: str) -> Version | None:
    """The version of an `AsteriskVersion`; None for one built from a source tree."""
    found = _VERSION.search(text)
    if found is None:
        return None
    series, release, patch, certified = found.groups()
    return Version(
        series=int(series),
        release=(int(release), int(patch or 0)),
        certified=int(certified) if certified else None,
        is_packaged=_PACKAGED.search(text) is not None,
    )


def support_findings(text: str, today: date) -> list[Finding]:
    """Whether the version can be read, and whether its series still gets security fixes."""
    version = parse_version(text)
    if version is None:
        return [
            note(
                "version",
                f"it calls itself Asterisk {text or 'of no version'}, which is no release: "
                "known weaknesses cannot be looked up",
            )
        ]
    ends = SUPPORT_ENDS.get(version.series)
    if version.series < min(SUPPORT_ENDS):
        ended = "long ago"
    elif ends is not None and ends < today:
        ended = f"on {ends:%Y-%m-%d}"
    else:
        return []
    return [
        warning(
            "end-of-life",
            f"Asterisk {version.series} has had no security fixes from its makers since it ended "
            f"{ended}; weaknesses found later are not even looked for in it",
            f"plan the move to Asterisk {LONG_TERM_SERIES}"
            + ("; until then install your distribution's fixes" if version.is_packaged else ""),
        )
    ]
