"""Idempotency keys as Stripe's first API keeps them: the first answer for ever, also a 500.

Its second API does failed work again; `keeps_failures` tells which of the two this is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.card_books import ApiError

KEYS_MAX = 200_000


@dataclass(slots=True)
class _Known:
    question: str
    answer: tuple[int, bytes] | None = None
    """None while the call is under way."""


@dataclass(slots=True)
class CardKeys:
    """Answers by key."""

    known: dict[str, _Known] = field(default_factory=dict)
    keeps_failures: bool = True

    def begin(self, key: str, question: str) -> tuple[int, bytes] | None:
        """The first answer where there is one; otherwise the call is now under way. ApiError when
        the key came with other parameters, or its first call has not ended.
        """
        known = self.known.get(key)
        if known is None:
            if len(self.known) >= KEYS_MAX:
                self.known.pop(next(iter(self.known)))
            self.known[key] = _Known(question)
            return None
        if known.question != question:
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}'.",
                type="idempotency_error",
            )
        if known.answer is None:
            raise ApiError(
                409,
                "There is currently another in-progress request using this key.",
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        return known.answer

    def end(self, key: str, status: int, body: bytes) -> None:
        """Keep the answer, unless the call was refused before it began."""
        if key not in self.known:
            return
        is_failure = status >= 500 and not self.keeps_failures
        if is_failure or status in (400, 401, 403, 404, 409, 429):
            del self.known[key]
        else:
            self.known[key].answer = (status, body)

    def forget(self) -> None:
        """As after a day: the next call with any key is a new one."""
        self.known.clear()
