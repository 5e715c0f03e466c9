"""Why a call is not dialled: the words that exchange and operator are told, and what they mean."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A stable word of `[a-z-]`. A caller may hear what stands here, and no more."""

    LOCKED = "locked"
    """A person locked the extension by hand: "This telephone is barred; please ask at the desk"."""
    BALANCE = "balance"
    """The account's money is gone or does not pay one increment: "Your credit does not suffice"."""
    UNRATED = "unrated"
    """Nobody knows what the call would cost: "This number cannot be called from here"."""
    DEAR = "dear"
    """A minute costs more than the account's class may pay: "Calls so dear are barred here"."""
    UNKNOWN_PAYER = "unknown-payer"
    """The exchange did not say who pays: "This call is not possible from here"."""
    MALFORMED = "malformed"
    """What was dialled, or how it was asked, is no call: "This is not a telephone number"."""
    WRONG_CODE = "wrong-code"
    """The code that was entered belongs to nobody, or too many wrong ones were: "This code is not
    known"."""
    SILENT = "silent"
    """Said by the exchange alone: rtbill was silent, and its policy then is to refuse."""
