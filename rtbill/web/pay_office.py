"""What the pay pages work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rtbill.domain.replenishment import PayLink
from rtbill.ports import Clock
from rtbill.web.pay_mandates import Mandates

Order = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Carries out an order of the desk, and `pay.look` for a top-up that its holder waits for."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Where an account's holder is written to, and in which language; empty: nobody knows."""

    email: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOffice:
    """The desk, and what of the site holders see."""

    order: Order
    look: Callable[[str], Awaitable[PayLink]]
    """What a link is for; Refused when it is not good."""
    holder: Callable[[str], Awaitable[Holder]]
    offers: tuple[str, ...]
    """Gateways on whose pages a card can be given."""
    has_cashless: bool
    """There are cashless cards, which only the desk takes down: whoever types a name need not own
    the card.
    """
    mandates: Mandates
    site: str
    url: str
    """Of the pages, without a slash at its end."""
    amount_min_micros: int
    amount_max_micros: int
    trusted_proxy: str
    clock: Clock

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the pages over TLS."""
        return self.url.startswith("https:")
