"""What the composition root tells the Asterisk adapter: where the exchange is and which channels
are trunks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.asterisk.inspection.expected_files import Expected
from adapters.line import LinkSettings
from adapters.tls import Tls
from rtbill.domain.errors import ConfigError

_MATCHER = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.@:+/-]*\Z")


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk group: its name in the books, and how the names of its channels begin."""

    group: str
    matchers: tuple[str, ...]
    """`PJSIP/carrier-`, `SIP/`, `IAX2/`, `DAHDI/`; a star at the end may be written and means the
    same.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskSettings:
    """One exchange and the AMI user we are there."""

    name: str
    host: str
    port: int = 5038
    user: str
    secret: str = field(repr=False)
    trunks: tuple[Trunk, ...]
    tls: Tls | None = None
    link: LinkSettings = field(default_factory=LinkSettings)
    booted_timeout_s: float = 60.0
    """How long FullyBooted may take after the sign-in."""
    list_timeout_s: float = 30.0
    """How long a list reply may take; a busy exchange has thousands of channels."""
    snapshot_every_s: float = 60.0
    alive_every_s: float = 10.0
    """How often the dead-man key is written; the dialplan calls 30 s stale."""
    expected: Expected = field(default_factory=Expected)
    """What an inspection shall find as the exchange's dialplan."""

    def __post_init__(self) -> None:
        problems = matcher_problems(self.trunks)
        if problems:
            raise ConfigError([f"pbx {self.name}: {problem}" for problem in problems])


def matcher_problems(trunks: Sequence[Trunk]) -> list[str]:
    """What is wrong with the matchers, one sentence each; empty when all is well."""
    problems = [] if trunks else ["no trunks; name at least one, such as PJSIP/carrier-"]
    for trunk in trunks:
        if not trunk.matchers:
            problems.append(f"trunk {trunk.group} has no channel matcher, such as PJSIP/carrier-")
        problems += [
            f"trunk {trunk.group}: {matcher!r} is not how a channel name begins, "
            "such as PJSIP/carrier-"
            for matcher in trunk.matchers
            if not _MATCHER.match(matcher.removesuffix("*"))
        ]
    return problems


def prefixes(trunks: Sequence[Trunk]) -> dict[str, str]:
    """Trunk group by the beginning of the channel name, longest first, so that the closest match
    wins.
    """
    pairs = [
        (matcher.removesuffix("*"), trunk.group) for trunk in trunks for matcher in trunk.matchers
    ]
    return dict(sorted(pairs, key=lambda pair: -len(pair[0])))
