"""A second opinion on bundles in the books: the slow way, in plain lists, with nothing of ours.

Every number costs so much a second, by the second. Minutes go before money, then whose rest is lost
first, then the key.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PER_SECOND = 10_000
FOREVER = 10**18


@dataclass
class Gift:
    """An allowance of seconds or micro-units, from and until so many seconds after noon."""

    key: str
    is_money: bool
    amount: int
    step: int
    accounts: tuple[str, ...]
    since: int
    until: int = FOREVER
    used: int = 0


@dataclass
class Call:
    """Answered so many seconds after noon."""

    leg: str
    account: str
    answered: int
    talk: int
    price: int = 0
    took: dict[str, int] = field(default_factory=dict)
    is_invoiced: bool = False

    @property
    def owed(self) -> int:
        """What the account pays itself."""
        return self.price - sum(self.took[key] for key in self.took if key.startswith("money"))


class Model:
    """What should be in the books."""

    def __init__(self) -> None:
        self.gifts: dict[str, Gift] = {}
        self.calls: list[Call] = []

    def bill(self, call: Call) -> None:
        """One call, after those before it."""
        self._take(call)
        self.calls.append(call)

    def rerate(self) -> None:
        """All calls again, account by account, by their answers."""
        for call in sorted(self.calls, key=lambda each: (each.account, each.answered)):
            if call.is_invoiced:
                continue  # the price of a second never changes here
            before, owed, price = dict(call.took), call.owed, call.price
            self._give_back(call)
            self._take(call)
            if (call.owed, call.price) == (owed, price):
                self._give_back(call)
                call.took = before
                for key, amount in before.items():
                    self.gifts[key].used += amount

    def owed(self, account: str) -> int:
        """By all calls of the account."""
        return sum(call.owed for call in self.calls if call.account == account)

    def _give_back(self, call: Call) -> None:
        for key, amount in call.took.items():
            self.gifts[key].used -= amount
        call.took = {}

    def _take(self, call: Call) -> None:
        gifts = [
            gift
            for gift in self.gifts.values()
            if call.account in gift.accounts and gift.since <= call.answered < gift.until
        ]
        gifts.sort(key=lambda gift: (gift.is_money, gift.until, gift.key))
        left = call.talk
        for gift in gifts:
            if not gift.is_money:
                taken = 0
                while left > 0 and gift.used + gift.step <= gift.amount:
                    gift.used += gift.step
                    taken += gift.step
                    left -= gift.step
                if taken:
                    call.took[gift.key] = taken
        call.price = max(0, left) * PER_SECOND
        due = call.price
        for gift in gifts:
            if gift.is_money:
                taken = min(due, gift.amount - gift.used)
                if taken:
                    gift.used += taken
                    due -= taken
                    call.took[gift.key] = taken
