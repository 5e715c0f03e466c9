"""Money set aside for a call in progress, so that no other call can spend it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.call import CallId


class HoldStep(StrEnum):
    """What happens to a hold; each is kept for ever (CC-04)."""

    OPEN = "open"
    EXTEND = "extend"
    """More, or less, is set aside, for so much talk in all; or it is now known for which leg."""
    POST = "post"
    """The call is over: its price was debited, and nothing is held any more."""
    RELEASE = "release"
    """The call came to nothing that is debited: unanswered, free or in doubt."""
    EXPIRE = "expire"
    """Nobody ever saw the call."""


ENDS = frozenset({HoldStep.POST, HoldStep.RELEASE, HoldStep.EXPIRE})
"""Each hold comes to one of them, once (CC-03)."""


class Hold(NamedTuple):
    """What one call may spend, and how long it may talk for that."""

    key: str
    """`pbx/channel#n`: the channel that asked, and how many of its calls came before; where nobody
    asked `pbx/leg`, or `pbx/leg@account` on one that came to pay it while it talked.
    """
    account: str
    call: CallId | None
    """The trunk leg; None until it is answered."""
    micros: int
    granted_s: int
    """Seconds of talk from the answer on that it pays: absolute, so that a grant repeated changes
    nothing (CC-22).
    """
    opened_at: datetime
    is_final: bool = False
    """There was not enough for the talk that was wanted."""

    @property
    def pbx(self) -> str:
        """The exchange of its call."""
        return self.key.partition("/")[0]


class HoldEvent(NamedTuple):
    """One step of a hold, with what it is afterwards, or was at its end."""

    step: HoldStep
    hold: Hold
    at: datetime
