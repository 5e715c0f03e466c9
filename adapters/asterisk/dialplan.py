"""What the composition root tells of an exchange so that its dialplan can be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.asterisk.number_patterns import Dialling
from adapters.asterisk.settings import Trunk

PLAIN = "plain"
REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Question:
    """Where the dialplan asks before it dials."""

    url: str
    token: str = field(repr=False)
    ca_file: str | None = None
    """On the exchange: the authority of our certificate; None: the system's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialplan:
    """One exchange as its generated files need it; every text is safe in a dialplan."""

    name: str
    flavour: str
    """`plain`, `freepbx16` or `freepbx17`."""
    trunks: tuple[Trunk, ...]
    dial: tuple[str, ...]
    """Dial strings of the trunks in the order of trying, `%s` for the number; empty for FreePBX,
    which dials its trunks itself."""
    outside_prefix: str
    extensions: tuple[str, ...]
    """Patterns, `x` for any digit."""
    devices: Mapping[str, str]
    phone_dial: str
    ring_s: int
    trunk_ring_s: int
    ring_options: str
    trunk_options: str
    voicemail_context: str
    dialling: Dialling
    emergency: Mapping[str, str]
    """Every way to dial an emergency number, and the number itself."""
    free_prefixes: tuple[str, ...]
    """E.164 digits."""
    free_numbers: tuple[str, ...]
    """Free numbers as dialled."""
    classes: Mapping[str, tuple[str, ...]]
    is_enforcing: bool
    """False where rtbill only looks on: then a call that nobody pays goes out too."""
    forwarded: str
    transferred: str
    groups: str
    incoming: str
    unaided: str
    """What holds for extensions of which nothing was pushed: `open`, `closed` or `any/600`."""
    question: Question | None
    ami_user: str
    ami_secret: str = field(repr=False)
    pin_secret: str = field(default="", repr=False)
    """What PINs are mixed with; empty: the site has none."""
    permit: tuple[str, ...]
    """Networks from which rtbill signs in."""
