"""The part of the store in memory about bundles: who holds them, what is drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Bundle, Draw, GivenAllowance, PoolKey, Pools, PostedDraw, Renewal
from rtbill.domain.call import epoch_us
from rtbill.domain.changes import AddBundle, EndAllowance, GiveAllowance
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.domain.rated import Facts, RatedCall
from rtbill.storage.checks import check_ended, check_given, check_version


class MemoryBundles:
    """Bundles for the accounts and calls of a store, which are handed in and stay its own."""

    def __init__(
        self, accounts: Mapping[str, AccountState], calls: Mapping[str, RatedCall]
    ) -> None:
        self._accounts = accounts
        self._calls = calls
        self.bundles: list[Bundle] = []
        self.given: dict[str, GivenAllowance] = {}
        self.used: dict[PoolKey, int] = {}
        self.posted: list[PostedDraw] = []

    def change(self, change: AddBundle | GiveAllowance | EndAllowance) -> None:
        """As the store does."""
        match change:
            case AddBundle():
                self._add(change)
            case GiveAllowance():
                self._give(change)
            case EndAllowance():
                self._end(change)

    def _add(self, change: AddBundle) -> None:
        """A higher version than those before."""
        name = change.bundle.name
        known = [each.version for each in self.bundles if each.name == name]
        check_version("bundle", name, change.bundle.version, max(known, default=None))
        self.bundles.append(change.bundle)

    def _give(self, change: GiveAllowance) -> None:
        """Once for each key."""
        allowance = change.allowance
        if allowance.key in self.given:
            raise Conflict(f"allowance {allowance.key} was given before")
        for account in allowance.accounts:
            if account not in self._accounts:
                raise UnknownAccount(f"there is no account {account}")
        bundle = self._bundle(allowance.bundle, allowance.version)
        currencies = {each: self._accounts[each].account.currency for each in allowance.accounts}
        check_given(allowance, bundle.currency if bundle else None, currencies)
        self.given[allowance.key] = GivenAllowance(allowance, change.at, change.reason)

    def _end(self, change: EndAllowance) -> None:
        """Earlier than it would have."""
        given = self.given.get(change.key)
        if given is None:
            raise Refused(f"there is no allowance {change.key!r}")
        until = max(change.until, given.allowance.since)
        ends = given.allowance.until
        check_ended(change.key, epoch_us(until), None if ends is None else epoch_us(ends))
        ended = replace(given.allowance, until=until)
        self.given[change.key] = replace(given, allowance=ended)

    def _bundle(self, name: str, version: int) -> Bundle | None:
        found = [each for each in self.bundles if (each.name, each.version) == (name, version)]
        return found[0] if found else None

    def of(self, pool: PoolKey) -> Bundle:
        """What the pool is of."""
        assert pool.allowance in self.given, "drawn from what nobody was given"
        allowance = self.given[pool.allowance].allowance
        bundle = self._bundle(allowance.bundle, allowance.version)
        assert bundle is not None
        return bundle

    def draw(self, facts: Facts, at: datetime) -> None:
        """What the facts take and give back."""
        after = {pool: self.used.get(pool, 0) + each for pool, each in facts.drawn.items()}
        for pool, used in after.items():
            assert 0 <= used <= self.of(pool).amount, "more than a bundle holds cannot be used"
        self.used |= after
        if facts.call is not None:
            self._post(str(facts.call.record.id), facts.call.draws, at)
        for each in facts.repriced:
            back = [draw._replace(amount=-draw.amount) for draw in each.given_back]
            self._post(each.call.key, (*back, *each.taken), at)

    def _post(self, call: str, draws: Sequence[Draw], at: datetime) -> None:
        self.posted += [PostedDraw(call, draw, at) for draw in draws]

    def held(self, call: str) -> tuple[Draw, ...]:
        """What the call holds now, in the order of use."""
        held: dict[PoolKey, Draw] = {}
        for each in self.posted:
            if each.call == call:
                draw = each.draw
                before = held.pop(draw.pool, None)
                held[draw.pool] = draw._replace(
                    amount=draw.amount + (before.amount if before else 0)
                )
        return tuple(draw for draw in held.values() if draw.amount)

    def account_of(self, posted: PostedDraw) -> str:
        """Whose call it was."""
        return self._calls[posted.call].account


class BundlesReader:
    """The part of ports.Reader about bundles."""

    _bundles: MemoryBundles

    async def bundles(self) -> Sequence[Bundle]:
        """Every version, by name."""
        return sorted(self._bundles.bundles, key=lambda bundle: (bundle.name, bundle.version))

    async def allowances(self) -> Sequence[GivenAllowance]:
        """By key."""
        return [self._bundles.given[key] for key in sorted(self._bundles.given)]

    async def recent_pools(self, since: datetime) -> Pools:
        """Of periods that begin then or later, or that have no end."""
        return {
            pool: used
            for pool, used in self._bundles.used.items()
            if pool.period_us >= epoch_us(since) or self._bundles.of(pool).renewal is Renewal.NEVER
        }

    async def pools(self, keys: Sequence[PoolKey]) -> Pools:
        """What is used of these."""
        return {key: self._bundles.used[key] for key in keys if key in self._bundles.used}

    async def draws(
        self, account: str, since: datetime | None, until: datetime | None
    ) -> Sequence[PostedDraw]:
        """In order."""
        return [
            posted
            for posted in self._bundles.posted
            if self._bundles.account_of(posted) == account
            and (since is None or posted.posted_at >= since)
            and (until is None or posted.posted_at < until)
        ]
