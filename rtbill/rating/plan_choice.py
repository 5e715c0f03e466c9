"""Which markup and which discounts of a price plan a call has, found in tables.

Each condition of a discount leaves some of all discounts: those of the number's prefix, of the
account, of the exchange, of the instant. Discounts are bits, so what all conditions leave is one
`&` after the other, however many discounts there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from rtbill.domain.price_plan import PricePlan
from rtbill.rating.chain import Asked


class Conditions(NamedTuple):
    """When a discount is due: where all hold that there are."""

    bit: int
    """One for each discount."""
    prefixes: tuple[str, ...]
    """With plus."""
    accounts: frozenset[str]
    pbxs: frozenset[str]
    since: datetime | None
    until: datetime | None


class PlanChoice:
    """The conditions of a plan, made ready for many calls."""

    __slots__ = (
        "_by_account",
        "_by_pbx",
        "_by_prefix",
        "_by_time",
        "_changes_at",
        "_ends",
        "_other_account",
        "_other_pbx",
        "conditions",
        "markups",
    )

    def __init__(self, plan: PricePlan) -> None:
        self.markups = _markups(plan)
        """Place of the markup among those of the plan, by prefix; the general one by none."""
        self.conditions = [
            Conditions(
                1 << index,
                tuple("+" + prefix for prefix in each.prefixes),
                each.accounts,
                each.pbxs,
                each.since,
                each.until,
            )
            for index, each in enumerate(plan.discounts)
        ]
        self._by_prefix = self._choices_by_prefix()
        """Markup and discounts of numbers that have no longer one of these prefixes."""
        self._ends = sorted({len(prefix) + 1 for prefix in self._by_prefix}, reverse=True)
        self._by_account, self._other_account = self._by_name(lambda each: each.accounts)
        self._by_pbx, self._other_pbx = self._by_name(lambda each: each.pbxs)
        bounds = (bound for each in self.conditions for bound in (each.since, each.until))
        self._changes_at = sorted({bound for bound in bounds if bound is not None})
        """Instants at which some discount begins or ends."""
        self._by_time = self._discounts_by_time()
        """Those before the first change, then those from each change on."""

    def of(self, asked: Asked) -> tuple[int, int]:
        """The place of the markup of a call to a number with plus, -1 for none; and the discounts
        that are due, a bit for each.
        """
        number, answered_at, account, pbx = asked
        by_prefix = self._by_prefix
        found = None
        for end in self._ends:
            found = by_prefix.get(number[1:end])
            if found is not None:
                break
        assert found is not None, "the last is that of no prefix, which every number has"
        markup, due = found
        if due:
            due &= self._by_account.get(account, self._other_account)
            due &= self._by_pbx.get(pbx, self._other_pbx)
            due &= self._by_time[bisect_right(self._changes_at, answered_at)]
        return markup, due

    def _choices_by_prefix(self) -> dict[str, tuple[int, int]]:
        named = {prefix[1:] for each in self.conditions for prefix in each.prefixes}
        return {
            prefix: (
                self._markup(prefix),
                self._bits(
                    each
                    for each in self.conditions
                    if not each.prefixes or f"+{prefix}".startswith(each.prefixes)
                ),
            )
            for prefix in {"", *self.markups, *named}
        }

    def _markup(self, prefix: str) -> int:
        """Of the longest of the markups' prefixes that this one begins with."""
        heads = (prefix[:end] for end in range(len(prefix), -1, -1))
        return next((self.markups[head] for head in heads if head in self.markups), -1)

    def _by_name(
        self, names: Callable[[Conditions], frozenset[str]]
    ) -> tuple[Mapping[str, int], int]:
        """The discounts of everyone who is named in one, and those of all others."""
        named = {name for each in self.conditions for name in names(each)}
        others = self._bits(each for each in self.conditions if not names(each))
        return {
            name: others | self._bits(each for each in self.conditions if name in names(each))
            for name in named
        }, others

    def _discounts_by_time(self) -> list[int]:
        """Before all changes nothing holds that has a beginning."""
        found = [self._bits(each for each in self.conditions if each.since is None)]
        for at in self._changes_at:
            begun = [each for each in self.conditions if each.since is None or each.since <= at]
            found.append(
                self._bits(each for each in begun if each.until is None or at < each.until)
            )
        return found

    @staticmethod
    def _bits(conditions: Iterable[Conditions]) -> int:
        return sum(each.bit for each in conditions)


def _markups(plan: PricePlan) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, markup in enumerate(plan.markups):
        for prefix in markup.prefixes or ("",):
            found.setdefault(prefix, index)
    return found
