"""What an exchange does with a chargeable call about which rtbill does not answer.

It is decided beforehand and pushed as one row for each extension, which the dialplan reads when it
got no answer:

    closed                                  the call is refused
    open                                    it goes through without a bound
    home:europe:other/600:120:0             it may last so many seconds, by the class of its number;
                                            0 refuses it

The seconds of a class are what the account's share of money buys at the class's worst price, as
dear as a site's hook may make it, and no more than those after which some rate of it ends a call,
or may be dearer than the account's own class allows. Locks, emergency and free-phone numbers are no
business of this row: the dialplan asks about them first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from rtbill.credit.stances import STANDARD, Stances
from rtbill.domain.account import Account, AccountKind, AccountState, Extension
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.stance import Unaided
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place
from rtbill.rating.offer import Offer
from rtbill.rating.worst import (
    OTHER,
    Prefixes,
    WorstPrices,
    worst_prices,
    worst_prices_in_steps,
)

CLOSED = "closed"
OPEN = "open"
EXTENSIONS_A_STEP = 25
"""Looked at before others get their turn."""


@dataclass(frozen=True, slots=True)
class UnaidedTerms:
    """What an account class says about calls on which rtbill gave no answer."""

    policy: Unaided | None = None
    """None: closed for prepaid accounts, open for postpaid ones."""
    cap_micros: int = 0
    """What an account may spend so; 0 for all that is available to it."""
    calls: int = 2
    """So many calls at once share it (CC-51)."""
    ceiling_micros: int | None = None
    """Calls that cost more a minute are not let out."""

    def share_micros(self, state: AccountState) -> int | None:
        """What one of the calls may spend; None when there is no bound."""
        if not state.account.is_limited:
            return self.cap_micros // self.calls if self.cap_micros else None
        available = max(0, state.available_micros)
        spendable = min(self.cap_micros, available) if self.cap_micros else available
        return spendable // self.calls


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaidedLimits:
    """Bounds on talk time that hold whatever the money."""

    guard_s: float = 0.5
    call_max_s: int = 14_400
    unrated_s: int = 0
    """For a prepaid call into a class in which no number has a rate; 0 refuses it."""


class UnaidedRows:
    """The rows of all exchanges; reckons anew only what changed."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        assessor: Assessor,
        directory: Directory,
        stances: Stances,
        limits: UnaidedLimits,
        classes: Prefixes,
        terms: Mapping[str, UnaidedTerms],
    ) -> None:
        self._assessor = assessor
        self._directory = directory
        self._stances = stances
        self._limits = limits
        self._classes = classes
        self._names = (*classes, OTHER)
        self._terms = dict(terms)
        self._standard = self._terms.setdefault(STANDARD, UnaidedTerms())
        self._worst: WeakKeyDictionary[Offer, WorstPrices] = WeakKeyDictionary()
        """Gone with the price book that an offer is of."""
        self._rows: dict[tuple[str, str], tuple[object, str]] = {}
        """By account and exchange: what the row was made of, and the row."""

    def rows(self, pbx: str, numbers: Iterable[str], at: datetime) -> dict[str, str]:
        """The row of each of these extensions of the exchange that some account holds."""
        found: dict[str, str] = {}
        for number in numbers:
            membership = self._directory.holder(Extension(pbx, number), at)
            if membership is not None:
                state = self._directory.state(membership.account)
                stance = self._stances.of(pbx, state.account.account_class)
                found[number] = self.row(state, at, pbx) if stance.is_enforcing else OPEN
        return found

    def make_ready(self, pbx: str, numbers: Iterable[str], at: datetime) -> Iterator[None]:
        """Reckon in steps the worst prices that the rows of these extensions need, which takes a
        long time after another tariff.
        """
        for count, number in enumerate(numbers, start=1):
            membership = self._directory.holder(Extension(pbx, number), at)
            if membership is not None and self._needs_prices(pbx, membership.account):
                account = self._directory.account(membership.account)
                for offer in self._offers(account, at, pbx):
                    if offer not in self._worst:
                        hook = self._assessor.offers.hook_bounds
                        made = yield from worst_prices_in_steps(offer, self._classes, hook)
                        self._worst[offer] = made
            if count % EXTENSIONS_A_STEP == 0:
                yield

    def _needs_prices(self, pbx: str, account_id: str) -> bool:
        """Whether the row of the account's extensions there is neither `closed` nor `open`."""
        state = self._directory.state(account_id)
        stance = self._stances.of(pbx, state.account.account_class)
        return stance.is_enforcing and self._plain(state) is None

    def _plain(self, state: AccountState) -> str | None:
        """The row where no prices decide it, `closed` or `open`; None where they do."""
        terms = self._terms_of(state.account)
        if self._policy(state.account, terms) is Unaided.CLOSED:
            return CLOSED
        if terms.share_micros(state) is None and terms.ceiling_micros is None:
            return OPEN
        return None

    def _terms_of(self, account: Account) -> UnaidedTerms:
        return self._terms.get(account.account_class, self._standard)

    def row(self, state: AccountState, at: datetime, pbx: str = "") -> str:
        """What the account's extensions at the exchange may do where its limits are enforced."""
        if (plain := self._plain(state)) is not None:
            return plain
        account = state.account
        terms = self._terms_of(account)
        share = terms.share_micros(state)
        worst = self._prices(account, at, pbx)
        made_of = (account, share, worst)
        known = self._rows.get((account.id, pbx))
        if known is None or known[0] != made_of:
            ceiling = terms.ceiling_micros
            seconds = [
                str(self._seconds(account, name, share, ceiling, worst)) for name in self._names
            ]
            known = (made_of, f"{':'.join(self._names)}/{':'.join(seconds)}")
            self._rows[account.id, pbx] = known
        return known[1]

    def at_risk_micros(self, state: AccountState) -> int:
        """What the account's calls may spend unaided beside all that is held for others: as many at
        once as share it. Nothing where they are refused, or no limit could be passed.
        """
        terms = self._terms_of(state.account)
        if not state.account.is_limited or self._policy(state.account, terms) is Unaided.CLOSED:
            return 0
        return (terms.share_micros(state) or 0) * terms.calls

    def _policy(self, account: Account, terms: UnaidedTerms) -> Unaided:
        if terms.policy is not None:
            return terms.policy
        return Unaided.CLOSED if account.kind is AccountKind.PREPAID else Unaided.OPEN

    def _seconds(
        self,
        account: Account,
        name: str,
        share: int | None,
        ceiling: int | None,
        worst: Sequence[WorstPrices],
    ) -> int:
        """Whole seconds that a call into this class may last."""
        limits = self._limits
        bounds = [each.longest_s(name, limits.call_max_s, ceiling) for each in worst]
        if share is not None:
            bounds += [each.affordable_s(name, share, limits.call_max_s) for each in worst]
        known = [seconds for seconds in bounds if seconds is not None]
        if known:
            return int(max(0.0, min(known) - limits.guard_s))
        if account.kind is AccountKind.POSTPAID:
            return limits.call_max_s  # nor does it end such a call when it is asked
        return limits.unrated_s if share else 0

    def _prices(self, account: Account, at: datetime, pbx: str) -> tuple[WorstPrices, ...]:
        """The worst prices for the account now, by every list that its call might be priced by
        there; none when there is no tariff for it.
        """
        offers = self._offers(account, at, pbx)
        for offer in offers:
            if offer not in self._worst:
                hook = self._assessor.offers.hook_bounds
                self._worst[offer] = worst_prices(offer, self._classes, hook)
        return tuple(self._worst[offer] for offer in offers)

    def _offers(self, account: Account, at: datetime, pbx: str) -> Sequence[Offer]:
        try:
            return self._assessor.offers.possible(account, at, Place(pbx))
        except NoRate:
            return ()
