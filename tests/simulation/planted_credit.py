"""Faults planted into credit control: what other billers do, and what nearly happened here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from balance import holds
from rtbill import consequences
from rtbill.billing import Billing
from rtbill.credit.hold_book import HoldBook
from rtbill.credit.hold_keys import HoldKeys
from rtbill.credit.holding import Holdings
from rtbill.credit.reserving import Reserving
from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import AccountState
from rtbill.domain.events import LinkLost
from rtbill.domain.hold import Hold
from rtbill.domain.rated import Facts
from rtbill.domain.work import Committed
from tests.simulation import biller
from tests.simulation.replacing import instead

_Decide = Callable[[AccountState], Facts]


def hold_after_command() -> AbstractContextManager[None]:
    """The exchange is told of a grant before the hold is durable."""
    original = HoldBook.ask

    def ask(self: HoldBook, account: str, decide: _Decide, *then: Any) -> Any:
        self._follow(Committed(decide(self._directory.state(account)), None))
        return original(self, account, decide, *then)

    return instead(HoldBook, "ask", ask)


def answer_before_commit() -> AbstractContextManager[None]:
    """Who asks is told of a hold that is not durable yet."""
    original = Reserving.reserve

    async def reserve(self: Reserving, account: str, *about: Any) -> Hold | None:
        kept: list[Facts] = []
        ask = self._book.ask

        def noted(account: str, decide: _Decide, *then: Any) -> Any:
            kept.append(decide(self._directory.state(account)))
            return ask(account, decide, *then)

        with instead(self._book, "ask", noted):
            waiting = original(self, account, *about)
            try:
                waiting.send(None)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]  # a Hold or None
            waiting.close()
        (event,) = kept[0].holds or (None,)
        return event.hold if event else None

    return instead(Reserving, "reserve", reserve)


def no_retry_in_the_final_slice() -> AbstractContextManager[None]:
    """Once the last slice is granted, nothing extends the call any more."""
    original = Holdings._extend

    def extend(self: Holdings, running: RunningCall) -> None:
        hold = self._directory.state(running.account).hold(running.hold_key)
        if hold is None or not hold.is_final:
            original(self, running)

    return instead(Holdings, "_extend", extend)


def late_release() -> AbstractContextManager[None]:
    """The debit of a call leaves its hold to be given up as that of a call that nobody sees."""

    def resolved(facts: Facts, *_about: Any) -> Facts:
        return facts

    return instead(consequences, "_resolved", resolved)


def early_release() -> AbstractContextManager[None]:
    """What is held is given back as soon as the link breaks."""
    original = Billing._notice

    def notice(self: Billing, line: Any, event: Any) -> None:
        original(self, line, event)
        if isinstance(event, LinkLost):
            for running in self.control.running():
                self.holdings._book.let_go(running.account, running.hold_key)

    return instead(Billing, "_notice", notice)


def no_guard() -> AbstractContextManager[None]:
    """Calls are cut at the very end of what they paid."""
    return instead(biller, "GUARD_S", 0.0)


def whole_balance_to_each() -> AbstractContextManager[None]:
    """What other calls hold is granted again."""
    available = property(lambda self: self.available_micros)
    return instead(AccountState, "grantable_micros", available)


def held_for_each_question() -> AbstractContextManager[None]:
    """A question that comes twice is held for twice."""
    numbers = count()

    def of_channel(_self: HoldKeys, _state: AccountState, channel: str) -> str:
        return f"{channel}#{next(numbers)}"

    return instead(HoldKeys, "of_channel", of_channel)


def half_of_the_price() -> AbstractContextManager[None]:
    """A grant sets half of its price aside."""
    original = holds._kept

    def kept(state: AccountState, hold: Hold, *about: Any) -> Facts:
        return original(state, hold._replace(micros=hold.micros // 2), *about)

    return instead(holds, "_kept", kept)


FAULTS = (
    hold_after_command,
    answer_before_commit,
    no_retry_in_the_final_slice,
    late_release,
    early_release,
    no_guard,
    whole_balance_to_each,
    held_for_each_question,
    half_of_the_price,
)
