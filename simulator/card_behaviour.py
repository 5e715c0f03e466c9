"""Test cards: what becomes of a charge is written on the card.

The last four digits are those of Stripe's own test cards, where it has one for the purpose.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How one card answers when it is charged."""

    last4: str = "4242"
    brand: str = "visa"
    text: str = "pays"
    """On the page where a card is chosen."""
    decline: str = ""
    """The decline code; empty where it pays."""
    code: str = "card_declined"
    """The error code that goes with it."""
    advice: str = ""
    """The issuer's advice code."""
    message: str = ""
    """What is said about a decline; empty for plain words."""
    needs_holder: bool = False
    """Off-session it is declined with authentication_required; on-session there is a page."""
    is_slow: bool = False
    """Stays in processing until somebody finishes it."""
    dispute: str = ""
    """`fraudulent` or `inquiry`: it is disputed as soon as it has paid."""
    fails_set_up: bool = False
    """The page refuses it, so that it is never kept."""


def _declined(last4: str, decline: str, code: str = "card_declined", advice: str = "") -> Behaviour:
    text = decline.replace("_", " ")
    return Behaviour(last4=last4, text=text, decline=decline, code=code, advice=advice)


CARDS = {
    "visa": Behaviour(),
    "mastercard": Behaviour(last4="4444", brand="mastercard"),
    "generic_decline": _declined("0341", "generic_decline"),
    "do_not_honor": _declined("0342", "do_not_honor"),
    "insufficient_funds": _declined("9995", "insufficient_funds"),
    "processing_error": _declined("0119", "processing_error", "processing_error"),
    "try_again_later": _declined("0120", "generic_decline", advice="try_again_later"),
    "card_velocity_exceeded": _declined("6975", "card_velocity_exceeded"),
    "expired_card": _declined("0069", "expired_card", "expired_card"),
    "confirm_card_data": _declined("0070", "generic_decline", advice="confirm_card_data"),
    "lost_card": _declined("9987", "lost_card"),
    "stolen_card": _declined("9979", "stolen_card"),
    "fraudulent": _declined("0019", "fraudulent"),
    "do_not_try_again": _declined("0020", "generic_decline", advice="do_not_try_again"),
    "unheard_of": _declined("0021", "invented_by_the_simulator"),
    "authentication_required": Behaviour(
        last4="3184", text="asks the holder", needs_holder=True, code="authentication_required"
    ),
    "slow": Behaviour(last4="0077", text="pays later", is_slow=True),
    "disputed": Behaviour(last4="0259", text="pays and is disputed", dispute="fraudulent"),
    "inquiry": Behaviour(last4="1976", text="pays and is asked about", dispute="inquiry"),
    "refused_at_set_up": Behaviour(last4="0002", text="is refused here", fails_set_up=True),
}
"""By name; the control endpoint and the set-up page know them by it."""


def behaviour(name: str) -> Behaviour:
    """The card of that name; ValueError names those there are."""
    if name not in CARDS:
        raise ValueError(f"there is no test card {name!r}; use one of {', '.join(CARDS)}")
    return CARDS[name]
