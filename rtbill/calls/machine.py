"""The life of one call as a table: what is not listed is refused."""

from __future__ import annotations

from enum import Enum, auto


class LegState(Enum):
    """What we know of a trunk leg."""

    RINGING = auto()
    TALKING = auto()
    RINGING_UNHEARD = auto()
    """It rang when the link was lost."""
    TALKING_UNHEARD = auto()
    """It talked when the link was lost: suspect, but neither closed nor cut (CC-60)."""
    OVER = auto()


class Sign(Enum):
    """What can be learnt about a leg."""

    STARTED = auto()
    ANSWERED = auto()
    ENDED = auto()
    LINK_LOST = auto()
    SEEN_RINGING = auto()
    SEEN_TALKING = auto()
    GONE = auto()
    """A trustworthy snapshot no longer holds it."""


TRANSITIONS: dict[tuple[LegState | None, Sign], LegState] = {
    (None, Sign.STARTED): LegState.RINGING,
    (None, Sign.ANSWERED): LegState.TALKING,
    (None, Sign.SEEN_RINGING): LegState.RINGING,
    (None, Sign.SEEN_TALKING): LegState.TALKING,
    (LegState.RINGING, Sign.ANSWERED): LegState.TALKING,
    (LegState.RINGING, Sign.ENDED): LegState.OVER,
    (LegState.RINGING, Sign.LINK_LOST): LegState.RINGING_UNHEARD,
    (LegState.RINGING, Sign.SEEN_RINGING): LegState.RINGING,
    (LegState.RINGING, Sign.SEEN_TALKING): LegState.TALKING,
    (LegState.RINGING, Sign.GONE): LegState.OVER,
    (LegState.TALKING, Sign.ENDED): LegState.OVER,
    (LegState.TALKING, Sign.LINK_LOST): LegState.TALKING_UNHEARD,
    (LegState.TALKING, Sign.SEEN_TALKING): LegState.TALKING,
    (LegState.TALKING, Sign.GONE): LegState.OVER,
    (LegState.RINGING_UNHEARD, Sign.SEEN_RINGING): LegState.RINGING,
    (LegState.RINGING_UNHEARD, Sign.SEEN_TALKING): LegState.TALKING,
    (LegState.RINGING_UNHEARD, Sign.ANSWERED): LegState.TALKING,
    (LegState.RINGING_UNHEARD, Sign.ENDED): LegState.OVER,
    (LegState.RINGING_UNHEARD, Sign.GONE): LegState.OVER,
    (LegState.TALKING_UNHEARD, Sign.SEEN_TALKING): LegState.TALKING,
    (LegState.TALKING_UNHEARD, Sign.ENDED): LegState.OVER,
    (LegState.TALKING_UNHEARD, Sign.GONE): LegState.OVER,
}


def after(state: LegState | None, sign: Sign) -> LegState | None:
    """The state that follows, or None when this sign means nothing to a leg in that state."""
    return TRANSITIONS.get((state, sign))
