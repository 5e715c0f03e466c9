"""How holds are made and kept, as the configuration says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from balance.holds import SliceTerms
from rtbill.domain.account import Account, AccountState


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """How holds are made and kept."""

    slices: SliceTerms = field(default_factory=SliceTerms)
    warn_s: tuple[int, ...] = (60, 20)
    """Seconds before the end of a call at which who pays is warned."""
    ring_max_s: float = 130.0
    """A hold whose call nobody sees is given up after so long."""
    commit_max_s: float = 2.0
    """A call that has no durable hold by then goes by the policy for a silent rtbill (CC-52)."""
    calls_max: Callable[[AccountState], int] = lambda _state: 0
    """Calls of the account that may be out at once; 0 for any number."""
    is_open: Callable[[Account], bool] = lambda _account: False
    """Whether calls of the account go on when nothing can be held."""
