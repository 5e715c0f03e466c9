"""Who pays a call. Asked in this order, the first that says something counts: the code or PIN that
was entered, the extension, the trunk group by which the call came in; else the house or suspense.

All of them are dated: what held at the answer counts (CA-08).
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from rtbill.domain.account import HOUSE, SUSPENSE, Extension
from rtbill.domain.directory import Directory
from rtbill.domain.origin import NO_ORIGIN, PIN_MARK, Origin
from rtbill.domain.payer_key import Binding, KeyKind, PayerKey, WrongCode, key_of_code

WRONG_PIN = f"{PIN_MARK}wrong"


class FoundBy(Enum):
    """What named the payer."""

    CODE = auto()
    EXTENSION = auto()
    TRUNK = auto()
    NOTHING = auto()


class Payer(NamedTuple):
    """The account that pays, and the person who called where a key or a membership names one."""

    account: str
    person: str | None = None
    found_by: FoundBy = FoundBy.NOTHING
    is_code_wrong: bool = False
    """A code was entered that belonged to nobody then."""


class Payers:
    """Answers from the directory as it now stands."""

    def __init__(self, directory: Directory, wrong_code: WrongCode = WrongCode.DENY) -> None:
        self._directory = directory
        self.wrong_code = wrong_code

    def of(
        self, pbx: str, extension: str | None, at: datetime, origin: Origin = NO_ORIGIN
    ) -> Payer:
        """Who pays a call that was answered at this instant."""
        if not origin.code:
            return self._without_code(pbx, extension, at, origin, is_code_wrong=False)
        found = self._directory.bound(key_of_code(origin.code), at)
        if found is not None:
            return Payer(found.account, found.person, FoundBy.CODE)
        if self.wrong_code is WrongCode.PRIVATE:
            return self._without_code(pbx, extension, at, origin, is_code_wrong=True)
        return Payer(SUSPENSE, is_code_wrong=True)

    def _without_code(
        self, pbx: str, extension: str | None, at: datetime, origin: Origin, *, is_code_wrong: bool
    ) -> Payer:
        found: Binding | None = None
        if extension is not None:
            held = self._directory.holder(Extension(pbx, extension), at)
            if held is not None:
                return Payer(held.account, held.person, FoundBy.EXTENSION, is_code_wrong)
        if origin.in_trunk:
            key = PayerKey(KeyKind.TRUNK, origin.in_trunk, pbx)
            found = self._directory.bound(key, at)
        if found is not None:
            return Payer(found.account, found.person, FoundBy.TRUNK, is_code_wrong)
        return Payer(SUSPENSE if extension is None else HOUSE, is_code_wrong=is_code_wrong)


def shown(origin: Origin, payer: Payer) -> Origin:
    """As the books keep it: a PIN leaves nothing behind but whose it was."""
    if not origin.code.startswith(PIN_MARK):
        return origin
    return origin._replace(code=WRONG_PIN if payer.is_code_wrong else PIN_MARK + payer.account)
