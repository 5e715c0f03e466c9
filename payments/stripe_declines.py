"""Why Stripe did not charge a card, as classes that say what may be tried next.

The issuer's advice comes first, then its reason: an `advice_code` is given by whoever declined, for
just this question. Codes nobody has listed here are VAGUE, so that they are tried once more and no
oftener, and are remembered, so that somebody adds them.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rtbill.domain.payment import DeclineClass

_ADVICE = {
    "do_not_try_again": DeclineClass.NEVER,
    "confirm_card_data": DeclineClass.CARD,
    "try_again_later": DeclineClass.FAST,
}
_CODES_OF_CLASS = {
    DeclineClass.FAST: """
        try_again_later processing_error issuer_not_available reenter_transaction approve_with_id
    """,
    DeclineClass.SOFT: """
        insufficient_funds withdrawal_count_limit_exceeded card_velocity_exceeded
        withdrawal_count_limit
    """,
    DeclineClass.VAGUE: """
        do_not_honor generic_decline call_issuer no_action_taken card_declined
        service_not_allowed transaction_not_allowed not_permitted security_violation
        duplicate_transaction
    """,
    DeclineClass.ACTION: """
        authentication_required payment_intent_authentication_failure
    """,
    DeclineClass.CARD: """
        expired_card incorrect_number incorrect_cvc incorrect_zip incorrect_address incorrect_pin
        invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year
        invalid_number invalid_pin card_not_supported currency_not_supported
        new_account_information_available pin_try_exceeded testmode_decline live_mode_test_card
        account_closed payment_method_not_available
    """,
    DeclineClass.NEVER: """
        lost_card stolen_card pickup_card restricted_card fraudulent merchant_blacklist
        revocation_of_authorization revocation_of_all_authorizations stop_payment_order
        do_not_try_again
    """,
}
_CLASS_OF_CODE = {
    code: decline for decline, codes in _CODES_OF_CLASS.items() for code in codes.split()
}
_FINAL = (DeclineClass.NEVER, DeclineClass.CARD, DeclineClass.ACTION)
_CODE = re.compile(r"[a-z0-9_]{1,64}")
UNKNOWN_CODES_MAX = 100
OTHERS = "others"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeclineCodes:
    """What an answer says about a decline, each as Stripe writes it; empty where it is silent."""

    advice: str = ""
    decline: str = ""
    code: str = ""

    @property
    def told(self) -> str:
        """The one to be kept and shown: the most precise."""
        return self.decline or self.code or self.advice or "unknown"


def read_codes(error: Mapping[str, Any]) -> DeclineCodes:
    """The codes of an `error` or a `last_payment_error`."""
    return DeclineCodes(
        advice=_read(error.get("advice_code")),
        decline=_read(error.get("decline_code")),
        code=_read(error.get("code")),
    )


def _read(code: object) -> str:
    """The code; `unreadable` for what cannot be one and must not be repeated to people."""
    if code is None or code == "":
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "unreadable"


@dataclass(slots=True)
class DeclineTable:
    """Sorts declines, and remembers the codes that nobody has sorted."""

    unknown_codes: Counter[str] = field(default_factory=Counter)
    """How often each code came that the table lacks; at most UNKNOWN_CODES_MAX, then `others`."""

    def sort(self, codes: DeclineCodes) -> DeclineClass:
        """The class; VAGUE for an unknown code, which is counted and logged at its first."""
        reason = self._of_reason(codes)
        advised = _ADVICE.get(codes.advice)
        if codes.advice and advised is None:
            self._note(codes.advice)
        if advised is DeclineClass.FAST and reason in _FINAL:
            return reason  # advice to be patient brings no stolen card back
        return advised or reason or DeclineClass.VAGUE

    def _of_reason(self, codes: DeclineCodes) -> DeclineClass | None:
        for code in (codes.decline, codes.code):
            if code:
                known = _CLASS_OF_CODE.get(code)
                if known is None:
                    self._note(code)
                return known
        return None

    def _note(self, code: str) -> None:
        if code not in self.unknown_codes and len(self.unknown_codes) >= UNKNOWN_CODES_MAX:
            code = OTHERS
        if code not in self.unknown_codes:
            _logger.warning("Stripe declined with an unknown code", extra={"code": code})
        self.unknown_codes[code] += 1
