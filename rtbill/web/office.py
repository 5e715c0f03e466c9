"""What the resources of the API work with: the same desk that people order from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rtbill.domain.account import DeskLock, Extension
from rtbill.domain.directory import Directory
from rtbill.domain.money import EXPONENTS, Money, decimal_text, parse_micros, too_fine
from rtbill.feed import Feed
from rtbill.live.calls import LiveCalls
from rtbill.ports import Clock, Reader
from rtbill.web.problems import INVALID, Trouble

Order = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class BooksReader(Reader, Feed, Protocol):
    """What reads the books also reads them in the order of posting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Orders go to the desk; reading is of the directory in memory and of committed rows."""

    order: Order
    directory: Directory
    reader: BooksReader
    live: LiveCalls
    desk_locks: Mapping[Extension, DeskLock]
    clock: Clock


def money(micros: int, currency: str) -> str:
    """The exact amount, with as many decimals as the currency has at least."""
    return decimal_text(micros, EXPONENTS.get(currency, 2))


def amount_of(text: str, currency: str, field: str, of_account: str, *, coins: bool) -> int:
    """Micro-units; Trouble when it is not in the account's currency, or finer than its coins."""
    if currency != of_account:
        text = f"the account is kept in {of_account}, not {currency}"
        raise Trouble(INVALID, text, field="currency")
    micros = parse_micros(text)
    if coins and (problem := too_fine(Money(micros, currency))):
        raise Trouble(INVALID, problem, field=field)
    return micros
